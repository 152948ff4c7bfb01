"""What was read of the resources of grants, and the checks that guard what belongs to others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Generic, TypeVar

from attrs import evolve, frozen

from xacct.concurrency import run_concurrently
from xacct.errors import ForeignAttachments, GrantConflict, NotOurs
from xacct.resources.account_listing import AccountListing
from xacct.resources.managed_policy import ManagedPolicyState
from xacct.resources.ownership_tags import RUN_TAG, Run
from xacct.resources.resource import Purpose, Resource, ResourceState
from xacct.resources.role import RoleState
from xacct.resources.step import Change, Step
from xacct.resources.user import User, UserState

__all__ = [
    "AnyObservation",
    "Observation",
    "ObservedGrants",
    "observe",
    "refuse_foreign_attachments",
    "refuse_resources_of_others",
]

S = TypeVar("S", bound=ResourceState)


@frozen
class Observation(Generic[S]):
    """A resource and what was read of it.

    Attributes:
        resource: the resource.
        state: what was read; None if the resource does not exist.
        unwanted: whether the grant declared the resource before, and does not any more.
        contested: whether another run may be changing the resource, so that it is claimed even if nothing changes.
    """

    resource: Resource[S]
    state: S | None
    unwanted: bool = False
    contested: bool = False

    def for_run(self, run: Run) -> Observation[S]:
        """Return the observation with steps that belong to a run."""
        return evolve(self, resource=evolve(self.resource, run=run, seen_run=self.mark))

    @property
    def mark(self) -> str | None:
        """The tag of the last run that created or changed the resource; None if there is none."""
        return None if self.state is None else self.state.tags.get(RUN_TAG)

    def may_be_in_progress(self, ended: Collection[str]) -> bool:
        """Return whether another run may still be changing the resource, or may roll it back.

        Args:
            ended: the ids of runs that have ended.
        """
        run = None if self.state is None else self.resource.recent_run(self.state.tags)
        return run is not None and run.id not in ended

    def steps_to_apply(self) -> list[Step]:
        """Return the steps to what the grant declares, after the step that claims an existing resource."""
        if self.unwanted:
            return self.steps_to_remove()
        return self.resource.steps_to_apply(self.state)

    def steps_to_claim(self) -> list[Step]:
        """Return the step that claims the resource; none if it does not exist or does not change."""
        if self.state is None or self.unwanted or not (self.contested or self.steps_to_apply()):
            return []
        return [self.resource.step_to_claim(self.state)]

    def guarded_since(self, read_at: float) -> Observation[S]:
        """Return the observation with steps to remove that stop if another run has begun to change the resource.

        Args:
            read_at: the time before the resource was read.
        """
        if self.state is None:
            return self
        return evolve(self, resource=self.resource.guarded_since(read_at, self.state))

    @property
    def is_complete(self) -> bool:
        """Whether the resource exists, with all that is recorded of it."""
        return self.state is not None and self.resource.is_complete(self.state)

    @property
    def is_joined(self) -> bool:
        """Whether the resource exists for other grants, and the grant begins to use it."""
        return self.state is not None and not self.resource.is_used(self.state)

    def steps_to_remove(self) -> list[Step]:
        """Return the steps that remove the resource; none if it does not exist."""
        return [] if self.state is None else self.resource.steps_to_remove(self.state)

    @property
    def foreign_attachments(self) -> list[str]:
        """What is on the resource, was not attached by xacct, and blocks a removal."""
        return [] if self.state is None else self.resource.foreign_attachments(self.state)

    @property
    def drift(self) -> list[Change]:
        """What is on the resource and neither wanted nor changed by a plan, with the action ``leave``."""
        return [] if self.state is None or self.unwanted else self.resource.drift(self.state)

    @property
    def not_applied(self) -> list[str]:
        """What the grant asks for and a plan does not do."""
        return [] if self.state is None or self.unwanted else self.resource.not_applied(self.state)

    @property
    def _joins(self) -> bool:
        return isinstance(self.resource, User) and self.state is None and self.resource.created_by_other

    @property
    def is_changed_by_several(self) -> bool:
        """Whether other runs, or other grants of the plan, can change the resource during this run."""
        return self._joins or bool(self.steps_to_claim())

    @property
    def is_settled(self) -> bool:
        """Whether the resource is as the grant declares now. Reads it again."""
        # Another grant of the plan created the user, and its tags are complete only after a plan of both.
        return self.unwanted or (not self._joins and self.resource.is_settled())

    def refuse_unchangeable(self) -> None:
        """Check that AWS can change every property that differs from the grant's.

        Raises:
            CannotChange: it cannot change one.
        """
        if self.state is not None and not self.unwanted:
            self.resource.refuse_unchangeable(self.state)

    def conflict(self, *, adopt: bool) -> NotOurs | GrantConflict | None:
        """Return the error if the resource belongs to others; None if the grant may use it.

        Args:
            adopt: whether the grant may take it over.
        """
        if self.state is None or adopt or self.resource.is_ours(self.state.tags):
            return None
        owner = self.resource.owner(self.state.tags)
        account, names = self.resource.account.id, [self.resource.label]
        if owner is None:
            return NotOurs(account, names)
        return GrantConflict(account, names, owner=str(owner), wanted=str(self.resource.identity))


AnyObservation = Observation[RoleState] | Observation[ManagedPolicyState] | Observation[UserState]


@frozen(kw_only=True)
class ObservedGrants:
    """The observations of every resource that some grants declare, or declared before.

    Attributes:
        roles: the roles.
        policies: the policies.
        users: the console users.
    """

    roles: tuple[Observation[RoleState], ...]
    policies: tuple[Observation[ManagedPolicyState], ...]
    users: tuple[Observation[UserState], ...]

    @property
    def all(self) -> tuple[AnyObservation, ...]:
        """Every observation."""
        return (*self.policies, *self.users, *self.roles)

    @property
    def wanted(self) -> tuple[AnyObservation, ...]:
        """The observations of what the grants declare."""
        return tuple(observation for observation in self.all if not observation.unwanted)

    @property
    def may_be_in_removal(self) -> bool:
        """Whether something is there and not everything: a removal may be in progress."""
        # A console user that the grant begins to use was not there for the grant before.
        own = [o for o in self.wanted if not o.is_joined]
        return any(o.state is not None for o in own) and not all(o.is_complete for o in own)

    def for_run(self, run: Run) -> ObservedGrants:
        """Return the observations with steps that belong to a run."""
        return ObservedGrants(
            roles=tuple(observation.for_run(run) for observation in self.roles),
            policies=tuple(observation.for_run(run) for observation in self.policies),
            users=tuple(observation.for_run(run) for observation in self.users),
        )

    def contested(self, keys: Collection[str]) -> ObservedGrants:
        """Return the observations, of which those whose resources have the keys are claimed in any case."""
        return ObservedGrants(
            roles=tuple(evolve(o, contested=o.resource.key in keys) for o in self.roles),
            policies=tuple(evolve(o, contested=o.resource.key in keys) for o in self.policies),
            users=tuple(evolve(o, contested=o.resource.key in keys) for o in self.users),
        )

    def steps_to_apply(self) -> list[Step]:
        """Return the steps to what the grants declare.

        Existing resources are claimed before anything changes. What is not wanted any more is removed at the end.
        """
        # Several grants can change the same user.
        claims = list({step.key: step for o in self.all for step in o.steps_to_claim()}.values())
        steps = _after((step for o in self.wanted for step in o.steps_to_apply()), claims)
        unwanted = [step for o in self.all if o.unwanted for step in o.steps_to_apply()]
        return [*claims, *steps, *_after(unwanted, [*claims, *steps])]


def _after(steps: Iterable[Step], others: Sequence[Step]) -> list[Step]:
    keys = frozenset(step.key for step in others)
    return [evolve(step, after=step.after | (keys - {step.key})) for step in steps]


def observe(
    resources: Sequence[Resource[S]], purpose: Purpose, listing: AccountListing | None = None
) -> tuple[Observation[S], ...]:
    """Read resources concurrently: from the listing of their account if there is one, or one by one."""
    if listing is None:
        reads: list[Callable[[], S | None]] = [partial(resource.read, purpose) for resource in resources]
    else:
        reads = [partial(resource.read_listed, listing, purpose) for resource in resources]
    return tuple(map(Observation, resources, run_concurrently(*reads)))


def refuse_resources_of_others(observed: ObservedGrants, *, adopt: bool) -> None:
    """Check that no existing resource belongs to another grant or was created by others.

    Raises:
        NotOurs: xacct did not create some; names all of them in the first account that has any.
        GrantConflict: another grant owns one.
    """
    conflicts = [error for o in observed.all if (error := o.conflict(adopt=adopt)) is not None]
    for error in conflicts:
        if isinstance(error, GrantConflict):
            raise error
    if conflicts:
        account = conflicts[0].account
        raise NotOurs(account, [name for error in conflicts if error.account == account for name in error.names])


def refuse_foreign_attachments(observed: Iterable[AnyObservation]) -> None:
    """Check that a removal would delete nothing that xacct did not create.

    Raises:
        ForeignAttachments: it would; names all such attachments of the first account that has any.
    """
    found = [
        (observation.resource.account.id, text) for observation in observed for text in observation.foreign_attachments
    ]
    if found:
        account = found[0][0]
        raise ForeignAttachments("removing the grant", account, [text for where, text in found if where == account])
