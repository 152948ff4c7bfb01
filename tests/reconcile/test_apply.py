"""How a plan is made, applied, applied again and destroyed, with what is read and proved given."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve

from xacct import ConsoleUser, DevAccessGrant, Event, Plan, TrustGrant
from xacct.errors import (
    ApplyFailed,
    CannotChange,
    ForeignAttachments,
    GrantConflict,
    GrantsFailed,
    InvalidValue,
    NotOurs,
    ProofFailed,
    StalePlan,
    WrongAccount,
    XacctError,
)
from xacct.reconcile import plan
from xacct.reconcile.observation import ObservedGrants
from xacct.reconcile.plan import plan_between
from xacct.resources.ownership_tags import Run
from xacct.resources.role import Role
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING
from .things import FOREIGN, NOTHING, OTHERS, OURS, seen, state
from .tutorial import S3_READ

A, B = (
    DevAccessGrant(name=name, account=TRUSTED, policy_name=name, role_arns=f"arn:aws:iam::{TRUSTING}:role/{name}")
    for name in "AB"
)
ROLE = TrustGrant(account=TRUSTING, role_name="A", principals=TRUSTED, managed_policy_arns=S3_READ)


class World:
    """Both accounts, with what each read returns.

    Attributes:
        observed: what each read returns, in order; the last one again and again.
        reads: the grants, the purpose and the accounts of each read.
        unproven: the names of the parts whose proof fails.
        calls: what happened in order: proofs and steps.
        waits: the seconds of each wait.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.module: Any = import_module("xacct.reconcile.plan")
        account = {"partition": "aws", "caller": SimpleNamespace(account=TRUSTED, resource="user/ada")}
        self.waits: list[float] = []
        patience = Patience(sleep=self.waits.append)
        self.trusting: Any = SimpleNamespace(side="trusting", id=TRUSTING, patience=patience, **account)
        self.trusted: Any = SimpleNamespace(side="trusted", id=TRUSTED, **account)
        self.observed: list[ObservedGrants] = [NOTHING]
        self.reads: list[dict[str, Any]] = []
        self.unproven: set[str] = set()
        self.calls: list[str] = []
        self.evidence: dict[str, Any] = {}
        patch.setattr(self.module, "read_grants", self._read)
        patch.setattr(self.module, "read_evidence", self._evidence)

    def _read(self, grants: Sequence[Any], **arguments: Any) -> ObservedGrants:
        self.reads.append({"grants": tuple(grants), **arguments})
        return self.observed.pop(0) if len(self.observed) > 1 else self.observed[0]

    def _evidence(self, parts: Sequence[Any], trusting: Any, trusted: Any, *, accepted: frozenset[str]) -> Any:
        self.evidence = {"parts": parts, "trusting": trusting, "trusted": trusted, "accepted": accepted}
        return SimpleNamespace(refuse_unproven=self._prove)

    def _prove(self, part: Any) -> None:
        self.calls.append(f"proof of {part.name}")
        if part.name in self.unproven:
            raise ProofFailed(part.name, ["no"])

    def thing(self, grant: Any = A, state: Any = OURS, **arguments: Any) -> Any:
        """The observation of a thing whose steps are recorded."""
        return seen(state, **{"key": grant.name, "grant": grant, "call": self.calls.append, **arguments})

    def plan(self, *grants: Any, adopt: bool = False, on_error: Any = "raise", **arguments: Any) -> Plan:
        return plan_between(grants or (A,), self.trusting, self.trusted, adopt=adopt, on_error=on_error, **arguments)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def policies(*observations: Any) -> ObservedGrants:
    return evolve(NOTHING, policies=observations)


def changes(made: Sequence[Any]) -> list[str]:
    return [change.resource for change in made]


# Planning


