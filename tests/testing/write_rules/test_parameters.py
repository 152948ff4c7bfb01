"""The rules of IAM's parameters, and that what they name is there."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import DEV, PROD, Two, allowing, create_user, refusal, trusting

USER = f"arn:aws:iam::{DEV}:user/alice"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


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
        *(
            (
                operation,
                {"PolicyArn": READ_ONLY, "VersionId": "v999"},
                f"Policy {READ_ONLY} version v999 does not exist or is not attachable.",
            )
            for operation in ("get_policy_version", "set_default_policy_version", "delete_policy_version")
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
def test_what_is_not_there_is_said_in_awss_words(two: Two, operation: str, options: Any, text: str) -> None:
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
def test_parameters_keep_to_awss_rules(two: Two, options: Any, text: str) -> None:
    wanted = {"RoleName": "Reader", "AssumeRolePolicyDocument": trusting(), **options}
    said = refusal(two.prod.client("iam").create_role, **wanted)
    assert said.startswith("400 ValidationError")
    assert text in said


def test_whoever_may_only_see_a_path_does_not_learn_that_a_role_is_missing(two: Two) -> None:
    create_user(two)
    policy = allowing("iam:GetRole", f"arn:aws:iam::{DEV}:role/team/*")
    two.dev.client("iam").put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy)
    alice = two.aws.sign_in(USER).client("iam")
    two.dev.client("iam").create_role(RoleName="Reader", Path="/team/", AssumeRolePolicyDocument=trusting())
    assert alice.get_role(RoleName="Reader")["Role"]["Path"] == "/team/"
    assert refusal(alice.get_role, RoleName="Missing").startswith("403 AccessDenied: ")


def test_a_malformed_arn_is_told_before_permissions_are_looked_at(two: Two) -> None:
    create_user(two)
    nobody = two.aws.sign_in(USER).client("iam")
    said = refusal(nobody.get_policy, PolicyArn="AmazonS3ReadOnlyAccess")
    assert said == "400 ValidationError: Invalid ARN:  Could not be parsed!"
