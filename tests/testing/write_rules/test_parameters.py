"""Validation of IAM's request parameters, and of the entities and policies that they name."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config
from tests.testing.conftest import DEV, PROD, Two, allowing, create_user, refusal, trusting

USER = f"arn:aws:iam::{DEV}:user/alice"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
# Otherwise botocore refuses values below a minimum itself.
UNCHECKED = Config(parameter_validation=False)


@pytest.mark.parametrize(
    ("operation", "options", "text"),
    [
        ("get_role", {"RoleName": "Missing"}, "The role with name Missing cannot be found."),
        ("list_user_policies", {"UserName": "missing"}, "The user with name missing cannot be found."),
        ("list_group_policies", {"GroupName": "missing"}, "The group with name missing cannot be found."),
        (
            "get_policy",
            {"PolicyArn": f"arn:aws:iam::{PROD}:policy/Missing"},
            f"Policy arn:aws:iam::{PROD}:policy/Missing was not found.",
        ),
        (
            "attach_user_policy",
            {"UserName": "Administrator", "PolicyArn": "arn:aws:iam::aws:policy/Missing"},
            "Policy arn:aws:iam::aws:policy/Missing does not exist or is not attachable.",
        ),
        (
            "detach_user_policy",
            {"UserName": "Administrator", "PolicyArn": READ_ONLY},
            f"Policy {READ_ONLY} was not found.",
        ),
        (
            "create_user",
            {"UserName": "x", "PermissionsBoundary": f"arn:aws:iam::{PROD}:policy/Missing"},
            f"Scope ARN: arn:aws:iam::{PROD}:policy/Missing does not exist or is not attachable.",
        ),
        (
            "get_user_policy",
            {"UserName": "Administrator", "PolicyName": "missing"},
            "The user policy with name missing cannot be found.",
        ),
        (
            "delete_user_policy",
            {"UserName": "Administrator", "PolicyName": "missing"},
            "The user policy with name missing cannot be found.",
        ),
        (
            "get_policy_version",
            {"PolicyArn": READ_ONLY, "VersionId": "v999"},
            f"Policy {READ_ONLY} version v999 does not exist or is not attachable.",
        ),
        (
            "enable_mfa_device",
            {
                "UserName": "Administrator",
                "SerialNumber": f"arn:aws:iam::{PROD}:mfa/missing",
                "AuthenticationCode1": "123456",
                "AuthenticationCode2": "234567",
            },
            f"VirtualMFADevice with serial number arn:aws:iam::{PROD}:mfa/missing doesn't exist.",
        ),
        (
            "get_login_profile",
            {"UserName": "Administrator"},
            "Login Profile for User Administrator cannot be found.",
        ),
    ],
)
def test_a_missing_resource_is_refused_with_awss_message(two: Two, operation: str, options: Any, text: str) -> None:
    assert refusal(getattr(two.prod.client("iam"), operation), **options) == f"404 NoSuchEntity: {text}"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"RoleName": "a" * 65}, "Value 'aaaa"),
        ({"RoleName": "a b"}, "The specified value for roleName is invalid."),
        ({"Path": "team"}, "The specified value for path is invalid."),
        ({"MaxSessionDuration": 3600 + 43200}, "Member must have value less than or equal to 43200"),
        (
            {"Description": "読"},
            "at 'description' failed to satisfy constraint: Member must satisfy regular",
        ),
        ({"PermissionsBoundary": "AmazonS3ReadOnlyAccess"}, "Invalid ARN:  Could not be parsed!"),
        (
            {"PermissionsBoundary": "arn:aws:iam::aws:user/x/aaaaaaa"},
            "ARN arn:aws:iam::aws:user/x/aaaaaaa is not valid.",
        ),
    ],
)
def test_an_invalid_parameter_is_refused(two: Two, options: Any, text: str) -> None:
    request = {"RoleName": "Reader", "AssumeRolePolicyDocument": trusting(), **options}
    said = refusal(two.prod.client("iam").create_role, **request)
    assert said.startswith("400 ValidationError")
    assert text in said


def test_without_permission_on_the_root_path_a_missing_role_is_denied(two: Two) -> None:
    create_user(two)
    policy = allowing("iam:GetRole", f"arn:aws:iam::{DEV}:role/team/*")
    two.dev.client("iam").put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy)
    alice = two.aws.sign_in(USER).client("iam")
    two.dev.client("iam").create_role(RoleName="Reader", Path="/team/", AssumeRolePolicyDocument=trusting())
    assert alice.get_role(RoleName="Reader")["Role"]["Path"] == "/team/"
    assert refusal(alice.get_role, RoleName="Missing").startswith("403 AccessDenied: ")


def test_a_malformed_arn_is_refused_before_authorization(two: Two) -> None:
    create_user(two)
    alice = two.aws.sign_in(USER).client("iam")
    said = refusal(alice.get_policy, PolicyArn="AmazonS3ReadOnlyAccess")
    assert said == "400 ValidationError: Invalid ARN:  Could not be parsed!"


@pytest.mark.parametrize(
    ("operation", "parameter", "longest"),
    [
        ("create_role", "RoleName", 64),
        ("create_user", "UserName", 64),
        ("create_group", "GroupName", 128),
        ("create_policy", "PolicyName", 128),
    ],
)
def test_a_name_has_at_most_so_many_characters(two: Two, operation: str, parameter: str, longest: int) -> None:
    more = {
        "create_role": {"AssumeRolePolicyDocument": trusting()},
        "create_policy": {"PolicyDocument": allowing("s3:*")},
    }.get(operation, {})
    create = getattr(two.prod.client("iam"), operation)
    create(**{parameter: "a" * longest}, **more)
    field = parameter[0].lower() + parameter[1:]
    assert refusal(create, **{parameter: "a" * (longest + 1)}, **more) == (
        f"400 ValidationError: 1 validation error detected: Value '{'a' * (longest + 1)}' at '{field}' failed to "
        f"satisfy constraint: Member must have length less than or equal to {longest}"
    )


def test_a_users_new_name_has_at_most_64_characters(two: Two) -> None:
    create_user(two)
    rename = two.dev.client("iam").update_user
    said = refusal(rename, UserName="alice", NewUserName="a" * 65)
    assert said.endswith(
        "at 'newUserName' failed to satisfy constraint: Member must have length less than or equal to 64"
    )
    rename(UserName="alice", NewUserName="a" * 64)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"Path": f"/{'a' * 511}/"}, "The specified value for path is invalid. It must begin and end with /"),
        ({"Path": "/té/"}, "The specified value for path is invalid. It must begin and end with /"),
        (
            {"Description": "a" * 1001},
            "at 'description' failed to satisfy constraint: Member must have length less than",
        ),
        (
            {"Description": "\xa0"},
            "satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*",
        ),
        (
            {"MaxSessionDuration": 3599},
            "'maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600",
        ),
        (
            {"MaxSessionDuration": 43201},
            "at 'maxSessionDuration' failed to satisfy constraint: Member must have value less than or equal to 43200",
        ),
    ],
)
def test_a_parameter_just_beyond_a_limit_is_refused(two: Two, options: Any, text: str) -> None:
    create = two.prod.client("iam", config=UNCHECKED).create_role
    said = refusal(create, RoleName="Reader", AssumeRolePolicyDocument=trusting(), **options)
    assert said.startswith("400 ValidationError: ")
    assert text in said


@pytest.mark.parametrize(
    "options",
    [
        {"Path": f"/{'a' * 510}/"},
        {"Path": "/!~/"},
        {"Description": "a" * 1000},
        {"Description": "\t\n\r ~\xa1\xff"},
        {"MaxSessionDuration": 3600},
        {"MaxSessionDuration": 43200},
    ],
)
def test_a_parameter_at_a_limit_is_accepted(two: Two, options: Any) -> None:
    two.prod.client("iam").create_role(RoleName="Reader", AssumeRolePolicyDocument=trusting(), **options)


@pytest.mark.parametrize("operation", ["set_default_policy_version", "delete_policy_version"])
def test_a_missing_version_of_a_customer_managed_policy_is_refused(two: Two, operation: str) -> None:
    iam = two.prod.client("iam")
    arn = iam.create_policy(PolicyName="P", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    said = refusal(getattr(iam, operation), PolicyArn=arn, VersionId="v999")
    assert said == f"404 NoSuchEntity: Policy {arn} version v999 does not exist or is not attachable."