def test_a_plan_reads_both_accounts_and_has_what_follows(world: World) -> None:
    """Changes, then drift, notes of the caller and of the grants, and what is not applied."""
    observed = ObservedGrants(
        policies=(world.thing(A), world.thing(A, None, key="new")),
        users=(world.thing(A, key="user", applied=()),),
        roles=(world.thing(ROLE, key="role", applied=("a", "b")),),
    )
    world.observed = [observed]
    made = world.plan(A, ROLE, notes=["first"])

    assert made.grants == (A, ROLE)
    assert changes(made.changes) == [
        "A apply",
        "new apply",
        "role a",
        "role b",
        "drift of A",
        "drift of user",
        "drift of role",
    ]
    assert made.notes == ("first", *world.module.notes_on(ROLE))
    assert len(made.notes) > 1
    assert made.not_applied == ("not applied",)
    (read,) = world.reads
    assert read["grants"] == (A, ROLE)
    assert (read["trusting"], read["trusted"], read["purpose"]) == (world.trusting, world.trusted, "plan")
    assert read["passwords"].account is world.trusted
    assert (made.to_dict()["adopt"], made.to_dict()["on_error"]) == (False, "raise")


@pytest.mark.parametrize(
    ("grant", "side", "expected"),
    [
        (evolve(A, account="333333333333"), "trusted", "333333333333 (aws)"),
        (evolve(ROLE, account="333333333333"), "trusting", "333333333333 (aws)"),
        (
            DevAccessGrant(account=TRUSTED, role_arns=f"arn:aws-cn:iam::{TRUSTING}:role/A", partition="aws-cn"),
            "trusted",
            f"{TRUSTED} (aws-cn)",
        ),
    ],
)
def test_a_grant_of_another_account_is_refused_before_the_first_read(
    world: World, grant: Any, side: str, expected: str
) -> None:
    present = TRUSTED if side == "trusted" else TRUSTING
    with pytest.raises(WrongAccount) as refused:
        world.plan(ROLE, A, grant)

    assert str(refused.value) == str(WrongAccount(side, expected, f"{present} (aws)"))  # type: ignore[arg-type]
    assert world.reads == []


@pytest.mark.parametrize(
    ("thing", "error"),
    [
        ({"state": FOREIGN}, NotOurs),
        ({"state": OTHERS}, GrantConflict),
        ({"unchangeable": True}, CannotChange),
        ({"unwanted": True, "foreign": ("a key",)}, ForeignAttachments),
    ],
)
def test_what_is_impossible_is_refused_or_collected(world: World, thing: Any, error: type[Exception]) -> None:
    world.observed = [policies(world.thing(A, **thing), world.thing(B))]
    with pytest.raises(error):
        world.plan(A, B)
    collected = world.plan(A, B, on_error="collect")

    assert changes(collected.changes) == ["B apply", "drift of B"]
    assert not collected.is_empty
    with pytest.raises(GrantsFailed) as failed:
        collected.apply()
    reason = " ".join(str(failed.value.failures["A"]).split())
    assert f"! A cannot be planned: {reason}" in str(collected).splitlines()
    assert {name: type(failure) for name, failure in failed.value.failures.items()} == {"A": error}
    assert failed.value.succeeded == ("B",)


def test_a_refused_plan_names_the_resources_of_others_for_all_grants(world: World) -> None:
    world.observed = [policies(world.thing(A, FOREIGN), world.thing(B, FOREIGN))]
    with pytest.raises(NotOurs) as refused:
        world.plan(A, B)

    assert refused.value.names == ("thing A", "thing B")


def test_a_plan_may_adopt_and_keeps_foreign_attachments_of_what_is_wanted(world: World) -> None:
    world.observed = [policies(world.thing(A, FOREIGN, foreign=("a key",)), world.thing(B, OTHERS))]

    assert changes(world.plan(A, B, adopt=True).changes)[:2] == ["A apply", "B apply"]
    assert changes(world.plan(A, B, adopt=True, on_error="collect").changes)[:2] == ["A apply", "B apply"]


