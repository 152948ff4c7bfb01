"""The linter: operators that do not fit the type of a condition key, and set operators."""

from __future__ import annotations

import pytest

from .findings import document, findings, of_rule, rules

GITHUB = "token.actions.githubusercontent.com"


def conditions(operator: str, key: str, values: object = "1", **elements: object) -> dict[str, object]:
    return document(**({"Action": "*", "Resource": "*", "Condition": {operator: {key: values}}} | elements))


ARN, NETWORK, DATE = "arn:aws:iam::111111111111:role/Reader", "192.0.2.0/24", "2027-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("operator", "key", "value", "types"),
    [
        ("NumericLessThan", "aws:SecureTransport", "1", "number, and aws:SecureTransport is a boolean. Use Bool"),
        ("NumericEquals", "aws:PrincipalArn", "1", "number, and aws:PrincipalArn is an ARN. Use ArnLike"),
        ("NumericLessThanIfExists", "aws:CurrentTime", "1", "number, and aws:CurrentTime is a date. Use DateLessThan"),
        ("NumericEquals", "aws:SourceIp", "1", "number, and aws:SourceIp is an IP address. Use IpAddress"),
        ("DateLessThan", "aws:MultiFactorAuthAge", DATE, "is a number. Use NumericLessThan"),
        ("DateLessThan", "aws:PrincipalArn", DATE, "a date, and"),
        ("Bool", "aws:PrincipalArn", "true", "a boolean, and"),
        ("Bool", "aws:TokenIssueTime", "true", "a boolean, and"),
        ("BoolIfExists", "aws:MultiFactorAuthAge", "true", "a boolean, and"),
        ("ArnNotLike", "aws:SourceIp", ARN, "an ARN, and"),
        ("ArnLike", "aws:SecureTransport", ARN, "an ARN, and"),
        ("NotIpAddress", "aws:MultiFactorAuthPresent", NETWORK, "an IP network, and"),
        ("IpAddress", "aws:SourceArn", NETWORK, "an IP network, and"),
        ("BinaryEquals", "aws:SecureTransport", "QmluYXJ5", "binary data, and"),
        ("ForAllValues:NumericEquals", "backup:FrameworkArns", "1", "is an ARN"),
    ],
)
def test_an_operator_that_cannot_read_the_values_of_a_key(operator: str, key: str, value: str, types: str) -> None:
    (finding,) = of_rule("operator-type", conditions(operator, key, value, Effect="Deny"))
    assert (finding.element, finding.severity) == (f"Statement.Condition.{operator}.{key}", "error")
    assert types in finding.message
    assert "elements_condition_operators" in finding.source


