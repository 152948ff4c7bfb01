"""``xacct list``: the grants of an account."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Literal

from xacct import GrantRecord, grants_in
from xacct.cli.exit_codes import FINE
from xacct.cli.options import Profile, Region
from xacct.cli.sessions import open_session
from xacct.cli.terminal import print_json, print_table, say

__all__ = ["command"]

_HEAD = ("name", "side", "other account", "role or policy", "console user", "expires", "state")


def command(
    *,
    profile: Profile = None,
    region: Region = None,
    format: Literal["table", "json"] = "table",
) -> int:
    """List the grants of an account.

    Lists what xacct created in the account, on either side: roles that trust
    others, and policies that allow assuming roles elsewhere.

    Example: xacct list --profile production

    Args:
        format: How to print the list.
    """
    records = grants_in(open_session(profile, region))
    if format == "json":
        print_json([record.to_dict() for record in records])
    elif records:
        print_table(_HEAD, [_row(record, datetime.now(timezone.utc)) for record in records])
    else:
        say("The account has no grants of xacct.")
    return FINE


def _row(record: GrantRecord, now: datetime) -> tuple[str, ...]:
    state = "; ".join(record.incomplete) or "complete"
    return (
        record.name,
        record.side,
        ", ".join(record.other_accounts),
        record.arn,
        record.console_user or "-",
        "never" if record.expires is None else f"{record.expires:%Y-%m-%d %H:%M} UTC",
        f"expired; {state}" if record.is_expired(now) else state,
    )
