"""The pace of the calls to STS: as fast as possible, and slower while STS throttles."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar, cast

import tenacity
from attrs import frozen

from xacct.retry import code_of, is_retryable

if TYPE_CHECKING:
    from botocore.client import ClientMeta
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleResponseTypeDef, GetCallerIdentityResponseTypeDef

__all__ = ["Pace", "PacedSts", "SharedPace"]

T = TypeVar("T")

_THROTTLING_CODES = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"})
# For errors other than throttling, such as a connection that fails.
_MOST_ATTEMPTS = 5

_WINDOW = 1.0
_FEW_THROTTLES = 3
_TOLERATED_SHARE = 0.25
_SECONDS_TO_DOUBLE = 1.0
# How far behind its schedule a sender can be and still catch up. Threads do not wake up on time.
_SLACK = 0.1
_LONGEST_SLEEP = 0.1


class Pace:
    """Decides when the next call can be sent. It reads no clock: each method is given the time in seconds.

    While few calls are throttled, it does nothing: repeating them is enough. If STS throttles more than a quarter of
    the calls of the last second, calls are sent at the rate at which STS accepted them in that second, but at least
    half as fast as before. From then on the rate doubles every second, until STS throttles that many again.

    AWS does not document how STS counts calls. Accepted calls per second are its limit, however it counts.

    Args:
        max_rate: the highest rate, in calls per second; None for no limit.
    """

    def __init__(self, max_rate: float | None = None) -> None:
        self._max_rate = max_rate or float("inf")
        self._answers: deque[tuple[float, bool]] = deque()
        self._accepted_rate = float("inf")
        self._slowed_at = float("-inf")
        self._last_slot = float("-inf")

    def rate(self, now: float) -> float:
        """Return the present rate in calls per second, which can be infinite."""
        if self._accepted_rate == float("inf"):
            return self._max_rate
        doublings = min((now - self._slowed_at) / _SECONDS_TO_DOUBLE, 30)
        return min(self._max_rate, self._accepted_rate * 2**doublings)

    def delay(self, now: float) -> float:
        """Return the seconds until a call can be sent. If they are 0, the caller must send one now."""
        slot = max(self._last_slot + 1 / self.rate(now), now - _SLACK)
        if slot > now:
            return slot - now
        self._last_slot = slot
        return 0.0

    def accepted(self, now: float) -> None:
        """Record a call that STS did not throttle."""
        self._record(now, accepted=True)

    def throttled(self, now: float) -> None:
        """Record a call that STS throttled."""
        self._record(now, accepted=False)
        accepted = sum(ok for _, ok in self._answers)
        throttled = len(self._answers) - accepted
        if throttled >= _FEW_THROTTLES and throttled > _TOLERATED_SHARE * len(self._answers):
            self._accepted_rate = max(accepted, len(self._answers) / 2) / _WINDOW
            self._slowed_at = now

    def _record(self, now: float, *, accepted: bool) -> None:
        self._answers.append((now, accepted))
        while self._answers[0][0] < now - _WINDOW:
            self._answers.popleft()


class SharedPace:
    """One pace for many threads.

    Args:
        pace: the pace.
        clock: returns the time in seconds.
    """

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._first_calls = threading.Lock()

    def wait(self, sleep: Callable[[float], None], *, retry: bool = False) -> None:
        """Wait until a call can be sent.

        Args:
            sleep: called with the seconds to wait.
            retry: whether the call was throttled before. Such calls wait for at most one call that was not.
        """
        with nullcontext() if retry else self._first_calls, self._turn:
            while delay := self._delay():
                sleep(min(delay, _LONGEST_SLEEP))

    def _delay(self) -> float:
        with self._lock:
            return self._pace.delay(self._clock())

    def call(self, call: Callable[[], T]) -> T:
        """Make a call, and record whether STS throttles it or cannot answer."""
        try:
            answer = call()
        except Exception as error:
            with self._lock:
                (self._pace.throttled if is_retryable(error) else self._pace.accepted)(self._clock())
            raise
        with self._lock:
            self._pace.accepted(self._clock())
        return answer


@frozen
class PacedSts:
    """The calls to STS of one target: a shared client and a shared pace.

    The first call of AssumeRole does not wait: its caller does. A call that is throttled, or fails for another reason
    that may pass, is repeated.

    Args:
        client: the client. It must not repeat calls itself.
        pace: the pace.
        sleep: called with the seconds to wait.
        seconds: how long to repeat a call.
    """

    client: STSClient
    pace: SharedPace
    sleep: Callable[[float], None]
    seconds: float

    @property
    def meta(self) -> ClientMeta:
        """The client's metadata."""
        return self.client.meta

    def assume_role(self, **parameters: object) -> AssumeRoleResponseTypeDef:
        """Call AssumeRole."""
        return self._repeated(lambda: self.client.assume_role(**parameters))  # type: ignore[arg-type] # as given

    def get_caller_identity(self) -> GetCallerIdentityResponseTypeDef:
        """Call GetCallerIdentity."""
        return self._repeated(self.client.get_caller_identity)

    def _repeated(self, call: Callable[[], T]) -> T:
        out_of_time = tenacity.stop_before_delay(self.seconds)

        def wait(state: tenacity.RetryCallState) -> None:
            if state.attempt_number > 1:
                self.pace.wait(self.sleep, retry=True)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_retryable),
            wait=tenacity.wait_random_exponential(multiplier=0.25, max=4),
            stop=lambda state: out_of_time(state) or (state.attempt_number >= _MOST_ATTEMPTS and not _throttled(state)),
            before=wait,
            sleep=self.sleep,
            reraise=True,
        )
        return cast(T, retrying(self.pace.call, call))


def _throttled(state: tenacity.RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome is not None else None
    return error is not None and code_of(error) in _THROTTLING_CODES
