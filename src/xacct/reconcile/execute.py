"""Execution of steps: in the order of their dependencies, concurrently, with rollback after a failure."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from attrs import define, field

from xacct.concurrency import MAX_THREADS
from xacct.errors import ApplyFailed, AwsError, ForeignAttachments, XacctError
from xacct.events import EventKind, Reporter
from xacct.resources.step import Step

__all__ = ["execute"]

log = logging.getLogger("xacct")


@define
class _Outcome:
    """The state of an execution; ``done`` has the steps in the order in which they finished."""

    waiting: list[Step]
    done: list[Step] = field(factory=list)
    failed: list[tuple[Step, Exception]] = field(factory=list)
    interrupted: BaseException | None = None

    @property
    def stopped(self) -> bool:
        return bool(self.failed) or self.interrupted is not None


def execute(steps: Sequence[Step], report: Reporter, *, roll_back: bool) -> None:
    """Run each step as soon as the steps that it depends on have finished; independent steps run concurrently.

    After a failure or an interrupt no further step starts, and running steps finish. Then the steps that ran are
    reverted in reverse order.

    Args:
        steps: the steps, in any order. Keys in `after` that no step has are ignored.
        report: called for each step that starts, finishes, fails or is rolled back.
        roll_back: whether to revert the steps after a failure.

    Raises:
        ApplyFailed: a step failed; says what was rolled back and what was not.
        ForeignAttachments: AWS refused a deletion because of something that xacct did not create.
    """
    outcome = _run_all(steps, report)
    if not outcome.stopped:
        return
    # Any other step may have taken effect. Its undo works in both cases.
    refused = [step for step, error in outcome.failed if _was_refused(error)]
    uncertain = [step for step in steps if step not in (*outcome.waiting, *outcome.done, *refused)]
    restored, remaining = _roll_back([*outcome.done, *uncertain], report) if roll_back else ([], _unfinished(outcome))
    if outcome.interrupted is not None:
        raise outcome.interrupted
    step, error = outcome.failed[0]
    if isinstance(error, ForeignAttachments):
        raise error
    raise ApplyFailed(step.what, str(error), remaining=remaining, rolled_back=restored) from error


def _was_refused(error: Exception) -> bool:
    return isinstance(error, XacctError) and not (isinstance(error, AwsError) and error.ambiguous)


def _run_all(steps: Sequence[Step], report: Reporter) -> _Outcome:
    outcome = _Outcome(waiting=list(steps))
    unfinished = {step.key for step in steps}
    running: dict[Future[None], Step] = {}
    with ThreadPoolExecutor(max_workers=min(max(1, len(steps)), MAX_THREADS)) as threads:

        def advance() -> None:
            if not outcome.stopped:
                for step in [s for s in outcome.waiting if not s.after & unfinished]:
                    _report(report, "started", step)
                    outcome.waiting.remove(step)
                    running[threads.submit(step.run)] = step
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                _settle(running.pop(future), future, outcome, unfinished, report)

        while running or (outcome.waiting and not outcome.stopped):
            before = len(running)
            try:
                advance()
            except BaseException as error:  # noqa: BLE001 - Ctrl-C, or an error of on_event: running steps finish first
                # Ctrl-C can come any number of times. If another error comes again and again, no step would be settled.
                is_repeated = outcome.interrupted is not None and len(running) == before
                outcome.interrupted = outcome.interrupted or error
                if is_repeated and not isinstance(error, KeyboardInterrupt):
                    break
    return outcome


def _settle(step: Step, future: Future[None], outcome: _Outcome, unfinished: set[str], report: Reporter) -> None:
    error = future.exception()
    if error is None:
        unfinished.discard(step.key)
        outcome.done.append(step)
        _report(report, "done", step)
    elif isinstance(error, Exception):
        outcome.failed.append((step, error))
        _report(report, "failed", step)
    else:
        raise error


def _roll_back(steps: Sequence[Step], report: Reporter) -> tuple[list[str], list[str]]:
    restored, remaining = [], []
    for step in reversed(steps):
        if step.undo is None:
            continue
        try:
            step.undo()
        except Exception as error:  # noqa: BLE001 - any failure is reported, and the rest is still rolled back
            remaining.append(f"{step.change or step.what} ({error})")
            _report_safely(report, "not rolled back", step)
        else:
            if step.change is None:
                continue
            restored.append(str(step.change))
            _report_safely(report, "rolled back", step)
    return restored, remaining


def _unfinished(outcome: _Outcome) -> list[str]:
    steps = [*(step for step, _ in outcome.failed), *outcome.waiting]
    return [f"{step.change.resource} in account {step.change.account}" for step in steps if step.change]


def _report(report: Reporter, kind: EventKind, step: Step) -> None:
    report(kind, step.what, step.account.side, step.account.id)


def _report_safely(report: Reporter, kind: EventKind, step: Step) -> None:
    try:
        _report(report, kind, step)
    except Exception as error:  # noqa: BLE001 - a failing callback must not stop the rollback
        log.warning("The on_event callback raised %r; the rollback continues", error)
