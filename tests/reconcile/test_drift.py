"""What is on the resources of a grant and not wanted: it is shown, and what xacct did not add stays."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from xacct import s3_read_policy
from xacct.reconcile import Plan, plan
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import EC2_READ, POLICY, ROLE, S3_READ, USER, plan_tutorial, tutorial

POLICY_ARN = f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"
DOCUMENT = s3_read_policy(["reports"]).to_json()
COST = [{"Key": "cost", "Value": "7"}]


@pytest.fixture
def applied(accounts: Accounts, patience: Patience) -> Plan:
    planned = plan_tutorial(accounts, patience)
    planned.apply()
    accounts.log.clear()
    return planned


def test_a_new_grant_has_no_drift(applied: Plan) -> None:
    assert applied.drift == ()


# The side, the operation that makes the drift, its parameters, and what the drift says.
LEFT: list[tuple[str, str, dict[str, Any], str]] = [
    ("trusting", "attach_role_policy", {"RoleName": ROLE, "PolicyArn": EC2_READ}, f"policy {EC2_READ} on role {ROLE}"),
    (
        "trusting",
        "put_role_policy",
        {"RoleName": ROLE, "PolicyName": "ByHand", "PolicyDocument": DOCUMENT},
        f"inline policy ByHand on role {ROLE}",
    ),
    (
        "trusting",
        "put_role_permissions_boundary",
        {"RoleName": ROLE, "PermissionsBoundary": S3_READ},
        f"permissions boundary {S3_READ} on role {ROLE}",
    ),
    ("trusting", "tag_role", {"RoleName": ROLE, "Tags": COST}, f"tag cost=7 of role {ROLE}"),
    (
        "trusted",
        "attach_role_policy",
        {"RoleName": "Others", "PolicyArn": POLICY_ARN},
        f"policy {POLICY} on role Others",
    ),
    ("trusted", "tag_policy", {"PolicyArn": POLICY_ARN, "Tags": COST}, f"tag cost=7 of policy {POLICY}"),
    ("trusted", "attach_user_policy", {"UserName": USER, "PolicyArn": EC2_READ}, f"policy {EC2_READ} on user {USER}"),
    (
        "trusted",
        "put_user_policy",
        {"UserName": USER, "PolicyName": "ByHand", "PolicyDocument": DOCUMENT},
        f"inline policy ByHand of user {USER}",
    ),
    ("trusted", "create_access_key", {"UserName": USER}, f"of user {USER}"),
    (
        "trusted",
        "add_user_to_group",
        {"UserName": USER, "GroupName": "others"},
        f"membership in group others of user {USER}",
    ),
    (
        "trusted",
        "put_user_permissions_boundary",
        {"UserName": USER, "PermissionsBoundary": EC2_READ},
        f"permissions boundary {EC2_READ} on user {USER}",
    ),
    ("trusted", "tag_user", {"UserName": USER, "Tags": COST}, f"tag cost=7 of user {USER}"),
]


@pytest.mark.parametrize(("side", "operation", "request_", "text"), LEFT, ids=lambda value: value or "")
def test_what_others_added_is_drift_and_stays(
    accounts: Accounts, patience: Patience, applied: Plan, side: str, operation: str, request_: Any, text: str
) -> None:
    getattr(getattr(accounts, side).iam, operation)(**request_)
    before = accounts.snapshot()
    accounts.log.clear()
    (drift,) = applied.drift

    assert drift.action == "leave"
    assert drift.side == side
    assert text in drift.resource
    assert accounts.log.writes == []
    planned = plan_tutorial(accounts, patience)
    assert planned.is_empty
    assert planned.apply() == ()
    assert accounts.snapshot() == before


def test_what_a_plan_would_change_is_drift_with_its_action(accounts: Accounts, applied: Plan) -> None:
    iam = accounts.trusting.iam
    iam.update_role(RoleName=ROLE, Description="Another", MaxSessionDuration=7200)
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=S3_READ)
    accounts.trusted.iam.detach_user_policy(UserName=USER, PolicyArn=POLICY_ARN)

    assert {(change.action, change.resource) for change in applied.drift} == {
        ("update", f"role {ROLE}"),
        ("attach", f"AmazonS3ReadOnlyAccess to role {ROLE}"),
        ("attach", f"{POLICY} to user {USER}"),
    }


def test_what_does_not_exist_is_not_drift(accounts: Accounts, patience: Patience) -> None:
    assert plan_tutorial(accounts, patience).drift == ()


def test_the_plan_shows_drift_that_it_leaves(accounts: Accounts, patience: Patience, applied: Plan) -> None:
    accounts.trusting.iam.tag_role(RoleName=ROLE, Tags=COST)
    shown = plan_tutorial(accounts, patience)

    assert [(change.action, change.resource) for change in shown.changes] == [("leave", f"tag cost=7 of role {ROLE}")]
    assert str(shown).splitlines() == [
        "Nothing to change: both accounts match the grants.",
        f"= leave tag cost=7 of role {ROLE} in the trusting account {TRUSTING} (not created by xacct)",
    ]


# Boundaries


def plan_bounded(accounts: Accounts, patience: Patience, boundary: str | None) -> Plan:
    return plan_tutorial(accounts, patience, permissions_boundary=boundary)


@pytest.mark.usefixtures("applied")
def test_a_boundary_that_left_the_grant_is_removed(accounts: Accounts, patience: Patience) -> None:
    plan_bounded(accounts, patience, EC2_READ).apply()
    assert accounts.trusting.iam.get_role(RoleName=ROLE)["Role"]["PermissionsBoundary"]
    dropped = plan_bounded(accounts, patience, None)
    assert f"permissions boundary of role {ROLE}" in {change.resource for change in dropped.changes}
    dropped.apply()

    assert "PermissionsBoundary" not in accounts.trusting.iam.get_role(RoleName=ROLE)["Role"]
    assert plan_bounded(accounts, patience, None).is_empty


@pytest.mark.usefixtures("applied")
def test_a_boundary_that_others_set_stays_when_the_grants_own_left(accounts: Accounts, patience: Patience) -> None:
    plan_bounded(accounts, patience, EC2_READ).apply()
    accounts.trusting.iam.put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=S3_READ)
    plan_bounded(accounts, patience, None).apply()

    boundary = accounts.trusting.iam.get_role(RoleName=ROLE)["Role"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == S3_READ


@pytest.mark.usefixtures("applied")
def test_the_boundary_of_the_grant_replaces_that_of_others(accounts: Accounts, patience: Patience) -> None:
    accounts.trusting.iam.put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=S3_READ)
    plan_bounded(accounts, patience, EC2_READ).apply()

    boundary = accounts.trusting.iam.get_role(RoleName=ROLE)["Role"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == EC2_READ


# Tags


def test_tags_that_left_the_grant_are_removed_and_those_of_others_stay(accounts: Accounts, patience: Patience) -> None:
    def plan_tagged(tags: dict[str, str]) -> Plan:
        trust, access = tutorial(tags=tags)
        sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
        return plan(trust, evolve(access, tags=tags), **sessions, patience=patience)

    plan_tagged({"team": "data", "cost": "7"}).apply()
    accounts.trusting.iam.tag_role(RoleName=ROLE, Tags=[{"Key": "owner", "Value": "ada"}])
    plan_tagged({"team": "web"}).apply()

    role = {tag["Key"]: tag["Value"] for tag in accounts.trusting.iam.get_role(RoleName=ROLE)["Role"]["Tags"]}
    user = {tag["Key"]: tag["Value"] for tag in accounts.trusted.iam.get_user(UserName=USER)["User"]["Tags"]}
    policy = accounts.trusted.iam.get_policy(PolicyArn=POLICY_ARN)["Policy"]["Tags"]
    assert {key: value for key, value in role.items() if "xacct" not in key} == {"team": "web", "owner": "ada"}
    for tags in (user, {tag["Key"]: tag["Value"] for tag in policy}):
        assert {key: value for key, value in tags.items() if "xacct" not in key} == {"team": "web"}
    assert plan_tagged({"team": "web"}).is_empty
    (drift,) = plan_tagged({"team": "web"}).drift
    assert drift.resource == f"tag owner=ada of role {ROLE}"
