"""Incomplete ARNs, statements without Resource, and how long a search for policy variables takes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.authz.variables import parse_template

ACCOUNT = "111111111111"
USER = f"arn:aws:iam::{ACCOUNT}:user/dev"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def decide(action: str = "sqs:SendMessage", arn: str = QUEUE, **policies: Any) -> Decision:
    request = AccessRequest(principal=USER, action=action, resource=arn, context={"aws:x": "sqs"})
    return evaluate(request, PolicySet(**policies))


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html: "arn:aws:sqs" is equivalent to
# "arn:aws:sqs:*:*:*" in an identity-based policy.
@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("arn:aws:sqs", True),
        ("arn:aws:sq?", True),
        ("arn:aws:sqs:eu-west-1", True),
        (f"arn:aws:sqs:eu-west-1:{ACCOUNT}", True),
        ("arn:aws", True),
        ("arn:aws:${aws:x}", True),
        ("arn:aws:sqs:*", True),
        ("arn:aws:s*", True),
        ("arn:aws:sns", False),
        ("arn:aws:sqs:", False),
        ("arn:aws:sqs:us-east-1", False),
        ("arn:aws:${aws:username}", False),
        (QUEUE, True),
    ],
)
def test_an_incomplete_arn_of_an_identity_policy_is_completed_with_wildcards(pattern: str, matches: bool) -> None:
    for element in ("Resource", "NotResource"):
        applies = matches is (element == "Resource")
        deny = {"Effect": "Deny", "Action": "sqs:*", element: pattern}
        denied = decide(identity=[document(EVERYTHING, deny)])
        assert (denied.effect == "ExplicitDeny") is applies, element
        assert denied.layers[0].unknown == ()
        allow = document({**deny, "Effect": "Allow"})
        assert decide(identity=[allow]).allowed is applies, element
        bounded = decide(identity=[document(EVERYTHING)], boundary=allow)
        assert bounded.allowed is applies, element


@pytest.mark.parametrize("layer", ["resource", "session", "scps", "rcps", "vpc_endpoint"])
def test_an_incomplete_arn_of_another_policy_fails_closed(layer: str) -> None:
    def layers(statement: dict[str, Any]) -> dict[str, Any]:
        named = {"Principal": "*", **statement} if layer in ("resource", "rcps", "vpc_endpoint") else statement
        found: Any = document(named, {**named, "Effect": "Allow", "Action": "*", "Resource": "*"})
        if statement["Effect"] == "Allow":
            found = document(named)
        wrapped = {"session": [found], "scps": [[found]], "rcps": [[found]]}.get(layer, found)
        return {layer: wrapped, "identity": [] if layer == "resource" else [document(EVERYTHING)]}

    statement = {"Action": "sqs:*", "Resource": "arn:aws:sqs"}
    denied = decide(**layers({**statement, "Effect": "Deny"}))
    assert denied.effect == "ExplicitDeny"
    text = (
        "AWS completes the incomplete ARN 'arn:aws:sqs' in identity policies only, so the Deny is treated as matching"
    )
    assert text in str(denied)
    assert decide(
        "sns:Publish", f"arn:aws:sns:eu-west-1:{ACCOUNT}:t", **layers({**statement, "Effect": "Deny"})
    ).allowed
    if layer != "rcps":  # an RCP never has to allow
        assert not decide(**layers({**statement, "Effect": "Allow"})).allowed
        assert decide(**layers({**statement, "Effect": "Allow", "Resource": "arn:aws:sqs:*"})).allowed


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html: statements must include
# either a Resource or a NotResource element.
@pytest.mark.parametrize("layer", ["identity", "resource"])
def test_a_statement_without_resource_fails_closed(layer: str) -> None:
    def policies(effect: str, *more: dict[str, Any]) -> dict[str, Any]:
        named = {"Principal": "*"} if layer == "resource" else {}
        statements = document({"Effect": effect, "Action": "sqs:*", **named}, *more)
        return {layer: statements if layer == "resource" else [statements]}

    allowed = decide(**policies("Allow"))
    assert allowed.effect == "ImplicitDeny"
    assert "the statement has no Resource, so the Allow is treated as not matching" in str(allowed)
    denied = decide(**policies("Deny", {**EVERYTHING, "Principal": "*"} if layer == "resource" else EVERYTHING))
    assert denied.effect == "ExplicitDeny"
    assert "the statement has no Resource, so the Deny is treated as matching" in str(denied)


# https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/R"),
        ("ecr:BatchGetImage", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/app"),
    ],
)
def test_trust_policies_and_policies_of_repositories_have_no_resource(action: str, resource: str) -> None:
    policy = document({"Effect": "Allow", "Action": action, "Principal": {"AWS": USER}})
    assert decide(action, resource, resource=policy).allowed


@pytest.mark.parametrize(
    "text", ["${" * 10_000, "${" + " " * 20_000, "${a," * 5_000, "${a,'" * 5_000, "${a, 'b'" * 4_000]
)
def test_policy_variables_are_found_in_linear_time(text: str) -> None:
    start = time.process_time()
    parse_template(text, "2012-10-17")
    assert time.process_time() - start < 0.5
