"""The public behaviour of the sandbox: accounts, sign-in, time, MFA, recorded calls, partitions."""

from __future__ import annotations

import logging
import os
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from xacct import InvalidValue, XacctError
from xacct.testing import Sandbox

from .conftest import DEV, PROD, REGION, Two, allowing, document, trusting

ROLE = f"arn:aws:iam::{PROD}:role/Reader"


def reader(two: Two, trust: str | None = None, **options: Any) -> None:
    iam = two.prod.client("iam")
    iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trust or trusting(), **options)
    iam.put_role_policy(RoleName="Reader", PolicyName="read", PolicyDocument=allowing("s3:*"))


def code_of(call: Any, **options: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**options)
    return str(caught.value.response["Error"]["Code"])


def assumed(session: boto3.Session, **options: Any) -> boto3.Session:
    keys = session.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test", **options)["Credentials"]
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)


def test_each_account_has_an_administrator(two: Two) -> None:
    arns = [session.client("sts").get_caller_identity()["Arn"] for session in (two.prod, two.dev)]
    assert arns == [f"arn:aws:iam::{PROD}:user/Administrator", f"arn:aws:iam::{DEV}:user/Administrator"]


def test_an_unknown_account_is_refused(two: Two) -> None:
    with pytest.raises(InvalidValue, match="one of 111111111111, 222222222222"):
        two.aws.account("333333333333")


def test_there_are_no_accounts_before_the_sandbox_is_opened() -> None:
    aws = Sandbox([PROD])
    with pytest.raises(InvalidValue, match="until it is opened"):
        aws.account(PROD)


def test_a_sandbox_needs_an_account() -> None:
    with pytest.raises(InvalidValue, match="at least one account id"):
        Sandbox([])


def test_only_one_sandbox_can_be_open(two: Two) -> None:
    with pytest.raises(XacctError, match="another sandbox is open"), Sandbox([PROD]):
        pass


def test_each_sandbox_starts_empty() -> None:
    for _ in range(2):
        with Sandbox([PROD]) as aws:
            aws.account(PROD).session.client("iam").create_user(UserName="alice")


def test_credentials_of_the_environment_are_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREALREALREALREAL")
    monkeypatch.setenv("AWS_PROFILE", "real")
    with Sandbox([PROD]) as aws:
        assert boto3.Session().get_credentials() is None
        assert aws.account(PROD).session.client("sts").get_caller_identity()["Account"] == PROD
    assert os.environ["AWS_PROFILE"] == "real"


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
def test_endpoints_of_the_environment_are_never_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Sandbox([PROD]) as aws:
        assert aws.account(PROD).session.client("sts").get_caller_identity()["Account"] == PROD
    assert os.environ[name] == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("principal", "arn"),
    [
        (f"arn:aws:iam::{DEV}:user/Administrator", f"arn:aws:iam::{DEV}:user/Administrator"),
        (f"arn:aws:iam::{DEV}:root", f"arn:aws:iam::{DEV}:root"),
        (ROLE, f"arn:aws:sts::{PROD}:assumed-role/Reader/sign-in"),
    ],
)
def test_users_roles_and_root_can_sign_in(two: Two, principal: str, arn: str) -> None:
    reader(two)
    assert two.aws.sign_in(principal).client("sts").get_caller_identity()["Arn"] == arn


@pytest.mark.parametrize("principal", [f"arn:aws:iam::{DEV}:user/nobody", "arn:aws:iam::333333333333:root"])
def test_an_unknown_principal_cannot_sign_in(two: Two, principal: str) -> None:
    with pytest.raises(InvalidValue, match="the ARN of an existing user, role or root user"):
        two.aws.sign_in(principal)


def test_a_session_expires(two: Two) -> None:
    reader(two)
    session = assumed(two.dev, DurationSeconds=900)
    session.client("s3").list_buckets()
    two.aws.clock.advance(900)
    assert [code_of(session.client("s3").list_buckets), code_of(session.client("sts").get_caller_identity)] == [
        "ExpiredToken",
        "ExpiredToken",
    ]


def test_the_age_of_mfa_grows_with_the_clock(two: Two) -> None:
    reader(two, trusting(Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "600"}}))
    human = two.aws.sign_in(f"arn:aws:iam::{DEV}:user/Administrator", mfa=True)
    assumed(human)
    two.aws.clock.advance(601)
    assert code_of(human.client("sts").assume_role, RoleArn=ROLE, RoleSessionName="test") == "AccessDenied"


