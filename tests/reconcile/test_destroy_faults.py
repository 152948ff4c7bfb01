"""Every call of a destroy fails in turn, in every way."""

from __future__ import annotations

from typing import Any

import pytest

from xacct.errors import ApplyFailed, XacctError
from xacct.reconcile import Plan
from xacct.retry import Patience

from .conftest import (
    BROKEN,
    BROKEN_AFTERWARDS,
    DENIED,
    DESTROY,
    KILLED_AFTERWARDS,
    LOST,
    POLICY,
    ROLE,
    THROTTLED,
    TRUSTED,
    TRUSTING,
    UNREACHABLE,
    USER,
    Accounts,
    Fault,
    Killed,
    in_turn,
    plan_tutorial,
)

every_call = pytest.mark.parametrize("call", DESTROY)


@pytest.fixture
def untouched(accounts: Accounts) -> dict[str, Any]:
    return accounts.snapshot()


@pytest.fixture
def made(accounts: Accounts, untouched: dict[str, Any], haste: Patience) -> Plan:
    """A grant that stands; its destroy gives up soon."""
    plan = plan_tutorial(accounts, haste)
    plan.apply()
    accounts.wire.forget()
    return plan


@every_call
@pytest.mark.parametrize("faults", [(THROTTLED, UNREACHABLE, BROKEN), (BROKEN_AFTERWARDS, LOST)], ids=in_turn)
def test_faults_that_pass_are_waited_out(
    accounts: Accounts,
    untouched: dict[str, Any],
    made: Plan,
    patience: Patience,
    call: str,
    faults: tuple[Fault, ...],
) -> None:
    plan = plan_tutorial(accounts, patience)
    accounts.wire.forget()
    accounts.wire.fail(call, *faults)
    plan.destroy()

    assert accounts.snapshot() == untouched
    assert plan.destroy() == ()


@every_call
@pytest.mark.parametrize("fault", [THROTTLED, LOST, DENIED], ids=str)
def test_after_a_fault_that_lasts_the_error_says_what_is_left_and_a_rerun_removes_it(
    accounts: Accounts, untouched: dict[str, Any], made: Plan, call: str, fault: Fault
) -> None:
    before = accounts.snapshot()
    accounts.wire.fail_always(call, fault)
    with pytest.raises(XacctError) as failed:
        made.destroy()

    says_what_is_left(accounts, before, failed.value, fault)
    accounts.wire.mend()
    made.destroy()
    assert accounts.snapshot() == untouched


@every_call
@pytest.mark.parametrize("fault", [DENIED], ids=str)
def test_when_all_fails_from_a_call_on_a_rerun_removes_what_is_left(
    accounts: Accounts, untouched: dict[str, Any], made: Plan, call: str, fault: Fault
) -> None:
    before = accounts.snapshot()
    accounts.wire.go_down(call, fault)
    with pytest.raises(XacctError) as failed:
        made.destroy()

    says_what_is_left(accounts, before, failed.value, fault)
    accounts.wire.mend()
    made.destroy()
    assert accounts.snapshot() == untouched


@every_call
@pytest.mark.parametrize("fault", [KILLED_AFTERWARDS], ids=str)
def test_after_the_process_was_killed_a_rerun_removes_what_is_left(
    accounts: Accounts, untouched: dict[str, Any], made: Plan, call: str, fault: Fault
) -> None:
    accounts.wire.fail(call, fault)
    with pytest.raises(Killed):
        made.destroy()
    accounts.wire.mend()
    made.destroy()

    assert accounts.snapshot() == untouched


@pytest.mark.parametrize("call", [call for call in DESTROY if call.split()[1].startswith(("Detach", "Delete"))])
@pytest.mark.parametrize("fault", [KILLED_AFTERWARDS], ids=str)
def test_what_was_taken_away_in_part_can_be_made_whole_again(
    accounts: Accounts, untouched: dict[str, Any], made: Plan, patience: Patience, call: str, fault: Fault
) -> None:
    accounts.wire.fail(call, fault)
    with pytest.raises(Killed):
        made.destroy()
    accounts.wire.mend()
    again = plan_tutorial(accounts, patience)
    again.apply()

    assert plan_tutorial(accounts, patience).is_empty
    again.destroy()
    assert accounts.snapshot() == untouched


def says_what_is_left(accounts: Accounts, before: dict[str, Any], error: XacctError, fault: Fault) -> None:
    if not accounts.wire.writes:
        assert accounts.snapshot() == before
        return
    assert isinstance(error, ApplyFailed)
    named, left = set(error.stands), left_in(accounts)
    # Where an answer was lost nobody knows whether it is gone.
    assert named >= left
    if not fault.takes_effect:
        assert named == left


def left_in(accounts: Accounts) -> set[str]:
    """What of the grant is there, in the words of an error."""
    now = accounts.snapshot()
    found = set()
    if role := now[TRUSTING]["roles"].get(ROLE):
        found.add(f"role {ROLE} in account {TRUSTING}")
        found |= {f"{arn.split('/')[-1]} from role {ROLE} in account {TRUSTING}" for arn in role[6]}
    if user := now[TRUSTED]["users"].get(USER):
        found.add(f"user {USER} in account {TRUSTED}")
        found |= {f"{arn.split('/')[-1]} from user {USER} in account {TRUSTED}" for arn in user[2]}
        if user[1] is not None:
            found.add(f"console sign-in of user {USER} in account {TRUSTED}")
    if any(arn.endswith(f"/{POLICY}") for arn in now[TRUSTED]["policies"]):
        found.add(f"policy {POLICY} in account {TRUSTED}")
    return found
