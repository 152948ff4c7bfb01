"""Copies of an emitter that share handlers: they behave as botocore's own."""

from __future__ import annotations

from copy import copy

import botocore.session
import hypothesis.strategies as st
from botocore.hooks import HierarchicalEmitter
from hypothesis import given

from xacct.session.event_handlers import share_handlers

EVENTS = ["a", "a.b", "a.b.c", "a.*.c", "a.b.d", "e.b"]
HANDLERS = [lambda number=number, **_: number for number in range(4)]
CHANGES = ["register", "register_first", "register_last", "unregister"]


def answers(emitter: HierarchicalEmitter) -> list[list[int]]:
    return [[answer for _, answer in emitter.emit(event)] for event in [*EVENTS, "a.x.c", "none"]]


def error_of(emitter: HierarchicalEmitter, change: str, event: str, handler: object) -> type[Exception] | None:
    try:
        getattr(emitter, change)(event, handler)
    except AttributeError as error:  # botocore raises it if an event without handlers has events below it
        return type(error)
    return None


@given(
    before=st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from(HANDLERS))),
    changes=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(CHANGES), st.sampled_from(EVENTS), st.sampled_from(HANDLERS))
    ),
)
def test_copies_that_share_handlers_answer_as_botocores_copies(before, changes) -> None:  # type: ignore[no-untyped-def]
    theirs, ours = HierarchicalEmitter(), HierarchicalEmitter()
    for event, handler in before:
        theirs.register(event, handler)
        ours.register(event, handler)
    share_handlers(ours)
    original = answers(ours)
    copies = [(copy(theirs), copy(ours)) for _ in range(2)]
    copies.append((copy(copies[0][0]), copy(copies[0][1])))
    for place, change, event, handler in changes:
        expected, found = (error_of(emitter, change, event, handler) for emitter in copies[place])
        assert expected == found
    for expected, found in copies:
        assert answers(found) == answers(expected)
    assert answers(ours) == original


def test_a_handler_that_is_removed_from_a_copy_stays_in_the_others() -> None:
    emitter = HierarchicalEmitter()
    emitter.register("a.b", HANDLERS[1])
    share_handlers(emitter)
    first, second = copy(emitter), copy(emitter)
    first.unregister("a.b", HANDLERS[1])
    assert first.emit("a.b") == []
    assert second.emit("a.b") == [(HANDLERS[1], 1)]


def test_botocores_handlers_can_be_shared() -> None:
    emitter = HierarchicalEmitter()
    botocore.session.Session(event_hooks=emitter)
    share_handlers(emitter)
    assert copy(emitter).emit_until_response("choose-signer.sts.AssumeRoleWithWebIdentity")[0] is not None
