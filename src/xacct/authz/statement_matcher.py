"""Statements that are ready to be asked, with the reason when one does not match."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum

from attrs import frozen

from xacct.authz.access_request import AccessRequest, Caller
from xacct.authz.operators import CompiledCondition, compile_condition
from xacct.authz.variables import Template, template
from xacct.authz.wildcard import glob
from xacct.policy import PolicyDocument, Principal, Statement

__all__ = ["Grade", "Mismatch", "StatementMatcher", "compile_document"]

Pattern = Callable[[str], bool]


class Grade(IntEnum):
    """How directly a resource policy names the caller: what it grants is limited accordingly.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-rdp.html
    """

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    FULL = 3


@frozen
class Mismatch:
    """Why a statement does not match a request.

    Attributes:
        element: ``Action``, ``Principal``, ``Resource`` or ``Condition``.
        wanted: what the statement has.
        given: what the request has.
    """

    element: str
    wanted: str
    given: str

    def __str__(self) -> str:
        return f"{self.element} wants {self.wanted}, the request has {self.given}"


def _wanted_and_given(condition: CompiledCondition, request: AccessRequest) -> tuple[str, str]:
    c = condition.condition
    given = ", ".join(map(repr, request.context.get(condition.key, ()))) or "none"
    return f"{c.operator} {c.key} {' or '.join(map(repr, c.values))}", given


@frozen(eq=False)
class StatementMatcher:
    """A statement of a policy, ready to be asked."""

    statement: Statement
    policy: str
    index: int
    denies: bool
    _actions: tuple[Pattern, ...]
    _resources: tuple[Pattern | Template, ...]
    _conditions: tuple[CompiledCondition, ...]
    _principals: dict[tuple[str, str], Grade]

    @property
    def label(self) -> str:
        """What explanations call it."""
        sid = f" ({self.statement.sid})" if self.statement.sid else ""
        return f"{self.policy}, statement {self.index + 1}{sid}"

    @property
    def unknown(self) -> tuple[str, ...]:
        """What in it nobody can evaluate."""
        found = [condition.unknown for condition in self._conditions if condition.unknown]
        if any(p.kind == "CanonicalUser" for p in self.statement.principals + self.statement.not_principals):
            found.append("a canonical user id cannot be compared with an ARN")
        return tuple(found)

    def is_about(self, action: str) -> bool:
        """Whether Action or NotAction takes in an action, given in lower case."""
        return any(test(action) for test in self._actions) == bool(self.statement.actions)

    def grade(self, request: AccessRequest, *, bounded: bool) -> Grade:
        """How directly it names the caller; FULL where it names nobody, as in an identity policy."""
        statement, caller = self.statement, request.caller
        if statement.principals:
            found = max((self._principals.get(name, Grade.NONE) for name in _names(request)), default=Grade.NONE)
            if not found and self.denies and any(p.kind == "CanonicalUser" for p in statement.principals):
                return Grade.FULL
            return found
        if not statement.not_principals:
            return Grade.FULL
        if not self.denies:
            spared = any(name in self._principals for name in _names(request))
            unsure = any(p.kind == "CanonicalUser" for p in statement.not_principals)
            return Grade.NONE if spared or unsure else Grade.FULL
        # Only who is named in every way is spared, and nobody with a boundary.
        spared = not bounded and all(any(n in self._principals for n in group) for group in _every_way(caller))
        return Grade.NONE if spared else Grade.FULL

    def takes_in_resource(self, request: AccessRequest) -> bool:
        """Whether Resource or NotResource takes in the request's."""
        statement = self.statement
        if not self._resources:
            return True
        matched = False
        for pattern in self._resources:
            if isinstance(pattern, Template):
                pieces = pattern.fill(request.context)
                if pieces is None:
                    # No value for a variable: what is not excluded for sure is not allowed.
                    if statement.not_resources and not self.denies:
                        return False
                    continue
                pattern = glob(pieces)  # noqa: PLW2901 the pattern for this request
            if pattern(request.resource):
                matched = True
                break
        return matched == bool(statement.resources)

    def applies(self, request: AccessRequest, *, bounded: bool = False) -> Grade:
        """How directly it applies to a request whose action it is about; NONE where it does not."""
        context, doubt = request.context, self.denies
        for condition in self._conditions:
            if not condition.holds(context, doubt=doubt):
                return Grade.NONE
        return self.grade(request, bounded=bounded) if self.takes_in_resource(request) else Grade.NONE

    def mismatches(self, request: AccessRequest, action: str, *, bounded: bool = False) -> tuple[Mismatch, ...]:
        """Everything in which it differs from a request; empty where it applies."""
        s, found = self.statement, []
        if not self.is_about(action.lower()):
            found.append(Mismatch("Action", _either(s.actions, s.not_actions), action))
        if not self.grade(request, bounded=bounded):
            wanted = _either(tuple(p.value for p in s.principals), tuple(p.value for p in s.not_principals))
            found.append(Mismatch("Principal", wanted, request.principal))
        if not self.takes_in_resource(request):
            found.append(Mismatch("Resource", _either(s.resources, s.not_resources), request.resource))
        failing = [c for c in self._conditions if not c.holds(request.context, doubt=self.denies)]
        return (*found, *(Mismatch("Condition", *_wanted_and_given(condition, request)) for condition in failing))

    def circumstances(self, request: AccessRequest) -> tuple[str, ...]:
        """Its conditions with what the request has: why it applies, where it does."""
        pairs = (_wanted_and_given(condition, request) for condition in self._conditions)
        return tuple(f"{wanted}, the request has {given}" for wanted, given in pairs)

    def asks_for(self, request: AccessRequest) -> tuple[str, ...]:
        """The context keys that it asks for and the request does not have."""
        keys = {c.condition.key for c in self._conditions if not request.context.get(c.key)}
        for pattern in self._resources:
            if isinstance(pattern, Template):
                keys.update(key for key in pattern.keys if not request.context.get(key))
        return tuple(sorted(keys))


