"""Why a decision is as it is, found by the same tests over the same statements."""

from __future__ import annotations

import json
from typing import Literal

from attrs import frozen

from xacct.authz.decision import RCP_SERVICES, Decision, binding
from xacct.authz.policy_set import WORDS, Layer, LayerName
from xacct.authz.statement_matcher import Mismatch, StatementMatcher

__all__ = ["LayerReport", "NearMiss", "explain", "report", "to_dict"]

_NEAREST = 3
_OF_TRUST = (
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
)


@frozen
class NearMiss:
    """An Allow that does not apply, and in what it differs."""

    statement: str
    mismatches: tuple[Mismatch, ...]


@frozen
class LayerReport:
    """What one layer says by itself.

    Attributes:
        name: the layer.
        effect: its own verdict.
        matched: the statements that apply.
        because: the conditions of those that deny, and what the request has.
        near_misses: the Allows that do not, the nearest first.
        unknown: statements with something that cannot be evaluated: a Deny is taken to apply, an Allow is not.
        depends_on: context keys that it asks for and that the request does not have.
    """

    name: LayerName
    effect: Literal["Allow", "ImplicitDeny", "ExplicitDeny"]
    matched: tuple[str, ...]
    because: tuple[str, ...]
    near_misses: tuple[NearMiss, ...]
    unknown: tuple[str, ...]
    depends_on: tuple[str, ...]


def report(decision: Decision) -> tuple[LayerReport, ...]:
    """What each layer that bears on the request says."""
    return tuple(_layer(decision, layer) for layer in binding(decision.request, decision.policies))


def _layer(decision: Decision, layer: Layer) -> LayerReport:
    request, action = decision.request, decision.action
    bounded = decision.policies.boundary is not None
    matched: list[StatementMatcher] = []
    missed: list[NearMiss] = []
    unknown: list[str] = []
    keys: set[str] = set()
    for statement in layer.statements:
        differences = statement.mismatches(request, action, bounded=bounded)
        if not differences:
            matched.append(statement)
        elif not statement.denies:
            missed.append(NearMiss(_label(decision, layer.name, statement), differences))
        if not any(m.element == "Action" for m in differences):
            keys.update(statement.asks_for(request))
            unknown += [f"{_label(decision, layer.name, statement)}: {reason}" for reason in statement.unknown]
    # What is about another action comes last, then what differs in more.
    missed.sort(key=lambda miss: (miss.mismatches[0].element == "Action", len(miss.mismatches)))
    denying = [s for s in matched if s.denies]
    return LayerReport(
        layer.name,
        "ExplicitDeny" if denying else "Allow" if matched else "ImplicitDeny",
        tuple(_label(decision, layer.name, s) for s in denying or matched),
        tuple(text for s in denying for text in s.circumstances(request)),
        tuple(missed[:_NEAREST]),
        tuple(unknown),
        tuple(sorted(keys)),
    )


def suggestion(decision: Decision, layer: LayerName) -> str:
    """The smallest change in a layer that would allow, as a statement; words where no grant mends it."""
    request = decision.request
    if decision.note:
        return "no grant can mend it"
    if layer == "scp":
        return "no grant can mend it: it is for the administrators of the organization"
    nearest = next((r.near_misses[0] for r in decision.layers if r.name == layer and r.near_misses), None)
    if nearest and all(m.element == "Condition" for m in nearest.mismatches):
        if any(text.startswith(f"{nearest.statement}:") for r in decision.layers for text in r.unknown):
            return f"mend what cannot be evaluated in {nearest.statement}"
        # A statement without the condition would widen access.
        wanted = " and ".join(m.wanted for m in nearest.mismatches)
        return f"ask again with what {nearest.statement} demands: {wanted}"
    statement: dict[str, object] = {"Effect": "Allow", "Action": decision.action}
    if layer == "resource":
        kind = {"service": "Service", "provider": "Federated"}.get(request.caller.kind, "AWS")
        name = "*" if request.caller.kind == "anonymous" else request.principal
        if request.caller.kind == "role":  # a session comes and goes, its role stays
            name = request.context["aws:principalarn"][0]
        statement["Principal"] = "*" if name == "*" else {kind: name}
    if layer != "resource" or not decision.action.lower().startswith("sts:"):
        statement["Resource"] = request.resource
    return f"add to the {_words(decision, layer)} {json.dumps(statement)}"


