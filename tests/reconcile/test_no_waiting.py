"""What does not exist is an error at once: only what the run itself wrote is waited for."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from xacct import ConsoleUser, TrustGrant
from xacct.errors import ApplyFailed, AwsError, ProofFailed
from xacct.reconcile import plan
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import USER, tutorial

MISSING_HERE = f"arn:aws:iam::{TRUSTING}:policy/Typo"
MISSING_THERE = f"arn:aws:iam::{TRUSTED}:policy/Typo"


@pytest.mark.parametrize("is_new", [True, False], ids=["new grant", "existing grant"])
@pytest.mark.parametrize(
    ("side", "changes", "message"),
    [
        ("trust", {"managed_policy_arns": MISSING_HERE}, "Typo"),
        ("trust", {"permissions_boundary": MISSING_HERE}, "Typo"),
        ("trust", {"principals": f"arn:aws:iam::{TRUSTED}:user/typo"}, "Invalid principal"),
        ("access", {"users": "typo"}, "user typo"),
        ("access", {"groups": "typo"}, "group typo"),
        ("access", {"roles": "Typo"}, "role Typo"),
        ("access", {"console_user": ConsoleUser(USER, managed_policy_arns=MISSING_THERE)}, "Typo"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_name_that_does_not_exist_fails_at_once_and_nothing_changes(
    accounts: Accounts, is_new: bool, side: str, changes: dict[str, Any], message: str
) -> None:
    waits: list[float] = []
    patience = Patience(deadline=120, sleep=waits.append)
    sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
    trust, access = tutorial()
    if not is_new:
        plan(trust, access, **sessions, patience=patience).apply()
    before = accounts.snapshot()
    grants = (evolve(trust, **changes), access) if side == "trust" else (trust, evolve(access, **changes))
    planned = plan(*grants, **sessions, patience=patience)
    waits.clear()
    # The proof reads the role's managed policies first.
    with pytest.raises((ApplyFailed, ProofFailed), match=message) as failed:
        planned.apply()

    if isinstance(failed.value, ApplyFailed):
        assert isinstance(failed.value.__cause__, AwsError)
        assert failed.value.__cause__.code in ("NoSuchEntity", "MalformedPolicyDocument")
    assert waits == []
    assert accounts.snapshot() == before


def test_a_new_user_that_the_role_trusts_is_waited_for(accounts: Accounts) -> None:
    waits: list[float] = []
    trust, access = tutorial(principals=f"arn:aws:iam::{TRUSTED}:user/{USER}")
    assert isinstance(trust, TrustGrant)
    sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
    planned = plan(trust, access, **sessions, patience=Patience(sleep=waits.append))
    accounts.fail(f"trusted AttachUserPolicy {USER} AmazonEC2FullAccess", "throttled")
    planned.apply()

    assert len(waits) == 1
