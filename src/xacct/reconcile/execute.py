"""Running steps in the order that they depend on each other, and taking them back after a failure."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from attrs import define, field

from xacct.errors import ApplyFailed, AwsError, ForeignAttachments, XacctError
from xacct.events import EventKind, Reporter
from xacct.resources.step import Step

__all__ = ["execute"]

log = logging.getLogger("xacct")


@define
class _Outcome:
    """What became of the steps; ``done`` in the order in which they ended."""

    waiting: list[Step]
    done: list[Step] = field(factory=list)
    failed: list[tuple[Step, Exception]] = field(factory=list)
    interrupted: BaseException | None = None

    @property
    def stopped(self) -> bool:
        return bool(self.failed) or self.interrupted is not None


def execute(steps: Sequence[Step], report: Reporter, *, roll_back: bool) -> None:
    """Run every step as soon as those that it comes after have ended, independent ones at the same time.

    After a failure, or an interrupt, no further step starts, those under way end, and what was done is taken back in
    reverse order.

    Args:
        steps: in any order; keys in ``after`` that no step has are taken as done.
        report: told of each step.
        roll_back: whether to take back what was done.

    Raises:
        ApplyFailed: a step failed; says what was taken back and what stands.
        ForeignAttachments: AWS refused a removal for something that xacct did not make.
    """
    outcome = _run_all(steps, report)
    if not outcome.stopped:
        return
    # What is neither waiting, nor done, nor clearly refused may have taken effect; its undo allows for both.
    refused = [step for step, error in outcome.failed if _was_refused(error)]
    doubtful = [step for step in steps if step not in (*outcome.waiting, *outcome.done, *refused)]
    restored, stands = _take_back([*outcome.done, *doubtful], report) if roll_back else ([], _left(outcome))
    if outcome.interrupted is not None:
        raise outcome.interrupted
    step, error = outcome.failed[0]
    if isinstance(error, ForeignAttachments):
        raise error
    raise ApplyFailed(step.what, str(error), stands=stands, restored=restored) from error


def _was_refused(error: Exception) -> bool:
    return isinstance(error, XacctError) and not (isinstance(error, AwsError) and error.ambiguous)


def _run_all(steps: Sequence[Step], report: Reporter) -> _Outcome:
    outcome = _Outcome(waiting=list(steps))
    unfinished = {step.key for step in steps}
    running: dict[Future[None], Step] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(steps))) as threads:

        def advance() -> None:
            if not outcome.stopped:
                for step in [s for s in outcome.waiting if not s.after & unfinished]:
                    _tell(report, "started", step)
                    outcome.waiting.remove(step)
                    running[threads.submit(step.run)] = step
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                _settle(running.pop(future), future, outcome, unfinished, report)

        while True:
            try:
                while running or (outcome.waiting and not outcome.stopped):
                    advance()
                break
            except BaseException as error:  # noqa: BLE001 - Ctrl-C or on_event's own: what runs ends first
                outcome.interrupted = outcome.interrupted or error
    return outcome


def _settle(step: Step, future: Future[None], outcome: _Outcome, unfinished: set[str], report: Reporter) -> None:
    error = future.exception()
    if error is None:
        unfinished.discard(step.key)
        outcome.done.append(step)
        _tell(report, "done", step)
    elif isinstance(error, Exception):
        outcome.failed.append((step, error))
        _tell(report, "failed", step)
    else:
        raise error


def _take_back(steps: Sequence[Step], report: Reporter) -> tuple[list[str], list[str]]:
    restored, stands = [], []
    for step in reversed(steps):
        if step.change is None or step.undo is None:
            continue
        try:
            step.undo()
        except Exception as error:  # noqa: BLE001 - whatever it was, the rest is still taken back, and this is reported
            stands.append(f"{step.change} ({error})")
            _tell_anyway(report, "not rolled back", step)
        else:
            restored.append(str(step.change))
            _tell_anyway(report, "rolled back", step)
    return restored, stands


def _left(outcome: _Outcome) -> list[str]:
    steps = [*(step for step, _ in outcome.failed), *outcome.waiting]
    return [f"{step.change.resource} in account {step.change.account}" for step in steps if step.change]


def _tell(report: Reporter, kind: EventKind, step: Step) -> None:
    report(kind, step.what, step.account.side, step.account.id)


def _tell_anyway(report: Reporter, kind: EventKind, step: Step) -> None:
    try:
        _tell(report, kind, step)
    except Exception as error:  # noqa: BLE001 - a callback that fails must not keep the rest from being taken back
        log.warning("on_event failed: %r", error)
