"""botocore's event handlers in a form that is quick to copy."""

from __future__ import annotations

import logging
from collections.abc import Callable
from inspect import CO_VARKEYWORDS, getfullargspec
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import frozen
from botocore.hooks import BaseEventHooks, EventAliaser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["EventHandlers"]

# The messages that botocore logs when it calls handlers.
log = logging.getLogger("botocore.hooks")

_Handler = Callable[..., Any]
_FIRST, _MIDDLE, _LAST = range(3)


@frozen
class _Node:
    """The handlers of an event name, in three sections, and the nodes of longer names by the next part of the name."""

    children: Mapping[str, _Node] = MappingProxyType({})
    sections: tuple[tuple[_Handler, ...], ...] = ((), (), ())

    def with_handler(self, name: Sequence[str], section: int, handler: _Handler) -> _Node:
        """Return a node with one more handler."""
        if name:
            child = self.children.get(name[0], _EMPTY).with_handler(name[1:], section, handler)
            return _Node({**self.children, name[0]: child}, self.sections)
        return self._with_section(section, (*self.sections[section], handler))

    def without_handler(self, name: Sequence[str], handler: _Handler | None) -> _Node:
        """Return a node without the first handler that is equal to this one."""
        if name:
            child = self.children.get(name[0])
            if child is None:
                return self
            return _Node({**self.children, name[0]: child.without_handler(name[1:], handler)}, self.sections)
        for section, handlers in enumerate(self.sections):
            if handler in handlers:
                place = handlers.index(handler)
                return self._with_section(section, handlers[:place] + handlers[place + 1 :])
        return self

    def _with_section(self, changed: int, handlers: tuple[_Handler, ...]) -> _Node:
        sections = (handlers if section == changed else held for section, held in enumerate(self.sections))
        return _Node(self.children, tuple(sections))

    def matching(self, name: Sequence[str]) -> list[_Handler]:
        """Return the handlers of a name and of its prefixes, those of longer names first."""
        found: list[_Handler] = []
        waiting = [(self, 0)]
        visited: list[_Node] = []
        while waiting:
            node, length = waiting.pop()
            visited.append(node)
            if length < len(name):
                longer = (node.children.get("*"), node.children.get(name[length]))
                waiting += [(child, length + 1) for child in longer if child is not None]
        for node in reversed(visited):
            found += chain.from_iterable(node.sections)
        return found


_EMPTY = _Node()


class _Echo(BaseEventHooks):
    """Returns the name of each event."""

    def emit(self, event_name: str, **_: Any) -> Any:
        return event_name


# botocore looks through a few hundred names that services once had, for each event of each client. This one remembers.
_current_name: Callable[[str], str] = EventAliaser(_Echo()).emit


