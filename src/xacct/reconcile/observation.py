"""The resources of some grants, as both accounts have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, Protocol, TypeVar

from attrs import evolve, frozen

from xacct.concurrency import run_concurrently
from xacct.console_user import ConsoleUser
from xacct.errors import ForeignAttachments, NotOurs
from xacct.grant_account import GrantAccount
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.resources.managed_policy import ManagedPolicy, ManagedPolicyState
from xacct.resources.ownership_tags import is_ours
from xacct.resources.role import Role, RoleState
from xacct.resources.step import Change, Step, change
from xacct.resources.user import User, UserState

__all__ = ["Observation", "ObservedGrants", "Resource", "read", "refuse_foreign", "refuse_what_is_not_ours"]


class State(Protocol):
    """What is known of a resource that is there."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        ...


S = TypeVar("S", bound=State)


class Resource(Protocol[S]):
    """What a kind of resource does."""

    @property
    def account(self) -> GrantAccount:
        """Whose account it is in."""
        ...

    @property
    def words(self) -> str:
        """What it is called."""
        ...

    def read(self, *, removing: bool = False) -> S | None:
        """Its state; None where it is not there."""
        ...

    def steps_to_apply(self, state: S | None) -> list[Step]:
        """The steps to what is wanted."""
        ...

    def foreign(self, state: S) -> list[str]:
        """What is on it by another hand, in words."""
        ...

    def steps_to_remove(self, state: S) -> list[Step]:
        """The steps that remove it."""
        ...


@frozen
class Observation(Generic[S]):
    """A resource with what was read of it."""

    resource: Resource[S]
    state: S | None

    @classmethod
    def of(cls, resource: Resource[S], removing: bool) -> Observation[S]:
        """Read the resource now."""
        return cls(resource, resource.read(removing=removing))

    def steps_to_apply(self) -> list[Step]:
        """The steps to what is wanted."""
        return self.resource.steps_to_apply(self.state)

    def steps_to_remove(self) -> list[Step]:
        """The steps that remove it; none where it is not there."""
        return [] if self.state is None else self.resource.steps_to_remove(self.state)

    @property
    def foreign(self) -> list[str]:
        """What is on it by another hand."""
        return [] if self.state is None else self.resource.foreign(self.state)

    @property
    def drift(self) -> list[Change]:
        """What is on it by another hand, as what a plan leaves alone."""
        return [change(self.resource.account, "leave", text) for text in self.foreign]

    @property
    def is_ours(self) -> bool:
        """Whether it is not there, or made by xacct."""
        return self.state is None or is_ours(self.state.tags)


AnyObservation = Observation[RoleState] | Observation[ManagedPolicyState] | Observation[UserState]


@frozen(kw_only=True)
class ObservedGrants:
    """Everything that some grants ask for."""

    roles: tuple[Observation[RoleState], ...]
    policies: tuple[Observation[ManagedPolicyState], ...]
    users: tuple[Observation[UserState], ...]

    @property
    def all(self) -> tuple[AnyObservation, ...]:
        """Every observation."""
        return (*self.policies, *self.users, *self.roles)


def read(
    grants: Sequence[TrustGrant | DevAccessGrant],
    trusting: GrantAccount,
    trusted: GrantAccount,
    password: Callable[[ConsoleUser], str],
    *,
    removing: bool,
) -> ObservedGrants:
    """Read both accounts at the same time.

    Args:
        grants: what is asked for.
        trusting: the account of the roles.
        trusted: the account of the policies and users.
        password: gives a console user's password when it is needed.
        removing: whether what would stand in the way of a removal is read too.
    """
    policies = [ManagedPolicy(account=trusted, grant=grant) for grant in grants if isinstance(grant, DevAccessGrant)]
    users = [
        User(account=trusted, grant=policy.grant, user=user, policy_key=policy.key, password=partial(password, user))
        for policy in policies
        if (user := policy.grant.console_user) is not None
    ]
    made = {user.arn: user.key for user in users}
    roles = [
        Role(account=trusting, grant=grant, after=frozenset(made[p.value] for p in grant.principals if p.value in made))
        for grant in grants
        if isinstance(grant, TrustGrant)
    ]
    with ThreadPoolExecutor(max_workers=3) as threads:
        of_roles = threads.submit(_read_all, roles, removing)
        of_policies = threads.submit(_read_all, policies, removing)
        of_users = threads.submit(_read_all, users, removing)
    carried = {policy for user in of_users.result() if user.state for policy in user.state.attached}
    return ObservedGrants(
        roles=of_roles.result(),
        policies=tuple(
            evolve(observation, state=_with_carriers(policy, observation.state, policy.arn in carried))
            for policy, observation in zip(policies, of_policies.result())
        ),
        users=of_users.result(),
    )


def _read_all(resources: Sequence[Resource[S]], removing: bool) -> tuple[Observation[S], ...]:
    return tuple(run_concurrently(*(partial(Observation.of, resource, removing) for resource in resources)))


def _with_carriers(policy: ManagedPolicy, state: ManagedPolicyState | None, on_user: bool) -> ManagedPolicyState | None:
    """Ask who carries the policy only where AWS counts more than the console user, who was read anyway."""
    if state is None or state.attachments == int(on_user):
        return state
    return policy.read_carriers(state)


def refuse_what_is_not_ours(observed: ObservedGrants) -> None:
    """Refuse to touch what xacct did not make.

    Raises:
        NotOurs: names all of it in the first account that has any.
    """
    strangers = [observation.resource for observation in observed.all if not observation.is_ours]
    if strangers:
        account = strangers[0].account.id
        raise NotOurs(account, [stranger.words for stranger in strangers if stranger.account.id == account])


def refuse_foreign(observed: ObservedGrants) -> None:
    """Refuse to remove what carries something by another hand.

    Raises:
        ForeignAttachments: names all of it in the first account that has any.
    """
    found = [(observation.resource.account.id, text) for observation in observed.all for text in observation.foreign]
    if found:
        account = found[0][0]
        raise ForeignAttachments("removing the grant", account, [text for where, text in found if where == account])
