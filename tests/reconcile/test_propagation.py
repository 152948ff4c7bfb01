"""What passes by itself is waited out, and a real refusal is not."""

from __future__ import annotations

import pytest

from xacct import ConsoleUser, DevAccessGrant, s3_read_policy
from xacct.errors import ApplyFailed, NotPropagated
from xacct.reconcile import plan
from xacct.retry import Patience

from .conftest import DENIED, LOST, POLICY, ROLE, TRUSTED, USER, Accounts, Fault, plan_tutorial, tutorial
from .seeds import seeded

UNMODIFIABLE = Fault(
    "temporarily unmodifiable",
    409,
    "EntityTemporarilyUnmodifiable",
    f"Login Profile for User {USER} cannot be modified while login profile is being created.",
)
INVALID_PRINCIPAL = Fault(
    "invalid principal",
    400,
    "MalformedPolicyDocument",
    f'Invalid principal in policy: "AWS":"arn:aws:iam::{TRUSTED}:user/{USER}"',
)
MODIFIED = Fault("concurrent modification", 409, "ConcurrentModification", "The entity was modified concurrently.")
UNKNOWN = Fault("not visible yet", 404, "NoSuchEntity", f"The role with name {ROLE} cannot be found.")
STALE = Fault("stale", 409, "DeleteConflict", "Cannot delete entity, must detach all policies first.")

WHOLE_USER = f"arn:aws:iam::{TRUSTED}:user/{USER}"


def count(accounts: Accounts, call: str) -> int:
    return sum(made.split(" #")[0] == call for made in accounts.wire.calls)


def test_the_role_counts_as_assumable_after_three_successes_in_a_row(accounts: Accounts, patience: Patience) -> None:
    accounts.wire.fail(f"trusted AssumeRole {ROLE} #2", DENIED)
    accounts.wire.fail(f"trusted AssumeRole {ROLE} #5", DENIED)
    plan_tutorial(accounts, patience).apply()

    # One success and a refusal, two successes and a refusal, three successes.
    assert count(accounts, f"trusted AssumeRole {ROLE}") == 2 + 3 + 3


def test_a_role_that_cannot_be_assumed_in_time_is_taken_back(accounts: Accounts, haste: Patience) -> None:
    before = accounts.snapshot()
    accounts.wire.fail_always(f"trusted AssumeRole {ROLE}", DENIED)
    with pytest.raises(ApplyFailed, match=f"waiting until role {ROLE} can be assumed failed") as failed:
        plan_tutorial(accounts, haste).apply()

    assert isinstance(failed.value.__cause__, NotPropagated)
    assert accounts.snapshot() == before


def test_the_wait_gives_the_external_id(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience, external_id="a-third-party").apply()

    assert accounts.wire.requests[f"trusted AssumeRole {ROLE}"]["ExternalId"] == "a-third-party"
    assert count(accounts, f"trusted AssumeRole {ROLE}") == 3


@pytest.mark.parametrize(
    "demands",
    [{"require_mfa": True}, {"source_ips": "192.0.2.0/24"}, {"session_tags": {"team": "a"}}, {"source_identity": "a"}],
    ids=str,
)
def test_a_role_that_asks_for_what_only_people_bring_is_not_tried(
    accounts: Accounts, patience: Patience, demands: dict[str, object]
) -> None:
    plan_tutorial(accounts, patience, **demands).apply()

    assert count(accounts, f"trusted AssumeRole {ROLE}") == 0


def test_a_trust_in_the_user_that_is_made_waits_until_the_user_is_visible(
    accounts: Accounts, patience: Patience
) -> None:
    accounts.wire.fail(f"trusting CreateRole {ROLE}", INVALID_PRINCIPAL, INVALID_PRINCIPAL, MODIFIED)
    plan_tutorial(accounts, patience, principals=WHOLE_USER).apply()

    assert count(accounts, f"trusting CreateRole {ROLE}") == 4
    calls = accounts.wire.calls
    assert calls.index(f"trusted CreateUser {USER}") < calls.index(f"trusting CreateRole {ROLE}")


def test_a_new_trust_in_the_user_that_is_made_waits_too(accounts: Accounts, patience: Patience) -> None:
    trust, _ = tutorial()
    plan(trust, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience).apply()
    accounts.wire.forget()
    accounts.wire.fail(f"trusting UpdateAssumeRolePolicy {ROLE}", INVALID_PRINCIPAL)
    plan_tutorial(accounts, patience, principals=WHOLE_USER).apply()

    assert count(accounts, f"trusting UpdateAssumeRolePolicy {ROLE}") == 2
    assert plan_tutorial(accounts, patience, principals=WHOLE_USER).is_empty


