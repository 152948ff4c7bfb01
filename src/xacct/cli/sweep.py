"""``xacct sweep``: the removal of grants that have expired."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from cyclopts import Parameter

from xacct import grants_in, sweep
from xacct.cli.exit_codes import CHANGES, FINE
from xacct.cli.options import Profile, Region, Yes
from xacct.cli.sessions import open_session
from xacct.cli.terminal import changes_shown, confirm, print_text, say

__all__ = ["command"]


def command(
    *,
    profile: Profile = None,
    region: Region = None,
    dry_run: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    yes: Yes = False,
) -> int:
    """Remove the grants of an account that have expired.

    Run it in each account, for example once a day. IAM denies access from the end on, even if it is never run.

    Example: xacct sweep --profile production --yes

    Args:
        dry_run: List what would be removed, and remove nothing; the exit code is 3 if there is anything.
    """
    session, now = open_session(profile, region), datetime.now(timezone.utc)
    expired = [record for record in grants_in(session) if record.is_expired(now)]
    if not expired:
        say("No grant of the account has expired.")
        return FINE
    for record in expired:
        (print_text if dry_run else say)(f"{record.name}: {record.arn}, expired {record.expires:%Y-%m-%d %H:%M} UTC")
    if dry_run:
        return CHANGES
    confirm("Remove these", yes=yes)
    with changes_shown(len(expired)) as watch:
        for change in sweep(session, now, on_event=watch):
            print_text(str(change))
    return FINE
