"""``xacct who-can``: everybody who can do an action on a resource."""

from __future__ import annotations

from xacct import who_can
from xacct.cli.snapshot_sources import Dump, Sources, read_accounts
from xacct.cli.way_output import WayFormat, print_ways

__all__ = ["command"]


def command(
    action: str,
    resource: str,
    /,
    *dump: Dump,
    sources: Sources | None = None,
    resource_account: str | None = None,
    format: WayFormat = "table",
) -> int:
    """Show everybody who can do an action on a resource, with the roles that they assume first.

    The exit code is 0 also if nobody can, and 1 if an account could not be read.

    Example: xacct who-can s3:GetObject 'arn:aws:s3:::reports/*' --profile production --services s3

    Args:
        action: The action, such as s3:GetObject or sts:AssumeRole.
        resource: The resource's ARN.
        resource_account: The account that owns the resource, if neither its ARN nor its resource policy tells it.
        format: How to print the ways.
    """
    accounts = read_accounts(dump, sources or Sources())
    ways = who_can(
        action,
        resource,
        accounts.snapshots,
        organization=accounts.organization,
        resource_account=resource_account or "",
    )
    none = f"Nobody can {action} on {resource}, by the policies that were read."
    return print_ways(ways, accounts, format, none=none)
