"""A denial that says why, and a wait that ends when it will not pass."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from attrs import frozen

from xacct import AssumeRoleDenied, Explanation, TrustGrant, assume_role, plan, s3_read_policy
from xacct.access import CrossAccountAccess, grant_cross_account_read
from xacct.testing import Propagation, Sandbox

PROD, DEV = "111111111111", "222222222222"
ROLE, ALICE = f"arn:aws:iam::{PROD}:role/Reader", f"arn:aws:iam::{DEV}:user/alice"
READ = {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"}
ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}


@frozen
class Two:
    """Accounts whose writes take their time, a role, and a user who may read their own policies."""

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


def test_a_denial_reads_what_the_caller_may_read_when_it_is_asked_why(two: Two) -> None:
    two.give(READ)
    two.aws.clock.advance(60)
    error = denied(two)
    calls = len(two.aws.calls)
    assert error.explanation is not None
    assert error.explanation.certain
    assert f'"Resource": "{ROLE}"' in str(error.explanation)
    assert "trust policy of role Reader: neither session belongs to account" in str(error.explanation)
    assert len(two.aws.calls) > calls


def distrust(two: Two) -> None:
    """Let the role trust nobody but its own account."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{PROD}:root"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    two.prod.client("iam").update_assume_role_policy(RoleName="Reader", PolicyDocument=document)
    two.aws.clock.advance(60)


def test_what_cannot_be_read_leaves_a_denial_uncertain(two: Two) -> None:
    distrust(two)
    explanation = denied(two).explanation
    assert isinstance(explanation, Explanation)
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
def test_what_depends_on_circumstances_that_nobody_can_read_is_not_certain(
    two: Two, condition: dict[str, object], effect: str, certain: bool
) -> None:
    conditional = {**ASSUME, "Effect": effect, "Condition": condition}
    two.give(READ, conditional, *([ASSUME] if effect == "Deny" else []))
    two.aws.clock.advance(60)
    explanation = denied(two).explanation
    assert isinstance(explanation, Explanation)
    assert explanation.refused
    assert explanation.certain is certain


def test_where_nothing_can_be_told_there_is_no_explanation(two: Two) -> None:
    two.aws.faults.add("denied", operation="AssumeRole")
    error = denied(two)
    assert error.explanation is None


def test_waiting_ends_when_the_callers_own_policies_go_on_refusing(two: Two) -> None:
    two.give(READ)
    two.aws.clock.advance(60)
    before = two.aws.clock.now()
    denied(two, wait=600)
    assert two.tries == 3
    assert (two.aws.clock.now() - before).total_seconds() < 60


def test_waiting_goes_on_while_a_permission_is_on_its_way(two: Two) -> None:
    two.give(READ)
    two.aws.clock.advance(60)
    two.give(READ, ASSUME)
    assume_role(two.alice, ROLE, session_name="test", wait=60)


def test_waiting_goes_on_where_nothing_can_be_told(two: Two) -> None:
    distrust(two)
    before = two.aws.clock.now()
    error = denied(two, wait=120)
    assert (two.aws.clock.now() - before).total_seconds() >= 115
    assert two.tries > 3
    with_both_sides = error.explain(two.prod)
    assert with_both_sides is not None
    assert with_both_sides.certain


def test_a_grants_session_reads_both_sides() -> None:
    with Sandbox([PROD, DEV]) as aws:
        prod, dev = (aws.account(account).session for account in (PROD, DEV))
        access: CrossAccountAccess = grant_cross_account_read(prod, dev, external_id="acme-42")
        trust = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": DEV},
            "Condition": {"StringEquals": {"sts:ExternalId": "another"}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        prod.client("iam").update_assume_role_policy(RoleName="CrossAccountRoleS3", PolicyDocument=document)
        with pytest.raises(AssumeRoleDenied) as caught:
            access.session()
        assert "sts:ExternalId 'another', the request has 'acme-42'" in str(caught.value.explanation)
