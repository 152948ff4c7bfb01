"""The report of an audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from attrs import frozen

from xacct.audit.finding import Finding

__all__ = ["AuditReport", "Edge", "EdgeState"]

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


@frozen(kw_only=True)
class AuditReport:
    """What an audit found.

    Attributes:
        findings: the findings, the worst first.
        quiet: the findings about roles that AWS made, such as service-linked roles, which are expected.
        accepted: the findings that a baseline accepts.
        accounts: the names of the accounts that were audited, by ID; an empty name if it is not known.
        edges: the ways in, for the map.
        undecided: what could not be read or decided, each with the reason.
        roles: the number of roles that were audited.
        now: the time of the audit.
    """

    findings: tuple[Finding, ...]
    quiet: tuple[Finding, ...] = ()
    accepted: tuple[Finding, ...] = ()
    accounts: Mapping[str, str]
    edges: tuple[Edge, ...] = ()
    undecided: tuple[str, ...] = ()
    roles: int = 0
    now: datetime