def test_a_plan_connects_to_both_accounts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[tuple[object, ...]] = []

    def connect(*arguments: object) -> tuple[Any, Any]:
        connected.append(arguments)
        return world.trusting, world.trusted

    monkeypatch.setattr(world.module, "connect", connect)
    world.observed = [policies(world.thing(A, FOREIGN))]
    sessions: Any = {"trusting": "here", "trusted": "there"}
    patience = Patience(deadline=3)
    made = plan(A, **sessions, adopt=True, on_error="collect", patience=patience)
    with pytest.raises(NotOurs):
        plan(A, **sessions)

    assert connected == [("here", "there", patience), ("here", "there", Patience())]
    assert (made.to_dict()["adopt"], made.to_dict()["on_error"]) == (True, "collect")
    assert [read["grants"] for read in world.reads] == [(A,), (A,)]


@pytest.mark.parametrize("grants", [(), (A,)])
def test_arguments_of_a_plan_are_checked_first(world: World, grants: Any) -> None:
    sessions: Any = {"trusting": "here", "trusted": "there"}
    wrong: Any = "ignore"
    with pytest.raises(InvalidValue, match="on_error" if grants else "grants"):
        plan(*grants, **sessions, on_error=wrong)


# Applying


def test_every_grant_is_proved_before_the_first_step(world: World) -> None:
    events: list[Event] = []
    world.observed = [policies(world.thing(A), world.thing(B, None))]
    made = world.plan(A, B)

    assert changes(made.apply(on_event=events.append)) == ["A apply", "B apply"]
    assert world.calls[:3] == ["proof of A", "proof of B", "A claim"]
    assert sorted(world.calls[3:]) == ["A apply", "B apply"]
    assert [event.kind for event in events].count("done") == 3
    assert (world.evidence["trusting"], world.evidence["trusted"]) == (world.trusting, world.trusted)
    assert len(world.reads) == 1


def test_the_progress_bar_knows_how_many_steps_and_grants_there_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []

    @contextmanager
    def step_progress(on_event: Any, *, steps: int, grants: int) -> Iterator[Any]:
        shown.append((on_event, steps, grants))
        yield on_event

    def watch(event: Event) -> None:
        pass

    monkeypatch.setattr(world.module, "step_progress", step_progress)
    world.observed = [policies(world.thing(A), world.thing(B, None, applied=("a", "b")))]
    world.plan(A, B).apply(on_event=watch)

    # With the claim of what exists.
    assert shown == [(watch, 4, 2)]


def test_what_is_accepted_is_passed_to_the_proof(world: World) -> None:
    world.plan(A).apply(accept=["policy P"])

    assert world.evidence["accepted"] == {"policy P"}


def test_a_grant_that_is_not_proved_stops_all_or_only_itself(world: World) -> None:
    world.observed = [policies(world.thing(A), world.thing(B))]
    world.unproven = {"B"}
    with pytest.raises(ProofFailed):
        world.plan(A, B).apply()
    assert world.calls == ["proof of A", "proof of B"]
    with pytest.raises(GrantsFailed) as failed:
        world.plan(A, B, on_error="collect").apply()

    assert (list(failed.value.failures), failed.value.succeeded) == (["B"], ("A",))
    assert "A apply" in world.calls
    assert "B claim" not in world.calls


def test_collected_grants_return_their_changes_in_order(world: World) -> None:
    world.observed = [policies(world.thing(A), world.thing(B))]

    assert changes(world.plan(A, B, on_error="collect").apply()) == ["A apply", "B apply"]


def test_an_error_that_is_not_of_xacct_is_not_collected(world: World) -> None:
    def fail(part: Any) -> None:
        raise ZeroDivisionError

    world.observed = [policies(world.thing(A))]
    world._prove = fail  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        world.plan(A, on_error="collect").apply()


def test_notes_are_logged_only_if_something_changes(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="xacct")
    world.plan(A, notes=["a note"]).apply()
    assert caplog.messages == []
    world.observed = [evolve(NOTHING, users=(world.thing(A, applied=("a",)),))]
    world.plan(A, notes=["a note"]).apply()

    assert [(r.levelname, r.getMessage()) for r in caplog.records[:2]] == [
        ("INFO", "a note"),
        ("WARNING", "not applied"),
    ]


