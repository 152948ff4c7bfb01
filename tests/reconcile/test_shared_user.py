"""A console user that several grants name: each attaches and detaches its own policies, and the last deletes it."""

from __future__ import annotations

from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest
from attrs import evolve

from xacct import ConsoleUser, DevAccessGrant
from xacct.errors import ApplyFailed, ForeignAttachments
from xacct.reconcile import Plan, plan
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import EC2_FULL, EC2_READ, S3_READ

FIRST = DevAccessGrant(
    name="first",
    account=TRUSTED,
    policy_name="First",
    role_arns=f"arn:aws:iam::{TRUSTING}:role/First",
    console_user=ConsoleUser("ada", managed_policy_arns=[EC2_FULL, S3_READ]),
)
SECOND = DevAccessGrant(
    name="second",
    account=TRUSTED,
    policy_name="Second",
    role_arns=f"arn:aws:iam::{TRUSTING}:role/Second",
    console_user=ConsoleUser("ada", managed_policy_arns=[EC2_FULL, EC2_READ]),
)
THIRD = DevAccessGrant(
    name="third",
    account=TRUSTED,
    policy_name="Third",
    role_arns=f"arn:aws:iam::{TRUSTING}:role/Third",
    console_user=ConsoleUser("ada"),
)
FIRST_ONLY, SECOND_ONLY, COMMON = {FIRST.policy_arn, S3_READ}, {SECOND.policy_arn, EC2_READ}, {EC2_FULL}


@pytest.fixture
def of(accounts: Accounts, patience: Patience) -> Any:
    """Plan one grant."""

    def plan_of(*grants: DevAccessGrant, **options: Any) -> Plan:
        sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
        return plan(*grants, **sessions, **({"patience": patience} | options))

    return plan_of


def attached(accounts: Accounts) -> set[str]:
    return set(accounts.snapshot()[TRUSTED]["users"]["ada"].attached)


def test_a_second_grant_keeps_the_policies_and_the_password_of_the_first(accounts: Accounts, of: Any) -> None:
    first = of(FIRST)
    first.apply()
    of(SECOND).apply()

    user = accounts.snapshot()[TRUSTED]["users"]["ada"]
    assert set(user.attached) == FIRST_ONLY | SECOND_ONLY | COMMON
    assert user.password == first.console_user.password
    assert of(FIRST).is_empty
    assert of(SECOND).is_empty
    assert accounts.log.count("trusted CreateLoginProfile ada") == 1


def test_applying_the_first_again_keeps_the_policies_of_the_second(accounts: Accounts, of: Any) -> None:
    of(FIRST).apply()
    of(SECOND).apply()
    of(evolve(FIRST, role_arns=f"arn:aws:iam::{TRUSTING}:role/Other")).apply()
    of(FIRST).apply()

    assert attached(accounts) == FIRST_ONLY | SECOND_ONLY | COMMON
    assert of(SECOND).is_empty


@pytest.mark.parametrize(("grant", "left"), [(FIRST, SECOND_ONLY | COMMON), (SECOND, FIRST_ONLY | COMMON)])
def test_each_removal_detaches_only_its_own_policies_and_the_last_deletes_the_user(
    accounts: Accounts, untouched: dict[str, Any], of: Any, grant: DevAccessGrant, left: set[str]
) -> None:
    of(FIRST).apply()
    of(SECOND).apply()
    before = accounts.snapshot()[TRUSTED]["users"]["ada"]
    other = SECOND if grant is FIRST else FIRST
    removed = {(change.action, change.resource) for change in of(grant).destroy()}

    assert ("delete", "user ada") not in removed
    assert ("detach", f"{grant.policy_name} from user ada") in removed
    assert ("delete", f"policy {grant.policy_name}") in removed
    assert attached(accounts) == left
    assert accounts.snapshot()[TRUSTED]["users"]["ada"].password == before.password
    assert of(other).is_empty
    assert of(other).drift == ()
    assert ("delete", "user ada") in {(change.action, change.resource) for change in of(other).destroy()}
    assert accounts.snapshot() == untouched


@pytest.mark.parametrize(
    "order", list(permutations([FIRST, SECOND, THIRD])), ids=lambda order: " ".join(g.name for g in order)
)
def test_three_grants_can_be_removed_in_any_order(
    accounts: Accounts, untouched: dict[str, Any], of: Any, order: tuple[DevAccessGrant, ...]
) -> None:
    for grant in (FIRST, SECOND, THIRD):
        of(grant).apply()
    for number, grant in enumerate(order):
        of(grant).destroy()
        assert all(of(other).is_empty for other in order[number + 1 :])

    assert accounts.snapshot() == untouched


def test_two_grants_in_one_plan_share_the_user(accounts: Accounts, untouched: dict[str, Any], of: Any) -> None:
    applied = of(FIRST, SECOND)
    applied.apply()

    assert attached(accounts) == FIRST_ONLY | SECOND_ONLY | COMMON
    assert of(FIRST, SECOND).is_empty
    assert of(FIRST).is_empty
    assert of(SECOND).is_empty
    applied.destroy()
    assert accounts.snapshot() == untouched


