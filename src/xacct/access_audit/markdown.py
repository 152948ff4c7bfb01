"""A report as Markdown, for a comment on a pull request on GitHub."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from xacct.access_audit.contents import ReportContents
from xacct.access_audit.finding import FINDING_KINDS, Finding
from xacct.access_audit.table import headline, notes

__all__ = ["markdown"]

MOST_CHARACTERS = 65_536
"""The most characters of a comment on GitHub."""

_MARKUP = re.compile(r"://|www\.|[^\w\s:/,=;().'-]|_|^[-=]")
# Room for what is said of the findings that do not fit.
_RESERVED = 400


def markdown(report: ReportContents, *, most: int = MOST_CHARACTERS) -> str:
    """Return a report as Markdown of a limited size.

    Args:
        report: the report.
        most: the most characters.
    """
    kinds = report.by_kind
    lines = ["## Access audit", "", prose(headline(report)) + "."]
    if kinds:
        lines += ["", "| severity | finding | number |", "| --- | --- | ---: |"]
        lines += [f"| {severity} | {title} | {count:,} |" for severity, title, count in _kinds(report)]
    said = [f"- {prose(note.strip())}" for note in notes(report)]
    lines += ["", *_fitting(said, most // 4, "things to know")] if said else []
    head = "\n".join([*lines, ""])
    rows = list(map(_details, report.findings))
    body = "\n".join(_fitting(rows, most - len(head) - _RESERVED, "findings"))
    return f"{head}\n{body}\n" if body else head


def _kinds(report: ReportContents) -> Iterator[tuple[str, str, int]]:
    seen: dict[tuple[str, str], int] = {}
    for finding in report.findings:
        key = finding.severity, FINDING_KINDS[finding.kind].title
        seen[key] = seen.get(key, 0) + 1
    return ((severity, title, count) for (severity, title), count in seen.items())


def _fitting(parts: Sequence[str], room: int, what: str) -> Iterator[str]:
    """Yield the parts that fit into a number of characters, and say how many do not."""
    for index, part in enumerate(parts):
        room -= len(part) + 1
        if room < 0:
            yield f"\n**{len(parts) - index:,} more {what} do not fit here**: see the whole report."
            return
        yield part


def _details(finding: Finding) -> str:
    title = FINDING_KINDS[finding.kind].title
    who = f"{code(finding.principal)} → " if finding.principal else ""
    lines = [
        f"<details><summary><b>{finding.severity}</b> {title}: {who}{code(finding.resource)}</summary>",
        "",
        prose(finding.why),
        "",
    ]
    if finding.conditions:
        lines += [f"It depends on {', '.join(map(code, finding.conditions))}.", ""]
    lines += [f"**Fix:** {prose(finding.fix.text)}", ""]
    if finding.fix.statement is not None:
        lines += [_block(json.dumps(finding.fix.statement, indent=2)), ""]
    lines += [f"{code(str(source))}:\n\n{_block(source.text)}\n" for source in finding.statements]
    return "\n".join([*lines, f"ID: {code(finding.id)}", "", "</details>", ""])


def code(text: str) -> str:
    """Return a name as code in which nothing is markup, and that mentions nobody.

    >>> code("arn:aws:iam::111111111111:role/*@team*")
    '<code>arn:aws:iam::111111111111:role/&#42;&#64;team&#42;</code>'
    """
    return f"<code>{_escaped(text)}</code>"


def prose(text: str) -> str:
    """Return a sentence that has names in which nothing is markup, and that mentions nobody.

    >>> prose("Role @admin_<b>_ of #12")
    'Role &#64;\u200badmin&#95;&#60;b&#62;&#95; of &#35;\u200b12'
    """
    # GitHub links @name and #12 after it has read the entities, unless a space without width follows.
    return re.sub("(&#(?:64|35);)", "\\1\u200b", _escaped(text))


def _escaped(text: str) -> str:
    # An entity is never read as markup. A colon is one only in an address.
    plain = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(
        r"://|[^\w\s:/,=;().'-]|_|^[-=]|www\.", lambda match: "".join(f"&#{ord(c)};" for c in match[0]), plain
    )


def _block(text: str) -> str:
    """Return a text as a block of code, with a fence that is longer than any in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}json\n{text}\n{fence}"
