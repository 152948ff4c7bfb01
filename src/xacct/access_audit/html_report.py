"""A report as one page of HTML that needs nothing else: no network, no other file, no program.

The findings that fit are rows of the page, the worst first. The others are packed with gzip, and a script shows them;
without it, they are lines of a list. The rows are made by one template, which escapes everything from the accounts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timezone
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from attrs import field, frozen

from xacct._version import __version__
from xacct.access_audit.access_map import AccessMap
from xacct.access_audit.contents import ReportContents
from xacct.access_audit.finding import FINDING_KINDS, Finding, FindingKind, Severity
from xacct.access_audit.map_names import account_in
from xacct.access_audit.map_svg import map_svg
from xacct.access_audit.table import headline, number
from xacct.access_audit.way import witness_data

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["html_report"]

MOST_BYTES = 2_000_000
"""The most bytes of a page."""

# How much of the room for findings is for rows as they are, for packed rows, and for the lines that replace those.
_ROWS, _PACKED, _LINES = 0.22, 0.48, 0.3
_MOST_NOTES = 100
_MOST_ACCOUNTS = 1_000
_ROWS_OF_A_PACK = 25
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")
_LIST_OF_ONE = re.compile(r"\[\s+([^\n\[\]{}]*)\n\s*\]")
# For the end of a line and its part of a heading.
_BYTES_OF_A_LINE = 8


@frozen
class _Section:
    """A list of findings of the page.

    Attributes:
        name: ``open``, ``accepted`` or ``quiet``.
        title: the heading.
        about: what the findings of the list have in common.
        findings: all of its findings.
        rows: those that are rows of the page.
        packed: the findings that are packed.
    """

    name: str
    title: str
    about: str
    findings: Sequence[Finding]
    rows: list[str] = field(factory=list)
    packed: list[Finding] = field(factory=list)

    @property
    def total(self) -> int:
        return len(self.findings)

    @property
    def left_out(self) -> int:
        return self.total - len(self.rows) - len(self.packed)

    def lines(self) -> Mapping[str, Sequence[str]]:
        """Return a line for each finding that is packed, by kind: what a browser without scripts shows."""
        lines: dict[str, list[str]] = defaultdict(list)
        for finding in self.packed:
            lines[f"{finding.severity}: {FINDING_KINDS[finding.kind].title}"].append(_line(finding))
        return lines


def _line(finding: Finding) -> str:
    return f"{finding.resource} ← {finding.principal}" if finding.principal else finding.resource


def html_report(report: ReportContents, *, most: int = MOST_BYTES) -> str:
    """Return a report as a page.

    Args:
        report: the report.
        most: the most bytes of the page, in UTF-8. What is left out to keep to it is said.

    Raises:
        ImportError: jinja2 is not installed.
    """
    environment = _environment()
    sections = [
        _Section("open", "Findings", "", report.findings),
        _Section("accepted", "Accepted", "The baseline accepts these findings.", report.accepted),
        _Section(
            "quiet", "Expected", "They are about roles that AWS made, such as service-linked roles.", report.quiet
        ),
    ]
    values = {
        **_assets(),
        **_summary(report),
        "report": report,
        "headline": headline(report),
        "sections": [section for section in sections if section.total or section.name == "open"],
        "version": __version__,
    }
    page = environment.get_template("report.html.j2")
    room = most - len(page.render(values, packed="").encode())
    packed = _fill(sections, _row_renderer(environment, report), room)
    return page.render(values, packed=packed)


def _environment() -> Environment:
    try:
        import jinja2
    except ImportError as error:
        raise ImportError(
            "to_html() requires jinja2, which is not installed: pip install 'xacct[report]'", name="jinja2"
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("xacct.access_audit"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        finalize=_visible,
    )
    environment.globals["number"] = number
    return environment


def _visible(value: object) -> object:
    """Return a text with its unseen characters as escapes: they could turn a name around, or cannot be encoded."""
    if type(value) is not str:
        return value
    return _UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), value)


def _fill(sections: Iterable[_Section], row_of: Callable[[Finding], str], room: int) -> str:
    """Fill the sections with as many findings as fit into a number of bytes, and return those that are packed."""
    pack = _Pack(int(room * _PACKED))
    row_room, line_room = room * _ROWS, room * _LINES
    findings = [(section, finding) for section in sections for finding in section.findings]
    start = 0
    for section, finding in findings:
        row = row_of(finding)
        row_room -= len(row.encode())
        if row_room < 0:
            break
        section.rows.append(row)
        start += 1
    for index in range(start, len(findings), _ROWS_OF_A_PACK):
        part = findings[index : index + _ROWS_OF_A_PACK]
        line_room -= sum(len(escape(_line(finding)).encode()) + _BYTES_OF_A_LINE for _, finding in part)
        if line_room < 0 or not pack.add(_packed_lines(part, row_of)):
            break
        for section, finding in part:
            section.packed.append(finding)
    return pack.text()


def _packed_lines(part: Iterable[tuple[_Section, Finding]], row_of: Callable[[Finding], str]) -> bytes:
    lines = [
        json.dumps(
            [section.name, f"f-{finding.id}", finding.severity, finding.kind, finding.account, row_of(finding)],
            ensure_ascii=False,
        )
        for section, finding in part
    ]
    return "".join(f"{line}\n" for line in lines).encode()


class _Pack:
    """Bytes that are compressed as they come, up to a size."""

    def __init__(self, most: int) -> None:
        # wbits: with the header of gzip.
        self._compressor = zlib.compressobj(level=9, wbits=31)
        self._data = b""
        # Base64 makes four characters of three bytes.
        self._most = most * 3 // 4

    def add(self, data: bytes) -> bool:
        """Add data if it fits, and return whether it did."""
        compressor = self._compressor.copy()
        compressed = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
        if len(self._data) + len(compressed) > self._most:
            return False
        self._compressor = compressor
        self._data += compressed
        return True

    def text(self) -> str:
        """Return what was added as base64, after which nothing can be added; empty if nothing was."""
        return base64.b64encode(self._data + self._compressor.flush()).decode("ascii") if self._data else ""


def _row_renderer(environment: Environment, report: ReportContents) -> Callable[[Finding], str]:
    from markupsafe import Markup

    template = environment.get_template("finding.html.j2")
    accepted = report.baseline.by_id
    accepted_ids = {finding.id for finding in report.accepted}

    def row_of(finding: Finding) -> str:
        about, finding_id = FINDING_KINDS[finding.kind], finding.id
        return Markup(  # noqa: S704  # the template has escaped it
            template.render(
                f=finding,
                id=finding_id,
                title=about.title,
                who=_who(finding),
                who_of=_account_of(finding),
                what=_short(finding.resource),
                source=about.source,
                account_name=report.accounts.get(finding.account, ""),
                accepted=accepted.get(finding_id) if finding_id in accepted_ids else None,
                fix=None if finding.fix.statement is None else _indented(finding.fix.statement),
                statements=[(str(source), _text_indented(source.text)) for source in finding.statements],
                witness=None if finding.witness is None else _indented(witness_data(finding.witness)),
            )
        )

    return row_of


def _who(finding: Finding) -> str:
    is_account = finding.principal.isdigit() and finding.principal_name
    return finding.principal_name if is_account else _short(finding.principal)


def _account_of(finding: Finding) -> str:
    """Return the account of the principal, if it is another one and not shown already."""
    account = account_in(finding.principal)
    shown = account == finding.account or (account == finding.principal and not finding.principal_name)
    return "" if shown else account


def _short(arn: str) -> str:
    """Return an ARN without what is the same in all ARNs of its kind, such as ``role/Reader``."""
    if not arn.startswith("arn:") or arn.count(":") < 5:
        return arn
    service, resource = arn.split(":", 5)[2:6:3]
    if service != "iam":
        return f"{service}:{resource}"
    return resource.removeprefix("oidc-provider/")


def _text_indented(text: str) -> str:
    try:
        return _indented(json.loads(text))
    except ValueError:
        return text


def _indented(value: object) -> str:
    """Return a value as JSON with a member a line, and lists of one item on theirs."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _LIST_OF_ONE.sub(r"[\1]", text)


