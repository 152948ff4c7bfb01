"""Each call of a destroy fails in turn, in each way."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from xacct.errors import ApplyFailed, XacctError
from xacct.reconcile import Plan
from xacct.retry import Patience
from xacct.testing import Fault

from .accounts import TRUSTED, TRUSTING, Accounts, Killed
from .convergence import TRANSIENT, assert_rerun_converges
from .tutorial import DESTROY, ROLE, bring_about_tutorial, existing_attachments, existing_resources, plan_tutorial

every_call = pytest.mark.parametrize("call", DESTROY)
every_write = pytest.mark.parametrize(
    "call", [call for call in DESTROY if call.split()[1].startswith(("Detach", "Delete"))]
)


@pytest.fixture
def applied(accounts: Accounts, untouched: dict[str, Any], haste: Patience) -> Plan:
    """A plan of an applied grant, whose destroy retries for a short time only."""
    bring_about_tutorial(accounts, haste)
    plan = plan_tutorial(accounts, haste)
    accounts.log.clear()
    return plan


@pytest.mark.every_case
@every_call
def test_transient_faults_are_retried(
    accounts: Accounts, untouched: dict[str, Any], applied: Plan, patience: Patience, call: str
) -> None:
    plan = plan_tutorial(accounts, patience)
    accounts.log.clear()
    accounts.fail(call, *TRANSIENT)
    plan.destroy()

    assert accounts.snapshot() == untouched
    assert plan.destroy() == ()


@pytest.mark.every_case
@every_call
@pytest.mark.parametrize("fault", ["throttled", "lost answer", "denied"])
def test_after_a_permanent_fault_the_error_names_what_is_left_and_a_rerun_removes_it(
    accounts: Accounts, untouched: dict[str, Any], applied: Plan, call: str, fault: Fault
) -> None:
    before = accounts.snapshot()
    accounts.fail_always(call, fault)
    with pytest.raises(XacctError) as failed:
        applied.destroy()

    assert_names_what_is_left(accounts, before, failed.value, fault)
    assert_rerun_removes_it(accounts, applied, untouched)


@pytest.mark.every_case
@every_call
def test_if_every_call_is_denied_the_error_names_what_is_left_and_a_rerun_removes_it(
    accounts: Accounts, untouched: dict[str, Any], applied: Plan, call: str
) -> None:
    before = accounts.snapshot()
    accounts.fail_everything_from(call, "denied")
    with pytest.raises(XacctError) as failed:
        applied.destroy()

    assert_names_what_is_left(accounts, before, failed.value, "denied")
    assert_rerun_removes_it(accounts, applied, untouched)


@pytest.mark.every_case
@every_write
def test_after_a_killed_run_a_rerun_removes_what_is_left(
    accounts: Accounts, untouched: dict[str, Any], applied: Plan, call: str
) -> None:
    accounts.log.kill(call, "after")
    with pytest.raises(Killed):
        applied.destroy()
    accounts.recover()
    applied.destroy()

    assert accounts.snapshot() == untouched


@pytest.mark.every_case
@every_write
def test_what_was_removed_in_part_can_be_applied_again(
    accounts: Accounts, untouched: dict[str, Any], applied: Plan, patience: Patience, call: str
) -> None:
    accounts.log.kill(call, "after")
    with pytest.raises(Killed):
        applied.destroy()

    assert_rerun_converges(accounts, partial(plan_tutorial, accounts, patience), untouched)


def assert_names_what_is_left(accounts: Accounts, before: dict[str, Any], error: XacctError, fault: Fault) -> None:
    if not accounts.log.writes:
        assert accounts.snapshot() == before
        return
    assert isinstance(error, ApplyFailed)
    named, left = set(error.remaining), changes_left(accounts)
    # After a lost answer it is unknown whether the resource still exists.
    assert named == left or (fault == "lost answer" and named > left)


def assert_rerun_removes_it(accounts: Accounts, applied: Plan, untouched: dict[str, Any]) -> None:
    if accounts.log.writes:  # Otherwise the run failed before its first change, and the rerun is an ordinary run.
        accounts.recover()
        applied.destroy()
        assert accounts.snapshot() == untouched


def changes_left(accounts: Accounts) -> set[str]:
    """The changes of the removal that are still to be made, as an error prints them."""
    attached = {f"{policy} from {principal}" for policy, principal in existing_attachments(accounts)}
    left = existing_resources(accounts) | attached
    return {f"{text} in account {TRUSTING if text.endswith(f'role {ROLE}') else TRUSTED}" for text in left}
