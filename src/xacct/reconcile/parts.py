"""The parts of a plan that fail or succeed alone."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from xacct.grants import DevAccessGrant, TrustGrant
from xacct.reconcile.observation import ObservedGrants

__all__ = ["Grant", "Part", "merged", "parts_of"]

Grant = TrustGrant | DevAccessGrant


@frozen(kw_only=True)
class Part:
    """Grants that belong together, and their resources. With ``on_error="collect"``, a part fails or succeeds alone."""

    grants: tuple[Grant, ...]
    observed: ObservedGrants

    @property
    def name(self) -> str:
        """The names of the grants."""
        return ", ".join(dict.fromkeys(grant.name for grant in self.grants))


def merged(parts: Sequence[Part]) -> Part:
    """Return all parts as one."""
    return Part(
        grants=tuple(grant for part in parts for grant in part.grants),
        observed=ObservedGrants(
            roles=tuple(o for part in parts for o in part.observed.roles),
            policies=tuple(o for part in parts for o in part.observed.policies),
            users=tuple(o for part in parts for o in part.observed.users),
        ),
    )


def parts_of(grants: Sequence[Grant], observed: ObservedGrants) -> list[Part]:
    """Return the groups of grants that are linked: a policy and the roles that it allows assuming, or a shared user."""
    groups: list[list[Grant]] = []
    for grant in grants:
        linked = [group for group in groups if any(_are_linked(grant, other) for other in group)]
        groups = [group for group in groups if group not in linked]
        groups.append([*(other for group in linked for other in group), grant])
    return [Part(grants=tuple(group), observed=_observed_of(group, observed)) for group in groups]


def _are_linked(one: Grant, other: Grant) -> bool:
    if isinstance(one, TrustGrant):
        return isinstance(other, DevAccessGrant) and one.role_arn in other.role_arns
    if isinstance(other, TrustGrant):
        return other.role_arn in one.role_arns
    return (
        one.console_user is not None
        and other.console_user is not None
        and one.console_user.name == other.console_user.name
    )


def _observed_of(grants: Sequence[Grant], observed: ObservedGrants) -> ObservedGrants:
    keys = {(type(grant), grant.account, grant.name) for grant in grants}

    def belongs(resource: object) -> bool:
        grant = getattr(resource, "grant", None)
        return isinstance(grant, (TrustGrant, DevAccessGrant)) and (type(grant), grant.account, grant.name) in keys

    return ObservedGrants(
        roles=tuple(o for o in observed.roles if belongs(o.resource)),
        policies=tuple(o for o in observed.policies if belongs(o.resource)),
        users=tuple(o for o in observed.users if belongs(o.resource)),
    )
