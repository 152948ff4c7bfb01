"""Threads that run a function for each target, and give up a target that takes too long."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Generic, TypeVar

from attrs import field, frozen

from xacct.session.network_wait import end_network_wait

__all__ = ["Finished", "Job", "JobTimeout", "TargetThreads", "check_job", "sleep_in_job"]

K = TypeVar("K")
T = TypeVar("T")

_GRACE = 1.0
_TIME_TO_END = 0.5
_LONGEST_WAIT = 0.5


_current = threading.local()


class _Abandoned(BaseException):
    """Ends the thread of a job that was given up. It is no Exception, so that functions do not catch it."""


class JobTimeout(Exception):
    """A job was given up.

    Args:
        doing: what it did then.
    """

    def __init__(self, doing: str) -> None:
        self.doing = doing
        super().__init__(doing)


class Job:
    """The state of one call of the function, which the function and the thread that waits for it share.

    Args:
        thread: the thread that calls the function.
    """

    def __init__(self, thread: threading.Thread) -> None:
        self.thread = thread
        self.doing = "waiting"
        self.started: float | None = None
        self._abandoned = threading.Event()

    def begin(self, doing: str) -> None:
        """Start the time limit, if it has not started yet.

        Args:
            doing: what the job does now.
        """
        self.check()
        self.doing = doing
        if self.started is None:
            self.started = time.monotonic()

    def check(self, **_: object) -> None:
        """End the thread if the job was given up. It accepts the arguments of botocore's events."""
        if self._abandoned.is_set():
            raise _Abandoned

    def sleep(self, seconds: float) -> None:
        """Sleep, and end the thread if the job is given up meanwhile."""
        self._abandoned.wait(seconds)
        self.check()

    def abandon(self) -> None:
        """Give the job up. If it waits for an answer of AWS, that call fails at once."""
        self._abandoned.set()
        end_network_wait(self.thread)


def check_job(**_: object) -> None:
    """End the thread if the job that it runs was given up. It accepts the arguments of botocore's events."""
    job: Job | None = getattr(_current, "job", None)
    if job is not None:
        job.check()


def sleep_in_job(seconds: float) -> None:
    """Sleep, and end the thread if the job that it runs is given up meanwhile."""
    job: Job | None = getattr(_current, "job", None)
    (time if job is None else job).sleep(seconds)


@frozen
class Finished(Generic[T]):
    """A job that has ended: the place of its item, and its result or its error."""

    place: int
    result: T | None = None
    error: BaseException | None = None


@frozen
class TargetThreads(Generic[K, T]):
    """Calls a function with each item, in threads. Iterate over it inside ``with`` to get what has finished.

    Python cannot end a thread. A job that takes too long is abandoned: the iterator yields `JobTimeout`, another thread
    takes its place, the botocore call that it waits for fails, and it ends at the next call of its `Job`. The threads
    are daemons, so that one that does not end, because it waits for something else, does not keep the interpreter
    alive.

    After an exception in the block no further job starts. After an Exception, those that run are waited for, up to
    their time limit; after KeyboardInterrupt and the like for a second, and then they are abandoned. The end of the
    block waits for the threads to end, half a second at the most.

    Args:
        function: called with a job and an item.
        items: the items.
        workers: the maximum number of jobs at the same time.
        timeout: the time limit of each job in seconds, from `Job.begin`.
    """

    function: Callable[[Job, K], T]
    items: Sequence[K]
    workers: int
    timeout: float
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _waiting: deque[int] = field(factory=deque, init=False)
    _running: dict[int, Job] = field(factory=dict, init=False)
    _threads: list[threading.Thread] = field(factory=list, init=False)
    _finished: SimpleQueue[Finished[T]] = field(factory=SimpleQueue, init=False)

    def __enter__(self) -> TargetThreads[K, T]:
        self._waiting.extend(range(len(self.items)))
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        with self._lock:
            self._waiting.clear()
        try:
            if kind is not None:
                end = None if issubclass(kind, Exception) else time.monotonic() + _GRACE
                while self._running and (end is None or time.monotonic() < end):
                    self._next(end)
        finally:
            with self._lock:
                for job in self._running.values():
                    job.abandon()
                self._running.clear()
            self._join()

    def _join(self) -> None:
        """Wait for the threads. One that was given up between two calls may wait for AWS only now."""
        end = time.monotonic() + _TIME_TO_END
        while (alive := [thread for thread in self._threads if thread.is_alive()]) and time.monotonic() < end:
            for thread in alive:
                end_network_wait(thread)
            alive[0].join(0.02)

    @property
    def not_started(self) -> int:
        """The number of items whose job has not started."""
        return len(self._waiting)

    def __iter__(self) -> Iterator[Finished[T]]:
        left = len(self.items)
        for _ in range(min(self.workers, left)):
            self._start_thread()
        while left:
            for finished in self._next():
                left -= 1
                yield finished

    def _next(self, end: float | None = None) -> list[Finished[T]]:
        """Wait for a job to end or to reach its time limit, but not for long: another limit may start meanwhile."""
        now = time.monotonic()
        with self._lock:
            limits = [job.started + self.timeout for job in self._running.values() if job.started is not None]
        wait = min(*limits, end or now + _LONGEST_WAIT, now + _LONGEST_WAIT, now + self.timeout) - now
        try:
            return [self._finished.get(timeout=max(wait, 0.001))]
        except Empty:
            return self._give_up()

    def _give_up(self) -> list[Finished[T]]:
        now = time.monotonic()
        late = []
        with self._lock:
            for place, job in [*self._running.items()]:
                if job.started is not None and job.started + self.timeout <= now:
                    job.abandon()
                    del self._running[place]
                    late.append(Finished[T](place, error=JobTimeout(job.doing)))
        for _ in late:
            self._start_thread()
        return late

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="xacct", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (started := self._take()) is not None:
            place, job = started
            finished = self._run(place, job)
            with self._lock:
                if self._running.pop(place, None) is None:
                    return  # it was given up, and another thread has taken this one's place
                self._finished.put(finished)
            del finished  # the next job can take long

    def _take(self) -> tuple[int, Job] | None:
        with self._lock:
            if not self._waiting:
                return None
            place, job = self._waiting.popleft(), Job(threading.current_thread())
            self._running[place] = job
            return place, job

    def _run(self, place: int, job: Job) -> Finished[T]:
        _current.job = job
        try:
            return Finished(place, result=self.function(job, self.items[place]))
        except BaseException as error:  # noqa: BLE001 # whatever it is, the thread that iterates gets it
            return Finished(place, error=error)
