"""With ``on_error="collect"``, a grant that fails does not take the others back."""

from __future__ import annotations

from typing import Any

import pytest

from xacct import ConsoleUser, DevAccessGrant, TrustGrant
from xacct.errors import ApplyFailed, GrantConflict, GrantsFailed, InvalidValue, NotOurs, ProofFailed, StalePlan
from xacct.reconcile import Plan, plan
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import S3_READ

Grant = TrustGrant | DevAccessGrant
FULL = "arn:aws:iam::aws:policy/AmazonS3FullAccess"


def team(name: str, *, user: str | None = None, **changes: Any) -> tuple[TrustGrant, DevAccessGrant]:
    arguments = {"role_name": name, "principals": TRUSTED, "managed_policy_arns": S3_READ} | changes
    trust = TrustGrant(name=name, account=TRUSTING, **arguments)
    console_user = None if user is None else ConsoleUser(user)
    access = DevAccessGrant(
        name=name, account=TRUSTED, policy_name=name, role_arns=trust.role_arn, console_user=console_user
    )
    return trust, access


def plan_teams(accounts: Accounts, patience: Patience, *teams: tuple[Grant, ...], on_error: Any = "collect") -> Plan:
    grants = [grant for pair in teams for grant in pair]
    sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
    return plan(*grants, **sessions, patience=patience, on_error=on_error)


def roles(accounts: Accounts) -> set[str]:
    return set(accounts.snapshot()[TRUSTING]["roles"]) - {"Others"}


def policies(accounts: Accounts) -> set[str]:
    return {arn.split("/")[-1] for arn in accounts.snapshot()[TRUSTED]["policies"]} - {"Others"}


def test_without_failures_every_grant_is_applied(
    accounts: Accounts, untouched: dict[str, Any], patience: Patience
) -> None:
    teams = [team("A"), team("B", user="ada"), team("C")]
    changes = plan_teams(accounts, patience, *teams).apply()

    assert {change.resource for change in changes if change.action == "create"} >= {"role A", "policy B", "user ada"}
    assert roles(accounts) == policies(accounts) == {"A", "B", "C"}
    assert plan_teams(accounts, patience, *teams).is_empty
    plan_teams(accounts, patience, *teams).destroy()
    assert accounts.snapshot() == untouched


@pytest.mark.parametrize(
    "call",
    ["trusting CreateRole B", "trusting AttachRolePolicy B AmazonS3ReadOnlyAccess", "trusted CreatePolicy B"],
)
def test_a_grant_that_fails_is_rolled_back_and_the_others_stay(
    accounts: Accounts, patience: Patience, call: str
) -> None:
    accounts.fail_always(call, "denied")
    with pytest.raises(GrantsFailed) as failed:
        plan_teams(accounts, patience, team("A"), team("B"), team("C")).apply()

    assert list(failed.value.failures) == ["B"]
    assert isinstance(failed.value.failures["B"], ApplyFailed)
    assert failed.value.failures["B"].remaining == ()
    assert set(failed.value.succeeded) == {"A", "C"}
    assert "1 of 3 grants failed" in str(failed.value)
    assert roles(accounts) == policies(accounts) == {"A", "C"}
    accounts.recover()
    plan_teams(accounts, patience, team("A"), team("B"), team("C")).apply()
    assert roles(accounts) == policies(accounts) == {"A", "B", "C"}


def test_by_default_a_grant_that_fails_takes_the_others_back(
    accounts: Accounts, untouched: dict[str, Any], patience: Patience
) -> None:
    accounts.fail_always("trusting CreateRole B", "denied")
    with pytest.raises(ApplyFailed):
        plan_teams(accounts, patience, team("A"), team("B"), team("C"), on_error="raise").apply()

    assert accounts.snapshot() == untouched


