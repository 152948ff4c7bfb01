"""What holds for every check: no policy makes it fail, and each witness is decided as its finding says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.access_audit.checks.policies import ACCOUNT, OTHER, SURROUNDINGS, subject

from xacct.access_audit.checks.confused_deputy import confused_deputy
from xacct.access_audit.checks.expired import expired
from xacct.access_audit.checks.oidc import oidc_stranger, oidc_without_audience
from xacct.access_audit.checks.saml import saml_without_audience
from xacct.access_audit.checks.self_lockout import self_lockout
from xacct.access_audit.checks.stale import stale_principal
from xacct.access_audit.checks.statement_requests import is_allowed
from xacct.access_audit.finding import Finding
from xacct.access_audit.subject import Subject, Surroundings

CHECKS: tuple[Callable[[Subject, Surroundings], Iterator[Finding]], ...] = (
    confused_deputy, expired, oidc_stranger, oidc_without_audience, saml_without_audience, self_lockout,
    stale_principal,
)  # fmt: skip
DENIED = ("expired", "self-lockout")
GITHUB = "token.actions.githubusercontent.com"

PRINCIPALS = st.sampled_from(
    [
        "*", {"AWS": "*"}, {"AWS": OTHER}, {"AWS": f"arn:aws:iam::{OTHER}:role/path/ci"},
        {"AWS": "AIDACKCEVSQ6C2EXAMPLE"},
        {"AWS": f"arn:aws:sts::{OTHER}:assumed-role/ci/x"}, {"AWS": f"arn:aws:sts::{OTHER}:federated-user/x"},
        {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}, {"CanonicalUser": "a" * 64},
        {"Service": "states.amazonaws.com"}, {"Service": "Nonsense"}, {"Service": "*"}, {"Service": "s3.amazonaws.com"},
        {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"}, {"Federated": "*"}, {"Federated": "nonsense"},
        {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta"}, {"Federated": "cognito-identity.amazonaws.com"},
        {"AWS": OTHER, "Service": ["states.amazonaws.com", "lambda.amazonaws.com"]},
    ]
)  # fmt: skip
KEYS = st.sampled_from(
    [
        f"{GITHUB}:sub", f"{GITHUB}:aud", f"{GITHUB}:repository", f"{GITHUB}:nonsense", "gitlab.com:sub", "SAML:aud",
        "SAML:sub", "cognito-identity.amazonaws.com:aud", "cognito-identity.amazonaws.com:amr", "aws:SourceAccount",
        "aws:SourceArn", "aws:SourceOrgID", "aws:CurrentTime", "aws:EpochTime", "aws:MultiFactorAuthPresent",
        "sts:ExternalId", "aws:PrincipalOrgID", "aws:PrincipalArn", "aws:SourceIp", "nonsense", "aws:RequestTag/team",
        "kms:EncryptionContext:aws:cloudtrail:arn",
    ]
)  # fmt: skip
VALUES = st.sampled_from(
    [
        "*", "", "?", "repo:octo/*", "repo:*/app", "octo/app", "true", "false", ACCOUNT, "2020-01-01T00:00:00Z",
        "2030-01-01T00:00:00Z", "1500000000", "arn:aws:s3:::bucket", f"arn:aws:states:*:{ACCOUNT}:*", "arn:nonsense",
        "192.0.2.0/24", "${aws:PrincipalAccount}", "o-abcdefghij", "https://signin.aws.amazon.com/saml",
        "unauthenticated",
    ]
)  # fmt: skip
OPERATORS = st.sampled_from(
    [
        "StringEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "ForAllValues:StringLike", "Nonsense",
        "ForAnyValue:StringEquals", "Null", "Bool", "BoolIfExists", "DateLessThan", "NumericLessThan", "ArnLike",
        "DateGreaterThan", "IpAddress",
    ]
)  # fmt: skip
CONDITIONS = st.dictionaries(OPERATORS, st.dictionaries(KEYS, VALUES, min_size=1, max_size=2), max_size=2)
ROLE_ACTIONS = ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML", "sts:*", "*"]
BUCKET_ACTIONS = ["s3:GetObject", "s3:*", "*", "s3.s:ListBucket", "s3:Put?bject"]


def statements(actions: list[str], **more: Any) -> st.SearchStrategy[list[dict[str, Any]]]:
    statement = st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
            "Principal": PRINCIPALS,
            "Action": st.sampled_from(actions),
            "Condition": CONDITIONS,
            **{name: st.just(value) for name, value in more.items()},
        }
    )
    return st.lists(statement, min_size=1, max_size=3)


def check_all(policy: Subject) -> None:
    answers = [answer for check in CHECKS for answer in check(policy, SURROUNDINGS)]
    found = [answer for answer in answers if isinstance(answer, Finding)]
    assert len({finding.id for finding in found}) == len(found)
    for finding in found:
        assert finding.statements
        assert ". " in finding.why
        if finding.witness is not None:
            assert is_allowed(finding.witness, policy) == (finding.kind not in DENIED)


@given(statements(ROLE_ACTIONS))
@settings(max_examples=200, deadline=None)
def test_no_trust_policy_makes_a_check_fail(trust: list[dict[str, Any]]) -> None:
    check_all(subject(*trust))


@given(statements(BUCKET_ACTIONS, Resource="arn:aws:s3:::bucket/*"))
@settings(max_examples=100, deadline=None)
def test_no_bucket_policy_makes_a_check_fail(policy: list[dict[str, Any]]) -> None:
    check_all(subject(*policy, arn="arn:aws:s3:::bucket", service="s3"))


@pytest.mark.parametrize("check", CHECKS)
def test_a_policy_that_does_not_concern_a_check_has_no_findings(check: Any) -> None:
    trust = {
        "Principal": {"AWS": OTHER},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "x"}},
    }
    assert not list(check(subject(trust), SURROUNDINGS))
