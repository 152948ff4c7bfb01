"""Reads of a grant's resources in both accounts, and the checks that guard what belongs to others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

from attrs import evolve, frozen

from xacct.arn import Arn
from xacct.concurrency import run_concurrently
from xacct.console_user import ConsoleUser
from xacct.errors import ForeignAttachments, GrantConflict, NotOurs
from xacct.grant_account import GrantAccount
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.resources.account_listing import AccountListing, list_policies, list_roles
from xacct.resources.managed_policy import ManagedPolicy, ManagedPolicyState
from xacct.resources.ownership_tags import RUN_TAG, Run, is_managed, user_records
from xacct.resources.passwords import Passwords
from xacct.resources.resource import Purpose, Resource, ResourceState
from xacct.resources.role import Role, RoleState
from xacct.resources.step import Change, Step
from xacct.resources.user import User, UserState

__all__ = [
    "AnyObservation",
    "Observation",
    "ObservedGrants",
    "read_grants",
    "refuse_foreign_attachments",
    "refuse_resources_of_others",
]

S = TypeVar("S", bound=ResourceState)

# The number of resources of a kind from which on listing the account takes fewer calls than reading each of them.
_MANY = 5


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
        seen = None if self.state is None else self.state.tags.get(RUN_TAG)
        return evolve(self, resource=evolve(self.resource, run=run, seen_run=seen))

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

    def conflict(self, *, adopt: bool, removing: bool = False) -> NotOurs | GrantConflict | None:
        """Return the error if the resource belongs to others; None if the grant may use it.

        Args:
            adopt: whether the grant may take it over.
            removing: whether it is to be deleted. What belongs to another grant is never deleted.
        """
        if self.state is None or self.resource.is_ours(self.state.tags):
            return None
        owner = self.resource.owner(self.state.tags)
        if adopt and not (removing and owner is not None):
            return None
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
        wanted = [o for o in self.all if not o.unwanted]
        steps = _after((step for o in wanted for step in o.steps_to_apply()), claims)
        unwanted = [step for o in self.all if o.unwanted for step in o.steps_to_apply()]
        return [*claims, *steps, *_after(unwanted, [*claims, *steps])]


def _after(steps: Iterable[Step], others: Sequence[Step]) -> list[Step]:
    keys = frozenset(step.key for step in others)
    return [evolve(step, after=step.after | (keys - {step.key})) for step in steps]


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
        read_roles = threads.submit(_read_all, roles, _reads(roles, purpose, role_listing))
        read_policies = threads.submit(_read_all, policies, _reads(policies, purpose, policy_listing))
        read_users = threads.submit(_read_all, users, _reads(users, purpose, policy_listing))
    on_users = {policy for user in read_users.result() if user.state for policy in user.state.attached}
    observed_policies = [
        evolve(observation, state=_with_principals(policy, observation.state, on_user=policy.arn in on_users))
        for policy, observation in zip(policies, read_policies.result())
    ]
    dropped = _dropped_users(policies, observed_policies, users, passwords, purpose)
    return ObservedGrants(
        roles=(*read_roles.result(), *_renamed_roles(roles, observed_policies, purpose, role_listing)),
        policies=tuple(_without_detaching(observation, dropped) for observation in observed_policies),
        users=(*read_users.result(), *dropped),
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
        user = _user(policy, console_user, passwords)
        users.append(evolve(user, created_by_other=not is_first, others_in_plan=others))
    return users


def _user(policy: ManagedPolicy, user: ConsoleUser, passwords: Passwords) -> User:
    return User(
        account=policy.account,
        grant=policy.grant,
        user=user,
        policy_key=policy.key,
        passwords=passwords,
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


def _reads(
    resources: Iterable[Resource[S]], purpose: Purpose, listing: AccountListing | None = None
) -> list[Callable[[], S | None]]:
    """Return the reads of resources: from the listing of their account if there is one, or one by one."""
    if listing is None:
        return [partial(resource.read, purpose) for resource in resources]
    return [partial(resource.read_listed, listing, purpose) for resource in resources]


def _read_all(resources: Sequence[Resource[S]], reads: Iterable[Callable[[], S | None]]) -> tuple[Observation[S], ...]:
    return tuple(map(Observation, resources, run_concurrently(*reads)))


def _with_principals(
    policy: ManagedPolicy, state: ManagedPolicyState | None, *, on_user: bool
) -> ManagedPolicyState | None:
    """Read the policy's principals, unless AttachmentCount shows that the console user is the only one."""
    if state is None or state.principals is not None or state.attachment_count == int(on_user):
        return state
    return policy.read_principals(state)