def _words(decision: Decision, layer: LayerName) -> str:
    """A layer's name, or that of its policy where it has only one."""
    of_one = {"resource": decision.policies.resource, "boundary": decision.policies.boundary}.get(layer)
    if of_one is not None and of_one.statements[0].policy != WORDS[layer]:
        return of_one.statements[0].policy
    if layer == "resource" and decision.action.lower() in _OF_TRUST:
        return f"trust policy of role {decision.request.resource.rsplit('/', 1)[-1]}"
    return WORDS[layer]


def _label(decision: Decision, layer: LayerName, statement: StatementMatcher) -> str:
    if statement.policy != WORDS[layer]:
        return statement.label
    return statement.label.replace(statement.policy, _words(decision, layer), 1)


def explain(decision: Decision) -> str:
    """The decision for a person."""
    request, reports = decision.request, decision.layers
    lines = [f"{decision.effect}: {request.principal} {decision.action} on {request.resource}"]
    if decision.note:
        lines.append(f"  {decision.note}")
    elif decision.effect == "Allow":
        lines += [f"  allowed by {label}" for r in reports if r.name in decision.decided_by for label in r.matched]
    elif decision.effect == "ExplicitDeny":
        lines.append("  blocked by an explicit Deny, which no Allow can mend:")
        for r in reports:
            if r.effect == "ExplicitDeny":
                lines += [f"  {label}" for label in r.matched]
                lines += [f"    because {circumstance}" for circumstance in r.because]
    else:
        granted = any(r.effect == "Allow" and r.name in ("identity", "resource") for r in reports)
        blockers = " and ".join(_words(decision, name) for name in decision.decided_by)
        lines.append(f"  granted, but blocked: no Allow in {blockers}" if granted else "  nothing grants it")
        for name in decision.decided_by:
            lines += _missing_link(decision, name)
    lines += [f"  not evaluated: {text}" for text in (*not_covered(decision), *(t for r in reports for t in r.unknown))]
    if decision.depends_on:
        lines.append(f"  depends on context that was not given: {', '.join(decision.depends_on)}")
    return "\n".join(lines)


def _missing_link(decision: Decision, name: LayerName) -> list[str]:
    lines = [f"  {_words(decision, name)}: no statement allows it"]
    for r in decision.layers:
        if r.name == name and r.effect == "ImplicitDeny":
            lines += [
                f"    {miss.statement}: {'; '.join(map(str, miss.mismatches))}"
                for miss in r.near_misses
                if miss.mismatches[0].element != "Action"
            ]
    return [*lines, f"    {suggestion(decision, name)}"]


def not_covered(decision: Decision) -> list[str]:
    """The resource control policies, where the service is not known to be under them."""
    service = decision.request.action.split(":")[0].lower()
    if not decision.policies.rcps or service in RCP_SERVICES:
        return []
    return [f"resource control policies: {service} is not known to be under them"]


def to_dict(decision: Decision) -> dict[str, object]:
    """The decision for a program."""
    return {
        "allowed": decision.allowed,
        "effect": decision.effect,
        "action": decision.action,
        "decided_by": list(decision.decided_by),
        "note": decision.note,
        "depends_on": list(decision.depends_on),
        "not_evaluated": not_covered(decision),
        "layers": [
            {
                "name": r.name,
                "effect": r.effect,
                "matched": list(r.matched),
                "because": list(r.because),
                "near_misses": [
                    {
                        "statement": miss.statement,
                        "mismatches": [
                            {"element": m.element, "wanted": m.wanted, "given": m.given} for m in miss.mismatches
                        ],
                    }
                    for miss in r.near_misses
                ],
                "unknown": list(r.unknown),
                "depends_on": list(r.depends_on),
            }
            for r in decision.layers
        ],
        "suggestions": []
        if decision.effect != "ImplicitDeny"
        else [suggestion(decision, name) for name in decision.decided_by],
    }
