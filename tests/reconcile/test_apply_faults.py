"""Every call of an apply fails in turn, in every way."""

from __future__ import annotations

import threading
from itertools import count
from typing import Any

import pytest

from xacct.errors import ApplyFailed, XacctError
from xacct.retry import Patience

from .conftest import (
    APPLY,
    BROKEN,
    BROKEN_AFTERWARDS,
    DENIED,
    KILLED,
    KILLED_AFTERWARDS,
    LOST,
    POLICY,
    PROOF,
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

# The calls by which a run that fails at its end takes back what it made.
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
# The proof does without what it may not read.
every_needed_call = pytest.mark.parametrize("call", [call for call in APPLY if call not in PROOF])


@every_call
@pytest.mark.parametrize("faults", [(THROTTLED, UNREACHABLE, BROKEN), (BROKEN_AFTERWARDS, LOST)], ids=in_turn)
def test_faults_that_pass_are_waited_out(
    accounts: Accounts, patience: Patience, call: str, faults: tuple[Fault, ...]
) -> None:
    before = accounts.snapshot()
    accounts.wire.fail(call, *faults)
    made = plan_tutorial(accounts, patience)
    made.apply()

    assert plan_tutorial(accounts, patience).is_empty
    made.destroy()
    assert accounts.snapshot() == before


@every_needed_call
@pytest.mark.parametrize("fault", [THROTTLED, LOST, DENIED], ids=str)
def test_after_a_fault_that_lasts_the_accounts_are_as_they_were(
    accounts: Accounts, haste: Patience, patience: Patience, call: str, fault: Fault
) -> None:
    before = accounts.snapshot()
    accounts.wire.fail_always(call, fault)
    with pytest.raises(XacctError) as failed:
        plan_tutorial(accounts, haste).apply()

    assert accounts.snapshot() == before
    if accounts.wire.writes:
        assert isinstance(failed.value, ApplyFailed)
        assert failed.value.stands == ()
    if fault is DENIED and "AssumeRole" not in call:
        assert f'"Action": "{action_of(call)}"' in str(failed.value)
    converges(accounts, patience, before)


@pytest.mark.parametrize("call", [call for call in APPLY if call.split()[1].startswith(("Create", "Attach"))])
def test_a_refusal_after_a_lost_answer_does_not_hide_that_the_call_took_effect(
    accounts: Accounts, patience: Patience, call: str
) -> None:
    before = accounts.snapshot()
    accounts.wire.fail(call, LOST, DENIED)
    with pytest.raises(ApplyFailed):
        plan_tutorial(accounts, patience).apply()

    assert accounts.snapshot() == before


@every_call
@pytest.mark.parametrize("fault", [BROKEN, DENIED], ids=str)
def test_when_nothing_can_be_taken_back_the_error_says_what_stands(
    accounts: Accounts, haste: Patience, patience: Patience, call: str, fault: Fault
) -> None:
    before = accounts.snapshot()
    accounts.wire.go_down(call, fault)
    with pytest.raises(XacctError) as failed:
        plan_tutorial(accounts, haste).apply()

    if accounts.snapshot() == before:
        assert fault is not DENIED or not getattr(failed.value, "stands", ())
    else:
        assert isinstance(failed.value, ApplyFailed)
        named = {text.split(" (")[0] for text in failed.value.stands}
        assert named >= made_in(accounts)
        if fault is DENIED:
            assert named == made_in(accounts)
    converges(accounts, patience, before)


@every_call
@pytest.mark.parametrize("fault", [KILLED, KILLED_AFTERWARDS], ids=str)
def test_after_the_process_was_killed_a_rerun_converges(
    accounts: Accounts, patience: Patience, call: str, fault: Fault
) -> None:
    before = accounts.snapshot()
    accounts.wire.fail(call, fault)
    with pytest.raises(Killed):
        plan_tutorial(accounts, patience).apply()

    converges(accounts, patience, before)


@every_call
def test_after_the_process_was_killed_what_was_made_can_be_taken_away(
    accounts: Accounts, patience: Patience, call: str
) -> None:
    before = accounts.snapshot()
    accounts.wire.fail(call, KILLED_AFTERWARDS)
    with pytest.raises(Killed):
        plan_tutorial(accounts, patience).apply()
    accounts.wire.mend()
    plan_tutorial(accounts, patience).destroy()

    assert accounts.snapshot() == before


@pytest.fixture
def user_first(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the role be assumable only once the user has the policies, so that all is there to be taken back."""
    number, both = count(1), threading.Event()

    def gate(operation: str) -> None:
        if operation == "AttachUserPolicy" and next(number) == 2:
            both.set()
        if operation == "AssumeRole":
            both.wait(timeout=10)

    monkeypatch.setattr(accounts.trusted, "gate", gate)


@pytest.mark.parametrize("call", ROLLBACK)
def test_after_the_process_was_killed_while_rolling_back_a_rerun_converges(
    accounts: Accounts, user_first: None, haste: Patience, patience: Patience, call: str
) -> None:
    before = accounts.snapshot()
    accounts.wire.fail_always(f"trusted AssumeRole {ROLE} #3", THROTTLED)
    accounts.wire.fail(call, KILLED)
    with pytest.raises(Killed):
        plan_tutorial(accounts, haste).apply()

    assert call in accounts.wire.calls
    converges(accounts, patience, before)


@pytest.mark.parametrize("call", ROLLBACK)
def test_faults_while_rolling_back_are_waited_out(
    accounts: Accounts, user_first: None, patience: Patience, call: str
) -> None:
    before = accounts.snapshot()
    violation = Fault("refused", 400, "ValidationError", "no")
    accounts.wire.fail_always(f"trusted AssumeRole {ROLE} #3", violation)
    accounts.wire.fail(call, THROTTLED, LOST)
    with pytest.raises(ApplyFailed, match="The accounts are as they were") as failed:
        plan_tutorial(accounts, patience).apply()

    assert call in accounts.wire.calls
    assert failed.value.stands == ()
    assert accounts.snapshot() == before


def converges(accounts: Accounts, patience: Patience, before: dict[str, Any]) -> None:
    """Once the fault is mended a rerun makes the grant, and taking it away leaves what was there before."""
    accounts.wire.mend()
    made = plan_tutorial(accounts, patience)
    made.apply()
    now = accounts.snapshot()
    assert now[TRUSTED]["users"][USER][1] is not None, "the console user has no password"
    assert plan_tutorial(accounts, patience).is_empty
    made.destroy()
    assert accounts.snapshot() == before


def made_in(accounts: Accounts) -> set[str]:
    """What of the grant is there, in the words of a plan."""
    now = accounts.snapshot()
    found = set()
    if role := now[TRUSTING]["roles"].get(ROLE):
        found.add(f"create role {ROLE} in the trusting account {TRUSTING}")
        found |= {f"attach {arn.split('/')[-1]} to role {ROLE} in the trusting account {TRUSTING}" for arn in role[6]}
    if user := now[TRUSTED]["users"].get(USER):
        found.add(f"create user {USER} in the trusted account {TRUSTED}")
        found |= {f"attach {arn.split('/')[-1]} to user {USER} in the trusted account {TRUSTED}" for arn in user[2]}
        if user[1] is not None:
            found.add(f"create console sign-in of user {USER} in the trusted account {TRUSTED}")
    if any(arn.endswith(f"/{POLICY}") for arn in now[TRUSTED]["policies"]):
        found.add(f"create policy {POLICY} in the trusted account {TRUSTED}")
    return found


def action_of(call: str) -> str:
    operation = call.split()[1]
    return f"{'sts' if operation in ('AssumeRole', 'GetCallerIdentity') else 'iam'}:{operation}"
