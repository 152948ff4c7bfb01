"""Plans: the changes that bring both accounts to what some grants declare, and the operations that make them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, NoReturn, SupportsIndex

from attrs import evolve, field, frozen

from xacct.concurrency import run_concurrently
from xacct.console_user import ConsoleUser
from xacct.errors import (
    ApplyFailed,
    GrantConflict,
    GrantsFailed,
    InvalidValue,
    NotOurs,
    StalePlan,
    WrongAccount,
    XacctError,
)
from xacct.events import OnEvent, Reporter
from xacct.grant_account import GrantAccount, connect
from xacct.grant_data import grant_from_dict
from xacct.grants import DevAccessGrant, TrustGrant, expiry_in, notes_on
from xacct.progress_bar import step_progress
from xacct.reconcile.assumable import is_assumable_by, wait_until_assumable
from xacct.reconcile.evidence import Evidence, accepted_names, read_evidence
from xacct.reconcile.execute import execute
from xacct.reconcile.grant_reads import read_grants
from xacct.reconcile.observation import (
    AnyObservation,
    ObservedGrants,
    refuse_foreign_attachments,
    refuse_resources_of_others,
)
from xacct.reconcile.parts import Grant, Part, merged, parts_of
from xacct.reconcile.saved_changes import refuse_stale
from xacct.resources.ownership_tags import Run
from xacct.resources.passwords import Passwords
from xacct.resources.resource import Purpose
from xacct.resources.role import Role
from xacct.resources.run_timing import clock, is_recent_read, seconds_to_wait
from xacct.resources.step import Change, Step
from xacct.retry import Patience

if TYPE_CHECKING:
    import boto3

__all__ = ["OnError", "Plan", "plan", "plan_between"]

log = logging.getLogger("xacct")

OnError = Literal["raise", "collect"]

# The runs of this process that have ended. Other runs that are recorded on a resource may still roll it back.
_ENDED_RUNS: set[str] = set()

# How often a run applies its grants again because another run changed them meanwhile.
_ROUNDS = 4


@frozen(kw_only=True)
class Plan:
    """The changes that bring both accounts to what some grants declare. Print it as a diff, then `apply` it.

    A plan is made by :func:`plan`, which only reads.

    Attributes:
        grants: the grants.
        changes: the changes, in no particular order. Those with the action ``leave`` are not created by xacct and stay.
        notes: what to know about the grants before applying them, such as how to narrow them.
        not_applied: what the grants ask for and `apply` does not do: setting the password of a user who has one.
    """

    grants: tuple[Grant, ...]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    not_applied: tuple[str, ...] = ()
    _parts: tuple[Part, ...] = field(alias="parts", repr=False, eq=False)
    _failures: tuple[tuple[str, XacctError], ...] = field(alias="failures", repr=False, eq=False)
    _trusting: GrantAccount = field(alias="trusting", repr=False, eq=False)
    _trusted: GrantAccount = field(alias="trusted", repr=False, eq=False)
    _passwords: Passwords = field(alias="passwords", repr=False, eq=False)
    _adopt: bool = field(alias="adopt", repr=False)
    _on_error: OnError = field(alias="on_error", repr=False)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            "a Plan cannot be pickled: it holds open sessions, and may hold a password. Call plan() again instead"
        )

    @property
    def is_empty(self) -> bool:
        """Whether both accounts match the grants already."""
        return not self._failures and not any(part.observed.steps_to_apply() for part in self._parts)

    def current_expiry(self, grant: TrustGrant) -> datetime | None:
        """Return when the access of a grant's existing role ends; None if there is no role, or if it has no end."""
        roles = (o for part in self._parts for o in part.observed.roles if not o.unwanted)
        ends = [
            expiry_in(role.state.trust)
            for role in roles
            if isinstance(role.resource, Role) and role.resource.grant == grant and role.state is not None
        ]
        return max((end for end in ends if end is not None), default=None) if None not in ends else None

    @property
    def console_user(self) -> ConsoleUser | None:
        """The grants' console user, the first if there are several. See `console_users`."""
        return next(iter(self.console_users), None)

    @property
    def console_users(self) -> tuple[ConsoleUser, ...]:
        """The grants' console users. If `apply` generated a password, only this attribute has it."""
        users = (grant.console_user for grant in self.grants if isinstance(grant, DevAccessGrant))
        named = {user.name: user for user in reversed([user for user in users if user is not None])}
        passwords = self._passwords.generated
        return tuple(
            evolve(user, password=passwords.get(name, user.hidden_password)) for name, user in reversed(named.items())
        )

    def __str__(self) -> str:
        signs = {"create": "+", "attach": "+", "update": "~", "detach": "-", "delete": "-", "leave": "="}
        lines = ["Nothing to change: both accounts match the grants."] if self.is_empty else []
        for change in self.changes:
            lines.append(
                f"{signs[change.action]} {change}{' (not created by xacct)' if change.action == 'leave' else ''}"
            )
            lines += [f"    {line}" for line in change.detail.splitlines()]
        lines += [] if self.is_empty else [f"Note: {note}" for note in self.notes]
        lines += [f"Not applied: {text}" for text in self.not_applied]
        lines += [f"! {name} cannot be planned: {' '.join(str(error).split())}" for name, error in self._failures]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """Return the plan as a dictionary that JSON can express, to save and to apply later with `from_dict`.

        It has external IDs, and no password.
        """
        return {
            "grants": [grant.to_dict() for grant in self.grants],
            "adopt": self._adopt,
            "on_error": self._on_error,
            "is_empty": self.is_empty,
            "changes": [change.to_dict() for change in self.changes],
            "notes": list(self.notes),
            "not_applied": list(self.not_applied),
        }

    @classmethod
    def from_dict(
        cls,
        data: Mapping[str, object],
        *,
        trusting: boto3.Session,
        trusted: boto3.Session,
        patience: Patience | None = None,
    ) -> Plan:
        """Return a saved plan, if it would still make the same changes.

        Args:
            data: the dictionary of `to_dict`.
            trusting: a session of the account that has the roles.
            trusted: a session of the account whose principals assume the roles.
            patience: how long to retry each call while IAM changes propagate; two minutes by default.

        Raises:
            InvalidValue: the data is not that of a plan.
            StalePlan: the accounts changed since the plan was saved; the error has the plan that is right now.

        >>> import json
        >>> from xacct import Plan, TrustGrant, plan
        >>> from xacct.testing import Sandbox
        >>> grant = TrustGrant(account="111111111111", principals="222222222222",
        ...     managed_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"])
        >>> with Sandbox(["111111111111", "222222222222"]) as aws:
        ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
        ...     saved = json.dumps(plan(grant, trusting=production, trusted=development).to_dict())
        ...     restored = Plan.from_dict(json.loads(saved), trusting=production, trusted=development)
        ...     len(restored.apply())
        2
        """
        grants = data.get("grants")
        if not isinstance(grants, Sequence) or not grants or data.get("on_error") not in ("raise", "collect"):
            raise InvalidValue("data", data, "the dictionary of Plan.to_dict()")
        adopt = data.get("adopt") is True
        on_error: OnError = "raise" if data["on_error"] == "raise" else "collect"
        accounts = connect(trusting, trusted, patience or Patience())
        new = plan_between([grant_from_dict(g) for g in grants], *accounts, adopt=adopt, on_error=on_error)
        refuse_stale(new.changes, data, accounts[0].id, new_plan=str(new))
        return new

    @property
    def drift(self) -> tuple[Change, ...]:
        """Everything on the grants' resources that the grants do not want. Reads both accounts now.

        What a new plan would change has that change's action. What xacct did not put there, and leaves, has ``leave``.

        Raises:
            AwsError: a read failed.
        """
        observed = self._read("drift")
        existing = [observation for observation in observed.all if observation.state is not None]
        steps = [step for observation in existing for step in observation.steps_to_apply()]
        changes = [step.change for step in steps if step.change is not None]
        return (*changes, *(change for observation in existing for change in observation.drift))

    def apply(self, *, accept: Iterable[str] = (), on_event: OnEvent | None = None) -> tuple[Change, ...]:
        """Make the changes, and wait until the new roles can be assumed.

        First each grant is proved, with its managed policies, which the trusting session must be allowed to read. Then
        everything that is to be changed is read again: a plan is not applied if the accounts have changed since.
        Independent changes are made concurrently. After a failure, the changes of this run are rolled back. It is
        always safe to plan and apply again.

        Args:
            accept: the names of checks of the proofs that are accepted although they are not decided, as the table of
                :func:`xacct.prove` prints them, such as ``policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess``. They
                hold for all grants of the plan. A check that failed cannot be accepted. A name that is not needed has
                no effect, so that a program can keep passing it when the policy can be read.
            on_event: called for each step as it starts and ends, in the thread that called `apply`; for a plan with
                ``on_error="collect"`` in several threads, one call at a time.

        Returns:
            The changes; empty if the accounts matched the grants already.

        Raises:
            ProofFailed: a grant gives access that it should not give, or lacks access that it should give. Nothing was
                changed.
            ProofNotDecided: the proof of a grant with changes is not decided, such as because a managed policy cannot
                be read, and ``accept`` does not name the check. Nothing was changed.
            InvalidValue: ``accept`` has something else than texts, or a role without an external ID is to trust an
                account outside the organization. Nothing was changed.
            SessionExpired: the credentials of a session have expired. Nothing was changed.
            InvalidCredentials: AWS rejects the credentials of a session. Nothing was changed.
            StalePlan: the accounts changed after the plan was made. Nothing was changed; the error has a new plan.
            ApplyFailed: a step failed; says what was rolled back, what was not, and what to do next.
            GrantsFailed: only for a plan with ``on_error="collect"``: some grants failed, and the others are in effect.
        """
        accepted = accepted_names(accept)
        for note in () if self.is_empty else self.notes:
            log.info("%s", note)
        for text in self.not_applied:
            log.warning("%s", text)
        steps = sum(len(part.observed.steps_to_apply()) for part in self._parts)
        with step_progress(on_event, steps=steps, grants=len(self.grants)) as watch:
            return self._apply_parts(accepted, Reporter(watch))

    def _apply_parts(self, accepted: frozenset[str], report: Reporter) -> tuple[Change, ...]:
        parts = [_claimed(part) for part in self._parts]
        evidence = read_evidence(parts, self._trusting, self._trusted, accepted=accepted)
        if self._on_error == "raise":
            for part in parts:
                evidence.refuse_unproven(part)
            return self._apply(merged(parts), report)
        results = run_concurrently(*(partial(self._try_to_apply, part, evidence, report) for part in parts))
        failures = dict(self._failures)
        failures |= {part.name: result for part, result in zip(self._parts, results) if isinstance(result, Exception)}
        if failures:
            raise GrantsFailed(failures, [part.name for part in self._parts if part.name not in failures])
        return tuple(change for result in results if isinstance(result, tuple) for change in result)

    def _try_to_apply(self, part: Part, evidence: Evidence, report: Reporter) -> tuple[Change, ...] | XacctError:
        try:
            evidence.refuse_unproven(part)
            return self._apply(part, report)
        except XacctError as error:
            return error

    def _apply(self, part: Part, report: Reporter) -> tuple[Change, ...]:
        runs = [Run() for _ in range(_ROUNDS)]
        try:
            return self._apply_in_rounds(part, runs, report)
        finally:
            _ENDED_RUNS.update(run.id for run in runs)

    def _apply_in_rounds(self, part: Part, runs: Sequence[Run], report: Reporter) -> tuple[Change, ...]:
        changes: list[Change] = []
        observed = part.observed
        changed: dict[str, str] = {}
        unsettled: list[str] = []
        for number, run in enumerate(runs):
            observed = observed.for_run(run)
            try:
                made, unsettled = self._execute_and_look(part, observed, report, is_first=number == 0)
                changes += made
            except StalePlan as error:
                if number == 0:
                    raise
                unsettled = list(error.names)
            except ApplyFailed as error:
                if number == 0:
                    raise
                # Only this round was rolled back.
                remaining = dict.fromkeys((*error.remaining, *changed.values()))
                raise ApplyFailed(error.doing, error.cause, remaining=[*remaining]) from error
            if not unsettled:
                return tuple(changes)
            log.info("Another run or grant changed %s at the same time: applying again", ", ".join(unsettled))
            # All that this run has changed is claimed again. Otherwise one resource could be left as this run declares
            # it, and the next one as the other run does.
            changed |= {o.resource.key: o.resource.label for o in observed.all if o.contested or o.steps_to_apply()}
            observed = self._read("plan", part.grants).contested(changed)
            try:
                refuse_resources_of_others(observed, adopt=self._adopt)
            except (GrantConflict, NotOurs) as error:
                # The error says that nothing was changed, and this run has changed something before.
                cause = f"another run took over {', '.join(error.names)} in account {error.account}"
                raise ApplyFailed("applying the plan", cause, remaining=unsettled) from error
        cause = f"another run keeps changing {', '.join(unsettled)}"
        raise ApplyFailed("applying the plan", cause, remaining=unsettled)

    def _execute_and_look(
        self, part: Part, observed: ObservedGrants, report: Reporter, *, is_first: bool
    ) -> tuple[list[Change], list[str]]:
        """Make the changes, and return them and the labels of what is not as declared, because of another run.

        A removal in progress has seen only what there was when it began, and deletes that within the time that this run
        waits. What was created while nothing was there yet is removed only if that took long.
        """
        is_there = [o for o in observed.wanted if o.state is not None]
        waits = any(p.observed.may_be_in_removal for p in parts_of(part.grants, observed))
        waits = waits or (not is_first and len(is_there) < len(observed.wanted))
        changes, took_long = self._execute(part, observed, report)
        if waits:
            self._trusting.patience.sleep(seconds_to_wait(self._trusting.patience))
            return changes, self._unsettled(observed.wanted)
        gone = self._gone(observed) if took_long else []
        return changes, [*gone, *self._unsettled([o for o in observed.all if o.is_changed_by_several])]

    def _execute(self, part: Part, observed: ObservedGrants, report: Reporter) -> tuple[list[Change], bool]:
        """Make the changes. Return them, and whether they took longer than a removal relies on what it has read."""
        began = clock()
        took_long = False

        def timed(step: Step) -> Step:
            def run() -> None:
                nonlocal took_long
                step.run()
                took_long = took_long or not is_recent_read(began, self._trusting.patience)

            # A step without a change only waits.
            return step if step.change is None else evolve(step, run=run)

        steps = [*map(timed, observed.steps_to_apply()), *_steps_to_wait(observed, self._trusted)]
        try:
            execute(steps, report, roll_back=True)
        except ApplyFailed as error:
            stale = error.__cause__
            if isinstance(stale, StalePlan) and not error.remaining:
                raise StalePlan(stale.account, stale.names, new_plan=self._new_plan(part)) from None
            raise
        return [step.change for step in steps if step.change], took_long

    def _unsettled(self, observations: Sequence[AnyObservation]) -> list[str]:
        """Return the labels of the resources that another run changed since, or that are not as declared."""
        settled = run_concurrently(*(lambda o=o: o.is_settled for o in observations))
        return [o.resource.label for o, is_settled in zip(observations, settled) if not is_settled]

    def _gone(self, observed: ObservedGrants) -> list[str]:
        """Return the labels of the resources that this run created and that another run removed."""
        created = [o.resource for o in observed.wanted if o.state is None and not o.is_changed_by_several]
        there = run_concurrently(*(resource.is_still_there for resource in created))
        return [resource.label for resource, is_there in zip(created, there) if not is_there]

    def _new_plan(self, part: Part) -> str:
        try:
            return str(plan_between(part.grants, self._trusting, self._trusted, adopt=self._adopt))
        except XacctError as error:
            return f"It cannot be made: {error}"

    def _read(self, purpose: Purpose, grants: Sequence[Grant] | None = None) -> ObservedGrants:
        return read_grants(
            self.grants if grants is None else grants,
            trusting=self._trusting,
            trusted=self._trusted,
            passwords=self._passwords,
            purpose=purpose,
        )

    def destroy(self, *, on_event: OnEvent | None = None) -> tuple[Change, ...]:
        """Remove everything that xacct created for the grants, and nothing else. Both accounts are read again.

        Args:
            on_event: called for each step as it starts and ends, in the thread that called `destroy`.

        Returns:
            What was removed; empty if there was nothing to remove.

        Raises:
            NotOurs: a resource with a grant's name was not created by xacct. Nothing was changed.
            GrantConflict: a resource with a grant's name belongs to another grant now. Nothing was changed.
            ForeignAttachments: something that xacct did not create prevents the removal. Nothing was changed, unless
                only AWS's refusal of the last deletion showed it; `touched` says which.
            ApplyFailed: a step failed; says what was not removed. Run `destroy` again to continue.
        """
        reporter = Reporter(on_event)
        changes: list[Change] = []
        seen: set[tuple[str, str | None]] = set()
        found: list[AnyObservation] = []
        for number in range(_ROUNDS):
            began, observations = self._read_to_remove()
            # What was not adopted by now is not removed, whatever the plan would adopt.
            if number == 0:
                refuse_resources_of_others(observations, adopt=False)
            found = [o for o in observations.all if o.state is not None and o.conflict(adopt=False) is None]
            marks = {(o.resource.key, o.mark) for o in found}
            # What was removed can still be visible, with the mark that it had.
            if marks <= seen:
                return tuple(changes)
            refuse_foreign_attachments(found)
            steps = [step for o in found for step in o.guarded_since(began).steps_to_remove()]
            execute(steps, reporter, roll_back=False)
            changes += [step.change for step in steps if step.change]
            # Another run may create what was not there, and find everything else as it wants it.
            if len(found) == len(observations.all):
                return tuple(changes)
            seen |= marks
        labels = [o.resource.label for o in found]
        cause = f"another run keeps creating {', '.join(labels)}"
        raise ApplyFailed("removing the grants", cause, remaining=labels)

    def _read_to_remove(self) -> tuple[float, ObservedGrants]:
        """Read what is to be removed, and when that began. Wait while another run still creates some of it."""
        before: Sequence[tuple[str, object]] = ()
        while True:
            began, observed = clock(), self._read("remove")
            now = [(o.resource.key, o.state) for o in observed.all]
            in_progress = any(o.may_be_in_progress(_ENDED_RUNS) for o in observed.all)
            if not in_progress or all(o.is_complete for o in observed.wanted) or now == before:
                return began, observed
            before = now
            self._trusting.patience.sleep(seconds_to_wait(self._trusting.patience))