def test_a_grant_that_needs_less_detaches_only_what_no_other_grant_needs(accounts: Accounts, of: Any) -> None:
    of(FIRST).apply()
    of(SECOND).apply()
    narrower = evolve(FIRST, console_user=ConsoleUser("ada"))
    of(narrower).apply()

    assert attached(accounts) == {FIRST.policy_arn} | SECOND_ONLY | COMMON
    assert of(narrower).is_empty
    assert of(SECOND).is_empty
    of(evolve(SECOND, console_user=ConsoleUser("ada"))).apply()
    assert attached(accounts) == {FIRST.policy_arn, SECOND.policy_arn}


def test_a_grant_that_drops_a_shared_user_leaves_it_to_the_others(
    accounts: Accounts, untouched: dict[str, Any], of: Any
) -> None:
    of(FIRST).apply()
    of(SECOND).apply()
    dropped = evolve(FIRST, console_user=None)
    of(dropped).apply()

    assert attached(accounts) == SECOND_ONLY | COMMON
    assert of(dropped).is_empty
    assert of(SECOND).is_empty
    of(dropped).destroy()
    of(SECOND).destroy()
    assert accounts.snapshot() == untouched


def test_things_of_others_on_the_user_block_only_the_removal_that_deletes_it(accounts: Accounts, of: Any) -> None:
    of(FIRST).apply()
    of(SECOND).apply()
    accounts.trusted.iam.create_access_key(UserName="ada")
    of(FIRST).destroy()
    before = accounts.snapshot()
    with pytest.raises(ForeignAttachments, match="access key"):
        of(SECOND).destroy()

    assert accounts.snapshot() == before


def test_the_policies_of_another_grant_are_not_drift(accounts: Accounts, of: Any) -> None:
    of(FIRST).apply()
    of(SECOND).apply()

    assert of(FIRST).drift == ()
    assert [change for change in of(SECOND).changes if change.action == "leave"] == []


def test_the_tags_of_a_grant_stay_on_a_shared_user(accounts: Accounts, of: Any) -> None:
    first, second = evolve(FIRST, tags={"team": "a"}), evolve(SECOND, tags={"team": "b", "cost": "7"})
    of(first).apply()
    of(second).apply()

    tags = accounts.snapshot()[TRUSTED]["users"]["ada"].tags
    assert (tags["team"], tags["cost"]) == ("a", "7")
    assert of(first).is_empty
    assert of(second).is_empty


def test_a_password_that_was_deleted_is_not_set_by_another_grant(accounts: Accounts, of: Any) -> None:
    of(FIRST).apply()
    accounts.trusted.iam.delete_login_profile(UserName="ada")
    of(SECOND).apply()

    assert accounts.snapshot()[TRUSTED]["users"]["ada"].password is None


@pytest.mark.parametrize(
    "call",
    [
        "trusted TagUser ada",
        "trusted AttachUserPolicy ada Second",
        "trusted AttachUserPolicy ada AmazonEC2ReadOnlyAccess",
        "trusted CreatePolicy Second",
    ],
)
@pytest.mark.parametrize("faults", [("denied",), ("lost answer", "denied")], ids=" then ".join)
def test_a_second_grant_that_fails_leaves_the_first_as_it_was(
    accounts: Accounts, of: Any, haste: Patience, call: str, faults: tuple[Any, ...]
) -> None:
    of(FIRST).apply()
    before = accounts.snapshot()
    accounts.log.clear()
    accounts.fail(call, *faults)
    with pytest.raises(ApplyFailed):
        of(SECOND, patience=evolve(haste, deadline=1)).apply()

    assert accounts.snapshot() == before
    assert of(FIRST).is_empty


def test_the_removal_of_the_only_grant_leaves_the_user_to_a_grant_that_joins_meanwhile(
    accounts: Accounts, of: Any, haste: Patience
) -> None:
    first = of(FIRST, patience=haste)
    first.apply()
    before = accounts.snapshot()[TRUSTED]["users"]["ada"]

    def join(operation: str) -> None:
        if operation in ("DetachUserPolicy", "DeleteLoginProfile"):
            accounts.log.on_call = lambda operation: None
            of(SECOND).apply()

    accounts.log.on_call = join
    with suppress(ApplyFailed):
        first.destroy()

    assert of(SECOND).is_empty
    assert accounts.snapshot()[TRUSTED]["users"]["ada"].password == before.password


@pytest.mark.parametrize(
    "call", ["trusted UntagUser ada", "trusted DetachUserPolicy ada Second", "trusted DeletePolicy Second"]
)
def test_a_failed_removal_of_one_grant_leaves_the_other_as_it_was(
    accounts: Accounts, untouched: dict[str, Any], of: Any, call: str
) -> None:
    of(FIRST).apply()
    of(SECOND).apply()
    accounts.log.clear()
    accounts.fail(call, "denied")
    with pytest.raises(ApplyFailed):
        of(SECOND).destroy()

    assert of(FIRST).is_empty
    of(SECOND).destroy()
    assert of(FIRST).is_empty
    of(FIRST).destroy()
    assert accounts.snapshot() == untouched