def test_a_grant_that_cannot_be_planned_is_named_and_the_others_are_applied(
    accounts: Accounts, patience: Patience
) -> None:
    plan_teams(accounts, patience, team("D")).apply()
    taken = TrustGrant(name="E", account=TRUSTING, role_name="D", principals=TRUSTED, managed_policy_arns=S3_READ)
    before = accounts.snapshot()[TRUSTING]["roles"]["Others"]
    teams = [team("A"), team("B", role_name="Others"), (taken,), team("C")]
    planned = plan_teams(accounts, patience, *teams)
    with pytest.raises(GrantsFailed) as failed:
        planned.apply()

    assert {name: type(error) for name, error in failed.value.failures.items()} == {"B": NotOurs, "E": GrantConflict}
    assert set(failed.value.succeeded) == {"A", "C"}
    # The policy of B is of no use without its role.
    assert policies(accounts) == {"A", "C", "D"}
    assert accounts.snapshot()[TRUSTING]["roles"]["Others"] == before
    again = plan_teams(accounts, patience, *teams)
    assert not again.is_empty
    with pytest.raises(GrantsFailed):
        again.apply()


def test_a_grant_whose_proof_fails_is_named_and_the_others_are_applied(accounts: Accounts, patience: Patience) -> None:
    with pytest.raises(GrantsFailed) as failed:
        plan_teams(accounts, patience, team("A"), team("B", managed_policy_arns=FULL), team("C")).apply()

    assert isinstance(failed.value.failures["B"], ProofFailed)
    assert roles(accounts) == policies(accounts) == {"A", "C"}


def test_a_stale_part_is_named_and_the_others_are_applied(accounts: Accounts, patience: Patience) -> None:
    planned = plan_teams(accounts, patience, team("A"), team("B"), team("C"))
    plan_teams(accounts, patience, team("B", external_id="acme-42")).apply()
    before = accounts.snapshot()[TRUSTING]["roles"]["B"]
    with pytest.raises(GrantsFailed) as failed:
        planned.apply()

    assert isinstance(failed.value.failures["B"], StalePlan)
    assert roles(accounts) == {"A", "B", "C"}
    assert accounts.snapshot()[TRUSTING]["roles"]["B"] == before


def test_grants_that_share_a_user_fail_or_succeed_together(
    accounts: Accounts, untouched: dict[str, Any], patience: Patience
) -> None:
    teams = [team("A", user="ada"), team("B", user="ada"), team("C")]
    accounts.fail_always("trusted AttachUserPolicy ada B", "denied")
    with pytest.raises(GrantsFailed) as failed:
        plan_teams(accounts, patience, *teams).apply()

    assert list(failed.value.failures) == ["A, B"]
    assert roles(accounts) == policies(accounts) == {"C"}
    accounts.recover()
    plan_teams(accounts, patience, *teams).apply()
    assert plan_teams(accounts, patience, *teams).is_empty
    plan_teams(accounts, patience, *teams).destroy()
    assert accounts.snapshot() == untouched


def test_another_value_of_on_error_is_refused(accounts: Accounts, patience: Patience) -> None:
    with pytest.raises(InvalidValue, match=r"^on_error: 'ignore' is not valid: 'raise' or 'collect'$"):
        plan_teams(accounts, patience, team("A"), on_error="ignore")


def test_the_password_of_a_user_of_a_failed_grant_is_not_reported(accounts: Accounts, patience: Patience) -> None:
    accounts.fail_always("trusted AttachUserPolicy ada B", "denied")
    planned = plan_teams(accounts, patience, team("A"), team("B", user="ada"))
    with pytest.raises(GrantsFailed) as failed:
        planned.apply()

    assert planned.console_user
    assert planned.console_user.hidden_password
    assert planned.console_user.hidden_password.reveal() not in str(failed.value)


def test_a_grant_that_is_applied_again_does_not_apply_the_others_again(accounts: Accounts, patience: Patience) -> None:
    plan_teams(accounts, patience, team("A")).apply()
    others: list[Plan] = []

    def apply_another(operation: str) -> None:
        if operation == "UpdateAssumeRolePolicy" and not others:
            others.append(plan_teams(accounts, patience, team("A", description="Another")))
            others[0].apply()

    accounts.fail("trusting CreateRole B", "denied")
    planned = plan_teams(accounts, patience, team("A", external_id="acme-42"), team("B"))
    accounts.log.on_call = apply_another
    with pytest.raises(GrantsFailed) as failed:
        planned.apply()

    assert list(failed.value.failures) == ["B"]
    assert roles(accounts) == {"A"}
    assert plan_teams(accounts, patience, team("A", external_id="acme-42")).is_empty