def _claimed(part: Part) -> Part:
    """Return a part with changes such that all its resources are claimed.

    What does not change must still be as planned, too: another run may be changing it, or may roll it back.
    """
    in_progress = any(observation.may_be_in_progress(_ENDED_RUNS) for observation in part.observed.all)
    if not part.observed.steps_to_apply() and not in_progress:
        return part
    return evolve(part, observed=part.observed.contested([o.resource.key for o in part.observed.all]))


def plan(
    *grants: TrustGrant | DevAccessGrant,
    trusting: boto3.Session,
    trusted: boto3.Session,
    adopt: bool = False,
    on_error: OnError = "raise",
    patience: Patience | None = None,
) -> Plan:
    """Read both accounts, and return the changes that bring them to what the grants declare. Nothing is changed.

    Args:
        grants: usually one TrustGrant and one DevAccessGrant.
        trusting: a session of the account that has the roles.
        trusted: a session of the account whose principals assume the roles.
        adopt: whether to take over resources with the same names that xacct did not create, or that belong to another
            grant. Adopted resources belong to the grant from then on: `Plan.destroy` deletes them.
        on_error: what a failing grant does to the others: ``raise`` rolls all of them back; ``collect`` applies each
            grant, with the policy or role that it is linked to, on its own, and `Plan.apply` raises GrantsFailed at the
            end.
        patience: how long to retry each call while IAM changes propagate; two minutes by default.

    Raises:
        WrongAccount: a session belongs to a different account than a grant.
        NotOurs: a resource with a grant's name was not created by xacct.
        GrantConflict: a resource with a grant's name belongs to another grant.
        CannotChange: a resource differs in something that AWS cannot change.
        PermissionMissing: a caller lacks a permission to read; says which one to add.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/tutorial_cross-account-with-roles.html

    >>> from xacct import TrustGrant, plan
    >>> from xacct.testing import Sandbox
    >>> grant = TrustGrant(account="111111111111", principals="222222222222",
    ...     managed_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"])
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
    ...     [change.action for change in plan(grant, trusting=production, trusted=development).changes]
    ['create', 'attach']
    """
    if not grants:
        raise InvalidValue("grants", (), "at least one TrustGrant or DevAccessGrant")
    if on_error not in ("raise", "collect"):
        raise InvalidValue("on_error", on_error, "'raise' or 'collect'")
    accounts = connect(trusting, trusted, patience or Patience())
    return plan_between(grants, *accounts, adopt=adopt, on_error=on_error)


