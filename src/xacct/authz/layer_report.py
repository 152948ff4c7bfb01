"""What each layer of policies says about a request: the statements that match, and the Allows that nearly do."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from xacct.authz.access_request import AccessRequest
from xacct.authz.layers import LAYER_TITLES, LayerName
from xacct.authz.policy_set import Layer, PolicySet
from xacct.authz.statement_matcher import Mismatch, StatementMatcher
from xacct.reference import services_under_rcps

__all__ = ["LayerReport", "NearMiss", "layer_reports", "layer_title"]

_NEAREST = 3
_TRUST_POLICY_ACTIONS = (
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
)


@frozen
class NearMiss:
    """An Allow statement that does not apply.

    Attributes:
        statement: the statement's name.
        mismatches: the elements that do not match the request.
    """

    statement: str
    mismatches: tuple[Mismatch, ...]


@frozen(kw_only=True)
class LayerReport:
    """What one layer says about a request, regardless of the other layers.

    Attributes:
        name: the layer.
        effect: the layer's own result.
        matched: the statements that apply: those that deny, or else those that allow.
        because: the conditions of the statements that deny, with what the request has.
        near_misses: up to three Allow statements that do not apply, the nearest first.
        unknown: the parts of statements that cannot be evaluated. Such a Deny applies, and such an Allow does not.
        depends_on: the context keys that statements for this action use and that the request does not have.
    """

    name: LayerName
    effect: Literal["Allow", "ImplicitDeny", "ExplicitDeny"]
    matched: tuple[str, ...]
    because: tuple[str, ...]
    near_misses: tuple[NearMiss, ...]
    unknown: tuple[str, ...]
    depends_on: tuple[str, ...]


def layer_reports(request: AccessRequest, policies: PolicySet, action: str) -> tuple[LayerReport, ...]:
    """Return a report of each layer that applies to the request, in AWS's order of evaluation."""
    return tuple(_report(layer, request, policies, action) for layer in policies.applicable_layers(request))


def layer_title(name: LayerName, request: AccessRequest, policies: PolicySet, action: str) -> str:
    """Return the name of a layer in explanations: that of its policy if the layer can have only one."""
    single = {"resource": policies.resource, "boundary": policies.boundary}.get(name)
    if single is not None and single.statements[0].policy != LAYER_TITLES[name]:
        return single.statements[0].policy
    if name == "resource" and action.lower() in _TRUST_POLICY_ACTIONS:
        return f"trust policy of role {request.resource.rsplit('/', 1)[-1]}"
    return LAYER_TITLES[name]


def _report(layer: Layer, request: AccessRequest, policies: PolicySet, action: str) -> LayerReport:
    has_boundary = policies.boundary is not None
    title = layer_title(layer.name, request, policies, action)
    matched: list[StatementMatcher] = []
    near_misses: list[NearMiss] = []
    unknown: list[str] = []
    keys: set[str] = set()
    for statement in layer.statements:
        mismatches = statement.mismatches(request, action, has_boundary=has_boundary)
        if not mismatches:
            matched.append(statement)
        elif not statement.denies:
            near_misses.append(NearMiss(_label(statement, layer.name, title), mismatches))
        if statement.matches_action(action.lower()):
            keys.update(statement.missing_context(request))
            unknown += [f"{_label(statement, layer.name, title)}: {text}" for text in statement.problems(request)]
    # Statements for other actions come last, then those with more mismatches.
    near_misses.sort(key=lambda miss: (miss.mismatches[0].element.endswith("Action"), len(miss.mismatches)))
    denying = [statement for statement in matched if statement.denies]
    if layer.name == "rcp" and request.service not in services_under_rcps():
        why = f"resource control policies are not known to apply to {request.service}"
        unknown += [f"{_label(s, layer.name, title)}: {why}, so the Deny is treated as matching" for s in denying]
    return LayerReport(
        name=layer.name,
        effect="ExplicitDeny" if denying else "Allow" if matched else "ImplicitDeny",
        matched=tuple(_label(statement, layer.name, title) for statement in denying or matched),
        because=tuple(text for statement in denying for text in statement.conditions_met(request)),
        near_misses=tuple(near_misses[:_NEAREST]),
        unknown=tuple(unknown),
        depends_on=tuple(sorted(keys)),
    )


def _label(statement: StatementMatcher, layer: LayerName, title: str) -> str:
    if statement.policy != LAYER_TITLES[layer]:
        return statement.label
    return statement.label.replace(statement.policy, title, 1)
