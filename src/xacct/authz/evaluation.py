"""Evaluation: whether AWS allows a request under a set of policies, computed offline.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xacct.authz.access_request import AccessRequest
from xacct.authz.decision import Decision, Effect
from xacct.authz.fixed_rules import FixedRule, fixed_rule
from xacct.authz.layers import LayerName
from xacct.authz.policy_set import PolicySet
from xacct.authz.principal_names import Grade

__all__ = ["evaluate", "evaluate_many"]

# A name of this module is looked up faster than a member of an enumeration.
_NONE, _ACCOUNT, _ROLE, _FULL = Grade

_LIMITING: tuple[LayerName, ...] = ("boundary", "session")


def evaluate(request: AccessRequest, policies: PolicySet) -> Decision:
    """Decide offline whether AWS allows a request under these policies.

    Args:
        request: the request.
        policies: every policy that applies to it. A policy that is left out is treated as absent.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

    >>> from xacct.policy import PolicyDocument, Principal, Statement
    >>> role = "arn:aws:iam::111111111111:role/Reader"
    >>> trust = PolicyDocument([Statement.allow("sts:AssumeRole", principals=[Principal.account("222222222222")])])
    >>> ask = AccessRequest(principal="arn:aws:iam::222222222222:user/dev", action="sts:AssumeRole", resource=role)
    >>> evaluate(ask, PolicySet(resource=trust)).decided_by
    ('identity',)
    >>> evaluate(ask, PolicySet(
    ...     resource=trust, identity=[PolicyDocument([Statement.allow("sts:AssumeRole", role)])])).allowed
    True
    """
    actions = request.actions
    decision = _decide(request, policies, actions[0])
    for action in actions[1:]:
        if decision.effect == "ExplicitDeny":
            break
        other = _decide(request, policies, action)
        if other.effect == "ExplicitDeny" or (decision.allowed and not other.allowed):
            decision = other
    return decision


def evaluate_many(requests: Iterable[AccessRequest], policies: PolicySet) -> Iterator[Decision]:
    """Decide many requests under the same policies. The iterator evaluates each request when it reaches it."""
    return (evaluate(request, policies) for request in requests)


def _decide(request: AccessRequest, policies: PolicySet, action: str) -> Decision:
    effect, layers, note = _result(request, policies, action)
    return Decision(
        request=request,
        policies=policies,
        action=action,
        effect=effect,
        decided_by=tuple(layers),
        note=note,
    )


def _result(request: AccessRequest, policies: PolicySet, action: str) -> tuple[Effect, list[LayerName], str]:
    """Return the effect, the layers that decide it, and a note."""
    rule = fixed_rule(request)
    has_boundary = policies.boundary is not None
    # Several layers have the name "scp" or "rcp", one for each level of the organization.
    denied: dict[LayerName, None] = {}
    without_allow: dict[LayerName, None] = {}
    grades: dict[LayerName, Grade] = {}
    for layer in policies.applicable_layers(request):
        denies, grade = layer.evaluate(request, action, has_boundary)
        if denies:
            denied[layer.name] = None
        elif not grade and layer.name == "scp":
            without_allow["scp"] = None
        else:
            grades[layer.name] = grade
    if denied:
        return "ExplicitDeny", list(denied), ""
    if rule is not None and not rule.allows:
        return "ImplicitDeny", ["identity"], rule.note
    missing: list[LayerName] = [*without_allow, *_layers_without_allow(request, grades, rule)]
    if missing:
        return "ImplicitDeny", missing, ""
    if rule is not None:
        return "Allow", [], rule.note
    if grades.get("resource"):
        return "Allow", ["resource", "identity"] if grades.get("identity") else ["resource"], ""
    return "Allow", ["identity"], ""


def _resource_policy_is_required(request: AccessRequest) -> bool:
    """Return whether the resource's policy must allow even within one account, as for roles and KMS keys."""
    action = request.action_name
    return action.startswith("sts:assumerole") or (action.startswith("kms:") and ":key/" in request.resource)


def _layers_without_allow(
    request: AccessRequest, grades: dict[LayerName, Grade], rule: FixedRule | None
) -> list[LayerName]:
    """Return the layers that have to allow the request and do not."""
    caller = request.caller
    granted = grades.get("resource", _NONE)
    missing: list[LayerName] = []
    if "vpc_endpoint" in grades and not grades["vpc_endpoint"]:
        missing.append("vpc_endpoint")
    if rule is not None:
        return missing
    if not caller.account:
        if not granted:
            missing.append("resource")
        return missing
    identity = caller.kind == "root" or bool(grades.get("identity"))
    cross_account = request.cross_account
    if not granted and (cross_account or _resource_policy_is_required(request)):
        missing.append("resource")
    # Within one account, a resource policy that names the caller is sufficient without an identity policy.
    sufficient = _ACCOUNT if cross_account else granted
    if not identity and sufficient < _ROLE:
        missing.append("identity")
    if sufficient < _FULL:
        for name in _LIMITING:
            if name in grades and not grades[name]:
                missing.append(name)  # noqa: PERF401 a comprehension takes longer for two names
    return missing
