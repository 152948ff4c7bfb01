"""What other tools answer wrongly, or not at all, by the issues about it. The confused deputy has tests of its own."""

from __future__ import annotations

from typing import Any

import pytest
from tests.access_audit.accounts import (
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
    user,
    user_arn,
)

from xacct.access_audit import audit
from xacct.access_audit.report import AuditReport
from xacct.access_audit.ways import who_can

READER = role_arn(A, "Reader")
GITHUB = "token.actions.githubusercontent.com"


def audited(production: Any, *development: Any) -> AuditReport:
    return audit(snapshot(A, production), snapshot(B, *development), organization=organization(A, B, C))


def kinds(report: AuditReport) -> set[tuple[str, str]]:
    return {(finding.kind, finding.principal) for finding in report.findings}


# cartography


@pytest.mark.parametrize(
    ("trusted", "permitted", "found"),
    [
        # The permission alone: cartography draws STS_ASSUMEROLE_ALLOW.
        (root(A), True, {("dead-permission", user_arn(B, "dev"))}),
        # The trust alone: cartography draws TRUSTS_AWS_PRINCIPAL.
        (user_arn(B, "dev"), False, {("dead-trust", user_arn(B, "dev"))}),
        (user_arn(B, "dev"), True, set()),
    ],
    ids=["permission", "trust", "both"],
)
def test_cartography_273_half_a_way_is_none_and_both_sides_are_joined(
    trusted: str, permitted: bool, found: set[Any]
) -> None:
    """The graph says that a principal may assume a role as soon as its policy has the permission."""
    dev = user(B, "dev", may_assume=[READER] if permitted else [])
    report = audited(role(A, "Reader", trust(trusted)), dev)
    assert kinds(report) == found
    ways = who_can("sts:AssumeRole", READER, [snapshot(A, role(A, "Reader", trust(trusted))), snapshot(B, dev)])
    assert [way.principal for way in ways] == ([user_arn(B, "dev")] if not found else [])


