"""A destroy removes what xacct created, and nothing else."""

from __future__ import annotations

import pytest

from xacct.errors import ForeignAttachments
from xacct.reconcile import Plan
from xacct.retry import Patience
from xacct.testing.error_responses import Refused

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import POLICY, ROLE, USER, plan_tutorial

OTHERS_THERE = f"arn:aws:iam::{TRUSTED}:policy/Others"
OTHERS_HERE = f"arn:aws:iam::{TRUSTING}:policy/Others"
TRUST = '{"Version": "2012-10-17", "Statement": []}'
READ = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'


@pytest.fixture
def applied(accounts: Accounts, haste: Patience) -> Plan:
    plan = plan_tutorial(accounts, haste)
    plan.apply()
    accounts.log.clear()
    return plan


def test_destroy_returns_what_it_removed_and_a_second_run_removes_nothing(accounts: Accounts, applied: Plan) -> None:
    removed = {(change.action, change.resource) for change in applied.destroy()}

    assert removed == {
        ("detach", f"AmazonS3ReadOnlyAccess from role {ROLE}"),
        ("delete", f"role {ROLE}"),
        ("detach", f"AmazonEC2FullAccess from user {USER}"),
        ("detach", f"{POLICY} from user {USER}"),
        ("delete", f"console sign-in of user {USER}"),
        ("delete", f"user {USER}"),
        ("delete", f"policy {POLICY}"),
    }
    assert applied.destroy() == ()


def test_a_new_plan_of_the_same_grants_can_destroy(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    plan_tutorial(accounts, patience).apply()
    plan_tutorial(accounts, patience).destroy()

    assert accounts.snapshot() == before


@pytest.mark.parametrize(
    ("side", "operation", "request_", "named"),
    [
        (
            "trusting",
            "attach_role_policy",
            {"RoleName": ROLE, "PolicyArn": OTHERS_HERE},
            f"policy {OTHERS_HERE} on role {ROLE}",
        ),
        (
            "trusting",
            "put_role_policy",
            {"RoleName": ROLE, "PolicyName": "ByHand", "PolicyDocument": READ},
            f"inline policy ByHand on role {ROLE}",
        ),
        (
            "trusted",
            "attach_user_policy",
            {"UserName": USER, "PolicyArn": OTHERS_THERE},
            f"policy {OTHERS_THERE} on user {USER}",
        ),
        (
            "trusted",
            "put_user_policy",
            {"UserName": USER, "PolicyName": "ByHand", "PolicyDocument": READ},
            f"inline policy ByHand of user {USER}",
        ),
        ("trusted", "create_access_key", {"UserName": USER}, "access key"),
        (
            "trusted",
            "add_user_to_group",
            {"UserName": USER, "GroupName": "others"},
            f"membership in group others of user {USER}",
        ),
        (
            "trusted",
            "attach_role_policy",
            {"RoleName": "Others", "PolicyArn": f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"},
            f"policy {POLICY} on role Others",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
def test_what_others_attached_is_named_before_anything_is_removed(
    accounts: Accounts, applied: Plan, side: str, operation: str, request_: dict[str, str], named: str
) -> None:
    session = getattr(accounts, side)
    getattr(session.iam, operation)(**request_)
    before = accounts.snapshot()
    accounts.log.clear()
    with pytest.raises(ForeignAttachments, match="removing the grant") as refused:
        applied.destroy()

    assert [named in name for name in refused.value.names] == [True]
    assert refused.value.account == session.account
    assert not refused.value.touched
    assert accounts.log.writes == []
    assert accounts.snapshot() == before


def test_an_mfa_device_that_only_the_refused_deletion_shows_is_named(accounts: Accounts, applied: Plan) -> None:
    iam = accounts.trusted.iam
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    first = accounts.aws.mfa_code(serial)
    accounts.aws.clock.advance(30)
    second = accounts.aws.mfa_code(serial)
    iam.enable_mfa_device(UserName=USER, SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second)
    conflict = Refused("DeleteConflict", "Cannot delete entity, must delete MFA device first.", 409)
    accounts.fail_always(f"trusted DeleteUser {USER}", conflict)
    with pytest.raises(ForeignAttachments, match=f"deleting user {USER}") as refused:
        applied.destroy()

    assert refused.value.names == (f"MFA device {serial} of user {USER}",)
    assert refused.value.touched
    accounts.recover()
    iam.deactivate_mfa_device(UserName=USER, SerialNumber=serial)
    applied.destroy()
    assert USER not in accounts.snapshot()[TRUSTED]["users"]


def test_an_instance_profile_that_only_the_refused_deletion_shows_is_named(accounts: Accounts, applied: Plan) -> None:
    iam = accounts.trusting.iam
    iam.create_instance_profile(InstanceProfileName="machines")
    iam.add_role_to_instance_profile(InstanceProfileName="machines", RoleName=ROLE)
    with pytest.raises(ForeignAttachments) as refused:
        applied.destroy()

    assert refused.value.names == (f"instance profile machines with role {ROLE}",)
    iam.remove_role_from_instance_profile(InstanceProfileName="machines", RoleName=ROLE)
    applied.destroy()
    assert ROLE not in accounts.snapshot()[TRUSTING]["roles"]


def test_what_was_removed_manually_is_skipped(accounts: Accounts, applied: Plan) -> None:
    accounts.trusted.iam.detach_user_policy(UserName=USER, PolicyArn=f"arn:aws:iam::{TRUSTED}:policy/{POLICY}")
    accounts.trusted.iam.delete_login_profile(UserName=USER)
    accounts.trusting.iam.detach_role_policy(RoleName=ROLE, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    applied.destroy()

    now = accounts.snapshot()
    assert ROLE not in now[TRUSTING]["roles"]
    assert USER not in now[TRUSTED]["users"]
