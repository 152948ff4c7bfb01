"""The pace of the calls to STS, against a simulated STS with a virtual clock."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable

import pytest
from attrs import frozen
from botocore.exceptions import ClientError, EndpointConnectionError

from xacct.session.pace import Pace, PacedSts, SharedPace

LATENCY = 0.1

Server = Callable[[int, int, float], bool]
"""Returns whether STS accepts a call, given the role's number, the attempt and the time."""


@frozen
class Run:
    """What a simulated run took."""

    seconds: float
    attempts: int
    most_attempts: int


def simulate(server: Server, *, roles: int = 300, workers: int = 48, max_rate: float | None = None) -> Run:
    """Assume roles in simulated threads; each then works for 0.1 s. A retry has priority over a first call."""
    pace, chance, order = Pace(max_rate), random.Random(0), itertools.count()
    todo, tries = iter(range(roles)), [0] * roles
    ready = [(True, next(order), role) for role in itertools.islice(todo, workers)]
    events: list[tuple[float, int, str, int, bool]] = [(0.0, next(order), "send", 0, True)]
    end = 0.0

    def schedule(now: float, kind: str, role: int = 0, accepted: bool = True) -> None:
        heapq.heappush(events, (now, next(order), kind, role, accepted))

    while events:
        now, _, kind, role, accepted = heapq.heappop(events)
        if kind == "send":
            while ready:
                if delay := pace.delay(now):
                    schedule(now + min(delay, 0.1), "send")
                    break
                role = heapq.heappop(ready)[2]
                tries[role] += 1
                schedule(now + LATENCY * chance.uniform(0.9, 1.5), "answer", role, server(role, tries[role], now))
            continue
        if kind == "answer" and accepted:
            pace.accepted(now)
            schedule(now + 0.1, "done", role)
        elif kind == "answer":
            pace.throttled(now)
            schedule(now + chance.uniform(0, min(4, 0.25 * 2 ** tries[role])), "retry", role)
        else:
            end = now if kind == "done" else end
            waiting = role if kind == "retry" else next(todo, None)
            if waiting is not None:
                heapq.heappush(ready, (kind != "retry", next(order), waiting))
                schedule(now, "send")
    return Run(end, sum(tries), max(tries))


def token_bucket(rate: float, size: float) -> Server:
    tokens, last = size, 0.0

    def accepts(role: int, attempt: int, now: float) -> bool:
        nonlocal tokens, last
        tokens, last = min(size, tokens + (now - last) * rate), now
        if tokens < 1:
            return False
        tokens -= 1
        return True

    return accepts


def calls_in_each_second(rate: int) -> Server:
    accepted: dict[int, int] = {}

    def accepts(role: int, attempt: int, now: float) -> bool:
        accepted.setdefault(int(now), 0)
        if accepted[int(now)] >= rate:
            return False
        accepted[int(now)] += 1
        return True

    return accepts


def everything(role: int, attempt: int, now: float) -> bool:
    return True


def stray(role: int, attempt: int, now: float) -> bool:
    return role % 20 != 0 or attempt > 2


@pytest.mark.parametrize("workers", [12, 24])
def test_stray_throttles_cost_less_than_half_of_the_time_without_any(workers: int) -> None:
    run = simulate(stray, workers=workers)
    assert run.seconds <= 1.5 * simulate(everything, workers=workers).seconds
    assert run.attempts == 300 + 2 * 15


@pytest.mark.parametrize(
    ("server", "rate", "roles"),
    [
        (token_bucket(20, 2), 20, 300),
        (token_bucket(20, 20), 20, 300),
        (calls_in_each_second(20), 20, 300),
        (token_bucket(5, 5), 5, 100),
        (token_bucket(100, 100), 100, 1000),
    ],
)
def test_a_sustained_limit_is_used_almost_fully_and_no_call_is_refused_often(
    server: Server, rate: int, roles: int
) -> None:
    run = simulate(server, roles=roles)
    assert run.seconds <= 1.3 * roles / rate
    assert run.most_attempts < 10
    assert run.attempts < 2.2 * roles


def test_after_throttling_the_rate_is_what_sts_accepts_and_recovers_within_seconds() -> None:
    pace = Pace()
    for _ in range(20):
        pace.accepted(0.5)
    for _ in range(20):
        pace.throttled(0.5)
    assert pace.rate(0.5) == 20
    assert pace.rate(3.5) == 160


def test_if_nothing_is_accepted_the_rate_is_halved() -> None:
    pace = Pace()
    for _ in range(10):
        pace.throttled(0.5)
    assert pace.rate(0.5) == 5


def test_a_quarter_of_throttled_calls_changes_nothing() -> None:
    pace = Pace()
    for _ in range(10):
        pace.accepted(0)
        pace.accepted(0)
        pace.accepted(0)
        pace.throttled(0)
    assert pace.rate(0) == float("inf")
    assert pace.delay(0) == 0


def test_calls_of_an_earlier_second_do_not_count() -> None:
    pace = Pace()
    pace.throttled(0)
    pace.throttled(0)
    pace.throttled(1.5)
    assert pace.rate(1.5) == float("inf")


def test_the_rate_never_exceeds_the_maximum() -> None:
    run = simulate(everything, roles=100, max_rate=10)
    assert run.seconds == pytest.approx(100 / 10, rel=0.05)
    pace = Pace(max_rate=4)
    assert [pace.delay(0), pace.delay(0)] == [0, pytest.approx(0.15)]
    assert pace.delay(0.15) == 0


class Sts:
    """A client that raises errors first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = [*errors], 0

    def assume_role(self, **parameters: object) -> dict[str, object]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return parameters


def refused(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "AssumeRole")


def call(sts: Sts) -> object:
    slept: list[float] = []
    pace = SharedPace(Pace(), clock=lambda: sum(slept))
    return PacedSts(sts, pace, slept.append, seconds=60).assume_role(RoleArn="r")  # type: ignore[arg-type] # a fake


def test_a_throttled_call_is_repeated_until_it_is_accepted() -> None:
    sts = Sts(*[refused("Throttling")] * 7)
    assert call(sts) == {"RoleArn": "r"}
    assert sts.calls == 8


def test_a_denied_call_is_not_repeated() -> None:
    sts = Sts(refused("AccessDenied", 403))
    with pytest.raises(ClientError, match="AccessDenied"):
        call(sts)
    assert sts.calls == 1


@pytest.mark.parametrize("error", [EndpointConnectionError(endpoint_url="u"), refused("InternalFailure", 500)])
def test_other_passing_errors_are_repeated_four_times(error: Exception) -> None:
    sts = Sts(*[error] * 9)
    with pytest.raises(type(error)):
        call(sts)
    assert sts.calls == 5


def test_a_thread_that_ends_while_it_waits_lets_the_others_wait() -> None:
    pace, slept = SharedPace(Pace(max_rate=1), clock=lambda: 0.0), []

    def end(seconds: float) -> None:
        slept.append(seconds)
        raise TimeoutError

    pace.wait(end)
    for retry in (False, True, False):
        with pytest.raises(TimeoutError):
            pace.wait(end, retry=retry)
    assert len(slept) == 3