def github(subject: str) -> Any:
    claims = {"StringLike": {f"{GITHUB}:sub": subject}, "StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}
    federated = {"Federated": f"arn:aws:iam::{A}:oidc-provider/{GITHUB}"}
    policy = document(statement(action="sts:AssumeRoleWithWebIdentity", Principal=federated, Condition=claims))
    return role(A, "Reader", policy)


def test_cartography_3078_the_conditions_of_a_trust_are_kept() -> None:
    """Two roles that differ in the subject only are the same in the graph, which has no condition of a trust."""
    pinned, open_ = (audited(github(subject)) for subject in ("repo:octo/app:ref:refs/heads/main", "repo:octo*"))
    assert kinds(pinned) == set()
    (finding,) = open_.findings
    assert finding.kind == "oidc-stranger"
    assert f"StringLike {GITHUB}:sub" in finding.conditions
    mfa = trust(root(B), Bool={"aws:MultiFactorAuthPresent": "true"})
    report = audited(role(A, "Reader", mfa), user(B, "dev", may_assume=[READER]))
    (edge,) = report.edges
    assert edge.conditions == ("Bool aws:MultiFactorAuthPresent",)


# prowler


def test_prowler_12845_a_role_for_github_actions_is_examined() -> None:
    """No check of prowler looks at the subject of a token that a role accepts."""
    only_the_audience = document(
        statement(
            action="sts:AssumeRoleWithWebIdentity",
            Principal={"Federated": f"arn:aws:iam::{A}:oidc-provider/{GITHUB}"},
            Condition={"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}},
        )
    )
    (finding,) = audited(role(A, "Reader", only_the_audience)).findings
    assert (finding.kind, finding.severity) == ("oidc-stranger", "critical")


# AWS IAM Access Analyzer


def test_access_within_the_organization_is_shown() -> None:
    """An external access analyzer whose zone of trust is the organization has no finding about it.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-findings.html
    """
    production = snapshot(A, role(A, "Reader", trust(root(B))))
    development = snapshot(B, user(B, "dev", may_assume=[READER]), user(B, "idle"))
    own = organization(A, B)
    (finding,) = audit(production, development, organization=own).findings
    assert (finding.kind, finding.principal) == ("whole-account", B)
    (way,) = who_can("sts:AssumeRole", READER, [production, development], organization=own)
    assert way.principal == user_arn(B, "dev")


# PMapper and IAMSpy


def test_pmapper_62_and_88_chains_are_followed_across_accounts() -> None:
    """PMapper's queries are of one graph, which has one account. The roles of others are found with a function."""
    hop = role_arn(B, "Hop")
    accounts = [
        snapshot(A, role(A, "Reader", trust(hop))),
        snapshot(B, role(B, "Hop", trust(root(C)), may_assume=[READER])),
        snapshot(C, user(C, "dev", may_assume=[hop])),
    ]
    ways = who_can("sts:AssumeRole", READER, accounts)
    assert {way.principal: len(way.hops) for way in ways} == {hop: 1, user_arn(C, "dev"): 2}


def test_pmapper_108_a_role_that_trusts_a_service_only_is_no_step_of_a_chain() -> None:
    """A user asks why chains of PMapper go through AWSServiceRoleForSupport, which only a service can assume."""
    service = document(statement(Principal={"Service": "support.amazonaws.com"}))
    linked = role(A, "aws-service-role/support.amazonaws.com/AWSServiceRoleForSupport", service, may_assume=["*"])
    admin = user(A, "admin", inline={"all": document(statement(action="*", Resource="*"))})
    production = snapshot(A, linked, admin, role(A, "Reader", trust(linked.arn)))
    assert who_can("sts:AssumeRole", linked.arn, [production]) == ()
    assert [way.principal for way in who_can("sts:AssumeRole", READER, [production])] == [linked.arn]


def test_iamspy_27_and_32_the_trust_policy_is_the_resource_policy_of_a_role() -> None:
    """IAMSpy does not ask the role of the other account (27), and denies what a trust policy allows (32)."""
    dev = snapshot(B, user(B, "dev", inline=assume("*")))
    closed, open_ = (snapshot(A, role(A, "Reader", trust(trusted))) for trusted in (root(A), root(B)))
    assert [way.principal for way in who_can("sts:AssumeRole", READER, [closed, dev])] == []
    assert [way.principal for way in who_can("sts:AssumeRole", READER, [open_, dev])] == [user_arn(B, "dev")]


# cloudsplaining, ScoutSuite and CloudSploit


@pytest.mark.parametrize("condition", [{}, {"StringLike": {"aws:PrincipalArn": "*"}}])
def test_cloudsploit_908_a_role_that_trusts_everybody_is_worse_than_one_that_trusts_an_account(condition: Any) -> None:
    """CloudSploit warns of a trust of an account, and not of a trust of everybody."""
    assert ("public", "*") in kinds(audited(role(A, "Reader", trust("*", **condition))))


def test_scoutsuite_466_a_trust_that_a_condition_narrows_to_roles_of_the_organization_needs_no_external_id() -> None:
    """ScoutSuite asks for an external ID and MFA of every trust of another account."""
    narrowed = trust(root(B), StringLike={"aws:PrincipalArn": f"arn:aws:iam::{B}:role/production*"})
    workload = role(B, "production-1", may_assume=[READER])
    assert kinds(audited(role(A, "Reader", narrowed), workload)) == set()


def test_cloudsplaining_474_who_gets_in_counts_and_not_only_that_another_account_is_named() -> None:
    """cloudsplaining's option to flag trust policies lists the accounts of Allow statements. A Deny changes nothing."""
    closed = document(
        statement(Principal={"AWS": root("999999999999")}),
        statement("Deny", Principal="*", Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}),
    )
    assert kinds(audited(role(A, "Reader", closed))) == {("dead-trust", root("999999999999"))}
