"""Policy problems: which policies the audit lints, and what it says of them."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

from tests.access_audit.accounts import A, B, document, organization, role, root, snapshot, statement, trust, user

from xacct import AuditReport, Finding, Snapshot, audit
from xacct.access_audit import policy_problems as module
from xacct.snapshot import ControlPolicy, GroupDetail, PolicyDetail, ResourcePolicy, RoleDetail

TYPO = document(statement(action="s3:GetObjects", Resource="*"))
MESSAGE = "Statement[0].Action: AWS's reference has no action s3:GetObjects: did you mean s3:GetObject?"


def problems(*snapshots: Snapshot, **more: Any) -> list[Finding]:
    report = audit(*snapshots, **more)
    return [finding for finding in (*report.findings, *report.quiet) if finding.kind == "policy-problem"]


def test_a_finding_says_where_the_problem_is_what_follows_and_how_to_fix_it() -> None:
    reader = role(A, "Reader", inline={"read": TYPO})
    (finding,) = problems(snapshot(A, reader))
    assert (finding.account, finding.resource, finding.principal) == (A, reader.arn, "")
    assert (finding.severity, finding.detail, finding.witness) == ("low", "read", None)
    assert finding.why == (
        f"{MESSAGE} AWS rejects such an element or never matches it, so the policy does not allow what it seems to."
    )
    assert finding.fix.text.startswith("Correct the policy read: https://docs.aws.amazon.com/service-authorization/")
    (source,) = finding.statements
    assert str(source) == f"read of {reader.arn}, statement 1"
    assert json.loads(source.text)["Action"] == "s3:GetObjects"


def test_every_kind_of_policy_is_linted_as_what_it_is_used_for() -> None:
    wrong = statement(action="s3:GetObject", Resource="*", Principal={"AWS": root(A)})
    group = GroupDetail(arn=f"arn:aws:iam::{A}:group/Readers", inline={"g": document(wrong)})
    managed = PolicyDetail(arn=f"arn:aws:iam::{A}:policy/team/Read", document=document(wrong))
    queue = f"arn:aws:sqs:eu-west-1:{A}:jobs"
    policy = ResourcePolicy(
        arn=queue,
        service="sqs",
        policy=document(statement(action="sqs:Send", Principal={"AWS": root(A)}, Resource=queue)),
    )
    dev = user(A, "dev", inline={"u": document(wrong, wrong)})
    reader = role(A, "Reader", trust(root(A), StringEquals={"sts:ExternalIds": "x"}), inline={"r": document(wrong)})
    found = problems(snapshot(A, dev, reader, managed, groups=(group,), resources=(policy,)))
    assert sorted((f.resource, f.detail) for f in found) == [
        (group.arn, "g"),
        (reader.arn, "trust policy"),
        (dev.arn, "u"),
        (queue, "resource policy"),
    ]
    (same,) = [finding for finding in found if finding.resource == group.arn]
    assert same.why.endswith(f"The same document is a policy of {managed.arn}, {reader.arn}.")


def test_a_document_that_many_have_is_one_finding_and_is_linted_once_in_all_accounts() -> None:
    roles = [role(A, f"Reader{n}", inline={"read": TYPO}) for n in range(9)]
    others = [role(B, f"Reader{n}", inline={"read": TYPO}) for n in range(3)]
    module._problems.cache_clear()
    with patch.object(module, "lint", wraps=module.lint) as lint:
        first, second = problems(snapshot(A, *roles), snapshot(B, *others))
        linted = [text for (text, _), _ in lint.call_args_list]
    assert linted.count(TYPO) == 1
    assert first.resource == roles[0].arn
    assert first.why.endswith(f"The same document is a policy of {', '.join(r.arn for r in roles[1:4])} and 5 more.")
    assert second.why.endswith(f"The same document is a policy of {others[1].arn}, {others[2].arn}.")


def test_documents_that_differ_in_accounts_only_are_linted_once() -> None:
    module._problems.cache_clear()
    with patch.object(module, "lint", wraps=module.lint) as lint:
        numbers = range(222222222222, 222222222252)
        assert problems(snapshot(A, *(role(A, f"R{n}", trust(root(str(n)))) for n in numbers))) == []
        assert lint.call_count == 1
    short = document(statement(action="sqs:SendMessage", Resource="arn:aws:sqs:eu-west-1:22222222222:jobs"))
    (finding,) = problems(snapshot(A, role(A, "R", inline={"send": short})))
    assert "22222222222" in finding.why


def test_policies_that_aws_wrote_are_not_linted() -> None:
    arn = f"arn:aws:iam::{A}:role/aws-service-role/access-analyzer.amazonaws.com/AWSServiceRoleForAccessAnalyzer"
    of_aws = PolicyDetail(arn="arn:aws:iam::aws:policy/Old", document=TYPO)
    assert problems(snapshot(A, RoleDetail(arn=arn, trust_policy=trust(root(A)), inline={"x": TYPO}), of_aws)) == []


def test_the_inline_policy_of_a_permission_set_is_linted_and_its_trust_policy_is_not() -> None:
    arn = f"arn:aws:iam::{A}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Read_0123456789abcdef"
    trusted = document(
        statement(Principal={"Federated": f"arn:aws:iam::{A}:saml-provider/AWSSSO_1"}, action="sts:AssumeRoleWithSAMLs")
    )
    (finding,) = problems(snapshot(A, RoleDetail(arn=arn, trust_policy=trusted, inline={"set": TYPO})))
    assert (finding.resource, finding.detail, finding.owner) == (arn, "set", "")


def test_an_error_in_a_deny_is_worse() -> None:
    denied = document(
        statement(action="s3:*", Resource="*"), statement("Deny", action="s3:DeleteObjects", Resource="*")
    )
    (finding,) = problems(snapshot(A, role(A, "Reader", inline={"read": denied})))
    assert finding.severity == "medium"
    assert finding.why.endswith("A Deny with such an element may not deny what it is meant to.")
    assert [source.index for source in finding.statements] == [1]


def test_warnings_about_what_a_condition_lets_through_are_reported_and_others_are_not() -> None:
    harmless = statement(action=["s3:GetObject", "s3:ListAllMyBuckets"], Resource="arn:aws:s3:::a/*")
    any_value = statement(action="s3:GetObject", Resource="*")
    any_value["Condition"] = {"ForAnyValue:StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}
    assert problems(snapshot(A, role(A, "R", inline={"a": document(harmless, any_value)}))) == []
    for key in ("aws:TagKeys", "aws:PrincipalOrgID"):
        all_values = statement(action="ec2:CreateTags", Resource="*")
        all_values["Condition"] = {"ForAllValues:StringEquals": {key: "x"}}
        (finding,) = problems(snapshot(A, role(A, "R", inline={"a": document(all_values)})))
        assert finding.severity == "low"
        assert finding.why.endswith("The policy may allow or deny something else than it seems to.")


def test_errors_come_first_and_three_problems_are_named() -> None:
    many = document(*(statement(action=f"s3:Nothing{n}", Resource="*") for n in range(5)))
    (finding,) = problems(snapshot(A, role(A, "R", inline={"a": many})))
    assert finding.why.count("AWS's reference has no action") == 3
    assert "; and 2 more. AWS rejects" in finding.why
    assert len(finding.statements) == 5


def test_a_trust_policy_that_cannot_be_parsed_is_said_once() -> None:
    report = audit(snapshot(A, role(A, "R", "not JSON"), user(A, "dev", inline={"u": "not JSON"})))
    assert any("cannot be parsed" in text for text in report.undecided)
    (finding,) = report.findings
    assert (finding.resource, finding.statements) == (f"arn:aws:iam::{A}:user/dev", ())
    assert "not valid JSON" in finding.why


def test_control_policies_are_findings_of_the_management_account() -> None:
    scp = ControlPolicy(id="p-a1b2c3d4", name="Guard", document=document(statement("Deny", "s3:Nothing", Resource="*")))
    rcp = ControlPolicy(
        id="p-e5f6a7b8", name="Perimeter", document=document(statement("Deny", "s3:*", Resource="*", Principal="*"))
    )
    its = organization(A, scps={"r-ab12": (scp,), A: (scp,)}, rcps={"r-ab12": (rcp,)})
    (finding,) = problems(snapshot(A), organization=its)
    assert finding.account == "100000000000"
    assert finding.resource == (
        "arn:aws:organizations::100000000000:policy/o-abcdefghij/service_control_policy/p-a1b2c3d4"
    )
    assert (finding.severity, finding.detail) == ("medium", "Guard")
    assert "The same document" not in finding.why


def test_every_form_of_a_report_has_the_problems() -> None:
    report = audit(snapshot(A, role(A, "Reader", inline={"read": TYPO})))
    assert "policy-problem" in str(report)
    assert MESSAGE in json.dumps(report.to_dict())
    assert AuditReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert "did you mean s3:GetObject" in report.to_markdown()
    assert "did you mean s3:GetObject" in report.to_html()
    (run,) = json.loads(json.dumps(report.to_sarif()))["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["policy-problem"]
    assert run["results"][0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].endswith("role/Reader")
