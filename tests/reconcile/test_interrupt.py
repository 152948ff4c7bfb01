"""Ctrl-C and failing callbacks, at every event."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from xacct import Event
from xacct.retry import Patience

from .accounts import TRUSTED, Accounts
from .tutorial import ROLE, USER, plan_tutorial


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Make SIGINT interrupt even if the parent process ignores it, as a shell does for background jobs."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# Seven steps that change something, and the wait; each starts and ends.
EVENTS = 16


@pytest.mark.parametrize("number", range(EVENTS))
@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError], ids=lambda error: error.__name__)
def test_an_interrupt_at_any_event_rolls_back(
    accounts: Accounts, patience: Patience, number: int, error: type[BaseException]
) -> None:
    before = accounts.snapshot()
    events: list[Event] = []

    def interrupt(event: Event) -> None:
        events.append(event)
        if len(events) == number + 1:
            raise error

    with pytest.raises(error):
        plan_tutorial(accounts, patience).apply(on_event=interrupt)

    assert accounts.snapshot() == before


@pytest.mark.parametrize("number", range(0, EVENTS, 3))
def test_a_callback_that_always_fails_does_not_stop_the_rollback(
    accounts: Accounts, patience: Patience, number: int
) -> None:
    before = accounts.snapshot()
    events: list[Event] = []

    def fail(event: Event) -> None:
        events.append(event)
        if len(events) > number:
            raise BrokenPipeError("broken pipe")

    with pytest.raises(BrokenPipeError):
        plan_tutorial(accounts, patience).apply(on_event=fail)

    assert accounts.snapshot() == before


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals to a thread are POSIX")
@pytest.mark.parametrize("operation", ["CreateUser", "CreateLoginProfile", "AttachRolePolicy", "AssumeRole"])
def test_ctrl_c_during_a_call_rolls_back(accounts: Accounts, patience: Patience, operation: str) -> None:
    before = accounts.snapshot()
    pressed = threading.Event()

    def press(called: str) -> None:
        if called == operation and not pressed.is_set():
            pressed.set()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    applied = plan_tutorial(accounts, patience)
    accounts.log.on_call = press
    with pytest.raises(KeyboardInterrupt):
        applied.apply()

    assert accounts.snapshot() == before


def test_an_interrupted_removal_is_completed_by_the_next_one(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    applied = plan_tutorial(accounts, patience)
    applied.apply()

    def interrupt(event: Event) -> None:
        if event.kind == "done":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        applied.destroy(on_event=interrupt)
    assert accounts.snapshot() != before
    applied.destroy()
    assert accounts.snapshot() == before


def test_every_step_has_events(accounts: Accounts, patience: Patience) -> None:
    events: list[Event] = []
    plan_tutorial(accounts, patience).apply(on_event=events.append)

    assert len(events) == EVENTS
    assert {event.kind for event in events} == {"started", "done"}
    assert f"done: creating user {USER} (trusted account {TRUSTED})" in map(str, events)
    assert [event.kind for event in events if event.what == f"creating role {ROLE}"] == ["started", "done"]
