"""A report as a table: as text, in a notebook, and for the library rich."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from xacct.access_audit.contents import ReportContents
from xacct.access_audit.finding import Finding
from xacct.report_table import aligned, one_line

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["headline", "html_table", "notes", "number", "rich_table", "text_table"]

# The most findings that a notebook shows.
_ROWS_OF_NOTEBOOK = 20
_COLUMNS = ("severity", "kind", "account", "resource", "principal", "conditions")
_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"}


def number(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> number(1, "finding"), number(1200, "finding"), number(0, "way")
    ('1 finding', '1,200 findings', '0 ways')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def headline(report: ReportContents) -> str:
    """Return the report in one line: how many findings of which severity, and in how many accounts and roles."""
    severities = ", ".join(f"{count:,} {severity}" for severity, count in report.by_severity.items() if count)
    roles = f" and {number(report.roles, 'role')}" if report.roles else ""
    found = number(len(report.findings), "finding") + (f" ({severities})" if severities else "")
    return f"{found} in {number(len(report.accounts), 'account')}{roles}"


def notes(report: ReportContents) -> Iterator[str]:
    """Yield what to know besides the findings, a line each."""
    if report.accepted:
        yield f"{number(len(report.accepted), 'finding')} accepted by the baseline."
    for acceptance in report.expired_acceptances:
        yield (
            f"The acceptance of {acceptance.id} ended on {acceptance.until}: its finding counts again. "
            "Fix it, or accept it until a later date."
        )
    for acceptance in report.unmatched_acceptances:
        about = f" ({acceptance.about})" if acceptance.about else ""
        yield f"The baseline accepts {acceptance.id}{about}, which is not found any more: remove it from the baseline."
    if report.quiet:
        yield f"{number(len(report.quiet), 'finding')} about roles that AWS made, which are expected."
    if report.undecided:
        yield f"{number(len(report.undecided), 'thing')} not read or not decided:"
        yield from (f"  {text}" for text in report.undecided)


def _row(finding: Finding) -> tuple[str, ...]:
    name = f" ({finding.principal_name})" if finding.principal_name else ""
    conditions = ", ".join(finding.conditions)
    return (
        finding.severity, finding.kind, finding.account, finding.resource, finding.principal + name, conditions
    )  # fmt: skip


def text_table(report: ReportContents) -> str:
    """Return the findings as a table of text, with a line on top and notes below."""
    lines = [headline(report)]
    if report.findings:
        rows = [_COLUMNS, *(tuple(map(one_line, _row(finding))) for finding in report.findings)]
        lines += ["", aligned(rows)]
    below = [one_line(note) for note in notes(report)]
    return "\n".join([*lines, *([""] if below else []), *below])


def html_table(report: ReportContents) -> str:
    """Return the first findings as a table of HTML, for a notebook."""
    shown = report.findings[:_ROWS_OF_NOTEBOOK]
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _row(finding))}</tr>" for finding in shown)
    left = len(report.findings) - len(shown)
    more = f"<p>… and {left:,} more: see <code>str(report)</code> or <code>report.to_html()</code>.</p>" if left else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if shown else ""
    return f"<p>{escape(headline(report))}</p>{table}{more}"


def rich_table(report: ReportContents) -> Table:
    """Return the findings as a table of the library rich, with the notes below it."""
    from rich.table import Table
    from rich.text import Text

    # Text, unlike str, is not read as markup.
    caption = Text("\n".join(map(one_line, notes(report))), justify="left") if any(notes(report)) else None
    table = Table(title=Text(headline(report)), caption=caption, title_justify="left", caption_justify="left")
    for name in _COLUMNS:
        table.add_column(name, overflow="fold", no_wrap=name in ("severity", "account"))
    for finding in report.findings:
        severity, *others = map(one_line, _row(finding))
        table.add_row(Text(severity, style=_STYLES[finding.severity]), *map(Text, others))
    return table
