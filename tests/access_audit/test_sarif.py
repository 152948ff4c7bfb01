"""Reports in SARIF: valid by the official schema, and with what GitHub code scanning needs."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from jsonschema import Draft4Validator, FormatChecker
from tests.access_audit.report_generator import NOW, make_finding, make_report

from xacct.access_audit.baseline import Baseline
from xacct.access_audit.finding import FINDING_KINDS
from xacct.access_audit.report import AuditReport

SCHEMA = Path(__file__).parent / "data" / "sarif-schema-2.1.0.json"


@cache
def validator() -> Draft4Validator:
    return Draft4Validator(json.loads(SCHEMA.read_text("utf-8")), format_checker=FormatChecker())


def run_of(report: AuditReport) -> Any:
    """Return the only run of the report's log, after checking the log by the schema."""
    log = json.loads(json.dumps(report.to_sarif()))
    assert [f"{'/'.join(map(str, e.path))}: {e.message}" for e in validator().iter_errors(log)] == []
    (run,) = log["runs"]
    return run


def with_all_kinds() -> AuditReport:
    findings = [make_finding(kind, "111111111111", "Reader", "222222222222") for kind in FINDING_KINDS]
    return evolve(make_report(2), findings=tuple(findings))


@pytest.mark.parametrize("report", [make_report(50), AuditReport(findings=(), accounts={}, now=NOW)])
def test_a_log_is_valid_by_the_official_schema(report: AuditReport) -> None:
    assert len(run_of(report)["results"]) == len(report.findings)


def test_each_kind_has_a_rule_with_help_and_a_page() -> None:
    rules = run_of(make_report(2))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(FINDING_KINDS)
    for rule in rules:
        about = FINDING_KINDS[rule["id"]]
        assert rule["shortDescription"]["text"] == about.title
        assert about.help in rule["help"]["text"]
        assert about.help in rule["help"]["markdown"]
        assert rule["helpUri"] == about.source
        assert 0 < float(rule["properties"]["security-severity"]) < 10
    assert len({rule["name"] for rule in rules}) == len(rules)


def test_each_result_refers_to_its_rule_and_has_the_level_of_its_severity() -> None:
    report = with_all_kinds()
    run = run_of(report)
    levels = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
    for result, finding in zip(run["results"], report.findings):
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == finding.kind
        assert result["level"] == levels[finding.severity]


@pytest.mark.parametrize(("severity", "low", "high"), [("critical", 9.0, 10), ("high", 7.0, 8.9), ("medium", 4.0, 6.9),
                                                       ("low", 0.1, 3.9), ("info", 0.1, 3.9)])  # fmt: skip
def test_scores_are_in_the_ranges_that_github_gives_the_same_names(severity: Any, low: float, high: float) -> None:
    finding = evolve(make_finding("public", "111111111111", "R", "*"), severity=severity)
    (result,) = run_of(evolve(make_report(2), findings=(finding,)))["results"]
    assert low <= float(result["properties"]["security-severity"]) <= high


def test_fingerprints_follow_from_the_id_of_the_finding_and_not_from_its_text() -> None:
    finding = make_finding("public", "111111111111", "arn:aws:s3:::site", "*")
    other_text = evolve(finding, why="Said in other words.", severity="low")
    first, second = (
        run_of(evolve(make_report(2), findings=(one,)))["results"][0]["partialFingerprints"]
        for one in (finding, other_text)
    )
    assert first == second
    assert first == {"xacctFindingId/v1": finding.id, "primaryLocationLineHash": f"{finding.id}:1"}


@pytest.mark.parametrize(
    ("arn", "kind", "name", "path"),
    [
        ("arn:aws:iam::111111111111:role/team/Reader", "role", "team/Reader", "aws/111111111111/role/team/Reader"),
        ("arn:aws:s3:::site", "s3", "site", "aws/111111111111/s3/site"),
        ("arn:aws:iam::111111111111:root", "iam", "root", "aws/111111111111/iam/root"),
        ("arn:aws:sqs:eu-west-1:111111111111:a b#c?", "sqs", "a b#c?", "aws/111111111111/sqs/a%20b%23c%3F"),
        ("something", "resource", "something", "aws/111111111111/resource/something"),
    ],
)
def test_a_result_has_its_arn_and_the_path_of_a_file_that_github_requires(
    arn: str, kind: str, name: str, path: str
) -> None:
    finding = evolve(make_finding("public", "111111111111", "R", "*"), resource=arn)
    (result,) = run_of(evolve(make_report(2), findings=(finding,)))["results"]
    (location,) = result["locations"]
    assert location["logicalLocations"] == [{"name": name, "fullyQualifiedName": arn, "kind": kind}]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == path
    assert location["physicalLocation"]["region"] == {"startLine": 1}


def test_the_statements_of_both_sides_are_related_locations() -> None:
    finding = make_finding("whole-account", "111111111111", "Reader", "222222222222")
    (result,) = run_of(evolve(make_report(2), findings=(finding,)))["results"]
    related = result["relatedLocations"]
    assert [one["properties"]["statement"] for one in related] == [s.text for s in finding.statements]
    assert [one["message"]["text"] for one in related] == [str(s) for s in finding.statements]
    assert all("physicalLocation" in one for one in related)


def test_braces_and_brackets_of_names_are_not_placeholders_or_links() -> None:
    finding = evolve(make_finding("public", "111111111111", "R", "*"), why="Read ${aws:username} [here](http://x).")
    (result,) = run_of(evolve(make_report(2), findings=(finding,)))["results"]
    assert result["message"]["text"].startswith(r"Read ${{aws:username}} \[here\](http://x).")


def test_accepted_findings_are_suppressed_and_all_others_are_not() -> None:
    report = make_report(2)
    chosen = report.findings[0]
    baseline = Baseline.of(evolve(report, findings=(chosen,)), "known for long", date(2027, 3, 31))
    results = run_of(report.with_baseline(baseline))["results"]
    suppressed = [result for result in results if result["suppressions"]]
    assert [result["partialFingerprints"]["xacctFindingId/v1"] for result in suppressed] == [chosen.id]
    assert suppressed[0]["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "known for long (until 2027-03-31)"}
    ]
    assert all("suppressions" not in result for result in run_of(report)["results"])


def test_what_was_not_read_is_a_notification() -> None:
    (invocation,) = run_of(make_report(2))["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert "the bucket policy was not read" in notification["message"]["text"]
    assert invocation["endTimeUtc"] == "2026-11-26T09:30:00Z"