class EventHandlers(BaseEventHooks):
    """Does what botocore's ``HierarchicalEmitter`` does, in the same order, and knows former names of services.

    botocore copies several hundred handlers for each session and again for each client, and changes a few. Copies of
    this class share what they do not change, which takes a quarter less CPU time for each account of `fan_out`. How
    often a unique ID is registered is not shared, as it is in copies of botocore's class.
    """

    def __init__(self) -> None:
        self._root = _EMPTY
        # For each ID: its handler, and how often it is registered, or None if that does not count.
        self._unique: Mapping[str, tuple[_Handler, int | None]] = MappingProxyType({})
        self._found: dict[str, tuple[str, list[_Handler]]] = {}

    def __copy__(self) -> EventHandlers:
        copied = type(self)()
        copied._root, copied._unique = self._root, self._unique
        return copied

    def emit(self, event_name: str, **kwargs: Any) -> list[tuple[_Handler, Any]]:
        """Call the handlers of an event, and return them with what they return."""
        return self._call(event_name, kwargs, until_response=False)

    def emit_until_response(self, event_name: str, **kwargs: Any) -> tuple[_Handler | None, Any]:
        """Call the handlers of an event until one returns something, and return it with what it returns."""
        responses = self._call(event_name, kwargs, until_response=True)
        return responses[-1] if responses else (None, None)

    def _call(self, name: str, arguments: dict[str, Any], *, until_response: bool) -> list[tuple[_Handler, Any]]:
        found = self._found  # another thread that registers a handler replaces it
        if name not in found:
            current_name = _current_name(name)
            found[name] = current_name, self._root.matching(current_name.split("."))
        current_name, handlers = found[name]
        responses: list[tuple[_Handler, Any]] = []
        if not handlers:
            return responses
        arguments["event_name"] = current_name
        is_logged = log.isEnabledFor(logging.DEBUG)
        for handler in handlers:
            if is_logged:
                log.debug("Event %s: calling handler %s", current_name, handler)
            response = handler(**arguments)
            responses.append((handler, response))
            if until_response and response is not None:
                break
        return responses

    def register(
        self, event_name: str, handler: _Handler, unique_id: str | None = None, unique_id_uses_count: bool = False
    ) -> None:
        """Register a handler, as botocore documents it."""
        self._register(event_name, _MIDDLE, handler, unique_id, counts=unique_id_uses_count)

    def register_first(
        self, event_name: str, handler: _Handler, unique_id: str | None = None, unique_id_uses_count: bool = False
    ) -> None:
        """Register a handler that is called before the others."""
        self._register(event_name, _FIRST, handler, unique_id, counts=unique_id_uses_count)

    def register_last(
        self, event_name: str, handler: _Handler, unique_id: str | None = None, unique_id_uses_count: bool = False
    ) -> None:
        """Register a handler that is called after the others."""
        self._register(event_name, _LAST, handler, unique_id, counts=unique_id_uses_count)

    def _register(self, name: str, section: int, handler: _Handler, unique_id: str | None, *, counts: bool) -> None:
        _check(handler)
        if unique_id is not None:
            known = self._unique.get(unique_id)
            if known is not None:
                self._count(unique_id, 1, counts=counts)
                return
            self._unique = {**self._unique, unique_id: (handler, 1 if counts else None)}
        self._root = self._root.with_handler(_current_name(name).split("."), section, handler)
        self._found = {}

    def unregister(
        self,
        event_name: str,
        handler: _Handler | None = None,
        unique_id: str | None = None,
        unique_id_uses_count: bool = False,
    ) -> None:
        """Remove a handler, as botocore documents it."""
        if unique_id is not None:
            known = self._unique.get(unique_id)
            if known is None:
                return
            handler = known[0]
            if self._count(unique_id, -1, counts=unique_id_uses_count):
                return
            self._unique = {name: value for name, value in self._unique.items() if name != unique_id}
        self._root = self._root.without_handler(_current_name(event_name).split("."), handler)
        self._found = {}

    def _count(self, unique_id: str, change: int, *, counts: bool) -> int:
        """Change how often an ID is registered, and return the result; 0 for an ID that is not counted."""
        handler, count = self._unique[unique_id]
        if counts != (count is not None):
            raise ValueError(
                f"The handler with the unique ID {unique_id} was registered with unique_id_uses_count={not counts}; "
                "later calls must pass the same"
            )
        if count is None:
            return 0
        self._unique = {**self._unique, unique_id: (handler, count + change)}
        return count + change


def _check(handler: _Handler) -> None:
    """Check a handler as botocore does: it can be called, with keyword arguments of any name."""
    if not callable(handler):
        raise ValueError(f"Event handler {handler} must be callable.")
    code = getattr(handler, "__code__", None)
    if code is not None and code.co_flags & CO_VARKEYWORDS:
        return  # the usual case, and much quicker than the other
    try:
        accepts_all = getfullargspec(handler).varkw is not None
    except TypeError:
        return  # it has no signature to check
    if not accepts_all:
        raise ValueError(f"Event handler {handler} must accept keyword arguments (**kwargs)")
