"""A console password is told to the caller, once, and to nobody else."""

from __future__ import annotations

import logging
import sys

import pytest

from xacct import ConsoleUser, DevAccessGrant, Event
from xacct.errors import ApplyFailed, XacctError
from xacct.reconcile import Plan, plan
from xacct.retry import Patience
from xacct.testing.error_responses import Refused

from .accounts import TRUSTED, Accounts
from .tutorial import APPLY, POLICY, USER, plan_tutorial, tutorial

GIVEN = "correct horse 9 Battery"


def plan_given(accounts: Accounts, patience: Patience, user: ConsoleUser) -> Plan:
    grant = DevAccessGrant(account=TRUSTED, role_arns=tutorial()[0].role_arn, console_user=user)
    return plan(grant, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)


def test_a_generated_password_is_told_by_the_plan_that_made_it_alone(accounts: Accounts, patience: Patience) -> None:
    made = plan_tutorial(accounts, patience)
    assert made.console_user
    assert made.console_user.password is None
    made.apply()

    assert made.console_user.password == accounts.snapshot()[TRUSTED]["users"][USER].password
    again = plan_tutorial(accounts, patience)
    again.apply()
    assert again.console_user
    assert again.console_user.password is None


def test_a_given_password_is_set_and_a_rerun_does_not_set_it_again(accounts: Accounts, patience: Patience) -> None:
    plan_given(accounts, patience, ConsoleUser(USER, password=GIVEN)).apply()
    accounts.trusted.iam.update_login_profile(UserName=USER, Password="What the user chose since 1")

    assert plan_given(accounts, patience, ConsoleUser(USER, password=GIVEN)).is_empty
    assert accounts.snapshot()[TRUSTED]["users"][USER].password == "What the user chose since 1"


def test_a_generated_password_is_as_long_as_the_account_demands(accounts: Accounts, patience: Patience) -> None:
    accounts.trusted.iam.update_account_password_policy(MinimumPasswordLength=40)
    made = plan_tutorial(accounts, patience)
    made.apply()

    assert made.console_user
    assert len(made.console_user.password or "") == 40


def test_a_first_sign_in_can_ask_for_a_new_password(accounts: Accounts, patience: Patience) -> None:
    plan_given(accounts, patience, ConsoleUser(USER, password=GIVEN, password_reset_required=True)).apply()

    assert accounts.log.requests[f"trusted CreateLoginProfile {USER}"]["PasswordResetRequired"] == "true"


def test_a_password_that_the_account_refuses_is_explained_and_not_shown(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    violation = Refused("PasswordPolicyViolation", "Password should have at least one symbol")
    accounts.fail_always(f"trusted CreateLoginProfile {USER}", violation)
    with pytest.raises(ApplyFailed, match="the password violates the account's password policy") as failed:
        plan_given(accounts, patience, ConsoleUser(USER, password=GIVEN)).apply()

    assert GIVEN not in str(failed.value)
    assert accounts.snapshot() == before


def test_a_user_whose_sign_in_was_taken_away_by_hand_does_not_get_another(
    accounts: Accounts, patience: Patience
) -> None:
    plan_tutorial(accounts, patience).apply()
    accounts.trusted.iam.delete_login_profile(UserName=USER)

    assert plan_tutorial(accounts, patience).is_empty


@pytest.mark.parametrize("call", ["", APPLY[-1], f"trusted AttachUserPolicy {USER} {POLICY}"])
def test_nothing_tells_the_password_but_the_console_user(
    accounts: Accounts,
    haste: Patience,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    told: list[object] = []
    caplog.set_level(logging.DEBUG, logger="xacct")
    monkeypatch.setattr(sys.modules["xacct.reconcile.plan"], "generate_password", lambda length: GIVEN)
    if call:
        accounts.fail_always(call, "denied")
    made = plan_tutorial(accounts, haste)
    told += [made, str(made), made.to_dict()]
    try:
        told.append(made.apply(on_event=lambda event: told.extend([event, str(event)])))
    except XacctError as error:
        told += [error, str(error), vars(error), error.__cause__, vars(error.__cause__ or error)]
    assert made.console_user
    assert made.console_user.password == GIVEN
    told += [made, made.console_user, caplog.text, plan_tutorial(accounts, haste)]

    assert any(isinstance(thing, Event) for thing in told)
    assert GIVEN not in "\n".join(map(repr, told))
