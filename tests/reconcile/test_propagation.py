"""Errors caused by propagation are retried, and others are not."""

from __future__ import annotations

from typing import Any

import pytest

from xacct import ConsoleUser, DevAccessGrant, s3_read_policy
from xacct.errors import ApplyFailed, NotPropagated
from xacct.reconcile import plan
from xacct.retry import Patience
from xacct.testing.error_responses import Refused

from .accounts import TRUSTED, Accounts
from .seeds import seeded
from .tutorial import POLICY, ROLE, USER, USER_ARN, plan_tutorial, tutorial

UNMODIFIABLE = Refused(
    "EntityTemporarilyUnmodifiable",
    f"Login Profile for User {USER} cannot be modified while login profile is being created.",
    409,
)
INVALID_PRINCIPAL = Refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{USER_ARN}"')
MODIFIED = Refused("ConcurrentModification", "The entity was modified concurrently.", 409)
UNKNOWN = Refused("NoSuchEntity", f"The role with name {ROLE} cannot be found.", 404)
STALE = Refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409)


def test_the_role_counts_as_assumable_after_three_successes_in_a_row(accounts: Accounts, patience: Patience) -> None:
    accounts.fail(f"trusted AssumeRole {ROLE} #2", "denied")
    accounts.fail(f"trusted AssumeRole {ROLE} #5", "denied")
    plan_tutorial(accounts, patience).apply()

    # One success and a refusal, two successes and a refusal, three successes.
    assert accounts.log.count(f"trusted AssumeRole {ROLE}") == 2 + 3 + 3


def test_a_role_that_cannot_be_assumed_in_time_is_rolled_back(accounts: Accounts, haste: Patience) -> None:
    before = accounts.snapshot()
    accounts.fail_always(f"trusted AssumeRole {ROLE}", "denied")
    with pytest.raises(ApplyFailed, match=f"waiting until role {ROLE} can be assumed in account") as failed:
        plan_tutorial(accounts, haste).apply()

    assert isinstance(failed.value.__cause__, NotPropagated)
    assert accounts.snapshot() == before


def test_the_wait_sends_the_external_id(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience, external_id="a-third-party").apply()

    assert accounts.log.requests[f"trusted AssumeRole {ROLE}"]["ExternalId"] == "a-third-party"
    assert accounts.log.count(f"trusted AssumeRole {ROLE}") == 3


@pytest.mark.parametrize(
    "conditions",
    [{"require_mfa": True}, {"source_ips": "192.0.2.0/24"}, {"session_tags": {"team": "a"}}, {"source_identity": "a"}],
    ids=str,
)
def test_a_role_with_conditions_that_only_its_users_can_meet_is_not_waited_for(
    accounts: Accounts, patience: Patience, conditions: dict[str, object]
) -> None:
    plan_tutorial(accounts, patience, **conditions).apply()

    assert accounts.log.count(f"trusted AssumeRole {ROLE}") == 0


def test_a_role_that_trusts_a_new_user_is_retried_until_the_user_is_visible(
    accounts: Accounts, patience: Patience
) -> None:
    accounts.fail(f"trusting CreateRole {ROLE}", INVALID_PRINCIPAL, INVALID_PRINCIPAL, MODIFIED)
    plan_tutorial(accounts, patience, principals=USER_ARN).apply()

    assert accounts.log.count(f"trusting CreateRole {ROLE}") == 4


def test_a_role_that_trusts_a_new_user_is_created_after_the_user(accounts: Accounts, patience: Patience) -> None:
    events: list[str] = []
    plan_tutorial(accounts, patience, principals=USER_ARN).apply(
        on_event=lambda event: events.append(f"{event.kind}: {event.what}")
    )

    assert events.index(f"done: creating user {USER}") < events.index(f"started: creating role {ROLE}")


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidClientTokenId", "NoSuchEntity"])
def test_assuming_a_new_role_is_retried_until_sts_knows_it(accounts: Accounts, patience: Patience, code: str) -> None:
    accounts.fail(f"trusted AssumeRole {ROLE}", *[Refused(code, "not yet", 403)] * 2)
    plan_tutorial(accounts, patience).apply()

    assert accounts.log.count(f"trusted AssumeRole {ROLE}") == 2 + 3


def test_a_deletion_is_retried_if_a_read_after_the_conflict_finds_nothing(
    accounts: Accounts, untouched: dict[str, Any], patience: Patience
) -> None:
    applied = plan_tutorial(accounts, patience)
    applied.apply()
    accounts.fail(f"trusting DeleteRole {ROLE}", STALE)
    accounts.fail(f"trusting ListInstanceProfilesForRole {ROLE}", UNKNOWN)
    applied.destroy()

    assert accounts.snapshot() == untouched