@pytest.mark.parametrize(
    ("operator", "key", "value", "advice"),
    [
        ("StringEquals", "aws:SecureTransport", "true", "compares the text of a boolean. Use Bool"),
        ("StringLike", "aws:SourceIp", "192.0.2.*", "compares the text of an IP address. Use IpAddress"),
        ("StringNotEquals", "aws:CurrentTime", DATE, "compares the text of a date. Use DateLessThan"),
        ("StringEqualsIfExists", "s3:max-keys", "10", "compares the text of a number. Use NumericLessThan"),
        ("NumericLessThan", "aws:username", "3", "if the value is a number"),
        ("Bool", "aws:PrincipalType", "true", "if the value is a boolean"),
        ("DateLessThan", "s3:prefix", DATE, "if the value is a date"),
        ("ArnLike", "aws:userid", ARN, "if the value is an ARN"),
        ("IpAddress", "aws:SourceVpc", NETWORK, "if the value is an IP address"),
    ],
)
def test_an_operator_that_reads_only_some_values_of_a_key(operator: str, key: str, value: str, advice: str) -> None:
    (finding,) = of_rule("operator-type", conditions(operator, key, value))
    assert finding.severity == "warning"
    assert advice in finding.message


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        # AWS documents that string operators can compare ARNs, although it advises against it.
        ("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:role/ci-*"),
        ("StringEquals", "aws:SourceArn", ARN),
        ("ArnLike", "aws:PrincipalArn", ARN),
        ("NumericLessThan", "aws:EpochTime", "1700000000"),
        ("DateLessThan", "aws:EpochTime", DATE),
        ("NumericLessThanEquals", "aws:MultiFactorAuthAge", "600"),
        ("BoolIfExists", "aws:SecureTransport", "true"),
        ("NotIpAddressIfExists", "aws:VpcSourceIp", "10.0.0.0/8"),
        ("DateGreaterThan", "aws:TokenIssueTime", DATE),
        ("Null", "aws:SecureTransport", "true"),
        ("Null", "aws:TagKeys", "true"),
        ("BinaryEquals", "s3:prefix", "QmluYXJ5"),
        # The value of a tag can be of any type.
        ("NumericLessThan", "aws:PrincipalTag/level", "3"),
        ("DateLessThan", "aws:RequestTag/until", DATE),
        ("ArnLike", "s3:ExistingObjectTag/owner", ARN),
        ("ArnLike", "kms:EncryptionContext:aws:s3:arn", ARN),
        ("StringEquals", "aws:username", "alice"),
        ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-a1b2c3d4e5/*"),
        ("ForAnyValue:ArnLike", "backup:FrameworkArns", ARN),
        # Of a claim that AWS does not list, and of a key that it does not have, the type is not known.
        ("NumericLessThan", "example.okta.com:level", "1"),
        ("NumericLessThan", "aws:Nothing", "1"),
        ("NumberLessThan", "aws:SecureTransport", "1"),
    ],
)
def test_operators_that_fit_the_type_of_the_key(operator: str, key: str, value: str) -> None:
    assert of_rule("operator-type", conditions(operator, key, value)) == []


@pytest.mark.parametrize("quantifier", ["ForAllValues", "ForAnyValue", "forallvalues"])
@pytest.mark.parametrize("key", ["aws:PrincipalOrgID", "aws:PrincipalTag/team", f"{GITHUB}:sub", "saml:aud"])
def test_a_set_operator_on_a_key_with_one_value(quantifier: str, key: str) -> None:
    operator = f"{quantifier}:StringLike"
    (finding,) = findings(conditions(operator, key, "a"))
    assert (finding.element, finding.rule, finding.severity) == (
        f"Statement.Condition.{operator}.{key}",
        "set-operator",
        "warning",
    )
    assert "has at most one value. Remove" in finding.message
    assert ("is also met if the request has no" in finding.message) is (quantifier.lower() == "forallvalues")
    assert "single-vs-multi-valued" in finding.source


@pytest.mark.parametrize("operator", ["StringEquals", "StringNotLike", "StringEqualsIfExists"])
@pytest.mark.parametrize("key", ["aws:TagKeys", "aws:PrincipalOrgPaths", "kms:ResourceAliases"])
def test_a_key_with_many_values_without_a_set_operator(operator: str, key: str) -> None:
    (finding,) = findings(conditions(operator, key, "a"))
    assert (finding.rule, finding.severity) == ("set-operator", "warning")
    assert f"can have several values of {key}. Write ForAnyValue:{operator} or ForAllValues:{operator}" in (
        finding.message
    )


@pytest.mark.parametrize(
    ("operator", "key"),
    [
        ("ForAnyValue:StringEquals", "aws:TagKeys"),
        ("Null", "aws:TagKeys"),
        ("StringEquals", "aws:PrincipalOrgID"),
        # AWS's examples have the set operator, although its reference lists one value.
        # https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html
        ("ForAnyValue:StringLike", "cognito-identity.amazonaws.com:amr"),
        ("StringEquals", "cognito-identity.amazonaws.com:amr"),
        ("ForAnyValue:StringLike", "example.okta.com:groups"),
    ],
)
def test_set_operators_that_fit_the_key(operator: str, key: str) -> None:
    assert of_rule("set-operator", conditions(operator, key, "true")) == []


def test_for_all_values_in_an_allow_is_met_without_the_key() -> None:
    (finding,) = findings(conditions("ForAllValues:StringEquals", "aws:TagKeys", ["team"]))
    assert (finding.element, finding.rule, finding.severity) == (
        "Statement.Condition.ForAllValues:StringEquals.aws:TagKeys",
        "null-check",
        "warning",
    )
    assert 'Add the condition "Null": {"aws:TagKeys": "false"}' in finding.message


@pytest.mark.parametrize(
    "other",
    [
        {"Null": {"AWS:TagKeys": "false"}},
        {"Null": {"aws:TagKeys": False}},
        {"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}},
        {"StringEquals": {"aws:RequestTag/team": "red"}},
        {"Null": {"aws:RequestTag/team": ["false"]}},
    ],
)
def test_for_all_values_with_another_condition_that_needs_the_key(other: dict[str, object]) -> None:
    both = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, **other}
    assert rules(document(Action="*", Resource="*", Condition=both)) == []


@pytest.mark.parametrize(
    "other",
    [
        {"Null": {"aws:TagKeys": "true"}},
        {"Null": {"aws:PrincipalTag/team": "false"}},
        {"StringEqualsIfExists": {"aws:RequestTag/team": "red"}},
        {"StringNotEquals": {"aws:RequestTag/team": "red"}},
        {"ForAllValues:StringNotEquals": {"aws:TagKeys": "cost"}},
    ],
)
def test_for_all_values_with_another_condition_that_does_not_need_the_key(other: dict[str, object]) -> None:
    both = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, **other}
    assert "null-check" in rules(document(Action="*", Resource="*", Condition=both))


def test_for_all_values_in_a_deny_needs_no_check() -> None:
    assert rules(conditions("ForAllValues:StringEquals", "aws:TagKeys", ["team"], Effect="Deny")) == []
