"""assume_role_with_web_identity, against the sandbox."""

from __future__ import annotations

import json
import logging
import pickle
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions as botocore_errors
import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given, strategies as st

from xacct.access_denied import explain
from xacct.arn import Arn
from xacct.errors import AssumeRoleDenied, AwsError, InvalidCredentials, InvalidValue, SessionExpired
from xacct.session.assume import assume_role
from xacct.session.console import console_url
from xacct.session.export import credential_process
from xacct.session.web_identity import _claims_of, _request_of, assume_role_with_web_identity
from xacct.testing import Sandbox
from xacct.testing.error_responses import Refused

PROD = "111111111111"
GITHUB = "token.actions.githubusercontent.com"
ROLE = f"arn:aws:iam::{PROD}:role/Deploy"
NEXT = f"arn:aws:iam::{PROD}:role/Auditor"
MAIN = "repo:octo/app:ref:refs/heads/main"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture
def aws() -> Iterator[Sandbox]:
    with Sandbox([PROD]) as aws:
        iam = aws.account(PROD).session.client("iam")
        iam.create_open_id_connect_provider(
            Url=f"https://{GITHUB}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
        )
        federated = {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{PROD}:oidc-provider/{GITHUB}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringLike": {f"{GITHUB}:sub": "repo:octo/app:*"}},
        }
        account = {"Effect": "Allow", "Principal": {"AWS": PROD}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="Deploy", AssumeRolePolicyDocument=document(federated), MaxSessionDuration=43_200)
        iam.create_role(RoleName="Auditor", AssumeRolePolicyDocument=document(account))
        allowed = {"Effect": "Allow", "Action": ["sts:AssumeRole", "s3:ListAllMyBuckets"], "Resource": "*"}
        iam.put_role_policy(RoleName="Deploy", PolicyName="deploy", PolicyDocument=document(allowed))
        yield aws


class Tokens:
    """A source of new tokens that counts them."""

    def __init__(self, aws: Sandbox, **claims: object) -> None:
        self.aws, self.claims, self.given = aws, {"sub": MAIN, **claims}, 0

    def __call__(self) -> str:
        self.given += 1
        return self.aws.web_identity_token(PROD, GITHUB, self.claims, duration=300)


@pytest.fixture
def tokens(aws: Sandbox) -> Tokens:
    return Tokens(aws)


@pytest.fixture
def region(aws: Sandbox) -> dict[str, Any]:
    return {"region": aws.region}


def caller(session: boto3.Session) -> str:
    return session.client("sts").get_caller_identity()["Arn"]


def assumed(aws: Sandbox) -> int:
    return sum(call.operation == "AssumeRoleWithWebIdentity" for call in aws.calls)


def test_the_session_acts_as_the_role_and_is_named_after_the_tokens_subject(
    aws: Sandbox, tokens: Tokens, region: Any
) -> None:
    session = assume_role_with_web_identity(ROLE, tokens(), **region)
    assert type(session) is boto3.Session
    assert caller(session) == f"arn:aws:sts::{PROD}:assumed-role/Deploy/repo-octo-app-ref-refs-heads-main"
    assert session.client("s3").list_buckets()["Buckets"] == []


def test_no_credentials_are_looked_up(aws: Sandbox, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        pytest.fail("credentials were looked up")

    monkeypatch.setattr("botocore.credentials.CredentialResolver.load_credentials", fail)
    session = assume_role_with_web_identity(ROLE, tokens, base=boto3.Session(region_name=aws.region))
    assert caller(session).endswith("/repo-octo-app-ref-refs-heads-main")


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("system:serviceaccount:default:reader", "system-serviceaccount-default-reader"),
        ("repo:octo/app:environment:" + "x" * 60, "ent-" + "x" * 60),
        ("x", "web-identity"),
        (7, "web-identity"),
    ],
)
def test_the_subject_becomes_a_valid_session_name(aws: Sandbox, region: Any, subject: Any, name: str) -> None:
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{PROD}:oidc-provider/{GITHUB}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    iam = aws.account(PROD).session.client("iam")
    iam.update_assume_role_policy(RoleName="Deploy", PolicyDocument=document(trust))
    session = assume_role_with_web_identity(ROLE, Tokens(aws, sub=subject)(), **region)
    assert caller(session).rpartition("/")[2] == name


