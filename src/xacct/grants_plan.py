"""The plans of a grants file: one for each two accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen

from xacct.console_user import ConsoleUser
from xacct.errors import GrantsFailed, InvalidValue, StalePlan, XacctError
from xacct.events import OnEvent
from xacct.grant_account import GrantAccount
from xacct.read_grant import external_id_notes
from xacct.reconcile.later_ends import GrantPair, plan_with_later_ends
from xacct.reconcile.parts import Grant
from xacct.reconcile.plan import OnError, Plan
from xacct.reconcile.saved_changes import refuse_stale
from xacct.resources.step import Change
from xacct.switch_role import SwitchRoleLink

__all__ = ["DeclaredGrants", "GrantsPlan", "PairPlan"]


@frozen(kw_only=True)
class DeclaredGrants:
    """What the grants of a file declare between two accounts.

    Attributes:
        trusting: the name of the trusting account in the file.
        trusted: the name of the trusted account in the file.
        here: the trusting account.
        there: the trusted account.
        pairs: the grants of both accounts, for each read access.
        others: the grants that the file has as they are.
        links: the switch-role links by the ARN of the role, where the console can switch.
    """

    trusting: str
    trusted: str
    here: GrantAccount
    there: GrantAccount
    pairs: tuple[GrantPair, ...] = ()
    others: tuple[Grant, ...] = ()
    links: Mapping[str, SwitchRoleLink] = field(factory=dict)

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All grants."""
        return (*(grant for pair in self.pairs for grant in pair), *self.others)

    def label_of(self, name: str) -> str:
        """Return what errors call a grant of this name."""
        return f"{self.trusting}/{self.trusted}: {name}"

    def plan(self, *, adopt: bool, on_error: OnError) -> Plan:
        """Return the plan of the grants."""
        notes = external_id_notes(self.here, [trust for trust, _ in self.pairs])
        _, plan = plan_with_later_ends(
            self.pairs, self.here, self.there, others=self.others, adopt=adopt, on_error=on_error, notes=notes
        )
        return plan


@frozen(kw_only=True)
class PairPlan:
    """The plan of a grants file's grants between two accounts.

    Attributes:
        plan: the plan.
    """

    plan: Plan
    _declared: DeclaredGrants = field(alias="declared", repr=False)
    _adopt: bool = field(alias="adopt", repr=False)
    _on_error: OnError = field(alias="on_error", repr=False)
    _later: list[Plan] = field(factory=list, init=False, repr=False, eq=False)

    @property
    def trusting(self) -> str:
        """The name of the trusting account in the file."""
        return self._declared.trusting

    @property
    def trusted(self) -> str:
        """The name of the trusted account in the file."""
        return self._declared.trusted

    @property
    def switch_role_links(self) -> Mapping[str, SwitchRoleLink]:
        """The links for the roles by ARN, where the console can switch to them."""
        return dict(self._declared.links)

    def __str__(self) -> str:
        here, there = self._declared.here.id, self._declared.there.id
        return f"Trusting account {self.trusting} ({here}), trusted account {self.trusted} ({there}):\n{self.plan}"

    def to_dict(self) -> dict[str, object]:
        """Return the plan as a dictionary that JSON can express, with the names of both accounts."""
        return {"trusting": self.trusting, "trusted": self.trusted, **self.plan.to_dict()}

    @property
    def _users(self) -> set[tuple[str, str]]:
        """The account and the name of each console user."""
        return {(self._declared.there.id, user.name) for user in self.plan.console_users}

    def _apply(self, accept: Iterable[str], on_event: OnEvent | None, *, again: bool) -> tuple[Change, ...]:
        if again:
            self._later.append(self._declared.plan(adopt=self._adopt, on_error=self._on_error))
        return [self.plan, *self._later][-1].apply(accept=accept, on_event=on_event)

    def label_of(self, name: str) -> str:
        """Return what errors call a grant of this name between the two accounts."""
        return self._declared.label_of(name)

    def _labels(self, names: Iterable[str]) -> list[str]:
        return [self.label_of(name) for name in dict.fromkeys(names)]


