"""Validation of users' credentials: console passwords and MFA devices."""

from __future__ import annotations

from typing import Any

import pytest
from tests.testing.conftest import Two, create_user, refusal


def test_an_mfa_device_is_enabled_with_two_consecutive_codes(two: Two) -> None:
    iam = two.dev.client("iam")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    first = two.aws.mfa_code(serial)
    two.aws.clock.advance(30)
    second = two.aws.mfa_code(serial)
    device = {"UserName": "Administrator", "SerialNumber": serial}
    for codes in (("000000", "111111"), (second, first), (second, second)):
        said = refusal(iam.enable_mfa_device, AuthenticationCode1=codes[0], AuthenticationCode2=codes[1], **device)
        assert said == "403 InvalidAuthenticationCode: Authentication code for device is not valid."
    iam.enable_mfa_device(AuthenticationCode1=first, AuthenticationCode2=second, **device)
    said = refusal(iam.delete_virtual_mfa_device, SerialNumber=serial)
    assert said == "409 DeleteConflict: MFA VirtualDevice in use. Must deactivate first."
    iam.deactivate_mfa_device(**device)
    iam.delete_virtual_mfa_device(SerialNumber=serial)


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("Short-1", "have a minimum length of 8"),
        ("lower-case", "use a mix of three of: uppercase, lowercase, numbers and symbols"),
        ("ABCDEFG1", "use a mix of three of: uppercase, lowercase, numbers and symbols"),
        ("1234567!", "use a mix of three of: uppercase, lowercase, numbers and symbols"),
        ("a" * 129, "have a maximum length of 128"),
        ("lowercase1", "use a mix of three of: uppercase, lowercase, numbers and symbols"),
    ],
)
def test_a_weak_password_is_refused(two: Two, password: str, rule: str) -> None:
    create_user(two)
    said = refusal(two.dev.client("iam").create_login_profile, UserName="alice", Password=password)
    assert said.startswith("400 ")
    if len(password) <= 128:
        assert said == f"400 PasswordPolicyViolation: Password should {rule}"


def test_the_accounts_password_policy_is_enforced(two: Two) -> None:
    iam = two.dev.client("iam")
    create_user(two)
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True)
    assert [
        refusal(iam.create_login_profile, UserName="alice", Password=password)
        for password in ("Short-1-2-3", "Long1Enough2ButPlain")
    ] == [
        "400 PasswordPolicyViolation: Password should have a minimum length of 12",
        "400 PasswordPolicyViolation: Password should have at least one symbol",
    ]
    iam.create_login_profile(UserName="alice", Password="correct-horse-battery")
    said = refusal(iam.create_login_profile, UserName="alice", Password="correct-horse-battery")
    assert said == "409 EntityAlreadyExists: Login Profile for user alice already exists."


def test_there_are_no_service_specific_credentials(two: Two) -> None:
    answer = two.dev.client("iam").list_service_specific_credentials(UserName="Administrator")
    assert answer["ServiceSpecificCredentials"] == []


@pytest.mark.parametrize("password", ["Short-12", "Aa1" + "a" * 125, "UPPER-12", "lower-12", "Lower-up", "Lower1234"])
def test_a_strong_password_is_accepted(two: Two, password: str) -> None:
    create_user(two)
    two.dev.client("iam").create_login_profile(UserName="alice", Password=password)


@pytest.mark.parametrize(
    ("requirement", "missing", "refused", "accepted"),
    [
        ("RequireUppercaseCharacters", "one uppercase character", "correct-horse-1", "Correct-horse"),
        ("RequireLowercaseCharacters", "one lowercase character", "CORRECT-HORSE-1", "cORRECT-HORSE"),
        ("RequireNumbers", "one number", "Correct-Horse", "0123456789"),
        ("RequireSymbols", "one symbol", "Correct1Horse", "!!!!!!!!!!"),
    ],
)
def test_each_requirement_of_a_password_policy_is_enforced(
    two: Two, requirement: str, missing: str, refused: str, accepted: str
) -> None:
    iam = two.dev.client("iam")
    create_user(two)
    options: Any = {"MinimumPasswordLength": 10, requirement: True}
    iam.update_account_password_policy(**options)
    said = refusal(iam.create_login_profile, UserName="alice", Password=refused)
    assert said == f"400 PasswordPolicyViolation: Password should have at least {missing}"
    iam.create_login_profile(UserName="alice", Password=accepted)


def test_a_new_password_is_checked_too(two: Two) -> None:
    iam = two.dev.client("iam")
    create_user(two)
    said = refusal(iam.update_login_profile, UserName="alice", Password="Correct-horse-1")
    assert said == "404 NoSuchEntity: Login Profile for User alice cannot be found."
    iam.create_login_profile(UserName="alice", Password="Correct-horse-1")
    said = refusal(iam.update_login_profile, UserName="alice", Password="Short-1")
    assert said == "400 PasswordPolicyViolation: Password should have a minimum length of 8"
    iam.update_login_profile(UserName="alice", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName="alice")["LoginProfile"]["PasswordResetRequired"]
    iam.delete_login_profile(UserName="alice")
    assert refusal(iam.get_login_profile, UserName="alice").startswith("404 NoSuchEntity: ")
