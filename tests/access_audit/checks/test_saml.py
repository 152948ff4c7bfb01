"""SAML providers: whether an assertion for another recipient is accepted."""

from __future__ import annotations

from typing import Any

import pytest
from tests.access_audit.checks.policies import ACCOUNT, OTHER, SURROUNDINGS, subject

from xacct.access_audit.checks.saml import saml_without_audience
from xacct.access_audit.checks.statement_requests import is_allowed
from xacct.policy import Statement

OKTA = f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta"
ENDPOINT = "https://signin.aws.amazon.com/saml"


def trust(condition: Any = None, provider: Any = OKTA, **more: Any) -> dict[str, Any]:
    extra = {} if condition is None else {"Condition": condition}
    return {"Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithSAML", **extra, **more}


@pytest.mark.parametrize(
    "condition",
    [
        None,
        {"StringLike": {"SAML:aud": "*"}},
        {"StringLike": {"SAML:aud": "https://*"}},
        {"StringLike": {"SAML:aud": "*/saml"}},
        {"StringNotEquals": {"SAML:aud": "https://evil.example.com"}},
        {"StringEquals": {"SAML:iss": "https://idp.example.com"}},
        {"StringEqualsIfExists": {"SAML:aud": [ENDPOINT, "https://app.example.com/login"]}},
        {"Null": {"SAML:aud": "false"}},
    ],
)
def test_assertions_for_other_recipients_are_found(condition: Any) -> None:
    policy = subject(trust(condition))
    (finding,) = saml_without_audience(policy, SURROUNDINGS)
    assert finding.witness is not None
    assert is_allowed(finding.witness, policy)
    assert not finding.witness.context["saml:aud"][0].startswith(ENDPOINT)
    assert finding.principal == OKTA
    assert finding.fix.statement is not None
    fixed = subject(dict(Statement.parse(finding.fix.statement).to_dict()))
    assert not list(saml_without_audience(fixed, SURROUNDINGS))


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"SAML:aud": ENDPOINT}},
        {"StringEqualsIfExists": {"saml:aud": ENDPOINT}},
        {"StringEqualsIgnoreCase": {"SAML:aud": ENDPOINT}},
        {"ForAnyValue:StringEquals": {"SAML:aud": [ENDPOINT, "https://eu-west-1.signin.aws.amazon.com/saml"]}},
        {"StringLike": {"SAML:aud": "https://*.signin.aws.amazon.com/saml"}},
        {"StringLike": {"SAML:aud": "https://*.signin.aws.amazon.com/saml*"}},
        {"StringEquals": {"SAML:aud": "https://signin.amazonaws-us-gov.com/saml"}},
    ],
)
def test_a_policy_that_requires_the_audience_of_aws_is_not_found(condition: Any) -> None:
    assert not list(saml_without_audience(subject(trust(condition)), SURROUNDINGS))


@pytest.mark.parametrize("operator", ["StringEquals", "StringEqualsIfExists"])
def test_the_short_way_and_the_whole_search_agree(operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xacct.access_audit.checks.saml._names_endpoints", lambda _: False)
    assert not list(saml_without_audience(subject(trust({operator: {"SAML:aud": ENDPOINT}})), SURROUNDINGS))


def test_a_deny_of_other_audiences_is_as_good() -> None:
    deny = trust({"StringNotEquals": {"SAML:aud": ENDPOINT}}, Effect="Deny")
    assert not list(saml_without_audience(subject(trust(), deny), SURROUNDINGS))


def test_a_condition_on_the_user_makes_it_depend() -> None:
    (finding,) = saml_without_audience(subject(trust({"StringEquals": {"SAML:sub": "alice"}})), SURROUNDINGS)
    assert (finding.answer, finding.conditions) == ("depends", ("StringEquals SAML:sub",))


def test_each_provider_has_one_finding() -> None:
    second = OKTA.replace("Okta", "Entra")
    found = list(saml_without_audience(subject(trust(provider=[OKTA, second]), trust()), SURROUNDINGS))
    assert sorted(finding.principal for finding in found) == sorted([OKTA, second])
    assert len({finding.id for finding in found}) == 2


def test_a_provider_of_another_account_lets_nobody_in() -> None:
    assert not list(saml_without_audience(subject(trust(provider=OKTA.replace(ACCOUNT, OTHER))), SURROUNDINGS))


def test_a_statement_for_another_action_lets_nobody_in() -> None:
    assert not list(saml_without_audience(subject(trust(Action="sts:TagSession")), SURROUNDINGS))
