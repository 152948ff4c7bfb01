"""IAM's policy simulator: what policies decide about actions, without a request.

As on AWS, the decision is that of the identity policies, a permissions boundary, and a resource policy that the call
gives; trust policies are ignored.

Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html, and the answers of AWS in
https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam.snapshot.json
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

from attrs import frozen

from xacct.arn import account_in
from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.authz.policy_set import Layer
from xacct.authz.statement_matcher import StatementMatcher
from xacct.authz.variables import parse_template
from xacct.errors import InvalidValue, PolicyError
from xacct.policy import PolicyDocument
from xacct.testing.credential_store import document_of
from xacct.testing.error_responses import Refused, invalid
from xacct.testing.http_messages import Answer, rendered
from xacct.testing.moto_state import MotoState
from xacct.testing.write_rules.authorization_details import position
from xacct.testing.write_rules.statement_positions import statement_positions
from xacct.testing.write_rules.write import Rule, Write, missing

__all__ = ["RULES"]

_DEFAULT_ITEMS, _MOST_ITEMS = 100, 1000
_DECISIONS = {"Allow": "allowed", "ExplicitDeny": "explicitDeny", "ImplicitDeny": "implicitDeny"}
_IDENTITY, _RESOURCE = "IAM Policy", "Resource Policy"
_RESOURCE_POLICY = "ResourcePolicy"

# Service control policies by level of the organization, from the root down.
_Levels = tuple[tuple[PolicyDocument, ...], ...]


@frozen
class _Source:
    """A policy of a simulation: its name in the results, and its JSON text."""

    name: str
    text: str


@frozen(kw_only=True)
class _Simulation:
    """The policies and the caller of a simulation.

    Attributes:
        caller: the simulated caller: the ARN of a user or role, or an account id.
        identity: the identity policies.
        boundary: the permissions boundary; None without one.
        resource: the resource policy; None without one.
        owner: the account of resources whose ARN has none; empty for the caller's.
        scps: the service control policies, by level of the organization; None in no organization.
        context: the context keys.
        account: the account of the caller.
    """

    caller: str
    identity: tuple[_Source, ...]
    boundary: _Source | None
    resource: _Source | None
    owner: str
    scps: _Levels | None
    context: Mapping[str, tuple[str, ...]]
    account: str

    @property
    def sources(self) -> tuple[_Source, ...]:
        """All policies."""
        single = (source for source in (self.boundary, self.resource) if source is not None)
        return (*self.identity, *single)


def _simulate_custom_policy(write: Write) -> Answer:
    caller = write.call.text("CallerArn") or write.account
    return _answer(write, _simulation(write, (), None, caller, _given_scps(write)))


def _simulate_principal_policy(write: Write) -> Answer:
    arn = write.call.text("PolicySourceArn")
    identity, boundary = _policies_of(write, arn)
    # A group makes no requests.
    caller = write.call.text("CallerArn") or (write.account if ":group/" in arn else arn)
    member = write.state.organizations.membership(write.account)
    return _answer(write, _simulation(write, identity, boundary, caller, None if member is None else member.scps))


def _context_keys_for_custom_policy(write: Write) -> Answer:
    return _keys_answer(write, _inputs(write, "PolicyInputList"))


def _context_keys_for_principal_policy(write: Write) -> Answer:
    identity, _ = _policies_of(write, write.call.text("PolicySourceArn"))
    return _keys_answer(write, (*identity, *_inputs(write, "PolicyInputList")))


def _keys_answer(write: Write, sources: Iterable[_Source]) -> Answer:
    names = dict.fromkeys(key for source in sources for key in _keys_of(source.text))
    return rendered("iam", write.call.operation, {"ContextKeyNames": list(names)})


def _simulation(
    write: Write, identity: tuple[_Source, ...], boundary: _Source | None, caller: str, scps: _Levels | None
) -> _Simulation:
    call = write.call
    boundaries = _inputs(write, "PermissionsBoundaryPolicyInputList")
    if len(boundaries) > 1:
        raise Refused("InvalidInput", "You can input only one permissions boundary policy.")
    resource = call.text("ResourcePolicy")
    return _Simulation(
        caller=caller,
        identity=(*identity, *_inputs(write, "PolicyInputList")),
        boundary=boundaries[0] if boundaries else boundary,
        resource=_parsed(_Source(_RESOURCE_POLICY, resource)) if resource else None,
        owner=account_in(call.text("ResourceOwner")) or call.text("ResourceOwner"),
        scps=scps,
        context=_context_entries(call.params.get("ContextEntries") or ()),
        account=account_in(caller) or caller,
    )


def _given_scps(write: Write) -> _Levels | None:
    levels = write.call.params.get("OrderedOrganizationPolicyInputList")
    if not levels:
        return None
    return tuple(
        tuple(
            _document(_parsed(_Source(f"service control policy {level}.{number}", text)))
            for number, text in enumerate(one.get("ServiceControlPolicyInputList") or (), 1)
        )
        for level, one in enumerate(levels, 1)
    )


def _inputs(write: Write, parameter: str) -> tuple[_Source, ...]:
    texts = write.call.params.get(parameter) or ()
    return tuple(_parsed(_Source(f"{parameter}.{number}", text)) for number, text in enumerate(texts, 1))


def _parsed(source: _Source) -> _Source:
    try:
        PolicyDocument.parse(source.text)
    except PolicyError as error:
        raise Refused("InvalidInput", f"{source.name}: {error}") from None
    return source


def _policies_of(write: Write, arn: str) -> tuple[tuple[_Source, ...], _Source | None]:
    """Return the policies of a user, group or role, and its permissions boundary.

    Raises:
        Refused: it does not exist.
    """
    state, account = write.state, write.account
    kind, _, path = arn.partition(f":iam::{account}:")[2].partition("/")
    find = {"user": state.user, "group": state.group, "role": state.role}.get(kind)
    entity: Any = find(account, path.rpartition("/")[2]) if find else None
    if entity is None or entity.arn != arn:
        raise missing(f"The entity with ARN {arn} cannot be found.")
    sources = _attached(kind, entity)
    if kind == "user":
        sources += [source for group in state.groups_of(entity) for source in _attached("group", group)]
    return tuple(sources), _boundary_of(state, account, getattr(entity, "permissions_boundary_arn", None))


def _attached(kind: str, entity: Any) -> list[_Source]:
    inline = [_Source(f"{kind}_{entity.name}_{name}", text) for name, text in entity.policies.items()]
    return [*inline, *(_Source(policy.name, document_of(policy)) for policy in entity.managed_policies.values())]


def _boundary_of(state: MotoState, account: str, arn: str | None) -> _Source | None:
    policy = state.managed_policy(account, arn) if arn else None
    return None if policy is None else _Source(policy.name, document_of(policy))


def _context_entries(entries: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return the context keys of a simulation.

    Raises:
        Refused: a value is not of the type that the entry says.
    """
    context: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        name, kind = entry.get("ContextKeyName", ""), entry.get("ContextKeyType", "string")
        values = tuple(map(str, entry.get("ContextKeyValues") or ()))
        single = kind.removesuffix("List")
        if (kind == single and len(values) > 1) or not all(_is_of_type(single, value) for value in values):
            raise Refused("InvalidInput", f"The values of context key {name} are not of the type {kind}.")
        context[name] = values
    return context


