"""The errors of botocore while a role is assumed become xacct's own."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import botocore.exceptions as botocore_errors
import pytest
from botocore.credentials import CredentialResolver

from xacct.errors import AwsError, InvalidCredentials, InvalidValue, SessionExpired
from xacct.session.assume import assume_role
from xacct.session.export import credential_process, environment_variables

ROLE = "arn:aws:iam::111111111111:role/Reader"
STS = "https://sts.eu-west-1.amazonaws.com"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return file


class TestCallingSts:
    @pytest.mark.parametrize(
        ("error", "kind", "advice"),
        [
            (botocore_errors.NoCredentialsError(), InvalidCredentials, "Pass a session with a profile"),
            (
                botocore_errors.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
                InvalidCredentials,
                "Check the profile",
            ),
            (
                botocore_errors.CredentialRetrievalError(provider="sso", error_msg="no"),
                InvalidCredentials,
                "Check the profile",
            ),
            (botocore_errors.MissingDependencyException(msg="botocore[crt]"), InvalidCredentials, "botocore"),
            (botocore_errors.EndpointConnectionError(endpoint_url=STS), AwsError, "Check the network"),
            (botocore_errors.ConnectTimeoutError(endpoint_url=STS), AwsError, "Check the network"),
            (botocore_errors.ReadTimeoutError(endpoint_url=STS), AwsError, "Check the network"),
            (botocore_errors.ConnectionClosedError(endpoint_url=STS), AwsError, "Check the network"),
            (botocore_errors.ProxyConnectionError(proxy_url="http://proxy"), AwsError, "the proxy"),
            (botocore_errors.SSLError(endpoint_url=STS, error="certificate"), AwsError, "Check the network"),
            (botocore_errors.UnauthorizedSSOTokenError(), SessionExpired, "Run aws sso login"),
            (
                botocore_errors.TokenRetrievalError(provider="sso", error_msg="expired"),
                SessionExpired,
                "Run aws sso login",
            ),
            (botocore_errors.LoginRefreshRequired(), SessionExpired, "Run aws login"),
            (botocore_errors.LoginTokenLoadError(error_msg="no file"), SessionExpired, "Run aws login"),
            (botocore_errors.LoginInsufficientPermissions(), InvalidCredentials, "signin:CreateOAuth2Token"),
            (
                RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."),
                SessionExpired,
                "Sign in again",
            ),
            (botocore_errors.UnknownEndpointError(service_name="sts", region_name="x"), AwsError, "sts"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    def test_each_error_of_botocore_has_a_type_and_says_what_to_do(
        self, base: boto3.Session, sts: Any, error: Exception, kind: type[AwsError], advice: str
    ) -> None:
        sts.before_answer = Mock(side_effect=error)
        with pytest.raises(AwsError) as caught:
            assume_role(base, ROLE, session_name="nightly")
        found = caught.value
        assert type(found) is kind
        assert str(found).startswith(f"assuming {ROLE} failed: ")
        assert advice in str(found)
        assert (found.doing, found.account, found.__cause__) == (f"assuming {ROLE}", "111111111111", error)
        copy = pickle.loads(pickle.dumps(found))
        assert (type(copy), vars(copy), str(copy)) == (kind, vars(found), str(found))

    def test_an_error_of_the_network_is_ambiguous(self, base: boto3.Session, sts: Any) -> None:
        sts.before_answer = Mock(side_effect=botocore_errors.ReadTimeoutError(endpoint_url=STS))
        with pytest.raises(AwsError) as caught:
            assume_role(base, ROLE, session_name="nightly")
        assert caught.value.ambiguous

    def test_an_error_that_is_not_botocores_passes(self, base: boto3.Session, sts: Any) -> None:
        sts.before_answer = Mock(side_effect=RuntimeError("no more workers"))
        with pytest.raises(RuntimeError, match=r"^no more workers$"):
            assume_role(base, ROLE, session_name="nightly")

    def test_the_error_of_a_session_further_up_the_chain_arrives_as_itself(self, base: boto3.Session, sts: Any) -> None:
        sts.before_answer = Mock(side_effect=botocore_errors.NoCredentialsError())
        first = assume_role(base, ROLE, session_name="nightly", validate=False)
        with pytest.raises(InvalidCredentials, match=f"assuming {ROLE} failed"):
            assume_role(first, "arn:aws:iam::333333333333:role/Auditor")


class TestLoadingTheBasesCredentials:
    @pytest.mark.parametrize(
        "settings",
        [
            "aws_access_key_id = AKIA",
            f"credential_process = {sys.executable} -c exit(3)",
            f"credential_process = {sys.executable} -c \"print('sEcReT')\"",
            f"credential_process = {sys.executable} -c \"print('{{}}')\"",
            f"credential_process = {sys.executable} -c \"print(dict(Version=1, AccessKeyId='sEcReT'))\"",
            "credential_process = /no/such/program",
            "role_arn = arn:aws:iam::222222222222:role/A\nsource_profile = missing",
            "role_arn = arn:aws:iam::222222222222:role/A\ncredential_source = Nowhere",
            "login_session = arn:aws:iam::222222222222:user/alice",
        ],
    )
    @pytest.mark.usefixtures("sts")
    def test_that_fails_is_reported_with_the_profile(self, config: Path, settings: str) -> None:
        config.write_text(f"[profile development]\nregion = eu-west-1\n{settings}\n")
        with pytest.raises((InvalidCredentials, SessionExpired), match="development") as caught:
            assume_role(boto3.Session(profile_name="development"), ROLE)
        assert caught.value.doing == f"assuming {ROLE}"
        assert "sEcReT" not in repr(caught.value) + repr(caught.value.__cause__)

    def test_a_base_without_credentials_is_reported_at_once_or_at_first_use(self, config: Path, sts: Any) -> None:
        config.write_text("[profile development]\nregion = eu-west-1\n")
        base = boto3.Session(profile_name="development")
        base._session.register_component("credential_provider", CredentialResolver([]))
        with pytest.raises(InvalidCredentials, match="its credentials were not found"):
            assume_role(base, ROLE)
        session = assume_role(base, ROLE, validate=False)
        with pytest.raises(InvalidCredentials, match="its credentials were not found"):
            session.client("s3").list_buckets()
        assert sts.calls == []

    @pytest.mark.usefixtures("sts")
    def test_that_fails_is_reported_with_a_long_duration_and_while_the_mfa_device_is_looked_up(
        self, config: Path
    ) -> None:
        config.write_text("[profile development]\nregion = eu-west-1\naws_access_key_id = AKIA\n")
        for arguments in ({"duration": 7200}, {"mfa_token": "123456"}):
            with pytest.raises(InvalidCredentials, match="development"):
                assume_role(boto3.Session(profile_name="development"), ROLE, **arguments)  # type: ignore[arg-type]

    def test_without_any_is_reported(self, config: Path, sts: Any) -> None:
        config.write_text("[default]\nregion = eu-west-1\n")
        for arguments in ({}, {"session_name": "nightly"}):
            with pytest.raises(InvalidCredentials, match="credentials were not found"):
                assume_role(boto3.Session(), ROLE, **arguments)  # type: ignore[arg-type]
        assert sts.calls == []


IN_WORKER = f"""
import boto3
from xacct import assume_role
assume_role(boto3.Session(region_name="eu-west-1"), {ROLE!r}, session_name="nightly")
"""


@pytest.mark.usefixtures("config")
def test_an_error_of_assume_role_in_a_worker_process_arrives_as_itself() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as workers:
        failed = workers.submit(exec, IN_WORKER)
    with pytest.raises(InvalidCredentials, match="credentials were not found") as caught:
        failed.result(60)
    assert (caught.value.doing, caught.value.account) == (f"assuming {ROLE}", "111111111111")


@pytest.mark.parametrize("base", [None, "development", boto3.Session("AKIA", "s", region_name="eu-west-1")._session])
def test_a_base_of_another_type_is_rejected_with_what_to_pass(base: Any) -> None:
    with pytest.raises(InvalidValue, match=r"base: .* is not valid: a boto3.Session, such as boto3.Session\("):
        assume_role(base, ROLE)


@pytest.mark.parametrize("export", [credential_process, environment_variables])
@pytest.mark.parametrize("session", [None, "production"])
def test_only_a_session_can_be_exported(export: Any, session: Any) -> None:
    with pytest.raises(InvalidValue, match=r"session: .*assume_role returned"):
        export(session)
