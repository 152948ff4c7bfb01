"""Compiled statements: whether a statement matches a request, and what differs if it does not."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from attrs import frozen

from xacct.authz.access_request import AccessRequest
from xacct.authz.layers import LAYERS_WITH_PRINCIPALS, SERVICES_WITHOUT_RESOURCE, LayerName
from xacct.authz.operators import CompiledCondition, compile_condition
from xacct.authz.principal_names import Grade, name_and_grade, names_to_exclude
from xacct.authz.resource_pattern import ResourcePattern, compile_resource
from xacct.authz.wildcard import Pattern, glob
from xacct.policy import Condition, PolicyDocument, Statement

__all__ = ["Mismatch", "StatementMatcher", "compile_document"]

# A name of this module is looked up faster than a member of an enumeration.
_NONE, _FULL = Grade.NONE, Grade.FULL


@frozen
class Mismatch:
    """An element of a statement that does not match a request.

    Attributes:
        element: the IAM element, such as ``Action``, ``NotResource`` or ``Condition``.
        wanted: the element's values in the statement; empty if the statement does not have the element.
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
        if not self.wanted:
            return f"the statement has no {self.element}"
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

    A part of a statement that AWS would reject, or that cannot be evaluated, fails closed: a Deny applies and an Allow
    does not. :meth:`problems` says so.

    Attributes:
        statement: the statement.
        layer: the kind of its policy.
        policy: the policy's name in explanations.
        index: the statement's index in its policy, from 0.
        denies: whether the effect is Deny.
        action_names: the values of Action or NotAction without wildcards, in lower case.
        action_patterns: the compiled values with wildcards.
        resources: the compiled patterns of Resource or NotResource.
        conditions: the compiled conditions.
        principals: each name in Principal or NotPrincipal, with its grade.
        has_canonical_user: whether Principal or NotPrincipal has a canonical user ID.
        names_principals: whether the statement has Principal or NotPrincipal, or lacks them.
        resource_tests: the compiled patterns, if none depends on more than the resource.
        only_resource_test: the compiled pattern, if it is the only one and that of Resource.
        excludes_resources: whether the patterns are those of NotResource.
        covers_every_resource: whether Resource has ``*``.
    """

    statement: Statement
    layer: LayerName
    policy: str
    index: int
    denies: bool
    action_names: frozenset[str]
    action_patterns: tuple[Pattern, ...]
    resources: tuple[ResourcePattern, ...]
    conditions: tuple[CompiledCondition, ...]
    principals: dict[str, Grade]
    has_canonical_user: bool
    names_principals: bool
    resource_tests: tuple[Pattern, ...]
    only_resource_test: Pattern | None
    excludes_resources: bool
    covers_every_resource: bool

    @property
    def label(self) -> str:
        """The statement's name in explanations, such as ``identity policy 1, statement 2 (Read)``."""
        sid = f" ({self.statement.sid})" if self.statement.sid else ""
        return f"{self.policy}, statement {self.index + 1}{sid}"

    @property
    def names_of_callers(self) -> Iterable[str]:
        """The names in `Caller.names` of the callers that Principal could cover; ``*`` for every caller."""
        # A canonical user ID could be that of every caller.
        return ("*",) if not self.statement.principals or self.has_canonical_user else self.principals

    def problems(self, request: AccessRequest) -> tuple[str, ...]:
        """Return why parts of the statement cannot be evaluated for the request, and how they are treated."""
        treated = "so the Deny is treated as matching" if self.denies else "so the Allow is treated as not matching"
        found = [text for c in self.conditions if (text := c.problem(request.context))]
        if self._lacks_principal:
            found.append("the statement has no Principal")
        if not self.denies and self.statement.not_principals and _is_of_trust_policy(self.layer, request):
            found.append("a trust policy cannot have NotPrincipal")
        if self._lacks_resource(request):
            found.append("the statement has no Resource")
        found += dict.fromkeys(text for pattern in self.resources if (text := pattern.problem(request)))
        canonical = ["a canonical user ID cannot be compared with an ARN"] if self.has_canonical_user else []
        return (*(f"{text}, {treated}" for text in found), *canonical)

    def matches_action(self, action: str) -> bool:
        """Return whether Action or NotAction covers an action, given in lower case."""
        covered = action in self.action_names or any(test(action) for test in self.action_patterns)
        return covered == bool(self.statement.actions)

    @property
    def _lacks_principal(self) -> bool:
        return not self.principals and self.layer in LAYERS_WITH_PRINCIPALS

    def match_principal(self, request: AccessRequest, has_boundary: bool) -> Grade:
        """Return how directly Principal or NotPrincipal covers the caller; FULL if the policy has neither by its kind.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        """
        listed, caller = self.principals, request.caller
        if not listed:
            return _NONE if self._lacks_principal and not self.denies else _FULL
        if self.statement.principals:
            found = _NONE
            for name in caller.names:
                grade = listed.get(name)
                if grade is not None and grade > found:
                    found = grade
                    if found is _FULL:
                        break
            return _FULL if not found and self.denies and self.has_canonical_user else found
        if not self.denies:
            excluded = any(name in listed for name in caller.names)
            forbidden = self.has_canonical_user or _is_of_trust_policy(self.layer, request)
            return _NONE if excluded or forbidden else _FULL
        # A Deny excludes only a caller that it lists in every form, and never one with a permissions boundary.
        names = names_to_exclude(caller)
        excluded = not has_boundary and bool(names) and all(name in listed for name in names)
        return _NONE if excluded else _FULL

    def _lacks_resource(self, request: AccessRequest) -> bool:
        return not self.resources and not (self.layer == "resource" and request.service in SERVICES_WITHOUT_RESOURCE)

    def matches_resource(self, request: AccessRequest) -> bool:
        """Return whether Resource or NotResource covers the request's resource.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
        """
        excludes = self.excludes_resources
        if self.resource_tests:
            resource = request.resource
            for test in self.resource_tests:
                if test(resource):
                    return not excludes
            return excludes
        if not self.resources:
            return self.denies or not self._lacks_resource(request)
        unresolved = False
        for pattern in self.resources:
            matched = pattern.matches(request)
            if matched:
                return not excludes
            unresolved = unresolved or matched is None
        return self.denies if unresolved else excludes

    def match(self, request: AccessRequest, has_boundary: bool = False) -> Grade:
        """Return how directly the statement applies to a request for an action that it covers; NONE if it does not."""
        if not self.covers_every_resource:
            test = self.only_resource_test
            if not (self.matches_resource(request) if test is None else test(request.resource)):
                return _NONE
        grade = self.match_principal(request, has_boundary) if self.names_principals else _FULL
        if grade and self.conditions:
            context = request.context
            for condition in self.conditions:
                met = condition.evaluate(context)
                # A condition that cannot be evaluated fails closed: a Deny applies, an Allow does not.
                if not (self.denies if met is None else met):
                    return _NONE
        return grade

    def mismatches(self, request: AccessRequest, action: str, *, has_boundary: bool = False) -> tuple[Mismatch, ...]:
        """Return every element that does not match the request; empty if the statement applies."""
        s, found = self.statement, []
        if not self.matches_action(action.lower()):
            found.append(_mismatch("Action", s.actions, s.not_actions, action))
        if not self.match_principal(request, has_boundary):
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
            keys.update(key for key in pattern.keys if not request.context.get(key))
        return tuple(sorted(keys))


