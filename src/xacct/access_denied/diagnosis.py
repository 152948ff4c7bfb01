"""Finds the causes of a denial in a decision and in what is known about the role and the request.

A cause is only stated for a kind of policy of which everything could be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TypedDict

from attrs import field, frozen

from xacct.access_denied.cause import Cause, CauseKind
from xacct.access_denied.names import caller_name, claim_name, masked_context, principal_name, resource_name
from xacct.access_denied.policy_reader import RoleState
from xacct.authz import AccessRequest, Decision
from xacct.authz.fixed_rules import FixedRule, fixed_rule
from xacct.authz.layer_report import LayerReport, NearMiss, layer_title
from xacct.authz.policy_set import AWS_WORDS, LayerName
from xacct.authz.statement_matcher import Mismatch
from xacct.policy import Condition, Principal

__all__ = ["Evidence", "find_causes", "layer_named_by_aws", "most_likely_first", "rejection"]

# Since 2026 AWS names the policy that denies, too, for requests within an account or an organization.
# https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns
_NAMED_LAYER = re.compile(
    r"(?:because (no)|with an (explicit deny) in an?) ((?:[\w-]+ ){1,3}?(?:policy|boundary))"
    r"(?: allows the \S+ action|: arn:[\w+=,.@/:-]*\w)?"
)
_LAYERS: dict[str, LayerName] = {words.lower(): layer for layer, words in AWS_WORDS.items()}

# AWS's messages for requests that it rejects before or after the policies, so that no policy is the cause.
_REJECTIONS: tuple[tuple[str, CauseKind], ...] = (
    ("exceeds the MaxSessionDuration", "session duration"),
    ("session limit for roles assumed by role chaining", "role chaining"),
    ("Roles may not be assumed by root accounts", "root user"),
    ("MultiFactorAuthentication failed", "MFA code"),
)

_POSITIVE = ("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike")
_LESS = ("datelessthan", "datelessthanequals", "numericlessthan", "numericlessthanequals")
_GREATER = ("dategreaterthan", "dategreaterthanequals", "numericgreaterthan", "numericgreaterthanequals")
# The kinds of causes by the key of a condition and the operators for which the cause is meant.
_KINDS: tuple[tuple[tuple[str, ...], tuple[str, ...], CauseKind], ...] = (
    (("sts:externalid",), _POSITIVE, "external ID"),
    (("aws:multifactorauthpresent",), ("bool",), "MFA"),
    (("aws:multifactorauthage",), _LESS, "MFA"),
    (("aws:currenttime", "aws:epochtime"), _LESS, "expired"),
    (("aws:currenttime", "aws:epochtime"), _GREATER, "not yet valid"),
    (("aws:principalorgid", "aws:principalorgpaths"), _POSITIVE, "organization"),
    (("aws:sourceip",), ("ipaddress",), "source IP"),
    (("aws:principalarn", "aws:principalaccount", "aws:username", "aws:userid"), _POSITIVE, "principal not trusted"),
)

# What is more likely comes first, after what is certain.
_ORDER: tuple[CauseKind, ...] = (
    "no such role", "other role ARN", "root user", "rule of AWS", "MFA code", "session duration", "role chaining",
    "explicit deny", "named by AWS", "deleted principal", "account not trusted", "principal not trusted",
    "provider not trusted", "claim", "expired", "not yet valid", "external ID", "MFA", "organization",
    "source IP", "condition", "no resource policy", "missing allow", "not read", "nothing found",
)  # fmt: skip


@frozen(kw_only=True)
class Evidence:
    """What is known about a denied request.

    Attributes:
        decision: the decision by the policies that were read.
        unread: the kinds of policies of which something could not be read.
        absent: the beginnings of the context keys that the request is known not to have if the context lacks them.
        role: the role of the request; None if there is none, or if it could not be read.
        message: AWS's message.
    """

    decision: Decision
    unread: frozenset[LayerName] = frozenset()
    absent: tuple[str, ...] = ()
    role: RoleState | None = None
    message: str = field(default="", repr=False)

    @property
    def request(self) -> AccessRequest:
        """The request."""
        return self.decision.request

    def unknown(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Return those of the context keys of which it is not known whether the request has them."""
        context = self.request.context
        return tuple(
            key for key in keys if not context.get(key.lower()) and not key.lower().startswith(self.absent or ("\0",))
        )


def rejection(message: str) -> CauseKind | None:
    """Return the kind of a request that AWS rejects whatever the policies say; None for a denial by a policy."""
    return next((kind for text, kind in _REJECTIONS if text in message), None)