@frozen(kw_only=True)
class GrantsPlan:
    """The changes that bring the accounts of a grants file to what it declares. Print it as a diff, then `apply` it.

    A plan is made by `GrantsFile.plan`, which only reads.

    Attributes:
        pairs: the plan for each two accounts, in the order of the file.
        failures: with ``on_error="collect"``, the errors of the grants that cannot be planned, by a name of the grant.
    """

    pairs: tuple[PairPlan, ...]
    failures: Mapping[str, XacctError] = field(factory=dict)
    _on_error: OnError = field(alias="on_error", default="raise", repr=False)
    _in_effect: list[str] = field(factory=list, init=False, repr=False, eq=False)

    @property
    def in_effect(self) -> tuple[str, ...]:
        """The grants that `apply` has brought into effect so far, also if it failed or was interrupted later."""
        return tuple(self._in_effect)

    @property
    def is_empty(self) -> bool:
        """Whether all accounts match the grants already."""
        return not self.failures and all(pair.plan.is_empty for pair in self.pairs)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of all plans. Those with the action ``leave`` are not created by xacct and stay."""
        return tuple(change for pair in self.pairs for change in pair.plan.changes)

    @property
    def console_users(self) -> tuple[ConsoleUser, ...]:
        """The console users of the grants, of all accounts. See `password_of`."""
        return tuple(user for pair in self.pairs for user in pair.plan.console_users)

    def password_of(self, trusted: str, user: str) -> str | None:
        """Return the password of a console user; None if `apply` generated none. Only this plan has it.

        Args:
            trusted: the name of the user's account in the file.
            user: the user's name.
        """
        # The last one counts: an earlier plan's user may have been rolled back.
        plans = [plan for pair in self.pairs if pair.trusted == trusted for plan in (pair.plan, *pair._later)]
        users = [found for plan in reversed(plans) for found in plan.console_users if found.name == user]
        return next((found.password for found in users if found.password is not None), None)

    def __str__(self) -> str:
        texts = [str(pair) for pair in self.pairs] or ["Nothing to change: the file has no grants."]
        failed = [f"! {name} cannot be planned: {error}" for name, error in self.failures.items()]
        return "\n\n".join([*texts, *failed])

    def to_dict(self) -> dict[str, object]:
        """Return the plan as a dictionary that JSON can express, for `check_saved`.

        It has external IDs, and no password.
        """
        return {
            "is_empty": self.is_empty,
            "pairs": [pair.to_dict() for pair in self.pairs],
            "failures": {name: str(error) for name, error in self.failures.items()},
        }

    def check_saved(self, saved: Mapping[str, object]) -> None:
        """Check that a saved plan would make the same changes as this one.

        Args:
            saved: the dictionary of `to_dict`.

        Raises:
            InvalidValue: it is not the dictionary of a plan.
            StalePlan: the accounts or the file changed since the plan was saved; the error has this plan.
        """
        listed = saved.get("pairs") if isinstance(saved, Mapping) else None
        if not isinstance(listed, Sequence) or not all(isinstance(pair, Mapping) for pair in listed):
            raise InvalidValue("saved", "(not a plan)", "the dictionary of GrantsPlan.to_dict()")
        pairs = {(pair.get("trusting"), pair.get("trusted")): pair for pair in listed}
        for pair in self.pairs:
            before = pairs.pop((pair.trusting, pair.trusted), {})
            refuse_stale(pair.plan.changes, before, pair._declared.here.id, new_plan=str(self))
        for (trusting, trusted), pair in pairs.items():
            if pair.get("changes"):
                raise StalePlan(f"{trusting} or {trusted}", ["a grant that the file has no more"], new_plan=str(self))

    def apply(self, *, accept: Iterable[str] = (), on_event: OnEvent | None = None) -> tuple[Change, ...]:
        """Make the changes, between two accounts after the other, and wait until the new roles can be assumed.

        After a failure, the changes between the same two accounts are rolled back. Those between others stay. It is
        always safe to plan and apply again. A console user of several grants is created once.

        Args:
            accept: the names of checks of the proofs that are accepted although they are not decided; see `Plan.apply`.
            on_event: called for each step as it starts and ends.

        Returns:
            The changes; empty if the accounts matched the grants already.

        Raises:
            GrantsFailed: some grants failed, and others are in effect; or the plan was made with
                ``on_error="collect"``.
            XacctError: as `Plan.apply` raises it, if nothing was changed, or if what was changed was rolled back.
        """
        accepted, users = tuple(accept), set[tuple[str, str]]()
        changes: list[Change] = []
        failures: dict[str, Exception] = dict(self.failures)
        self._in_effect.clear()
        for pair in self.pairs:
            names = pair._labels(grant.name for grant in pair.plan.grants)
            if failures and self._on_error == "raise":
                failures |= dict.fromkeys(names, XacctError("It was not tried, because another grant failed."))
                continue
            # The plan was made when the console users of those before it were not there.
            again = bool(pair._users & users)
            users |= pair._users
            try:
                changes += pair._apply(accepted, on_event, again=again)
            except GrantsFailed as error:
                failures |= {pair.label_of(name): failure for name, failure in error.failures.items()}
                self._in_effect.extend(pair._labels(error.succeeded))
            except XacctError as error:
                if self._on_error == "raise" and not changes:
                    raise
                failures |= dict.fromkeys(names, error)
            else:
                self._in_effect.extend(names)
        if failures:
            raise GrantsFailed(failures, self._in_effect)
        return tuple(changes)
