"""The audit: who from outside can get in, and which trusts lead nowhere."""

from xacct.access_audit.audit import audit
from xacct.access_audit.baseline import Acceptance, Baseline
from xacct.access_audit.finding import Finding, Fix
from xacct.access_audit.known_accounts import known_accounts_in_file
from xacct.access_audit.report import AuditReport, Edge
from xacct.access_audit.request_policies import policies_for
from xacct.access_audit.subject import KnownAccount
from xacct.access_audit.way import Hop, StatementSource, Way
from xacct.access_audit.ways import what_can, who_can

__all__ = [
    "Acceptance",
    "AuditReport",
    "Baseline",
    "Edge",
    "Finding",
    "Fix",
    "Hop",
    "KnownAccount",
    "StatementSource",
    "Way",
    "audit",
    "known_accounts_in_file",
    "policies_for",
    "what_can",
    "who_can",
]
