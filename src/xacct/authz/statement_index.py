"""The index of a large layer: the statements that could match a request, without a look at the others.

A request is compared only with the statements of the shortest of four lists: those whose Action could cover its
action, those whose Principal could name its caller, those whose Resource could cover its resource, and those that
require no exact value of a condition key, or one that the request has.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from xacct.authz.access_request import AccessRequest
from xacct.authz.prefix_index import PrefixIndex
from xacct.authz.statement_matcher import StatementMatcher
from xacct.authz.wildcard import literal_prefix

__all__ = ["StatementIndex"]

_Lists = list[list[StatementMatcher]]

# The greatest number of distinct actions whose lists are kept.
_KEPT_ACTIONS = 4096


class StatementIndex:
    """The statements of a layer by their actions, principals, resources and conditions."""

    __slots__ = ("_actions", "_counts", "_covering", "_principals", "_resources", "_values", "_without_value")

    def __init__(self, statements: Iterable[StatementMatcher]) -> None:
        self._actions = PrefixIndex[StatementMatcher]()
        self._resources = PrefixIndex[StatementMatcher]()
        self._principals: dict[str, list[StatementMatcher]] = {}
        self._values: dict[tuple[str, str], list[StatementMatcher]] = {}
        self._without_value: list[StatementMatcher] = []
        self._counts: dict[str, int] = {}
        self._covering: dict[str, tuple[StatementMatcher, ...]] = {}
        for matcher in statements:
            s = matcher.statement
            self._actions.add(matcher, [literal_prefix(action.lower()) for action in s.actions])
            self._resources.add(matcher, [r.prefix for r in matcher.resources] if s.resources else [])
            for name in matcher.names_of_callers:
                self._principals.setdefault(name, []).append(matcher)
            required = next((condition for condition in matcher.conditions if condition.required_values), None)
            if required is None:
                self._without_value.append(matcher)
            else:
                for value in required.required_values:
                    self._values.setdefault((required.key, value), []).append(matcher)

    def candidates(self, request: AccessRequest, action: str) -> tuple[StatementMatcher, ...]:
        """Return the statements that cover an action and could match in the other elements, the Deny statements first.

        Args:
            request: the request.
            action: the request's action, or another that it needs, in lower case.
        """
        shortest: _Lists | None = None
        count = self._counts.get(action)
        if count is None:
            if len(self._counts) >= _KEPT_ACTIONS:
                self._counts.clear()
                self._covering.clear()
            count = self._counts[action] = sum(map(len, self._actions.lists(action)))
        by_principal = [self._principals[name] for name in request.caller.names if name in self._principals]
        by_value = [
            self._values[key, value]
            for key, values in request.context.items()
            for value in values
            if (key, value) in self._values
        ]
        for lists in (self._resources.lists(request.resource), by_principal, [self._without_value, *by_value]):
            total = sum(map(len, lists))
            if total < count:
                shortest, count = lists, total
        if shortest is not None:
            return _covering(shortest, action)
        covering = self._covering.get(action)
        if covering is None:
            covering = self._covering[action] = _covering(self._actions.lists(action), action)
        return covering


def _covering(lists: _Lists, action: str) -> tuple[StatementMatcher, ...]:
    """Return the statements that cover an action, the Deny statements first."""
    found = dict.fromkeys(s for s in chain.from_iterable(lists) if s.matches_action(action))
    return tuple(sorted(found, key=lambda s: not s.denies))
