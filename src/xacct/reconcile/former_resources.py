"""Reads of the resources that a grant had before, and that it declares no more: renamed or dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve

from xacct.arn import Arn
from xacct.console_user import ConsoleUser
from xacct.linter import documents_of_aws
from xacct.reconcile.observation import Observation, observe
from xacct.resources.account_listing import AccountListing, list_details
from xacct.resources.managed_policy import ManagedPolicy, ManagedPolicyState
from xacct.resources.ownership_tags import identity_in, is_managed, tags_from_list, user_records
from xacct.resources.passwords import Passwords
from xacct.resources.resource import Purpose
from xacct.resources.role import Role, RoleState
from xacct.resources.user import User, UserState

__all__ = ["dropped_users", "renamed_policies", "renamed_roles"]


def dropped_users(
    policies: Sequence[Observation[ManagedPolicyState]], users: Sequence[User], passwords: Passwords, purpose: Purpose
) -> list[Observation[UserState]]:
    """Read the console users that have a grant's policy and that the grant does not declare any more."""
    declared = {user.user.name for user in users}
    candidates = [
        User.of(policy, ConsoleUser(name), passwords)
        for observation in policies
        if isinstance(policy := observation.resource, ManagedPolicy)
        for name in policy.undeclared_users(observation.state)
        if name not in declared
    ]
    return [
        evolve(observation, unwanted=True)
        for candidate, observation in zip(candidates, observe(candidates, "drift" if purpose == "plan" else purpose))
        if observation.state is not None
        and is_managed(observation.state.tags)
        and any(record.policy_name == candidate.grant.policy_name for record in user_records(observation.state.tags))
    ]


def renamed_roles(
    roles: Sequence[Observation[RoleState]],
    policies: Sequence[Observation[ManagedPolicyState]],
    purpose: Purpose,
    listing: AccountListing | None,
) -> list[Observation[RoleState]]:
    """Read the roles that belong to one of the grants, and that no grant declares under that name.

    They are found by the grants' policies, which allow assuming them. If a grant with a name of its own has no role
    yet, all roles of the account are listed too.
    """
    present = [o.resource for o in roles if isinstance(o.resource, Role)]
    declared = {role.arn for role in present}
    found = {arn for observation in policies for arn in _assumable_roles(observation)}
    found |= set(_roles_of_named_grants(roles, listing))
    with documents_of_aws():
        candidates = [
            evolve(role, grant=evolve(role.grant, role_name=arn.name, path=arn.path), after=frozenset())
            for role in present
            for arn in map(Arn.parse, sorted(found - declared))
            if (arn.account, arn.partition) == (role.account.id, role.account.partition)
        ]
    return [
        evolve(observation, unwanted=True)
        for role, observation in zip(candidates, observe(candidates, purpose, listing))
        if observation.state is not None
        and (owner := role.owner(observation.state.tags)) is not None
        and owner.is_same_grant(role.identity)
    ]


def _assumable_roles(policy: Observation[ManagedPolicyState]) -> Iterable[str]:
    document = None if policy.state is None else policy.state.document
    return [
        resource
        for statement in (() if document is None else document.statements)
        for resource in statement.resources
        # Neither wildcards nor policy variables.
        if ":role/" in resource and not set("*?$") & set(resource)
    ]


def _roles_of_named_grants(roles: Sequence[Observation[RoleState]], listing: AccountListing | None) -> list[str]:
    """Return the ARNs of the roles of those grants whose declared role does not exist."""
    missing = [
        role
        for observation in roles
        if isinstance(role := observation.resource, Role)
        and observation.state is None
        and not role.grant.is_named_after_role
    ]
    if missing and listing is None:
        listing = list_details(missing[0].account, ("Role",), "whether a grant had a role of another name")
    if not missing or listing is None:
        return []
    return [
        detail["Arn"]
        for detail in listing.roles.values()
        if (owner := identity_in(tags_from_list(detail.get("Tags", [])))) is not None
        and any(owner.is_same_grant(role.identity) for role in missing)
    ]


def renamed_policies(
    policies: Sequence[Observation[ManagedPolicyState]],
    roles: Sequence[Observation[RoleState]],
    purpose: Purpose,
    listing: AccountListing | None,
) -> list[Observation[ManagedPolicyState]]:
    """Read the policies that belong to one of the grants, and that no grant declares under that name.

    Args:
        policies: the declared policies.
        roles: the roles of the grants, with those that were renamed.
        purpose: what the reads are for.
        listing: the listing of the policies' account, if there is one.
    """
    missing = [
        policy
        for observation in policies
        if isinstance(policy := observation.resource, ManagedPolicy)
        and observation.state is None
        and _may_be_renamed(policy, roles)
    ]
    if missing and listing is None:
        unchecked = "whether a grant had a policy of another name"
        listing = list_details(missing[0].account, ("LocalManagedPolicy",), unchecked)
    if not missing or listing is None:
        return []
    declared = {observation.resource.arn for observation in policies}
    former_roles = [role.resource.arn for role in roles if role.unwanted]
    candidates = [
        evolve(policy, grant=evolve(policy.grant, policy_name=Arn.parse(arn).name, path=Arn.parse(arn).path))
        for policy in missing
        for arn, versions in listing.policy_versions.items()
        # The documents need not be parsed to see whether they name a role.
        if arn not in declared and any(role in str(versions) for role in (*policy.grant.role_arns, *former_roles))
    ]
    return [
        evolve(observation, state=policy.read_principals(observation.state), unwanted=True)
        for policy, observation in zip(candidates, observe(candidates, purpose))
        if observation.state is not None
        and (owner := policy.owner(observation.state.tags)) is not None
        and owner.is_same_grant(policy.identity)
    ]


def _may_be_renamed(policy: ManagedPolicy, roles: Sequence[Observation[RoleState]]) -> bool:
    """Return whether a grant without a policy may have had one before: not if its name is new with its role's."""
    if policy.grant.name == policy.grant.policy_name:
        return False
    own = [o for o in roles if isinstance(o.resource, Role) and o.resource.grant.name == policy.grant.name]
    return not own or any(
        o.state is not None or not o.resource.grant.is_named_after_role for o in own if isinstance(o.resource, Role)
    )
