"""AssumeRoleWithWebIdentity in the sandbox: the trust policy, the token and the provider are checked as AWS does."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from hypothesis import given, strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from xacct.errors import InvalidValue
from xacct.testing import Clock, Issuer
from xacct.testing.error_responses import Refused
from xacct.testing.issuer import signing_key
from xacct.testing.moto_state import MotoState
from xacct.testing.web_identity_tokens import WebIdentityTokens

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
UNSIGNED_HEADER = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
NO_ISSUERS = WebIdentityTokens(MotoState("aws", frozenset({PROD})), Clock())
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


def test_session_tags_of_another_form_make_a_token_invalid(two: Two, sts: Any) -> None:
    claims: dict[str, Any] = {"sub": MAIN, "https://aws.amazon.com/tags": {"principal_tags": "Team"}}
    token = two.aws.oidc_provider(f"https://{GITHUB}").token(**claims)
    assert refused(sts, token).startswith("400 InvalidIdentityToken: The ID Token provided is not a valid JWT")


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


@pytest.fixture
def github(two: Two, sts: Any) -> Issuer:
    """The issuer, whose provider the account has already."""
    return two.aws.oidc_provider(f"https://{GITHUB}")


def test_an_issuer_signs_tokens_with_any_claims(sts: Any, github: Issuer) -> None:
    token = github.token(sub=MAIN, aud="sts.amazonaws.com", actor="alice", repository_owner_id="42")
    claims = jwt.decode(token, signing_key(github.url)).claims
    assert claims["iss"] == github.url == f"https://{GITHUB}"
    assert (claims["sub"], claims["actor"], claims["repository_owner_id"]) == (MAIN, "alice", "42")
    assert claims["exp"] - claims["iat"] == 3600
    assert call(sts, token)["SubjectFromWebIdentityToken"] == MAIN


def test_oidc_provider_creates_the_provider_in_iam_once(two: Two) -> None:
    for _ in range(2):
        assert two.aws.oidc_provider(f"https://{GITHUB}", audiences=["app"]).provider_arn == PROVIDER
    iam = two.prod.client("iam")
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": PROVIDER}]
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)["ClientIDList"] == ["app"]
    other = two.aws.oidc_provider("https://oidc.eks.eu-central-1.amazonaws.com/id/ABC", account=DEV)
    assert other.provider_arn == f"arn:aws:iam::{DEV}:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
    assert two.aws.oidc_provider("https://accounts.google.com").provider_arn == "accounts.google.com"


@pytest.mark.parametrize("url", [GITHUB, "https://", f"http://{GITHUB}"])
def test_the_url_of_an_issuer_begins_with_https(two: Two, url: str) -> None:
    with pytest.raises(InvalidValue, match="the URL of an issuer"):
        two.aws.oidc_provider(url)


@pytest.mark.parametrize(
    "sub", ["repo:octo/other:ref:refs/heads/main", "repo:fork/app:ref:refs/heads/main", "repo:octo/app:pull_request"]
)
def test_another_repository_a_fork_and_a_pull_request_are_denied(sts: Any, github: Issuer, sub: str) -> None:
    assert refused(sts, github.token(sub=sub)) == DENIED


def test_the_claims_of_a_token_are_verified(two: Two, sts: Any, github: Issuer) -> None:
    assert refused(sts, github.token(sub=MAIN, aud="other")) == "400 InvalidIdentityToken: Incorrect token audience"
    unknown = "400 InvalidIdentityToken: No OpenIDConnect provider found in your account for https://gitlab.com"
    assert refused(sts, github.token(sub=MAIN, iss="https://gitlab.com")) == unknown
    gitlab = two.aws.oidc_provider("https://gitlab.com", account=DEV)
    assert refused(sts, gitlab.token(sub=MAIN)) == unknown
    expired = github.token(sub=MAIN, duration=-1)
    assert refused(sts, expired).startswith("400 ExpiredTokenException: Token expired: current date/time")
    for claims in ({"iss": 1}, {"iss": None}, {"exp": "soon"}, {"exp": None}):
        assert refused(sts, github.token(sub=MAIN, **claims)).startswith("400 InvalidIdentityToken: The ID Token")


def signed_by(key: Any, algorithm: str, **claims: object) -> str:
    standard = {"iss": f"https://{GITHUB}", "aud": "sts.amazonaws.com", "sub": MAIN, "exp": 9_999_999_999}
    return jwt.encode({"alg": algorithm, "kid": key.kid}, {**standard, **claims}, key, algorithms=[algorithm])


def test_a_signature_of_an_unknown_key_is_rejected(two: Two, sts: Any, github: Issuer) -> None:
    no_key = "400 InvalidIdentityToken: Couldn't retrieve verification key from your identity provider"
    key = signing_key(github.url)
    assert "Credentials" in call(sts, signed_by(key, "RS256"))
    same_id = RSAKey.import_key({**RSAKey.generate_key(2048).as_dict(private=True), "kid": key.kid})
    for other in (RSAKey.generate_key(2048, auto_kid=True), same_id):
        assert refused(sts, signed_by(other, "RS256")).startswith(no_key)
    header, payload, signature = github.token(sub=MAIN).split(".")
    changed = github.token(sub="repo:octo/other").split(".")[1]
    for token in (
        f"{header}.{changed}.{signature}",
        f"{header}.{payload}.",
        f"{UNSIGNED_HEADER}.{payload}.",
        signed_by(OctKey.generate_key(256, {"kid": key.kid}), "HS256"),
    ):
        assert refused(sts, token).startswith(no_key)
    two.prod.client("iam").create_open_id_connect_provider(
        Url="https://gitlab.com", ClientIDList=["sts.amazonaws.com"], ThumbprintList=[]
    )
    assert refused(sts, signed_by(key, "RS256", iss="https://gitlab.com")).startswith(no_key)


@given(st.text(max_size=30) | st.binary(max_size=30).map(lambda data: f"a.{urlsafe_b64encode(data).decode()}.c"))
def test_any_other_text_is_no_token(text: str) -> None:
    with pytest.raises(Refused, match="not a valid JWT"):
        NO_ISSUERS.verify(text, PROD)


@pytest.mark.parametrize("served", [False, True], ids=["in process", "over the server"])
def test_a_token_file_is_the_identity_of_plain_clients(
    two: Two, github: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: bool
) -> None:
    file = tmp_path / "token"
    file.write_text(github.token(sub=MAIN))
    with two.aws.serve() as server:
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(file))
        monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
        monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "workflow")
        if served:
            monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        arn = boto3.Session(region_name=REGION).client("sts").get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{PROD}:assumed-role/Deploy/workflow"
