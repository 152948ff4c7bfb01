"""Compiled statements: whether a statement matches a request, and what differs if it does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum

from attrs import frozen

from xacct.authz.access_request import AccessRequest, Caller
from xacct.authz.operators import CompiledCondition, compile_condition
from xacct.authz.variables import Template, parse_template
from xacct.authz.wildcard import glob
from xacct.policy import Condition, PolicyDocument, Principal, Statement

__all__ = ["Grade", "Mismatch", "StatementMatcher", "compile_document"]

Pattern = Callable[[str], bool]


class Grade(IntEnum):
    """How directly a statement names the caller. Within one account, AWS limits what a less direct Allow grants.

    NONE: the statement does not match. ACCOUNT: it names the caller's account. ROLE: it names the role of a session.
    FULL: it names the user or the session, anyone, or nobody in particular, as in an identity policy.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-rdp.html
    """

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    FULL = 3


@frozen
class Mismatch:
    """An element of a statement that does not match a request.

    Attributes:
        element: the IAM element, such as ``Action``, ``NotResource`` or ``Condition``.
        wanted: the element's values in the statement.
        given: the request's value; ``none`` if the request does not have the condition's key.
        condition: the condition, if the element is ``Condition``.
        evaluable: False for a condition that cannot be evaluated.
    """

    element: str
    wanted: str
    given: str
    condition: Condition | None = None
    evaluable: bool = True

    def __str__(self) -> str:
        if self.element == "Condition":
            if not self.evaluable:
                return f"Condition {self.wanted} cannot be evaluated"
            return f"Condition {self.wanted} is not met: {_request_has(self.given)}"
        given = "an anonymous caller" if (self.element, self.given) == ("Principal", "*") else self.given
        return (
            f"{self.element} {self.wanted} {'excludes' if self.element.startswith('Not') else 'does not match'} {given}"
        )


def _request_has(given: str) -> str:
    return "the request has no such key" if given == "none" else f"the request has {given}"


def _wanted_and_given(condition: CompiledCondition, request: AccessRequest) -> tuple[str, str]:
    c = condition.condition
    given = ", ".join(map(repr, request.context.get(condition.key, ()))) or "none"
    return f"{c.operator} {c.key} {_any_of(c.values)}", given


def _any_of(values: tuple[str, ...]) -> str:
    return " or ".join(map(repr, values))


@frozen(eq=False, kw_only=True)
class StatementMatcher:
    """A statement of a policy, compiled for repeated evaluation.

    Attributes:
        statement: the statement.
        policy: the policy's name in explanations.
        index: the statement's index in its policy, from 0.
        denies: whether the effect is Deny.
        actions: the compiled patterns of Action or NotAction.
        resources: the compiled patterns of Resource or NotResource.
        conditions: the compiled conditions.
        principals: each name in Principal or NotPrincipal, with its grade.
    """

    statement: Statement
    policy: str
    index: int
    denies: bool
    actions: tuple[Pattern, ...]
    resources: tuple[Pattern | Template, ...]
    conditions: tuple[CompiledCondition, ...]
    principals: dict[tuple[str, str], Grade]

    @property
    def label(self) -> str:
        """The statement's name in explanations, such as ``identity policy 1, statement 2 (Read)``."""
        sid = f" ({self.statement.sid})" if self.statement.sid else ""
        return f"{self.policy}, statement {self.index + 1}{sid}"

    def problems(self, request: AccessRequest) -> tuple[str, ...]:
        """Return why parts of the statement cannot be evaluated for the request, and how they are treated."""
        treated = "so the Deny is treated as matching" if self.denies else "so the Allow is treated as not matching"
        found = [f"{text}, {treated}" for c in self.conditions if (text := c.problem(request.context))]
        if any(_is_ambiguous(pattern, request) for pattern in self.resources):
            found.append(f"a policy variable in the resource has several values, {treated}")
        if any(p.kind == "CanonicalUser" for p in self.statement.principals + self.statement.not_principals):
            found.append("a canonical user ID cannot be compared with an ARN")
        return tuple(found)

    def matches_action(self, action: str) -> bool:
        """Return whether Action or NotAction covers an action, given in lower case."""
        return any(test(action) for test in self.actions) == bool(self.statement.actions)

    def match_principal(self, request: AccessRequest, *, has_boundary: bool) -> Grade:
        """Return how directly Principal or NotPrincipal covers the caller; FULL if the statement has neither."""
        statement, caller = self.statement, request.caller
        if statement.principals:
            found = max((self.principals.get(name, Grade.NONE) for name in _names(request)), default=Grade.NONE)
            if not found and self.denies and any(p.kind == "CanonicalUser" for p in statement.principals):
                return Grade.FULL
            return found
        if not statement.not_principals:
            return Grade.FULL
        if not self.denies:
            excluded = any(name in self.principals for name in _names(request))
            uncertain = any(p.kind == "CanonicalUser" for p in statement.not_principals)
            return Grade.NONE if excluded or uncertain else Grade.FULL
        # A Deny excludes only a caller that it lists in every form, and never one with a permissions boundary.
        excluded = not has_boundary and all(any(n in self.principals for n in group) for group in _name_groups(caller))
        return Grade.NONE if excluded else Grade.FULL

    def matches_resource(self, request: AccessRequest) -> bool:
        """Return whether Resource or NotResource covers the request's resource."""
        if not self.resources:
            return True
        excludes = bool(self.statement.not_resources)
        unresolved = False
        for pattern in self.resources:
            if isinstance(pattern, Template):
                try:
                    pieces = pattern.fill(request.context)
                except ValueError:  # a variable has several values
                    unresolved = True
                    continue
                if pieces is None:
                    # Without a value, it matches nothing. In an Allow with NotResource, that must not widen access.
                    unresolved = unresolved or excludes
                    continue
                pattern = glob(pieces)  # noqa: PLW2901 the pattern for this request
            if pattern(request.resource):
                return not excludes
        return self.denies if unresolved else excludes

    def match(self, request: AccessRequest, *, has_boundary: bool = False) -> Grade:
        """Return how directly the statement applies to a request for an action that it covers; NONE if it does not."""
        context, denies = request.context, self.denies
        for condition in self.conditions:
            met = condition.evaluate(context)
            # A condition that cannot be evaluated fails closed: a Deny applies, an Allow does not.
            if not (denies if met is None else met):
                return Grade.NONE
        return (
            self.match_principal(request, has_boundary=has_boundary) if self.matches_resource(request) else Grade.NONE
        )

    def mismatches(self, request: AccessRequest, action: str, *, has_boundary: bool = False) -> tuple[Mismatch, ...]:
        """Return every element that does not match the request; empty if the statement applies."""
        s, found = self.statement, []
        if not self.matches_action(action.lower()):
            found.append(_mismatch("Action", s.actions, s.not_actions, action))
        if not self.match_principal(request, has_boundary=has_boundary):
            names, excluded = (tuple(p.value for p in values) for values in (s.principals, s.not_principals))
            found.append(_mismatch("Principal", names, excluded, request.principal))
        if not self.matches_resource(request):
            found.append(_mismatch("Resource", s.resources, s.not_resources, request.resource))
        for condition in self.conditions:
            met = condition.evaluate(request.context)
            if not (self.denies if met is None else met):
                wanted, given = _wanted_and_given(condition, request)
                found.append(Mismatch("Condition", wanted, given, condition.condition, evaluable=met is not None))
        return tuple(found)

    def conditions_met(self, request: AccessRequest) -> tuple[str, ...]:
        """Return the conditions of a statement that applies, each with what the request has."""
        texts = []
        for condition in self.conditions:
            wanted, given = _wanted_and_given(condition, request)
            problem = condition.problem(request.context)
            texts.append(f"Condition {wanted} {'cannot be evaluated' if problem else f'is met: {_request_has(given)}'}")
        return tuple(texts)

    def missing_context(self, request: AccessRequest) -> tuple[str, ...]:
        """Return the context keys that the statement uses and the request does not have."""
        keys = {c.condition.key for c in self.conditions if not request.context.get(c.key)}
        for pattern in self.resources:
            if isinstance(pattern, Template):
                keys.update(key for key in pattern.keys if not request.context.get(key))
        return tuple(sorted(keys))


