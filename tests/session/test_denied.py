"""Denials by STS: how they are explained, and when waiting for a new role ends."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from attrs import frozen

from xacct import (
    AssumeRoleDenied,
    TrustGrant,
    assume_role,
    explain,
    grant_cross_account_read,
    plan,
    s3_read_policy,
)
from xacct.testing import Propagation, Sandbox

PROD, DEV = "111111111111", "222222222222"
ROLE, ALICE = f"arn:aws:iam::{PROD}:role/Reader", f"arn:aws:iam::{DEV}:user/alice"
READ = {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"}
ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}


@frozen
class Two:
    """Accounts with eventual consistency, a role, and a user who may read their own policies."""

    aws: Sandbox
    prod: boto3.Session
    alice: boto3.Session

    def give(self, *statements: dict[str, object]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam = self.aws.account(DEV).session.client("iam")
        iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=document)

    @property
    def tries(self) -> int:
        return sum(call.operation == "AssumeRole" for call in self.aws.calls)


@pytest.fixture
def two() -> Iterator[Two]:
    with Sandbox([PROD, DEV], propagation=Propagation(seconds=(2, 4), seed=7)) as aws:
        prod, dev = (aws.account(account).session for account in (PROD, DEV))
        dev.client("iam").create_user(UserName="alice")
        two = Two(aws, prod, aws.sign_in(ALICE, duration=36000))
        two.give(READ, ASSUME)
        trust = TrustGrant(
            account=PROD, principals=DEV, role_name="Reader", policies={"r": s3_read_policy(["reports"])}
        )
        plan(trust, trusting=prod, trusted=dev).apply()
        aws.clock.advance(60)
        aws.calls.clear()
        yield two


def denied(two: Two, **options: float | str) -> AssumeRoleDenied:
    with pytest.raises(AssumeRoleDenied) as caught:
        assume_role(two.alice, ROLE, session_name="test", **options)  # type: ignore[arg-type]
    return caught.value


def test_a_denial_is_explained_by_what_the_caller_may_read(two: Two) -> None:
    two.give(READ)
    two.aws.clock.advance(60)
    error = denied(two)
    calls = len(two.aws.calls)
    explanation = explain(error, two.alice, two.alice)
    assert explanation.certain
    assert f'"Resource": "{ROLE}"' in str(explanation)
    assert f"trust policy of role Reader (no session of account {PROD})" in map(str, explanation.unread)
    assert len(two.aws.calls) > calls


def distrust(two: Two) -> None:
    """Let the role trust its own account only."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{PROD}:root"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    two.prod.client("iam").update_assume_role_policy(RoleName="Reader", PolicyDocument=document)
    two.aws.clock.advance(60)


def test_a_policy_that_cannot_be_read_leaves_the_explanation_uncertain(two: Two) -> None:
    distrust(two)
    explanation = explain(denied(two), two.alice, two.alice)
    assert explanation.refused
    assert not explanation.certain


@pytest.mark.parametrize(
    ("condition", "effect", "certain"),
    [
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, "Allow", False),
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}, "Deny", False),
        ({"StringEquals": {"sts:ExternalId": "acme-42"}}, "Allow", True),
    ],
)
def test_conditions_on_unknown_context_keys_leave_the_explanation_uncertain(
    two: Two, condition: dict[str, object], effect: str, certain: bool
) -> None:
    conditional = {**ASSUME, "Effect": effect, "Condition": condition}
    two.give(READ, conditional, *([ASSUME] if effect == "Deny" else []))
    two.aws.clock.advance(60)
    explanation = explain(denied(two), two.alice, two.alice)
    assert explanation.refused
    assert explanation.certain is certain


def test_waiting_continues_if_the_message_does_not_name_the_caller(two: Two) -> None:
    two.aws.faults.add("denied", operation="AssumeRole", at=1)
    assume_role(two.alice, ROLE, session_name="test", wait=60)
    assert two.tries == 2


def test_waiting_ends_when_the_callers_own_policies_deny_three_times(two: Two) -> None:
    two.give(READ)
    two.aws.clock.advance(60)
    before = two.aws.clock.now()
    denied(two, wait=600)
    assert two.tries == 3
    assert (two.aws.clock.now() - before).total_seconds() < 60


def test_waiting_continues_until_a_permission_has_propagated(two: Two) -> None:
    two.give(READ)
    two.aws.clock.advance(60)
    two.give(READ, ASSUME)
    assume_role(two.alice, ROLE, session_name="test", wait=60)


def test_waiting_continues_if_the_policies_cannot_be_read(two: Two) -> None:
    distrust(two)
    before = two.aws.clock.now()
    error = denied(two, wait=120)
    assert (two.aws.clock.now() - before).total_seconds() >= 115
    assert two.tries > 3
    assert explain(error, two.prod, two.alice).certain


def test_the_denial_of_a_grants_session_is_explained_by_both_sides() -> None:
    with Sandbox([PROD, DEV]) as aws:
        prod, dev = (aws.account(account).session for account in (PROD, DEV))
        access = grant_cross_account_read(prod, dev, external_id="acme-42")
        trust = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": DEV},
            "Condition": {"StringEquals": {"sts:ExternalId": "another"}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        prod.client("iam").update_assume_role_policy(RoleName="CrossAccountRoleS3", PolicyDocument=document)
        with pytest.raises(AssumeRoleDenied) as denied:
            access.session()
        (cause,) = explain(denied.value, prod, dev).causes
        assert (cause.kind, cause.wanted, cause.given) == ("external ID", ("another",), ("ac... (7 characters)",))