def test_the_arguments_are_sent(aws: Sandbox, tokens: Tokens, region: Any) -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}
    session = assume_role_with_web_identity(
        ROLE, tokens, session_name="deploy", duration=timedelta(hours=2), policy=policy, **region
    )
    assert caller(session).endswith("/deploy")
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("s3").list_buckets()
    aws.clock.advance(7000)
    caller(session)


class TestToken:
    def test_can_be_a_file_that_is_read_for_each_renewal(
        self, aws: Sandbox, tokens: Tokens, region: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "token"
        file.write_text(f"{tokens()}\n")
        monkeypatch.setattr("xacct.session.credentials._now", aws.clock.now)
        session = assume_role_with_web_identity(ROLE, file, **region)
        aws.clock.advance(4000)
        file.write_text(tokens())
        assert ":assumed-role/Deploy/" in caller(session)
        assert assumed(aws) == 2

    def test_of_a_callable_is_new_for_each_renewal(
        self, aws: Sandbox, tokens: Tokens, region: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("xacct.session.credentials._now", aws.clock.now)
        session = assume_role_with_web_identity(ROLE, tokens, **region)
        for _ in range(3):
            caller(session)
        aws.clock.advance(4000)
        caller(session)
        assert (tokens.given, assumed(aws)) == (2, 2)

    def test_that_has_expired_is_reported(
        self, aws: Sandbox, tokens: Tokens, region: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("xacct.session.credentials._now", aws.clock.now)
        session = assume_role_with_web_identity(ROLE, tokens(), **region)
        aws.clock.advance(4000)
        with pytest.raises(SessionExpired, match="Get a new one from the identity provider") as caught:
            caller(session)
        assert (caught.value.account, caught.value.code) == (PROD, "ExpiredTokenException")

    @pytest.mark.parametrize("token", ["", "abc", "x" * 20_001, b"abcd", None, 7])
    def test_of_another_form_is_rejected_and_not_shown(self, aws: Sandbox, region: Any, token: Any) -> None:
        with pytest.raises(InvalidValue, match="token") as caught:
            assume_role_with_web_identity(ROLE, token, **region)
        assert "xxxx" not in str(caught.value)
        with pytest.raises(InvalidValue, match="token"):
            assume_role_with_web_identity(ROLE, lambda: token, **region)
        assert assumed(aws) == 0

    def test_in_a_file_that_is_missing_is_reported(self, region: Any, tmp_path: Path) -> None:
        with pytest.raises(InvalidCredentials, match=r"reading the token in .*token failed: No such file"):
            assume_role_with_web_identity(ROLE, tmp_path / "token", **region)

    def test_is_in_no_log_of_xacct_and_no_error(
        self, aws: Sandbox, tokens: Tokens, region: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "xacct")
        token = tokens()
        session = assume_role_with_web_identity(ROLE, token, **region)
        shown = repr(session) + repr(session.get_credentials()) + caplog.text
        with pytest.raises(AwsError) as caught:
            assume_role_with_web_identity(ROLE, f"{token}x", **region)
        assert token not in shown + repr(caught.value) + repr(caught.value.__cause__)


class TestErrors:
    def test_a_denial_says_how_to_compare_the_claims(self, aws: Sandbox, region: Any) -> None:
        with pytest.raises(AssumeRoleDenied, match=r"Call xacct\.explain\(error, session\)") as caught:
            assume_role_with_web_identity(ROLE, Tokens(aws, sub="repo:other/app:ref:refs/heads/main"), **region)
        assert (caught.value.role_arn, caught.value.account, caught.value.code) == (ROLE, PROD, "AccessDenied")
        copy = pickle.loads(pickle.dumps(caught.value))
        assert vars(copy) == vars(caught.value)

    def test_a_denial_has_the_provider_and_the_claims_and_not_the_token(self, aws: Sandbox, region: Any) -> None:
        tags = {"principal_tags": {"team": ["blue"]}}
        token = Tokens(aws, sub="repo:other/app", amr=["mfa", "otp"], **{"https://aws.amazon.com/tags": tags})()
        with pytest.raises(AssumeRoleDenied) as caught:
            assume_role_with_web_identity(ROLE, token, session_name="deploy", **region)
        assert caught.value.provider == f"arn:aws:iam::{PROD}:oidc-provider/{GITHUB}"
        assert caught.value.context == {
            f"{GITHUB}:iss": f"https://{GITHUB}",
            f"{GITHUB}:sub": "repo:other/app",
            f"{GITHUB}:aud": "sts.amazonaws.com",
            f"{GITHUB}:amr": ("mfa", "otp"),
            "aws:requesttag/team": "blue",
            "aws:tagkeys": "team",
            "sts:RoleSessionName": "deploy",
        }
        assert token.rpartition(".")[2] not in repr(vars(caught.value))

    def test_a_denial_is_explained_with_a_session_of_the_roles_account(self, aws: Sandbox, region: Any) -> None:
        with pytest.raises(AssumeRoleDenied) as caught:
            assume_role_with_web_identity(ROLE, Tokens(aws, sub="repo:other/app")(), **region)
        explanation = explain(pickle.loads(pickle.dumps(caught.value)), aws.account(PROD).session)
        assert [(cause.kind, cause.certain, cause.given) for cause in explanation.causes] == [
            ("claim", True, ("repo:other/app",))
        ]

    def test_a_denial_of_a_provider_that_aws_knows_is_explained_too(self, aws: Sandbox, region: Any) -> None:
        google = {"Effect": "Allow", "Principal": {"Federated": "accounts.google.com"}}
        condition = {"StringEquals": {"accounts.google.com:oaud": "app"}}
        trust = {**google, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
        iam = aws.account(PROD).session.client("iam")
        iam.update_assume_role_policy(RoleName="Deploy", PolicyDocument=document(trust))
        token = aws.web_identity_token(PROD, "accounts.google.com", {"aud": "other", "azp": "app", "sub": "7"})
        with pytest.raises(AssumeRoleDenied) as caught:
            assume_role_with_web_identity(ROLE, token, **region)
        assert caught.value.provider == "accounts.google.com"
        (cause,) = explain(caught.value, aws.account(PROD).session).causes
        assert (cause.kind, cause.facts, cause.given) == ("claim", ("oaud",), ("other",))

    @pytest.mark.parametrize("token", ["no-token", "a.b.c", "a.W10.c", "a.eyJpc3MiOiAiIn0.c", "a.eyJpc3MiOiB7fX0.c"])
    def test_a_denial_of_a_token_that_is_none_names_no_provider(self, aws: Sandbox, region: Any, token: str) -> None:
        message = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
        aws.faults.add(Refused("AccessDenied", message, 403), operation="AssumeRoleWithWebIdentity")
        with pytest.raises(AssumeRoleDenied) as caught:
            assume_role_with_web_identity(ROLE, token, session_name="deploy", **region)
        assert (caught.value.provider, caught.value.context) == (None, {"sts:RoleSessionName": "deploy"})

    @given(
        st.dictionaries(
            st.sampled_from(["iss", "sub", "aud", "email", "https://aws.amazon.com/tags"]) | st.text(max_size=3),
            st.sampled_from([f"https://{GITHUB}", "accounts.google.com", "arn:aws:iam::1:role/a"])
            | st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
                lambda value: st.lists(value, max_size=3) | st.dictionaries(st.text(max_size=3), value, max_size=3),
                max_leaves=5,
            ),
        )
    )
    def test_any_claims_can_be_in_a_denial(self, claims: dict[str, Any]) -> None:
        payload = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        provider, context = _request_of(Arn.parse(ROLE), _claims_of(f"header.{payload}.signature"))
        assert provider is None or not {*context} & {"aws:resourceaccount", "aws:principalisawsservice"}
        AssumeRoleDenied("no", role_arn=ROLE, context=context, provider=provider, doing="assuming it")

    @given(st.text(max_size=40) | st.builds("a.{}.c".format, st.text(max_size=40)))
    @example(f"a.{'W1tb' * 4000}.c")  # "[[[" many times
    def test_any_text_can_be_a_token(self, token: str) -> None:
        assert isinstance(_claims_of(token), dict)

    def test_a_token_that_aws_rejects_names_the_provider(self, aws: Sandbox, region: Any) -> None:
        for token in (Tokens(aws, aud="example")(), aws.web_identity_token(PROD, "gitlab.com"), "no-token"):
            with pytest.raises(InvalidCredentials, match=r"issuer and audience as a provider") as caught:
                assume_role_with_web_identity(ROLE, token, **region)
            assert caught.value.code == "InvalidIdentityToken"

    def test_a_duration_above_the_roles_maximum_is_reported(self, aws: Sandbox, tokens: Tokens, region: Any) -> None:
        aws.account(PROD).session.client("iam").update_role(RoleName="Deploy", MaxSessionDuration=3600)
        with pytest.raises(AwsError, match="MaxSessionDuration"):
            assume_role_with_web_identity(ROLE, tokens, duration=7200, **region)

    def test_a_connection_that_fails_is_reported(self, sts: Any) -> None:
        def fail() -> None:
            raise botocore_errors.ReadTimeoutError(endpoint_url="https://sts.eu-west-1.amazonaws.com")

        sts.before_answer = fail
        with pytest.raises(AwsError, match="Check the network") as caught:
            assume_role_with_web_identity(ROLE, "any.web.token", region="eu-west-1")
        assert caught.value.ambiguous

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [({"role_arn": "Deploy"}, "role_arn"), ({"duration": 60}, "duration"), ({"region": "cn-north-1"}, "region"),
         ({"base": "production"}, "base"), ({"cache": 7}, "cache")],
    )  # fmt: skip
    def test_an_invalid_argument_is_rejected_before_any_call(
        self, aws: Sandbox, tokens: Tokens, arguments: Any, field: str
    ) -> None:
        with pytest.raises(InvalidValue, match=field):
            assume_role_with_web_identity(**{"role_arn": ROLE, "token": tokens, **arguments})
        assert (assumed(aws), tokens.given) == (0, 0)


def test_the_session_can_assume_another_role(aws: Sandbox, tokens: Tokens, region: Any) -> None:
    second = assume_role(assume_role_with_web_identity(ROLE, tokens, **region), NEXT)
    assert caller(second) == f"arn:aws:sts::{PROD}:assumed-role/Auditor/repo-octo-app-ref-refs-heads-main"


def test_other_programs_and_the_console_can_use_the_session(aws: Sandbox, tokens: Tokens, region: Any) -> None:
    session = assume_role_with_web_identity(ROLE, tokens, **region)
    assert json.loads(credential_process(session))["AccountId"] == PROD
    assert caller(aws.open_console(console_url(session, duration=7200))) == caller(session)


def test_a_cached_session_needs_no_token(aws: Sandbox, tokens: Tokens, region: Any, tmp_path: Path) -> None:
    for _ in range(2):
        session = assume_role_with_web_identity(ROLE, tokens, session_name="deploy", cache=tmp_path / "cache", **region)
        assert caller(session).endswith("/deploy")
    assert (tokens.given, assumed(aws)) == (1, 1)
