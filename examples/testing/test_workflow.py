"""Tests of a workflow of GitHub Actions: its token opens a role, and from there a role of another account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from xacct import AwsError, assume_role, assume_role_with_web_identity

if TYPE_CHECKING:
    from xacct.testing import Issuer, Sandbox

PRODUCTION, TOOLS = "111111111111", "222222222222"
GITHUB = "token.actions.githubusercontent.com"
MAIN = "repo:octo/app:ref:refs/heads/main"
DEPLOYMENT = f"arn:aws:iam::{TOOLS}:role/GitHubActions"
TARGET = f"arn:aws:iam::{PRODUCTION}:role/Deployment"


@pytest.fixture
def github(xacct_sandbox: Sandbox) -> Issuer:
    """Create the roles of both accounts, and return the issuer of GitHub's tokens."""
    issuer = xacct_sandbox.oidc_provider(f"https://{GITHUB}", account=TOOLS)
    workflow = {"StringEquals": {f"{GITHUB}:sub": MAIN, f"{GITHUB}:aud": "sts.amazonaws.com"}}
    create_role(
        xacct_sandbox,
        DEPLOYMENT,
        trust={
            "Principal": {"Federated": issuer.provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": workflow,
        },
        permission={"Action": "sts:AssumeRole", "Resource": TARGET},
    )
    create_role(
        xacct_sandbox,
        TARGET,
        trust={"Principal": {"AWS": DEPLOYMENT}, "Action": "sts:AssumeRole"},
        permission={"Action": "s3:ListAllMyBuckets", "Resource": "*"},
    )
    return issuer


def create_role(aws: Sandbox, arn: str, *, trust: dict[str, object], permission: dict[str, object]) -> None:
    """Create a role with a trust policy and an identity policy of one statement each."""
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    iam = aws.account(account).session.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName=name, PolicyName="permission", PolicyDocument=document(permission))


def document(statement: dict[str, object]) -> str:
    """Return a policy that allows what a statement describes."""
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", **statement}})


def deploy(token: str) -> boto3.Session:
    """Enter production as a workflow does: by way of the role of the tools account."""
    tools = assume_role_with_web_identity(DEPLOYMENT, token, region="eu-central-1")
    return assume_role(tools, TARGET)


def test_the_main_branch_enters_production(github: Issuer) -> None:
    production = deploy(github.token(sub=MAIN))
    assert production.client("sts").get_caller_identity()["Account"] == PRODUCTION
    assert production.client("s3").list_buckets()["Buckets"] == []


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sub": "repo:octo/app:pull_request"}, "AccessDenied"),
        ({"sub": "repo:fork/app:ref:refs/heads/main"}, "AccessDenied"),
        ({"sub": MAIN, "aud": "https://github.com/octo"}, "InvalidIdentityToken"),
        ({"sub": MAIN, "exp": 1_700_000_000}, "ExpiredTokenException"),
    ],
    ids=["pull request", "fork", "audience", "expired"],
)
def test_no_other_token_enters(github: Issuer, claims: dict[str, Any], code: str) -> None:
    with pytest.raises(AwsError) as refused:
        deploy(github.token(**claims))
    assert refused.value.code == code
