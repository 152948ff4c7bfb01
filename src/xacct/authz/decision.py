"""The decision: whether AWS allows a request, with an explanation for people and one for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from xacct.authz.access_request import AccessRequest
from xacct.authz.fixed_rules import fixed_rule
from xacct.authz.layer_report import LayerReport, NearMiss, layer_reports, layer_title
from xacct.authz.layers import LAYER_TITLES, LayerName
from xacct.authz.policy_set import PolicySet

if TYPE_CHECKING:
    from xacct.linter import LintFinding

__all__ = ["Decision", "Effect"]

Effect = Literal["Allow", "ImplicitDeny", "ExplicitDeny"]

# The context keys that the caller itself sends with the request.
_SENT_KEYS = ("sts:externalid", "sts:sourceidentity", "sts:rolesessionname", "aws:requesttag/")
_GRANTING: tuple[LayerName, ...] = ("resource", "identity")
_EQUALS = ("stringequals", "stringequalsignorecase")


@frozen(eq=False, kw_only=True)
class Decision:
    """Whether AWS allows a request, and why. Print it for the explanation.

    The explanation also says which policies have elements that AWS rejects or never matches, as :func:`xacct.lint`
    finds them.

    Attributes:
        request: the request.
        policies: the policies that were evaluated.
        action: the action that decided: the request's action, or the sts:TagSession or sts:SetSourceIdentity that the
            request also needs.
        effect: ``Allow``; ``ExplicitDeny`` if a statement denies the request; ``ImplicitDeny`` if a layer that has to
            allow it does not.
        decided_by: the layers that allow the request, that deny it, or that have to allow it and do not. Empty if a
            rule of AWS allows it.
        note: a rule of AWS that no policy can change, if it decided; else empty.

    >>> from xacct.authz import PolicySet, evaluate
    >>> dev = "arn:aws:iam::222222222222:user/dev"
    >>> request = AccessRequest(principal=dev, action="s3:ListAllMyBuckets", resource="*")
    >>> decision = evaluate(request, PolicySet())
    >>> decision
    Decision('ImplicitDeny', action='s3:ListAllMyBuckets', decided_by=('identity',))
    >>> print(decision)
    ImplicitDeny: arn:aws:iam::222222222222:user/dev s3:ListAllMyBuckets on *
      no policy allows it
      identity policy: no statement allows it
        Add to identity policy: {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    """

    request: AccessRequest
    policies: PolicySet
    action: str
    effect: Effect
    decided_by: tuple[LayerName, ...]
    note: str = ""

    @property
    def allowed(self) -> bool:
        """Whether AWS allows the request."""
        return self.effect == "Allow"

    @cached_property
    def layers(self) -> tuple[LayerReport, ...]:
        """A report of each layer that applies to the request, regardless of the other layers."""
        return layer_reports(self.request, self.policies, self.action)

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The context keys that were not provided and that could change the decision."""
        return tuple(sorted({key for layer in self.layers for key in layer.depends_on}))

    def to_dict(self) -> dict[str, object]:
        """Return the decision and its explanation as values that JSON can hold."""
        denied = self.decided_by if self.effect == "ImplicitDeny" else ()
        return {
            "allowed": self.allowed,
            "effect": self.effect,
            "action": self.action,
            "decided_by": list(self.decided_by),
            "note": self.note,
            "depends_on": list(self.depends_on),
            "not_evaluated": _not_evaluated(self),
            "policy_errors": [_error_to_dict(finding, policy) for policy, finding in _policy_errors(self)],
            "layers": [_layer_to_dict(report) for report in self.layers],
            "suggestions": [_suggestion(self, name) for name in denied],
        }

    def __str__(self) -> str:
        caller = "an anonymous caller" if self.request.caller.kind == "anonymous" else self.request.principal
        lines = [f"{self.effect}: {caller} {self.action} on {self.request.resource}", *_reasons(self)]
        lines += [f"  not evaluated: {text}" for text in _not_evaluated(self)]
        if self.depends_on:
            lines.append(f"  depends on context keys that were not provided: {', '.join(self.depends_on)}")
        return "\n".join([*lines, *_lines_of_errors(self)])

    def __repr__(self) -> str:
        return f"Decision({self.effect!r}, action={self.action!r}, decided_by={self.decided_by!r})"


def _reasons(decision: Decision) -> list[str]:
    """Return the lines that say which statements decide."""
    reports = decision.layers
    if decision.note:
        return [f"  {decision.note}"]
    if decision.allowed:
        labels = [label for r in reports if r.name in decision.decided_by for label in r.matched]
        return [f"  allowed by {label}" for label in labels] or ["  allowed: the root user needs no identity policy"]
    if decision.effect == "ExplicitDeny":
        lines = ["  blocked by an explicit Deny, which no Allow can override:"]
        for r in reports:
            if r.effect == "ExplicitDeny":
                lines += [*(f"    {label}" for label in r.matched), *(f"      {text}" for text in r.because)]
        return lines
    allowing: list[LayerName] = [r.name for r in reports if r.effect == "Allow" and r.name in _GRANTING]
    missing = ", ".join(_title(decision, name) for name in decision.decided_by)
    lines = ["  no policy allows it"]
    if allowing:
        granted = ", ".join(_title(decision, name) for name in allowing)
        lines = [f"  allowed by: {granted}; an Allow is also required in: {missing}"]
    return lines + [line for name in decision.decided_by for line in _missing_allow(decision, name)]


def _missing_allow(decision: Decision, name: LayerName) -> list[str]:
    """Return the lines about a layer that has to allow the request and does not."""
    lines = [f"  {_title(decision, name)}: no statement allows it"]
    for r in decision.layers:
        if r.name == name and r.effect == "ImplicitDeny":
            lines += [
                f"    {miss.statement}: {'; '.join(map(str, miss.mismatches))}"
                for miss in r.near_misses
                if not miss.mismatches[0].element.endswith("Action")
            ]
    return [*lines, f"    {_suggestion(decision, name)}"]


def _suggestion(decision: Decision, layer: LayerName) -> str:
    """Return the smallest change of a layer, or of the request, after which the layer allows the request."""
    if rule := fixed_rule(decision.request) if decision.note else None:
        return f"No policy can allow this: {rule.advice}"
    if layer == "scp":
        return "No IAM policy can allow this: an organization administrator must change the SCP"
    nearest = next((r.near_misses[0] for r in decision.layers if r.name == layer and r.near_misses), None)
    # A statement without the conditions would widen access.
    if nearest and all(m.element == "Condition" for m in nearest.mismatches):
        return _suggested_context(nearest)
    if layer == "resource" and not _names_caller(decision):
        return f"Account {decision.request.resource_account} owns the resource and decides whom its policy allows"
    return f"Add to {_title(decision, layer)}: {json.dumps(_suggested_statement(decision, layer))}"


def _names_caller(decision: Decision) -> bool:
    """Return whether the resource policy allows the caller anything. Nobody is advised to let a stranger in."""
    request, policies = decision.request, decision.policies
    if policies.resource is None:
        return False
    has_boundary = policies.boundary is not None
    return any(
        not statement.denies and statement.match_principal(request, has_boundary=has_boundary)
        for statement in policies.resource.statements
    )


def _suggested_context(nearest: NearMiss) -> str:
    """Return what the request has to have so that the conditions of a statement are met."""
    if not all(m.evaluable for m in nearest.mismatches):
        return f"Fix the conditions that cannot be evaluated in {nearest.statement}"
    sent: list[str] = []
    other: list[str] = []
    for mismatch in nearest.mismatches:
        condition = mismatch.condition
        if condition and condition.key.lower().startswith(_SENT_KEYS) and condition.operator.lower() in _EQUALS:
            sent.append(f"{condition.key}={' or '.join(map(repr, condition.values))}")
        else:
            other.append(mismatch.wanted)
    steps = [f"Send {' and '.join(sent)}"] if sent else []
    if other:
        steps.append(f"{'meet' if sent else 'Meet'} the condition{'s' * (len(other) > 1)} {' and '.join(other)}")
    return f"{' and '.join(steps)} (required by {nearest.statement})"


def _suggested_statement(decision: Decision, layer: LayerName) -> dict[str, object]:
    """Return an Allow statement for exactly this request."""
    request = decision.request
    statement: dict[str, object] = {"Effect": "Allow", "Action": decision.action}
    if layer == "resource":
        kind = {"service": "Service", "provider": "Federated"}.get(request.caller.kind, "AWS")
        name = request.principal
        if request.caller.kind == "role":  # the role itself: its sessions expire
            name = next(iter(request.context.get("aws:principalarn", ())), name)
        statement["Principal"] = "*" if name == "*" else {kind: name}
    if layer == "vpc_endpoint":
        # The policy of a gateway endpoint can name everyone only; a condition names the caller.
        # https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
        statement["Principal"] = "*"
        if arns := request.context.get("aws:principalarn"):
            statement["Condition"] = {"ArnEquals": {"aws:PrincipalArn": arns[0]}}
    if layer != "resource" or not decision.action.lower().startswith("sts:"):
        statement["Resource"] = request.resource
    return statement


def _not_evaluated(decision: Decision) -> list[str]:
    """Return the parts of statements that could not be evaluated, and how they are treated."""
    return [text for report in decision.layers for text in report.unknown]


def _policy_errors(decision: Decision) -> Iterator[tuple[str, LintFinding]]:
    """Yield the errors that the linter finds in the policies that apply, each with the name of its policy."""
    for layer in decision.policies.applicable_layers(decision.request):
        for finding in layer.lint():
            if finding.severity == "error":
                only = finding.policy == LAYER_TITLES[layer.name]
                yield _title(decision, layer.name) if only else finding.policy, finding


def _lines_of_errors(decision: Decision) -> list[str]:
    """Return a line for each policy that has errors, with the one that most likely concerns the request."""
    by_policy: dict[str, list[LintFinding]] = {}
    for policy, finding in _policy_errors(decision):
        by_policy.setdefault(policy, []).append(finding)
    lines = []
    for policy, errors in by_policy.items():
        shown = min(errors, key=lambda finding: f"{decision.request.service}:" not in finding.message)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        lines.append(f"  error in {', '.join(filter(None, (policy, shown.element)))}: {shown.message}{more}")
    return lines


def _title(decision: Decision, layer: LayerName) -> str:
    return layer_title(layer, decision.request, decision.policies, decision.action)


def _error_to_dict(finding: LintFinding, policy: str) -> dict[str, object]:
    return {
        "policy": policy,
        "element": finding.element,
        "rule": finding.rule,
        "message": finding.message,
        "source": finding.source,
    }


def _layer_to_dict(report: LayerReport) -> dict[str, object]:
    near_misses = [
        {
            "statement": miss.statement,
            "mismatches": [{"element": m.element, "wanted": m.wanted, "given": m.given} for m in miss.mismatches],
        }
        for miss in report.near_misses
    ]
    return {
        "name": report.name,
        "effect": report.effect,
        "matched": list(report.matched),
        "because": list(report.because),
        "near_misses": near_misses,
        "unknown": list(report.unknown),
        "depends_on": list(report.depends_on),
    }
