"""``xacct what-can``: the roles that a principal gets to, and what it can do with them."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from xacct import what_can
from xacct.cli.snapshot_sources import Dump, Sources, read_accounts
from xacct.cli.way_output import WayFormat, print_ways

__all__ = ["command"]


def command(
    principal: str,
    /,
    *dump: Dump,
    sources: Sources | None = None,
    action: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    format: WayFormat = "table",
) -> int:
    """Show the roles that a user or a role can assume, directly or through others.

    The exit code is 0 also if there are none, and 1 if an account could not be read.

    Example: xacct what-can arn:aws:iam::222222222222:user/dev --profile production --profile development

    Args:
        principal: The ARN of the user or the role.
        action: An action that is tried on every resource whose resource policy was read. Repeat for several.
        format: How to print the ways.
    """
    accounts = read_accounts(dump, sources or Sources())
    ways = what_can(principal, accounts.snapshots, actions=action, organization=accounts.organization)
    return print_ways(ways, accounts, format, none=f"{principal} gets nowhere, by the policies that were read.")