def plan_between(
    grants: Sequence[Grant],
    trusting: GrantAccount,
    trusted: GrantAccount,
    *,
    adopt: bool,
    on_error: OnError = "raise",
    notes: Sequence[str] = (),
) -> Plan:
    """Do what :func:`plan` does, with accounts that are connected already."""
    for grant in grants:
        _refuse_wrong_account(grant, trusting if isinstance(grant, TrustGrant) else trusted)
    passwords = Passwords(account=trusted)
    observed = read_grants(grants, trusting=trusting, trusted=trusted, passwords=passwords, purpose="plan")
    if on_error == "raise":
        refuse_resources_of_others(observed, adopt=adopt)
    parts = parts_of(grants, observed)
    errors = [_error_of(partial(_refuse_impossible, part.observed, adopt=adopt)) for part in parts]
    failures = [(part.name, error) for part, error in zip(parts, errors) if error is not None]
    if failures and on_error == "raise":
        raise failures[0][1]
    possible = [part for part, error in zip(parts, errors) if error is None]
    steps = [step for part in possible for step in part.observed.steps_to_apply()]
    observations = [observation for part in possible for observation in part.observed.all]
    return Plan(
        grants=tuple(grants),
        changes=(*(s.change for s in steps if s.change), *(c for o in observations for c in o.drift)),
        notes=(*notes, *(note for grant in grants if isinstance(grant, TrustGrant) for note in notes_on(grant))),
        not_applied=tuple(text for part in possible for o in part.observed.users for text in o.not_applied),
        parts=tuple(possible),
        failures=tuple(failures),
        trusting=trusting,
        trusted=trusted,
        passwords=passwords,
        adopt=adopt,
        on_error=on_error,
    )


def _error_of(check: Callable[[], None]) -> XacctError | None:
    try:
        check()
    except XacctError as error:
        return error
    return None


def _refuse_impossible(observed: ObservedGrants, *, adopt: bool) -> None:
    refuse_resources_of_others(observed, adopt=adopt)
    refuse_foreign_attachments(observation for observation in observed.all if observation.unwanted)
    for observation in observed.all:
        observation.refuse_unchangeable()


def _refuse_wrong_account(grant: Grant, account: GrantAccount) -> None:
    if (grant.account, grant.partition) != (account.id, account.partition):
        raise WrongAccount(account.side, f"{grant.account} ({grant.partition})", f"{account.id} ({account.partition})")


def _steps_to_wait(observed: ObservedGrants, trusted: GrantAccount) -> list[Step]:
    """Return the steps that wait until the new roles can be assumed, if the trusted session's caller may."""
    new = [observation.resource for observation in observed.roles if observation.state is None]
    return [
        wait_until_assumable(role, trusted)
        for role in new
        if isinstance(role, Role) and is_assumable_by(role.grant, trusted.caller)
    ]
