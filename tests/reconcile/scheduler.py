"""Two runs whose calls alternate in an order chosen by a seed, so that a failure can be repeated."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define, field

import xacct.concurrency
import xacct.reconcile.evidence
import xacct.reconcile.execute
import xacct.reconcile.grant_reads
from xacct.reconcile.execute import execute
from xacct.resources import run_timing
from xacct.resources.step import Step
from xacct.testing import Fault

from .accounts import Accounts, Killed

# Seconds that a call takes. Patience assumes that a call takes less than its longest wait.
CALL_SECONDS = 0.1


@define(eq=False)
class Actor:
    """One of the runs, in a thread of its own.

    Attributes:
        fault: what happens to the run.
        at: the number of the call to which it happens, counted from the last `expect`.
    """

    name: str
    random: random.Random
    fault: Fault | None = None
    at: int = 0
    calls: int = 0
    killed: bool = False
    done: bool = False
    wakes: float = 0.0
    turn: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))

    def expect(self, fault: Fault | None, at: int, *, killed: bool = False) -> None:
        """Let a fault happen, or kill the process, at one of the next calls; or let nothing happen."""
        self.fault, self.at, self.killed, self.calls = fault, at, killed, 0


class Scheduler:
    """Lets one run at a time make one call. Waiting takes no real time."""

    def __init__(self, accounts: Accounts, seed: int) -> None:
        self._random, self._now, self._step = random.Random(seed), 0.0, 0
        # How often the same run makes the next call: both take turns, or one makes many calls in a row.
        self._stays = self._random.choice([0, 0.5, 0.8, 0.95])
        self._actors: list[Actor] = []
        self._current: Actor | None = None
        self._end = threading.Event()
        self._accounts = accounts
        self.errors: list[BaseException] = []
        accounts.log.on_call = self._before_call
        for fault in ("throttled", "lost answer", "denied"):
            accounts.aws.faults.add(fault, matching=lambda call, fault=fault: self._has_fault(fault))

    def run(self, programs: dict[Actor, Callable[[], None]]) -> None:
        """Run the programs to their ends."""
        self._actors = list(programs)
        threads = [threading.Thread(target=self._run, args=item, daemon=True) for item in programs.items()]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run_timing, "time", SimpleNamespace(time=lambda: self._now))
            for thread in threads:
                thread.start()
            self._pass_turn()
            assert self._end.wait(60), "the runs do not end"
            for thread in threads:
                thread.join()
        self._current = None
        self._accounts.log.on_call = lambda operation: None
        self._accounts.aws.faults.clear()
        if self.errors:
            raise self.errors[0]

    @property
    def moment(self) -> int:
        """The number of calls that were made."""
        return self._step

    def sleep(self, seconds: float) -> None:
        """Let the other run make calls for a time."""
        if self._current is not None:
            self._switch(seconds)

    def _run(self, actor: Actor, program: Callable[[], None]) -> None:
        actor.turn.acquire()
        try:
            program()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            self.errors.append(error)
        actor.done = True
        self._pass_turn()

    def _before_call(self, operation: str) -> None:
        if self._current is None:
            return
        self._now += CALL_SECONDS
        self._step += 1
        self._switch(0)
        actor = self._current
        actor.calls += 1
        if actor.killed and actor.calls >= actor.at:
            raise Killed

    def _has_fault(self, fault: Fault) -> bool:
        actor = self._current
        return actor is not None and actor.fault == fault and actor.calls == actor.at

    def _switch(self, seconds: float) -> None:
        actor = self._current
        assert actor is not None
        actor.wakes = self._now + seconds
        self._pass_turn()
        actor.turn.acquire()

    def _pass_turn(self) -> None:
        waiting = [actor for actor in self._actors if not actor.done]
        if not waiting:
            self._end.set()
            return
        self._now = max(self._now, min(actor.wakes for actor in waiting))
        ready = [actor for actor in waiting if actor.wakes <= self._now]
        if self._current not in ready or self._random.random() >= self._stays:
            self._current = self._random.choice(ready)
        self._current.turn.release()


class _Inline:
    """An executor that runs what is submitted at once, so that the order of calls is the same each time."""

    def __init__(self, max_workers: int | None = None) -> None:
        pass

    def __enter__(self) -> _Inline:  # noqa: PYI034 - Self is new in Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args))
        except BaseException as error:  # noqa: BLE001 - as ThreadPoolExecutor does
            future.set_exception(error)
        return future


@contextmanager
def one_thread_per_run(*, shuffled: bool = True) -> Iterator[None]:
    """Make each run call AWS from one thread, with its steps in a random order or in theirs."""

    def execute_in_order(steps: Sequence[Step], *args: Any, **options: Any) -> None:
        execute(random.sample(steps, len(steps)) if shuffled else steps, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        # The package has a function of the module's name.
        plan = import_module("xacct.reconcile.plan")
        rooms = xacct.reconcile
        for module in (xacct.concurrency, rooms.evidence, rooms.execute, rooms.grant_reads):
            patch.setattr(module, "ThreadPoolExecutor", _Inline)
        patch.setattr(plan, "execute", execute_in_order)
        yield