def test_all_resources_of_a_part_with_changes_are_claimed(world: World) -> None:
    world.observed = [policies(world.thing(A), world.thing(A, key="same", applied=()), world.thing(B, applied=()))]
    world.plan(A, B).apply()

    assert {call for call in world.calls if "claim" in call} == {"A claim", "same claim"}


# Applying again


class Unsettled:
    """Whether a thing is settled, each time it is read."""

    def __init__(self, *answers: bool) -> None:
        self.answers = list(answers)

    def __bool__(self) -> bool:
        return self.answers.pop(0)


def test_a_run_that_was_overtaken_applies_its_grants_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="xacct")
    overtaken = world.thing(A, settled=Unsettled(False))
    again = policies(world.thing(A, applied=()), world.thing(A, key="other", applied=()), world.thing(A, key="new"))
    world.observed = [policies(overtaken, world.thing(B)), again]
    made = world.plan(A, B, on_error="collect")

    assert changes(made.apply()) == ["A apply", "new apply", "B apply"]
    assert [(read["grants"], read["purpose"]) for read in world.reads] == [((A, B), "plan"), ((A,), "plan")]
    assert world.reads[1]["passwords"] is world.reads[0]["passwords"]
    assert (world.reads[1]["trusting"], world.reads[1]["trusted"]) == (world.trusting, world.trusted)
    # What was changed before is claimed again although it does not change any more.
    assert world.calls.count("A claim") == 2
    assert "other claim" not in world.calls
    assert "Another run or grant changed thing A at the same time: applying again" in caplog.messages


def test_each_round_is_a_run_of_its_own(world: World) -> None:
    runs: list[Any] = []
    world.observed = [
        policies(world.thing(A, settled=Unsettled(False), runs=runs)),
        policies(world.thing(A, runs=runs)),
    ]
    world.plan(A).apply()

    assert len({run.id for run in runs if run is not None}) == 2


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_has_ended_when_apply_returns_or_fails(world: World, fails: bool) -> None:
    def call(key: str) -> None:
        if fails:
            raise XacctError("refused")

    runs: list[Any] = []
    world.observed = [policies(world.thing(A, runs=runs, call=call))]
    with pytest.raises(ApplyFailed) if fails else nullcontext():
        world.plan(A).apply()

    assert {run.id for run in runs if run is not None} <= world.module._ENDED_RUNS


def test_what_another_run_may_still_change_is_claimed_although_nothing_changes(world: World) -> None:
    world.observed = [policies(world.thing(A, applied=(), recent=Run()), world.thing(A, key="same", applied=()))]
    world.plan(A).apply()

    assert set(world.calls) >= {"A claim", "same claim"}


def test_what_a_run_of_this_process_changed_before_is_not_claimed(world: World) -> None:
    before = Run()
    world.module._ENDED_RUNS.add(before.id)
    world.observed = [policies(world.thing(A, applied=(), recent=before))]
    world.plan(A).apply()

    assert "A claim" not in world.calls


def test_what_was_claimed_in_any_round_is_claimed_in_each_later_one(world: World) -> None:
    def unchanged(key: str) -> Any:
        return world.thing(A, key=key, applied=())

    overtaken = [world.thing(A, key=key, settled=Unsettled(False)) for key in "AB"]
    # G is gone in the second round, and exists again in the third.
    world.observed = [
        policies(overtaken[0], world.thing(A, key="G")),
        policies(overtaken[1], unchanged("A")),
        policies(*map(unchanged, "ABCG")),
    ]
    world.plan(A).apply()

    assert [world.calls.count(f"{key} claim") for key in "ABCG"] == [3, 2, 0, 2]


def test_after_four_rounds_a_run_gives_up(world: World) -> None:
    world.observed = [policies(world.thing(A, settled=False), world.thing(A, key="b", settled=False))]
    with pytest.raises(ApplyFailed) as failed:
        world.plan(A).apply()

    assert world.calls.count("A apply") == 4
    assert (failed.value.doing, failed.value.cause) == (
        "applying the plan",
        "another run keeps changing thing A, thing b",
    )
    assert failed.value.remaining == ("thing A", "thing b")


