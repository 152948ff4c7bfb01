"""The number of calls that a grant takes, and their concurrency."""

from __future__ import annotations

import threading

import pytest
from attrs import evolve

from xacct import TrustGrant
from xacct.reconcile import plan
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import APPLY, DESTROY, PROOF, REAPPLY, S3_READ, plan_tutorial, tutorial


def test_applying_the_tutorials_grant_takes_17_calls(accounts: Accounts, patience: Patience) -> None:
    # A run that takes longer than the longest wait looks again at what it has created.
    plan_tutorial(accounts, evolve(patience, longest=5)).apply()

    assert sorted(accounts.log.calls) == sorted(APPLY)
    assert len(APPLY) == 17


def test_applying_the_tutorials_grant_in_an_organization_takes_18_calls(accounts: Accounts, patience: Patience) -> None:
    accounts.aws.organization({"/": [TRUSTED]}, management=TRUSTING)
    accounts.log.clear()
    plan_tutorial(accounts, evolve(patience, longest=5)).apply()

    assert sorted(accounts.log.calls) == sorted([*APPLY, "trusted DescribeOrganization"])


def test_a_second_run_takes_9_calls_and_writes_nothing(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience).apply()
    accounts.log.clear()
    again = plan_tutorial(accounts, patience)

    assert again.is_empty
    assert again.apply() == ()
    assert str(again) == "Nothing to change: both accounts match the grants."
    assert accounts.log.writes == []
    assert sorted(accounts.log.calls) == sorted(REAPPLY)
    assert len(REAPPLY) == 9


def test_destroying_the_tutorials_grant_takes_16_calls(accounts: Accounts, patience: Patience) -> None:
    # A removal that takes longer than the longest wait reads the user once more.
    applied = plan_tutorial(accounts, evolve(patience, longest=5))
    applied.apply()
    accounts.log.clear()
    applied.destroy()

    assert sorted(accounts.log.calls) == sorted(DESTROY)
    assert len(DESTROY) == 16


@pytest.mark.parametrize("operations", [{"GetCallerIdentity"}, {"GetRole", "GetPolicy", "GetUser"}])
def test_both_accounts_are_read_concurrently(accounts: Accounts, patience: Patience, operations: set[str]) -> None:
    barrier = threading.Barrier(max(2, len(operations)), timeout=5)

    def wait(operation: str) -> None:
        if operation in operations:
            barrier.wait()

    accounts.log.on_call = wait

    plan(*tutorial(), trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)

    assert not barrier.broken


def test_a_managed_policy_of_several_grants_is_read_once_for_their_proofs(
    accounts: Accounts, patience: Patience
) -> None:
    grants = [TrustGrant(account=TRUSTING, principals=TRUSTED, managed_policy_arns=S3_READ, role_name=n) for n in "AB"]
    made = plan(*grants, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)
    accounts.log.clear()
    made.apply()

    assert [call for call in accounts.log.calls if call in PROOF] == list(PROOF)
