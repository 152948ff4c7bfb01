"""Whom a role trusts, joined with the other side: who gets in, and which trust leads nowhere."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from tests.access_audit.accounts import (
    DATADOG,
    ORGANIZATION_ID,
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

from xacct.access_audit import audit
from xacct.access_audit.finding import Finding
from xacct.access_audit.report import AuditReport
from xacct.snapshot import ControlPolicy, GroupDetail, PolicyDetail

NOW = datetime(2026, 11, 26, tzinfo=timezone.utc)
READER = role_arn(A, "Reader")


def audited(trust_policy: str, *others: Any, **options: Any) -> AuditReport:
    """The audit of a role of account A, with what other accounts have."""
    by_account: dict[str, list[Any]] = {B: [], C: []}
    for entity in others:
        by_account[entity.arn.split(":")[4]].append(entity)
    accounts = [snapshot(account, *entities) for account, entities in by_account.items()]
    options = {"organization": organization(A, B, C), "now": NOW, **options}
    return audit(snapshot(A, role(A, "Reader", trust_policy)), *accounts, **options)


def found(report: AuditReport, *kinds: str) -> list[tuple[str, str]]:
    return [(finding.kind, finding.principal) for finding in report.findings if not kinds or finding.kind in kinds]


def only(report: AuditReport, kind: str) -> Finding:
    (finding,) = [finding for finding in report.findings if finding.kind == kind]
    return finding


# Whole accounts


def test_a_trust_of_a_whole_account_names_who_can_use_it() -> None:
    report = audited(trust(root(B)), user(B, "dev", may_assume=[READER]), user(B, "idle"))
    finding = only(report, "whole-account")
    assert (finding.principal, finding.principal_name) == (B, "team 2")
    assert f"One of its users and roles can assume it: {user_arn(B, 'dev')}." in finding.why
    assert finding.fix.statement == {
        "Effect": "Allow", "Principal": {"AWS": user_arn(B, "dev")}, "Action": "sts:AssumeRole"
    }  # fmt: skip
    assert [(s.account, s.policy) for s in finding.statements] == [(A, "trust policy"), (B, "assume")]


@pytest.mark.parametrize(
    "narrowed",
    [
        trust(user_arn(B, "dev")),
        trust(root(B), ArnEquals={"aws:PrincipalArn": user_arn(B, "dev")}),
        trust(root(B), StringLike={"aws:PrincipalArn": "arn:aws:iam::*:user/d*"}),
        trust(root(B), StringEquals={"aws:userid": "AIDAEXAMPLEOFTHEUSERX"}),
        trust(root(A)),
    ],
    ids=["user", "condition", "pattern", "unique ID", "own account"],
)
def test_a_trust_of_some_principals_is_not_one_of_a_whole_account(narrowed: str) -> None:
    report = audited(narrowed, user(B, "dev", may_assume=[READER], unique_id="AIDAEXAMPLEOFTHEUSERX"))
    assert found(report, "whole-account", "dead-trust") == []


def test_a_trust_of_a_whole_account_keeps_its_conditions() -> None:
    mfa = {"aws:MultiFactorAuthPresent": "true"}
    finding = only(audited(trust(root(B), Bool=mfa), user(B, "dev", may_assume=[READER])), "whole-account")
    assert (finding.answer, finding.conditions) == ("depends", ("Bool aws:MultiFactorAuthPresent",))
    assert finding.fix.statement is not None
    assert finding.fix.statement["Condition"] == {"Bool": mfa}


def test_a_whole_account_whose_policies_were_not_all_read_is_reported_with_what_is_not_decided() -> None:
    unread = user(B, "a", attached=("arn:aws:iam::aws:policy/AdministratorAccess",))
    mfa = {"aws:MultiFactorAuthPresent": "true"}
    finding = only(audited(trust(root(B), Bool=mfa), unread), "whole-account")
    assert "may by policies that were not read or decided" in finding.why
    assert finding.fix.statement is None  # without the condition, it would be wider
    finding = only(audited(trust(root(B), Bool=mfa), unread, user(B, "dev", may_assume=[READER])), "whole-account")
    assert finding.witness is not None
    assert finding.fix.statement is not None
    assert finding.fix.statement["Condition"] == {"Bool": mfa}


def test_a_whole_account_that_was_not_read_is_reported_without_names() -> None:
    report = audit(snapshot(A, role(A, "Reader", trust(root(B)))), organization=organization(A, B), now=NOW)
    assert "was not read" in only(report, "whole-account").why
    assert [(edge.source, edge.state) for edge in report.edges] == [(B, "half")]


def test_a_trust_of_everybody_in_an_account_is_one_of_the_whole_account() -> None:
    trusts = trust("*", StringEquals={"aws:PrincipalAccount": B})
    assert found(audited(trusts, user(B, "dev", may_assume=[READER]))) == [("whole-account", B)]
    narrowed = trust("*", ArnLike={"aws:PrincipalArn": user_arn(B, "d*")})
    assert found(audited(narrowed, user(B, "dev", may_assume=[READER]))) == []


# Dead trusts


@pytest.mark.parametrize(
    ("trust_policy", "others", "principal"),
    [
        (trust(root(B)), [user(B, "dev")], root(B)),
        (trust(root(B)), [user(B, "dev", may_assume=[role_arn(A, "reader")])], root(B)),
        (trust(user_arn(B, "dev")), [user(B, "dev")], user_arn(B, "dev")),
        (trust(user_arn(B, "gone")), [user(B, "dev", may_assume=["*"])], user_arn(B, "gone")),
        (trust(role_arn(B, "Gone")), [], role_arn(B, "Gone")),
        (document(trusting(root(B)), trusting("*", effect="Deny")), [user(B, "dev", may_assume=["*"])], root(B)),
    ],
    ids=["no permission", "another case", "user without permission", "no such user", "no such role", "denied"],
)
def test_a_trust_that_nobody_can_use_is_dead(trust_policy: str, others: list[Any], principal: str) -> None:
    report = audited(trust_policy, *others)
    assert found(report, "dead-trust", "whole-account") == [("dead-trust", principal)]


def test_a_permission_with_a_policy_variable_is_for_the_roles_that_it_can_match() -> None:
    """It is not known which tags the session of a role has, and for another role that does not matter."""
    variable = role_arn(A, "of-${aws:PrincipalTag/team}")
    app = role(B, "App", may_assume=[variable])
    assert found(audited(trust(root(B)), app)) == [("dead-trust", root(B))]
    report = audit(
        snapshot(A, role(A, "of-x", trust(root(B)))), snapshot(B, app), organization=organization(A, B), now=NOW
    )
    assert found(report) == [("whole-account", B)]


def permitted_by_group() -> Any:
    return user(B, "dev", groups=("admins",))


@pytest.mark.parametrize(
    ("others", "groups"),
    [
        ([user(B, "dev", may_assume=[READER])], ()),
        ([user(B, "dev", may_assume=["arn:aws:iam::*:role/Read*"])], ()),
        ([user(B, "dev", may_assume=["*"])], ()),
        ([user(B, "dev", attached=("arn:aws:iam::aws:policy/A",)),
          PolicyDetail(arn="arn:aws:iam::aws:policy/A", document=document(statement(action="*", Resource="*")))], ()),
        ([permitted_by_group()], (GroupDetail(arn=f"arn:aws:iam::{B}:group/admins", inline=assume(READER)),)),
        ([user(B, "dev", inline={"p": document({"Effect": "Allow", "NotAction": "s3:*", "NotResource": "x*"})})], ()),
    ],
    ids=["named", "pattern", "everything", "managed policy", "group", "NotAction and NotResource"],
)  # fmt: skip
def test_a_trust_that_somebody_can_use_is_not_dead(others: list[Any], groups: tuple[Any, ...]) -> None:
    policies = [one for one in others if isinstance(one, PolicyDetail)]
    people = [one for one in others if not isinstance(one, PolicyDetail)]
    production = snapshot(A, role(A, "Reader", trust(root(B))))
    development = snapshot(B, *people, *policies, groups=groups)
    report = audit(production, development, organization=organization(A, B), now=NOW)
    assert found(report, "dead-trust") == []
    assert [(edge.source, edge.state) for edge in report.edges] == [(B, "decided")]


@pytest.mark.parametrize(
    "closing",
    [
        {"boundary": "arn:aws:iam::222222222222:policy/limit"},
        {"inline": {**assume(READER), "deny": document(statement("Deny", Resource="*"))}},
    ],
    ids=["boundary", "Deny"],
)
def test_the_other_sides_boundary_and_denies_count(closing: dict[str, Any]) -> None:
    limit = PolicyDetail(
        arn="arn:aws:iam::222222222222:policy/limit", document=document(statement(action="s3:*", Resource="*"))
    )
    dev = user(B, "dev", **{"inline": assume(READER), **closing})
    report = audit(
        snapshot(A, role(A, "Reader", trust(root(B)))),
        snapshot(B, dev, limit),
        organization=organization(A, B),
        now=NOW,
    )
    assert found(report, "dead-trust") == [("dead-trust", root(B))]


def test_control_policies_of_both_sides_count() -> None:
    people = [user(B, "dev", may_assume=[READER])]
    deny = document({**statement("Deny", Resource="*"), "Principal": "*"})
    allow = ControlPolicy(id="p-1", name="all", document=document(statement(action="*", Resource="*")))
    rcp = ControlPolicy(id="p-2", name="closed", document=deny)
    scp = ControlPolicy(id="p-3", name="no sts", document=document(statement("Deny", Resource="*")))
    open_ = organization(A, B, C, scps={"r-ab12": (allow,)})
    assert found(audited(trust(root(B)), *people, organization=open_), "dead-trust") == []
    for closed in (
        organization(A, B, C, scps={"r-ab12": (allow,)}, rcps={A: (rcp,)}),
        organization(A, B, C, scps={"r-ab12": (allow, scp)}),
    ):
        assert found(audited(trust(root(B)), *people, organization=closed), "dead-trust") == [("dead-trust", root(B))]


@pytest.mark.parametrize(
    "unread",
    [
        {"attached": ("arn:aws:iam::aws:policy/A",)},
        {"groups": ("gone",)},
        {"inline": assume(READER), "boundary": f"arn:aws:iam::{B}:policy/A"},
    ],
)
@pytest.mark.parametrize("principal", [user_arn(B, "dev"), root(B)])
def test_an_unread_policy_makes_a_trust_undecided_and_not_dead(principal: str, unread: dict[str, Any]) -> None:
    report = audited(trust(principal), user(B, "dev", **unread))
    assert found(report, "dead-trust") == []
    assert [edge.state for edge in report.edges] == ["half"]


@pytest.mark.parametrize("principal", [root(B), user_arn(B, "dev"), root("444444444444"), user_arn(OUTSIDE, "x")])
def test_a_trust_that_begins_later_is_not_dead(principal: str) -> None:
    own, dev = organization(A, B, C, "444444444444"), user(B, "dev", may_assume=[READER])
    for time in ({"aws:CurrentTime": "2026-12-24"}, {"aws:EpochTime": "1798000000"}):
        later = trust(principal, DateGreaterThan=time)
        assert found(audited(later, dev, organization=own), "dead-trust") == []
        assert found(audited(later, dev, organization=own, now=NOW.replace(year=2027)), "dead-trust") == []
    other_side = user(B, "dev", inline=assume(READER, DateGreaterThan={"aws:CurrentTime": "2026-12-24"}))
    assert found(audited(trust(root(B)), other_side)) == []


# Outsiders


def test_an_unknown_account_is_told_from_a_vendor() -> None:
    assert found(audited(trust(root(OUTSIDE)))) == [
        ("root-of-unknown-account", OUTSIDE),
        ("third-party-without-external-id", OUTSIDE),
    ]
    report = audited(trust(root(DATADOG)))
    assert found(report) == [("third-party-without-external-id", DATADOG), ("external-account", DATADOG)]
    assert only(report, "external-account").principal_name == "Datadog"


def test_a_user_of_an_unknown_account_is_external() -> None:
    assert ("external-account", OUTSIDE) in found(audited(trust(user_arn(OUTSIDE, "x"))))


MEMBERS_ONLY = {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}}


@pytest.mark.parametrize("principal", [root(OUTSIDE), user_arn(OUTSIDE, "x"), root(DATADOG)])
def test_an_account_outside_never_has_the_id_of_the_organization(principal: str) -> None:
    assert found(audited(trust(principal, **MEMBERS_ONLY))) == [("dead-trust", principal)]
    deny = trusting("*", effect="Deny", StringNotEquals={"aws:PrincipalOrgID": ORGANIZATION_ID})
    assert found(audited(document(trusting(principal), deny))) == [("dead-trust", principal)]
    foreign = {"aws:PrincipalOrgID": "o-zzzzzzzzzz", "sts:ExternalId": "x"}
    assert found(audited(trust(principal, StringEquals=foreign)), "dead-trust") == []


def test_accounts_that_the_user_knows_are_known() -> None:
    report = audited(trust(root(OUTSIDE)), known_accounts={OUTSIDE: "Our auditor"})
    assert only(report, "external-account").principal_name == "Our auditor"
    assert found(report, "root-of-unknown-account") == []


def test_without_an_organization_the_accounts_of_the_snapshots_are_trusted() -> None:
    report = audited(trust(root(B), root(OUTSIDE)), user(B, "dev", may_assume=["*"]), organization=None)
    assert {principal for _, principal in found(report, "root-of-unknown-account")} == {OUTSIDE}
    assert found(report, "external-account") == []


@pytest.mark.parametrize(
    ("conditions", "is_open"),
    [
        ({"StringEquals": {"sts:ExternalId": "x-1"}}, False),
        ({"StringEqualsIfExists": {"sts:ExternalId": "x-1"}}, True),
        ({"StringNotEquals": {"sts:ExternalId": "x-1"}}, True),
        ({"Null": {"sts:ExternalId": "false"}}, False),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, True),
    ],
)
def test_an_external_id_counts_if_the_request_needs_it(conditions: dict[str, Any], is_open: bool) -> None:
    report = audited(trust(root(DATADOG), **conditions))
    assert bool(found(report, "third-party-without-external-id")) is is_open


def test_a_second_statement_without_an_external_id_opens_the_role() -> None:
    both = document(trusting(root(DATADOG), StringEquals={"sts:ExternalId": "x"}), trusting(user_arn(DATADOG, "a")))
    assert found(audited(both), "third-party-without-external-id")


def test_an_aws_service_account_needs_no_external_id() -> None:
    report = audited(trust(root("127311923021")))  # ELB's account in us-east-1
    assert found(report) == [("external-account", "127311923021")]
    assert only(report, "external-account").severity == "info"


# Everybody


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringLike": {"aws:userid": "*"}},
        {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
        {"StringNotEquals": {"aws:PrincipalAccount": OUTSIDE}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION_ID}, "Null": {"aws:PrincipalOrgID": "true"}},
    ],
)
def test_a_role_that_strangers_can_assume_is_public(conditions: dict[str, Any]) -> None:
    assert found(audited(trust("*", **conditions)), "public") == [("public", "*")]


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}},
        {"StringEquals": {"aws:PrincipalAccount": [B, C]}},
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{B}:role/*"}},
    ],
)
def test_a_role_that_only_accounts_of_the_organization_can_assume_is_not_public(conditions: dict[str, Any]) -> None:
    report = audited(trust("*", **conditions), role(B, "App", may_assume=[READER]))
    assert found(report, "public", "external-account") == []
    assert [(edge.source, edge.state) for edge in report.edges] == [(B, "decided")]


def test_a_control_policy_against_strangers_that_exempts_services_closes_a_role() -> None:
    """The policies that AWS recommends: https://github.com/aws-samples/data-perimeter-policy-examples"""
    strangers = {
        "StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION_ID},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }
    deny = {**statement("Deny", Resource="*", Condition=strangers), "Principal": "*"}
    rcp = ControlPolicy(id="p-1", name="perimeter", document=document(deny))
    closed = organization(A, B, C, rcps={"r-ab12": (rcp,)})
    assert found(audited(trust("*"), organization=closed)) == []
    assert found(audited(trust(root(OUTSIDE)), organization=closed)) == [("dead-trust", root(OUTSIDE))]


def test_an_account_that_is_named_for_another_action_is_not_let_in() -> None:
    tags = {**trusting(root(OUTSIDE)), "Action": "sts:TagSession"}
    for conditions in ({"aws:SourceVpce": "vpce-0a1b2c3d"}, {"aws:PrincipalOrgID": ORGANIZATION_ID}):
        assert found(audited(document(tags, trusting("*", StringEquals=conditions)))) == []


@pytest.mark.parametrize("value", ["a:b", "arn:aws:iam", "*:*"])
def test_a_condition_on_something_else_than_an_arn_does_not_end_the_audit(value: str) -> None:
    report = audited(trust("*", StringLike={"aws:PrincipalArn": value}))
    assert found(report, "public") == ([("public", "*")] if value == "*:*" else [])


def test_everybody_of_another_organization_or_account_is_external() -> None:
    foreign = audited(trust("*", StringEquals={"aws:PrincipalOrgID": "o-zzzzzzzzzz"}))
    assert found(foreign) == [("external-account", "o-zzzzzzzzzz")]
    named = audited(trust("*", StringEquals={"aws:PrincipalAccount": OUTSIDE}))
    assert ("root-of-unknown-account", OUTSIDE) in found(named)
    assert found(named, "public") == []


def test_the_owner_of_a_role_makes_its_findings_quiet() -> None:
    linked = role(A, "aws-service-role/x.amazonaws.com/AWSServiceRoleForX", trust(root(OUTSIDE)))
    report = audit(snapshot(A, linked), organization=organization(A), now=NOW)
    assert report.findings == ()
    assert {finding.kind for finding in report.quiet} >= {"root-of-unknown-account"}
