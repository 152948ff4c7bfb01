"""Two runs at once: a stale plan is noticed, and a run takes back only what it did itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import count
from typing import Any

import pytest
from attrs import evolve

from xacct import ConsoleUser, TrustGrant, s3_read_policy
from xacct.errors import ApplyFailed, GrantConflict, NotOurs, StalePlan
from xacct.reconcile import Plan, plan
from xacct.retry import Patience
from xacct.testing.error_responses import Refused

from .accounts import TRUSTED, TRUSTING, Accounts
from .conftest import TRUST_OF_OTHERS
from .scheduler import one_thread_per_run
from .tutorial import EC2_FULL, EC2_READ, POLICY, ROLE, S3_READ, USER, bring_about_tutorial, plan_tutorial, tutorial

POLICY_ARN = f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"
REPORTS = s3_read_policy(["reports"])
UNKNOWN = Refused("NoSuchEntity", f"The role with name {ROLE} cannot be found.", 404)


@pytest.fixture
def one_thread() -> Iterator[None]:
    with one_thread_per_run(shuffled=False):
        yield


# Otherwise it depends on the machine how far the other steps of a run are when the next run begins.
sequential = pytest.mark.usefixtures("one_thread")


def planned(accounts: Accounts, patience: Patience, **changes: Any) -> Plan:
    """A plan that changes the role, the policy and the user of the tutorial's grant."""
    trust, access = tutorial(external_id="acme-42", policies={"S3Read": REPORTS}, tags={"team": "a"}, **changes)
    user = ConsoleUser(USER, managed_policy_arns=[EC2_FULL, EC2_READ])
    access = evolve(access, console_user=user, users="others", tags={"team": "a"}, session_tags=True)
    sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
    return plan(trust, access, **sessions, patience=patience)


def trust(iam: Any) -> None:
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=TRUST_OF_OTHERS)


def attach_to_role(iam: Any) -> None:
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=EC2_READ)


def put_on_role(iam: Any) -> None:
    iam.put_role_policy(RoleName=ROLE, PolicyName="ByHand", PolicyDocument=REPORTS.to_json())


def describe_role(iam: Any) -> None:
    iam.update_role(RoleName=ROLE, Description="Another", MaxSessionDuration=7200)


def bound_role(iam: Any) -> None:
    iam.put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=S3_READ)


def tag_role(iam: Any) -> None:
    iam.tag_role(RoleName=ROLE, Tags=[{"Key": "cost", "Value": "7"}])


def delete_role(iam: Any) -> None:
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=S3_READ)
    iam.delete_role(RoleName=ROLE)


def update_policy(iam: Any) -> None:
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}
    )
    iam.create_policy_version(PolicyArn=POLICY_ARN, PolicyDocument=document, SetAsDefault=True)


def attach_policy(iam: Any) -> None:
    iam.attach_role_policy(RoleName="Others", PolicyArn=POLICY_ARN)


def tag_policy(iam: Any) -> None:
    iam.tag_policy(PolicyArn=POLICY_ARN, Tags=[{"Key": "cost", "Value": "7"}])


def attach_to_user(iam: Any) -> None:
    iam.attach_user_policy(UserName=USER, PolicyArn=S3_READ)


def detach_from_user(iam: Any) -> None:
    iam.detach_user_policy(UserName=USER, PolicyArn=EC2_FULL)


def tag_user(iam: Any) -> None:
    iam.tag_user(UserName=USER, Tags=[{"Key": "cost", "Value": "7"}])


