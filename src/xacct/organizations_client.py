"""The client of AWS Organizations, and what its API calls the two kinds of control policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

if TYPE_CHECKING:
    import boto3

__all__ = [
    "CONTROL_POLICY_FILTERS",
    "CONTROL_POLICY_TITLES",
    "FULL_ACCESS_RCP",
    "ControlLayer",
    "Listing",
    "OrganizationsClient",
    "organizations_client",
]

ControlLayer = Literal["scp", "rcp"]

CONTROL_POLICY_TITLES: Mapping[ControlLayer, str] = {
    "scp": "service control policies",
    "rcp": "resource control policies",
}
CONTROL_POLICY_FILTERS: Mapping[ControlLayer, str] = {
    "scp": "SERVICE_CONTROL_POLICY",
    "rcp": "RESOURCE_CONTROL_POLICY",
}
FULL_ACCESS_RCP = "p-RCPFullAWSAccess"
"""The ID of the RCP that is always attached and allows everything. xacct.authz expects that it is left out.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_evaluation.html
"""

Listing = Literal[
    "list_accounts",
    "list_accounts_for_parent",
    "list_organizational_units_for_parent",
    "list_policies",
    "list_roots",
    "list_tags_for_resource",
    "list_targets_for_policy",
]


class _Paginator(Protocol):
    def paginate(self, **options: str) -> Iterable[Mapping[str, Sequence[Mapping[str, str]]]]: ...


class OrganizationsClient(Protocol):
    """The calls to AWS Organizations that xacct makes. The type stubs of this service are not a dependency."""

    def describe_organization(self) -> dict[str, dict[str, Any]]:
        """Describe the organization of the caller's account."""
        ...

    def list_policies_for_target(self, *, TargetId: str, Filter: str) -> dict[str, Any]:  # noqa: N803
        """List the policies of a kind that are attached to a root, a unit or an account."""
        ...

    def describe_policy(self, *, PolicyId: str) -> dict[str, Any]:  # noqa: N803
        """Return a policy with its content."""
        ...

    def list_parents(self, *, ChildId: str) -> dict[str, Any]:  # noqa: N803
        """Return the unit or root that is directly above an account or a unit."""
        ...

    def get_paginator(self, operation: Listing, /) -> _Paginator:
        """Return what lists everything, page by page."""
        ...


def organizations_client(session: boto3.Session) -> OrganizationsClient:
    """Return the client of a session."""
    return cast(OrganizationsClient, session.client("organizations"))