def _mismatch(element: str, values: tuple[str, ...], excluded: tuple[str, ...], given: str) -> Mismatch:
    return Mismatch(element if values else f"Not{element}", _any_of(values or excluded), given)


def _is_ambiguous(pattern: Pattern | Template, request: AccessRequest) -> bool:
    return isinstance(pattern, Template) and any(len(request.context.get(key, ())) > 1 for key in pattern.keys)


def _names(request: AccessRequest) -> list[tuple[str, str]]:
    """Return every form in which a policy can name the caller."""
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


def _name_groups(caller: Caller) -> list[list[tuple[str, str]]]:
    """Return the groups of names of which a Deny with NotPrincipal must list one each to exclude the caller.

    They are the account, the user or session, and the role.
    """
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


def _grade_of(principal: Principal) -> tuple[tuple[str, str], Grade]:
    """Return the form in which a principal names its callers, and how direct it is."""
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


def _compile_resource(text: str, version: str) -> Pattern | Template:
    found = parse_template(text, version)
    pieces = None if found.keys else found.fill({})
    return found if pieces is None else glob(pieces)


def compile_document(document: PolicyDocument, name: str) -> list[StatementMatcher]:
    """Compile the statements of a document. ``name`` is used in explanations if the document has no name."""
    return [
        StatementMatcher(
            statement=s,
            policy=document.name or name,
            index=index,
            denies=s.effect == "Deny",
            actions=tuple(glob(action.lower()) for action in s.actions or s.not_actions),
            resources=tuple(_compile_resource(text, document.version) for text in s.resources or s.not_resources),
            conditions=tuple(compile_condition(c, document.version) for c in s.conditions),
            principals=dict(_grade_of(p) for p in s.principals or s.not_principals),
        )
        for index, s in enumerate(document.statements)
    ]