@pytest.mark.parametrize(
    ("side", "change", "label"),
    [
        *(
            ("trusting", change, f"role {ROLE}")
            for change in (trust, attach_to_role, put_on_role, describe_role, bound_role, tag_role, delete_role)
        ),
        *(("trusted", change, f"policy {POLICY}") for change in (update_policy, attach_policy, tag_policy)),
        *(("trusted", change, f"user {USER}") for change in (attach_to_user, detach_from_user, tag_user)),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_plan_made_before_a_change_is_not_applied(
    accounts: Accounts, patience: Patience, side: str, change: Callable[[Any], None], label: str
) -> None:
    bring_about_tutorial(accounts, patience)
    stale = planned(accounts, evolve(patience, deadline=0.2))
    change(getattr(accounts, side).iam)
    before = accounts.snapshot()
    accounts.log.clear()
    with pytest.raises(Exception, match=label) as refused:
        stale.apply()

    assert accounts.snapshot() == before
    if change is delete_role:
        # Marking the role shows that it is gone.
        return
    error = refused.value
    assert isinstance(error, StalePlan)
    assert error.names == (label,)
    assert error.account == (TRUSTING if side == "trusting" else TRUSTED)
    assert error.new_plan == str(planned(accounts, patience))
    assert error.new_plan in str(error)
    planned(accounts, patience).apply()
    assert planned(accounts, patience).is_empty


def test_a_plan_is_stale_even_if_what_changed_was_not_to_be_changed(accounts: Accounts, patience: Patience) -> None:
    """Another run may have made or rolled back what this plan found to be as declared."""
    bring_about_tutorial(accounts, patience)
    stale = plan_tutorial(accounts, evolve(patience, deadline=0.2), external_id="acme-42")
    detach_from_user(accounts.trusted.iam)
    before = accounts.snapshot()
    with pytest.raises(StalePlan, match=f"user {USER}"):
        stale.apply()

    assert accounts.snapshot() == before


def test_a_change_of_another_grant_of_the_plan_does_not_concern_an_unchanged_one(
    accounts: Accounts, patience: Patience
) -> None:
    trust, access = tutorial()
    other = evolve(trust, role_name="Other", name="other")
    sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
    plan(trust, access, other, **sessions, patience=patience).apply()
    shown = plan(trust, access, evolve(other, external_id="acme-42"), **sessions, patience=patience)
    detach_from_user(accounts.trusted.iam)
    accounts.log.clear()
    shown.apply()

    assert [call for call in accounts.log.writes if "Other" not in call] == []


def test_a_read_that_is_not_up_to_date_does_not_make_a_plan_stale(accounts: Accounts, patience: Patience) -> None:
    bring_about_tutorial(accounts, patience)
    shown = plan_tutorial(accounts, patience, external_id="acme-42")
    accounts.fail(f"trusting GetRole {ROLE}", UNKNOWN)
    shown.apply()

    assert plan_tutorial(accounts, patience, external_id="acme-42").is_empty


def test_of_two_plans_of_a_new_grant_the_second_is_not_applied(accounts: Accounts, patience: Patience) -> None:
    first, second = plan_tutorial(accounts, patience), plan_tutorial(accounts, patience, external_id="acme-42")
    first.apply()
    before = accounts.snapshot()
    with pytest.raises(StalePlan) as refused:
        second.apply()

    assert accounts.snapshot() == before
    assert refused.value.new_plan == str(plan_tutorial(accounts, patience, external_id="acme-42"))
    assert plan_tutorial(accounts, patience).is_empty
    assert first.console_user
    assert before[TRUSTED]["users"][USER].password == first.console_user.password


def test_of_two_plans_of_the_same_role_by_two_grants_the_second_is_not_applied(
    accounts: Accounts, patience: Patience
) -> None:
    grants = [
        TrustGrant(name=name, account=TRUSTING, principals=TRUSTED, managed_policy_arns=S3_READ)
        for name in ("reports", "logs")
    ]
    sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
    first, second = (plan(grant, **sessions, patience=patience) for grant in grants)
    first.apply()
    before = accounts.snapshot()
    with pytest.raises(StalePlan) as refused:
        second.apply()

    assert "belongs to grant 'reports'" in refused.value.new_plan
    assert accounts.snapshot() == before
    with pytest.raises(GrantConflict):
        second.destroy()
    assert accounts.snapshot() == before


CREATIONS = [f"trusting CreateRole {ROLE}", f"trusted CreatePolicy {POLICY}", f"trusted CreateUser {USER}"]


@pytest.mark.parametrize("call", CREATIONS)
@pytest.mark.parametrize(
    "faults", [(), ("lost answer",), ("lost answer", "lost answer", "throttled"), ("server error",)], ids=str
)
def test_a_run_does_not_take_the_resources_of_another_for_its_own_lost_answer(
    accounts: Accounts, patience: Patience, call: str, faults: tuple[Any, ...]
) -> None:
    first, second = plan_tutorial(accounts, patience), plan_tutorial(accounts, patience)
    first.apply()
    before = accounts.snapshot()
    accounts.log.clear()
    accounts.fail(call, *faults)
    with pytest.raises(StalePlan):
        second.apply()

    assert accounts.snapshot() == before


@pytest.mark.parametrize("call", CREATIONS)
def test_a_run_does_not_remove_what_another_created_while_its_own_call_failed(
    accounts: Accounts, patience: Patience, haste: Patience, call: str
) -> None:
    first, second = plan_tutorial(accounts, patience), plan_tutorial(accounts, haste)
    first.apply()
    before = accounts.snapshot()
    accounts.log.clear()
    # The run does not learn whether its call took effect.
    accounts.fail_always(call, "lost answer")
    with pytest.raises((ApplyFailed, StalePlan)):
        second.apply()

    assert accounts.snapshot() == before


@pytest.mark.parametrize(
    "call",
    [
        f"trusting UpdateAssumeRolePolicy {ROLE}",
        f"trusting PutRolePolicy {ROLE} S3Read",
        f"trusting TagRole {ROLE} #2",
        f"trusted CreatePolicyVersion {POLICY}",
        f"trusted AttachUserPolicy others {POLICY}",
        f"trusted AttachUserPolicy {USER} AmazonEC2ReadOnlyAccess",
    ],
)
@pytest.mark.parametrize("faults", [("denied",), ("throttled", "denied")], ids=" then ".join)
def test_a_second_run_that_fails_leaves_what_the_first_made(
    accounts: Accounts, patience: Patience, call: str, faults: tuple[Any, ...]
) -> None:
    bring_about_tutorial(accounts, patience)
    before = accounts.snapshot()
    accounts.log.clear()
    accounts.fail(call, *faults)
    with pytest.raises(ApplyFailed) as failed:
        planned(accounts, patience).apply()

    assert failed.value.remaining == ()
    assert accounts.snapshot() == before
    assert plan_tutorial(accounts, patience).is_empty


@sequential
def test_a_rollback_leaves_what_another_run_has_changed_since(accounts: Accounts, patience: Patience) -> None:
    others: list[Plan] = []

    def apply_another(operation: str) -> None:
        if operation == "AssumeRole" and not others:
            others.append(planned(accounts, patience))
            others[0].apply()

    accounts.log.on_call = apply_another
    accounts.fail_always(f"trusted AssumeRole {ROLE}", Refused("ValidationError", "invalid"))
    with pytest.raises(ApplyFailed) as failed:
        plan_tutorial(accounts, patience).apply()

    assert any(f"role {ROLE} was changed by another run since" in text for text in failed.value.remaining)
    accounts.recover()
    assert planned(accounts, patience).is_empty


@sequential
def test_a_run_whose_claim_is_overtaken_applies_again(accounts: Accounts, patience: Patience) -> None:
    """Both runs change the same role. The state is that of one of them, and not a mixture."""
    bring_about_tutorial(accounts, patience)
    others: list[Plan] = []

    def apply_another(operation: str) -> None:
        if operation == "UpdateAssumeRolePolicy" and not others:
            others.append(plan_tutorial(accounts, patience, description="Another", max_session_duration=7200))
            others[0].apply()

    first = planned(accounts, patience)
    accounts.log.on_call = apply_another
    first.apply()

    assert planned(accounts, patience).is_empty


def test_a_run_that_is_overtaken_again_and_again_fails(accounts: Accounts, patience: Patience) -> None:
    bring_about_tutorial(accounts, patience)
    numbers, updated = count(), threading.Event()

    def apply_another(operation: str) -> None:
        if operation == "UpdateAssumeRolePolicy":
            updated.set()
        elif operation == "GetRole" and updated.is_set():
            accounts.log.on_call = lambda operation: None
            plan_tutorial(accounts, patience, external_id=f"other-{next(numbers)}").apply()
            updated.clear()
            accounts.log.on_call = apply_another

    first = plan_tutorial(accounts, patience, external_id="acme-42")
    accounts.log.on_call = apply_another
    with pytest.raises(ApplyFailed, match=f"another run keeps changing role {ROLE}") as failed:
        first.apply()

    assert failed.value.remaining == (f"role {ROLE}",)
    assert next(numbers) == 4


def once(accounts: Accounts, operation: str, action: Callable[[], object]) -> None:
    """Let something happen before the next call of an operation."""

    def act(called: str) -> None:
        if called == operation:
            accounts.log.on_call = lambda operation: None
            action()

    accounts.log.on_call = act


def test_a_run_that_changes_a_grant_in_progress_keeps_what_the_failing_run_made(
    accounts: Accounts, patience: Patience
) -> None:
    """The other run changes only the role. The user and the policy, which it found, stay as well."""
    untouched = accounts.snapshot()

    def plan_other() -> Plan:
        return plan_tutorial(accounts, patience, external_id="acme-42")

    accounts.fail_always(f"trusted AssumeRole {ROLE}", Refused("ValidationError", "invalid"))
    with one_thread_per_run(shuffled=False):
        first = plan_tutorial(accounts, patience)
        once(accounts, "AssumeRole", lambda: plan_other().apply())
        with pytest.raises(ApplyFailed) as failed:
            first.apply()

    for label in (f"user {USER}", f"policy {POLICY}", f"role {ROLE}"):
        assert any(f"{label} was changed by another run since" in text for text in failed.value.remaining)
    assert plan_other().is_empty
    plan_other().destroy()
    assert accounts.snapshot() == untouched


def test_a_plan_is_stale_if_another_run_changed_the_accounts_between_its_reads(
    accounts: Accounts, patience: Patience
) -> None:
    """The role is read before the other run, and the user after it."""
    bring_about_tutorial(accounts, patience)
    with one_thread_per_run(shuffled=False):
        once(accounts, "GetUser", lambda: planned(accounts, patience).apply())
        torn = plan_tutorial(accounts, evolve(patience, deadline=0.2))
        assert {change.resource for change in torn.changes if "role" in change.resource} == set()
        with pytest.raises(StalePlan):
            torn.apply()

    assert planned(accounts, patience).is_empty


def test_a_role_that_others_created_meanwhile_is_not_taken_over(accounts: Accounts, patience: Patience) -> None:
    shown = plan_tutorial(accounts, patience)
    accounts.trusting.iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=TRUST_OF_OTHERS)
    before = accounts.snapshot()
    with pytest.raises(ApplyFailed, match=f"role {ROLE}") as failed:
        shown.apply()

    assert isinstance(failed.value.__cause__, NotOurs)
    assert accounts.snapshot() == before


def test_a_plan_to_change_a_role_that_was_deleted_since_is_stale(accounts: Accounts, patience: Patience) -> None:
    bring_about_tutorial(accounts, patience)
    stale = plan_tutorial(accounts, patience, max_session_duration=7200)
    plan_tutorial(accounts, patience).destroy()
    before = accounts.snapshot()

    with pytest.raises(StalePlan, match="create role CrossAccountRoleS3"):
        stale.apply()

    assert accounts.snapshot() == before


def test_a_run_whose_resource_another_grant_takes_over_says_that_it_has_changed_something(
    accounts: Accounts, patience: Patience
) -> None:
    bring_about_tutorial(accounts, patience)
    update = plan_tutorial(accounts, patience, max_session_duration=7200)

    def take_over(operation: str) -> None:
        if operation == "UpdateRole":
            accounts.log.on_call = lambda _: None
            tags = [{"Key": "xacct:grant", "Value": "other"}, {"Key": "xacct:run", "Value": "2027-01-01T00:00:00Z b"}]
            accounts.trusting.iam.tag_role(RoleName=ROLE, Tags=tags)

    accounts.log.on_call = take_over
    with pytest.raises(ApplyFailed, match=f"another run took over role {ROLE}") as failed:
        update.apply()

    assert failed.value.remaining == (f"role {ROLE}",)
    assert "Nothing was changed" not in str(failed.value)


def test_a_user_that_is_removed_meanwhile_is_created_again_with_the_password_of_the_plan(
    accounts: Accounts, patience: Patience
) -> None:
    bring_about_tutorial(accounts, patience)
    removals: list[Plan] = []

    def remove(operation: str) -> None:
        if operation == "UpdateAssumeRolePolicy" and not removals:
            sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
            removals.append(plan(tutorial()[1], **sessions, patience=patience))
            removals[0].destroy()

    first = plan_tutorial(accounts, patience, external_id="acme-42")
    accounts.log.on_call = remove
    first.apply()

    assert plan_tutorial(accounts, patience, external_id="acme-42").is_empty
    assert first.console_user
    assert first.console_user.password == accounts.snapshot()[TRUSTED]["users"][USER].password is not None


def test_the_new_plan_of_a_stale_one_adopts_too(accounts: Accounts, patience: Patience) -> None:
    def adopting() -> Plan:
        trust, _ = tutorial(role_name="Others")
        sessions = {"trusting": accounts.trusting, "trusted": accounts.trusted}
        return plan(trust, **sessions, adopt=True, patience=evolve(patience, deadline=0.2))

    stale = adopting()
    accounts.trusting.iam.tag_role(RoleName="Others", Tags=[{"Key": "cost", "Value": "7"}])
    with pytest.raises(StalePlan) as refused:
        stale.apply()

    assert refused.value.new_plan == str(adopting())


@sequential
def test_a_run_that_finds_nothing_to_change_keeps_what_another_run_would_roll_back(
    accounts: Accounts, patience: Patience, haste: Patience
) -> None:
    trust, _ = tutorial()
    sessions: Any = {"trusting": accounts.trusting, "trusted": accounts.trusted}
    first = plan(trust, **sessions, patience=haste)

    def apply_the_same(operation: str) -> None:
        # The role is complete then, and the first run still waits for it.
        if operation == "AssumeRole":
            accounts.log.on_call = lambda operation: None
            same = plan(trust, **sessions, patience=patience)
            assert same.is_empty
            assert same.apply() == ()

    accounts.log.on_call = apply_the_same
    accounts.fail_always(f"trusted AssumeRole {ROLE}", Refused("ValidationError", "invalid"))
    with pytest.raises(ApplyFailed, match="was changed by another run since, so it was left as it is"):
        first.apply()

    assert plan(trust, **sessions, patience=patience).is_empty


def test_a_run_that_finds_nothing_to_change_after_another_process_marks_what_that_one_may_roll_back(
    accounts: Accounts, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_tutorial(accounts, patience).apply()  # A run that ended long ago rolls back nothing.
    accounts.log.clear()
    assert plan_tutorial(accounts, patience).apply() == ()
    assert accounts.log.writes == []

    monkeypatch.setattr(import_module("xacct.reconcile.plan"), "_ENDED_RUNS", set())
    assert plan_tutorial(accounts, patience).apply() == ()
    marks = {f"trusting TagRole {ROLE}", f"trusted TagPolicy {POLICY}", f"trusted TagUser {USER}"}
    assert set(accounts.log.writes) == marks
