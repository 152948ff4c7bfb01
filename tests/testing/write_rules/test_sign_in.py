"""How users sign in: passwords and MFA devices."""

from __future__ import annotations

import pytest
from tests.testing.conftest import Two, create_user, refusal


def test_a_device_is_enabled_by_two_codes_that_follow_each_other(two: Two) -> None:
    iam = two.dev.client("iam")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    first = two.aws.mfa_code(serial)
    two.aws.clock.advance(30)
    second = two.aws.mfa_code(serial)
    wanted = {"UserName": "Administrator", "SerialNumber": serial}
    for codes in (("000000", "111111"), (second, first), (second, second)):
        said = refusal(iam.enable_mfa_device, AuthenticationCode1=codes[0], AuthenticationCode2=codes[1], **wanted)
        assert said == "403 InvalidAuthenticationCode: Authentication code for device is not valid."
    iam.enable_mfa_device(AuthenticationCode1=first, AuthenticationCode2=second, **wanted)
    said = refusal(iam.delete_virtual_mfa_device, SerialNumber=serial)
    assert said == "409 DeleteConflict: MFA VirtualDevice in use. Must deactivate first."
    iam.deactivate_mfa_device(**wanted)
    iam.delete_virtual_mfa_device(SerialNumber=serial)


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("Short-1", "have a minimum length of 8"),
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


def test_the_accounts_password_policy_rules(two: Two) -> None:
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


def test_nobody_has_credentials_for_a_single_service(two: Two) -> None:
    answer = two.dev.client("iam").list_service_specific_credentials(UserName="Administrator")
    assert answer["ServiceSpecificCredentials"] == []
