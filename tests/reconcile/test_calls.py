"""What a grant costs in calls, and that the calls overlap."""

from __future__ import annotations

import threading

import pytest

from xacct.reconcile import plan
from xacct.retry import Patience

from .accounts import Accounts
from .tutorial import APPLY, DESTROY, REAPPLY, plan_tutorial, tutorial


def test_making_the_tutorials_grant_takes_18_calls(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience).apply()

    assert sorted(accounts.log.calls) == sorted(APPLY)
    assert len(APPLY) == 18


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


def test_taking_it_away_takes_16_calls(accounts: Accounts, patience: Patience) -> None:
    made = plan_tutorial(accounts, patience)
    made.apply()
    accounts.log.clear()
    made.destroy()

    assert sorted(accounts.log.calls) == sorted(DESTROY)
    assert len(DESTROY) == 16


@pytest.mark.parametrize("operations", [{"GetCallerIdentity"}, {"GetRole", "GetPolicy", "GetUser"}])
def test_both_sides_are_read_at_the_same_time(accounts: Accounts, patience: Patience, operations: set[str]) -> None:
    together = threading.Barrier(max(2, len(operations)), timeout=5)

    def wait(operation: str) -> None:
        if operation in operations:
            together.wait()

    accounts.log.on_call = wait

    plan(*tutorial(), trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)

    assert not together.broken
