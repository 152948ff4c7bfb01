"""Conditions that cannot be evaluated: a Deny applies, an Allow does not, and the decision says so."""

from __future__ import annotations

from typing import Any

import pytest

from xacct.authz import AccessRequest, Decision, PolicySet, evaluate

USER = "arn:aws:iam::111111111111:user/dev"


def decide(effect: str, condition: dict[str, Any], **context: Any) -> Decision:
    """A decision on a request that everything else allows."""
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    statements = [{**allow, "Effect": effect, "Condition": condition}, *([allow] if effect == "Deny" else [])]
    request = AccessRequest(
        principal=USER,
        action="s3:GetObject",
        resource="arn:aws:s3:::b/k",
        resource_account="111111111111",
        context={f"aws:{key}": value for key, value in context.items()},
    )
    return evaluate(request, PolicySet(identity=[{"Version": "2012-10-17", "Statement": statements}]))


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
# Each of the six components of an ARN is checked separately.
@pytest.mark.parametrize("operator", ["ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals", "ForAnyValue:ArnLike"])
@pytest.mark.parametrize(
    "pattern",
    [
        "arn:aws:iam",
        "arn:aws:iam:*",
        "arn:aws:iam*",
        "arn:*",
        "arn:aws:*:topic",
        "*:dev",
        "arn*",
        "",
        "arn:aws:iam:*:user/dev",
        "arn:aws:iam:${aws:username}",
    ],
)
def test_an_arn_pattern_of_fewer_than_six_segments_fails_closed(operator: str, pattern: str) -> None:
    denied = decide("Deny", {operator: {"aws:PrincipalArn": pattern}})
    assert denied.effect == "ExplicitDeny"
    assert f"{operator}" in denied.layers[0].unknown[0]
    assert "so the Deny is treated as matching" in str(denied)
    assert not decide("Allow", {operator: {"aws:PrincipalArn": pattern}}).allowed


@pytest.mark.parametrize("pattern", ["*", "**", "arn:*:*:*:*:*", "arn:aws:iam::111111111111:user/d?v"])
def test_complete_arn_patterns_and_a_single_wildcard_are_evaluated(pattern: str) -> None:
    allowed = decide("Allow", {"ArnLike": {"aws:PrincipalArn": pattern}})
    assert (allowed.allowed, allowed.layers[0].unknown) == (True, ())


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html: AWS stores such a
# condition and does not document when it is met.
@pytest.mark.parametrize(
    "operator", ["StringEquals", "StringNotEquals", "StringLikeIfExists", "Null", "Bool", "ForAllValues:StringLike"]
)
@pytest.mark.parametrize("given", [{}, {"username": "dev"}, {"username": []}])
def test_a_condition_without_values_fails_closed(operator: str, given: dict[str, Any]) -> None:
    denied = decide("Deny", {operator: {"aws:username": []}}, **given)
    assert denied.effect == "ExplicitDeny"
    assert denied.layers[0].unknown == (
        f"identity policy 1, statement 1: {operator} aws:username has no value, so the Deny is treated as matching",
    )
    assert not decide("Allow", {operator: {"aws:username": []}}, **given).allowed
