"""Only the plan's console_user has the console password."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

import pytest

from xacct import ConsoleUser, DevAccessGrant, Event
from xacct.console_user import Secret
from xacct.errors import ApplyFailed, AwsError, PermissionMissing, SessionExpired, XacctError
from xacct.grant_account import connect_one
from xacct.reconcile import Plan, plan
from xacct.resources.login_profile import set_password
from xacct.retry import Patience
from xacct.testing import Fault
from xacct.testing.error_responses import Refused

from .accounts import TRUSTED, Accounts, Killed
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


def test_a_plan_and_the_log_say_that_the_password_of_an_existing_user_is_not_set(
    accounts: Accounts, patience: Patience, caplog: pytest.LogCaptureFixture
) -> None:
    first = plan_given(accounts, patience, ConsoleUser(USER, password=GIVEN))
    assert first.not_applied == ()
    first.apply()
    assert plan_given(accounts, patience, ConsoleUser(USER)).not_applied == ()

    again = plan_given(accounts, patience, ConsoleUser(USER, password="Another horse 9 Battery"))
    (text,) = again.not_applied
    assert text.startswith(f"the password of user {USER} in account {TRUSTED}: the user exists already")
    assert str(again) == f"Nothing to change: both accounts match the grants.\nNot applied: {text}"
    assert again.to_dict()["not_applied"] == [text]
    again.apply()
    assert text in caplog.text


def test_a_generated_password_has_the_required_length(accounts: Accounts, patience: Patience) -> None:
    accounts.trusted.iam.update_account_password_policy(MinimumPasswordLength=40)
    applied = plan_tutorial(accounts, patience)
    applied.apply()

    assert applied.console_user
    assert len(applied.console_user.password or "") == 40
    assert applied.console_user.password == accounts.snapshot()[TRUSTED]["users"][USER].password


def test_the_password_policy_is_read_only_after_it_refused_a_password(accounts: Accounts, patience: Patience) -> None:
    accounts.fail_always("trusted GetAccountPasswordPolicy", "denied")
    plan_tutorial(accounts, patience).apply()

    assert accounts.log.count("trusted GetAccountPasswordPolicy") == 0


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
    monkeypatch.setattr(sys.modules["xacct.resources.passwords"], "generate_password", lambda *length: Secret(GIVEN))
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


# Errors without the password

VIOLATION = Refused("PasswordPolicyViolation", "Password should have at least one symbol")
# IAM quotes the values that break the pattern of a parameter.
QUOTED = Refused("ValidationError", f"1 validation error detected: Value '{GIVEN}' at 'password' is not valid")
FAULTS: list[tuple[Fault | Refused, type[AwsError], str]] = [
    (VIOLATION, AwsError, "the password violates the account's password policy"),
    (QUOTED, AwsError, r"Value '\(not shown\)' at 'password'"),
    ("denied", PermissionMissing, "iam:CreateLoginProfile"),
    ("throttled", AwsError, "Throttling"),
    ("server error", AwsError, "ServiceFailure"),
    ("lost answer", AwsError, "Connection was closed|CreateLoginProfile|UpdateLoginProfile"),
    (Refused("ExpiredToken", "The token has expired", 403), SessionExpired, "have expired"),
]
faulty = pytest.mark.parametrize(
    ("fault", "kind", "message"), FAULTS, ids=lambda value: str(value).split(":")[0][:24].replace("\\", "")
)


def chain(error: BaseException | None, seen: tuple[int, ...] = ()) -> Iterator[BaseException]:
    """The error, its causes and its contexts."""
    if error is not None and id(error) not in seen:
        yield error
        for cause in {id(e): e for e in (error.__cause__, error.__context__)}.values():
            yield from chain(cause, (*seen, id(error)))


def inner_values(value: object, depth: int = 6) -> Iterator[object]:
    """The value and what it contains."""
    yield value
    if depth == 0:
        return
    if isinstance(value, Mapping):
        inside: Any = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        inside = value
    elif isinstance(value, BaseException):
        inside = [value.args, vars(value)]
    else:
        return
    for item in inside:
        yield from inner_values(item, depth - 1)


def reports(error: BaseException) -> Iterator[str]:
    """What a report prints of an error that shows the local variables of each frame, except those of this module."""
    for link in chain(error):
        yield from map(repr, inner_values(link))
        yield from traceback.format_exception(link)
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if frame.f_code.co_filename != __file__:
                for value in inner_values(dict(frame.f_locals)):
                    yield repr(value)


def assert_not_in_reports(error: BaseException) -> None:
    found = list(reports(error))
    assert len(found) > 1
    for text in found:
        assert GIVEN not in text
        assert quote_plus(GIVEN) not in text


def test_a_report_of_an_error_of_botocore_has_its_parameters(accounts: Accounts) -> None:
    # Otherwise the tests below would pass whatever xacct does.
    accounts.fail_always(f"trusted CreateLoginProfile {USER}", "denied")
    with pytest.raises(accounts.trusted.iam.exceptions.ClientError) as denied:
        accounts.trusted.iam.create_login_profile(UserName=USER, Password=GIVEN)
    assert any(GIVEN in text for text in reports(denied.value))


@faulty
def test_no_report_of_a_failed_apply_has_the_password(
    accounts: Accounts, haste: Patience, fault: Fault | Refused, kind: type[AwsError], message: str
) -> None:
    for operation in ("CreateLoginProfile", "UpdateLoginProfile"):
        accounts.fail_always(f"trusted {operation} {USER}", fault)
    with pytest.raises(ApplyFailed, match=message) as failed:
        plan_given(accounts, haste, ConsoleUser(USER, password=GIVEN)).apply()

    assert type(failed.value.__cause__) is kind
    assert_not_in_reports(failed.value)


@faulty
def test_no_report_of_a_failed_apply_has_a_generated_password(
    accounts: Accounts,
    haste: Patience,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault | Refused,
    kind: type[AwsError],
    message: str,
) -> None:
    monkeypatch.setattr(sys.modules["xacct.resources.passwords"], "generate_password", lambda *length: Secret(GIVEN))
    for operation in ("CreateLoginProfile", "UpdateLoginProfile"):
        accounts.fail_always(f"trusted {operation} {USER}", fault)
    with pytest.raises(ApplyFailed, match=message) as failed:
        plan_tutorial(accounts, haste).apply()

    assert type(failed.value.__cause__) is kind
    assert_not_in_reports(failed.value)


def set_given_password(accounts: Accounts, haste: Patience) -> None:
    account = connect_one(accounts.trusted, "trusted", side="trusted", patience=haste)
    password = Secret(GIVEN)
    set_password(account, name=USER, label=f"user {USER}", arn="*", password=password, reset_required=False)


@faulty
def test_the_error_of_a_refused_password_has_no_cause_and_keeps_its_fields(
    accounts: Accounts, haste: Patience, fault: Fault | Refused, kind: type[AwsError], message: str
) -> None:
    accounts.trusted.iam.create_user(UserName=USER)
    for operation in ("CreateLoginProfile", "UpdateLoginProfile"):
        accounts.fail_always(f"trusted {operation} {USER}", fault)
    with pytest.raises(kind, match=message) as failed:
        set_given_password(accounts, haste)

    assert (failed.value.__cause__, failed.value.__context__) == (None, None)
    assert (failed.value.doing, failed.value.account) == (f"setting the console password of user {USER}", TRUSTED)
    assert failed.value.ambiguous is (fault in ("server error", "lost answer"))
    assert failed.value.code == (fault.code if isinstance(fault, Refused) else failed.value.code)
    assert_not_in_reports(failed.value)


def test_no_report_has_a_password_that_is_set_again_and_refused(accounts: Accounts, haste: Patience) -> None:
    accounts.trusted.iam.create_user(UserName=USER)
    accounts.trusted.iam.create_login_profile(UserName=USER, Password="What somebody else set 1")
    accounts.fail_always(f"trusted UpdateLoginProfile {USER}", "denied")
    with pytest.raises(PermissionMissing, match="iam:UpdateLoginProfile") as failed:
        set_given_password(accounts, haste)
    assert_not_in_reports(failed.value)


@pytest.mark.parametrize("error", [Killed, KeyboardInterrupt, RuntimeError])
def test_no_report_of_an_interrupt_has_the_password(
    accounts: Accounts, haste: Patience, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    accounts.trusted.iam.create_user(UserName=USER)

    def interrupt(operation: str) -> None:
        if operation == "CreateLoginProfile":
            raise error

    monkeypatch.setattr(accounts.log, "on_call", interrupt)
    with pytest.raises(error) as interrupted:
        set_given_password(accounts, haste)
    assert_not_in_reports(interrupted.value)
