"""Reads of all resources of some grants in both accounts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from attrs import evolve

from xacct.concurrency import run_concurrently
from xacct.errors import AwsError
from xacct.grant_account import GrantAccount
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.reconcile.former_resources import dropped_users, renamed_policies, renamed_roles
from xacct.reconcile.observation import Observation, ObservedGrants, observe
from xacct.resources.account_listing import list_policies, list_roles
from xacct.resources.managed_policy import ManagedPolicy, ManagedPolicyState
from xacct.resources.passwords import Passwords
from xacct.resources.resource import Purpose
from xacct.resources.role import Role
from xacct.resources.user import User, UserState

__all__ = ["read_grants"]

# The number of resources of a kind from which on listing the account takes fewer calls than reading each of them.
_MANY = 5


def read_grants(
    grants: Sequence[TrustGrant | DevAccessGrant],
    *,
    trusting: GrantAccount,
    trusted: GrantAccount,
    passwords: Passwords,
    purpose: Purpose,
) -> ObservedGrants:
    """Read the resources of grants in both accounts concurrently. Many of them are listed, few are read one by one.

    Args:
        grants: the grants.
        trusting: the account of the roles.
        trusted: the account of the policies and users.
        passwords: the console users' passwords.
        purpose: what the reads are for.
    """
    policies = [ManagedPolicy(account=trusted, grant=grant) for grant in grants if isinstance(grant, DevAccessGrant)]
    users = _users(policies, passwords)
    roles = _roles([grant for grant in grants if isinstance(grant, TrustGrant)], trusting, users)
    role_listing, policy_listing = run_concurrently(
        lambda: list_roles(trusting, most_pages=len(roles)) if len(roles) >= _MANY else None,
        lambda: list_policies(trusted, most_pages=len(policies)) if len(policies) >= _MANY else None,
    )
    with ThreadPoolExecutor(max_workers=3) as threads:
        read_roles = threads.submit(observe, roles, purpose, role_listing)
        read_policies = threads.submit(observe, policies, purpose, policy_listing)
        read_users = threads.submit(observe, users, purpose, policy_listing)
    observed_roles, observed_users = read_roles.result(), read_users.result()
    on_users = {policy for user in observed_users if user.state for policy in user.state.attached}
    observed_policies = [
        evolve(observation, state=_with_principals(policy, observation.state, on_user=policy.arn in on_users))
        for policy, observation in zip(policies, read_policies.result())
    ]
    former_roles = renamed_roles(observed_roles, observed_policies, purpose, role_listing)
    former_policies = renamed_policies(observed_policies, (*observed_roles, *former_roles), purpose, policy_listing)
    dropped = dropped_users([*observed_policies, *former_policies], users, passwords, purpose)
    return ObservedGrants(
        roles=(*observed_roles, *former_roles),
        policies=tuple(_without_detaching(o, dropped) for o in (*observed_policies, *former_policies)),
        users=(*(_with_former_policies(o, former_policies) for o in observed_users), *dropped),
    )


def _users(policies: Sequence[ManagedPolicy], passwords: Passwords) -> list[User]:
    """Return the console users of grants. The steps of the first grant that names a user create it."""
    users: list[User] = []
    for policy in policies:
        console_user = policy.grant.console_user
        if console_user is None:
            continue
        others = frozenset(
            other.grant.policy_name
            for other in policies
            if other is not policy
            and other.grant.console_user is not None
            and other.grant.console_user.name == console_user.name
        )
        is_first = all(user.user.name != console_user.name for user in users)
        user = User.of(policy, console_user, passwords)
        users.append(evolve(user, created_by_other=not is_first, others_in_plan=others))
    return users


def _roles(grants: Sequence[TrustGrant], account: GrantAccount, users: Sequence[User]) -> list[Role]:
    """Return the roles of grants; a role that trusts one of the users comes after the step that creates that user."""
    keys = {user.arn: user.key for user in users}
    return [
        Role(
            account=account,
            grant=grant,
            after=frozenset(keys[principal.value] for principal in grant.principals if principal.value in keys),
        )
        for grant in grants
    ]


def _with_principals(
    policy: ManagedPolicy, state: ManagedPolicyState | None, *, on_user: bool
) -> ManagedPolicyState | None:
    """Read the policy's principals, unless AttachmentCount shows that the console user is the only one."""
    if state is None or state.principals is not None or state.attachment_count == int(on_user):
        return state
    try:
        return policy.read_principals(state)
    except AwsError as error:
        # Another run may have deleted the policy since it was read.
        if error.code != "NoSuchEntity":
            raise
    return policy.read("recheck")


def _without_detaching(
    observation: Observation[ManagedPolicyState], dropped: Sequence[Observation[UserState]]
) -> Observation[ManagedPolicyState]:
    """Return the observation of a policy which the steps of the dropped users detach from those users."""
    names = frozenset(user.resource.user.name for user in dropped if isinstance(user.resource, User))
    policy = observation.resource
    if not names or not isinstance(policy, ManagedPolicy):
        return observation
    return evolve(observation, resource=evolve(policy, removed_users=names))


def _with_former_policies(
    observation: Observation[UserState], former: Sequence[Observation[ManagedPolicyState]]
) -> Observation[UserState]:
    """Return the observation of a user from which its own steps detach the policies that its grant had before."""
    user = observation.resource
    if not isinstance(user, User):
        return observation
    names = frozenset(
        policy.resource.grant.policy_name
        for policy in former
        if isinstance(policy.resource, ManagedPolicy) and policy.resource.identity == user.identity
    )
    return evolve(observation, resource=evolve(user, former_policies=names)) if names else observation
