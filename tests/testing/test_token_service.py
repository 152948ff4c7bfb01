"""STS: whose MFA device a call may use, and the limits of its parameters."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from .conftest import DEV, PROD, REGION, Two, create_role, create_user, refusal, trusting

READER = f"arn:aws:iam::{PROD}:role/Reader"
WRONG_CODE = "403 AccessDenied: MultiFactorAuthentication failed with invalid MFA one time pass code."


def enable_mfa(two: Two, user: str) -> str:
    """Enable a virtual MFA device for a user of development, and return its serial number."""
    iam = two.dev.client("iam")
    serial: str = iam.create_virtual_mfa_device(VirtualMFADeviceName=user)["VirtualMFADevice"]["SerialNumber"]
    first = two.aws.mfa_code(serial)
    two.aws.clock.advance(30)
    second = two.aws.mfa_code(serial)
    iam.enable_mfa_device(UserName=user, SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second)
    return serial


def test_the_mfa_device_of_another_user_is_refused(two: Two) -> None:
    create_user(two)
    own, others = enable_mfa(two, "Administrator"), enable_mfa(two, "alice")
    create_role(two, trusting(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    sts = two.dev.client("sts")
    parameters: Any = {"RoleArn": READER, "RoleSessionName": "test"}

    said = refusal(sts.assume_role, SerialNumber=others, TokenCode=two.aws.mfa_code(others), **parameters)
    assert said == WRONG_CODE
    said = refusal(sts.get_session_token, SerialNumber=others, TokenCode=two.aws.mfa_code(others))
    assert said == WRONG_CODE

    sts.assume_role(SerialNumber=own, TokenCode=two.aws.mfa_code(own), **parameters)


def test_an_mfa_device_that_no_user_has_enabled_is_refused(two: Two) -> None:
    iam = two.dev.client("iam")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    create_role(two)
    said = refusal(
        two.dev.client("sts").assume_role,
        RoleArn=READER,
        RoleSessionName="test",
        SerialNumber=serial,
        TokenCode=two.aws.mfa_code(serial),
    )
    assert said == WRONG_CODE


def test_temporary_credentials_cannot_use_an_mfa_device(two: Two) -> None:
    create_role(two)
    serial = enable_mfa(two, "Administrator")
    keys = two.dev.client("sts").get_session_token()["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    said = refusal(
        session.client("sts").assume_role,
        RoleArn=READER,
        RoleSessionName="test",
        SerialNumber=serial,
        TokenCode=two.aws.mfa_code(serial),
    )
    assert said == WRONG_CODE


PATTERN = "satisfy regular expression pattern: "


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"RoleSessionName": "ü1"}, r"'ü1' at 'roleSessionName' failed to satisfy constraint: Member must " + PATTERN),
        (
            {"RoleSessionName": "n" * 65},
            "at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64",
        ),
        ({"ExternalId": "x" * 1225}, "length less than or equal to 1224"),
        ({"ExternalId": "a b"}, PATTERN + r"[\w+=,.@:\/-]*"),
        ({"SourceIdentity": "s" * 257}, "length less than or equal to 256"),
        ({"SerialNumber": "s" * 257, "TokenCode": "123456"}, "at 'serialNumber' failed"),
        ({"SerialNumber": "s" * 9, "TokenCode": "12345x"}, PATTERN + r"[\d]*"),
        ({"Policy": "\u0100"}, PATTERN + r"[\u0009\u000A\u000D\u0020-\u00FF]+"),
        (
            {"DurationSeconds": 43_201},
            "at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
        ),
        (
            {"PolicyArns": [{"arn": f"arn:aws:iam::aws:policy/P{n}"} for n in range(11)]},
            "length less than or equal to 10",
        ),
    ],
)
def test_parameters_outside_awss_limits_are_refused_with_awss_message(
    two: Two, parameters: dict[str, Any], text: str
) -> None:
    create_role(two)
    said = refusal(two.dev.client("sts").assume_role, **{"RoleArn": READER, "RoleSessionName": "test", **parameters})
    assert said.startswith("400 ValidationError: 1 validation error detected: Value ")
    assert text in said


def test_a_session_token_lasts_at_most_36_hours(two: Two) -> None:
    said = refusal(two.dev.client("sts").get_session_token, DurationSeconds=129_601)
    assert said.endswith(
        "Value '129601' at 'durationSeconds' failed to satisfy constraint: Member must have value less "
        "than or equal to 129600"
    )


def session_token(two: Two, **options: Any) -> boto3.Session:
    keys = two.dev.client("sts").get_session_token(**options)["Credentials"]
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)


def test_iam_rejects_credentials_of_get_session_token_without_mfa(two: Two) -> None:
    create_role(two)
    session = session_token(two)
    said = refusal(session.client("iam").list_users)
    assert said.startswith("403 InvalidClientTokenId: The security token included in the request is invalid")
    session.client("s3").list_buckets()
    session.client("sts").get_caller_identity()
    session.client("sts").assume_role(RoleArn=READER, RoleSessionName="test")


def test_iam_accepts_them_with_mfa_and_those_of_a_sign_in(two: Two) -> None:
    serial = enable_mfa(two, "Administrator")
    session = session_token(two, SerialNumber=serial, TokenCode=two.aws.mfa_code(serial))
    signed_in = two.aws.sign_in(f"arn:aws:iam::{DEV}:user/Administrator")
    for allowed in (session, signed_in):
        assert allowed.client("iam").list_users()["Users"]


@pytest.mark.parametrize(
    ("operation", "parameters"), [("get_session_token", {}), ("get_federation_token", {"Name": "guest"})]
)
def test_sts_issues_no_tokens_for_temporary_credentials(two: Two, operation: str, parameters: Any) -> None:
    name = operation.title().replace("_", "")
    create_role(two)
    keys = two.dev.client("sts").assume_role(RoleArn=READER, RoleSessionName="test")["Credentials"]
    role = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    for session in (session_token(two), role):
        said = refusal(getattr(session.client("sts"), operation), **parameters)
        assert said == f"403 AccessDenied: Cannot call {name} with session credentials"
