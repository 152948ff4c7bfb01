"""Every call that changes a grant fails in turn: what was there is put back, or a rerun goes on."""

from __future__ import annotations

from typing import Any

import pytest

from xacct import ConsoleUser, DevAccessGrant, TrustGrant, s3_read_policy
from xacct.errors import ApplyFailed
from xacct.reconcile import Plan, plan
from xacct.retry import Patience

from .conftest import (
    DENIED,
    EC2_FULL,
    EC2_READ,
    KILLED_AFTERWARDS,
    LOST,
    POLICY,
    ROLE,
    S3_READ,
    THROTTLED,
    TRUSTED,
    TRUSTING,
    UNREACHABLE,
    USER,
    Accounts,
    Fault,
    Killed,
    in_turn,
)

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
)

every_call = pytest.mark.parametrize("call", WRITES)


def plan_of(grants: tuple[TrustGrant, DevAccessGrant], accounts: Accounts, patience: Patience) -> Plan:
    return plan(*grants, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)


@pytest.fixture
def untouched(accounts: Accounts) -> dict[str, Any]:
    return accounts.snapshot()


@pytest.fixture
def old(accounts: Accounts, untouched: dict[str, Any], patience: Patience) -> dict[str, Any]:
    """What both accounts hold once the old grant stands."""
    plan_of(OLD, accounts, patience).apply()
    accounts.wire.forget()
    return accounts.snapshot()


def test_these_are_the_calls(accounts: Accounts, old: dict[str, Any], patience: Patience) -> None:
    plan_of(NEW, accounts, patience).apply()

    assert sorted(accounts.wire.writes) == sorted(WRITES)


@every_call
@pytest.mark.parametrize("faults", [(THROTTLED, UNREACHABLE, LOST)], ids=in_turn)
def test_faults_that_pass_are_waited_out(
    accounts: Accounts, old: dict[str, Any], patience: Patience, call: str, faults: tuple[Fault, ...]
) -> None:
    accounts.wire.fail(call, *faults)
    plan_of(NEW, accounts, patience).apply()

    assert plan_of(NEW, accounts, patience).is_empty


@every_call
@pytest.mark.parametrize("fault", [LOST, DENIED], ids=str)
def test_after_a_fault_that_lasts_the_accounts_are_as_they_were(
    accounts: Accounts,
    untouched: dict[str, Any],
    old: dict[str, Any],
    haste: Patience,
    patience: Patience,
    call: str,
    fault: Fault,
) -> None:
    accounts.wire.fail_always(call, fault)
    try:
        plan_of(NEW, accounts, haste).apply()
    except ApplyFailed as failed:
        if failed.stands:  # by the very call that fails it would have been put back
            assert fault is LOST or call.endswith("#2")
        else:
            assert accounts.snapshot() == old
    else:
        assert call == f"trusted CreatePolicyVersion {POLICY}", "only there a rerun sees that the lost call was made"
        assert plan_of(NEW, accounts, patience).is_empty
    converges(accounts, patience, untouched)


@every_call
@pytest.mark.parametrize("fault", [KILLED_AFTERWARDS], ids=str)
def test_after_the_process_was_killed_a_rerun_converges(
    accounts: Accounts, untouched: dict[str, Any], old: dict[str, Any], patience: Patience, call: str, fault: Fault
) -> None:
    accounts.wire.fail(call, fault)
    with pytest.raises(Killed):
        plan_of(NEW, accounts, patience).apply()

    converges(accounts, patience, untouched)


@every_call
def test_after_the_process_was_killed_the_old_grant_can_be_had_again(
    accounts: Accounts, untouched: dict[str, Any], old: dict[str, Any], patience: Patience, call: str
) -> None:
    accounts.wire.fail(call, KILLED_AFTERWARDS)
    with pytest.raises(Killed):
        plan_of(NEW, accounts, patience).apply()
    accounts.wire.mend()
    again = plan_of(OLD, accounts, patience)
    again.apply()

    assert plan_of(OLD, accounts, patience).is_empty
    for account, name in ((TRUSTING, ROLE), (TRUSTED, "Others")):
        assert accounts.snapshot()[account]["roles"][name][6:] == old[account]["roles"][name][6:]
    again.destroy()
    assert accounts.snapshot() == untouched


def converges(accounts: Accounts, patience: Patience, untouched: dict[str, Any]) -> None:
    accounts.wire.mend()
    changed = plan_of(NEW, accounts, patience)
    changed.apply()
    assert plan_of(NEW, accounts, patience).is_empty
    changed.destroy()
    assert accounts.snapshot() == untouched