def _assets() -> dict[str, object]:
    """Return the style and the script of the page, and their hashes for its content security policy."""
    from markupsafe import Markup

    folder = resources.files("xacct.access_audit") / "templates"
    assets: dict[str, object] = {}
    for name, file in (("style", "report.css"), ("script", "report.js")):
        text = (folder / file).read_text("utf-8")
        assets[name] = Markup(text)  # noqa: S704  # a file of this package
        assets[f"{name}_hash"] = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return assets


def _summary(report: ReportContents) -> dict[str, object]:
    """Return what the template needs for the summary and the map."""
    from markupsafe import Markup

    access_map = AccessMap.of(report)
    nodes = access_map.by_key
    count = Counter(finding.account for finding in report.findings)
    accounts = sorted(report.accounts.items(), key=lambda account: (-count[account[0]], account[0]))

    def node_name(key: str) -> str:
        return f"{nodes[key].title} ({nodes[key].subtitle})" if nodes[key].subtitle else nodes[key].title

    def left(items: Sequence[object], what: str) -> str:
        more = len(items) - _MOST_NOTES
        return Markup("<li>and {:,} more {}</li>").format(more, what) if more > 0 else ""

    return {
        "time": report.now.astimezone(timezone.utc).strftime("%d %B %Y, %H:%M UTC").lstrip("0"),
        "kinds": list(_kinds(report)),
        "all_kinds": sorted(
            {f.kind: FINDING_KINDS[f.kind].title for f in (*report.findings, *report.accepted, *report.quiet)}.items()
        ),
        "accepted": report.accepted,
        "accounts": [(account, name, count[account]) for account, name in accounts[:_MOST_ACCOUNTS]],
        "access_map": access_map,
        "columns": 1 + max((node.layer for node in access_map.nodes), default=0),
        "map_svg": Markup(map_svg(access_map)),  # noqa: S704  # it escapes what it draws
        "node_name": node_name,
        "left": left,
        "most_notes": _MOST_NOTES,
    }


def _kinds(report: ReportContents) -> Iterator[tuple[str, str, str, int, float]]:
    """Yield the kind, severity, title, number and share in percent of the findings, in their order."""
    counts: Counter[tuple[FindingKind, Severity]] = Counter((f.kind, f.severity) for f in report.findings)
    largest = max(counts.values(), default=1)
    for (kind, severity), count in counts.items():
        yield kind, severity, FINDING_KINDS[kind].title, count, round(100 * count / largest, 1)
