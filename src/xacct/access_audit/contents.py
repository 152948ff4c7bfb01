"""What a report of an audit has in it: the findings, the ways in, and what was accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from attrs import field, frozen

from xacct.access_audit.baseline import Acceptance, Baseline
from xacct.access_audit.finding import FINDING_KINDS, SEVERITIES, Finding, FindingKind, Severity
from xacct.errors import InvalidValue

__all__ = ["Edge", "EdgeState", "ReportContents", "worst_first"]

EdgeState = Literal["decided", "half", "stranger"]
"""``decided``: both sides allow it. ``half``: only one side allows it, or only one was read. ``stranger``: it is open
to somebody whom no policy names."""


@frozen(kw_only=True)
class Edge:
    """A way in, for the map: who gets to which role or resource.

    Attributes:
        source: an account ID, a principal's ARN, a service, an identity provider, or ``*``.
        source_name: the name of the source's account, if it is known.
        target: the ARN of the role or the resource.
        account: the account that has the target.
        state: whether both sides were decided.
        conditions: what it depends on, by operator and key.
        owner: who made the target, such as ``service-linked role``, if such ways are expected; else empty.
    """

    source: str
    source_name: str = ""
    target: str
    account: str
    state: EdgeState
    conditions: tuple[str, ...] = ()
    owner: str = ""


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order of a report: the worst first, then by kind, account, resource and principal."""
    return tuple(
        sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.kind, f.account, f.resource, f.principal, f.id))
    )


@frozen(kw_only=True)
class ReportContents:
    """The fields of :class:`~xacct.access_audit.report.AuditReport`, which describes them, for those that render it."""

    findings: tuple[Finding, ...]
    quiet: tuple[Finding, ...] = ()
    accepted: tuple[Finding, ...] = ()
    accounts: Mapping[str, str]
    edges: tuple[Edge, ...] = ()
    undecided: tuple[str, ...] = ()
    roles: int = 0
    now: datetime
    baseline: Baseline = field(factory=Baseline)

    @property
    def by_severity(self) -> Mapping[Severity, int]:
        """The number of findings of each severity, the worst first. Those that were accepted do not count."""
        count = Counter(finding.severity for finding in self.findings)
        return {severity: count[severity] for severity in SEVERITIES}

    @property
    def by_kind(self) -> Mapping[FindingKind, int]:
        """The number of findings of each kind that has some, the most first. Those that were accepted do not count."""
        count: Counter[FindingKind] = Counter(finding.kind for finding in self.findings)
        return dict(count.most_common())

    def findings_of(self, *names: str) -> tuple[Finding, ...]:
        """Return the findings of some kinds or severities, for example to decide whether a pipeline fails.

        Args:
            names: kinds, such as ``public``; or severities, such as ``high``, which stands for itself and the worse
                ones.

        Raises:
            InvalidValue: a name is neither a kind nor a severity.

        >>> from xacct import Snapshot
        >>> from xacct.access_audit import audit
        >>> report = audit(Snapshot(account="111111111111"))
        >>> report.findings_of("high", "confused-deputy")
        ()
        """
        for name in names:
            if name not in FINDING_KINDS and name not in SEVERITIES:
                rule = f"a severity ({', '.join(SEVERITIES)}) or a kind of finding ({', '.join(FINDING_KINDS)})"
                raise InvalidValue("names", name, rule)
        least = max((SEVERITIES.index(name) for name in SEVERITIES if name in names), default=-1)
        return tuple(
            finding for finding in self.findings if finding.kind in names or SEVERITIES.index(finding.severity) <= least
        )

    @property
    def expired_acceptances(self) -> tuple[Acceptance, ...]:
        """The acceptances of the baseline that have ended although the finding is still there."""
        open_ids = {finding.id for finding in self.findings}
        return tuple(a for a in self.baseline.accepted if a.id in open_ids and a.has_expired(self.now))

    @property
    def unmatched_acceptances(self) -> tuple[Acceptance, ...]:
        """The acceptances of the baseline for which there is no finding any more. They can be removed from it."""
        ids = {finding.id for finding in (*self.findings, *self.accepted, *self.quiet)}
        return tuple(acceptance for acceptance in self.baseline.accepted if acceptance.id not in ids)
