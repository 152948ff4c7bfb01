"""Reports: as text, as plain data and back, and what a baseline accepts."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, timezone

import pytest
from attrs import evolve
from tests.access_audit.report_generator import NOW, make_finding, make_report

from xacct import InvalidValue
from xacct.access_audit.baseline import Baseline
from xacct.access_audit.finding import SEVERITIES
from xacct.access_audit.report import AuditReport, worst_first

REPORT = make_report(5)
BASELINE = Baseline.of(REPORT, "known for long", date(2027, 3, 31))


def saved_and_read(report: AuditReport) -> AuditReport:
    return AuditReport.from_dict(json.loads(json.dumps(report.to_dict())))


@pytest.mark.parametrize(
    "report", [REPORT, REPORT.with_baseline(BASELINE), AuditReport(findings=(), accounts={}, now=NOW)]
)
def test_a_report_is_read_back_as_it_was_saved(report: AuditReport) -> None:
    read = saved_and_read(report)
    assert read == report
    assert read.baseline == report.baseline
    for name in ("findings", "quiet", "accepted"):
        # The witness does not count in the comparison of findings.
        assert [f.witness for f in getattr(read, name)] == [f.witness for f in getattr(report, name)]
    assert read.to_dict() == report.to_dict()


def test_plain_data_has_the_id_of_each_finding_and_the_arguments_of_its_witness() -> None:
    data = json.loads(json.dumps(REPORT.to_dict()))
    assert [finding["id"] for finding in data["findings"]] == [finding.id for finding in REPORT.findings]
    witness = next(f["witness"] for f in data["findings"] if "witness" in f)
    assert set(witness) == {"principal", "action", "resource", "resource_account", "context"}


def test_the_same_report_is_the_same_text() -> None:
    texts = {json.dumps(report.to_dict()) for report in (make_report(5), make_report.__wrapped__(5))}
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "0" * 16}, r"findings\[0\].id: '0000000000000000' is not valid: the ID of this finding is "),
        ({"severity": "bad"}, r"findings\[0\].severity|severity"),
        ({"sevrity": "low"}, r"findings\[0\].sevrity: '\(unknown key\)' is not valid: did you mean 'severity'"),
        ({"fix": {"text": "Remove it.", "statement": "all"}}, r"findings\[0\].fix.statement: .* must be an object"),
        ({"witness": {"principal": "*"}}, r"findings\[0\].witness"),
    ],
)
def test_data_that_is_no_report_is_refused_with_its_path(change: dict[str, object], message: str) -> None:
    data = json.loads(json.dumps(REPORT.to_dict()))
    data["findings"][0] |= change
    with pytest.raises(Exception, match=message):
        AuditReport.from_dict(data)


@pytest.mark.parametrize(
    "data", [[], {"findings": 5}, {"findings": [5], "accounts": {}, "now": "2026-01-01T00:00:00Z"}]
)
def test_data_of_another_type_is_refused(data: object) -> None:
    with pytest.raises(InvalidValue, match=r"must be|required"):
        AuditReport.from_dict(data)  # type: ignore[arg-type]


def test_a_report_counts_its_findings() -> None:
    report = evolve(REPORT, findings=worst_first(make_finding(kind, "111111111111", "R", "222222222222")
                                                 for kind in ("unused-role", "public", "dead-trust")))  # fmt: skip
    assert report.by_severity == {"critical": 1, "high": 0, "medium": 0, "low": 2, "info": 0}
    assert report.by_kind == {"public": 1, "dead-trust": 1, "unused-role": 1}


def test_findings_are_listed_the_worst_first_whatever_their_order() -> None:
    assert worst_first(reversed(REPORT.findings)) == REPORT.findings
    severities = list(dict.fromkeys(f.severity for f in REPORT.findings))
    assert severities == [s for s in ("critical", "high", "medium", "low", "info") if s in severities]


# The baseline --------------------------------------------------------------------------------------------------------


def test_accepted_findings_are_apart_and_do_not_count() -> None:
    chosen = REPORT.findings[3]
    report = REPORT.with_baseline(Baseline(a for a in BASELINE.accepted if a.id == chosen.id))
    assert report.accepted == (chosen,)
    assert chosen not in report.findings
    assert len(report.findings) == len(REPORT.findings) - 1
    assert sum(report.by_severity.values()) == len(report.findings)
    assert report.baseline.by_id[chosen.id].reason == "known for long"


@pytest.mark.parametrize(
    ("now", "accepted"),
    [
        (datetime(2027, 3, 31, 23, 59, tzinfo=timezone.utc), True),
        (datetime(2027, 4, 1, 0, 0, tzinfo=timezone.utc), False),
        (datetime.fromisoformat("2027-04-01T01:00:00+02:00"), True),
    ],
)
def test_an_acceptance_ends_after_its_last_day_in_utc_and_the_finding_is_back(now: datetime, accepted: bool) -> None:
    report = evolve(REPORT, now=now).with_baseline(BASELINE)
    assert bool(report.accepted) == accepted
    assert bool(report.findings) != accepted
    assert report.expired_acceptances == (() if accepted else BASELINE.accepted)
    assert report.unmatched_acceptances == ()
    said = [line for line in str(report).splitlines() if "ended on 2027-03-31" in line]
    assert len(said) == (0 if accepted else len(REPORT.findings))


def test_acceptances_that_match_no_finding_are_said() -> None:
    fewer = evolve(REPORT, findings=REPORT.findings[1:]).with_baseline(BASELINE)
    assert [acceptance.id for acceptance in fewer.unmatched_acceptances] == [REPORT.findings[0].id]
    assert f"The baseline accepts {REPORT.findings[0].id}" in str(fewer)
    assert "remove it from the baseline" in str(fewer)


def test_an_acceptance_of_a_finding_about_a_role_that_aws_made_is_not_called_unmatched() -> None:
    baseline = Baseline.of(evolve(REPORT, findings=REPORT.quiet), "AWS made it", date(2027, 1, 1))
    report = REPORT.with_baseline(baseline)
    assert report.unmatched_acceptances == ()
    assert report.quiet == REPORT.quiet


def test_another_baseline_replaces_the_one_before() -> None:
    assert REPORT.with_baseline(BASELINE).with_baseline(Baseline()) == REPORT


# As text -------------------------------------------------------------------------------------------------------------


def test_a_report_prints_as_a_table_with_a_line_for_each_finding() -> None:
    lines = str(REPORT).splitlines()
    assert lines[0].startswith(f"{len(REPORT.findings)} findings (")
    assert lines[0].endswith("in 5 accounts and 250 roles")
    assert lines[2].split() == ["severity", "kind", "account", "resource", "principal", "conditions"]
    for line, finding in zip(lines[3:], REPORT.findings):
        assert line.split()[:4] == [finding.severity, finding.kind, finding.account, finding.resource]
    assert "1 thing not read or not decided:" in lines
    assert any("roles that AWS made, which are expected" in line for line in lines)


def test_an_empty_report_is_one_line() -> None:
    assert str(AuditReport(findings=(), accounts={"111111111111": ""}, now=NOW)) == "0 findings in 1 account"


def test_a_report_is_short_in_a_traceback() -> None:
    assert repr(REPORT).startswith("<AuditReport: ")
    assert len(repr(REPORT)) < 150


def test_control_characters_in_names_do_not_reach_the_terminal() -> None:
    finding = make_finding(
        "dead-trust", "111111111111", "arn:aws:iam::111111111111:role/a\nhigh\x1b[2J", "222222222222"
    )
    text = str(evolve(REPORT, findings=(finding,), undecided=("\x1b]0;title\x07",), quiet=()))
    assert "\x1b" not in text
    assert r"role/a\nhigh\x1b[2J" in text


def test_a_notebook_shows_the_first_findings_with_markup_escaped() -> None:
    finding = make_finding("public", "111111111111", "arn:aws:s3:::<script>alert(1)</script>", "*")
    report = evolve(REPORT, findings=(finding,) * 25)
    html = report._repr_html_()
    assert html.count("<tr>") == 21
    assert "and 5 more" in html
    assert "<script>" not in html


def test_rich_shows_the_same_rows_and_reads_no_markup() -> None:
    from rich.console import Console

    finding = make_finding("public", "111111111111", "arn:aws:s3:::[red]bucket[/red]", "*")
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(evolve(REPORT, findings=(finding,)))
    text = console.export_text()
    assert "[red]bucket[/red]" in text
    assert "1 finding (1 critical) in 5 accounts and 250 roles" in text
    assert "which are expected" in text


def test_the_findings_of_a_severity_are_those_and_the_worse_ones() -> None:
    finding = make_finding("public", "111111111111", "Reader", "*")
    findings = worst_first(evolve(finding, severity=severity) for severity in SEVERITIES)
    report = evolve(REPORT, findings=findings)
    assert [finding.severity for finding in report.findings_of("medium")] == ["critical", "high", "medium"]
    assert [finding.severity for finding in report.findings_of("high", "critical")] == ["critical", "high"]
    assert report.findings_of("info") == findings
    assert report.findings_of() == ()


def test_the_findings_of_a_kind_have_any_severity() -> None:
    finding = evolve(make_finding("drift", "111111111111", "Reader", "*"), severity="info")
    report = evolve(REPORT, findings=(evolve(finding, kind="public"), finding))
    assert [finding.kind for finding in report.findings_of("public", "high")] == ["public"]


def test_a_name_that_is_neither_a_kind_nor_a_severity_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"'serious' .* a severity \(critical, .*\) or a kind of finding \(public, "):
        REPORT.findings_of("serious")
