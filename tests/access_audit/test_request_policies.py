"""Witnesses: with the policies of the snapshots, evaluate decides each again as the audit did."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve
from tests.access_audit.accounts import (
    DATADOG,
    OUTSIDE,
    A,
    B,
    C,
    assume,
    document,
    organization,
    role,
    role_arn,
    root,
    snapshot,
    statement,
    trust,
    trusting,
    user,
    user_arn,
)

from xacct.access_audit import audit, policies_for
from xacct.access_audit.finding import FINDING_KINDS, FindingKind
from xacct.authz import AccessRequest, evaluate
from xacct.snapshot import ControlPolicy, GroupDetail, Organization, PolicyDetail, Snapshot
from xacct.snapshot.details import ResourcePolicy

DENIED: tuple[FindingKind, ...] = ("dead-trust", "dead-permission", "expired", "self-lockout")
GITHUB = f"arn:aws:iam::{A}:oidc-provider/token.actions.githubusercontent.com"
SAML = f"arn:aws:iam::{A}:saml-provider/corp"
BUCKET, QUEUE = "arn:aws:s3:::data", f"arn:aws:sqs:eu-west-1:{A}:jobs"
READER, LIMIT = role_arn(A, "Reader"), f"arn:aws:iam::{B}:policy/limit"
MFA: dict[str, Any] = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def federated(provider: str, action: str, **conditions: Any) -> str:
    found: dict[str, Any] = {"Condition": conditions} if conditions else {}
    return document(statement(action=action, Principal={"Federated": provider}, **found))


def of_service(name: str, **conditions: Any) -> str:
    found: dict[str, Any] = {"Condition": conditions} if conditions else {}
    return document(statement(Principal={"Service": name}, **found))


ROLES = [
    role(A, "Public", trust("*")),
    role(A, "Vendor", trust(root(DATADOG))),
    role(A, "Unknown", trust(root(OUTSIDE))),
    role(A, "UnknownRole", trust(f"arn:aws:iam::{OUTSIDE}:role/x", StringEquals={"sts:ExternalId": "acme-42"})),
    role(A, "Whole", trust(root(B))),
    role(A, "WholeUnread", trust(root(C), **MFA)),
    role(A, "Deputy", of_service("states.amazonaws.com")),
    role(A, "Dead", trust(role_arn(B, "Caller"))),
    role(A, "Missing", trust(role_arn(B, "Nobody"))),
    role(A, "Ended", trust(role_arn(B, "Caller"), DateLessThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"})),
    role(A, "Locked", of_service("lambda.amazonaws.com", **MFA)),
    role(A, "GitHub", federated(GITHUB, "sts:AssumeRoleWithWebIdentity")),
    role(A, "Saml", federated(SAML, "sts:AssumeRoleWithSAML")),
    role(A, "Target", trust(role_arn(B, "Middle"))),
]
OTHERS = [
    role(B, "Caller", may_assume=[role_arn(A, "Ended"), role_arn(A, "Whole"), role_arn(A, "Gone")]),
    role(B, "Middle", trust(root(OUTSIDE)), may_assume=[role_arn(A, "Target")]),
]
RESOURCES = (
    ResourcePolicy(arn=BUCKET, service="s3", policy=document(
        statement(action="s3:GetObject", Principal="*", Resource=f"{BUCKET}/*"),
        statement(action="s3:*", Principal={"AWS": OUTSIDE}, Resource=[BUCKET, f"{BUCKET}/*"]),
    )),
    ResourcePolicy(arn=QUEUE, service="sqs", policy=document(
        statement(action="sqs:SendMessage", Principal={"Service": "s3.amazonaws.com"}, Resource=QUEUE),
    )),
)  # fmt: skip


@pytest.mark.parametrize("its", [None, organization(A, B, C)], ids=["alone", "organization"])
def test_every_witness_is_decided_again_as_the_audit_did(its: Organization | None) -> None:
    snapshots = [snapshot(A, *ROLES, resources=RESOURCES), snapshot(B, *OTHERS)]
    report = audit(*snapshots, organization=its)
    wanted = {*FINDING_KINDS} - {"stale-principal", "unused-role", "more-than-read", "drift", "policy-problem"}
    assert {finding.kind for finding in report.findings} >= wanted
    for finding in report.findings:
        if finding.witness is not None:
            decision = evaluate(finding.witness, policies_for(finding.witness, *snapshots, organization=its))
            assert decision.allowed == (finding.kind not in DENIED), (finding.kind, str(decision))
    with_witness = {finding.kind for finding in report.findings if finding.witness is not None}
    assert with_witness >= wanted


def request(principal: str, action: str = "sts:AssumeRole", resource: str = READER, **more: Any) -> AccessRequest:
    return AccessRequest(principal=principal, action=action, resource=resource, **more)


def is_allowed(asked: AccessRequest, *snapshots: Snapshot, **more: Any) -> bool:
    return evaluate(asked, policies_for(asked, *snapshots, **more)).allowed


def test_the_policies_of_groups_and_the_boundary_of_the_caller_apply() -> None:
    reader = snapshot(A, role(A, "Reader", trust(root(B))))
    group = GroupDetail(arn=f"arn:aws:iam::{B}:group/team/readers", inline=assume(READER))
    dev = user(B, "dev", groups=("readers",))
    assert not is_allowed(request(dev.arn), reader, snapshot(B, dev))
    assert is_allowed(request(dev.arn), reader, snapshot(B, dev, groups=(group,)))
    limit = PolicyDetail(arn=LIMIT, document=document(statement(action="s3:*", Resource="*")))
    limited = snapshot(B, evolve(dev, boundary=LIMIT), limit, groups=(group,))
    assert not is_allowed(request(dev.arn), reader, limited)


def test_a_session_has_the_policies_of_its_role() -> None:
    accounts = [snapshot(A, role(A, "Reader", trust(root(B)))), snapshot(B, role(B, "Chief", may_assume=[READER]))]
    assert is_allowed(request(f"arn:aws:sts::{B}:assumed-role/Chief/x"), *accounts)
    assert not is_allowed(request(f"arn:aws:sts::{B}:assumed-role/Other/x"), *accounts)


def test_a_caller_of_an_account_without_a_snapshot_is_allowed_everything_on_its_side() -> None:
    reader = snapshot(A, role(A, "Reader", trust(root(OUTSIDE))))
    assert is_allowed(request(user_arn(OUTSIDE, "x")), reader)
    assert not is_allowed(request(user_arn(OUTSIDE, "x")), reader, snapshot(OUTSIDE, user(OUTSIDE, "x")))
    assert not is_allowed(request(user_arn(C, "x")), reader)


def test_a_trust_policy_applies_to_assuming_only() -> None:
    reader = snapshot(A, role(A, "Reader", document(trusting(root(B)), statement(action="iam:*", Principal="*"))))
    assert not is_allowed(request(user_arn(B, "x"), "iam:DeleteRole"), reader)


def test_control_policies_apply_of_both_sides() -> None:
    accounts = [snapshot(A, role(A, "Reader", trust(root(B)))), snapshot(B, role(B, "Chief", may_assume=[READER]))]
    asked = request(role_arn(B, "Chief"))
    denied = ControlPolicy(id="p-1", name="no", document=document(statement("Deny", "sts:*", Resource="*")))
    for_everybody = json.dumps({"Statement": statement("Deny", "sts:*", Resource="*", Principal="*")})
    rcp = evolve(denied, document=for_everybody)
    assert is_allowed(asked, *accounts, organization=organization(A, B))
    assert not is_allowed(asked, *accounts, organization=organization(A, B, scps={B: (denied,)}))
    assert is_allowed(asked, *accounts, organization=organization(A, B, scps={A: (denied,)}))
    assert not is_allowed(asked, *accounts, organization=organization(A, B, rcps={A: (rcp,)}))
    assert is_allowed(asked, *accounts, organization=organization(A, B, rcps={B: (rcp,)}))
