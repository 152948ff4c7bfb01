"""load_access: the access of an existing grant, from what both accounts have recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.two_accounts import EC2_FULL, S3_READ, TRUSTED, TRUSTING, TwoAccounts, two_accounts

from xacct import (
    CannotExpress,
    ConsoleUser,
    CrossAccountAccess,
    InvalidValue,
    Principal,
    TrustGrant,
    load_access,
)

POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"


@pytest.fixture
def accounts() -> Iterator[TwoAccounts]:
    with two_accounts() as accounts:
        accounts.bucket("reports", "2026/a", "2025/a")
        yield accounts


def loaded(accounts: TwoAccounts, name: str = "reports") -> CrossAccountAccess:
    return load_access(accounts.production, accounts.development, name)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"buckets": ["reports"]},
        {"buckets": ["reports"], "prefixes": ["2026/", "2025/"], "versions": True},
        {"external_id": "acme-42", "tags": {"team": "data"}, "path": "/team/", "description": "Read the reports"},
        {"role_name": "Reader", "policy_name": "Readers", "max_session_duration": 7200},
        {"console_user": ConsoleUser("dev", managed_policy_arns=[EC2_FULL])},
        {"permissions_boundary": POWER_USER, "source_ips": ["192.0.2.0/24"], "require_mfa": True},
        {"organization_id": "o-a1b2c3d4e5", "principals": [Principal.permission_set(TRUSTED, "Developers")]},
    ],
    ids=lambda options: ",".join(options) or "defaults",
)
def test_the_loaded_grant_equals_the_granted_one(accounts: TwoAccounts, options: dict[str, Any]) -> None:
    granted = accounts.grant(name="reports", expires=accounts.in_hours(9), **options)
    accounts.aws.calls.clear()
    access = loaded(accounts)
    assert (access.trust, access.dev_access) == (granted.trust, granted.dev_access)
    assert (access.name, access.expires, access.changes) == ("reports", granted.expires, ())
    assert access.drift == ()
    assert accounts.writes() == []
    access.revoke()
    assert accounts.production.client("iam").list_roles()["Roles"] == []
    assert accounts.development.client("iam").list_policies(Scope="Local")["Policies"] == []
    assert [user["UserName"] for user in accounts.development.client("iam").list_users()["Users"]] == ["Administrator"]


def test_loaded_access_can_be_used_and_verified(accounts: TwoAccounts) -> None:
    accounts.grant(name="reports", buckets=["reports"], prefixes=["2026/"], versions=True, external_id="acme-42")
    access = loaded(accounts)
    identity = access.session(session_name="audit").client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{TRUSTING}:assumed-role/CrossAccountRoleS3/audit"
    verification = access.verify()
    assert verification.ok
    assert "list s3://reports/2026/" in [check.name for check in verification.checks]


def test_loaded_access_has_the_link_and_can_be_extended(accounts: TwoAccounts) -> None:
    accounts.grant(name="reports", expires=accounts.in_hours(2))
    access = loaded(accounts)
    assert (access.switch_role_link.account, access.switch_role_link.role_name) == (TRUSTING, "CrossAccountRoleS3")
    later = accounts.in_hours(5)
    assert access.extend(later).expires == later
    assert loaded(accounts).expires == later


def test_access_to_an_action_that_aws_has_retired_can_be_loaded_extended_and_revoked(accounts: TwoAccounts) -> None:
    accounts.grant(name="reports", buckets=["reports"], expires=accounts.in_hours(2))
    iam = accounts.production.client("iam")
    (policy,) = iam.list_role_policies(RoleName="CrossAccountRoleS3")["PolicyNames"]
    retired = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"deeplens:GetModel","Resource":"*"}}'
    iam.put_role_policy(RoleName="CrossAccountRoleS3", PolicyName=policy, PolicyDocument=retired)
    access = loaded(accounts)
    assert access.trust.policies[policy].statements[0].actions == ("deeplens:GetModel",)
    with pytest.raises(InvalidValue, match="no service deeplens"):
        TrustGrant.from_dict(access.trust.to_dict())
    later = accounts.in_hours(5)
    assert access.extend(later).expires == later
    loaded(accounts).revoke()
    assert iam.list_roles()["Roles"] == []


def test_the_console_user_is_loaded_without_its_password(accounts: TwoAccounts) -> None:
    user = ConsoleUser("dev", password="correct horse 9 Battery", managed_policy_arns=[EC2_FULL])
    accounts.grant(name="reports", console_user=user)
    accounts.development.client("iam").attach_user_policy(UserName="dev", PolicyArn=S3_READ)
    found = loaded(accounts).dev_access.console_user
    assert found is not None
    assert (found.name, found.managed_policy_arns, found.password) == ("dev", (EC2_FULL,), None)


def test_users_groups_and_roles_that_have_the_policy_are_loaded(accounts: TwoAccounts) -> None:
    iam = accounts.development.client("iam")
    iam.create_user(UserName="ops")
    iam.create_user(UserName="foreign")
    iam.create_group(GroupName="developers")
    granted = accounts.grant(name="reports", groups=["developers"], principals=[Principal.user(TRUSTED, "ops")])
    iam.attach_user_policy(UserName="foreign", PolicyArn=granted.dev_access.policy_arn)
    access = loaded(accounts)
    assert (access.dev_access.users, access.dev_access.groups) == (("ops",), ("developers",))
    assert access.dev_access == granted.dev_access


def test_what_others_put_on_the_role_is_drift_and_not_part_of_the_grant(accounts: TwoAccounts) -> None:
    granted = accounts.grant(name="reports", buckets=["reports"], tags={"team": "data"})
    iam = accounts.production.client("iam")
    iam.attach_role_policy(RoleName="CrossAccountRoleS3", PolicyArn=EC2_FULL)
    inline = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}}'
    iam.put_role_policy(RoleName="CrossAccountRoleS3", PolicyName="More", PolicyDocument=inline)
    iam.put_role_permissions_boundary(RoleName="CrossAccountRoleS3", PermissionsBoundary=POWER_USER)
    iam.tag_role(RoleName="CrossAccountRoleS3", Tags=[{"Key": "owner", "Value": "ops"}])
    access = loaded(accounts)
    assert access.trust == granted.trust
    drift = " ".join(str(change) for change in access.drift)
    assert {change.action for change in access.drift} == {"leave"}
    for part in ("AmazonEC2FullAccess", "More", "PowerUserAccess", "owner"):
        assert part in drift


def test_an_unknown_name_is_refused_with_the_names_that_there_are(accounts: TwoAccounts) -> None:
    accounts.grant(name="one", role_name="One", policy_name="One")
    accounts.grant(name="two", role_name="Two", policy_name="Two")
    with pytest.raises(InvalidValue) as refused:
        loaded(accounts, "three")
    assert str(refused.value) == (
        f"name: 'three' is not valid: account {TRUSTING} has no trusting side of a grant of this name with {TRUSTED}; "
        "it has one, two"
    )


def test_an_account_without_grants_has_none(accounts: TwoAccounts) -> None:
    with pytest.raises(InvalidValue, match="it has none"):
        loaded(accounts)


def test_half_a_grant_is_refused_with_the_account_that_lacks_it(accounts: TwoAccounts) -> None:
    granted = accounts.grant(name="reports")
    accounts.development.client("iam").delete_policy(PolicyArn=granted.dev_access.policy_arn)
    with pytest.raises(InvalidValue, match=f"account {TRUSTED} has no trusted side of a grant of this name"):
        loaded(accounts)


def test_a_trust_policy_that_no_grant_has_is_refused_with_its_statement(accounts: TwoAccounts) -> None:
    accounts.grant(name="reports")
    deny = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},'
        '"Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}'
    )
    accounts.production.client("iam").update_assume_role_policy(RoleName="CrossAccountRoleS3", PolicyDocument=deny)
    with pytest.raises(CannotExpress, match="statement 2 has the effect Deny"):
        loaded(accounts)
