"""Each call of an apply fails in turn, in each way."""

from __future__ import annotations

import threading
from functools import partial
from itertools import count
from typing import Any

import pytest

from xacct.errors import ApplyFailed, XacctError
from xacct.retry import Patience
from xacct.testing import Fault
from xacct.testing.error_responses import Refused

from .accounts import TRUSTED, TRUSTING, Accounts, Killed
from .convergence import TRANSIENT, assert_rerun_converges
from .tutorial import (
    APPLY,
    POLICY,
    ROLE,
    USER,
    existing_attachments,
    existing_resources,
    plan_tutorial,
)

# The calls that roll back a run that fails at its end.
ROLLBACK = (
    f"trusting DetachRolePolicy {ROLE} AmazonS3ReadOnlyAccess",
    f"trusting GetRole {ROLE} #2",
    f"trusting DeleteRole {ROLE}",
    f"trusted DetachUserPolicy {USER} AmazonEC2FullAccess",
    f"trusted DetachUserPolicy {USER} {POLICY}",
    f"trusted DeleteLoginProfile {USER}",
    f"trusted GetUser {USER} #2",
    f"trusted DeleteUser {USER}",
    f"trusted GetPolicy {POLICY} #2",
    f"trusted DeletePolicy {POLICY}",
)

every_call = pytest.mark.parametrize("call", APPLY)
every_write = pytest.mark.parametrize(
    "call", [call for call in APPLY if call.split()[1].startswith(("Create", "Attach"))]
)
# Without the permission to read the organization, nobody is taken for a third party.
every_needed_call = pytest.mark.parametrize("call", [call for call in APPLY if "DescribeOrganization" not in call])


@pytest.mark.every_case
@every_call
def test_transient_faults_are_retried(
    accounts: Accounts, untouched: dict[str, Any], patience: Patience, call: str
) -> None:
    accounts.fail(call, *TRANSIENT)
    applied = plan_tutorial(accounts, patience)
    applied.apply()

    assert plan_tutorial(accounts, patience).is_empty
    applied.destroy()
    assert accounts.snapshot() == untouched


@pytest.mark.every_case
@every_needed_call
@pytest.mark.parametrize("fault", ["throttled", "lost answer", "denied"])
def test_after_a_permanent_fault_the_changes_are_rolled_back(
    accounts: Accounts, untouched: dict[str, Any], haste: Patience, call: str, fault: Fault
) -> None:
    accounts.fail_always(call, fault)
    with pytest.raises(XacctError) as failed:
        plan_tutorial(accounts, haste).apply()

    assert accounts.snapshot() == untouched
    if accounts.log.writes:
        assert isinstance(failed.value, ApplyFailed)
        assert failed.value.remaining == ()
    if fault == "denied" and "AssumeRole" not in call:
        assert f'"{action_of(call)}"' in str(failed.value)


def test_after_a_rollback_a_rerun_converges(
    accounts: Accounts, untouched: dict[str, Any], haste: Patience, patience: Patience
) -> None:
    accounts.fail_always(APPLY[-1], "throttled")
    with pytest.raises(ApplyFailed):
        plan_tutorial(accounts, haste).apply()

    assert_rerun_converges(accounts, partial(plan_tutorial, accounts, patience), untouched)


@pytest.mark.every_case
@every_write
def test_a_denial_after_a_lost_answer_does_not_hide_that_the_call_took_effect(
    accounts: Accounts, untouched: dict[str, Any], patience: Patience, call: str
) -> None:
    accounts.fail(call, "lost answer", "denied")
    with pytest.raises(ApplyFailed):
        plan_tutorial(accounts, patience).apply()

    assert accounts.snapshot() == untouched


