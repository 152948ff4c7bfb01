"""Several grants of one plan that name the same console user."""

from __future__ import annotations

from typing import Any

from xacct import ConsoleUser, DevAccessGrant
from xacct.reconcile import Plan, plan
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import EC2_READ


def plan_both(accounts: Accounts, patience: Patience, **options: Any) -> Plan:
    grants = [
        DevAccessGrant(
            account=TRUSTED,
            policy_name=name,
            role_arns=f"arn:aws:iam::{TRUSTING}:role/{name}",
            console_user=ConsoleUser("ada", managed_policy_arns=[EC2_READ]),
            tags={name: "x"},
        )
        for name in ("Reports", "Logs")
    ]
    return plan(*grants, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience, **options)


def test_the_user_is_created_once_with_the_policies_of_both(
    accounts: Accounts, patience: Patience, untouched: dict[str, Any]
) -> None:
    applied = plan_both(accounts, patience)
    applied.apply()
    user = accounts.snapshot()[TRUSTED]["users"]["ada"]

    assert sorted(arn.split("/")[-1] for arn in user.attached) == ["AmazonEC2ReadOnlyAccess", "Logs", "Reports"]
    assert accounts.log.calls.count("trusted CreateUser ada") == 1
    assert accounts.log.calls.count("trusted CreateLoginProfile ada") == 1
    plan_both(accounts, patience).apply()
    assert plan_both(accounts, patience).is_empty
    applied.destroy()
    assert accounts.snapshot() == untouched


def test_with_collected_errors_the_grants_of_one_user_are_one_part(
    accounts: Accounts, patience: Patience, untouched: dict[str, Any]
) -> None:
    applied = plan_both(accounts, patience, on_error="collect")
    applied.apply()
    plan_both(accounts, patience).apply()

    assert plan_both(accounts, patience).is_empty
    applied.destroy()
    assert accounts.snapshot() == untouched