def test_an_updated_trust_policy_is_retried_until_its_user_is_visible(accounts: Accounts, patience: Patience) -> None:
    trust, _ = tutorial()
    plan(trust, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience).apply()
    accounts.log.clear()
    accounts.fail(f"trusting UpdateAssumeRolePolicy {ROLE}", INVALID_PRINCIPAL)
    plan_tutorial(accounts, patience, principals=USER_ARN).apply()

    assert accounts.log.count(f"trusting UpdateAssumeRolePolicy {ROLE}") == 2
    assert plan_tutorial(accounts, patience, principals=USER_ARN).is_empty


def test_a_principal_that_the_plan_does_not_create_is_an_error_at_once(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    accounts.fail_always(f"trusting CreateRole {ROLE}", INVALID_PRINCIPAL)
    with pytest.raises(ApplyFailed, match="Invalid principal in policy"):
        plan_tutorial(accounts, patience, principals=f"arn:aws:iam::{TRUSTED}:user/nobody").apply()

    assert accounts.log.count(f"trusting CreateRole {ROLE}") == 1
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
def test_calls_are_retried_until_the_new_resource_is_visible(accounts: Accounts, patience: Patience, call: str) -> None:
    policies = {"S3Read": s3_read_policy(["reports"])}
    accounts.fail(call, UNKNOWN, UNKNOWN)
    plan_tutorial(accounts, patience, policies=policies).apply()

    assert plan_tutorial(accounts, patience, policies=policies).is_empty


def test_a_console_password_that_is_still_being_created_is_retried(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    # After the lost response it is set again, which is refused while the first is in progress.
    accounts.fail(f"trusted CreateLoginProfile {USER}", "lost answer")
    accounts.fail(f"trusted UpdateLoginProfile {USER}", UNMODIFIABLE, UNMODIFIABLE)
    accounts.fail(f"trusted DeleteLoginProfile {USER}", UNMODIFIABLE, UNMODIFIABLE)
    applied = plan_tutorial(accounts, patience)
    applied.apply()

    assert applied.console_user
    assert accounts.snapshot()[TRUSTED]["users"][USER].password == applied.console_user.password
    applied.destroy()
    assert accounts.snapshot() == before


@pytest.mark.parametrize("call", [f"trusting DeleteRole {ROLE}", f"trusted DeleteUser {USER}"])
def test_a_deletion_is_retried_until_the_detachments_are_visible(
    accounts: Accounts, patience: Patience, call: str
) -> None:
    before = accounts.snapshot()
    applied = plan_tutorial(accounts, patience)
    applied.apply()
    accounts.fail(call, STALE, STALE)
    applied.destroy()

    assert accounts.snapshot() == before


@pytest.mark.parametrize(
    ("create", "read"),
    [
        (f"trusting CreateRole {ROLE}", f"trusting GetRole {ROLE}"),
        (f"trusted CreateUser {USER}", f"trusted GetUser {USER}"),
        (f"trusted CreatePolicy {POLICY}", f"trusted GetPolicy {POLICY}"),
    ],
)
def test_after_a_lost_response_the_creation_is_retried_until_the_resource_is_visible(
    accounts: Accounts, patience: Patience, create: str, read: str
) -> None:
    accounts.fail(create, "lost answer")
    accounts.fail(f"{read} #2", UNKNOWN)
    plan_tutorial(accounts, patience).apply()

    assert plan_tutorial(accounts, patience).is_empty


def test_a_role_that_trusts_an_existing_user_is_not_retried(accounts: Accounts, patience: Patience) -> None:
    grant = DevAccessGrant(account=TRUSTED, role_arns=tutorial()[0].role_arn, console_user=ConsoleUser(USER))
    plan(grant, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience).apply()
    accounts.fail_always(f"trusting CreateRole {ROLE}", INVALID_PRINCIPAL)
    with pytest.raises(ApplyFailed, match="Invalid principal in policy"):
        plan_tutorial(accounts, Patience(deadline=0.01, first=0.001), principals=USER_ARN).apply()


@pytest.mark.parametrize("read", [f"trusted GetPolicy {POLICY} #2", f"trusted GetUser {USER} #2"])
def test_a_created_resource_is_rolled_back_even_if_a_read_does_not_find_it(
    accounts: Accounts, haste: Patience, read: str
) -> None:
    before = accounts.snapshot()
    accounts.fail_always(f"trusted AssumeRole {ROLE}", "denied")
    accounts.fail(read, UNKNOWN)
    with pytest.raises(ApplyFailed):
        plan_tutorial(accounts, haste).apply()

    assert accounts.snapshot() == before


@pytest.mark.parametrize("later", ["CreateUser", "GetUser"])
def test_what_may_have_been_created_is_rolled_back_even_if_botocore_retried_the_lost_call(later: str) -> None:
    with seeded(0) as run:
        before = run.accounts.snapshot()
        run.accounts.aws.faults.add("lost answer", operation="CreateUser", at=1)
        run.accounts.aws.faults.add("denied", operation=later, at=2)
        with pytest.raises(ApplyFailed, match="creating user"):
            run.plan().apply()

        run.settle()
        assert run.accounts.snapshot() == before