def stale(times: int = 1) -> Callable[[str], None]:
    left = [StalePlan(TRUSTED, ["thing A", "thing x"]) for _ in range(times)]

    def call(key: str) -> None:
        if key.endswith("claim") and left:
            raise left.pop()

    return call


def test_a_plan_that_is_stale_is_not_applied_and_has_a_new_plan(world: World) -> None:
    world.observed = [policies(world.thing(A, call=stale())), policies(world.thing(A, OTHERS, key="now"))]
    made = world.plan(A, adopt=True)
    with pytest.raises(StalePlan) as refused:
        made.apply()

    assert (refused.value.account, refused.value.names) == (TRUSTED, ("thing A", "thing x"))
    assert refused.value.new_plan == str(world.plan(A, adopt=True))
    assert refused.value.__cause__ is None
    assert [read["grants"] for read in world.reads[:2]] == [(A,), (A,)]
    assert (world.reads[1]["trusting"], world.reads[1]["trusted"]) == (world.trusting, world.trusted)


def test_a_new_plan_that_cannot_be_made_says_why(world: World) -> None:
    world.observed = [policies(world.thing(A, call=stale())), policies(world.thing(A, FOREIGN))]
    with pytest.raises(StalePlan) as refused:
        world.plan(A).apply()

    assert refused.value.new_plan == f"It cannot be made: {NotOurs(TRUSTED, ['thing A'])}"


def test_a_stale_plan_whose_rollback_failed_is_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []

    def execute(steps: object, report: object, *, roll_back: bool) -> None:
        calls.append(roll_back)
        raise ApplyFailed("a", "b", remaining=["c"]) from StalePlan(TRUSTED, ["thing A"])

    monkeypatch.setattr(world.module, "execute", execute)
    world.observed = [policies(world.thing(A))]
    with pytest.raises(ApplyFailed) as failed:
        world.plan(A).apply()

    assert failed.value.remaining == ("c",)
    assert calls == [True]


def test_a_failure_is_not_a_stale_plan(world: World) -> None:
    def fail(key: str) -> None:
        raise XacctError("refused")

    world.observed = [policies(world.thing(A, call=fail))]
    with pytest.raises(ApplyFailed, match="refused"):
        world.plan(A).apply()


def test_a_run_that_was_overtaken_is_not_stale_but_applies_again(world: World) -> None:
    overtaken = world.thing(A, settled=Unsettled(False))
    world.observed = [policies(overtaken), policies(world.thing(A, call=stale())), policies(world.thing(A, applied=()))]

    assert changes(world.plan(A).apply()) == ["A apply"]
    # The plan, the second round, the new plan of the stale error, and the third round.
    assert len(world.reads) == 4


@pytest.mark.parametrize("taken", [FOREIGN, OTHERS])
def test_a_run_whose_resource_is_taken_over_says_that_it_changed_something(world: World, taken: Any) -> None:
    overtaken = policies(world.thing(A, settled=Unsettled(False)))
    world.observed = [overtaken, policies(world.thing(A, taken))]
    with pytest.raises(ApplyFailed) as failed:
        world.plan(A).apply()

    assert failed.value.doing == "applying the plan"
    assert failed.value.cause == f"another run took over thing A in account {TRUSTED}"
    assert failed.value.remaining == ("thing A",)
    assert isinstance(failed.value.__cause__, (GrantConflict, NotOurs))
    world.observed = [policies(world.thing(A, settled=Unsettled(False))), policies(world.thing(A, taken, applied=()))]
    world.plan(A, adopt=True).apply()


def test_all_resources_that_others_took_over_are_named(world: World) -> None:
    taken = policies(world.thing(A, FOREIGN), world.thing(A, FOREIGN, key="b"))
    world.observed = [policies(world.thing(A, settled=Unsettled(False))), taken]
    with pytest.raises(ApplyFailed, match="another run took over thing A, thing b in account"):
        world.plan(A).apply()


