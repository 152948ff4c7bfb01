"""Grants of xacct in snapshots: what was changed by hand is found, and a role for reading that can do more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve
from tests.access_audit.accounts import ORGANIZATION_ID, OUTSIDE, document, root, statement
from tests.two_accounts import EC2_FULL, S3_READ, TRUSTED, TRUSTING, TwoAccounts, two_accounts

from xacct import ConsoleUser, TrustGrant, plan
from xacct.access_audit import audit, policies_for
from xacct.access_audit.finding import Finding, FindingKind
from xacct.access_audit.report import AuditReport
from xacct.authz import evaluate
from xacct.snapshot import ControlPolicy, Organization, OrganizationAccount, Snapshot

ROLE = f"arn:aws:iam::{TRUSTING}:role/CrossAccountRoleS3"
NAME = "CrossAccountRoleS3"
WRITE = document(statement(action="s3:PutObject", Resource="arn:aws:s3:::reports/*"))
OWN: tuple[FindingKind, ...] = ("drift", "more-than-read")


@pytest.fixture
def accounts() -> Iterator[TwoAccounts]:
    with two_accounts() as accounts:
        yield accounts


def snapshots(accounts: TwoAccounts) -> list[Snapshot]:
    return [Snapshot.read(accounts.production), Snapshot.read(accounts.development)]


def report_of(accounts: TwoAccounts, **more: Any) -> AuditReport:
    return audit(*snapshots(accounts), **more)


def own(report: AuditReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind in OWN]


def drift(accounts: TwoAccounts) -> list[str]:
    return [finding.detail for finding in own(report_of(accounts)) if finding.kind == "drift"]


GRANTS: list[dict[str, Any]] = [
    {},
    {"buckets": ["reports"], "prefixes": ["2026/"]},
    {"console_user": ConsoleUser("alice", password="Secret-123!"), "external_id": None, "require_mfa": True},
    {"external_id": "acme-42", "name": "reports,logs"},
]


@pytest.mark.parametrize("options", GRANTS, ids=["managed", "buckets", "console", "external"])
def test_what_was_granted_and_not_changed_is_silent(accounts: TwoAccounts, options: dict[str, Any]) -> None:
    if "buckets" in options:
        accounts.production.client("s3", region_name="us-east-1").create_bucket(Bucket="reports")
    access = accounts.grant(**options)
    access.end_sessions()
    report = report_of(accounts)
    assert own(report) == []
    assert [text for text in report.undecided if "does more than read" in text] == []


def test_what_was_attached_to_the_role_by_hand_is_found(accounts: TwoAccounts) -> None:
    accounts.grant(name="reports")
    iam = accounts.production.client("iam")
    iam.attach_role_policy(RoleName=NAME, PolicyArn=EC2_FULL)
    iam.put_role_policy(RoleName=NAME, PolicyName="Mine", PolicyDocument=WRITE)
    iam.put_role_permissions_boundary(RoleName=NAME, PermissionsBoundary=S3_READ)
    found = [finding for finding in own(report_of(accounts)) if finding.kind == "drift"]
    assert {finding.detail for finding in found} == {
        f"policy {EC2_FULL}", "inline policy Mine", f"permissions boundary {S3_READ}"
    }  # fmt: skip
    assert {(f.account, f.resource, f.severity) for f in found} == {(TRUSTING, ROLE, "medium")}
    assert all("grant 'reports'" in finding.why for finding in found)


def test_a_policy_that_was_detached_by_hand_is_found(accounts: TwoAccounts) -> None:
    accounts.grant()
    accounts.production.client("iam").detach_role_policy(RoleName=NAME, PolicyArn=S3_READ)
    assert drift(accounts) == ["something is missing"]


def test_an_account_that_was_added_to_the_trust_policy_by_hand_is_found(accounts: TwoAccounts) -> None:
    accounts.grant()
    production, development = snapshots(accounts)
    (role,) = production.roles
    both = statement(Principal={"AWS": [root(TRUSTED), root(OUTSIDE)]})
    changed = document(both, statement("Deny", Principal={"AWS": root(TRUSTED)}))
    report = audit(evolve(production, roles=(evolve(role, trust_policy=changed),)), development)
    assert {finding.detail for finding in own(report)} == {
        "a trust policy whose statement 2 has the effect Deny", f"trust of account {OUTSIDE}"
    }  # fmt: skip


def test_what_a_console_user_was_given_by_hand_is_found(accounts: TwoAccounts) -> None:
    accounts.grant(console_user=ConsoleUser("alice", password="Secret-123!"))
    iam = accounts.development.client("iam")
    iam.attach_user_policy(UserName="alice", PolicyArn=EC2_FULL)
    iam.put_user_policy(UserName="alice", PolicyName="Mine", PolicyDocument=WRITE)
    iam.create_group(GroupName="admins")
    iam.add_user_to_group(UserName="alice", GroupName="admins")
    found = own(report_of(accounts))
    assert {finding.detail for finding in found} == {
        f"policy {EC2_FULL}", "inline policy Mine", "membership in group admins"
    }  # fmt: skip
    assert {finding.resource for finding in found} == {f"arn:aws:iam::{TRUSTED}:user/alice"}


def more_than_read(accounts: TwoAccounts, **more: Any) -> list[Finding]:
    return [finding for finding in own(report_of(accounts, **more)) if finding.kind == "more-than-read"]


@pytest.mark.parametrize("policy", [EC2_FULL, "inline"])
def test_a_role_for_reading_that_can_do_more_is_found_with_a_request(accounts: TwoAccounts, policy: str) -> None:
    accounts.grant()
    iam = accounts.production.client("iam")
    if policy == "inline":
        iam.put_role_policy(RoleName=NAME, PolicyName="Mine", PolicyDocument=WRITE)
    else:
        iam.attach_role_policy(RoleName=NAME, PolicyArn=policy)
    (finding,) = more_than_read(accounts)
    assert finding.witness is not None
    assert (finding.severity, finding.resource, finding.answer) == ("high", ROLE, "yes")
    assert evaluate(finding.witness, policies_for(finding.witness, *snapshots(accounts))).allowed
    assert [source.policy for source in finding.statements] == ["Mine" if policy == "inline" else EC2_FULL]


def test_a_policy_of_the_grant_that_was_changed_by_hand_to_write_is_found(accounts: TwoAccounts) -> None:
    accounts.production.client("s3", region_name="us-east-1").create_bucket(Bucket="reports")
    accounts.grant(buckets=["reports"])
    accounts.production.client("iam").put_role_policy(RoleName=NAME, PolicyName="S3Read", PolicyDocument=WRITE)
    (finding,) = more_than_read(accounts)
    assert finding.witness is not None
    assert finding.witness.action == "s3:PutObject"
    assert drift(accounts) == []


def test_a_permissions_boundary_counts(accounts: TwoAccounts) -> None:
    accounts.grant(permissions_boundary=S3_READ)
    accounts.production.client("iam").put_role_policy(RoleName=NAME, PolicyName="Mine", PolicyDocument=WRITE)
    assert more_than_read(accounts) == []
    assert drift(accounts) == ["inline policy Mine"]


def test_a_grant_that_may_write_is_not_said_to_be_for_reading(accounts: TwoAccounts) -> None:
    grant = TrustGrant(account=TRUSTING, principals=TRUSTED, policies={"Write": json.loads(WRITE)}, may_write=True)
    plan(grant, trusting=accounts.production, trusted=accounts.development).apply()
    assert own(report_of(accounts)) == []


def test_a_policy_that_a_snapshot_lacks_is_not_decided(accounts: TwoAccounts) -> None:
    accounts.grant()
    production, development = snapshots(accounts)
    without = evolve(production, policies=())
    report = audit(without, development)
    assert own(report) == []
    assert f"whether {ROLE} does more than read: policy {S3_READ} of {ROLE} was not read" in report.undecided


def test_a_request_that_a_control_policy_denies_is_no_witness(accounts: TwoAccounts) -> None:
    accounts.grant()
    accounts.production.client("iam").put_role_policy(RoleName=NAME, PolicyName="Mine", PolicyDocument=WRITE)
    policies = [document(statement(action="*", Resource="*")), document(statement("Deny", "s3:Put*", Resource="*"))]
    scps = tuple(ControlPolicy(id=f"p-{n}", name=f"{n}", document=text) for n, text in enumerate(policies))
    its = Organization(
        id=ORGANIZATION_ID, accounts=(OrganizationAccount(id=TRUSTING, parents=("r-ab12",)),), scps={"r-ab12": scps}
    )
    (finding,) = more_than_read(accounts, organization=its)
    assert (finding.answer, finding.witness) == ("depends", None)