def _is_of_type(kind: str, value: str) -> bool:
    if kind == "boolean":
        return value.lower() in ("true", "false")
    if kind not in ("numeric", "ip"):
        return True
    try:
        float(value) if kind == "numeric" else ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _answer(write: Write, simulation: _Simulation) -> Answer:
    call = write.call
    most = call.params.get("MaxItems", _DEFAULT_ITEMS)
    if not 1 <= most <= _MOST_ITEMS:
        raise invalid(most, "maxItems", f"have value between 1 and {_MOST_ITEMS}")
    resources = call.params.get("ResourceArns") or ["*"]
    pairs = [(action, resource) for action in call.params["ActionNames"] for resource in resources]
    begin = position(call.text("Marker"))
    results = [_result(simulation, action, resource) for action, resource in pairs[begin : begin + most]]
    rest = {"Marker": f"after-{begin + most}"} if begin + most < len(pairs) else {}
    return rendered("iam", call.operation, {"EvaluationResults": results, "IsTruncated": bool(rest), **rest})


def _result(simulation: _Simulation, action: str, resource: str) -> dict[str, object]:
    """Return the result of an action on a resource.

    Raises:
        Refused: the action or the resource is malformed.
    """
    policies = _policy_set(simulation, action)
    request = _request(simulation, action, resource)
    decision = evaluate(request, policies)
    effect = _DECISIONS[decision.effect]
    matched = _matched_statements(simulation, decision)
    given = {*request.context}
    absent = [key for key in _keys_of_all(simulation) if key.lower() not in given]
    result: dict[str, object] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": effect,
        "MatchedStatements": matched,
        "MissingContextValues": absent if resource == "*" else [],
    }
    bounds: dict[str, object] = {}
    if policies.boundary is not None:
        allowed = _allows(policies.boundary, request, action)
        bounds["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    if simulation.scps is not None:
        allowed = all(_allows(layer, request, action) for layer in policies.scps)
        bounds["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": allowed}
    if resource != "*":
        details = _details(simulation, decision)
        result["EvalDecisionDetails"] = details
        specific = {
            "EvalResourceName": resource,
            "EvalResourceDecision": effect,
            "MatchedStatements": matched,
            "MissingContextValues": absent,
            **({"EvalDecisionDetails": details} if details else {}),
        }
        boundary = {key: value for key, value in bounds.items() if key == "PermissionsBoundaryDecisionDetail"}
        result["ResourceSpecificResults"] = [{**specific, **boundary}]
    return {**result, **bounds}


def _allows(layer: Layer, request: AccessRequest, action: str) -> bool:
    denies, grade = layer.evaluate(request, action, has_boundary=True)
    return bool(grade) and not denies


def _request(simulation: _Simulation, action: str, resource: str) -> AccessRequest:
    owner = account_in(resource) or simulation.owner or simulation.account
    try:
        return AccessRequest(
            principal=simulation.caller,
            action=action,
            resource=resource,
            resource_account="" if account_in(resource) else owner,
            context=simulation.context,
        )
    except InvalidValue as error:
        raise Refused("InvalidInput", str(error)) from None


def _policy_set(simulation: _Simulation, action: str) -> PolicySet:
    resource = simulation.resource
    if resource is None or action.lower().startswith("sts:assume"):
        # Without a resource policy, the simulator leaves the decision to the identity policies.
        given = _delegation(simulation.account)
    else:
        given = _document(resource)
    return PolicySet(
        identity=[_document(source) for source in simulation.identity],
        resource=given,
        boundary=None if simulation.boundary is None else _document(simulation.boundary),
        scps=simulation.scps or (),
    )


@lru_cache(maxsize=256)
def _document(source: _Source) -> PolicyDocument:
    return PolicyDocument.parse(source.text, name=source.name)


@lru_cache(maxsize=256)
def _delegation(account: str) -> PolicyDocument:
    """Return a resource policy that leaves the decision to the policies of an account."""
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "*", "Resource": "*"}
    return PolicyDocument.parse({"Version": "2012-10-17", "Statement": statement}, name="delegation")


