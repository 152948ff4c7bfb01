"""Each call of an update fails in turn, in each way."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from xacct import ConsoleUser, DevAccessGrant, TrustGrant, s3_read_policy
from xacct.errors import ApplyFailed
from xacct.reconcile import Plan, plan
from xacct.retry import Patience
from xacct.testing import Fault

from .accounts import TRUSTED, TRUSTING, Accounts, Killed
from .convergence import TRANSIENT, assert_rerun_converges
from .tutorial import EC2_FULL, EC2_READ, POLICY, ROLE, S3_READ, USER

ROLE_ARN = f"arn:aws:iam::{TRUSTING}:role/{ROLE}"
OLD = (
    TrustGrant(
        account=TRUSTING,
        principals=TRUSTED,
        managed_policy_arns=S3_READ,
        policies={"S3Read": s3_read_policy(["reports"]), "More": s3_read_policy(["more"])},
    ),
    DevAccessGrant(
        account=TRUSTED,
        role_arns=ROLE_ARN,
        console_user=ConsoleUser(USER, managed_policy_arns=EC2_FULL),
        users="others",
    ),
)
NEW = (
    TrustGrant(
        account=TRUSTING,
        principals=TRUSTED,
        external_id="abc",
        description="Another",
        permissions_boundary=S3_READ,
        managed_policy_arns=EC2_READ,
        policies={"S3Read": s3_read_policy(["logs"]), "New": s3_read_policy(["new"])},
        tags={"team": "data"},
    ),
    DevAccessGrant(
        account=TRUSTED,
        role_arns=(ROLE_ARN, f"{ROLE_ARN}2"),
        console_user=ConsoleUser(USER, managed_policy_arns=S3_READ),
        groups="others",
        roles="Others",
        tags={"team": "data"},
    ),
)
WRITES = (
    f"trusting TagRole {ROLE}",
    f"trusting TagRole {ROLE} #2",
    f"trusting UpdateAssumeRolePolicy {ROLE}",
    f"trusting UpdateRole {ROLE}",
    f"trusting PutRolePermissionsBoundary {ROLE}",
    f"trusting PutRolePolicy {ROLE} New",
    f"trusting PutRolePolicy {ROLE} S3Read",
    f"trusting DeleteRolePolicy {ROLE} More",
    f"trusting AttachRolePolicy {ROLE} AmazonEC2ReadOnlyAccess",
    f"trusting DetachRolePolicy {ROLE} AmazonS3ReadOnlyAccess",
    f"trusted TagPolicy {POLICY}",
    f"trusted TagPolicy {POLICY} #2",
    f"trusted CreatePolicyVersion {POLICY}",
    f"trusted AttachGroupPolicy others {POLICY}",
    f"trusted AttachRolePolicy Others {POLICY}",
    f"trusted DetachUserPolicy others {POLICY}",
    f"trusted TagUser {USER}",
    f"trusted TagUser {USER} #2",
    f"trusted AttachUserPolicy {USER} AmazonS3ReadOnlyAccess",
    f"trusted DetachUserPolicy {USER} AmazonEC2FullAccess",
    f"trusting TagRole {ROLE} #3",
    f"trusted TagPolicy {POLICY} #3",
    f"trusted TagUser {USER} #3",
)

every_call = pytest.mark.parametrize("call", WRITES)


def plan_of(grants: tuple[TrustGrant, DevAccessGrant], accounts: Accounts, patience: Patience) -> Plan:
    return plan(*grants, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)


@pytest.fixture
def old(accounts: Accounts, untouched: dict[str, Any], patience: Patience) -> dict[str, Any]:
    """What both accounts have after the old grants are applied."""
    accounts.bring_about("the old grants", lambda: plan_of(OLD, accounts, patience).apply())
    return accounts.snapshot()


@pytest.mark.usefixtures("old")
def test_an_update_makes_these_calls(accounts: Accounts, patience: Patience) -> None:
    plan_of(NEW, accounts, patience).apply()

    assert sorted(accounts.log.writes) == sorted(WRITES)


@pytest.mark.every_case
@pytest.mark.usefixtures("old")
@every_call
def test_transient_faults_are_retried(accounts: Accounts, patience: Patience, call: str) -> None:
    accounts.fail(call, *TRANSIENT)
    plan_of(NEW, accounts, patience).apply()

    assert plan_of(NEW, accounts, patience).is_empty


@pytest.mark.every_case
@every_call
@pytest.mark.parametrize("fault", ["lost answer", "denied"])
def test_after_a_permanent_fault_the_changes_are_rolled_back(
    accounts: Accounts,
    untouched: dict[str, Any],
    old: dict[str, Any],
    haste: Patience,
    patience: Patience,
    call: str,
    fault: Fault,
) -> None:
    accounts.fail_always(call, fault)
    try:
        plan_of(NEW, accounts, haste).apply()
    except ApplyFailed as failed:
        if failed.remaining:  # The rollback needs the same call, which fails.
            assert fault == "lost answer" or call.endswith(("#2", "#3"))
        else:
            assert accounts.snapshot() == old
            if fault == "denied":  # A lost answer leaves the same, and is followed by a rerun.
                return
    else:
        assert call == f"trusted CreatePolicyVersion {POLICY}", "only there a retry can see that the lost call worked"
        assert plan_of(NEW, accounts, patience).is_empty
    assert_rerun_converges(accounts, partial(plan_of, NEW, accounts, patience), untouched)


@pytest.mark.every_case
@pytest.mark.usefixtures("old")
@every_call
def test_after_a_killed_run_a_rerun_converges(
    accounts: Accounts, untouched: dict[str, Any], patience: Patience, call: str
) -> None:
    accounts.log.kill(call, "after")
    with pytest.raises(Killed):
        plan_of(NEW, accounts, patience).apply()

    assert_rerun_converges(accounts, partial(plan_of, NEW, accounts, patience), untouched)


@pytest.mark.every_case
@every_call
def test_after_a_killed_run_the_old_grants_can_be_applied_again(
    accounts: Accounts, untouched: dict[str, Any], old: dict[str, Any], patience: Patience, call: str
) -> None:
    accounts.log.kill(call, "after")
    with pytest.raises(Killed):
        plan_of(NEW, accounts, patience).apply()

    again = assert_rerun_converges(accounts, partial(plan_of, OLD, accounts, patience), untouched)
    for account, name in ((TRUSTING, ROLE), (TRUSTED, "Others")):
        assert again[account]["roles"][name].attached == old[account]["roles"][name].attached
        assert again[account]["roles"][name].inline == old[account]["roles"][name].inline