# The wait for new roles


@pytest.mark.parametrize(("principal", "is_assumable"), [(TRUSTED, True), ("333333333333", False)])
def test_only_a_new_role_that_the_caller_may_assume_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch, principal: str, is_assumable: bool
) -> None:
    waits: list[tuple[object, object]] = []

    def wait(role: Any, trusted: object) -> Any:
        waits.append((role.grant, trusted))
        return world.thing(A, key="wait").steps_to_apply()[0]

    monkeypatch.setattr(world.module, "wait_until_assumable", wait)
    grant, old = evolve(ROLE, principals=principal), evolve(ROLE, role_name="Old", principals=principal)
    new, present = (Role(account=world.trusting, grant=each) for each in (grant, old))
    roles: Any = (evolve(world.thing(A, None), resource=new), evolve(world.thing(A), resource=present))
    steps = world.module._steps_to_wait(evolve(NOTHING, roles=roles), world.trusted)

    assert waits == ([(grant, world.trusted)] if is_assumable else [])
    assert len(steps) == len(waits)


# Removing


def test_a_removal_reads_again_and_removes_what_exists(world: World) -> None:
    events: list[Event] = []
    world.observed = [NOTHING, policies(world.thing(A), world.thing(B, None))]
    made = world.plan(A)

    assert changes(made.destroy(on_event=events.append)) == ["A remove"]
    assert [event.kind for event in events] == ["started", "done"]
    assert world.reads[1]["purpose"] == "remove"
    assert world.reads[1]["grants"] == (A,)
    assert (world.reads[1]["trusting"], world.reads[1]["trusted"]) == (world.trusting, world.trusted)


@pytest.mark.parametrize(
    ("thing", "adopt", "error"),
    [
        ({"state": FOREIGN}, False, NotOurs),
        ({"state": OTHERS}, False, GrantConflict),
        ({"state": OTHERS}, True, GrantConflict),
        ({"foreign": ("a key",)}, False, ForeignAttachments),
    ],
)
def test_a_removal_leaves_what_belongs_to_others(world: World, thing: Any, adopt: bool, error: type[Exception]) -> None:
    world.observed = [NOTHING, policies(world.thing(A, **thing))]
    made = world.plan(A, adopt=adopt)
    with pytest.raises(error):
        made.destroy()

    assert world.calls == []


def test_a_removal_that_fails_is_not_rolled_back(world: World) -> None:
    def fail(key: str) -> None:
        raise XacctError("refused")

    reverted: list[str] = []
    first, second = world.thing(A), world.thing(B, call=fail, after=frozenset({"A remove"}))
    steps = [evolve(first.steps_to_remove()[0], undo=lambda: reverted.append("A")), *second.steps_to_remove()]
    removing: Any = SimpleNamespace(
        resource=first.resource,
        state=OURS,
        mark="the last run",
        steps_to_remove=lambda: steps,
        conflict=lambda **_: None,
        foreign_attachments=[],
        may_be_in_progress=lambda ended: False,
        guarded_since=lambda read_at: removing,
    )
    world.observed = [NOTHING, SimpleNamespace(all=[removing])]  # type: ignore[list-item]
    with pytest.raises(ApplyFailed) as failed:
        world.plan(A).destroy()

    assert reverted == []
    assert failed.value.remaining == (f"B remove in account {TRUSTED}",)


def test_a_removal_looks_again_for_what_was_not_there(world: World) -> None:
    """Another run may have created it, and have found the rest before it was removed."""
    after = policies(world.thing(A, None), world.thing(B))
    world.observed = [NOTHING, policies(world.thing(A), world.thing(B, None)), after, NOTHING]

    assert changes(world.plan(A).destroy()) == ["A remove", "B remove"]
    assert len(world.reads) == 4


