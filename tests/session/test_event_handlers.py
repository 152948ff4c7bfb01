"""Event handlers that are quick to copy behave as botocore's own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import botocore.session
import hypothesis.strategies as st
import pytest
from botocore.hooks import BaseEventHooks, EventAliaser, HierarchicalEmitter
from botocore.utils import EVENT_ALIASES
from hypothesis import given

from xacct.session.event_handlers import EventHandlers

EVENTS = ["a", "a.b", "a.b.c", "a.*.c", "a.b.d", "e.b", "a.sfn", "*.b"]
HANDLERS: list[Callable[..., object]] = [lambda number=number, **_: number or None for number in range(4)]
CHANGES = ["register", "register_first", "register_last", "unregister"]


def answers(hooks: BaseEventHooks) -> list[object]:
    events = [*EVENTS, "a.x.c", "a.states", "none"]
    return [(hooks.emit(event, x=1), hooks.emit_until_response(event)) for event in events]  # type: ignore[attr-defined] # it has


def error_of(hooks: BaseEventHooks, change: str, *arguments: Any) -> type[Exception] | None:
    try:
        getattr(hooks, change)(*arguments)
    except ValueError as error:
        return type(error)
    except AttributeError:
        return (
            None  # botocore's error if an event without handlers has events below it, where there is nothing to remove
        )
    return None


changes = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(CHANGES),
        st.sampled_from(EVENTS),
        st.sampled_from(HANDLERS),
        st.sampled_from([None, None, "x", "y"]),
        st.booleans(),
    ),
    max_size=20,
)


@given(changes)
def test_each_copy_answers_as_one_of_botocore(changes: list[tuple[int, str, str, object, str | None, bool]]) -> None:
    pairs: list[tuple[Any, Any]] = [(EventAliaser(HierarchicalEmitter()), EventHandlers())]
    has_counts = False
    for place, change, event, handler, unique_id, counts in changes:
        theirs, ours = pairs[place % len(pairs)]
        arguments = event, handler, unique_id, counts
        assert error_of(ours, change, *arguments) == error_of(theirs, change, *arguments)
        assert answers(ours) == answers(theirs)
        has_counts |= counts and unique_id is not None
        if len(pairs) < 4 and not has_counts:  # copies of botocore's class share the counts, but not the handlers
            pairs.append((copy.copy(theirs), copy.copy(ours)))
    for theirs, ours in pairs:
        assert answers(ours) == answers(theirs)


@pytest.mark.parametrize("handler", ["no function", lambda: None, lambda event_name: None])
def test_a_handler_that_botocore_rejects_is_rejected(handler: Any) -> None:
    for hooks in (EventHandlers(), HierarchicalEmitter()):
        with pytest.raises(ValueError, match="Event handler"):
            hooks.register("a", handler)


def test_a_handler_is_given_the_present_name_of_the_event() -> None:
    hooks, names = EventHandlers(), []
    hooks.register("before-call.sfn", lambda event_name, **_: names.append(event_name))
    hooks.emit("before-call.stepfunctions.StartExecution")
    assert names == ["before-call.sfn.StartExecution"]


def test_a_present_name_of_a_service_is_not_the_former_one_of_another() -> None:
    hooks, names = EventHandlers(), []
    hooks.register("before-call", lambda event_name, **_: names.append(event_name))
    for name in EVENT_ALIASES.values():
        hooks.emit(f"before-call.{name}")
    assert names == [f"before-call.{name}" for name in EVENT_ALIASES.values()]


def test_a_session_has_botocores_handlers() -> None:
    hooks = EventHandlers()
    botocore.session.Session(event_hooks=hooks)
    assert copy.copy(hooks).emit_until_response("choose-signer.sts.AssumeRoleWithWebIdentity")[0] is not None
