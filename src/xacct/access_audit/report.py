"""The report of an audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from xacct.access_audit.access_map import AccessMap
from xacct.access_audit.baseline import Baseline
from xacct.access_audit.contents import Edge, EdgeState, ReportContents, worst_first
from xacct.access_audit.html_report import html_report
from xacct.access_audit.map_text import dot, mermaid
from xacct.access_audit.markdown import markdown
from xacct.access_audit.report_data import read_report, report_data
from xacct.access_audit.sarif import sarif_log
from xacct.access_audit.table import headline, html_table, rich_table, text_table

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["AuditReport", "Edge", "EdgeState", "worst_first"]


@frozen(kw_only=True)
class AuditReport(ReportContents):
    """What an audit found. Prints as a table.

    Attributes:
        findings: the findings, the worst first.
        quiet: the findings about roles that AWS made, such as service-linked roles, which are expected.
        accepted: the findings that a baseline accepts.
        accounts: the names of the accounts that were audited, by ID; an empty name if it is not known.
        edges: the ways in, for the map.
        undecided: what could not be read or decided, each with the reason.
        roles: the number of roles that were audited.
        now: the time of the audit.
        baseline: the baseline that was applied.

    >>> import json
    >>> from datetime import date
    >>> from xacct import AuditReport, Baseline, Snapshot
    >>> from xacct.access_audit import audit
    >>> trust = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "464622532012"}}}
    >>> report = audit(Snapshot.from_authorization_details({"RoleDetailList": [
    ...     {"Arn": "arn:aws:iam::111111111111:role/Monitoring", "AssumeRolePolicyDocument": trust}]}))
    >>> report
    <AuditReport: 2 findings (1 high, 1 low) in 1 account and 1 role>
    >>> report.by_severity["high"]
    1
    >>> saved = json.dumps(report.to_dict())
    >>> later = AuditReport.from_dict(json.loads(saved))
    >>> later.with_baseline(Baseline.of(report, "The contract ends in March", date(2099, 3, 31)))
    <AuditReport: 0 findings in 1 account and 1 role>
    """

    def __str__(self) -> str:
        return text_table(self)

    def __repr__(self) -> str:
        return f"<AuditReport: {headline(self)}>"

    def _repr_html_(self) -> str:
        return html_table(self)

    def __rich__(self) -> Table:
        return rich_table(self)

    def with_baseline(self, baseline: Baseline) -> AuditReport:
        """Return the report with the findings that a baseline accepts moved to ``accepted``.

        A finding whose acceptance has ended stays in ``findings``: see ``expired_acceptances``. Another baseline that
        was applied before has no effect any more.

        Args:
            baseline: the accepted findings.
        """
        accepted_ids = {a.id for a in baseline.accepted if not a.has_expired(self.now)}
        every = worst_first((*self.findings, *self.accepted))
        return evolve(
            self,
            findings=tuple(finding for finding in every if finding.id not in accepted_ids),
            accepted=tuple(finding for finding in every if finding.id in accepted_ids),
            baseline=baseline,
        )

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain data that JSON can express. Each finding also has its ``id``."""
        return report_data(self)

    def to_sarif(self) -> dict[str, object]:
        """Return the report in SARIF 2.1.0, for GitHub code scanning and other tools, as values that JSON can express.

        It has a rule for each kind, and a result for each finding; accepted findings are suppressed. The findings about
        roles that AWS made are left out. GitHub reads at most 25,000 results, and shows 5,000.

        The location of a result is its ARN. GitHub needs the path of a file too: it is made of the ARN, such as
        ``aws/111111111111/role/Reader``, and there is no such file.

        Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
        """
        return sarif_log(self)

    def to_markdown(self) -> str:
        """Return the report as Markdown for a comment on a pull request on GitHub.

        It has at most 65,536 characters, and says how many findings do not fit.
        """
        return markdown(self)

    def to_html(self) -> str:
        """Return the report as one page of HTML, with a map of who gets in. Requires the extra ``xacct[report]``.

        The page loads nothing from elsewhere, and has at most 2 MB: if there are more findings, it says how many are
        left out. Everything from the accounts is escaped.

        Raises:
            ImportError: jinja2 is not installed.
        """
        return html_report(self)

    def to_dot(self) -> str:
        """Return the map of who gets in, in the language DOT of Graphviz.

        Accounts, roles and resources of the same shape are one node, as far as that is needed to keep it legible.

        Source: https://graphviz.org/doc/info/lang.html
        """
        return dot(AccessMap.of(self))

    def to_mermaid(self) -> str:
        """Return the map of who gets in as a Mermaid flowchart, which GitHub and GitLab draw in Markdown.

        Accounts, roles and resources of the same shape are one node, as far as that is needed to keep it legible.

        Source: https://mermaid.js.org/syntax/flowchart.html
        """
        return mermaid(AccessMap.of(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> AuditReport:
        """Return a report that was saved, to compare or to render it.

        Args:
            data: the dictionary of :meth:`to_dict`.

        Raises:
            InvalidValue: the data is not that of a report, or the ID of a finding is not the one of its kind, resource
                and principal.
        """
        return read_report(cls, data)
