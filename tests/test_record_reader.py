"""read_role and read_policy: what AWS has, as values from which grants are made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from tests.two_accounts import EC2_FULL, S3_READ, TRUSTED, TRUSTING, TwoAccounts, two_accounts

from xacct import (
    AwsError,
    Condition,
    ConsoleUser,
    DevAccessGrant,
    InvalidValue,
    Principal,
    TrustGrant,
    plan,
    read_policy,
    read_role,
    s3_read_policy,
)

ROLE = f"arn:aws:iam::{TRUSTING}:role/team/Reader"
POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"


@pytest.fixture
def accounts() -> Iterator[TwoAccounts]:
    with two_accounts() as accounts:
        yield accounts


def hand_made_role(accounts: TwoAccounts) -> None:
    """Create a role as an administrator does in the console."""
    iam = accounts.production.client("iam")
    trust: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": TRUSTED}, "Action": "sts:AssumeRole"}
    trust["Condition"] = {"StringEquals": {"sts:ExternalId": "acme-42", "aws:PrincipalTag/team": "data"}}
    iam.create_role(
        RoleName="Reader",
        Path="/team/",
        Description="Reads the reports",
        MaxSessionDuration=7200,
        PermissionsBoundary=POWER_USER,
        Tags=[{"Key": "team", "Value": "data"}],
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    iam.attach_role_policy(RoleName="Reader", PolicyArn=S3_READ)
    policy = s3_read_policy(["reports"]).to_json()
    iam.put_role_policy(RoleName="Reader", PolicyName="Read", PolicyDocument=policy)


def test_a_role_is_read_with_everything_that_a_grant_says(accounts: TwoAccounts) -> None:
    hand_made_role(accounts)
    role = read_role(accounts.production, "Reader")
    assert (role.arn, role.description, role.max_session_duration) == (ROLE, "Reads the reports", 7200)
    assert (role.boundary, role.attached, role.tags) == (POWER_USER, (S3_READ,), {"team": "data"})
    assert role.inline == {"Read": s3_read_policy(["reports"])}
    assert role.created is not None
    assert abs((role.created - datetime.now(timezone.utc)).total_seconds()) < 60


def test_the_grant_of_a_hand_made_role_changes_nothing_but_its_tags(accounts: TwoAccounts) -> None:
    hand_made_role(accounts)
    grant = TrustGrant.from_role(read_role(accounts.production, "Reader"))
    assert (grant.role_arn, grant.external_id, grant.tags) == (ROLE, "acme-42", {"team": "data"})
    team = Condition("StringEquals", "aws:PrincipalTag/team", "data")
    assert grant.principals == (Principal("AWS", TRUSTED, [team]),)
    adopted = plan(grant, trusting=accounts.production, trusted=accounts.development, adopt=True)
    assert [(change.action, change.resource) for change in adopted.changes] == [("update", "tags of role Reader")]
    accounts.aws.calls.clear()
    adopted.apply()
    assert set(accounts.writes()) == {"TagRole"}
    again = plan(grant, trusting=accounts.production, trusted=accounts.development)
    assert again.is_empty
    assert again.drift == ()


def test_a_role_of_xacct_gives_back_its_grant(accounts: TwoAccounts) -> None:
    grant = TrustGrant(
        name="reports",
        account=TRUSTING,
        principals=[
            Principal.permission_set(TRUSTED, "Developers"),
            Principal.service("lambda.amazonaws.com"),
        ],
        managed_policy_arns=[S3_READ],
        policies={"Read": s3_read_policy(["reports"])},
        permissions_boundary=POWER_USER,
        mfa_max_age=3600,
        session_tags={"team": ["data", "web-*"]},
        source_identity="*@example.com",
        source_ips=["192.0.2.0/24", "2001:db8::/32"],
        expires=accounts.in_hours(2),
        tags={"team": "data"},
    )
    plan(grant, trusting=accounts.production, trusted=accounts.development).apply()
    assert TrustGrant.from_role(read_role(accounts.production, grant.role_name)) == grant
    assert plan(grant, trusting=accounts.production, trusted=accounts.development).is_empty


def test_a_policy_of_xacct_gives_back_its_grant(accounts: TwoAccounts) -> None:
    iam = accounts.development.client("iam")
    iam.create_user(UserName="ops")
    iam.create_group(GroupName="developers")
    user = ConsoleUser("dev", managed_policy_arns=[EC2_FULL])
    grant = DevAccessGrant(
        name="reports",
        account=TRUSTED,
        role_arns=[ROLE, f"arn:aws:iam::{TRUSTING}:role/Other"],
        path="/team/",
        description="Read the reports",
        console_user=user,
        users=["ops"],
        groups=["developers"],
        session_tags=True,
        expires=accounts.in_hours(2),
        tags={"team": "data"},
    )
    plan(grant, trusting=accounts.production, trusted=accounts.development).apply()
    policy = read_policy(accounts.development, grant.policy_arn)
    assert policy.principals == {("user", "ops"), ("user", "dev"), ("group", "developers")}
    assert policy.created is not None
    assert DevAccessGrant.from_policy(policy, console_user=user) == grant
    assert DevAccessGrant.from_policy(policy).users == ("dev", "ops")


def test_the_default_version_of_a_policy_is_read(accounts: TwoAccounts) -> None:
    access = accounts.grant()
    iam, arn = accounts.development.client("iam"), access.dev_access.policy_arn
    other = access.dev_access.assume_role_policy.to_json().replace("CrossAccountRoleS3", "Other")
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=other, SetAsDefault=False)
    assert read_policy(accounts.development, arn).document == access.dev_access.assume_role_policy


def test_the_policy_that_ends_sessions_is_not_read(accounts: TwoAccounts) -> None:
    access = accounts.grant()
    access.end_sessions()
    assert read_role(accounts.production, "CrossAccountRoleS3").inline == {}


def test_a_role_or_policy_that_does_not_exist_is_an_error_that_names_it(accounts: TwoAccounts) -> None:
    with pytest.raises(AwsError, match="reading role Missing"):
        read_role(accounts.production, "Missing")
    with pytest.raises(AwsError, match="reading policy Missing"):
        read_policy(accounts.development, f"arn:aws:iam::{TRUSTED}:policy/Missing")


@pytest.mark.parametrize("arn", ["CrossAccountPolicy", ROLE])
def test_an_arn_of_something_else_is_refused(accounts: TwoAccounts, arn: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        read_policy(accounts.development, arn)
    assert refused.value.field == "policy_arn"


@pytest.mark.parametrize("session", ["prod", None])
def test_a_value_that_is_no_session_is_refused(session: Any) -> None:
    with pytest.raises(InvalidValue, match="session"):
        read_role(session, "Reader")
    with pytest.raises(InvalidValue, match="session"):
        read_policy(session, f"arn:aws:iam::{TRUSTED}:policy/P")
