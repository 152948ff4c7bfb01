"""assume_role: parameters, role chaining, session settings, errors and retries."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.configloader
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from xacct.arn import Arn
from xacct.errors import (
    AssumeRoleDenied,
    AwsError,
    InvalidCredentials,
    InvalidValue,
    MfaRejected,
    PackedPolicyTooLarge,
    RegionDisabled,
    SessionExpired,
)
from xacct.session.assume import assume_role
from xacct.testing import Sandbox

ROLE = "arn:aws:iam::111111111111:role/Reader"
IDENTITY_CENTER = "arn:aws:iam::aws:contextProvider/IdentityCenter"
NEXT = "arn:aws:iam::333333333333:role/Auditor"


def test_the_session_acts_as_the_role_against_moto() -> None:
    with mock_aws():
        base = boto3.Session("AKIAALICE", "alices-secret", region_name="eu-west-1")
        session = assume_role(base, ROLE, session_name="nightly")
        assert type(session) is boto3.Session
        who = session.client("sts").get_caller_identity()["Arn"]
        assert who == "arn:aws:sts::111111111111:assumed-role/Reader/nightly"
        session.resource("s3").create_bucket(
            Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        assert [b["Name"] for b in session.client("s3").list_buckets()["Buckets"]] == ["reports"]
        session.client("s3").upload_fileobj  # noqa: B018 - boto3 added its own methods to the client, once


@pytest.mark.parametrize(
    "limits",
    [
        {"policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}},
        {"policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}},
        {"policy_arns": ["arn:aws:iam::aws:policy/AWSDenyAll"]},
    ],
)
def test_a_session_policy_limits_what_the_session_may_do(limits: Any) -> None:
    with Sandbox(["111111111111", "222222222222"]) as aws:
        iam = aws.account("111111111111").session.client("iam")
        trust = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"}
        iam.create_role(
            RoleName="Reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
        )
        iam.attach_role_policy(RoleName="Reader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
        base = aws.account("222222222222").session
        assert assume_role(base, ROLE).client("s3").list_buckets()["Buckets"] == []
        with pytest.raises(ClientError, match="AccessDenied"):
            assume_role(base, ROLE, **limits).client("s3").list_buckets()


def test_a_role_can_be_a_string_or_an_arn(base: boto3.Session, sts: Any) -> None:
    assume_role(base, ROLE)
    assume_role(base, Arn.parse(ROLE))
    assert [call["RoleArn"] for call in sts.assumed] == [ROLE, ROLE]


def test_the_callers_name_is_the_default_session_name(base: boto3.Session, sts: Any) -> None:
    assume_role(base, ROLE)
    assert [call["Action"] for call in sts.calls] == ["GetCallerIdentity", "AssumeRole"]
    assert sts.assumed[0]["RoleSessionName"] == "alice"


def test_with_a_session_name_the_callers_name_is_not_read(base: boto3.Session, sts: Any) -> None:
    assume_role(base, ROLE, session_name="nightly")
    assert len(sts.calls) == 1


class TestNameFromSourceIdentity:
    def test_is_the_source_identity_of_the_call(self, base: boto3.Session, sts: Any) -> None:
        assume_role(base, [ROLE, NEXT], source_identity="bob@example.com", name_from_source_identity=True)
        assert [call["RoleSessionName"] for call in sts.assumed] == ["bob@example.com"] * 2
        assert len(sts.calls) == 2

    def test_is_that_of_the_base_in_a_chain(self, base: boto3.Session, sts: Any) -> None:
        first = assume_role(base, ROLE, session_name="nightly", source_identity="bob")
        second = assume_role(first, NEXT)
        assume_role(second, NEXT, name_from_source_identity=True)
        assert [call["RoleSessionName"] for call in sts.assumed] == ["nightly", "nightly", "bob"]
        assert "SourceIdentity" not in sts.assumed[2]

    def test_is_its_first_64_characters(self, base: boto3.Session, sts: Any) -> None:
        assume_role(base, ROLE, source_identity="b" * 65, name_from_source_identity=True)
        assert sts.assumed[0]["RoleSessionName"] == "b" * 64

    @pytest.mark.parametrize("arguments", [{}, {"session_name": "nightly", "source_identity": "bob"}])
    def test_is_rejected_without_one_or_with_another_name(
        self, base: boto3.Session, sts: Any, arguments: dict[str, str]
    ) -> None:
        with pytest.raises(InvalidValue, match="name_from_source_identity"):
            assume_role(base, ROLE, name_from_source_identity=True, **arguments)  # type: ignore[arg-type]
        assert sts.calls == []


def test_all_arguments_are_sent_to_sts(base: boto3.Session, sts: Any) -> None:
    assume_role(
        base,
        ROLE,
        session_name="nightly",
        external_id="42",
        duration=900,
        policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        tags={"Team": "Blue"},
        transitive_tag_keys=["Team"],
        source_identity="bob",
    )
    sent = sts.assumed[0]
    assert sent["ExternalId"] == "42"
    assert sent["DurationSeconds"] == "900"
    assert sent["PolicyArns.member.1.arn"] == "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert (sent["Tags.member.1.Key"], sent["Tags.member.1.Value"]) == ("Team", "Blue")
    assert sent["TransitiveTagKeys.member.1"] == "Team"
    assert sent["SourceIdentity"] == "bob"


def test_a_duration_can_be_a_timedelta(base: boto3.Session, sts: Any) -> None:
    assume_role(base, ROLE, duration=timedelta(hours=2))
    assert sts.assumed[0]["DurationSeconds"] == "7200"
    with pytest.raises(InvalidValue, match="duration: 60 is not valid"):
        assume_role(base, ROLE, duration=timedelta(minutes=1))


def test_trusted_context_assertions_are_sent(base: boto3.Session, sts: Any) -> None:
    assume_role(base, ROLE, provided_contexts={IDENTITY_CENTER: "signed-assertion"})
    sent = sts.assumed[0]
    assert sent["ProvidedContexts.member.1.ProviderArn"] == IDENTITY_CENTER
    assert sent["ProvidedContexts.member.1.ContextAssertion"] == "signed-assertion"


@pytest.mark.parametrize(
    "contexts",
    [
        {"IdentityCenter": "signed-assertion"},
        {"arn:aws:iam::111111111111:role/Reader": "signed-assertion"},
        {"arn:aws:iam::aws:contextProvider/IdentityCenter": "sig"},
        {"arn:aws:iam::aws:contextProvider/IdentityCenter": "signed assertion"},
        {f"arn:aws:iam::aws:contextProvider/Center{n}": "signed-assertion" for n in range(6)},
    ],
)
def test_invalid_context_assertions_are_rejected_and_not_shown(
    base: boto3.Session, sts: Any, contexts: dict[str, str]
) -> None:
    with pytest.raises(InvalidValue, match="provided_contexts") as caught:
        assume_role(base, ROLE, provided_contexts=contexts)
    assert "signed" not in str(caught.value)
    assert sts.calls == []


def test_without_validate_nothing_is_called_before_the_first_use(base: boto3.Session, sts: Any) -> None:
    session = assume_role(base, ROLE, validate=False)
    assert sts.calls == []
    assert session.get_credentials().access_key == "ASIA0"
    assert len(sts.assumed) == 1


def test_an_invalid_argument_is_rejected_before_any_call(base: boto3.Session, sts: Any) -> None:
    with pytest.raises(InvalidValue, match="duration"):
        assume_role(base, ROLE, duration=60, mfa_token="123456")
    assert sts.calls == []


class TestChaining:
    def test_the_next_role_is_assumed_with_the_first_roles_session(self, base: boto3.Session, sts: Any) -> None:
        first = assume_role(base, ROLE)
        second = assume_role(first, NEXT)
        assert [call["RoleArn"] for call in sts.assumed] == [ROLE, NEXT]
        assert second.get_credentials().access_key == "ASIA1"

    def test_the_callers_name_is_reused_in_the_chain_without_another_call(self, base: boto3.Session, sts: Any) -> None:
        assume_role(assume_role(base, ROLE), NEXT)
        assert [call["RoleSessionName"] for call in sts.assumed] == ["alice", "alice"]
        assert len(sts.calls) == 3

    def test_each_session_of_a_chain_renews_its_own_credentials(
        self, base: boto3.Session, sts: Any, clock: Any
    ) -> None:
        second = assume_role(assume_role(base, ROLE), NEXT)
        clock.forward(hours=2)
        assert second.get_credentials().access_key == "ASIA3"
        assert [call["RoleArn"] for call in sts.assumed] == [ROLE, NEXT, ROLE, NEXT]

    def test_a_duration_above_one_hour_is_reduced_with_a_warning(self, base: boto3.Session, sts: Any) -> None:
        first = assume_role(base, ROLE, duration=7200)
        with pytest.warns(UserWarning, match="to one hour; the duration is 3600 s instead of 7200 s") as caught:
            assume_role(first, NEXT, duration=7200)
        assert caught[0].filename == __file__
        assert [call["DurationSeconds"] for call in sts.assumed] == ["7200", "3600"]

    def test_the_duration_is_reduced_if_only_aws_detects_the_chain(self, base: boto3.Session, sts: Any) -> None:
        sts.refuse(
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )
        with pytest.warns(UserWarning, match="AWS limits role chaining"):
            assume_role(base, ROLE, duration=7200)
        assert [call["DurationSeconds"] for call in sts.assumed] == ["7200", "3600"]

    def test_a_list_of_roles_is_a_chain(self, base: boto3.Session, sts: Any) -> None:
        session = assume_role(
            base,
            [ROLE, Arn.parse(NEXT)],
            external_id="42",
            duration=900,
            source_identity="bob",
            mfa_serial="GAHT12345678",
            mfa_token="012345",
        )
        assert session.get_credentials().access_key == "ASIA1"
        first, last = sts.assumed
        assert {"SerialNumber", "TokenCode"} <= set(first)
        assert not {"ExternalId", "DurationSeconds"} & set(first)
        assert (last["ExternalId"], last["DurationSeconds"]) == ("42", "900")
        assert not {"SerialNumber", "TokenCode"} & set(last)
        assert [call["RoleSessionName"] for call in sts.assumed] == ["alice", "alice"]
        assert [call["SourceIdentity"] for call in sts.assumed] == ["bob", "bob"]

    def test_an_invalid_role_in_a_list_is_rejected_before_any_call(self, base: boto3.Session, sts: Any) -> None:
        for roles in ([], [ROLE, "Auditor"], ["Reader", NEXT]):
            with pytest.raises(InvalidValue, match="role_arn"):
                assume_role(base, roles)
        assert sts.calls == []


class TestSettings:
    def test_region_and_client_configuration_are_those_of_the_base(self, sts: Any) -> None:
        parent = botocore.session.Session()
        parent.set_default_client_config(Config(retries={"max_attempts": 7, "mode": "standard"}))
        parent.user_agent_extra = "my-tool/3"
        base = boto3.Session("AKIAALICE", "s", region_name="eu-central-1", botocore_session=parent)
        client = assume_role(base, ROLE).client("s3")
        assert client.meta.region_name == "eu-central-1"
        assert client.meta.config.retries["total_max_attempts"] == 8
        assert "my-tool/3" in client.meta.config.user_agent

    def test_the_sessions_of_a_chain_follow_a_later_change_of_the_bases_region(
        self, base: boto3.Session, sts: Any, clock: Any
    ) -> None:
        first = assume_role(base, ROLE)
        second = assume_role(first, NEXT)
        before = second.client("s3")
        base._session.set_config_variable("region", "eu-south-1")
        assert (first.region_name, second.region_name) == ("eu-south-1", "eu-south-1")
        assert second.client("s3").meta.region_name == "eu-south-1"
        assert before.meta.region_name == "eu-west-1"
        clock.forward(hours=2)
        second.get_credentials().get_frozen_credentials()
        assert sts.urls[-2:] == ["https://sts.eu-south-1.amazonaws.com/"] * 2

    def test_a_region_of_its_own_does_not_follow_the_bases(self, base: boto3.Session, sts: Any) -> None:
        session = assume_role(base, ROLE, region="eu-west-3")
        child = assume_role(session, NEXT)
        base._session.set_config_variable("region", "eu-south-1")
        assert (session.region_name, child.region_name) == ("eu-west-3", "eu-west-3")
        session._session.set_config_variable("region", "eu-north-1")
        assert (base.region_name, session.region_name, child.region_name) == ("eu-south-1", "eu-north-1", "eu-north-1")

    def test_a_region_of_the_environment_is_that_of_base_and_session(
        self, sts: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        base = boto3.Session("AKIAALICE", "s")
        session = assume_role(base, ROLE)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
        assert (base.region_name, session.region_name) == ("eu-west-3", "eu-west-3")
        base._session.set_config_variable("region", "eu-south-1")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
        assert (base.region_name, session.region_name) == ("eu-south-1", "eu-south-1")

    def test_the_region_argument_sets_the_sessions_region_and_not_that_of_sts(
        self, base: boto3.Session, sts: Any
    ) -> None:
        session = assume_role(base, ROLE, region="ap-southeast-2")
        assert session.region_name == "ap-southeast-2"
        assert sts.urls[-1] == "https://sts.eu-west-1.amazonaws.com/"
        assert base.region_name == "eu-west-1"

    def test_the_bases_profile_applies_except_for_its_credentials(
        self, sts: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = tmp_path / "config"
        config.write_text(
            "[profile dev]\nregion = eu-west-3\naws_access_key_id = AKIADEV\naws_secret_access_key = s\n"
            "use_dualstack_endpoint = true\nservices = local\n[services local]\ns3 =\n  endpoint_url = http://localhost:9\n"
        )
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        session = assume_role(boto3.Session(profile_name="dev"), ROLE)
        assert sts.urls[-1] == "https://sts.eu-west-3.api.aws/"
        assert session.profile_name == "dev"
        assert session.get_credentials().access_key == "ASIA0"
        assert session.client("s3").meta.endpoint_url == "http://localhost:9"
        assert session.client("sqs").meta.endpoint_url == "https://sqs.eu-west-3.api.aws"

    @pytest.mark.parametrize(
        ("variables", "region", "sts_host", "s3_host"),
        [
            ({}, "eu-west-1", "sts.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"),
            ({}, "ap-east-1", "sts.ap-east-1.amazonaws.com", "s3.ap-east-1.amazonaws.com"),
            ({"AWS_USE_FIPS_ENDPOINT": "true"}, "us-east-2", "sts-fips.us-east-2.amazonaws.com", "s3-fips.us-east-2"),
            ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "eu-west-1", "sts.eu-west-1.api.aws", "s3.dualstack.eu-west-1"),
            ({"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, "eu-west-1", "sts.amazonaws.com", "s3.eu-west-1.amazonaws.com"),
        ],
    )
    def test_the_bases_endpoint_settings_apply(
        self,
        sts: Any,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        region: str,
        sts_host: str,
        s3_host: str,
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        session = assume_role(boto3.Session("AKIA", "s", region_name=region), ROLE)
        assert {urlsplit(url).hostname for url in sts.urls} == {sts_host}
        assert s3_host in session.client("s3").meta.endpoint_url

    def test_a_custom_endpoint_of_sts_is_used(self, sts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://localhost:4566")
        assume_role(boto3.Session("AKIAALICE", "s", region_name="eu-west-1"), ROLE)
        assert sts.urls[-1] == "http://localhost:4566/"

    def test_credentials_in_the_environment_do_not_replace_the_roles(
        self, base: boto3.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = assume_role(base, ROLE)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        assert session.get_credentials().access_key == "ASIA0"

    def test_new_sessions_do_not_change_the_bases_search_paths(self, base: boto3.Session) -> None:
        def paths() -> list[str]:
            return list(base._session.get_component("data_loader").search_paths)

        before = paths()
        for _ in range(3):
            assume_role(base, ROLE, validate=False)
        assert paths() == before

    @pytest.mark.parametrize(
        ("partition", "region", "host"),
        [
            ("aws", None, "sts.amazonaws.com"),
            ("aws-cn", None, "sts.cn-north-1.amazonaws.com.cn"),
            ("aws-us-gov", None, "sts.us-gov-west-1.amazonaws.com"),
            ("aws-cn", "cn-northwest-1", "sts.cn-northwest-1.amazonaws.com.cn"),
        ],
    )
    def test_without_a_region_sts_of_the_roles_partition_is_called(
        self, sts: Any, partition: str, region: str | None, host: str
    ) -> None:
        base = boto3.Session("AKIAALICE", "s")
        assume_role(base, f"arn:{partition}:iam::111111111111:role/Reader", session_name="nightly", region=region)
        assert sts.urls == [f"https://{host}/"]

    @pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", ""])
    def test_a_region_of_another_partition_is_rejected(self, base: boto3.Session, region: str) -> None:
        with pytest.raises(InvalidValue, match=r"region: .*a region of aws, the role's partition"):
            assume_role(base, ROLE, region=region)

    def test_a_role_in_another_partition_is_rejected(self, base: boto3.Session) -> None:
        with pytest.raises(InvalidValue, match=r"role_arn: .*cannot be assumed from another partition"):
            assume_role(base, "arn:aws-cn:iam::111111111111:role/Reader")


class TestErrors:
    def test_a_denial_lists_possible_causes_and_what_was_sent(self, base: boto3.Session, sts: Any) -> None:
        sts.deny()
        with pytest.raises(AssumeRoleDenied) as caught:
            assume_role(base, ROLE, external_id="42", tags={"Team": "Blue"})
        message = str(caught.value)
        assert "its trust policy does not trust the caller" in message
        assert "an external ID, session tags" in message
        assert "is not authorized to perform: sts:AssumeRole" in message
        assert (caught.value.account, caught.value.code) == ("111111111111", "AccessDenied")

    @pytest.mark.parametrize(
        ("status", "code", "message", "kind"),
        [
            (403, "ExpiredToken", "The security token included in the request is expired", SessionExpired),
            (403, "RegionDisabledException", "STS is not activated in this region for account:1", RegionDisabled),
            (
                403,
                "AccessDenied",
                "MultiFactorAuthentication failed with invalid MFA one time pass code.",
                MfaRejected,
            ),
            (403, "InvalidClientTokenId", "The security token included in the request is invalid.", InvalidCredentials),
            (400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration", AwsError),
        ],
    )
    def test_each_error_code_has_its_own_exception_type(
        self, base: boto3.Session, sts: Any, status: int, code: str, message: str, kind: type[AwsError]
    ) -> None:
        sts.refuse(status, code, message)
        with pytest.raises(AwsError) as caught:
            assume_role(base, ROLE)
        assert type(caught.value) is kind
        assert caught.value.code == code
        assert message in str(caught.value)

    @pytest.mark.parametrize(
        ("message", "percent"),
        [("Packed policy consumes 113% of allotted space, please use smaller policy.", 113), ("Too large", None)],
    )
    def test_a_policy_that_is_too_large_reports_its_size_in_percent(
        self, base: boto3.Session, sts: Any, message: str, percent: int | None
    ) -> None:
        sts.refuse(400, "PackedPolicyTooLarge", message)
        with pytest.raises(PackedPolicyTooLarge) as caught:
            assume_role(base, ROLE)
        assert caught.value.percent == percent

    def test_without_validate_the_denial_is_raised_at_first_use(self, base: boto3.Session, sts: Any) -> None:
        sts.deny()
        session = assume_role(base, ROLE, validate=False)
        with pytest.raises(AssumeRoleDenied):
            session.client("s3").list_buckets()

    def test_an_expired_sign_in_to_identity_center_is_reported(
        self, sts: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = tmp_path / "config"
        config.write_text(
            "[default]\nregion = eu-west-1\nsso_session = corp\nsso_account_id = 222222222222\nsso_role_name = Dev\n"
            "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n"
        )
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(SessionExpired, match="Run aws sso login"):
            assume_role(boto3.Session(), ROLE)
        assert sts.calls == []


class TestWaiting:
    @pytest.fixture(autouse=True)
    def do_not_sleep(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        slept: list[float] = []
        monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
        return slept

    def test_a_denial_of_a_new_role_is_retried(self, base: boto3.Session, sts: Any) -> None:
        for _ in range(3):
            sts.deny()
        assume_role(base, ROLE, wait=60)
        assert len(sts.assumed) == 4

    def test_an_unknown_access_key_is_retried(self, base: boto3.Session, sts: Any) -> None:
        sts.refuse(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        assume_role(base, ROLE, wait=60)
        assert len(sts.assumed) == 2

    def test_the_denial_is_raised_after_the_wait(self, base: boto3.Session, sts: Any) -> None:
        for _ in range(10_000):
            sts.deny()
        with pytest.raises(AssumeRoleDenied):
            assume_role(base, ROLE, wait=0.05)
        assert len(sts.assumed) > 1

    def test_permanent_errors_are_not_retried(self, base: boto3.Session, sts: Any) -> None:
        sts.deny(f" on resource: {ROLE} with an explicit deny in an identity-based policy")
        with pytest.raises(AssumeRoleDenied):
            assume_role(base, ROLE, wait=60)
        sts.refuse(403, "ExpiredToken", "The security token included in the request is expired")
        with pytest.raises(SessionExpired):
            assume_role(base, ROLE, wait=60)
        assert len(sts.assumed) == 2

    @pytest.mark.parametrize("wait", [-1, float("inf"), float("nan")])
    def test_an_invalid_wait_is_rejected(self, base: boto3.Session, wait: float) -> None:
        with pytest.raises(InvalidValue, match="wait"):
            assume_role(base, ROLE, wait=wait)


def test_a_call_is_repeated_once_after_the_time_that_botocore_chose(
    base: boto3.Session, sts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    client = assume_role(base, ROLE).client("sts")
    client.meta.events.register_first("needs-retry.sts", lambda attempts, **_: 7 if attempts == 1 else None)
    before = len(sts.calls)
    client.get_caller_identity()
    assert (len(sts.calls) - before, sum(slept)) == (2, 7)


def test_roles_of_the_same_base_share_one_sts_client(base: boto3.Session, sts: Any) -> None:
    first, second = assume_role(base, ROLE), assume_role(base, NEXT, region="us-west-2")
    assert first.get_credentials()._sts() is second.get_credentials()._sts()


def test_the_configuration_file_is_parsed_once_for_all_roles_of_a_base(
    sts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile development]\nregion = us-west-2\nmax_attempts = 7\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    parsed: list[str] = []
    load = botocore.configloader.load_config
    monkeypatch.setattr(botocore.configloader, "load_config", lambda path: parsed.append(path) or load(path))
    base = boto3.Session("AKIAALICE", "alices-secret", profile_name="development")
    clients = [assume_role(base, role).client("sts") for role in (ROLE, NEXT)]
    assert [client.meta.config.retries["total_max_attempts"] for client in clients] == [7, 7]
    assert [client.meta.region_name for client in clients] == ["us-west-2", "us-west-2"]
    assert parsed == [str(config)]


def test_sixteen_threads_can_assume_roles_with_one_session(base: boto3.Session, sts: Any) -> None:
    with ThreadPoolExecutor(16) as pool:
        sessions = list(pool.map(lambda n: assume_role(base, f"{ROLE}{n}", session_name="nightly"), range(16)))
    assert {call["RoleArn"] for call in sts.assumed} == {f"{ROLE}{n}" for n in range(16)}
    assert len({session.get_credentials().access_key for session in sessions}) == 16
