"""The resources of some grants, as both accounts have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, Protocol, TypeVar

from attrs import evolve, frozen

from xacct.concurrent import together
from xacct.console_user import ConsoleUser
from xacct.errors import ForeignAttachments, NotOurs
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.resources.managed_policy import ManagedPolicy, ManagedPolicyState
from xacct.resources.ownership import is_ours
from xacct.resources.role import Role, RoleState
from xacct.resources.step import Change, Step, change
from xacct.resources.user import User, UserState
from xacct.side import Side

__all__ = ["Reading", "Readings", "Resource", "read", "refuse_foreign", "refuse_what_is_not_ours"]


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
    def side(self) -> Side:
        """Whose account it is in."""
        ...

    @property
    def words(self) -> str:
        """What it is called."""
        ...

    def read(self, *, removing: bool = False) -> S | None:
        """Its state; None where it is not there."""
        ...

    def apply(self, state: S | None) -> list[Step]:
        """The steps to what is wanted."""
        ...

    def foreign(self, state: S) -> list[str]:
        """What is on it by another hand, in words."""
        ...

    def destroy(self, state: S) -> list[Step]:
        """The steps that remove it."""
        ...


@frozen
class Reading(Generic[S]):
    """A resource with what was read of it."""

    resource: Resource[S]
    state: S | None

    @classmethod
    def of(cls, resource: Resource[S], removing: bool) -> Reading[S]:
        """Read the resource now."""
        return cls(resource, resource.read(removing=removing))

    def apply(self) -> list[Step]:
        """The steps to what is wanted."""
        return self.resource.apply(self.state)

    def destroy(self) -> list[Step]:
        """The steps that remove it; none where it is not there."""
        return [] if self.state is None else self.resource.destroy(self.state)

    @property
    def foreign(self) -> list[str]:
        """What is on it by another hand."""
        return [] if self.state is None else self.resource.foreign(self.state)

    @property
    def drift(self) -> list[Change]:
        """What is on it by another hand, as what a plan leaves alone."""
        return [change(self.resource.side, "leave", text) for text in self.foreign]

    @property
    def is_ours(self) -> bool:
        """Whether it is not there, or made by xacct."""
        return self.state is None or is_ours(self.state.tags)


AnyReading = Reading[RoleState] | Reading[ManagedPolicyState] | Reading[UserState]


@frozen(kw_only=True)
class Readings:
    """Everything that some grants ask for."""

    roles: tuple[Reading[RoleState], ...]
    policies: tuple[Reading[ManagedPolicyState], ...]
    users: tuple[Reading[UserState], ...]

    @property
    def all(self) -> tuple[AnyReading, ...]:
        """Every reading."""
        return (*self.policies, *self.users, *self.roles)


def read(
    grants: Sequence[TrustGrant | DevAccessGrant],
    trusting: Side,
    trusted: Side,
    password: Callable[[ConsoleUser], str],
    *,
    removing: bool,
) -> Readings:
    """Read both accounts at the same time.

    Args:
        grants: what is asked for.
        trusting: the account of the roles.
        trusted: the account of the policies and users.
        password: gives a console user's password when it is needed.
        removing: whether what would stand in the way of a removal is read too.
    """
    policies = [ManagedPolicy(side=trusted, grant=grant) for grant in grants if isinstance(grant, DevAccessGrant)]
    users = [
        User(side=trusted, grant=policy.grant, user=user, policy_key=policy.key, password=partial(password, user))
        for policy in policies
        if (user := policy.grant.console_user) is not None
    ]
    made = {user.arn: user.key for user in users}
    roles = [
        Role(side=trusting, grant=grant, after=frozenset(made[p.value] for p in grant.principals if p.value in made))
        for grant in grants
        if isinstance(grant, TrustGrant)
    ]
    with ThreadPoolExecutor(max_workers=3) as threads:
        of_roles = threads.submit(_read_all, roles, removing)
        of_policies = threads.submit(_read_all, policies, removing)
        of_users = threads.submit(_read_all, users, removing)
    carried = {policy for user in of_users.result() if user.state for policy in user.state.attached}
    return Readings(
        roles=of_roles.result(),
        policies=tuple(
            evolve(reading, state=_with_carriers(policy, reading.state, policy.arn in carried))
            for policy, reading in zip(policies, of_policies.result())
        ),
        users=of_users.result(),
    )


def _read_all(resources: Sequence[Resource[S]], removing: bool) -> tuple[Reading[S], ...]:
    return tuple(together(*(partial(Reading.of, resource, removing) for resource in resources)))


def _with_carriers(policy: ManagedPolicy, state: ManagedPolicyState | None, on_user: bool) -> ManagedPolicyState | None:
    """Ask who carries the policy only where AWS counts more than the console user, who was read anyway."""
    if state is None or state.attachments == int(on_user):
        return state
    return policy.read_carriers(state)


def refuse_what_is_not_ours(readings: Readings) -> None:
    """Refuse to touch what xacct did not make.

    Raises:
        NotOurs: names all of it in the first account that has any.
    """
    strangers = [reading.resource for reading in readings.all if not reading.is_ours]
    if strangers:
        account = strangers[0].side.account
        raise NotOurs(account, [stranger.words for stranger in strangers if stranger.side.account == account])


def refuse_foreign(readings: Readings) -> None:
    """Refuse to remove what carries something by another hand.

    Raises:
        ForeignAttachments: names all of it in the first account that has any.
    """
    found = [(reading.resource.side.account, text) for reading in readings.all for text in reading.foreign]
    if found:
        account = found[0][0]
        raise ForeignAttachments("removing the grant", account, [text for where, text in found if where == account])
