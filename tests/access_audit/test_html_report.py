"""The report as a page: it needs nothing else, is small, escapes names, and says what it leaves out."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import sys
from datetime import date, datetime, timezone
from html.parser import HTMLParser

import pytest
from attrs import evolve
from tests.access_audit.report_generator import NOW, make_finding, make_report

from xacct.access_audit.baseline import Acceptance, Baseline
from xacct.access_audit.finding import Finding
from xacct.access_audit.html_report import html_report
from xacct.access_audit.report import AuditReport
from xacct.access_audit.way import StatementSource

SCRIPT = "<script>window.hacked = true</script>"
REPORT = make_report(5)
LARGE = make_report(1_000)


class Elements(HTMLParser):
    """The elements of a page: tags with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def ids_of_rows(page: str) -> list[str]:
    return re.findall(r'<li class="finding" id="f-([0-9a-f]{16})"', page)


def packed_rows(page: str) -> list[list[str]]:
    """Return the rows that the script of a page shows: list, ID, severity, kind, account and HTML."""
    packed = re.search(r'<script type="text/plain" id="packed">([^<]*)</script>', page)
    text = gzip.decompress(base64.b64decode(packed[1])).decode() if packed else ""
    return [json.loads(line) for line in text.splitlines()]


def everything(report: AuditReport) -> list[Finding]:
    return [*report.findings, *report.accepted, *report.quiet]


@pytest.fixture(scope="module")
def large_page() -> str:
    return LARGE.to_html()


@pytest.mark.parametrize("accounts", [2, 50])
def test_a_page_has_at_most_2_mb_and_every_finding(accounts: int) -> None:
    report = make_report(accounts)
    page = report.to_html()
    assert len(page.encode()) <= 2_000_000
    ids = [*ids_of_rows(page), *(row[1].removeprefix("f-") for row in packed_rows(page))]
    assert ids == [finding.id for finding in everything(report)]


def test_the_page_of_1000_accounts_has_at_most_2_mb_and_every_finding(large_page: str) -> None:
    assert len(large_page.encode()) <= 2_000_000
    ids = [*ids_of_rows(large_page), *(row[1].removeprefix("f-") for row in packed_rows(large_page))]
    assert ids == [finding.id for finding in everything(LARGE)]
    assert "are not in this file" not in large_page


def test_what_is_packed_is_a_line_for_browsers_without_scripts(large_page: str) -> None:
    without_scripts = "".join(re.findall("<noscript>.*?</noscript>", large_page, re.DOTALL))
    lines = Elements(without_scripts).text
    shown = sum("arn:" in line for text in lines for line in text.splitlines())
    assert shown == len(packed_rows(large_page))
    assert "arn:aws:iam::100000000000:role/aws-service-role/" in without_scripts


@pytest.mark.parametrize("most", [150_000, 300_000])
def test_a_smaller_page_leaves_out_the_least_severe_and_says_how_many(most: int) -> None:
    report = make_report(300)
    page = html_report(report, most=most)
    assert len(page.encode()) <= most
    shown = [*ids_of_rows(page), *(row[1].removeprefix("f-") for row in packed_rows(page))]
    assert shown == [finding.id for finding in everything(report)][: len(shown)]
    said = [int(number.replace(",", "")) for number in re.findall("([0-9,]+) findings? of this list are not in", page)]
    assert sum(said) == len(everything(report)) - len(shown) > 0


def test_rows_are_the_worst_findings(large_page: str) -> None:
    rows = ids_of_rows(large_page)
    assert rows == [finding.id for finding in LARGE.findings[: len(rows)]]
    assert len(rows) >= 100