def _mismatch(element: str, values: tuple[str, ...], excluded: tuple[str, ...], given: str) -> Mismatch:
    return Mismatch(f"Not{element}" if excluded else element, _any_of(values or excluded), given)


def _is_of_trust_policy(layer: LayerName, request: AccessRequest) -> bool:
    return layer == "resource" and request.service == "sts"


def compile_document(document: PolicyDocument, name: str, layer: LayerName) -> list[StatementMatcher]:
    """Compile the statements of a document. ``name`` is used in explanations if the document has no name."""
    title, version = document.name or name, document.version
    return [_compile(s, version, layer, title, index) for index, s in enumerate(document.statements)]


def _compile(s: Statement, version: str, layer: LayerName, policy: str, index: int) -> StatementMatcher:
    names, patterns = _compile_actions(s.actions or s.not_actions)
    excludes = bool(s.not_resources)
    resources = tuple([compile_resource(r, version, layer, excludes=excludes) for r in s.resources or s.not_resources])
    resource_tests = tuple([r.test for r in resources]) if all(r.is_constant for r in resources) else ()
    listed = s.principals or s.not_principals
    return StatementMatcher(
        statement=s,
        layer=layer,
        policy=policy,
        index=index,
        denies=s.effect == "Deny",
        action_names=names,
        action_patterns=patterns,
        resources=resources,
        conditions=tuple([compile_condition(c, version) for c in s.conditions]),
        principals=dict(map(name_and_grade, listed)),
        has_canonical_user=any(p.kind == "CanonicalUser" for p in listed),
        names_principals=bool(listed) or layer in LAYERS_WITH_PRINCIPALS,
        excludes_resources=excludes,
        resource_tests=resource_tests,
        only_resource_test=resource_tests[0] if len(resource_tests) == 1 and not excludes else None,
        covers_every_resource="*" in s.resources,
    )


# Policies repeat the same actions.
@lru_cache(maxsize=4096)
def _compile_actions(actions: tuple[str, ...]) -> tuple[frozenset[str], tuple[Pattern, ...]]:
    """Return the names without wildcards, in lower case, and the compiled names with wildcards."""
    names = {action.lower() for action in actions}
    patterns = sorted(name for name in names if "*" in name or "?" in name)
    return frozenset(names.difference(patterns)), tuple(map(glob, patterns))
