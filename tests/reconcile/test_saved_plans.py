"""Plans that were saved as JSON and are applied later."""

from __future__ import annotations

import json

import pytest

from xacct import ConsoleUser, DevAccessGrant, InvalidValue, Plan, StalePlan
from xacct.reconcile import plan
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import plan_tutorial


def saved(made: Plan) -> dict[str, object]:
    data: dict[str, object] = json.loads(json.dumps(made.to_dict()))
    return data


def restored(accounts: Accounts, data: dict[str, object], patience: Patience) -> Plan:
    return Plan.from_dict(data, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)


def test_a_saved_plan_makes_the_changes_that_it_shows(accounts: Accounts, patience: Patience) -> None:
    made = plan_tutorial(accounts, patience)

    applied = restored(accounts, saved(made), patience).apply()

    assert sorted(map(str, applied)) == sorted(map(str, made.changes))
    assert plan_tutorial(accounts, patience).is_empty


def test_a_saved_plan_is_refused_after_the_accounts_changed(accounts: Accounts, patience: Patience) -> None:
    data = saved(plan_tutorial(accounts, patience))
    plan_tutorial(accounts, patience).apply()
    before = accounts.snapshot()

    with pytest.raises(StalePlan, match="Nothing to change"):
        restored(accounts, data, patience)

    assert accounts.snapshot() == before


def test_a_saved_plan_of_an_update_has_the_old_and_the_new_value(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience).apply()

    (change,) = saved(plan_tutorial(accounts, patience, max_session_duration=7200))["changes"]  # type: ignore[misc] # JSON

    assert (change["before"]["max_session_duration"], change["after"]["max_session_duration"]) == (3600, 7200)


def test_a_saved_plan_has_no_password(accounts: Accounts, patience: Patience) -> None:
    user = ConsoleUser("ada", password="correct horse 9 Battery")
    grant = DevAccessGrant(account=TRUSTED, role_arns=f"arn:aws:iam::{TRUSTING}:role/R", console_user=user)

    text = json.dumps(plan(grant, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience).to_dict())

    assert "correct horse" not in text


def test_other_data_than_a_plan_is_refused_before_the_first_call(accounts: Accounts, patience: Patience) -> None:
    for data in ({}, {"grants": []}, {"grants": [{"kind": "trust"}], "on_error": "ignore"}):
        with pytest.raises(InvalidValue, match=r"Plan\.to_dict"):
            restored(accounts, data, patience)
    assert accounts.log.calls == []