def test_the_page_loads_nothing_and_runs_only_its_own_script() -> None:
    page = REPORT.to_html()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    directives = dict(part.strip().split(" ", 1) for part in policy[1].split(";"))
    assert directives["default-src"] == "'none'"
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert directives[directive] == f"'sha256-{digest}'"
    for tag, attributes in Elements(page).tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert not {"src", "style", "srcset", "onclick", "onload", "onerror", "action"} & set(attributes)
        href = attributes.get("href") or "#"
        assert href.startswith("#") or (tag == "a" and href.startswith("https://docs.aws.amazon.com/"))


def nasty_report() -> AuditReport:
    """Return a report with markup wherever a text comes from an account or from a user."""
    arn = f"arn:aws:iam::111111111111:role/{SCRIPT}"
    source = StatementSource(
        account="1" * 12, owner=arn, policy=SCRIPT, index=0, sid=SCRIPT, text=f'{{"Sid": "{SCRIPT}"}}'
    )
    finding = evolve(
        make_finding("public", "111111111111", arn, f"arn:aws:iam::222222222222:user/{SCRIPT}", name=SCRIPT,
                     conditions=(f"StringEquals {SCRIPT}",)),
        why=SCRIPT, statements=(source, evolve(source, text=SCRIPT)),
    )  # fmt: skip
    finding = evolve(finding, fix=evolve(finding.fix, text=SCRIPT, statement={"Sid": SCRIPT}))
    accepted = evolve(finding, detail="accepted")
    acceptances = [
        Acceptance(id=accepted.id, reason=SCRIPT, until=date(2027, 1, 1)),
        Acceptance(id=finding.id, reason=SCRIPT, until=date(2026, 1, 1)),
        Acceptance(id="0" * 16, reason=SCRIPT, about=SCRIPT, until=date(2027, 1, 1)),
    ]
    report = evolve(
        make_report(2),
        findings=(finding, accepted),
        quiet=(evolve(finding, owner=SCRIPT, detail="quiet"),),
        accounts={"111111111111": SCRIPT, SCRIPT: SCRIPT},
        undecided=(SCRIPT,),
    )
    edges = tuple(evolve(edge, source_name=SCRIPT, target=arn, conditions=(SCRIPT,)) for edge in report.edges)
    return evolve(report, edges=edges).with_baseline(Baseline(acceptances))


def test_markup_from_accounts_and_baselines_is_text() -> None:
    some = evolve(REPORT, findings=REPORT.findings[:3])
    plain = REPORT.with_baseline(Baseline.of(some, "x", date(2027, 1, 1))).to_html()
    page = nasty_report().to_html()
    assert SCRIPT not in page
    assert {tag for tag, _ in Elements(page).tags} <= {tag for tag, _ in Elements(plain).tags} | {"li", "a", "code"}
    assert page.count("<script") == plain.count("<script") == 1
    for escaped in ("&lt;script&gt;", "window.hacked"):
        assert page.count(escaped) > 25


def test_markup_in_packed_rows_is_text() -> None:
    report = nasty_report()
    many = evolve(report, findings=tuple(evolve(report.findings[0], detail=str(number)) for number in range(400)))
    rows = packed_rows(many.to_html())
    assert len(rows) > 100
    assert not any(SCRIPT in part for row in rows for part in row[:4] + row[5:])


@pytest.mark.parametrize(("character", "shown"), [("\u202e", r"\u202e"), ("\ud800", r"\ud800"), ("\x00", r"\x00")])
def test_unseen_characters_are_shown(character: str, shown: str) -> None:
    name = f"arn:aws:iam::111111111111:role/a{character}b"
    finding = evolve(make_finding("dead-trust", "111111111111", name, name), why=name)
    edges = tuple(evolve(edge, target=name) for edge in REPORT.edges)
    page = evolve(REPORT, findings=(finding,), edges=edges, undecided=(name,)).to_html()
    assert character not in page
    assert page.count(f"role/a{shown}b") >= 5
    assert page.encode()


