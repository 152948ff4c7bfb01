"""AssumeRoleWithWebIdentity in the sandbox: the trust policy, the token and the provider are checked as AWS does."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from xacct.errors import InvalidValue

from .conftest import DEV, PROD, REGION, Two, document, refusal

GITHUB = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::{PROD}:oidc-provider/{GITHUB}"
ROLE = f"arn:aws:iam::{PROD}:role/Deploy"
MAIN = "repo:octo/app:ref:refs/heads/main"
TRUST = {
    "Effect": "Allow",
    "Principal": {"Federated": PROVIDER},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {f"{GITHUB}:sub": MAIN, f"{GITHUB}:aud": "sts.amazonaws.com"}},
}
DENIED = "403 AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"


@pytest.fixture
def sts(two: Two) -> Any:
    iam = two.prod.client("iam")
    iam.create_open_id_connect_provider(
        Url=f"https://{GITHUB}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
    )
    iam.create_role(RoleName="Deploy", AssumeRolePolicyDocument=document(TRUST))
    return boto3.Session(region_name=REGION).client("sts", config=Config(signature_version=UNSIGNED))


def call(sts: Any, token: str, **options: Any) -> Any:
    return sts.assume_role_with_web_identity(
        **{"RoleArn": ROLE, "RoleSessionName": "deploy", "WebIdentityToken": token, **options}
    )


def refused(sts: Any, token: str, **options: Any) -> str:
    return refusal(lambda: call(sts, token, **options))


def test_a_token_of_a_trusted_subject_opens_a_role_session(two: Two, sts: Any) -> None:
    answer = call(sts, two.aws.web_identity_token(PROD, GITHUB, {"sub": MAIN}))
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{PROD}:assumed-role/Deploy/deploy"
    assert (answer["SubjectFromWebIdentityToken"], answer["Audience"]) == (MAIN, "sts.amazonaws.com")
    assert answer["Provider"] == PROVIDER
    keys = answer["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    assert session.client("sts").get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert [c.caller for c in two.aws.calls if c.operation == "AssumeRoleWithWebIdentity"] == [PROVIDER]


def test_the_trust_policy_is_enforced(two: Two, sts: Any) -> None:
    assert refused(sts, two.aws.web_identity_token(PROD, GITHUB, {"sub": "repo:octo/app:pull_request"})) == DENIED
    right = two.aws.web_identity_token(PROD, GITHUB, {"sub": MAIN})
    assert refused(sts, right, RoleArn=f"{ROLE}Er") == DENIED
    assert refused(sts, right, RoleArn=f"arn:aws:iam::333333333333:role/{ROLE}").startswith("403 AccessDenied")


def test_session_tags_and_a_source_identity_need_permission(two: Two, sts: Any) -> None:
    tags: dict[str, object] = {
        "https://aws.amazon.com/tags": {"principal_tags": {"Team": ["Blue"]}, "transitive_tag_keys": ["Team"]},
        "https://aws.amazon.com/source_identity": "bob",
    }
    token = two.aws.web_identity_token(PROD, GITHUB, {"sub": MAIN, **tags})
    assert refused(sts, token) == "403 AccessDenied: Not authorized to perform sts:TagSession"
    allowed = {**TRUST, "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]}
    two.prod.client("iam").update_assume_role_policy(RoleName="Deploy", PolicyDocument=document(allowed))
    keys = call(sts, token)["Credentials"]
    session = two.aws._credentials.valid_session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert session is not None
    assert (session.tags, session.transitive, session.source_identity) == ({"Team": "Blue"}, {"Team"}, "bob")


def test_the_token_must_be_one_of_the_sandbox(two: Two, sts: Any) -> None:
    assert refused(sts, "no-token").startswith("400 InvalidIdentityToken: The ID Token provided is not a valid JWT")
    forged = f"{two.aws.web_identity_token(PROD, GITHUB, {'sub': MAIN})}x"
    assert refused(sts, forged).startswith("400 InvalidIdentityToken: Couldn't retrieve verification key")


def test_the_token_expires(two: Two, sts: Any) -> None:
    token = two.aws.web_identity_token(PROD, GITHUB, {"sub": MAIN}, duration=300)
    call(sts, token)
    two.aws.clock.advance(301)
    assert refused(sts, token).startswith("400 ExpiredTokenException: Token expired: current date/time")


def test_the_accounts_iam_must_have_the_provider_with_the_audience(two: Two, sts: Any) -> None:
    other = two.aws.web_identity_token(PROD, GITHUB, {"sub": MAIN, "aud": "https://example.com"})
    assert refused(sts, other) == "400 InvalidIdentityToken: Incorrect token audience"
    several = two.aws.web_identity_token(PROD, GITHUB, {"sub": MAIN, "aud": ["sts.amazonaws.com"]})
    call(sts, several)
    unknown = two.aws.web_identity_token(PROD, "gitlab.com", {"sub": MAIN})
    text = "400 InvalidIdentityToken: No OpenIDConnect provider found in your account for https://gitlab.com"
    assert refused(sts, unknown) == text


def test_durations_and_names_are_checked_as_in_assume_role(two: Two, sts: Any) -> None:
    token = two.aws.web_identity_token(PROD, GITHUB, {"sub": MAIN})
    assert "MaxSessionDuration" in refused(sts, token, DurationSeconds=7200)
    assert "roleSessionName" in refused(sts, token, RoleSessionName="a b")


def test_the_server_takes_unsigned_calls(two: Two, sts: Any) -> None:
    with two.aws.serve() as server:
        client = boto3.Session(region_name=REGION).client(
            "sts", endpoint_url=server.url, config=Config(signature_version=UNSIGNED)
        )
        assert "Credentials" in call(client, two.aws.web_identity_token(PROD, GITHUB, {"sub": MAIN}))


def test_a_token_needs_an_account_of_the_sandbox_and_a_provider(two: Two) -> None:
    with pytest.raises(InvalidValue, match="account"):
        two.aws.web_identity_token("333333333333", GITHUB)
    with pytest.raises(InvalidValue, match="provider"):
        two.aws.web_identity_token(DEV, f"arn:aws:iam::{DEV}:saml-provider/Okta")