def test_codes_of_a_virtual_mfa_device_satisfy_a_trust_policy(two: Two) -> None:
    reader(two, trusting(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    iam = two.dev.client("iam")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    first = two.aws.mfa_code(serial)
    two.aws.clock.advance(30)
    second = two.aws.mfa_code(serial)
    iam.enable_mfa_device(
        UserName="Administrator", SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second
    )
    code = two.aws.mfa_code(serial)
    assumed(two.dev, SerialNumber=serial, TokenCode=code)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    with pytest.raises(ClientError, match="invalid MFA one time pass code"):
        assumed(two.dev, SerialNumber=serial, TokenCode=wrong)
    keys = two.dev.client("sts").get_session_token(SerialNumber=serial, TokenCode=two.aws.mfa_code(serial))[
        "Credentials"
    ]
    assumed(boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION))


def test_an_unknown_mfa_device_has_no_code(two: Two) -> None:
    with pytest.raises(InvalidValue, match="virtual MFA device"):
        two.aws.mfa_code(f"arn:aws:iam::{DEV}:mfa/none")


def test_sessions_of_a_deleted_role_stay_invalid_after_it_is_recreated(two: Two) -> None:
    reader(two)
    session = assumed(two.dev)
    iam = two.prod.client("iam")
    iam.delete_role_policy(RoleName="Reader", PolicyName="read")
    iam.delete_role(RoleName="Reader")
    reader(two)
    assert [code_of(session.client("s3").list_buckets), code_of(session.client("sts").get_caller_identity)] == [
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
    ]


def test_role_chaining_passes_on_transitive_tags_and_the_source_identity(two: Two) -> None:
    reader(two, trusting(Action=["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]))
    iam = two.prod.client("iam")
    condition = {"StringEquals": {"aws:PrincipalTag/team": "red", "sts:SourceIdentity": "alice"}}
    verbs = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    iam.create_role(RoleName="Next", AssumeRolePolicyDocument=trusting(ROLE, Action=verbs, Condition=condition))
    iam.put_role_policy(RoleName="Reader", PolicyName="assume", PolicyDocument=allowing("sts:*"))
    tags = [{"Key": "team", "Value": "red"}]
    first = assumed(two.dev, Tags=tags, TransitiveTagKeys=["team"], SourceIdentity="alice").client("sts")
    following = {"RoleArn": f"arn:aws:iam::{PROD}:role/Next", "RoleSessionName": "next"}
    assert first.assume_role(**following)["SourceIdentity"] == "alice"
    assert code_of(first.assume_role, **following, Tags=tags) == "InvalidParameterValue"
    with pytest.raises(ClientError, match="already set for this assume role session"):
        first.assume_role(**following, SourceIdentity="mallory")


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_a_presigned_url_has_its_signers_permissions(two: Two, style: Any) -> None:
    s3 = two.prod.client("s3", config=Config(s3={"addressing_style": style}, signature_version="s3v4"))
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="reports", Key="a b/ü", Body=b"42")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "reports", "Key": "a b/ü"})
    assert requests.get(url, timeout=5).content == b"42"
    tampered = requests.get(url.replace("reports", "others", 1), timeout=5)
    assert (tampered.status_code, "SignatureDoesNotMatch" in tampered.text) == (403, True)


def test_anonymous_reads_need_a_public_bucket_policy(two: Two) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="reports", Key="k", Body=b"42")
    url = f"https://reports.s3.{REGION}.amazonaws.com/k"
    assert requests.get(url, timeout=5).status_code == 403
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}
    s3.delete_public_access_block(Bucket="reports")
    s3.put_bucket_policy(Bucket="reports", Policy=document(public))
    assert requests.get(url, timeout=5).content == b"42"
    assert two.aws.calls[-1].caller == "*"


