"""The decision: whether AWS would allow a request.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from xacct.authz.access_request import AccessRequest
from xacct.authz.policy_set import Layer, LayerName, PolicySet
from xacct.authz.statement_matcher import Grade

if TYPE_CHECKING:
    from xacct.authz.decision_report import LayerReport

__all__ = ["RCP_SERVICES", "Decision", "Effect", "evaluate", "evaluate_many"]

Effect = Literal["Allow", "ImplicitDeny", "ExplicitDeny"]

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
RCP_SERVICES = frozenset({"s3", "sts", "kms", "sqs", "secretsmanager", "ecr", "aoss"})


class Decision:
    """What AWS would answer, and why; print it for the reasons.

    Attributes:
        request: what was asked.
        policies: what was evaluated.
        action: the action that decided: the one asked for, or the sts:TagSession or sts:SetSourceIdentity with it.
        effect: ``Allow``, ``ImplicitDeny`` or ``ExplicitDeny``.
        decided_by: the layers that allow, that deny, or that would have to allow and do not.
    """

    def __init__(
        self,
        request: AccessRequest,
        policies: PolicySet,
        action: str,
        effect: Effect,
        decided_by: tuple[LayerName, ...],
        note: str = "",
    ) -> None:
        self.request, self.policies, self.action = request, policies, action
        self.effect: Effect = effect
        self.decided_by, self.note = decided_by, note

    @property
    def allowed(self) -> bool:
        """Whether AWS would allow it."""
        return self.effect == "Allow"

    @cached_property
    def layers(self) -> tuple[LayerReport, ...]:
        """What each layer says by itself."""
        from xacct.authz.decision_report import report

        return report(self)

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The context keys that were not given and that could change the decision."""
        return tuple(sorted({key for layer in self.layers for key in layer.depends_on}))

    def to_dict(self) -> dict[str, object]:
        """The decision with its reasons, for a program."""
        from xacct.authz.decision_report import to_dict

        return to_dict(self)

    def __str__(self) -> str:
        from xacct.authz.decision_report import explain

        return explain(self)

    def __repr__(self) -> str:
        return f"Decision({self.effect!r}, decided_by={self.decided_by!r})"


def evaluate(request: AccessRequest, policies: PolicySet) -> Decision:
    """Whether AWS would allow the request under these policies, decided offline.

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
    """The decisions on many requests under the same policies, one by one as they are asked for."""
    return (evaluate(request, policies) for request in requests)


def binding(request: AccessRequest, policies: PolicySet) -> list[Layer]:
    """The layers that bear on this caller and this resource, in the order in which AWS looks at them."""
    caller = request.caller
    layers: list[Layer] = []
    if request.action.split(":")[0].lower() in RCP_SERVICES and not caller.service_linked:
        layers += policies.rcps
    if caller.account and not caller.service_linked:
        layers += policies.scps
    if policies.resource is not None:
        layers.append(policies.resource)
    if caller.account:
        if caller.kind != "root":
            layers.append(policies.identity)
            if policies.boundary is not None:
                layers.append(policies.boundary)
        if policies.session is not None:
            layers.append(policies.session)
    if policies.vpc_endpoint is not None:
        layers.append(policies.vpc_endpoint)
    return layers


def _must_allow_explicitly(request: AccessRequest) -> bool:
    """Whether the resource's own policy must allow, even within one account: roles and keys."""
    action = request.action.lower()
    return action.startswith("sts:assumerole") or (action.startswith("kms:") and ":key/" in request.resource)


def _decide(request: AccessRequest, policies: PolicySet, action: str) -> Decision:
    bounded = policies.boundary is not None
    denied: list[LayerName] = []
    missing: list[LayerName] = []
    grades: dict[LayerName, Grade] = {}
    for layer in binding(request, policies):
        denies, grade = layer.verdict(request, action, bounded=bounded)
        if denies:
            denied.append(layer.name)
        elif layer.name == "scp" and not grade:
            missing.append("scp")
        else:
            grades[layer.name] = grade
    if denied:
        return Decision(request, policies, action, "ExplicitDeny", tuple(dict.fromkeys(denied)))
    if request.caller.kind == "root" and request.action.lower() == "sts:assumerole":
        return Decision(
            request, policies, action, "ImplicitDeny", ("identity",), "Roles may not be assumed by root accounts."
        )
    missing += _missing(request, grades)
    if missing:
        return Decision(request, policies, action, "ImplicitDeny", tuple(dict.fromkeys(missing)))
    granting: tuple[LayerName, ...] = ("resource", "identity")
    allowed: tuple[LayerName, ...] = tuple(name for name in granting if grades.get(name))
    return Decision(request, policies, action, "Allow", allowed or ("identity",))


def _missing(request: AccessRequest, grades: dict[LayerName, Grade]) -> list[LayerName]:
    """The layers that would have to allow, and do not."""
    caller = request.caller
    granted = grades.get("resource", Grade.NONE)
    missing: list[LayerName] = []
    if "vpc_endpoint" in grades and not grades["vpc_endpoint"]:
        missing.append("vpc_endpoint")
    if not caller.account:
        if not granted:
            missing.append("resource")
        return missing
    identity = caller.kind == "root" or bool(grades.get("identity"))
    both = request.cross_account or _must_allow_explicitly(request)
    if both and not granted:
        missing.append("resource")
    # Within one account a resource policy that names the caller grants by itself.
    alone = Grade.ACCOUNT if request.cross_account else granted
    if not identity and alone < Grade.ROLE:
        missing.append("identity")
    if alone < Grade.FULL:
        limits: tuple[LayerName, ...] = ("boundary", "session")
        missing.extend(name for name in limits if name in grades and not grades[name])
    return missing
