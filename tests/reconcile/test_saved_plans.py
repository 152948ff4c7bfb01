"""Plans that were saved as JSON and are applied later."""

from __future__ import annotations

import json
from typing import Any

import pytest

from xacct import ConsoleUser, DevAccessGrant, InvalidValue, Plan, StalePlan
from xacct.errors import NotOurs
from xacct.reconcile import plan
from xacct.resources.step import Change
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import ROLE, plan_tutorial, tutorial


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


def test_a_saved_plan_says_how_it_was_made() -> None:
    nothing: Any = None
    grant = tutorial()[0]
    change = Change(action="create", side="trusting", account=TRUSTING, resource="role R")
    made = Plan(
        grants=(grant,),
        changes=(change,),
        notes=("a note",),
        not_applied=("a password",),
        parts=(),
        failures=(("reader", InvalidValue("role_name", "", "a name")),),
        trusting=nothing,
        trusted=nothing,
        passwords=nothing,
        adopt=True,
        on_error="collect",
    )

    assert made.to_dict() == {
        "grants": [grant.to_dict()],
        "adopt": True,
        "on_error": "collect",
        "is_empty": False,
        "changes": [change.to_dict()],
        "notes": ["a note"],
        "not_applied": ["a password"],
    }


@pytest.mark.parametrize("on_error", ["raise", "collect"])
def test_a_restored_plan_adopts_and_collects_errors_like_the_saved_one(
    accounts: Accounts, patience: Patience, on_error: Any
) -> None:
    """The role exists and was not created by xacct: only a plan that may adopt it changes it."""
    trust, _ = tutorial(role_name="Others")
    sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
    data = saved(plan(trust, **sessions, adopt=True, on_error=on_error, patience=patience))

    assert data["changes"]
    assert restored(accounts, data, patience).to_dict() == data
    assert restored(accounts, data, patience)._trusting.patience is patience
    assert Plan.from_dict(data, **sessions)._trusting.patience == Patience()
    if on_error == "raise":
        with pytest.raises(NotOurs):
            restored(accounts, {**data, "adopt": False}, patience)
    else:
        with pytest.raises(StalePlan):
            restored(accounts, {**data, "adopt": False}, patience)


def test_a_plan_that_is_out_of_date_says_what_it_would_change_now(accounts: Accounts, patience: Patience) -> None:
    data = saved(plan_tutorial(accounts, patience, external_id="acme-42"))
    plan_tutorial(accounts, patience).apply()
    with pytest.raises(StalePlan) as refused:
        restored(accounts, data, patience)

    now = plan_tutorial(accounts, patience, external_id="acme-42")
    assert refused.value.account == TRUSTING
    assert refused.value.names == tuple(change.resource for change in now.changes) == (f"trust policy of role {ROLE}",)
    assert refused.value.new_plan == str(now)


def test_a_plan_that_is_out_of_date_because_nothing_is_left_to_change_says_so(
    accounts: Accounts, patience: Patience
) -> None:
    data = saved(plan_tutorial(accounts, patience))
    plan_tutorial(accounts, patience).apply()
    with pytest.raises(StalePlan) as refused:
        restored(accounts, data, patience)

    assert refused.value.names == ("a resource of the grants",)


@pytest.mark.parametrize("grants", [None, 7, (), {"kind": "trust"}], ids=str)
def test_data_without_a_list_of_grants_is_not_a_plan(accounts: Accounts, grants: object) -> None:
    data = {"grants": grants, "on_error": "raise"}
    with pytest.raises(InvalidValue) as refused:
        Plan.from_dict(data, trusting=accounts.trusting, trusted=accounts.trusted)

    assert (refused.value.field, refused.value.value) == ("data", data)
    assert refused.value.rule == "the dictionary of Plan.to_dict()"
    assert accounts.log.calls == []