def test_calls_are_recorded_with_their_decisions(two: Two) -> None:
    reader(two, trusting(Condition={"StringEquals": {"sts:ExternalId": "acme-42"}}))
    two.aws.calls.clear()
    code_of(two.dev.client("sts").assume_role, RoleArn=ROLE, RoleSessionName="test")
    (call,) = two.aws.calls
    assert (call.service, call.operation, call.code, call.allowed) == ("sts", "AssumeRole", "AccessDenied", False)
    assert call.caller == f"arn:aws:iam::{DEV}:user/Administrator"
    assert "sts:ExternalId 'acme-42'" in str(call)
    assert "answered AccessDenied" in str(call)


def test_other_services_are_authorized_by_action_name_with_a_warning(
    two: Two, caplog: pytest.LogCaptureFixture
) -> None:
    two.prod.client("iam").create_user(UserName="alice")
    alice = two.aws.sign_in(f"arn:aws:iam::{PROD}:user/alice").client("cloudwatch")
    with caplog.at_level(logging.WARNING, "xacct.testing"):
        refused = code_of(lambda: alice.delete_alarms(AlarmNames=["a"]))
    assert refused == "AccessDenied"
    assert f"cloudwatch:DeleteAlarms is authorized by its action name on resource 'arn:aws:cloudwatch:{REGION}:" in (
        caplog.text
    )


def test_an_action_without_resource_types_and_condition_keys_is_known(
    two: Two, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "xacct.testing"):
        two.prod.client("cloudwatch").describe_alarms_for_metric(MetricName="m", Namespace="n")
    assert caplog.text == ""


def test_a_strict_sandbox_denies_other_services() -> None:
    with Sandbox([PROD], strict=True) as aws, pytest.raises(ClientError, match="is in strict mode"):
        aws.account(PROD).session.client("cloudwatch").delete_alarms(AlarmNames=["a"])


def test_requests_to_other_hosts_are_not_intercepted(two: Two) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get("http://127.0.0.1:9/", timeout=5)


def test_iam_calls_are_authorized_on_their_resource(two: Two) -> None:
    iam = two.prod.client("iam")
    provider = f"<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata' entityID='{'x' * 1000}'/>"
    reader(two)
    iam.create_instance_profile(InstanceProfileName="machine")
    iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="Reader")
    iam.remove_role_from_instance_profile(InstanceProfileName="machine", RoleName="Reader")
    iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")
    saml = iam.create_saml_provider(Name="corp", SAMLMetadataDocument=provider)["SAMLProviderArn"]
    iam.delete_saml_provider(SAMLProviderArn=saml)
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    iam.untag_role(RoleName="Reader", TagKeys=["none"])
    iam.get_account_summary()
    assert [(call.operation, call.decisions[0].request.resource) for call in two.aws.calls[-8:]] == [
        ("RemoveRoleFromInstanceProfile", f"arn:aws:iam::{PROD}:instance-profile/machine"),
        ("CreateServiceLinkedRole", f"arn:aws:iam::{PROD}:role/aws-service-role/autoscaling.amazonaws.com/*"),
        ("CreateSAMLProvider", "*"),
        ("DeleteSAMLProvider", saml),
        ("CreateVirtualMFADevice", f"arn:aws:iam::{PROD}:mfa/phone"),
        ("DeleteVirtualMFADevice", serial),
        ("UntagRole", ROLE),
        ("GetAccountSummary", "*"),
    ]


def test_calls_without_a_user_name_apply_to_the_caller(two: Two) -> None:
    reader(two)
    assert two.prod.client("iam").get_user()["User"]["UserName"] == "Administrator"
    signed_in = two.aws.sign_in(f"arn:aws:iam::{DEV}:user/Administrator").client("iam")
    assert signed_in.get_user()["User"]["Arn"] == f"arn:aws:iam::{DEV}:user/Administrator"
    assert len(signed_in.list_access_keys()["AccessKeyMetadata"]) == 1
    two.prod.client("iam").attach_role_policy(RoleName="Reader", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    with pytest.raises(ClientError, match="Must specify userName when calling with non-User credentials"):
        two.aws.sign_in(ROLE).client("iam").get_user()


def test_the_oldest_of_very_many_calls_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xacct.testing.pipeline.KEPT_CALLS", 20)
    with Sandbox(["111111111111"]) as aws:
        iam = aws.account("111111111111").session.client("iam")
        for number in range(50):
            iam.create_user(UserName=f"user{number}")
            assert len(aws.calls) == number + 1 if number < 22 else 20 <= len(aws.calls) <= 22