# What a grant declared before


def _dropped_users(
    policies: Sequence[ManagedPolicy],
    observed: Sequence[Observation[ManagedPolicyState]],
    users: Sequence[User],
    passwords: Passwords,
    purpose: Purpose,
) -> list[Observation[UserState]]:
    """Read the console users that have a grant's policy and that the grant does not declare any more."""
    declared = {user.user.name for user in users}
    candidates = [
        _user(policy, ConsoleUser(name), passwords)
        for policy, observation in zip(policies, observed)
        for name in policy.undeclared_users(observation.state)
        if name not in declared
    ]
    found = _read_all(candidates, _reads(candidates, "drift" if purpose == "plan" else purpose))
    return [
        evolve(observation, unwanted=True)
        for candidate, observation in zip(candidates, found)
        if observation.state is not None
        and is_managed(observation.state.tags)
        and any(record.policy_name == candidate.grant.policy_name for record in user_records(observation.state.tags))
    ]


def _without_detaching(
    observation: Observation[ManagedPolicyState], dropped: Sequence[Observation[UserState]]
) -> Observation[ManagedPolicyState]:
    """Return the observation of a policy which the steps of the dropped users detach from those users."""
    names = frozenset(user.resource.user.name for user in dropped if isinstance(user.resource, User))
    policy = observation.resource
    if not names or not isinstance(policy, ManagedPolicy):
        return observation
    return Observation(evolve(policy, removed_users=names), observation.state)


def _renamed_roles(
    roles: Sequence[Role],
    policies: Sequence[Observation[ManagedPolicyState]],
    purpose: Purpose,
    listing: AccountListing | None,
) -> list[Observation[RoleState]]:
    """Read the roles that the grants' policies allow assuming now, and that no grant declares under that name."""
    prefixes = tuple(f"arn:{role.account.partition}:iam::{role.account.id}:role/" for role in roles[:1])
    allowed = {
        resource
        for observation in policies
        if observation.state is not None and observation.state.document is not None
        for statement in observation.state.document.statements
        for resource in statement.resources
        # Neither wildcards nor policy variables.
        if resource.startswith(prefixes) and not set("*?$") & set(resource)
    }
    candidates = [
        evolve(role, grant=evolve(role.grant, role_name=arn.name, path=arn.path), after=frozenset())
        for role in roles
        for arn in map(Arn.parse, sorted(allowed - {role.arn for role in roles}))
    ]
    found = _read_all(candidates, _reads(candidates, purpose, listing))
    return [
        evolve(observation, unwanted=True)
        for role, observation in zip(candidates, found)
        if observation.state is not None
        and (owner := role.owner(observation.state.tags)) is not None
        and owner.is_same_grant(role.identity)
    ]


# Guards


def refuse_resources_of_others(observed: ObservedGrants, *, adopt: bool, removing: bool = False) -> None:
    """Check that no existing resource belongs to another grant or was created by others.

    Raises:
        NotOurs: xacct did not create some; names all of them in the first account that has any.
        GrantConflict: another grant owns one.
    """
    conflicts = [error for o in observed.all if (error := o.conflict(adopt=adopt, removing=removing)) is not None]
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