def most_likely_first(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Return causes in order: the certain ones first."""
    return tuple(sorted(causes, key=lambda cause: (not cause.certain, _ORDER.index(cause.kind))))


def layer_named_by_aws(message: str) -> tuple[LayerName, str] | None:
    """Return the kind of policy that AWS's message names, and what it says; None if it names none.

    >>> layer_named_by_aws("User: a is not authorized to perform: b because no session policy allows the b action")
    ('session', 'no session policy allows the b action')
    """
    found = _NAMED_LAYER.search(message)
    layer = _LAYERS.get(found[3].lower()) if found else None
    if found is None or layer is None:
        return None
    return layer, found[0].removeprefix("because ").removeprefix("with ")


def find_causes(evidence: Evidence) -> tuple[Cause, ...]:
    """Return the possible causes of a denial, the most likely first; at least one."""
    decision, role = evidence.decision, evidence.role
    if role is not None and role.arn != evidence.request.resource:
        return (_wrong_role(evidence, role),)
    rule = fixed_rule(evidence.request)
    if decision.note and not decision.allowed and rule is not None:
        return (_fixed_rule(evidence, rule),)
    causes: list[Cause] = []
    if decision.effect == "ExplicitDeny":
        causes += [_explicit_deny(evidence, report) for report in decision.layers if report.effect == "ExplicitDeny"]
        if rule is not None and not rule.allows:  # without the Deny, AWS's rule denies the request
            causes.append(_fixed_rule(evidence, rule))
    elif decision.effect == "ImplicitDeny":
        for layer in decision.decided_by:
            if layer not in evidence.unread:
                causes += _without_allow(evidence, layer)
    causes += _named_by_aws(evidence, causes)
    return most_likely_first(causes or [_nothing_found(evidence)])


def _wrong_role(evidence: Evidence, role: RoleState) -> Cause:
    request = evidence.request
    kind: CauseKind = "other role ARN" if role.arn else "no such role"
    wanted = (role.arn or role.nearest,) if role.arn or role.nearest else ()
    unlisted = () if role.listed else ("its roles could not be listed",)
    return Cause(kind=kind, account=request.resource_account, wanted=wanted, given=(request.resource,), facts=unlisted)


def _fixed_rule(evidence: Evidence, rule: FixedRule) -> Cause:
    request = evidence.request
    if request.caller.kind == "root" and request.service == "sts":
        return Cause(kind="root user", account=request.caller.account)
    return Cause(kind="rule of AWS", account=request.caller.account, facts=(rule.note, rule.advice))


def _explicit_deny(evidence: Evidence, report: LayerReport) -> Cause:
    unknown = evidence.unknown(report.depends_on) if report.because else ()
    return Cause(
        kind="explicit deny",
        certain=not unknown,
        **_place(evidence, report.name),
        statements=report.matched,
        unknown_keys=unknown,
        facts=tuple(_known_values(evidence.request, text, unknown) for text in report.because),
    )


def _known_values(request: AccessRequest, text: str, unknown: tuple[str, ...]) -> str:
    """Return the text of a condition without the external ID that was sent, and without claims on unknown keys."""
    if any(f" {key} " in text for key in unknown):
        text = text.replace("is met: the request has no such key", "is met if the request does not have the key")
    for key, values in request.context.items():
        for value, shown in zip(values, masked_context(request, key)):
            if value != shown:
                wanted, has, given = text.rpartition("the request has ")
                text = wanted + has + given.replace(repr(value), shown)
    return text


def _without_allow(evidence: Evidence, layer: LayerName) -> list[Cause]:
    """Return why a layer that has to allow the request does not."""
    misses = _near_misses(evidence.decision, layer)
    conditional = [miss for miss in misses if all(m.element == "Condition" for m in miss.mismatches)]
    if conditional:
        return _unmet_conditions(evidence, layer, conditional)
    place = _place(evidence, layer)
    if layer == "resource":
        if evidence.decision.policies.resource is None:
            return [Cause(kind="no resource policy", **place)]
        if evidence.request.caller.kind == "provider" and all("Principal" in m.mismatches[0].element for m in misses):
            return [_provider_not_trusted(evidence, misses)]
        if misses and all("Principal" in miss.mismatches[0].element for miss in misses):
            return [_not_trusted(evidence, misses)]
    keys = {key for report in evidence.decision.layers if report.name == layer for key in report.depends_on}
    unknown = evidence.unknown(sorted(keys))
    return [
        Cause(
            kind="missing allow",
            certain=not unknown,
            **place,
            statements=tuple(miss.statement for miss in misses),
            unknown_keys=unknown,
            wanted=tuple(m.wanted for miss in misses for m in miss.mismatches if m.element == "Resource"),
            facts=_other_half(evidence) if layer == "identity" else (),
            missing_statement=_missing_half(evidence) if layer == "identity" else "",
        )
    ]


def _near_misses(decision: Decision, name: LayerName) -> list[NearMiss]:
    """Return the Allow statements for the action that do not apply, the nearest first."""
    request, found = decision.request, []
    for layer in decision.policies.applicable_layers(request):
        if layer.name != name:
            continue
        allows = [statement for statement in layer.statements if not statement.denies]
        misses = [
            NearMiss(
                s.label, s.mismatches(request, decision.action, has_boundary=decision.policies.boundary is not None)
            )
            for s in allows
        ]
        if all(miss.mismatches for miss in misses):  # else this level of the organization allows the request
            found += [miss for miss in misses if not miss.mismatches[0].element.endswith("Action")]
    return sorted(found, key=lambda miss: len(miss.mismatches))


def _unmet_conditions(evidence: Evidence, layer: LayerName, misses: list[NearMiss]) -> list[Cause]:
    # The layer denies for certain if each statement has a condition that is known not to be met.
    certain = all(any(_is_known(evidence, m) for m in miss.mismatches) for miss in misses)
    causes = [
        _unmet_condition(evidence, layer, miss, mismatch, mismatch.condition, certain=certain)
        for miss in misses
        if len(miss.mismatches) == len(misses[0].mismatches)  # the nearest statements
        for mismatch in miss.mismatches
        if mismatch.condition is not None
    ]
    return list(dict.fromkeys(causes))


def _is_known(evidence: Evidence, mismatch: Mismatch) -> bool:
    return mismatch.evaluable and mismatch.condition is not None and not evidence.unknown([mismatch.condition.key])


def _unmet_condition(
    evidence: Evidence, layer: LayerName, miss: NearMiss, mismatch: Mismatch, condition: Condition, *, certain: bool
) -> Cause:
    claim = claim_name(evidence.request, condition.key)
    kind = "claim" if claim else _kind_of(condition) if mismatch.evaluable else "condition"
    if kind == "principal not trusted" and layer != "resource":
        kind = "condition"
    known = _is_known(evidence, mismatch)
    return Cause(
        kind=kind,
        certain=certain and known,
        **_place(evidence, layer),
        statements=(miss.statement,),
        wanted=(mismatch.wanted,) if kind in ("condition", "claim") else condition.values,
        given=masked_context(evidence.request, condition.key),
        unknown_keys=evidence.unknown([condition.key]),
        facts=(claim, *_without_wildcards(condition)) if claim else (),
    )


def _kind_of(condition: Condition) -> CauseKind:
    operator = condition.operator.lower().rpartition(":")[2].removesuffix("ifexists")
    key = condition.key.lower()
    for keys, operators, kind in _KINDS:
        if key in keys and operator in operators:
            return kind
    return "condition"


def _without_wildcards(condition: Condition) -> tuple[str, ...]:
    """Return a hint if a condition has wildcards that it compares as characters."""
    operator = condition.operator.rpartition(":")[2]
    if operator.lower().startswith("stringequals") and any("*" in value or "?" in value for value in condition.values):
        return (f"{operator} compares * and ? as characters; StringLike has them as wildcards.",)
    return ()


def _provider_not_trusted(evidence: Evidence, misses: list[NearMiss]) -> Cause:
    """Return that no statement names the identity provider for the action, and whom the policy trusts for it."""
    decision, request = evidence.decision, evidence.request
    of_role = next(layer for layer in decision.policies.applicable_layers(request) if layer.name == "resource")
    allows = [statement for statement in of_role.statements if not statement.denies]
    names = {miss.statement for miss in misses}
    trusted = dict.fromkeys(p for s in allows if s.label in names for p in s.statement.principals)
    naming = [s for s in allows if s.label not in names and s.match_principal(request, has_boundary=False)]
    facts = [f"Trusted for {', '.join(s.statement.actions)} only: {s.label}." for s in naming if s.statement.actions]
    return Cause(
        kind="provider not trusted",
        **_place(evidence, "resource"),
        statements=tuple(miss.statement for miss in misses),
        wanted=tuple(map(principal_name, trusted)),
        given=(caller_name(request),),
        facts=tuple(facts),
    )


def _not_trusted(evidence: Evidence, misses: list[NearMiss]) -> Cause:
    """Return that no statement names the caller, and whom the policy trusts."""
    decision, account = evidence.decision, evidence.request.caller.account
    names = {miss.statement for miss in misses}
    resource = decision.policies.resource
    statements = [s.statement for s in resource.statements if s.label in names] if resource else []
    principals = list(dict.fromkeys(p for statement in statements for p in statement.principals))
    deleted = [principal for principal in principals if principal.is_deleted]
    same_account = [principal for principal in principals if principal.account_id == account]
    kind: CauseKind = "deleted principal" if deleted else "account not trusted"
    listed: list[Principal] = deleted or principals
    if same_account:
        kind, listed = "principal not trusted", same_account
    return Cause(
        kind=kind,
        **_place(evidence, "resource"),
        statements=tuple(miss.statement for miss in misses),
        wanted=tuple(map(principal_name, listed)),
        given=(caller_name(evidence.request),),
    )


def _other_half(evidence: Evidence) -> tuple[str, ...]:
    """Return what the resource's side says, if the access waits for the identity policy alone; else nothing."""
    decision = evidence.decision
    resource = next((report for report in decision.layers if report.name == "resource"), None)
    title = _place(evidence, "resource")["policy"]
    if resource is not None and resource.effect == "Allow":
        return (f"The {title} allows it, and both sides must.",)
    if evidence.request.cross_account and "resource" in evidence.unread:
        return (f"Both sides must. The {title} could not be read.",)
    return ()


def _missing_half(evidence: Evidence) -> str:
    """Return the statement that the identity policy lacks, if the access waits for it alone; else empty."""
    if not _other_half(evidence):
        return ""
    action, resource = evidence.decision.action, evidence.request.resource
    return json.dumps({"Effect": "Allow", "Action": action, "Resource": resource})


def _named_by_aws(evidence: Evidence, causes: list[Cause]) -> list[Cause]:
    """Return the policy that AWS's message names, if it could not be read and nothing else denies for certain."""
    named = layer_named_by_aws(evidence.message)
    if named is None or any(cause.certain for cause in causes):
        return []
    layer, said = named
    where = "It could not be read." if layer in evidence.unread else "It is not in what was read."
    return [Cause(kind="named by AWS", certain=False, **_place(evidence, layer), facts=(said, where))]


def _nothing_found(evidence: Evidence) -> Cause:
    """Return where the cause can be, although no policy that was read shows it."""
    decision, request = evidence.decision, evidence.request
    allowing = tuple(label for report in decision.layers if report.effect == "Allow" for label in report.matched)
    if not decision.allowed:
        place = _place(evidence, decision.decided_by[0])
        accounts = sorted({_place(evidence, layer)["account"] for layer in decision.decided_by})
        return Cause(kind="not read", certain=False, **place, statements=allowing, wanted=tuple(accounts))
    unknown = evidence.unknown(decision.depends_on)
    is_session = request.caller.kind in ("role", "federated") and ":sts:" in request.principal
    left = ["what could not be read"] * bool(evidence.unread)
    left += ["a session policy, which nobody can read: look at the code that assumes the role"] * is_session
    left += [f"the request's {', '.join(unknown[:4])}, on which statements depend"] * bool(unknown)
    left += ["a change of the last minutes, which is not visible everywhere: try again"]
    left += ["the policy of a VPC endpoint, if the request went through one"]
    if request.caller.kind == "provider":
        left.insert(0, "a condition on a claim that AWS does not offer as a condition key for this provider")
    return Cause(
        kind="nothing found",
        certain=False,
        account=request.caller.account or request.resource_account,
        statements=allowing,
        unknown_keys=unknown,
        facts=tuple(left),
    )


class _Place(TypedDict):
    layer: LayerName
    policy: str
    account: str


def _place(evidence: Evidence, layer: LayerName) -> _Place:
    """Return the policy of a layer and its account."""
    decision, request = evidence.decision, evidence.request
    policy = layer_title(layer, request, decision.policies, decision.action)
    if layer == "identity":
        policy = f"identity policy of {caller_name(request)}"
    elif layer == "resource" and not policy.startswith("trust policy"):
        policy = f"policy of {resource_name(request.resource)}"
    account = request.resource_account if layer in ("resource", "rcp") else request.caller.account
    return {"layer": layer, "policy": policy, "account": account}
