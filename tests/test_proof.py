"""The offline proof of grants, and the proof that apply() does before any change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from attrs import evolve

from xacct import (
    Check,
    Condition,
    DevAccessGrant,
    GrantsFailed,
    InvalidValue,
    Plan,
    PolicyDocument,
    PolicyError,
    Principal,
    Proof,
    ProofFailed,
    ProofNotDecided,
    SessionExpired,
    Statement,
    TrustGrant,
    plan,
    prove,
    s3_read_policy,
)
from xacct.limits import is_bucket_name
from xacct.linter import documents_of_aws
from xacct.proof import prove_with_policies, read_policies
from xacct.report_table import undecided_check
from xacct.testing import Sandbox
from xacct.testing.error_responses import Refused

PROD, DEV = "111111111111", "222222222222"
S3_READ, ADMIN = (f"arn:aws:iam::aws:policy/{name}" for name in ("AmazonS3ReadOnlyAccess", "AdministratorAccess"))
EXPIRED = Refused("ExpiredToken", "The security token included in the request is expired")
LATER = datetime.now(timezone.utc) + timedelta(days=1)
EARLIER = datetime.now(timezone.utc) - timedelta(days=1)


def grant(**changes: Any) -> TrustGrant:
    fields = {"principals": DEV, "policies": {"read": s3_read_policy(["reports"], ["2026/"])}, **changes}
    return TrustGrant(account=PROD, **fields)


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
def test_a_trusted_caller_must_meet_every_condition(condition: dict[str, Any], keys: list[str]) -> None:
    proof = prove(grant(**condition))
    assert proof.ok, proof
    assert rows(proof)[f"a user of {DEV} assumes the role"] == "allowed"
    assert {name: seen for name, seen in rows(proof).items() if " without " in name} == {
        f"a user of {DEV} without {key}": "refused" for key in keys
    }


def test_an_expired_grant_refuses_the_trusted_caller() -> None:
    proof = prove(grant(expires=LATER))
    assert proof.ok, proof
    assert rows(proof)[f"a user of {DEV} after expiry"] == "refused"


def test_a_trusted_caller_who_is_refused_fails_the_proof() -> None:
    assert failed(prove(grant(expires=EARLIER))) == [f"a user of {DEV} assumes the role"]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this platform cannot change its time zone")
def test_an_expiry_does_not_depend_on_the_time_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        proof = prove(grant(expires=datetime.now(timezone.utc) + timedelta(hours=1)))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert proof.ok, proof


def test_conditions_for_accounts_are_not_required_of_a_service() -> None:
    proof = prove(grant(principals=["lambda.amazonaws.com", DEV], external_id="acme-42"))
    assert proof.ok, proof
    assert [name for name in rows(proof) if " without " in name] == [f"a user of {DEV} without sts:ExternalId"]


def test_a_grant_for_one_address_is_proven() -> None:
    assert prove(grant(source_ips=["203.0.113.7/32"])).ok


def test_a_user_of_another_account_is_of_an_account_that_the_grant_does_not_name() -> None:
    proof = prove(grant(principals="000000000000"))
    assert proof.ok, proof


def test_each_check_says_what_was_expected_and_a_failed_one_why() -> None:
    block = PolicyDocument([Statement.deny("s3:GetObject", "*")], name="block")
    proof = prove(grant(policies={"read": s3_read_policy(["reports"]), "block": block}))
    (check,) = (check for check in proof.checks if check.ok is False)
    assert (check.expected, check.observed, check.why) == (
        "allowed",
        "refused",
        "blocked by an explicit Deny, which no Allow can override:",
    )
    assert {check.name: check.expected for check in proof.checks} == {
        f"a user of {DEV} assumes the role": "allowed",
        "anybody else assumes the role": "refused",
        "the role lists s3://reports/": "allowed",
        "the role reads s3://reports/example": "allowed",
        "the role reads s3://reports-neighbour/example": "refused",
        "the role writes s3://reports/example": "refused",
        "the role deletes s3://reports/example": "refused",
        "the role does more than read": "refused",
    }
    assert proof.checks[-1].ok is True


@pytest.mark.parametrize("may_write", [False, True])
def test_access_of_a_policy_of_your_own_has_the_same_expectation(may_write: bool) -> None:
    checks = prove(grant(policies={"own": WRITING}, may_write=may_write)).checks
    expected = {check.name: check.expected for check in checks if check.name.startswith("the role ")}
    assert {name for name, value in expected.items() if value == "refused"} == {
        "the role reads s3://reports-neighbour/example",
        "the role writes s3://reports/example",
        "the role deletes s3://reports/example",
        "the role does more than read",
    }


def test_a_policy_of_your_own_may_reach_a_similar_bucket() -> None:
    own = PolicyDocument(
        [Statement.allow(["s3:GetObject"], ["arn:aws:s3:::reports/*", "arn:aws:s3:::reports-n*/*"])], name="own"
    )
    checks = {check.name: check for check in prove(grant(policies={"own": own})).checks}
    similar = checks["the role reads s3://reports-neighbour/example"]
    assert (similar.observed, similar.ok) == ("allowed", None)


def test_only_what_an_allow_of_s3_getobject_names_literally_is_expected_to_be_readable() -> None:
    statements = [
        Statement.allow("s3:GetObject", ["arn:aws:s3:::reports/*", "arn:aws:s3:::logs/2*/x/*"]),
        Statement.allow("s3:GetObjectTagging", "arn:aws:s3:::tags/*"),
        Statement.deny("s3:GetObject", "arn:aws:s3:::secret/*"),
    ]
    proof = prove(grant(policies={"own": PolicyDocument(statements)}))
    assert {name.split("/")[2] for name in rows(proof) if "s3://" in name} == {"reports", "reports-neighbour"}


def test_a_conditional_deny_is_not_named_as_the_statement_that_allows_writing() -> None:
    condition = Condition("StringEquals", "aws:RequestedRegion", "eu-west-1")
    statements = [Statement.deny("s3:PutObject", "*", conditions=[condition]), Statement.allow("s3:PutObject", "*")]
    check = prove(grant(policies={"own": PolicyDocument(statements)})).checks[-1]
    assert check.why.startswith("own, statement 2 allows s3:PutObject")


def test_a_document_of_conditional_denies_leaves_the_proof_as_it_is() -> None:
    condition = Condition("Bool", "aws:SecureTransport", "false")
    tls = PolicyDocument([Statement.deny("*", "*", conditions=[condition])])
    assert prove(grant(policies={"read": s3_read_policy(["reports"]), "tls": tls})).checks[-1].ok is True


@pytest.mark.parametrize(
    ("principal", "who"),
    [
        (DEV, f"a user of {DEV}"),
        (f"arn:aws:iam::{DEV}:user/alice", f"arn:aws:iam::{DEV}:user/alice"),
        (f"arn:aws:iam::{DEV}:role/deploy", f"arn:aws:iam::{DEV}:role/deploy"),
        ("lambda.amazonaws.com", "lambda.amazonaws.com"),
        (Principal.organization("o-abcdefghij"), "arn:aws:iam::666666666666:user/a"),
        (
            Principal.permission_set(DEV, "Reader"),
            f"arn:aws:iam::{DEV}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Reader_{'b' * 16}",
        ),
    ],
)
def test_each_kind_of_principal_is_allowed_and_other_callers_are_refused(principal: Principal | str, who: str) -> None:
    proof = prove(grant(principals=[principal]))
    assert proof.ok, proof
    assert rows(proof)[f"{who} assumes the role"] == "allowed"
    assert rows(proof)["anybody else assumes the role"] == "refused"


def test_a_caller_of_another_organization_cannot_claim_to_be_of_the_trusted_one() -> None:
    proof = prove(grant(principals="*", organization_id="o-abcdefghij"))
    assert proof.ok, proof
    assert rows(proof)["anybody else assumes the role"] == "refused"


def test_the_bucket_and_prefix_can_be_read_and_similar_names_cannot() -> None:
    seen = rows(prove(grant()))
    assert {name.removeprefix("the role "): observed for name, observed in seen.items() if "s3://" in name} == {
        "lists s3://reports/2026/": "allowed",
        "reads s3://reports/2026/example": "allowed",
        "reads s3://reports-neighbour/2026/example": "refused",
        "reads s3://reports/neighbour-of-2026/example": "refused",
        "writes s3://reports/2026/example": "refused",
        "deletes s3://reports/2026/example": "refused",
    }


def test_a_statement_of_the_read_policy_that_reaches_a_similar_bucket_or_prefix_fails_the_proof() -> None:
    wide_bucket = Statement.allow(
        "s3:GetObject", ["arn:aws:s3:::reports/2026/*", "arn:aws:s3:::reports-n*/2026/*"], sid="ReadObjects"
    )
    assert "the role reads s3://reports-neighbour/2026/example" in failed(
        prove(grant(policies={"read": PolicyDocument([wide_bucket])}))
    )
    wide_prefix = Statement.allow(
        "s3:GetObject", ["arn:aws:s3:::reports/2026/*", "arn:aws:s3:::reports/n*6/*"], sid="ReadObjects"
    )
    assert "the role reads s3://reports/neighbour-of-2026/example" in failed(
        prove(grant(policies={"read": PolicyDocument([wide_prefix])}))
    )


def test_the_read_policy_is_proven_in_every_partition() -> None:
    policy = s3_read_policy(["reports"], ["2026/"], partition="aws-cn")
    proof = prove(TrustGrant(account=PROD, principals=DEV, policies={"read": policy}, partition="aws-cn"))
    assert proof.ok
    assert rows(proof)["the role reads s3://reports/2026/example"] == "allowed"


def test_a_policy_that_allows_deleting_fails_the_proof() -> None:
    delete = Statement.allow("s3:DeleteObject", "arn:aws:s3:::reports/*")
    policy = PolicyDocument([*s3_read_policy(["reports"]).statements, delete])
    assert "the role deletes s3://reports/example" in failed(prove(grant(policies={"read": policy})))


def test_the_similar_bucket_has_a_valid_name_even_for_the_longest_name() -> None:
    proof = prove(grant(policies={"read": s3_read_policy(["b" * 63])}))
    (similar,) = [name.split("/")[2] for name in rows(proof) if "-neighbour/" in name]
    assert is_bucket_name(similar)


def test_a_policy_without_reads_of_objects_decides_itself_what_the_role_can_read() -> None:
    proof = prove(grant(policies={"list": PolicyDocument([Statement.allow("s3:ListAllMyBuckets", "*")])}))
    assert failed(proof) == []
    assert rows(proof)["the role reads s3://any-bucket/example"] == "refused"


def test_the_assume_role_policy_is_proven_in_every_partition() -> None:
    role = f"arn:aws-cn:iam::{PROD}:role/Reader"
    assert prove(DevAccessGrant(account=DEV, role_arns=role, partition="aws-cn")).ok


def test_wildcards_in_a_prefix_are_literal() -> None:
    assert prove(grant(policies={"read": s3_read_policy(["reports"], ["what*/if?/"])})).ok


WRITING = PolicyDocument([Statement.allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::reports/*")])


def test_a_custom_policy_that_allows_writing_fails_the_proof() -> None:
    proof = prove(grant(policies={"own": WRITING}))
    assert failed(proof) == ["the role writes s3://reports/example", "the role does more than read"]
    role = f"arn:aws:iam::{PROD}:role/CrossAccountRoleS3"
    request = f"own, statement 1 allows s3:PutObject on arn:aws:s3:::reports/b for {role}"
    assert proof.checks[-1].why == f"{request}. If this is intended, set may_write=True"


def test_with_may_write_write_access_is_listed_and_the_proof_succeeds() -> None:
    proof = prove(grant(policies={"own": WRITING}, may_write=True))
    assert proof.ok
    listed = {check.name: check.why for check in proof.checks if check.ok is None and check.observed == "allowed"}
    assert listed.keys() == {"the role writes s3://reports/example", "the role does more than read"}
    assert listed["the role does more than read"].startswith("own, statement 1 allows s3:PutObject on arn:aws:s3:::")


@pytest.mark.parametrize(
    ("statement", "action"),
    [
        (Statement.allow("*", "*"), "s3:PutObject"),
        (Statement.allow("s3:*", "arn:aws:s3:::reports/*"), "s3:PutObject"),
        (Statement.allow("s3:?utObject", "*"), "s3:PutObject"),
        (Statement.allow(["s3:Get*", "kms:Encrypt"], "*"), "kms:Encrypt"),
        (Statement.allow("sts:AssumeRole", "arn:aws:iam::333333333333:role/Next"), "sts:AssumeRole"),
        (Statement.allow("s3:DeleteObject", "arn:aws:s3:::${aws:PrincipalTag/home}/*"), "s3:DeleteObject"),
        (
            Statement.allow("s3:PutObject", "*", conditions=[Condition("Bool", "aws:MultiFactorAuthPresent", "true")]),
            "s3:PutObject",
        ),
        (Statement(effect="Allow", not_actions="s3:*", resources="*"), "iam:CreateUser"),
        (Statement(effect="Allow", actions="s3:PutObject", not_resources="arn:aws:s3:::secret/*"), "s3:PutObject"),
    ],
)
def test_a_write_action_on_any_resource_under_any_condition_fails_the_proof(statement: Statement, action: str) -> None:
    proof = prove(grant(policies={"own": PolicyDocument([statement])}))
    check = proof.checks[-1]
    assert (check.observed, check.ok) == ("allowed", False)
    assert f"own, statement 1 allows {action} on " in check.why


@pytest.mark.parametrize(
    "statements",
    [
        [Statement.allow(["s3:Get*", "s3:List*", "dynamodb:Query", "dynamodb:BatchGetItem", "kms:Decrypt"], "*")],
        [Statement.allow(["s3:GetObject", "s3:PutObject"], "*"), Statement.deny("s3:Put*", "*")],
        [Statement.allow("s3:GetObject", "*"), Statement(effect="Deny", not_actions="s3:GetObject", resources="*")],
    ],
)
def test_reading_in_any_service_and_writes_that_are_always_denied_pass(
    statements: list[Statement],
) -> None:
    assert prove(grant(policies={"own": PolicyDocument(statements)})).checks[-1].observed == "refused"


@pytest.mark.parametrize(
    "deny",
    [
        Statement.deny("s3:Put*", "arn:aws:s3:::secret/*"),
        Statement.deny("s3:Put*", "*", conditions=[Condition("StringEquals", "aws:RequestedRegion", "eu-west-1")]),
        Statement.deny("s3:Put*", "*", conditions=[Condition("StringNotEquals", "aws:RequestedRegion", "eu-west-1")]),
        Statement.deny("s3:Put*", "*", conditions=[Condition("BoolIfExists", "aws:MultiFactorAuthPresent", "false")]),
    ],
)
def test_a_deny_of_some_resources_or_under_a_condition_does_not_rule_out_writing(deny: Statement) -> None:
    own = PolicyDocument([Statement.allow("s3:PutObject", "*"), deny])
    assert failed(prove(grant(policies={"own": own})))[-1] == "the role does more than read"


def test_a_permissions_boundary_limits_what_the_role_can_write() -> None:
    with Sandbox([PROD]) as aws:
        session = aws.account(PROD).session
        assert failed(prove(grant(policies={"own": WRITING}, permissions_boundary=ADMIN), session))
        assert prove(grant(policies={"own": WRITING}, permissions_boundary=S3_READ), session).ok


def test_a_policy_that_denies_the_expected_read_fails_the_proof() -> None:
    block = PolicyDocument([Statement.deny("s3:GetObject", "*")])
    proof = prove(grant(policies={"read": s3_read_policy(["reports"]), "block": block}))
    assert failed(proof) == ["the role reads s3://reports/example"]
    assert not proof.ok


def test_managed_policies_and_boundaries_are_read_with_a_session_and_not_decided_without_one() -> None:
    trust = grant(policies={}, managed_policy_arns=[S3_READ], permissions_boundary=ADMIN)
    proof = prove(trust)
    why = "was not read: pass a session to prove()"
    assert proof.undecided == tuple(
        Check(name=f"policy {arn}", expected="read", observed="not decided", ok=None, why=why)
        for arn in (S3_READ, ADMIN)
    )
    assert not proof.ok
    assert failed(proof) == []
    with Sandbox([PROD]) as aws:
        proof = prove(trust, aws.account(PROD).session)
    assert (proof.ok, proof.undecided) == (True, ())


def test_the_name_of_a_managed_policy_proves_nothing() -> None:
    checks = prove(grant(policies={}, managed_policy_arns=["arn:aws:iam::aws:policy/AdministratorAccess"])).checks
    assert [check.name for check in checks if check.name.startswith("the role ")] == []
    assert checks[-1].is_undecided


def test_a_managed_policy_that_does_not_exist_fails_the_proof() -> None:
    missing = grant(policies={}, managed_policy_arns=[f"arn:aws:iam::{PROD}:policy/Missing"])
    with Sandbox([PROD]) as aws:
        proof = prove(missing, aws.account(PROD).session)
    (check,) = [check for check in proof.checks if check.observed == "missing"]
    assert (check.name, check.expected) == (f"policy arn:aws:iam::{PROD}:policy/Missing", "read")
    assert (check.ok, check.why) == (False, "the policy does not exist: check its ARN")


@pytest.mark.parametrize("denied", ["GetPolicy", "GetPolicyVersion"])
def test_a_policy_that_may_not_be_read_is_not_decided_and_names_the_statement_to_add(denied: str) -> None:
    with Sandbox([PROD]) as aws:
        aws.faults.add("denied", operation=denied)
        proof = prove(grant(policies={}, managed_policy_arns=[S3_READ]), aws.account(PROD).session)
    (check,) = proof.undecided
    assert (check.name, check.expected, check.observed, check.ok) == (f"policy {S3_READ}", "read", "not decided", None)
    statement = f'{{"Effect": "Allow", "Action": ["iam:GetPolicy", "iam:GetPolicyVersion"], "Resource": "{S3_READ}"}}'
    assert f"the caller in account {PROD} may not read it. Add to its identity policy: {statement}." in check.why
    assert "AWS's message: " in check.why
    assert not proof.ok


def test_a_policy_that_is_not_well_formed_is_not_decided() -> None:
    def read(arn: str) -> PolicyDocument:
        raise PolicyError("Statement[0]", f"the document of {arn} has no Effect")

    policies = read_policies(read, [S3_READ])
    (check,) = prove_with_policies(grant(policies={}, managed_policy_arns=[S3_READ]), policies).undecided
    assert check.why == f"could not be read: Statement[0]: the document of {S3_READ} has no Effect"


def test_a_session_whose_credentials_have_expired_is_an_error_and_not_an_undecided_proof() -> None:
    with Sandbox([PROD]) as aws:
        aws.faults.add(EXPIRED, operation="GetPolicy")
        with pytest.raises(SessionExpired, match=f"reading policy {S3_READ} failed"):
            prove(grant(policies={}, managed_policy_arns=[S3_READ]), aws.account(PROD).session)


def test_what_the_other_policies_do_only_informs_if_one_could_not_be_read() -> None:
    proof = prove(grant(managed_policy_arns=[S3_READ]))
    permissions = [check for check in proof.checks if check.name.startswith("the role ")]
    assert len(permissions) > 1
    assert {check.ok for check in permissions} == {None}
    assert all(check.why.endswith("without the policies that were not read") for check in permissions)
    assert {check.ok for check in proof.checks if check.name.endswith("assumes the role")} == {True}


@pytest.mark.parametrize("arns", [{"managed_policy_arns": [S3_READ]}, {"permissions_boundary": S3_READ}])
def test_a_policy_that_could_not_be_read_is_not_taken_to_forbid_anything(arns: dict[str, Any]) -> None:
    assert "the role writes s3://reports/example" in failed(prove(grant(policies={"own": WRITING}, **arns)))


def test_the_table_marks_what_is_not_decided() -> None:
    checks = [
        Check(name="a", expected="refused", observed="refused", ok=True),
        undecided_check("b", "refused", "too many cases"),
        Check(name="c", expected="refused", observed="allowed", ok=None, why="defined by the grant's own policies"),
        Check(name="d", expected="refused", observed="allowed", ok=False),
    ]
    assert [line[:4].rstrip() for line in str(Proof(tuple(checks))).splitlines()[1:]] == ["ok", "?", "-", "FAIL"]
    assert Proof((checks[0], checks[2])).ok
    assert not Proof((checks[0], checks[1])).ok
    assert not Proof((checks[0], checks[3])).ok
    assert not Proof((checks[2],)).ok
    assert Proof((checks[0], checks[1])).to_dict()["ok"] is False


def test_the_assume_role_policy_allows_the_roles_and_nothing_else() -> None:
    roles = [f"arn:aws:iam::{PROD}:role/Reader", f"arn:aws:iam::{PROD}:role/Reader-other"]
    proof = prove(DevAccessGrant(account=DEV, role_arns=roles, session_tags=True))
    assert proof.ok
    assert rows(proof) == {
        f"assume {roles[0]}": "allowed",
        f"assume {roles[1]}": "allowed",
        f"assume {roles[1]}-other": "refused",
        f"list the users of {DEV}": "refused",
    }


def test_the_assume_role_policy_of_a_grant_that_expires_refuses_the_roles_after_expiry() -> None:
    role = f"arn:aws:iam::{PROD}:role/Reader"
    proof = prove(DevAccessGrant(account=DEV, role_arns=role, expires=LATER))
    assert proof.ok, proof
    checks = {check.name: (check.expected, check.observed) for check in proof.checks}
    assert checks[f"assume {role}"] == ("allowed", "allowed")
    assert checks[f"assume {role} after expiry"] == ("refused", "refused")


def test_apply_refuses_a_grant_whose_proof_fails_before_any_change() -> None:
    with Sandbox([PROD, DEV]) as aws:
        sessions: list[boto3.Session] = [aws.account(account).session for account in (PROD, DEV)]
        made = plan(grant(expires=EARLIER), trusting=sessions[0], trusted=sessions[1])
        calls = len(aws.calls)
        with pytest.raises(ProofFailed, match=f"a user of {DEV} assumes the role"):
            made.apply()
        assert {call.operation for call in aws.calls[calls:]} == {"DescribeOrganization"}


@pytest.mark.parametrize(("policy", "written"), [(S3_READ, "refused"), (ADMIN, "allowed")])
def test_a_managed_policy_that_was_read_is_checked_for_write_access(policy: str, written: str) -> None:
    trust = grant(policies={}, managed_policy_arns=[policy])
    with Sandbox([PROD]) as aws:
        seen = rows(prove(trust, aws.account(PROD).session))
    assert seen["the role reads s3://any-bucket/example"] == "allowed"
    assert seen["the role writes s3://any-bucket/example"] == written
    assert seen["the role does more than read"] == written


def test_apply_reads_managed_policies_and_refuses_those_that_allow_writing() -> None:
    with Sandbox([PROD, DEV]) as aws:
        production, development = (aws.account(account).session for account in (PROD, DEV))
        trust = grant(policies={}, managed_policy_arns=[ADMIN])
        with pytest.raises(ProofFailed, match=r"allows s3:PutObject on .*\. If this is intended, set may_write=True"):
            plan(trust, trusting=production, trusted=development).apply()
        assert not any(call.operation.startswith(("Create", "Attach")) for call in aws.calls)
        meant = plan(evolve(trust, may_write=True), trusting=production, trusted=development)
        assert [change.action for change in meant.apply()] == ["create", "attach"]


class TestAccepting:
    """What `apply` does with a proof that is not decided, because a managed policy may not be read."""

    NAME = f"policy {S3_READ}"

    @pytest.fixture
    def aws(self) -> Iterator[Sandbox]:
        with Sandbox([PROD, DEV]) as aws:
            yield aws

    @pytest.fixture
    def sessions(self, aws: Sandbox) -> dict[str, boto3.Session]:
        aws.faults.add("denied", operation="GetPolicyVersion")
        return {"trusting": aws.account(PROD).session, "trusted": aws.account(DEV).session}

    @pytest.mark.parametrize("accept", [[], ["policy AmazonS3ReadOnlyAccess"], [f"policy {ADMIN}"], S3_READ])
    def test_apply_refuses_what_is_not_accepted_by_its_exact_name_before_the_first_change(
        self, aws: Sandbox, sessions: dict[str, boto3.Session], accept: Any
    ) -> None:
        made = plan(grant(policies={}, managed_policy_arns=[S3_READ]), **sessions)
        with pytest.raises(ProofNotDecided) as refused:
            made.apply(accept=accept)
        assert not any(call.operation.startswith(("Create", "Attach", "Put", "Tag")) for call in aws.calls)
        assert refused.value.grant == "role CrossAccountRoleS3"
        assert list(refused.value.undecided) == [self.NAME]
        assert '"Action": ["iam:GetPolicy", "iam:GetPolicyVersion"]' in str(refused.value)
        assert f"accept=['{self.NAME}']" in str(refused.value)

    @pytest.mark.parametrize("accept", [[NAME], NAME, iter([NAME, "policy that no grant has"])])
    def test_apply_does_what_is_accepted_by_name(self, sessions: dict[str, boto3.Session], accept: Any) -> None:
        trust = grant(policies={}, managed_policy_arns=[S3_READ])
        assert [change.action for change in plan(trust, **sessions).apply(accept=accept)] == ["create", "attach"]

    def test_a_plan_without_changes_does_not_read_the_policies_and_needs_no_consent(
        self, aws: Sandbox, sessions: dict[str, boto3.Session]
    ) -> None:
        trust = grant(policies={}, managed_policy_arns=[S3_READ])
        plan(trust, **sessions).apply(accept=[self.NAME])
        other = TrustGrant(account=PROD, principals=DEV, role_name="Other", policies={"r": s3_read_policy(["reports"])})
        calls = len(aws.calls)
        assert plan(trust, **sessions).apply() == ()
        assert {change.resource for change in plan(trust, other, **sessions).apply() if change.action == "create"} == {
            "role Other"
        }
        assert not any(call.operation == "GetPolicyVersion" for call in list(aws.calls)[calls:])

    def test_a_grant_that_is_in_effect_is_not_proven_again_without_the_boundary_that_limits_it(
        self, aws: Sandbox
    ) -> None:
        trust = grant(policies={"own": WRITING}, permissions_boundary=S3_READ)
        both = {"trusting": aws.account(PROD).session, "trusted": aws.account(DEV).session}
        assert plan(trust, **both).apply()
        assert plan(trust, **both).apply() == ()

    def test_a_boundary_that_could_not_be_read_is_accepted_by_name(self, sessions: dict[str, boto3.Session]) -> None:
        trust = grant(permissions_boundary=S3_READ)
        with pytest.raises(ProofNotDecided):
            plan(trust, **sessions).apply()
        assert plan(trust, **sessions).apply(accept=[self.NAME])

    def test_a_check_that_fails_cannot_be_accepted(self, sessions: dict[str, boto3.Session]) -> None:
        trust = grant(policies={"own": WRITING}, managed_policy_arns=[S3_READ])
        names = [check.name for check in prove(trust).checks]
        with pytest.raises(ProofFailed, match="the role does more than read"):
            plan(trust, **sessions).apply(accept=names)

    def test_what_is_accepted_must_be_names(self, sessions: dict[str, boto3.Session]) -> None:
        trust = grant(policies={}, managed_policy_arns=[S3_READ])
        checks: Any = prove(trust).undecided
        with pytest.raises(InvalidValue, match=r"accept: Check\(.* is not valid: the names of checks"):
            plan(trust, **sessions).apply(accept=checks)

    def test_each_grant_of_several_is_refused_alone(self, aws: Sandbox, sessions: dict[str, boto3.Session]) -> None:
        def team(name: str, **changes: Any) -> TrustGrant:
            return TrustGrant(account=PROD, principals=DEV, name=name, role_name=name, **changes)

        reading = {"read": s3_read_policy(["reports"])}
        grants = [team("A", managed_policy_arns=S3_READ), team("B", policies=reading)]
        grants.append(team("C", policies=reading, permissions_boundary=ADMIN))
        with pytest.raises(GrantsFailed) as some:
            plan(*grants, **sessions, on_error="collect").apply(accept=[f"policy {ADMIN}"])
        assert some.value.succeeded == ("B", "C")
        assert {name: type(error) for name, error in some.value.failures.items()} == {"A": ProofNotDecided}
        plan(*grants, **sessions, on_error="collect").apply(accept=[self.NAME])

    def test_a_saved_plan_is_applied_with_the_consent_of_who_applies_it(
        self, sessions: dict[str, boto3.Session]
    ) -> None:
        saved = plan(grant(policies={}, managed_policy_arns=[S3_READ]), **sessions).to_dict()
        assert "accept" not in saved
        restored = Plan.from_dict(saved, **sessions)
        with pytest.raises(ProofNotDecided):
            restored.apply()
        assert restored.apply(accept=[self.NAME])


def test_apply_raises_that_the_credentials_have_expired_before_the_first_change() -> None:
    with Sandbox([PROD, DEV]) as aws:
        production, development = (aws.account(account).session for account in (PROD, DEV))
        made = plan(grant(policies={}, managed_policy_arns=[S3_READ]), trusting=production, trusted=development)
        aws.faults.add(EXPIRED, operation="GetPolicyVersion")
        with pytest.raises(SessionExpired, match="reading policy"):
            made.apply(accept=[f"policy {S3_READ}"])
        assert not any(call.operation.startswith("Create") for call in aws.calls)


@pytest.mark.parametrize(("may_write", "observed", "ok"), [(False, "not decided", False), (True, "not known", True)])
def test_an_action_that_the_reference_does_not_have_is_decided_only_where_writing_is_intended(
    may_write: bool, observed: str, ok: bool
) -> None:
    with documents_of_aws():
        retired = PolicyDocument([Statement.allow("deeplens:GetModel", "*")])
        trust = grant(policies={"read": s3_read_policy(["reports"]), "own": retired}, may_write=may_write)
        proof = prove(trust)
    assert rows(proof)["the role does more than read"] == observed
    assert proof.ok is ok
