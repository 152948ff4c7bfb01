"""Rules about operators: which types of condition keys they can compare, and whether a key has several values."""

from __future__ import annotations

from collections.abc import Iterator

from xacct.linter.finding import LintFinding, Source, error, warning
from xacct.linter.source_document import SourceStatement
from xacct.reference import ConditionKey, find_condition_key

__all__ = ["needs_key", "operator_findings"]

# The beginnings of the operators' names in lower case, and the types of keys that they are for.
_FAMILIES = {
    "string": "String",
    "numeric": "Numeric",
    "date": "Date",
    "bool": "Bool",
    "binary": "Binary",
    "ipaddress": "IPAddress",
    "notipaddress": "IPAddress",
    "arn": "ARN",
}
_NAMES = {
    "Numeric": ("a number", "NumericLessThan or another Numeric operator"),
    "Date": ("a date", "DateLessThan or another Date operator"),
    "Bool": ("a boolean", "Bool"),
    "Binary": ("binary data", "BinaryEquals"),
    "IPAddress": ("an IP address", "IpAddress or NotIpAddress"),
    "ARN": ("an ARN", "ArnLike or another Arn operator"),
}

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-epochtime
_NUMERIC_DATES = ("aws:epochtime",)

# The reference lists one value, and AWS's examples compare several.
# https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html
_CLAIM_WITH_SEVERAL_VALUES = ":amr"

# A request that has the key with this beginning has the other key too.
_IMPLIED = {"aws:tagkeys": "aws:requesttag/"}


def operator_findings(statement: SourceStatement) -> Iterator[LintFinding]:
    """Find operators that do not fit the type of their key, and set operators that are missing or wrong."""
    for path, operator, key, _ in statement.conditions():
        found = find_condition_key(key)
        quantifier, _, name = operator.lower().rpartition(":")
        family = next((kind for start, kind in _FAMILIES.items() if name.startswith(start)), None)
        if found is None or family is None or quantifier not in ("", "forallvalues", "foranyvalue"):
            continue
        yield from _type_findings(path, operator, key, family, found)
        yield from _set_operator_findings(path, operator, key, quantifier, found)
        if quantifier == "forallvalues" and found.multivalued and statement.allows:
            yield from _null_check_findings(statement, path, operator, key)


def _type_findings(path: str, operator: str, key: str, family: str, found: ConditionKey) -> Iterator[LintFinding]:
    if family == found.type or (family == "Numeric" and found.name.lower() in _NUMERIC_DATES):
        return
    if family == "String":
        # AWS documents that string operators can compare ARNs.
        if found.type != "ARN":
            what, instead = _NAMES[found.type]
            message = f"{operator} compares the text of {what}. Use {instead}"
            yield warning(path, "operator-type", message, Source.OPERATORS, operator)
        return
    wanted = "an IP network" if family == "IPAddress" else _NAMES[family][0]
    if found.type != "String":
        what, instead = _NAMES[found.type]
        message = f"{operator} compares with {wanted}, and {key} is {what}. Use {instead}"
        yield error(path, "operator-type", message, Source.OPERATORS, operator)
    elif family != "Binary" and "{" not in found.name and "<" not in found.name:
        # The values of tags and of encryption contexts can be anything, and AWS has no type for binary data.
        message = (
            f"{key} is a string. {operator} can be met only if the value is {_NAMES[family][0]}. Use a String operator"
        )
        yield warning(path, "operator-type", message, Source.OPERATORS, operator)


def _set_operator_findings(
    path: str, operator: str, key: str, quantifier: str, found: ConditionKey
) -> Iterator[LintFinding]:
    if key.lower().endswith(_CLAIM_WITH_SEVERAL_VALUES):
        return
    prefix = operator.rpartition(":")[0]
    if quantifier and not found.multivalued:
        also = f"{prefix} is also met if the request has no {key}, and " if quantifier == "forallvalues" else ""
        message = f"{also}{key} has at most one value. Remove {prefix}:"
        yield warning(path, "set-operator", message, Source.SET_OPERATORS, operator)
    elif not quantifier and found.multivalued:
        # IAM Access Analyzer calls it an error, but IAM accepts it, and an AWS managed policy has it.
        message = f"a request can have several values of {key}. Write ForAnyValue:{operator} or ForAllValues:{operator}"
        yield warning(path, "set-operator", message, Source.SET_OPERATORS, operator)


def _null_check_findings(statement: SourceStatement, path: str, operator: str, key: str) -> Iterator[LintFinding]:
    if any(_needs(other, values, name, key) for _, other, name, values in statement.conditions()):
        return
    message = (
        f"{operator} is also met if the request has no {key}. "
        f'Add the condition "Null": {{"{key}": "false"}}, unless such requests are to be allowed'
    )
    yield warning(path, "null-check", message, Source.SET_OPERATORS, operator)


def _needs(operator: str, values: object, name: str, key: str) -> bool:
    """Return whether a condition on the context key `name` is met only by requests that have the key `key`."""
    implies = _IMPLIED.get(key.lower(), "\0")
    return (name.lower() == key.lower() or name.lower().startswith(implies)) and needs_key(operator, values)


def needs_key(operator: str, values: object) -> bool:
    """Return whether a condition is not met if the request lacks the key."""
    quantifier, _, name = operator.lower().rpartition(":")
    if name == "null":
        many = values if isinstance(values, (list, tuple)) else (values,)
        return all(value is False or (isinstance(value, str) and value.lower() == "false") for value in many)
    is_negated = "not" in name and not quantifier
    return not (name.endswith("ifexists") or quantifier == "forallvalues" or is_negated)
