"""An apply and a removal of the same grant at once, and two removals.

Both succeed only in an order: everything is there, or nothing. Whoever fails says what stands.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Literal

import pytest
from attrs import define, field
from hypothesis import given, settings, strategies as st

from xacct.errors import ApplyFailed, StalePlan, XacctError
from xacct.grant_account import connect
from xacct.reconcile import Plan
from xacct.reconcile.plan import plan_between
from xacct.resources import run_timing
from xacct.retry import Patience
from xacct.testing import Sandbox

from .accounts import TRUSTED, TRUSTING, Accounts
from .scheduler import Actor, Scheduler, one_thread_per_run
from .tutorial import POLICY, ROLE, USER, existing_resources, tutorial

Start = Literal["nothing", "everything", "no role", "no policy", "no user"]
STARTS: tuple[Start, ...] = ("nothing", "everything", "no role", "no policy", "no user")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    with one_thread_per_run(shuffled=False):
        yield


@define
class Attempt:
    """A run that may fail."""

    run: Callable[[], object]
    error: XacctError | None = None
    has_ended: bool = False

    def __call__(self) -> None:
        try:
            self.run()
        except XacctError as error:
            self.error = error
        self.has_ended = True


@define
class Race:
    """The accounts of the tutorial's grant, with an apply that changes the trust, and removals."""

    accounts: Accounts
    patience: Patience
    start: Start
    untouched: dict[str, Any] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.untouched = self.accounts.snapshot()
        self.begin()

    def begin(self) -> None:
        """Bring the accounts to the state that the runs begin with."""
        beside = "others" if "Others" in self.untouched[TRUSTING]["roles"] else "nobody"
        self.accounts.bring_about(f"a race from {self.start} beside {beside}", self._start)

    def _start(self) -> None:
        if self.start == "nothing":
            return
        self._plan("old").apply()
        trusting, trusted = self.accounts.trusting.iam, self.accounts.trusted.iam
        arn = f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"
        if self.start == "no role":
            trusting.detach_role_policy(RoleName=ROLE, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
            trusting.delete_role(RoleName=ROLE)
        elif self.start == "no policy":
            trusted.detach_user_policy(UserName=USER, PolicyArn=arn)
            trusted.delete_policy(PolicyArn=arn)
        elif self.start == "no user":
            for policy in (arn, "arn:aws:iam::aws:policy/AmazonEC2FullAccess"):
                trusted.detach_user_policy(UserName=USER, PolicyArn=policy)
            trusted.delete_login_profile(UserName=USER)
            trusted.delete_user(UserName=USER)

    def _plan(self, external_id: str) -> Plan:
        accounts = connect(self.accounts.trusting, self.accounts.trusted, self.patience)
        return plan_between(tutorial(external_id=external_id), *accounts, adopt=False)

    def apply(self) -> None:
        self._plan("new").apply()

    def destroy(self) -> None:
        self._plan("new").destroy()

    def assert_explained(self, apply: Attempt, removal: Attempt) -> None:
        """Check what both runs left."""
        left = existing_resources(self.accounts)
        story = f"left: {left}\napply: {apply.error!r}\nremoval: {removal.error!r}"
        is_complete = bool(left) and self._plan("new").is_empty
        if apply.error is None and removal.error is None:
            assert is_complete or not left, story
        elif removal.error is None:
            self._assert_stated(apply.error, left if isinstance(apply.error, ApplyFailed) else set(), story)
            assert not left or isinstance(apply.error, (ApplyFailed, StalePlan)), story
        elif apply.error is None and not is_complete:
            self._assert_stated(removal.error, left, story)

    @staticmethod
    def _assert_stated(error: XacctError | None, left: set[str], story: str) -> None:
        # A password belongs to the user.
        assert not [label for label in left if "sign-in" not in label and label not in str(error)], story
        ways_on = ("run again", "Plan again", "Nothing was changed", "The accounts are as they were before")
        assert any(text in str(error) for text in ways_on), story

    def assert_reruns_complete(self) -> None:
        self.accounts.recover()
        self.apply()
        assert self._plan("new").is_empty
        self.destroy()
        assert self.accounts.snapshot() == self.untouched


@define
class Clock:
    """A clock that stands still but for calls and waits.

    Attributes:
        call: seconds that a call takes.
        held: seconds that the call took before which the other run was.
    """

    call: float
    now: float = 0.0
    held: float = 0.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(pace: float, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which a removal relies on what it has read, or reads again before each change."""
    clock = Clock(pace)
    monkeypatch.setattr(run_timing, "time", clock)
    return clock


def patience_of(clock: Clock) -> Patience:
    return Patience(deadline=60, sleep=clock.sleep)


def run_before(accounts: Accounts, clock: Clock, one: Attempt, other: Attempt, before: int) -> bool:
    """Run one, and the other one as a whole before one of its calls. Return whether there was such a call."""
    numbers = count()

    def pass_time(operation: str) -> None:
        clock.now += clock.call

    def act(operation: str) -> None:
        pass_time(operation)
        if next(numbers) == before:
            accounts.log.on_call = pass_time
            began = clock.now
            other()
            clock.held = clock.now - began

    accounts.log.on_call = act
    one()
    accounts.log.on_call = lambda operation: None
    return other.has_ended


QUICK, SLOW = 0.01, 3.0
# Seconds that a run waits for a removal.
WAIT = 10.0
races = pytest.mark.parametrize(
    ("start", "pace"), [*((start, QUICK) for start in STARTS), ("nothing", SLOW), ("everything", SLOW)]
)
# Each test takes some of the calls, so that several processes share the work.
SHARES = 8
some_calls = pytest.mark.parametrize("first", range(SHARES))


def calls_from(first: int) -> range:
    return range(first, 200, SHARES)


@pytest.mark.every_case
@races
@some_calls
def test_a_removal_before_any_call_of_an_apply(accounts: Accounts, clock: Clock, start: Start, first: int) -> None:
    race = Race(accounts, patience_of(clock), start)
    for before in calls_from(first):
        race.begin()
        apply, removal = Attempt(race.apply), Attempt(race.destroy)
        if not run_before(accounts, clock, apply, removal, before):
            break
        race.assert_explained(apply, removal)
        if apply.error or removal.error:
            race.assert_reruns_complete()


@pytest.mark.every_case
@races
@some_calls
def test_an_apply_before_any_call_of_a_removal(accounts: Accounts, clock: Clock, start: Start, first: int) -> None:
    race = Race(accounts, patience_of(clock), start)
    for before in calls_from(first):
        race.begin()
        apply, removal = Attempt(race.apply), Attempt(race.destroy)
        if not run_before(accounts, clock, removal, apply, before):
            break
        # A call of a removal is made before a run that waits for it has waited. Here it is made after that.
        if removal.error is None or clock.held <= WAIT:
            race.assert_explained(apply, removal)
        if apply.error or removal.error:
            race.assert_reruns_complete()


@pytest.mark.every_case
@pytest.mark.parametrize(("start", "pace"), [("everything", QUICK), ("no role", QUICK), ("everything", SLOW)])
@some_calls
def test_a_removal_before_any_call_of_another(accounts: Accounts, clock: Clock, start: Start, first: int) -> None:
    race = Race(accounts, patience_of(clock), start)
    for before in calls_from(first):
        race.begin()
        one, other = Attempt(race.destroy), Attempt(race.destroy)
        if not run_before(accounts, clock, one, other, before):
            break
        assert (one.error, other.error) == (None, None)
        assert accounts.snapshot() == race.untouched


def interleave(race: Race, seed: int, *, longest: float, programs: tuple[Callable[[], None], ...]) -> list[Attempt]:
    """Run programs whose calls alternate in an order chosen by the seed."""
    random.seed(seed)  # the waits of retries
    scheduler = Scheduler(race.accounts, seed)
    race.patience = Patience(deadline=120, first=0.2, longest=longest, sleep=scheduler.sleep)
    attempts = [Attempt(program) for program in programs]
    actors = [Actor(name, random.Random(f"{seed} {name}")) for name in "ABC"]
    scheduler.run(dict(zip(actors, attempts)))
    return attempts


# Each example takes as long as a test, and each beginning has its own.
few_seeds = settings(max_examples=6)
seeds = st.integers(0, 2**32)


@pytest.mark.every_case
@pytest.mark.parametrize("start", STARTS)
@few_seeds
@given(seed=seeds, longest=st.sampled_from([1.0, 5.0]))
def test_an_apply_and_a_removal_whose_calls_alternate(start: Start, seed: int, longest: float) -> None:
    with Sandbox([TRUSTING, TRUSTED]) as aws:
        race = Race(Accounts.sign_in(aws), Patience(sleep=lambda seconds: None), start)
        apply, removal = interleave(race, seed, longest=longest, programs=(race.apply, race.destroy))
        race.patience = Patience(sleep=lambda seconds: None)

        race.assert_explained(apply, removal)
        race.assert_reruns_complete()


@pytest.mark.parametrize("start", ["everything", "no role"])
@few_seeds
@given(seed=seeds, longest=st.sampled_from([1.0, 5.0]))
def test_two_removals_whose_calls_alternate(start: Start, seed: int, longest: float) -> None:
    with Sandbox([TRUSTING, TRUSTED]) as aws:
        race = Race(Accounts.sign_in(aws), Patience(sleep=lambda seconds: None), start)
        attempts = interleave(race, seed, longest=longest, programs=(race.destroy, race.destroy))

        assert [attempt.error for attempt in attempts] == [None, None]
        assert race.accounts.snapshot() == race.untouched