def test_the_summary_has_the_numbers_by_severity_and_kind() -> None:
    page = REPORT.to_html()
    for severity, count in REPORT.by_severity.items():
        assert re.search(rf'<span class="count">{count}</span> <span class="name">{severity}</span>', page)
    for kind, count in REPORT.by_kind.items():
        assert re.search(rf'data-show-kind="{kind}">[^<]*</a></td><td class="number">{count}</td>', page)
    assert "5 accounts, 250 roles" in page
    assert "26 November 2026, 09:30 UTC" in page
    assert "Not read or not decided: 1" in page
    assert REPORT.undecided[0] in page
    for account, name in REPORT.accounts.items():
        assert f"<code>{account}</code></td><td>{name}</td>" in page


def test_a_finding_has_its_explanation_conditions_statements_request_fix_and_id() -> None:
    finding = next(f for f in REPORT.findings if len(f.statements) == 2 and f.conditions)
    page = evolve(REPORT, findings=(finding,), quiet=()).to_html()
    text = "".join(Elements(page).text)
    assert finding.why in text
    assert f"<dt>Depends on</dt><dd><code>{finding.conditions[0]}</code></dd>" in page
    assert "Statements of both sides" in text
    assert all(str(source) in text for source in finding.statements)
    assert '"action": "sts:AssumeRole"' in text
    assert finding.fix.text in text
    assert '"sts:ExternalId": "<your ID>"' in text
    assert finding.id in text


def test_accepted_and_expected_findings_are_in_lists_of_their_own_with_the_reason() -> None:
    chosen = REPORT.findings[2]
    baseline = Baseline.of(evolve(REPORT, findings=(chosen,)), "known for long", date(2027, 3, 31))
    page = REPORT.with_baseline(baseline).to_html()
    lists = dict(re.findall(r'<ol class="rows" data-list="(\w+)">(.*?)</ol>', page, re.DOTALL))
    assert ids_of_rows(lists["accepted"]) == [chosen.id]
    assert "known for long (until 2027-03-31)" in lists["accepted"]
    assert ids_of_rows(lists["quiet"]) == [finding.id for finding in REPORT.quiet]
    assert "service-linked role" in lists["quiet"]
    assert chosen.id not in ids_of_rows(lists["open"])


def test_acceptances_that_ended_or_match_nothing_are_said() -> None:
    chosen = REPORT.findings[2]
    acceptances = [Acceptance(id=chosen.id, reason="known", until=date(2026, 1, 1)),
                   Acceptance(id="0" * 16, reason="gone", until=date(2027, 1, 1))]  # fmt: skip
    text = "".join(Elements(REPORT.with_baseline(Baseline(acceptances)).to_html()).text)
    assert f"The acceptance of {chosen.id} ended on 2026-01-01 (“known”): its finding counts again." in text
    assert "The baseline accepts 0000000000000000, which is not found any more" in text


def test_an_empty_report_says_that_nothing_was_found() -> None:
    page = AuditReport(
        findings=(), accounts={"111111111111": ""}, now=datetime(2026, 3, 1, tzinfo=timezone.utc)
    ).to_html()
    assert "Nothing was found." in page
    assert "No way in was found." in page
    assert "1 account, <time" in page
    assert "1 March 2026" in page


def test_long_lists_of_the_summary_are_cut_and_say_so() -> None:
    report = evolve(REPORT, undecided=tuple(f"thing {number}" for number in range(130)),
                    accounts={f"{number:012d}": "" for number in range(1_100)})  # fmt: skip
    page = report.to_html()
    assert page.count("<li>thing ") == 100
    assert "and 30 more" in page
    assert "and 100 more accounts" in page


def test_the_same_report_is_the_same_page() -> None:
    assert make_report(50).to_html() == make_report.__wrapped__(50).to_html()


def test_without_jinja2_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    report = AuditReport(findings=(), accounts={}, now=NOW)
    with pytest.raises(ImportError, match=r"to_html\(\) requires jinja2.*pip install 'xacct\[report\]'"):
        report.to_html()
    # Everything else works without it.
    assert report.to_markdown()
    assert report.to_sarif()
