"""Lockouts: decided by what a principal can send, and by the evaluator."""

from __future__ import annotations

from typing import Any

import pytest
from tests.access_audit.checks.policies import ACCOUNT, OTHER, SURROUNDINGS, subject

from xacct.access_audit.checks.self_lockout import self_lockout
from xacct.access_audit.checks.statement_requests import is_allowed
from xacct.policy import Statement

GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
GITLAB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"
OKTA = f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta"
LAMBDA = {"Service": "lambda.amazonaws.com"}
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def trust(principal: Any, condition: Any, **more: Any) -> dict[str, Any]:
    action = "sts:AssumeRole"
    if "Federated" in principal:
        action += "WithSAML" if "saml-provider" in principal["Federated"] else "WithWebIdentity"
    return {"Principal": principal, "Action": action, "Condition": condition, **more}


@pytest.mark.parametrize(
    ("principal", "condition", "key"),
    [
        (LAMBDA, MFA, "aws:MultiFactorAuthPresent"),
        (LAMBDA, {"Bool": {"aws:MultiFactorAuthPresent": "false"}}, "aws:MultiFactorAuthPresent"),
        (LAMBDA, {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}, "aws:MultiFactorAuthAge"),
        (LAMBDA, {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}, "aws:PrincipalOrgID"),
        (LAMBDA, {"StringEquals": {"sts:ExternalId": "x-1"}}, "sts:ExternalId"),
        (LAMBDA, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}, "aws:PrincipalArn"),
        (LAMBDA, {"Null": {"aws:MultiFactorAuthAge": "false"}}, "aws:MultiFactorAuthAge"),
        ({"Federated": GITHUB}, MFA, "aws:MultiFactorAuthPresent"),
        ({"Federated": GITHUB}, {"StringEquals": {"sts:ExternalId": "x-1"}}, "sts:ExternalId"),
        ({"Federated": OKTA}, {"StringEquals": {"sts:ExternalId": "x-1"}}, "sts:ExternalId"),
        # AWS has no condition key for this claim.
        ({"Federated": GITLAB}, {"StringEquals": {"gitlab.com:project_path": "octo/app"}}, "gitlab.com:project_path"),
        # The claim of another provider.
        ({"Federated": GITLAB}, {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:octo/app"}},
         "token.actions.githubusercontent.com:sub"),
        ({"Federated": GITHUB}, {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}, "SAML:aud"),
        ({"AWS": OTHER}, {"StringEquals": {"aws:SourceAccount": OTHER}}, "aws:SourceAccount"),
        ({"AWS": f"arn:aws:iam::{OTHER}:role/x"}, {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::b"}}, "aws:SourceArn"),
    ],
)  # fmt: skip
def test_a_principal_that_never_sends_what_is_required_is_found(principal: Any, condition: Any, key: str) -> None:
    policy = subject(trust(principal, condition))
    (finding,) = self_lockout(policy, SURROUNDINGS)
    assert finding.conditions == (f"{next(iter(condition))} {key}",)
    assert finding.witness is not None
    assert not is_allowed(finding.witness, policy)
    assert key.lower() not in finding.witness.context
    assert key in finding.why
    if finding.fix.statement is not None:
        assert Statement.parse(finding.fix.statement).conditions  # never wider


@pytest.mark.parametrize(
    ("principal", "condition"),
    [
        (LAMBDA, {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}),
        (LAMBDA, {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-abcdefghij"}}),
        (LAMBDA, {"StringNotEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}),
        (LAMBDA, {"Null": {"aws:MultiFactorAuthAge": "true"}}),
        (LAMBDA, {"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-abcdefghij/r-1234/"}}),
        (LAMBDA, {"StringEquals": {"aws:SourceAccount": ACCOUNT}}),
        (LAMBDA, {"StringEquals": {"aws:SourceOrgID": "o-abcdefghij"}}),
        (LAMBDA, {"Bool": {"aws:PrincipalIsAWSService": "true"}}),
        (LAMBDA, {"StringEquals": {"aws:PrincipalServiceName": "lambda.amazonaws.com"}}),
        (LAMBDA, {"ForAnyValue:StringEquals": {"aws:PrincipalServiceNamesList": "lambda.amazonaws.com"}}),
        (LAMBDA, {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
        # Services that do send an external ID.
        ({"Service": "elasticbeanstalk.amazonaws.com"}, {"StringEquals": {"sts:ExternalId": "elasticbeanstalk"}}),
        ({"Service": "firehose.amazonaws.com"}, {"StringEquals": {"sts:ExternalId": ACCOUNT}}),
        ({"Service": "cognito-idp.amazonaws.com"}, {"StringEquals": {"sts:ExternalId": "x"}}),
        ({"AWS": OTHER}, MFA),
        ({"AWS": OTHER}, {"StringEquals": {"sts:ExternalId": "x-1", "aws:PrincipalOrgID": "o-abcdefghij"}}),
        ({"Federated": GITHUB}, {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:octo/app:x"}}),
        ({"Federated": GITHUB}, {"StringEquals": {"token.actions.githubusercontent.com:repository_id": "1"}}),
        ({"Federated": GITLAB}, {"StringEquals": {"gitlab.com:project_id": "1"}}),
        ({"Federated": OKTA}, {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}),
        ({"Federated": OKTA}, {"ForAnyValue:StringEquals": {"SAML:edupersonaffiliation": "staff"}}),
        ("*", {"StringEquals": {"aws:SourceAccount": OTHER}}),
        # Expired, which is another question.
        (LAMBDA, {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
        # A provider of another account: nobody gets in, whatever the condition says.
        ({"Federated": GITHUB.replace(ACCOUNT, OTHER)}, MFA),
    ],
)  # fmt: skip
def test_a_principal_that_can_meet_the_conditions_is_not_found(principal: Any, condition: Any) -> None:
    assert not list(self_lockout(subject(trust(principal, condition)), SURROUNDINGS))


def test_in_a_shared_statement_only_the_service_is_locked_out() -> None:
    policy = subject(trust({"AWS": OTHER, **LAMBDA}, MFA))
    assert [finding.principal for finding in self_lockout(policy, SURROUNDINGS)] == ["lambda.amazonaws.com"]


def test_a_service_that_another_statement_lets_in_is_not_locked_out() -> None:
    other = {"Principal": LAMBDA, "Action": "sts:AssumeRole"}
    assert not list(self_lockout(subject(trust({"AWS": OTHER, **LAMBDA}, MFA), other), SURROUNDINGS))


def test_a_deny_without_mfa_locks_services_out() -> None:
    allow = {"Principal": {"AWS": OTHER, **LAMBDA}, "Action": "sts:AssumeRole"}
    deny = trust("*", {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, Effect="Deny")
    null = trust("*", {"Null": {"aws:MultiFactorAuthAge": "true"}}, Effect="Deny")
    assert not list(self_lockout(subject(allow), SURROUNDINGS))
    (finding,) = self_lockout(subject(allow, null), SURROUNDINGS)
    assert finding.principal == "lambda.amazonaws.com"
    assert len(finding.statements) == 2
    # The key is missing, and the Deny applies to a missing key: no value of it helps.
    assert [found.principal for found in self_lockout(subject(allow, deny), SURROUNDINGS)] == ["lambda.amazonaws.com"]


def test_services_that_a_bucket_policy_lets_in_only_as_members_of_an_organization_are_locked_out() -> None:
    statement = {
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::logs/*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}},
    }
    (finding,) = self_lockout(subject(statement, arn="arn:aws:s3:::logs", service="s3"), SURROUNDINGS)
    assert finding.witness is not None
    assert finding.witness.action == "s3:PutObject"
