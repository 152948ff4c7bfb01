"""Errors of denied calls, and their explanations."""

from __future__ import annotations

import boto3
import pytest

from .conftest import DEV, PROD, REGION, Two, create_role, refusal, trusting

GITHUB = "token.actions.githubusercontent.com"


@pytest.mark.parametrize("role", ["Reader", "Missing"])
def test_a_denied_web_identity_is_not_advised_to_trust_everybody(two: Two, role: str) -> None:
    two.prod.client("iam").create_open_id_connect_provider(
        Url=f"https://{GITHUB}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )
    create_role(two, trusting(DEV))
    said = refusal(
        boto3.client("sts", region_name=REGION).assume_role_with_web_identity,
        RoleArn=f"arn:aws:iam::{PROD}:role/{role}",
        RoleSessionName="workflow",
        WebIdentityToken=two.aws.web_identity_token(PROD, GITHUB),
    )
    assert said == "403 AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"
    call = two.aws.calls[-1]
    assert call.caller == f"arn:aws:iam::{PROD}:oidc-provider/{GITHUB}"
    assert "*" not in str(call)