def test_a_removal_removes_what_another_run_created_again(world: World) -> None:
    """What was removed can be visible for a while, with the mark that it had. What was created has another one."""
    again = state(run="another run")
    first, second = world.thing(A), world.thing(B, None)
    read = [policies(first, second), policies(world.thing(A, again), world.thing(B)), policies(first, world.thing(B))]
    world.observed = [NOTHING, *read]

    assert changes(world.plan(A).destroy()) == ["A remove", "A remove", "B remove"]
    world.observed = [policies(first, second), policies(first, second)]
    assert changes(world.plan(A).destroy()) == ["A remove"]


def test_a_removal_of_what_was_there_as_a_whole_reads_once(world: World) -> None:
    world.observed = [NOTHING, policies(world.thing(A), world.thing(B))]

    assert changes(world.plan(A).destroy()) == ["A remove", "B remove"]
    assert len(world.reads) == 2


def test_a_removal_after_which_others_create_again_and_again_says_what_is_there(world: World) -> None:
    missing = world.thing(B, None)
    world.observed = [NOTHING, *(policies(world.thing(A, key=f"new {n}"), missing) for n in range(5))]
    with pytest.raises(ApplyFailed, match="another run keeps creating thing new 3") as failed:
        world.plan(A).destroy()

    assert failed.value.remaining == ("thing new 3",)


def test_a_removal_leaves_what_another_grant_created_meanwhile(world: World) -> None:
    taken = policies(world.thing(A, None), world.thing(B, OTHERS))
    world.observed = [NOTHING, policies(world.thing(A), world.thing(B, None)), taken]

    assert changes(world.plan(A).destroy()) == ["A remove"]


@pytest.mark.parametrize(
    ("progress", "waits"),
    [
        ({"recent": Run(), "complete": False}, [10]),  # nothing changes while it waits
        ({"recent": Run(), "complete": True}, []),
        ({"recent": None, "complete": False}, []),
    ],
)
def test_a_removal_waits_while_another_run_creates_the_grant(
    world: World, progress: dict[str, Any], waits: list[float]
) -> None:
    world.observed = [NOTHING, policies(world.thing(A, **progress))]

    assert changes(world.plan(A).destroy()) == ["A remove"]
    assert world.waits == waits


@pytest.mark.parametrize(
    ("things", "waits"),
    [
        (({}, {"state": None}), [10]),
        (({}, {"complete": False}), [10]),
        (({}, {}), []),
        (({"state": None}, {"state": None}), []),
    ],
)
def test_a_run_that_finds_a_part_of_its_grant_waits_and_looks_at_everything(
    world: World, things: tuple[dict[str, Any], ...], waits: list[float]
) -> None:
    """A removal may be in progress. It does not know what this run creates, and deletes the rest."""
    world.observed = [policies(*(world.thing(A, key=key, **thing) for key, thing in zip("ab", things)))]
    world.plan(A).apply()

    assert world.waits == waits


def test_a_run_from_which_a_removal_takes_something_away_applies_again(world: World) -> None:
    gone = {"key": "b", "state": None, "settled": False}
    complete = policies(world.thing(A, key="a"), world.thing(A, key="b"))
    world.observed = [policies(world.thing(A, key="a"), world.thing(A, **gone)), complete]
    world.plan(A).apply()

    assert len(world.reads) == 2
    assert world.calls.count("b apply") == 2


def test_a_run_that_took_long_to_create_a_grant_looks_whether_it_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = count(0, 6)
    monkeypatch.setattr(world.module, "clock", lambda: next(times))
    monkeypatch.setattr(world.module, "is_recent_read", lambda read_at, patience: next(times) - read_at <= 5)
    gone = policies(world.thing(A, None, still_there=False), world.thing(B, None))
    world.observed = [gone, policies(world.thing(A), world.thing(B))]
    world.plan(A, B).apply()

    assert world.calls.count("A apply") == 2
    assert len(world.reads) == 2


def test_a_plan_knows_the_password_that_it_generated(world: World) -> None:
    user = ConsoleUser("ada")
    made = world.plan(evolve(A, console_user=user))
    generated = world.reads[0]["passwords"].password_for(user)

    assert made.console_user
    assert made.console_user.password == generated.reveal()
