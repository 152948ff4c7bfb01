"""Two runs on overlapping names, which plan, apply, fail, die and revoke in an order chosen by a seed.

No grant loses what it was given, and after all are revoked nothing is left.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal

import pytest
from attrs import define, evolve, field, frozen

from xacct import ConsoleUser, DevAccessGrant, TrustGrant, s3_read_policy
from xacct.errors import ApplyFailed, ForeignAttachments, GrantConflict, XacctError
from xacct.grant_account import GrantAccount, connect
from xacct.reconcile import Plan
from xacct.reconcile.plan import plan_between
from xacct.resources.resource import Resource
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts, Killed
from .scheduler import Actor, Scheduler, one_thread_per_run
from .tutorial import EC2_FULL, EC2_READ, S3_READ

Grant = TrustGrant | DevAccessGrant
Outcome = Literal["done", "unchanged", "unknown"]
SEEDS = range(68)


@pytest.fixture(autouse=True, scope="module")
def sequential() -> Iterator[None]:
    with one_thread_per_run():
        yield


@frozen
class Action:
    """What a run has done, from one moment to another."""

    kind: Literal["apply", "revoke"]
    outcome: Outcome
    start: int
    end: int


@define(eq=False)
class Run:
    """A run of random actions on one grant.

    Attributes:
        kinds: what the actions are chosen from.
    """

    actor: Actor
    grants: tuple[Grant, ...]
    accounts: Accounts
    scheduler: Scheduler
    kinds: tuple[str, ...] = ("plan", "apply", "apply", "fail", "kill", "revoke")
    history: list[Action] = field(factory=list)
    log: list[str] = field(factory=list)
    planned: Plan | None = None
    last: Plan | None = None
    sides: tuple[GrantAccount, GrantAccount] = field(init=False)

    def __attrs_post_init__(self) -> None:
        patience = Patience(deadline=20, first=0.2, longest=1, sleep=self.scheduler.sleep)
        self.sides = connect(self.accounts.trusting, self.accounts.trusted, patience)

    def plan(self) -> Plan:
        self.last = plan_between(self.grants, *self.sides, adopt=False)
        return self.last

    def destroy(self) -> None:
        # Any plan of the grants reads both accounts again.
        (self.last or self.plan()).destroy()

    def __call__(self) -> None:
        chance = self.actor.random
        for _ in range(chance.randint(1, 3)):
            kind = chance.choice(self.kinds)
            transient = chance.choice([None, "throttled", "lost answer"])
            fault = {"apply": transient, "remove": transient, "fail": "denied"}.get(kind)
            self.actor.expect(fault, chance.randint(1, 25), killed=kind == "kill")
            self._act(kind)
        self.actor.expect(None, 0)

    def _act(self, kind: str) -> None:
        start, outcome = self.scheduler.moment, "done"
        text = "returned"
        try:
            if kind == "plan":
                self.planned = self.plan()
            elif kind in ("revoke", "remove"):
                self.destroy()
            else:
                applied, self.planned = self.planned or self.plan(), None
                applied.apply()
        except Killed:
            outcome, self.planned, text = "unknown", None, "killed"
        except (ApplyFailed, ForeignAttachments) as error:
            touched = error.remaining if isinstance(error, ApplyFailed) else error.touched
            outcome, text = "unknown" if touched else "unchanged", str(error)
        except XacctError as error:
            outcome, text = "unchanged", f"{type(error).__name__}: {error}"
        self.log.append(f"{start}-{self.scheduler.moment} {self.actor.name} {kind}: {outcome}: {text}")
        if kind != "plan":
            what = "revoke" if kind in ("revoke", "remove") else "apply"
            self.history.append(Action(what, outcome, start, self.scheduler.moment))

    @property
    def has_access(self) -> bool | None:
        """Whether the grant is in effect; None if that is not known after a run that was killed or not rolled back."""
        has = False
        for action in self.history:
            if action.outcome == "unknown":
                has = None
            elif action.outcome == "done":
                has = action.kind == "apply"
        return has


def run(accounts: Accounts, seed: int, *grants: tuple[Grant, ...]) -> list[Run]:
    """Run each of the grants in its thread."""
    random.seed(seed)  # the waits of retries
    scheduler = Scheduler(accounts, seed)
    runs = [
        Run(Actor(name, random.Random(f"{seed} {name}")), own, accounts, scheduler) for name, own in zip("AB", grants)
    ]
    scheduler.run({run.actor: run for run in runs})
    return runs


def story(runs: list[Run]) -> str:
    return "\n".join(sorted((line for run in runs for line in run.log), key=lambda line: int(line.split("-")[0])))


def assert_nothing_is_left(runs: list[Run], untouched: dict[str, Any]) -> None:
    accounts = runs[0].accounts
    for run in [*runs, *runs]:
        if accounts.snapshot() == untouched:
            return
        # What belongs to the other grant is removed in its turn.
        with suppress(GrantConflict):
            run.destroy()
    assert accounts.snapshot() == untouched, story(runs)


def assert_no_access_is_lost(runs: list[Run]) -> None:
    for run in runs:
        if run.has_access:
            assert run.plan().is_empty, f"{run.actor.name} lost\n{run.plan()}\n{story(runs)}"


def assert_a_rerun_completes(runs: list[Run]) -> None:
    """Check that after a run that was killed, or could not roll back, the next one makes the grant complete.

    Some minutes later no other run can be in progress. A grant that has not begun to use a console user waits for one
    of those that use it to be complete.
    """
    unknown = [run for run in runs if run.has_access is None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Resource, "recent_run", lambda self, tags: None)
        for run in unknown:
            with suppress(GrantConflict, ApplyFailed):
                run.plan().apply()
        for run in unknown:
            with suppress(GrantConflict):
                run.plan().apply()
                assert run.plan().is_empty, f"{run.plan()}\n{story(runs)}"
    if unknown:
        assert_no_access_is_lost(runs)


USERS = (
    DevAccessGrant(
        account=TRUSTED,
        policy_name="First",
        role_arns=f"arn:aws:iam::{TRUSTING}:role/First",
        console_user=ConsoleUser("ada", password="correct-Horse-7", managed_policy_arns=[EC2_FULL, S3_READ]),
    ),
    DevAccessGrant(
        account=TRUSTED,
        policy_name="Second",
        role_arns=f"arn:aws:iam::{TRUSTING}:role/Second",
        console_user=ConsoleUser("ada", password="correct-Horse-7", managed_policy_arns=[EC2_FULL, EC2_READ]),
    ),
)


@pytest.mark.every_case
@pytest.mark.parametrize("seed", SEEDS)
def test_two_grants_that_share_a_console_user(accounts: Accounts, untouched: dict[str, Any], seed: int) -> None:
    runs = run(accounts, seed, (USERS[0],), (USERS[1],))

    assert_no_access_is_lost(runs)
    assert_a_rerun_completes(runs)
    assert_nothing_is_left(runs, untouched)


@pytest.mark.every_case
@pytest.mark.parametrize("seed", SEEDS)
def test_a_grant_joins_a_console_user_whose_only_other_grant_is_removed(
    accounts: Accounts, untouched: dict[str, Any], seed: int
) -> None:
    scheduler = Scheduler(accounts, seed)
    random.seed(seed)
    kinds = (("remove",), ("apply", "apply", "fail", "kill"))
    runs = [
        Run(Actor(name, random.Random(f"{seed} {name}")), (grant,), accounts, scheduler, of_run)
        for name, grant, of_run in zip("AB", USERS, kinds)
    ]
    runs[0]._act("apply")
    scheduler.run({run.actor: run for run in runs})

    assert_no_access_is_lost(runs)
    if any(run.has_access for run in runs):
        assert accounts.snapshot()[TRUSTED]["users"]["ada"].password == "correct-Horse-7", story(runs)
    assert_a_rerun_completes(runs)
    assert_nothing_is_left(runs, untouched)


ROLE = TrustGrant(
    name="first",
    account=TRUSTING,
    role_name="Reader",
    principals=f"arn:aws:iam::{TRUSTED}:user/others",
    policies={"S3Read": s3_read_policy(["reports"])},
)


@pytest.mark.every_case
@pytest.mark.parametrize("seed", SEEDS)
def test_two_grants_that_want_the_same_role_name(accounts: Accounts, untouched: dict[str, Any], seed: int) -> None:
    other = evolve(ROLE, name="second", policies={"S3Read": s3_read_policy(["logs"])})
    runs = run(accounts, seed, (ROLE,), (other,))

    assert not all(run.has_access for run in runs), story(runs)
    assert_no_access_is_lost(runs)
    assert_a_rerun_completes(runs)
    assert_nothing_is_left(runs, untouched)


@pytest.mark.every_case
@pytest.mark.parametrize("seed", SEEDS)
def test_two_runs_of_the_same_grant(accounts: Accounts, untouched: dict[str, Any], seed: int) -> None:
    access = evolve(USERS[0], role_arns=ROLE.role_arn)
    same = (ROLE, access)
    role = evolve(ROLE, external_id="acme-42", policies={"Logs": s3_read_policy(["logs"])}, tags={"team": "b"})
    different = (role, evolve(access, console_user=ConsoleUser("ada")))
    runs = run(accounts, seed, same, different if seed % 2 else same)

    done = [(action, run) for run in runs for action in run.history if action.outcome == "done"]
    last = max((action for action, _ in done if action.kind == "apply"), key=lambda action: action.end, default=None)
    if last is not None:
        later = [action for run in runs for action in run.history if action.end > last.start and action is not last]
        if not any(action.outcome == "unknown" or action.kind == "revoke" for action in later):
            wanted = [run for action, run in done if action is last or action in later]
            plans = [run.plan() for run in wanted]
            assert any(plan.is_empty for plan in plans), "\n---\n".join([*map(str, plans), story(runs)])
    if last is None or any(action.outcome == "unknown" for run in runs for action in run.history):
        runs[0].plan().apply()
        assert runs[0].plan().is_empty, story(runs)
    assert_nothing_is_left(runs, untouched)