def _details(simulation: _Simulation, decision: Decision) -> dict[str, str]:
    """Return what each policy type contributes to a decision across accounts."""
    if simulation.resource is None or not decision.request.cross_account:
        return {}
    kinds = {"identity": _IDENTITY, "resource": _RESOURCE}
    return {kinds[report.name]: _DECISIONS[report.effect] for report in decision.layers if report.name in kinds}


def _matched_statements(simulation: _Simulation, decision: Decision) -> list[dict[str, object]]:
    """Return the statements that determine a decision: those that deny, or else those that allow."""
    if decision.effect == "ImplicitDeny":
        return []
    texts = {source.name: source.text for source in simulation.sources}
    found = [
        statement
        for layer in decision.policies.applicable_layers(decision.request)
        if layer.name != "boundary" or decision.effect == "ExplicitDeny"
        for statement in layer.statements
        if statement.policy in texts
        and statement.denies == (decision.effect == "ExplicitDeny")
        and not statement.mismatches(decision.request, decision.action, has_boundary=simulation.boundary is not None)
    ]
    return [_matched_statement(statement, texts[statement.policy]) for statement in found]


def _matched_statement(statement: StatementMatcher, text: str) -> dict[str, object]:
    start, end = statement_positions(text)[statement.index]
    return {
        "SourcePolicyId": statement.policy,
        "SourcePolicyType": _RESOURCE if statement.policy == _RESOURCE_POLICY else _IDENTITY,
        "StartPosition": start,
        "EndPosition": end,
    }


def _keys_of_all(simulation: _Simulation) -> list[str]:
    return list(dict.fromkeys(key for source in simulation.sources for key in _keys_of(source.text)))


@lru_cache(maxsize=256)
def _keys_of(text: str) -> tuple[str, ...]:
    """Return the context keys that a policy uses, in its order and with its letter case."""
    document = PolicyDocument.parse(text)
    found: dict[str, str] = {}
    for statement in document.statements:
        values = [*statement.resources, *statement.not_resources]
        for condition in statement.conditions:
            found.setdefault(condition.key.lower(), condition.key)
            values += condition.values
        for value in values:
            for key in parse_template(value, document.version).keys:
                written = re.search(re.escape(key), value, re.IGNORECASE)
                found.setdefault(key, written[0] if written else key)
    return tuple(found.values())


RULES: dict[tuple[str, str], Rule] = {
    ("iam", "GetContextKeysForCustomPolicy"): _context_keys_for_custom_policy,
    ("iam", "GetContextKeysForPrincipalPolicy"): _context_keys_for_principal_policy,
    ("iam", "SimulateCustomPolicy"): _simulate_custom_policy,
    ("iam", "SimulatePrincipalPolicy"): _simulate_principal_policy,
}
