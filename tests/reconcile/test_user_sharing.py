"""A grant begins to use a console user while the only other grant of that user is removed.

Whichever run reports success has what it asked for. The user keeps the password and the policies that a grant needs.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from attrs import define, evolve, field

from xacct import ConsoleUser, DevAccessGrant
from xacct.errors import ApplyFailed, StalePlan, XacctError
from xacct.reconcile import Plan, plan
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .scheduler import one_thread_per_run
from .tutorial import EC2_FULL, EC2_READ, S3_READ

FIRST, SECOND, THIRD = (
    DevAccessGrant(
        name=name,
        account=TRUSTED,
        policy_name=name,
        role_arns=f"arn:aws:iam::{TRUSTING}:role/{name}",
        console_user=ConsoleUser("ada", managed_policy_arns=[EC2_FULL, other]),
    )
    for name, other in (("First", S3_READ), ("Second", EC2_READ), ("Third", S3_READ))
)
DROPPED = evolve(FIRST, console_user=None)
# One more than the calls of a removal of the first grant, of a removal of its user, and of a plan and an apply of the
# second grant.
REMOVAL, DROP, JOIN = range(21), range(25), range(19)


@pytest.fixture(autouse=True)
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

    @property
    def succeeded(self) -> bool:
        return self.has_ended and self.error is None


@define
class Race:
    """The accounts in which the first grant has a user, a run that ends that, and one that begins to use the user."""

    accounts: Accounts
    untouched: dict[str, Any]
    patience: Patience
    joining: tuple[DevAccessGrant, ...] = (SECOND,)
    first: Plan = field(init=False)
    joined: Plan | None = None
    removal: Attempt = field(init=False)
    join: Attempt = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.first = self.plan(FIRST)
        self.first.apply()
        self.removal, self.join = Attempt(self.first.destroy), Attempt(self._join)
        self.accounts.log.clear()

    def plan(self, *grants: DevAccessGrant, **changes: Any) -> Plan:
        patience = evolve(self.patience, **changes)
        return plan(*grants, trusting=self.accounts.trusting, trusted=self.accounts.trusted, patience=patience)

    def _join(self) -> None:
        self.joined = self.plan(*self.joining)
        self.joined.apply()

    @property
    def user(self) -> Any:
        return self.accounts.snapshot()[TRUSTED]["users"].get("ada")

    @property
    def password(self) -> str | None:
        assert self.first.console_user
        return self.first.console_user.password

    def run(self, one: Attempt, other: Attempt, before: int, calls: range) -> None:
        """Run one of both, and the other one as a whole before one of its calls, or after the last."""
        numbers = count()

        def act(operation: str) -> None:
            if next(numbers) == before:
                self.accounts.log.on_call = lambda operation: None
                other()

        self.accounts.log.on_call = act
        one()
        self.accounts.log.on_call = lambda operation: None
        assert other.has_ended == (before < calls[-1]), "the number of calls has changed"
        if not other.has_ended:
            other()

    def assert_each_has_what_it_asked_for(self) -> None:
        policies, user = self.accounts.snapshot()[TRUSTED]["policies"], self.user
        assert self.removal.succeeded or self.join.succeeded, (self.removal.error, self.join.error)
        if self.join.succeeded:
            assert self.plan(*self.joining).is_empty, self.removal.error
            assert user.password in self._passwords
        else:
            assert not any(grant.policy_arn in policies for grant in self.joining)
        if self.removal.succeeded:
            assert user is None or FIRST.policy_arn not in user.attached

    @property
    def _passwords(self) -> set[str | None]:
        # If both succeeded, the user may have been removed, and created again.
        joined = self.joined.console_user if self.joined and self.removal.succeeded else None
        return {self.password} if joined is None else {self.password, joined.password}

    def assert_reruns_complete(self) -> None:
        self.plan(FIRST).destroy()
        self.plan(*self.joining).apply()
        assert self.plan(*self.joining).is_empty
        assert self.user.password is not None
        others = {arn for grant in self.joining for arn in (EC2_FULL, grant.policy_arn)}
        assert others < set(self.user.attached)
        self.plan(*self.joining).destroy()
        assert self.accounts.snapshot() == self.untouched


@pytest.fixture
def race(accounts: Accounts, untouched: dict[str, Any], patience: Patience) -> Race:
    return Race(accounts, untouched, evolve(patience, deadline=0.5))


@pytest.mark.every_case
@pytest.mark.parametrize("before", REMOVAL)
@pytest.mark.parametrize("joining", [(SECOND,), (SECOND, THIRD)], ids=len)
def test_grants_join_before_any_call_of_the_removal(
    race: Race, joining: tuple[DevAccessGrant, ...], before: int
) -> None:
    race.joining = joining
    race.run(race.removal, race.join, before, REMOVAL)

    race.assert_each_has_what_it_asked_for()
    race.assert_reruns_complete()


@pytest.mark.every_case
@pytest.mark.parametrize("before", JOIN)
def test_the_only_other_grant_is_removed_before_any_call_of_a_grant_that_joins(race: Race, before: int) -> None:
    race.run(race.join, race.removal, before, JOIN)

    race.assert_each_has_what_it_asked_for()
    race.assert_reruns_complete()


@pytest.mark.every_case
@pytest.mark.parametrize("before", DROP)
def test_a_grant_joins_before_any_call_of_the_only_other_one_that_drops_the_user(race: Race, before: int) -> None:
    race.removal = Attempt(lambda: race.plan(DROPPED).apply())
    race.run(race.removal, race.join, before, DROP)

    race.assert_each_has_what_it_asked_for()
    if not race.removal.succeeded:
        assert race.plan(FIRST).is_empty, "what was detached is attached again"
    race.assert_reruns_complete()


@define
class HeldRemoval:
    """A removal in a thread, which is held between its reads and its first change for less than five seconds."""

    race: Race
    has_read: threading.Event = field(factory=threading.Event)
    may_go_on: threading.Event = field(factory=threading.Event)
    thread: threading.Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.race.removal.run = self.race.plan(FIRST, longest=5, sleep=lambda _: None).destroy
        self.thread = threading.Thread(target=self.race.removal)
        self.race.accounts.log.on_call = self._hold

    def _hold(self, operation: str) -> None:
        if operation == "DetachUserPolicy" and not self.has_read.is_set():
            self.has_read.set()
            assert self.may_go_on.wait(40)

    def start(self) -> None:
        self.thread.start()
        assert self.has_read.wait(40)

    def end(self) -> None:
        self.may_go_on.set()
        self.thread.join(40)
        assert not self.thread.is_alive()


def test_a_removal_that_is_quick_reads_once_and_is_noticed_by_a_grant_that_waits(race: Race) -> None:
    """The removal has read the user before the grant joins, and changes it while the grant waits."""
    removal, waits = HeldRemoval(race), []

    def wait(seconds: float) -> None:
        if not waits:
            removal.end()
        waits.append(seconds)

    race.accounts.log.clear()
    removal.start()
    assert race.accounts.log.count("trusted GetUser ada") == 1
    race.joined = race.plan(SECOND, longest=5, sleep=wait)
    race.join.run = race.joined.apply
    race.join()

    assert isinstance(race.join.error, StalePlan)
    assert "create user ada" in race.join.error.new_plan
    assert waits[0] == 10
    assert race.removal.succeeded
    race.assert_each_has_what_it_asked_for()
    race.assert_reruns_complete()


def test_a_removal_that_reads_the_user_while_a_grant_waits_leaves_the_user_to_it(race: Race) -> None:
    """The removal reads the user after the grant has joined, and changes it after the grant has gone on."""
    removal = HeldRemoval(race)

    race.joined = race.plan(SECOND, longest=5, sleep=lambda seconds: removal.start())
    race.join.run = race.joined.apply
    race.join()
    removal.end()

    assert race.join.succeeded
    assert race.removal.succeeded
    assert race.user.password == race.password
    race.assert_each_has_what_it_asked_for()
    race.assert_reruns_complete()


@pytest.mark.parametrize("seed", range(10))
def test_a_removal_detaches_the_own_policy_then_reads_and_then_removes_the_rest(race: Race, seed: int) -> None:
    random.seed(seed)
    with one_thread_per_run():  # which starts the steps in a random order
        race.removal()

    calls = race.accounts.log.calls
    own = calls.index("trusted DetachUserPolicy ada First")
    check = next(number for number in range(own, len(calls)) if calls[number].startswith("trusted GetUser ada"))
    names = ("AmazonEC2FullAccess", "AmazonS3ReadOnlyAccess")
    rest = ["trusted DeleteLoginProfile ada", *(f"trusted DetachUserPolicy ada {name}" for name in names)]
    assert own < check < min(map(calls.index, rest)) < calls.index("trusted DeleteUser ada")


def test_a_removal_that_took_long_says_what_to_do_if_a_grant_has_joined(race: Race) -> None:
    race.run(race.removal, race.join, before=6, calls=REMOVAL)

    assert race.join.succeeded
    assert isinstance(race.removal.error, ApplyFailed)
    assert "another run has begun to use or to change user ada" in str(race.removal.error)
    assert "console sign-in of user ada" in str(race.removal.error.remaining)
    assert race.user.password == race.password


def test_a_removal_notices_a_grant_whose_mark_a_failed_run_has_replaced(race: Race) -> None:
    iam = race.accounts.trusted.iam
    run = [tag for tag in iam.list_user_tags(UserName="ada")["Tags"] if tag["Key"] == "xacct:run"]

    def join() -> None:
        race.join()
        iam.tag_user(UserName="ada", Tags=run)

    race.run(race.removal, Attempt(join), before=6, calls=REMOVAL)

    assert race.removal.error
    assert race.user.password == race.password


def test_a_removal_notices_a_run_that_changes_the_same_grant(race: Race) -> None:
    change = Attempt(lambda: race.plan(evolve(FIRST, tags={"team": "a"})).apply())
    race.run(race.removal, change, before=6, calls=REMOVAL)

    assert change.succeeded
    assert "another run has begun to use or to change user ada" in str(race.removal.error)


@pytest.mark.parametrize("way_on", ["apply", "destroy"])
def test_a_grant_does_not_join_a_user_from_which_the_policy_of_the_only_other_grant_was_detached(
    race: Race, way_on: str
) -> None:
    race.accounts.trusted.iam.detach_user_policy(UserName="ada", PolicyArn=FIRST.policy_arn)
    before = race.accounts.snapshot()
    with pytest.raises(ApplyFailed, match="none of the policies of the grants that use it: First") as refused:
        race.plan(SECOND).apply()

    assert "apply or revoke one of those grants first" in str(refused.value)
    assert race.accounts.snapshot() == before
    getattr(race.plan(FIRST), way_on)()
    race.plan(SECOND).apply()
    assert race.plan(SECOND).is_empty
    race.assert_reruns_complete()


def test_a_plan_of_both_grants_completes_a_user_of_whose_grants_none_is_complete(race: Race) -> None:
    race.accounts.trusted.iam.detach_user_policy(UserName="ada", PolicyArn=FIRST.policy_arn)
    both = race.plan(FIRST, SECOND)
    both.apply()

    assert race.plan(FIRST, SECOND).is_empty
    assert race.user.password == race.password


def test_a_grant_joins_a_user_if_one_of_the_other_grants_is_complete(race: Race) -> None:
    race.plan(THIRD).apply()
    race.accounts.trusted.iam.detach_user_policy(UserName="ada", PolicyArn=FIRST.policy_arn)
    race.plan(SECOND).apply()

    assert race.plan(SECOND).is_empty
    assert race.plan(THIRD).is_empty


def test_only_a_grant_that_begins_to_use_a_user_of_others_waits(race: Race) -> None:
    waits: list[float] = []
    race.plan(evolve(FIRST, tags={"team": "a"}), sleep=waits.append, longest=5).apply()
    assert waits == []
    race.plan(SECOND, THIRD, sleep=waits.append, longest=5).apply()
    assert waits == [10, 10]
    race.plan(evolve(SECOND, tags={"team": "b"}), sleep=waits.append, longest=5).apply()
    assert waits == [10, 10]


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_grant_joins_while_another_one_does(race: Race, succeeds: bool) -> None:
    def join_too(seconds: float) -> None:
        if race.join.has_ended:
            return
        if not succeeds:
            race.accounts.fail_always("trusted AttachUserPolicy ada Second", "denied")
        race.join()

    race.plan(THIRD, sleep=join_too).apply()

    assert race.join.succeeded is succeeds
    assert race.plan(THIRD).is_empty
    assert race.plan(SECOND).is_empty is succeeds
    race.accounts.recover()
    race.joining = (SECOND, THIRD)
    race.assert_reruns_complete()


@pytest.mark.every_case
@pytest.mark.parametrize("before", JOIN)
def test_the_only_other_grant_changes_before_any_call_of_a_grant_that_joins(race: Race, before: int) -> None:
    records = [key for key in race.user.tags if key.startswith("xacct:grant:")]
    changed = evolve(FIRST, console_user=ConsoleUser("ada", managed_policy_arns=[EC2_FULL]), tags={"team": "a"})
    change = Attempt(lambda: race.plan(changed).apply())
    race.run(race.join, change, before, JOIN)

    assert change.succeeded
    assert race.plan(changed).is_empty
    if race.join.succeeded:
        assert race.plan(SECOND).is_empty
    else:
        assert [key for key in race.user.tags if key.startswith("xacct:grant:")] == records
        assert SECOND.policy_arn not in race.accounts.snapshot()[TRUSTED]["policies"]
    race.assert_reruns_complete()
