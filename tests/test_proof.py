"""What a grant gives, proven before anything is applied."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest

from xacct import (
    DevAccessGrant,
    PolicyDocument,
    Principal,
    Proof,
    ProofFailed,
    Statement,
    TrustGrant,
    plan,
    s3_read_policy,
)
from xacct.testing import Sandbox

PROD, DEV = "111111111111", "222222222222"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
LATER = datetime.now(timezone.utc) + timedelta(days=1)
EARLIER = datetime.now(timezone.utc) - timedelta(days=1)


def grant(**changes: Any) -> TrustGrant:
    wanted = {"principals": DEV, "policies": {"read": s3_read_policy(["reports"], ["2026/"])}, **changes}
    return TrustGrant(account=PROD, **wanted)


def rows(proof: Proof) -> dict[str, str]:
    return {check.name: check.observed for check in proof.checks}


def failed(proof: Proof) -> list[str]:
    return [check.name for check in proof.checks if check.ok is False]


@pytest.mark.parametrize(
    ("condition", "keys"),
    [
        ({"external_id": "acme-42"}, ["sts:ExternalId"]),
        ({"require_mfa": True}, ["aws:MultiFactorAuthPresent"]),
        ({"mfa_max_age": 600}, ["aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"]),
        ({"organization_id": "o-abcdefghij"}, ["aws:PrincipalOrgID"]),
        ({"source_ips": ["10.0.0.0/8"]}, ["aws:SourceIp"]),
        ({"source_ips": ["2001:db8::/32"]}, ["aws:SourceIp"]),
        ({"session_tags": {"team": "red-*"}}, ["aws:RequestTag/team"]),
        ({"source_identity": ["al?ce"]}, ["sts:SourceIdentity"]),
        ({"external_id": "acme-42", "require_mfa": True}, ["sts:ExternalId", "aws:MultiFactorAuthPresent"]),
    ],
)
def test_the_trusted_assume_under_the_conditions_and_not_without_each_of_them(
    condition: dict[str, Any], keys: list[str]
) -> None:
    proof = grant(**condition).prove()
    assert proof.ok, proof
    assert rows(proof)[f"a user of {DEV} assumes the role"] == "allowed"
    assert {name: seen for name, seen in rows(proof).items() if " without " in name} == {
        f"a user of {DEV} without {key}": "refused" for key in keys
    }


def test_a_grant_that_ends_is_proven_to_end() -> None:
    assert rows(grant(expires=LATER).prove())[f"a user of {DEV} after the end"] == "refused"


@pytest.mark.parametrize(
    ("principal", "who", "others"),
    [
        (DEV, f"a user of {DEV}", []),
        (f"arn:aws:iam::{DEV}:user/alice", f"arn:aws:iam::{DEV}:user/alice", [f"somebody else of {DEV}"]),
        (f"arn:aws:iam::{DEV}:role/deploy", f"arn:aws:iam::{DEV}:role/deploy", [f"somebody else of {DEV}"]),
        ("lambda.amazonaws.com", "lambda.amazonaws.com", []),
        (Principal.organization("o-abcdefghij"), "arn:aws:iam::666666666666:user/somebody", []),
        (
            Principal.permission_set(DEV, "Reader"),
            f"arn:aws:iam::{DEV}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Reader_{'x' * 16}",
            [],
        ),
    ],
)
def test_every_kind_of_principal_is_proven_and_strangers_are_kept_out(
    principal: Principal | str, who: str, others: list[str]
) -> None:
    proof = grant(principals=[principal]).prove()
    assert proof.ok, proof
    seen = rows(proof)
    assert seen[f"{who} assumes the role"] == "allowed"
    for stranger in (*others, "a user of another account", "somebody anonymous"):
        assert seen[f"{stranger} assumes the role"] == "refused"


def test_what_an_identity_provider_asserts_is_not_tried() -> None:
    proof = grant(principals=[DEV, Principal.federated("cognito-identity.amazonaws.com")]).prove()
    assert rows(proof)["cognito-identity.amazonaws.com assumes the role"] == "not tried"
    assert proof.ok


def test_the_bucket_and_prefix_are_read_and_their_neighbours_are_not() -> None:
    seen = rows(grant().prove())
    assert {name.removeprefix("the role "): observed for name, observed in seen.items() if "s3://" in name} == {
        "lists s3://reports/2026/": "allowed",
        "reads s3://reports/2026/example": "allowed",
        "reads s3://reports-neighbour/2026/example": "refused",
        "reads s3://reports/neighbour-of-2026/example": "refused",
        "writes s3://reports/2026/example": "refused",
        "deletes s3://reports/2026/example": "refused",
    }


def test_wildcards_in_a_prefix_are_characters() -> None:
    assert grant(policies={"read": s3_read_policy(["reports"], ["what*/if?/"])}).prove().ok


def test_what_a_document_of_ones_own_allows_beyond_is_shown_and_does_not_fail() -> None:
    own = PolicyDocument([Statement.allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::reports/*")])
    proof = grant(policies={"own": own}).prove()
    check = next(check for check in proof.checks if "writes" in check.name)
    assert (check.observed, check.ok, check.why) == ("allowed", None, "as your own documents have it")
    assert proof.ok


def test_a_reading_document_that_another_blocks_fails_with_the_statement() -> None:
    block = PolicyDocument([Statement.deny("s3:GetObject", "*")])
    proof = grant(policies={"read": s3_read_policy(["reports"]), "block": block}).prove()
    assert failed(proof) == ["the role reads s3://reports/example"]
    assert not proof.ok


def test_managed_policies_are_assumed_without_a_session_and_read_with_one() -> None:
    trust = grant(policies={}, managed_policy_arns=[S3_READ], permissions_boundary=S3_READ)
    assumed = [check for check in trust.prove().checks if check.observed == "assumed"]
    assert [check.why for check in assumed] == ["known by its ARN only: give prove() a session"] * 2
    with Sandbox([PROD]) as aws:
        assert "assumed" not in rows(trust.prove(aws.account(PROD).session)).values()
        missing = grant(policies={}, managed_policy_arns=[f"arn:aws:iam::{PROD}:policy/Missing"])
        (check,) = [c for c in missing.prove(aws.account(PROD).session).checks if c.observed == "assumed"]
    assert "not read: An error occurred (NoSuchEntity)" in check.why


def test_the_bearers_policy_lets_them_assume_the_roles_and_nothing_else() -> None:
    roles = [f"arn:aws:iam::{PROD}:role/Reader", f"arn:aws:iam::{PROD}:role/Reader-other"]
    proof = DevAccessGrant(account=DEV, role_arns=roles, session_tags=True).prove()
    assert proof.ok
    assert rows(proof) == {
        f"assume {roles[0]}": "allowed",
        f"assume {roles[1]}": "allowed",
        f"assume {roles[1]}-other": "refused",
        f"list the users of {DEV}": "refused",
    }


def test_a_plan_refuses_a_grant_whose_proof_fails_before_anything_is_changed() -> None:
    with Sandbox([PROD, DEV]) as aws:
        sessions: list[boto3.Session] = [aws.account(account).session for account in (PROD, DEV)]
        made = plan(grant(expires=EARLIER), trusting=sessions[0], trusted=sessions[1])
        calls = len(aws.calls)
        with pytest.raises(ProofFailed, match=f"a user of {DEV} assumes the role: refused, and should be allowed"):
            made.apply()
        assert len(aws.calls) == calls


@pytest.mark.parametrize(
    ("policy", "written"), [("AmazonS3ReadOnlyAccess", "refused"), ("AdministratorAccess", "allowed")]
)
def test_a_managed_policy_that_was_read_is_asked_what_it_lets_the_role_write(policy: str, written: str) -> None:
    trust = grant(policies={}, managed_policy_arns=[f"arn:aws:iam::aws:policy/{policy}"])
    with Sandbox([PROD]) as aws:
        seen = rows(trust.prove(aws.account(PROD).session))
    assert seen["the role reads s3://any-bucket/example"] == "allowed"
    assert seen["the role writes s3://any-bucket/example"] == written