def test_a_principal_that_nobody_is_making_is_refused_at_once(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    accounts.wire.fail_always(f"trusting CreateRole {ROLE}", INVALID_PRINCIPAL)
    with pytest.raises(ApplyFailed, match="Invalid principal in policy"):
        plan_tutorial(accounts, patience, principals=f"arn:aws:iam::{TRUSTED}:user/nobody").apply()

    assert count(accounts, f"trusting CreateRole {ROLE}") == 1
    assert accounts.snapshot() == before


@pytest.mark.parametrize(
    "call",
    [
        f"trusting AttachRolePolicy {ROLE} AmazonS3ReadOnlyAccess",
        f"trusting PutRolePolicy {ROLE} S3Read",
        f"trusted CreateLoginProfile {USER}",
        f"trusted AttachUserPolicy {USER} {POLICY}",
        f"trusted AttachUserPolicy {USER} AmazonEC2FullAccess",
    ],
)
def test_what_was_just_made_may_not_be_visible_yet(accounts: Accounts, patience: Patience, call: str) -> None:
    policies = {"S3Read": s3_read_policy(["reports"])}
    accounts.wire.fail(call, UNKNOWN, UNKNOWN)
    plan_tutorial(accounts, patience, policies=policies).apply()

    assert plan_tutorial(accounts, patience, policies=policies).is_empty


def test_a_sign_in_that_is_still_being_made_is_waited_for(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    # The answer was lost, so that it is set again, and that is refused while the first is under way.
    accounts.wire.fail(f"trusted CreateLoginProfile {USER}", LOST)
    accounts.wire.fail(f"trusted UpdateLoginProfile {USER}", UNMODIFIABLE, UNMODIFIABLE)
    accounts.wire.fail(f"trusted DeleteLoginProfile {USER}", UNMODIFIABLE, UNMODIFIABLE)
    made = plan_tutorial(accounts, patience)
    made.apply()

    assert made.console_user
    assert accounts.snapshot()[TRUSTED]["users"][USER][1] == made.console_user.password
    made.destroy()
    assert accounts.snapshot() == before


@pytest.mark.parametrize("call", [f"trusting DeleteRole {ROLE}", f"trusted DeleteUser {USER}"])
def test_a_refused_delete_that_is_only_stale_passes(accounts: Accounts, patience: Patience, call: str) -> None:
    before = accounts.snapshot()
    made = plan_tutorial(accounts, patience)
    made.apply()
    accounts.wire.fail(call, STALE, STALE)
    made.destroy()

    assert accounts.snapshot() == before


@pytest.mark.parametrize(
    ("create", "read"),
    [
        (f"trusting CreateRole {ROLE}", f"trusting GetRole {ROLE}"),
        (f"trusted CreateUser {USER}", f"trusted GetUser {USER}"),
        (f"trusted CreatePolicy {POLICY}", f"trusted GetPolicy {POLICY}"),
    ],
)
def test_what_was_made_by_a_call_whose_answer_was_lost_may_not_be_visible_yet(
    accounts: Accounts, patience: Patience, create: str, read: str
) -> None:
    accounts.wire.fail(create, LOST)
    accounts.wire.fail(f"{read} #2", UNKNOWN)
    plan_tutorial(accounts, patience).apply()

    assert plan_tutorial(accounts, patience).is_empty


def test_existing_users_are_not_waited_for(accounts: Accounts, patience: Patience) -> None:
    grant = DevAccessGrant(account=TRUSTED, role_arns=tutorial()[0].role_arn, console_user=ConsoleUser(USER))
    plan(grant, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience).apply()
    accounts.wire.fail_always(f"trusting CreateRole {ROLE}", INVALID_PRINCIPAL)
    with pytest.raises(ApplyFailed, match="Invalid principal in policy"):
        plan_tutorial(accounts, Patience(deadline=0.01, first=0.001), principals=WHOLE_USER).apply()


@pytest.mark.parametrize("read", [f"trusted GetPolicy {POLICY} #2", f"trusted GetUser {USER} #2"])
def test_what_was_certainly_made_is_taken_back_although_a_read_does_not_find_it_yet(
    accounts: Accounts, haste: Patience, read: str
) -> None:
    before = accounts.snapshot()
    accounts.wire.fail_always(f"trusted AssumeRole {ROLE}", DENIED)
    accounts.wire.fail(read, UNKNOWN)
    with pytest.raises(ApplyFailed):
        plan_tutorial(accounts, haste).apply()

    assert accounts.snapshot() == before


@pytest.mark.parametrize("later", ["CreateUser", "GetUser"])
def test_what_may_have_been_made_is_taken_back_although_botocore_hid_the_lost_answer(later: str) -> None:
    with seeded(0) as both:
        before = both.holds()
        both.aws.faults.add("lost answer", operation="CreateUser", at=1)
        both.aws.faults.add("denied", operation=later, at=2)
        with pytest.raises(ApplyFailed, match="creating user"):
            both.plan().apply()

        both.calm()
        assert both.holds() == before
