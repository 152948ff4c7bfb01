"""The execution of steps: their order, what runs at the same time, and what is reverted after a failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import xacct.reconcile.execute
from xacct.concurrency import MAX_THREADS
from xacct.errors import ApplyFailed, AwsError, ForeignAttachments, NotOurs
from xacct.events import Event, Reporter
from xacct.reconcile.execute import execute
from xacct.resources.step import Change, Step

ACCOUNT: Any = SimpleNamespace(side="trusted", id="222222222222")
REFUSED = AwsError("creating b failed: no", doing="creating b")
UNCLEAR = AwsError("creating b failed: the answer was lost", doing="creating b", ambiguous=True)
# Seconds until a thread that waits for another one gives up.
SOON = 5


class Recorder:
    """Steps that only record that they ran or were reverted."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.events: list[str] = []
        self._changed = threading.Condition()

    def step(
        self,
        key: str,
        *after: str,
        run: Callable[[], object] = lambda: None,
        undo: Callable[[], object] | None = lambda: None,
        changes: bool = True,
    ) -> Step:
        def do() -> None:
            self.calls.append(key)
            run()

        def revert() -> None:
            self.calls.append(f"undo {key}")
            assert undo is not None
            undo()

        return Step(
            key=key,
            account=ACCOUNT,
            what=f"creating {key}",
            run=do,
            undo=None if undo is None else revert,
            change=Change(action="create", side="trusted", account=ACCOUNT.id, resource=key) if changes else None,
            after=frozenset(after),
        )

    def execute(self, *steps: Step, roll_back: bool = True) -> None:
        execute(steps, Reporter(self._record), roll_back=roll_back)

    def _record(self, event: Event) -> None:
        with self._changed:
            self.events.append(f"{event.kind} {event.what}")
            self._changed.notify_all()

    def wait_for(self, event: str) -> None:
        """Wait, in a step, until an event of another step."""
        with self._changed:
            assert self._changed.wait_for(lambda: event in self.events, SOON)

    def failure(self, *steps: Step, roll_back: bool = True) -> ApplyFailed:
        with pytest.raises(ApplyFailed) as failed:
            self.execute(*steps, roll_back=roll_back)
        return failed.value


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def fail(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


def label(key: str) -> str:
    return f"create {key} in the trusted account {ACCOUNT.id}"


def test_without_steps_nothing_happens(recorder: Recorder) -> None:
    recorder.execute()

    assert recorder.events == []


def test_a_step_runs_after_those_that_it_depends_on(recorder: Recorder) -> None:
    recorder.execute(recorder.step("c", "b", "a"), recorder.step("b", "a"), recorder.step("a", "not a step"))

    assert recorder.calls == ["a", "b", "c"]
    assert recorder.events == [f"{kind} creating {key}" for key in "abc" for kind in ("started", "done")]


def test_every_independent_step_runs_at_the_same_time_up_to_a_limit(recorder: Recorder) -> None:
    everybody, threads = threading.Barrier(MAX_THREADS), set[str]()

    def run() -> None:
        threads.add(threading.current_thread().name)
        everybody.wait(SOON)

    recorder.execute(*(recorder.step(str(number), run=run) for number in range(2 * MAX_THREADS)))

    assert len(threads) == MAX_THREADS


def test_an_event_has_the_account_of_the_step() -> None:
    events: list[Event] = []
    execute([Recorder().step("a")], Reporter(events.append), roll_back=True)

    assert events[0] == Event(kind="started", what="creating a", side="trusted", account=ACCOUNT.id)


# Failures


def test_after_a_failure_no_step_starts_and_those_that_ran_are_reverted_in_reverse_order(recorder: Recorder) -> None:
    steps = [recorder.step("a"), recorder.step("b", "a"), recorder.step("c", "b", run=fail(UNCLEAR))]
    error = recorder.failure(*steps, recorder.step("d", "c"))

    assert recorder.calls == ["a", "b", "c", "undo c", "undo b", "undo a"]
    assert recorder.events[4:] == [
        "started creating c",
        "failed creating c",
        "rolled back creating c",
        "rolled back creating b",
        "rolled back creating a",
    ]
    assert (error.doing, error.cause) == ("creating c", str(UNCLEAR))
    assert error.rolled_back == (label("c"), label("b"), label("a"))
    assert error.remaining == ()
    assert error.__cause__ is UNCLEAR


@pytest.mark.parametrize("refusal", [REFUSED, NotOurs("222222222222", ["b"])], ids=lambda error: type(error).__name__)
def test_a_step_that_was_refused_is_not_reverted(recorder: Recorder, refusal: Exception) -> None:
    error = recorder.failure(recorder.step("a"), recorder.step("b", "a", run=fail(refusal)))

    assert recorder.calls == ["a", "b", "undo a"]
    assert error.rolled_back == (label("a"),)


@pytest.mark.parametrize("error", [UNCLEAR, ValueError("a bug")], ids=lambda error: type(error).__name__)
def test_a_step_that_may_have_taken_effect_is_reverted(recorder: Recorder, error: Exception) -> None:
    assert recorder.failure(recorder.step("b", run=fail(error))).rolled_back == (label("b"),)


def test_running_steps_finish_before_the_rollback(recorder: Recorder) -> None:
    def finish_later() -> None:
        recorder.wait_for("failed creating b")
        time.sleep(0.01)
        recorder.calls.append("end of a")

    steps = [recorder.step("a", run=finish_later), recorder.step("b", run=fail(REFUSED)), recorder.step("c", "a")]
    recorder.failure(*steps)

    assert recorder.calls[2:] == ["end of a", "undo a"]


def test_the_first_of_several_failures_is_raised(recorder: Recorder) -> None:
    def fail_second() -> None:
        recorder.wait_for("failed creating b")
        raise UNCLEAR

    error = recorder.failure(recorder.step("a", run=fail_second), recorder.step("b", run=fail(REFUSED)))

    assert (error.doing, error.cause) == ("creating b", str(REFUSED))
    assert error.rolled_back == (label("a"),)


def test_without_a_rollback_what_did_not_finish_is_named(recorder: Recorder) -> None:
    steps = [recorder.step("a"), recorder.step("b", "a", run=fail(UNCLEAR)), recorder.step("c", "b")]
    error = recorder.failure(*steps, recorder.step("wait", "b", changes=False), roll_back=False)

    assert recorder.calls == ["a", "b"]
    assert error.remaining == ("b in account 222222222222", "c in account 222222222222")
    assert error.rolled_back == ()


def test_a_removal_that_is_blocked_by_attachments_of_others_says_so(recorder: Recorder) -> None:
    error = ForeignAttachments("removing the grant", "222222222222", ["an access key"])
    with pytest.raises(ForeignAttachments) as blocked:
        recorder.execute(recorder.step("a", run=fail(error)), roll_back=False)

    assert blocked.value is error


# The rollback


def test_a_rollback_that_fails_is_reported_and_the_rest_is_still_rolled_back(recorder: Recorder) -> None:
    steps = [
        recorder.step("a"),
        recorder.step("b", "a", undo=fail(ValueError("no undo"))),
        recorder.step("wait", "b", undo=fail(ValueError("no end")), changes=False),
    ]
    error = recorder.failure(*steps, recorder.step("c", "wait", run=fail(REFUSED)))

    assert error.remaining == ("creating wait (no end)", f"{label('b')} (no undo)")
    assert error.rolled_back == (label("a"),)
    assert recorder.events[-3:] == [
        "not rolled back creating wait",
        "not rolled back creating b",
        "rolled back creating a",
    ]


def test_a_step_without_a_change_is_reverted_and_not_named(recorder: Recorder) -> None:
    steps = [recorder.step("a"), recorder.step("claim", "a", changes=False), recorder.step("read", "claim", undo=None)]
    error = recorder.failure(*steps, recorder.step("b", "read", run=fail(REFUSED)))

    assert recorder.calls == ["a", "claim", "read", "b", "undo claim", "undo a"]
    assert error.rolled_back == (label("a"),)
    assert recorder.events[-2:] == ["failed creating b", "rolled back creating a"]


def test_a_callback_that_fails_during_the_rollback_is_logged(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def report(event: Event) -> None:
        if event.kind == "rolled back":
            raise BrokenPipeError("the callback's error")

    steps = [recorder.step("a"), recorder.step("b", "a"), recorder.step("c", "b", run=fail(REFUSED))]
    with pytest.raises(ApplyFailed) as failed:
        execute(steps, Reporter(report), roll_back=True)

    assert failed.value.rolled_back == (label("b"), label("a"))
    assert caplog.text.count("the callback's error") == 2


# Interrupts


def interrupted(recorder: Recorder, at: str, *steps: Step, error: type[BaseException] = KeyboardInterrupt) -> None:
    """Execute steps, and raise an error at one event."""

    def interrupt(event: Event) -> None:
        if f"{event.kind} {event.what}" == at:
            raise error

    with pytest.raises(error):
        execute(steps, Reporter(interrupt), roll_back=True)


@pytest.mark.parametrize(
    ("at", "calls"),
    [
        ("started creating b", ["a", "undo a"]),
        ("done creating b", ["a", "b", "undo b", "undo a"]),
        ("done creating a", ["a", "undo a"]),
    ],
)
def test_after_an_interrupt_what_ran_is_reverted(recorder: Recorder, at: str, calls: list[str]) -> None:
    interrupted(recorder, at, recorder.step("a"), recorder.step("b", "a"), recorder.step("c", "b"))

    assert recorder.calls == calls


def test_an_interrupt_is_raised_even_if_a_step_failed(recorder: Recorder) -> None:
    interrupted(recorder, "failed creating b", recorder.step("a"), recorder.step("b", "a", run=fail(REFUSED)))

    assert recorder.calls == ["a", "b", "undo a"]


def test_after_an_interrupt_the_running_steps_finish(recorder: Recorder) -> None:
    is_interrupted = threading.Event()

    def finish_later() -> None:
        assert is_interrupted.wait(SOON)
        recorder.calls.append("end of a")

    def interrupt(event: Event) -> None:
        if f"{event.kind} {event.what}" == "done creating b":
            is_interrupted.set()
            raise KeyboardInterrupt
        # A second interrupt, while the steps finish, does not replace the first one.
        if f"{event.kind} {event.what}" == "done creating a":
            raise SystemExit

    steps = [recorder.step("a", run=finish_later), recorder.step("b"), recorder.step("c", "a", "b")]
    with pytest.raises(KeyboardInterrupt):
        execute(steps, Reporter(interrupt), roll_back=True)

    assert recorder.calls[2:] == ["end of a", "undo a", "undo b"]


def test_an_interrupt_inside_a_step_reverts_the_step(recorder: Recorder) -> None:
    with pytest.raises(SystemExit):
        recorder.execute(recorder.step("a"), recorder.step("b", "a", run=fail(SystemExit())), recorder.step("c", "b"))

    assert recorder.calls == ["a", "b", "undo b", "undo a"]


def test_an_error_that_comes_each_time_a_step_ends_does_not_go_on_forever(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[object] = []

    def fail_to_wait(running: object, **options: object) -> object:
        waits.append(running)
        raise OSError("no wait")

    monkeypatch.setattr(xacct.reconcile.execute, "wait", fail_to_wait)
    with pytest.raises(OSError, match="no wait"):
        recorder.execute(recorder.step("a"), recorder.step("b", "a"))

    assert len(waits) == 2
    assert recorder.calls == ["a", "undo a"]