@pytest.mark.every_case
@every_call
@pytest.mark.parametrize("fault", ["server error", "denied"])
def test_the_error_names_what_could_not_be_rolled_back(
    accounts: Accounts, untouched: dict[str, Any], haste: Patience, patience: Patience, call: str, fault: Fault
) -> None:
    accounts.fail_everything_from(call, fault)
    with pytest.raises(XacctError) as failed:
        plan_tutorial(accounts, haste).apply()

    if accounts.snapshot() == untouched:
        assert fault != "denied" or not getattr(failed.value, "remaining", ())
    else:
        assert isinstance(failed.value, ApplyFailed)
        named = {text.split(" (")[0] for text in failed.value.remaining}
        assert named >= changes_made(accounts)
        if fault == "denied":
            assert named == changes_made(accounts)
    converges(accounts, untouched, patience)


@pytest.mark.every_case
@every_call
@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_killed_run_a_rerun_converges(
    accounts: Accounts, untouched: dict[str, Any], patience: Patience, call: str, when: str
) -> None:
    accounts.log.kill(call, when)
    with pytest.raises(Killed):
        plan_tutorial(accounts, patience).apply()

    converges(accounts, untouched, patience)


@pytest.mark.every_case
@every_write
def test_after_a_killed_run_everything_can_be_removed(
    accounts: Accounts, untouched: dict[str, Any], patience: Patience, call: str
) -> None:
    accounts.log.kill(call, "after")
    with pytest.raises(Killed):
        plan_tutorial(accounts, patience).apply()
    accounts.recover()
    plan_tutorial(accounts, patience).destroy()

    assert accounts.snapshot() == untouched


@pytest.fixture
def user_first(accounts: Accounts) -> None:
    """Assume the role only after the user has its policies, so that everything is there to be rolled back."""
    attachments, attached = count(1), threading.Event()

    def wait(operation: str) -> None:
        if operation == "AttachUserPolicy" and next(attachments) == 2:
            attached.set()
        if operation == "AssumeRole":
            attached.wait(timeout=10)

    accounts.log.on_call = wait


@pytest.mark.every_case
@pytest.mark.usefixtures("user_first")
@pytest.mark.parametrize("call", ROLLBACK)
def test_after_a_killed_rollback_a_rerun_converges(
    accounts: Accounts, untouched: dict[str, Any], haste: Patience, patience: Patience, call: str
) -> None:
    accounts.fail_always(f"trusted AssumeRole {ROLE} #3", "throttled")
    accounts.log.kill(call, "before")
    with pytest.raises(Killed):
        plan_tutorial(accounts, haste).apply()

    assert call in accounts.log.calls
    converges(accounts, untouched, patience)


@pytest.mark.every_case
@pytest.mark.usefixtures("user_first")
@pytest.mark.parametrize("call", ROLLBACK)
def test_transient_faults_during_a_rollback_are_retried(
    accounts: Accounts, untouched: dict[str, Any], patience: Patience, call: str
) -> None:
    accounts.fail_always(f"trusted AssumeRole {ROLE} #3", Refused("ValidationError", "invalid"))
    accounts.fail(call, "throttled", "lost answer")
    with pytest.raises(ApplyFailed) as failed:
        plan_tutorial(accounts, patience).apply()

    assert call in accounts.log.calls
    assert failed.value.remaining == ()
    assert accounts.snapshot() == untouched


def converges(accounts: Accounts, untouched: dict[str, Any], patience: Patience) -> None:
    if accounts.snapshot() == untouched:  # The rerun is an ordinary run.
        return
    complete = assert_rerun_converges(accounts, partial(plan_tutorial, accounts, patience), untouched)
    assert complete[TRUSTED]["users"][USER].password is not None, "the console user has no password"


def changes_made(accounts: Accounts) -> set[str]:
    """The changes of the plan that are made, as an error prints them."""
    created = {f"create {resource}" for resource in existing_resources(accounts)}
    attached = {f"attach {policy} to {principal}" for policy, principal in existing_attachments(accounts)}
    return {f"{change} in the {_place(change)}" for change in created | attached}


def _place(change: str) -> str:
    return f"trusting account {TRUSTING}" if change.endswith(f"role {ROLE}") else f"trusted account {TRUSTED}"


def action_of(call: str) -> str:
    operation = call.split()[1]
    return f"{'sts' if operation in ('AssumeRole', 'GetCallerIdentity') else 'iam'}:{operation}"
