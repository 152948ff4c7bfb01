"""Only the plan's console_user has the console password."""

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


def test_only_the_plan_that_generated_a_password_has_it(accounts: Accounts, patience: Patience) -> None:
    applied = plan_tutorial(accounts, patience)
    assert applied.console_user
    assert applied.console_user.password is None
    applied.apply()

    assert applied.console_user.password == accounts.snapshot()[TRUSTED]["users"][USER].password
    again = plan_tutorial(accounts, patience)
    again.apply()
    assert again.console_user
    assert again.console_user.password is None


def test_a_passed_password_is_set_and_a_rerun_does_not_set_it_again(accounts: Accounts, patience: Patience) -> None:
    plan_given(accounts, patience, ConsoleUser(USER, password=GIVEN)).apply()
    accounts.trusted.iam.update_login_profile(UserName=USER, Password="What the user chose since 1")

    assert plan_given(accounts, patience, ConsoleUser(USER, password=GIVEN)).is_empty
    assert accounts.snapshot()[TRUSTED]["users"][USER].password == "What the user chose since 1"


def test_a_generated_password_has_the_required_length(accounts: Accounts, patience: Patience) -> None:
    accounts.trusted.iam.update_account_password_policy(MinimumPasswordLength=40)
    applied = plan_tutorial(accounts, patience)
    applied.apply()

    assert applied.console_user
    assert len(applied.console_user.password or "") == 40


def test_a_password_reset_can_be_required(accounts: Accounts, patience: Patience) -> None:
    plan_given(accounts, patience, ConsoleUser(USER, password=GIVEN, password_reset_required=True)).apply()

    assert accounts.log.requests[f"trusted CreateLoginProfile {USER}"]["PasswordResetRequired"] == "true"


def test_a_violation_of_the_password_policy_is_explained(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    violation = Refused("PasswordPolicyViolation", "Password should have at least one symbol")
    accounts.fail_always(f"trusted CreateLoginProfile {USER}", violation)
    with pytest.raises(ApplyFailed, match="the password violates the account's password policy") as failed:
        plan_given(accounts, patience, ConsoleUser(USER, password=GIVEN)).apply()

    assert GIVEN not in str(failed.value)
    assert accounts.snapshot() == before


def test_a_password_that_was_deleted_manually_is_not_set_again(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience).apply()
    accounts.trusted.iam.delete_login_profile(UserName=USER)

    assert plan_tutorial(accounts, patience).is_empty


@pytest.mark.parametrize("call", ["", APPLY[-1], f"trusted AttachUserPolicy {USER} {POLICY}"])
def test_no_text_but_the_console_user_has_the_password(
    accounts: Accounts,
    haste: Patience,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    texts: list[object] = []
    caplog.set_level(logging.DEBUG, logger="xacct")
    monkeypatch.setattr(sys.modules["xacct.reconcile.plan"], "generate_password", lambda length: GIVEN)
    if call:
        accounts.fail_always(call, "denied")
    applied = plan_tutorial(accounts, haste)
    texts += [applied, str(applied), applied.to_dict()]
    try:
        texts.append(applied.apply(on_event=lambda event: texts.extend([event, str(event)])))
    except XacctError as error:
        texts += [error, str(error), vars(error), error.__cause__, vars(error.__cause__ or error)]
    assert applied.console_user
    assert applied.console_user.password == GIVEN
    texts += [applied, applied.console_user, caplog.text, plan_tutorial(accounts, haste)]

    assert any(isinstance(thing, Event) for thing in texts)
    assert GIVEN not in "\n".join(map(repr, texts))
