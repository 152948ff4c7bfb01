"""Reads of a grant's resources in both accounts, and the checks that guard resources that xacct did not create."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

from attrs import evolve, frozen

from xacct.concurrency import run_concurrently
from xacct.console_user import ConsoleUser
from xacct.errors import ForeignAttachments, NotOurs
from xacct.grant_account import GrantAccount
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.resources.managed_policy import ManagedPolicy, ManagedPolicyState
from xacct.resources.ownership_tags import is_ours
from xacct.resources.resource import Resource, ResourceState
from xacct.resources.role import Role, RoleState
from xacct.resources.step import Change, Step, change
from xacct.resources.user import User, UserState

__all__ = ["Observation", "ObservedGrants", "read_grants", "refuse_foreign_attachments", "refuse_resources_not_ours"]

S = TypeVar("S", bound=ResourceState)


@frozen
class Observation(Generic[S]):
    """A resource and what was read of it.

    Attributes:
        resource: the resource.
        state: what was read; None if the resource does not exist.
    """

    resource: Resource[S]
    state: S | None

    @classmethod
    def of(cls, resource: Resource[S], *, removing: bool) -> Observation[S]:
        """Read a resource."""
        return cls(resource, resource.read(removing=removing))

    def steps_to_apply(self) -> list[Step]:
        """Return the steps to what the grant declares."""
        return self.resource.steps_to_apply(self.state)

    def steps_to_remove(self) -> list[Step]:
        """Return the steps that remove the resource; none if it does not exist."""
        return [] if self.state is None else self.resource.steps_to_remove(self.state)

    @property
    def foreign_attachments(self) -> list[str]:
        """What is on the resource and was not attached by xacct."""
        return [] if self.state is None else self.resource.foreign_attachments(self.state)

    @property
    def drift(self) -> list[Change]:
        """The foreign attachments, as changes with the action ``leave``."""
        return [change(self.resource.account, "leave", text) for text in self.foreign_attachments]

    @property
    def is_ours(self) -> bool:
        """Whether the resource does not exist or was created by xacct."""
        return self.state is None or is_ours(self.state.tags)


AnyObservation = Observation[RoleState] | Observation[ManagedPolicyState] | Observation[UserState]


@frozen(kw_only=True)
class ObservedGrants:
    """The observations of every resource that some grants declare."""

    roles: tuple[Observation[RoleState], ...]
    policies: tuple[Observation[ManagedPolicyState], ...]
    users: tuple[Observation[UserState], ...]

    @property
    def all(self) -> tuple[AnyObservation, ...]:
        """Every observation."""
        return (*self.policies, *self.users, *self.roles)


def read_grants(
    grants: Sequence[TrustGrant | DevAccessGrant],
    *,
    trusting: GrantAccount,
    trusted: GrantAccount,
    password: Callable[[ConsoleUser], str],
    removing: bool,
) -> ObservedGrants:
    """Read the resources of grants in both accounts concurrently.

    Args:
        grants: the grants.
        trusting: the account of the roles.
        trusted: the account of the policies and users.
        password: returns a console user's password; called only if one is set.
        removing: whether to read what a removal needs, instead of what an update needs.
    """
    policies = [ManagedPolicy(account=trusted, grant=grant) for grant in grants if isinstance(grant, DevAccessGrant)]
    users = [
        User(account=trusted, grant=policy.grant, user=user, policy_key=policy.key, password=partial(password, user))
        for policy in policies
        if (user := policy.grant.console_user) is not None
    ]
    roles = _roles([grant for grant in grants if isinstance(grant, TrustGrant)], trusting, users)
    with ThreadPoolExecutor(max_workers=3) as threads:
        read_roles = threads.submit(_read_all, roles, removing=removing)
        read_policies = threads.submit(_read_all, policies, removing=removing)
        read_users = threads.submit(_read_all, users, removing=removing)
    on_users = {policy for user in read_users.result() if user.state for policy in user.state.attached}
    return ObservedGrants(
        roles=read_roles.result(),
        policies=tuple(
            evolve(observation, state=_with_principals(policy, observation.state, on_user=policy.arn in on_users))
            for policy, observation in zip(policies, read_policies.result())
        ),
        users=read_users.result(),
    )


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


def _read_all(resources: Sequence[Resource[S]], *, removing: bool) -> tuple[Observation[S], ...]:
    reads = (partial(Observation.of, resource, removing=removing) for resource in resources)
    return tuple(run_concurrently(*reads))


def _with_principals(
    policy: ManagedPolicy, state: ManagedPolicyState | None, *, on_user: bool
) -> ManagedPolicyState | None:
    """Read the policy's principals, unless AttachmentCount shows that the console user is the only one."""
    if state is None or state.attachment_count == int(on_user):
        return state
    return policy.read_principals(state)


def refuse_resources_not_ours(observed: ObservedGrants) -> None:
    """Check that xacct created every resource that exists.

    Raises:
        NotOurs: it did not; names all such resources of the first account that has any.
    """
    others = [observation.resource for observation in observed.all if not observation.is_ours]
    if others:
        account = others[0].account.id
        raise NotOurs(account, [resource.label for resource in others if resource.account.id == account])


def refuse_foreign_attachments(observed: ObservedGrants) -> None:
    """Check that a removal would delete nothing that xacct did not create.

    Raises:
        ForeignAttachments: it would; names all such attachments of the first account that has any.
    """
    found = [
        (observation.resource.account.id, text)
        for observation in observed.all
        for text in observation.foreign_attachments
    ]
    if found:
        account = found[0][0]
        raise ForeignAttachments("removing the grant", account, [text for where, text in found if where == account])
