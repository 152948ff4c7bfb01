"""Reports as Markdown: short enough for a comment, and names are text and mention nobody."""

from __future__ import annotations

import re

import pytest
from attrs import evolve
from tests.access_audit.report_generator import NOW, make_finding, make_report

from xacct.access_audit.finding import FINDING_KINDS
from xacct.access_audit.markdown import code, markdown, prose
from xacct.access_audit.report import AuditReport
from xacct.access_audit.way import StatementSource


@pytest.mark.parametrize("accounts", [2, 50, 1_000])
def test_a_comment_has_at_most_65536_characters_and_says_what_does_not_fit(accounts: int) -> None:
    report = make_report(accounts)
    text = report.to_markdown()
    assert len(text) <= 65_536
    shown = text.count("<details>")
    assert text.count("</details>") == shown
    left = re.search(r"\*\*([\d,]+) more findings do not fit here\*\*", text)
    assert shown + (int(left[1].replace(",", "")) if left else 0) == len(report.findings)
    assert (left is None) == (accounts == 2)


@pytest.mark.parametrize("most", [2_000, 5_000, 20_000])
def test_the_size_can_be_smaller(most: int) -> None:
    assert len(markdown(make_report(50), most=most)) <= most


def test_the_summary_counts_each_kind_and_the_details_are_collapsed() -> None:
    report = make_report(2)
    text = report.to_markdown()
    assert text.startswith("## Access audit\n\n11 findings (2 critical")
    assert "| medium | An account outside of the organization has access | 2 |" in text
    for finding in report.findings:
        assert FINDING_KINDS[finding.kind].title in text
        assert f"ID: <code>{finding.id}</code>" in text
        assert all(f"json\n{statement.text}\n" in text for statement in finding.statements)
    assert "- 1 thing not read or not decided:" in text


def test_an_empty_report_says_so() -> None:
    assert AuditReport(findings=(), accounts={"1" * 12: ""}, now=NOW).to_markdown() == (
        "## Access audit\n\n0 findings in 1 account.\n"
    )


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "[link](https://x.example)", "**b** _i_ `c`", "@team",
                                  "#12", "https://x.example", "www.x.example", "a|b", "</details>", "<!--", "- item",
                                  "\\*x", "&lt;", "~~x~~", "line\nbreak", "\u202eturned"])  # fmt: skip
def test_names_are_no_markup(name: str) -> None:
    for text in (code(name).removeprefix("<code>").removesuffix("</code>"), prose(name)):
        without_entities = re.sub(r"&#\d+;", "x", text)
        assert not re.search(r"[<>\[\]*_`@#|\\&~!\n\u202e]|://|www\.", without_entities)
        assert not without_entities.startswith("-")


def test_a_sentence_mentions_nobody() -> None:
    # GitHub reads entities before it links names and numbers.
    assert prose("@team and #12") == "&#64;\u200bteam and &#35;\u200b12"


def test_a_statement_cannot_end_its_block() -> None:
    finding = make_finding("public", "111111111111", "R", "*")
    source = StatementSource(account="1" * 12, owner="R", policy="p", index=0, sid="", text="{}\n```\n# Title")
    text = evolve(make_report(2), findings=(evolve(finding, statements=(source,)),)).to_markdown()
    assert "````json\n{}\n```\n# Title\n````" in text
