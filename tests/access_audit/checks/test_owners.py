"""Owners: which roles AWS made, and which only have such a name."""

from __future__ import annotations

import pytest
from tests.access_audit.checks.policies import ACCOUNT, OTHER, STRANGER, SURROUNDINGS, subject

from xacct.access_audit.checks.owners import owner_of
from xacct.policy import PolicyDocument
from xacct.snapshot import RoleDetail

EXECUTION_HASH = "0123456789abcdef0123456789abcdef"


def owner(name: str, principal: object, **more: object) -> str:
    trust = PolicyDocument(subject({"Principal": principal, "Action": "sts:AssumeRole", **more}).statements)
    return owner_of(RoleDetail(arn=f"arn:aws:iam::{ACCOUNT}:role/{name}"), trust, SURROUNDINGS)


@pytest.mark.parametrize(
    ("name", "principal", "expected"),
    [
        (
            "aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
            {"Service": "guardduty.amazonaws.com"},
            "service-linked role",
        ),
        (
            "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
            {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE"},
            "IAM Identity Center",
        ),
        ("AWSCloudFormationStackSetExecutionRole", {"AWS": OTHER}, "StackSets"),
        ("AWSCloudFormationStackSetAdministrationRole", {"Service": "cloudformation.amazonaws.com"}, "StackSets"),
        (f"stacksets-exec-{EXECUTION_HASH}", {"AWS": f"arn:aws:iam::{OTHER}:role/x"}, "StackSets"),
        ("AWSControlTowerExecution", {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Control Tower"),
        ("service-role/AWSControlTowerAdmin", {"Service": "controltower.amazonaws.com"}, "Control Tower"),
        ("aws-controltower-AdministratorExecutionRole", {"AWS": ACCOUNT}, "Control Tower"),
        ("OrganizationAccountAccessRole", {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Organizations"),
    ],
)
def test_roles_of_aws_are_recognized(name: str, principal: object, expected: str) -> None:
    assert owner(name, principal) == expected


@pytest.mark.parametrize(
    "name",
    [
        "AWSCloudFormationStackSetExecutionRole",
        f"stacksets-exec-{EXECUTION_HASH}",
        "AWSControlTowerExecution",
        "OrganizationAccountAccessRole",
    ],
)
@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        {"AWS": [OTHER, f"arn:aws:iam::{STRANGER}:user/x"]},
        {"AWS": "*"},
        "*",
        {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"},
        {"Service": "*"},
    ],
)
def test_a_role_that_has_only_the_name_and_trusts_others_is_not_recognized(name: str, principal: object) -> None:
    assert owner(name, principal) == ""


@pytest.mark.parametrize(
    "name",
    [
        "Deploy",
        "service-role/AWSLambdaBasic",
        "x/aws-service-role/guardduty.amazonaws.com/Role",
        "my-AWSControlTowerExecution",
        "stacksets-exec-mine",
        "OrganizationAccountAccessRole2",
    ],
)
def test_roles_with_similar_names_are_the_accounts_own(name: str) -> None:
    assert owner(name, {"AWS": OTHER}) == ""


def test_a_role_whose_trust_policy_could_not_be_read_is_recognized_by_a_reserved_path_only() -> None:
    def unread(name: str) -> str:
        return owner_of(RoleDetail(arn=f"arn:aws:iam::{ACCOUNT}:role/{name}"), None, SURROUNDINGS)

    assert unread("aws-service-role/ops.amazonaws.com/AWSServiceRoleForOps") == "service-linked role"
    assert unread("OrganizationAccountAccessRole") == ""