def _either(positive: tuple[str, ...], negative: tuple[str, ...]) -> str:
    return " or ".join(map(repr, positive)) or f"anything but {' and '.join(map(repr, negative))}"


def _names(request: AccessRequest) -> list[tuple[str, str]]:
    """Everything by which a policy may name the caller."""
    caller = request.caller
    names = [("*", "*")]
    if caller.kind in ("service", "provider"):
        return [*names, ("Service" if caller.kind == "service" else "Federated", caller.name)]
    if caller.account:
        names += [("account", caller.account), ("AWS", caller.name)]
    if caller.role_name:
        names.append(("role", f"{caller.account}/{caller.role_name}"))
    names.extend(("id", userid.split(":")[0]) for userid in request.context.get("aws:userid", ()))
    return names


def _every_way(caller: Caller) -> list[list[tuple[str, str]]]:
    """What a Deny with NotPrincipal must all list to spare the caller: the account, the role, the session."""
    if caller.kind in ("service", "provider"):
        return [[("Service" if caller.kind == "service" else "Federated", caller.name)]]
    groups = [[("account", caller.account)], [("AWS", caller.name)]]
    if caller.kind in ("account", "root"):
        del groups[1]
    if caller.kind == "role":
        groups.append([("role", f"{caller.account}/{caller.role_name}")])
        if ":iam:" in caller.name:
            del groups[1]
    return groups


def _principal(principal: Principal) -> tuple[tuple[str, str], Grade]:
    value = principal.value
    if principal.is_anyone:
        return ("*", "*"), Grade.FULL
    if principal.kind != "AWS":
        return (principal.kind, value), Grade.FULL
    if principal.is_account:
        return ("account", principal.account_id or ""), Grade.ACCOUNT
    if principal.is_deleted:
        return ("id", value), Grade.ROLE if value.startswith("AROA") else Grade.FULL
    if found := re.fullmatch(r"arn:[\w-]+:iam::([0-9]{12}):role/(?:.*/)?([^/]+)", value):
        return ("role", f"{found[1]}/{found[2]}"), Grade.ROLE
    return ("AWS", value), Grade.FULL


def _resource(text: str, version: str) -> Pattern | Template:
    found = template(text, version)
    pieces = None if found.keys else found.fill({})
    return found if pieces is None else glob(pieces)


def compile_document(document: PolicyDocument, name: str) -> list[StatementMatcher]:
    """A document's statements, ready to be asked."""
    compiled = []
    for index, s in enumerate(document.statements):
        compiled.append(
            StatementMatcher(
                s,
                document.name or name,
                index,
                s.effect == "Deny",
                tuple(glob(action.lower()) for action in s.actions or s.not_actions),
                tuple(_resource(text, document.version) for text in s.resources or s.not_resources),
                tuple(compile_condition(c, document.version) for c in s.conditions),
                dict(_principal(p) for p in s.principals or s.not_principals),
            )
        )
    return compiled
