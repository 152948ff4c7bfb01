"""What was planted: the organization, and the findings that an audit of it has to report."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from attrs import frozen

from xacct.access_audit.subject import KnownAccount
from xacct.snapshot import Organization, Snapshot

__all__ = ["Planted", "Triple"]


class Triple(NamedTuple):
    """What identifies a finding here: its kind, the ARN of the resource, and the principal."""

    kind: str
    resource: str
    principal: str


@frozen
class Planted:
    """A generated organization, and what an audit of it has to find.

    Attributes:
        snapshots: the accounts that were read.
        organization: the organization, which has two accounts more.
        known_accounts: the accounts that the user knows.
        expected: the findings.
        quiet: the findings about roles that AWS made.
    """

    snapshots: tuple[Snapshot, ...]
    organization: Organization
    known_accounts: tuple[KnownAccount, ...]
    expected: Counter[Triple]
    quiet: Counter[Triple]
