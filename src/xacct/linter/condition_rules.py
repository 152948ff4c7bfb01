"""Rules about conditions: operators, context keys, values and policy variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from xacct.authz.operators import compile_condition
from xacct.linter.action_rules import hint, is_known_action
from xacct.linter.finding import LintFinding, PolicyKind, Source, error, warning
from xacct.linter.operator_rules import needs_key, operator_findings
from xacct.linter.resource_rules import COMPLETE_ARN, VARIABLE, is_complete_arn
from xacct.linter.source_document import SourceStatement, strings
from xacct.policy import Condition
from xacct.policy.statement import shown
from xacct.reference import (
    GLOBAL_KEYS,
    actions_matching,
    find_condition_key,
    is_identity_provider_key,
    nearest_condition_key,
)
from xacct.reference.condition_keys import matches_key

__all__ = ["condition_findings"]

# Global keys that a request has only if the action's resources have tags, or the action takes tags.
_TAG_KEYS = ("aws:resourcetag/", "aws:requesttag/", "aws:tagkeys")

_FORMS = {
    "bool": "Write true or false",
    "numeric": "Write a number",
    "date": "Write a date such as 2027-01-31T12:00:00Z, or seconds since 1970",
    "ipaddress": "Write an IP network in CIDR notation, such as 192.0.2.0/24",
    "notipaddress": "Write an IP network in CIDR notation, such as 192.0.2.0/24",
    "binary": "Write base64",
    "null": "Write true or false",
}


def condition_findings(statement: SourceStatement, kind: PolicyKind, version: str) -> Iterator[LintFinding]:
    """Find conditions that AWS rejects, that cannot be evaluated, or that are never met."""
    yield from _type_findings(statement)
    seen: dict[tuple[str, str], str] = {}
    for path, operator, key, values in statement.conditions():
        name = (operator.lower(), key.lower())
        if name in seen:
            message = f"{key} and {seen[name]} are the same context key. Merge their values"
            yield error(path, "duplicate-key", message, Source.CONDITION, key)
        seen.setdefault(name, key)
        yield from _value_findings(path, operator, key, values, version)
        yield from _key_findings(path, key)
        yield from _unsent_findings(statement, kind, path, operator, key, values)
    yield from operator_findings(statement)
    if version == "2012-10-17":
        yield from _variable_findings(statement)


def _type_findings(statement: SourceStatement) -> Iterator[LintFinding]:
    path, operators = statement.place("Condition"), statement.elements.get("Condition")
    if operators is None:
        return
    if not isinstance(operators, Mapping):
        yield error(path, "wrong-type", "must be a JSON object of operators", Source.CONDITION)
        return
    for operator, keys in operators.items():
        if not _is_operator(str(operator)):
            message = f"AWS has no condition operator {operator}"
            yield error(f"{path}.{operator}", "unknown-operator", message, Source.OPERATORS, str(operator))
        if not isinstance(keys, Mapping):
            message = "must be a JSON object of context keys and values"
            yield error(f"{path}.{operator}", "wrong-type", message, Source.CONDITION)


def _value_findings(path: str, operator: str, key: str, values: object, version: str) -> Iterator[LintFinding]:
    many = values if isinstance(values, (list, tuple)) else (values,)
    if not many:
        yield error(path, "empty", "the list of values is empty. Give it a value", Source.CONDITION)
    if not _is_operator(operator):
        return
    base = operator.lower().rpartition(":")[2].removesuffix("ifexists")
    for i, value in enumerate(many):
        place = f"{path}[{i}]" if isinstance(values, (list, tuple)) else path
        if not isinstance(value, (str, int, float)):
            message = f"{shown(value)} is not a string, a number or a boolean"
            yield error(place, "wrong-type", message, Source.CONDITION)
            continue
        text = shown(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else shown(value)
        if base.startswith("arn") and text != "*" and not text.startswith("${") and not is_complete_arn(text):
            message = f"{text!r} is not a complete ARN, so it matches no ARN. {COMPLETE_ARN}"
            yield error(place, "incomplete-arn", message, Source.OPERATORS, text)
        elif VARIABLE.search(text) and not base.startswith(("string", "arn")):
            message = f"{operator} cannot have the policy variable {text}. Only String and Arn operators can"
            yield error(place, "unreadable-value", message, Source.VARIABLES, text)
        elif compile_condition(Condition(operator, key, (text,)), version).invalid:
            form = next((form for start, form in _FORMS.items() if base.startswith(start)), "Write another value")
            message = f"{operator} cannot read {text!r}. {form}"
            yield error(place, "unreadable-value", message, Source.OPERATORS, text)


@lru_cache(maxsize=1024)
def _is_operator(operator: str) -> bool:
    # Every operator can read one of these values.
    examples = ("true", "1", "192.0.2.0", "arn:aws:iam::111111111111:root")
    return not all(
        compile_condition(Condition(operator, "aws:username", (value,)), "2012-10-17").invalid for value in examples
    )


def _key_findings(path: str, key: str) -> Iterator[LintFinding]:
    if find_condition_key(key) is not None:
        return
    if is_identity_provider_key(key):
        message = f"AWS documents no such claim of an identity provider, so a request may never have {key}"
        yield warning(path, "unknown-condition-key", message, Source.CONDITION_KEYS, key)
        return
    message = f"AWS's reference has no condition key {key}{hint(nearest_condition_key(key))}"
    yield error(path, "unknown-condition-key", message, Source.CONDITION_KEYS, key)


def _unsent_findings(
    statement: SourceStatement, kind: PolicyKind, path: str, operator: str, key: str, values: object
) -> Iterator[LintFinding]:
    actions = [action for _, action in statement.strings("Action") if action]
    if not actions or "*" in actions or find_condition_key(key) is None:
        return
    if not all(is_known_action(action.lower()) for action in actions):
        return
    without = [action for action in actions if not _sends(action.lower(), key.lower(), kind)]
    if len(without) == len(actions):
        message = f"AWS's reference lists no {key} for {_named(without)}, so their requests do not have it"
        yield warning(path, "key-not-sent", message, Source.REFERENCE, key)
    elif without and statement.allows and needs_key(operator, values):
        message = (
            f"AWS's reference lists no {key} for {_named(without)}, so the statement does not allow that. Move it to "
            "a statement without the condition"
        )
        yield warning(path, "key-not-sent", message, Source.REFERENCE, key)


def _named(actions: list[str]) -> str:
    return ", ".join(actions[:3]) + (f" and {len(actions) - 3} others" if len(actions) > 3 else "")


@lru_cache(maxsize=8192)
def _sends(action: str, key: str, kind: PolicyKind) -> bool:
    """Return whether the reference lists a context key for an action, or for one that a pattern matches."""
    if key.startswith(_TAG_KEYS):
        return _is_listed(action, key)
    if key in GLOBAL_KEYS or key.startswith("aws:"):
        return True
    if is_identity_provider_key(key) or key.startswith("saml:"):
        # Sessions of federated users have these in all their requests. The reference lists the claims of some
        # providers only, and only for the call that assumes the role.
        return kind != "trust" or action != "sts:assumerole" or _is_listed(action, key)
    _, tagged, tag = key.partition(":resourcetag/")
    # For some services, as Secrets Manager, the reference lists only the newer name of the key.
    return _is_listed(action, key) or bool(tagged and _is_listed(action, f"aws:resourcetag/{tag}"))


def _is_listed(action: str, key: str) -> bool:
    return any(matches_key(listed, key) for listed in _listed_keys(action))


@lru_cache(maxsize=1024)
def _listed_keys(action: str) -> frozenset[str]:
    return frozenset(key for matching in actions_matching(action) for key in matching.condition_keys)


def _variable_findings(statement: SourceStatement) -> Iterator[LintFinding]:
    values = [*statement.strings("Resource"), *statement.strings("NotResource")]
    for path, _, _, raw in statement.conditions():
        values += strings(raw, path)
    for place, value in values:
        for variable in VARIABLE.findall(value):
            key = variable[2:-1].partition(",")[0].strip()
            if key in ("*", "?", "$") or find_condition_key(key) is not None or is_identity_provider_key(key):
                continue
            message = f"AWS's reference has no condition key for {variable}{hint(nearest_condition_key(key))}"
            yield error(place, "unknown-condition-key", message, Source.VARIABLES, key)
