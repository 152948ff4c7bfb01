"""Baselines: accepted findings as values and as data of a file."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone

import pytest
from tests.access_audit.report_generator import make_report

from xacct import InvalidValue
from xacct.access_audit.baseline import Acceptance, Baseline

ID = "0123456789abcdef"
ENTRY = {"id": ID, "reason": "The vendor leaves in March", "until": "2027-03-31"}
REPORT = make_report(3)


def test_a_baseline_of_a_report_accepts_each_finding_and_says_what_it_is() -> None:
    baseline = Baseline.of(REPORT, "known", date(2027, 3, 31))
    assert list(baseline.by_id) == [finding.id for finding in REPORT.findings]
    first, finding = baseline.accepted[0], REPORT.findings[0]
    assert (first.reason, first.until) == ("known", date(2027, 3, 31))
    assert first.about == f"{finding.kind}: {finding.principal} on {finding.resource}"


def test_a_baseline_is_read_back_from_json() -> None:
    baseline = Baseline.of(REPORT, "known", date(2027, 3, 31))
    assert Baseline.from_dict(json.loads(json.dumps(baseline.to_dict()))) == baseline


def test_a_date_can_be_a_text_or_a_date_as_toml_reads_it() -> None:
    for until in ("2027-03-31", date(2027, 3, 31)):
        assert Baseline.from_dict({"accepted": [{**ENTRY, "until": until}]}).accepted[0].until == date(2027, 3, 31)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "baseline: .* must be an object"),
        ({}, r"baseline.accepted: '\(missing\)'"),
        ({"accepted": {}}, "accepted: .* must be a list"),
        ({"accepted": [], "version": 1}, r"baseline.version: '\(unknown key\)' is not valid: the keys are accepted"),
        ({"accepted": ["x"]}, r"accepted\[0\]: .* must be an object"),
        (
            {"accepted": [ENTRY, ENTRY]},
            r"accepted\[1\].id: '0123456789abcdef' is not valid: this finding is accepted tw",
        ),
        ({"accepted": [{**ENTRY, "id": "012345"}]}, r"accepted\[0\].id: '012345' .* 16 hexadecimal digits"),
        ({"accepted": [{**ENTRY, "id": 5}]}, r"accepted\[0\].id: 5 "),
        ({"accepted": [{**ENTRY, "reason": "  "}]}, r"accepted\[0\].reason: .* say why"),
        ({"accepted": [{**ENTRY, "reason": None}]}, r"accepted\[0\].reason"),
        ({"accepted": [{**ENTRY, "until": "2027-13-01"}]}, r"accepted\[0\].until: '2027-13-01' .* such as 2027-03-31"),
        ({"accepted": [{**ENTRY, "until": "20270331"}]}, r"accepted\[0\].until"),
        ({"accepted": [{**ENTRY, "until": 2027}]}, r"accepted\[0\].until: 2027"),
        ({"accepted": [{**ENTRY, "until": datetime(2027, 3, 31, tzinfo=timezone.utc)}]}, r"accepted\[0\].until"),
        ({"accepted": [{"id": ID, "reason": "x"}]}, r"accepted\[0\].until: '\(missing\)'"),
        ({"accepted": [{**ENTRY, "about": 5}]}, r"accepted\[0\].about: 5 .* must be a string"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused_with_its_path(data: object, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Baseline.from_dict(data)  # type: ignore[arg-type]


def test_an_acceptance_holds_through_its_last_day() -> None:
    acceptance = Acceptance(id=ID, reason="known", until=date(2027, 3, 31))
    assert not acceptance.has_expired(datetime(2027, 3, 31, 23, 59, tzinfo=timezone.utc))
    assert acceptance.has_expired(datetime(2027, 4, 1, tzinfo=timezone.utc))


def test_a_baseline_is_extended_by_what_a_report_still_has() -> None:
    old = Baseline(Baseline.of(REPORT, "known", date(2099, 1, 1)).accepted[:2])
    report = REPORT.with_baseline(old)
    extended = old.extended(report, "new", date(2099, 2, 2))
    assert {one.id: one.reason for one in extended.accepted} == {
        finding.id: "known" if finding.id in old.by_id else "new" for finding in REPORT.findings
    }
    assert REPORT.with_baseline(extended).findings == ()


def test_an_acceptance_that_has_ended_is_renewed() -> None:
    old = Baseline.of(REPORT, "known", date(2001, 1, 1))
    extended = old.extended(REPORT.with_baseline(old), "still known", date(2099, 2, 2))
    assert {(one.reason, one.until) for one in extended.accepted} == {("still known", date(2099, 2, 2))}
    assert len(extended.accepted) == len(old.accepted)
