"""``xacct whoami``: whose credentials are used."""

from __future__ import annotations

from typing import Literal

from xacct.cli.exit_codes import FINE
from xacct.cli.options import Profile, Region
from xacct.cli.sessions import open_session
from xacct.cli.terminal import print_json, print_text
from xacct.grant_account import connect_one

__all__ = ["command"]


def command(
    *,
    profile: Profile = None,
    region: Region = None,
    format: Literal["table", "json"] = "table",
) -> int:
    """Show whose credentials are used.

    Example: xacct whoami --profile production

    Args:
        format: How to print it.
    """
    session = open_session(profile, region)
    account = connect_one(session, "profile")
    found = {
        "account": account.id,
        "arn": str(account.caller),
        "partition": account.partition,
        "region": session.region_name,
        "profile": session.profile_name,
    }
    if format == "json":
        print_json(found)
    else:
        print_text("\n".join(f"{title:<10} {value}" for title, value in found.items()))
    return FINE
