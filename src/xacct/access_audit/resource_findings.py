"""The findings about who has access to a resource: their texts and fixes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from ipaddress import ip_network

from attrs import frozen

from xacct.access_audit.finding import SEVERITIES, Finding, FindingKind, Fix, Severity
from xacct.access_audit.resource_actions import LEVELS, examples_by_level, level_of, most_dangerous
from xacct.access_audit.subject import Subject, Surroundings
from xacct.access_audit.way import Hop
from xacct.policy import Statement
from xacct.reference import Action

__all__ = ["Opening", "external", "foreign_organization", "public"]

_BLOCK_PUBLIC_ACCESS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"


@frozen
class Opening:
    """Actions that somebody can do.

    Attributes:
        actions: the actions, which the policies treat alike.
        hop: how one of them is done.
    """

    actions: tuple[Action, ...]
    hop: Hop


def public(subject: Subject, openings: Sequence[Opening], surroundings: Surroundings) -> Finding:
    """Report that somebody whom the resource policy does not name has access."""
    member = (
        f"require aws:PrincipalOrgID to be {surroundings.organization_id}"
        if surroundings.organization_id
        else "require aws:PrincipalOrgID"
    )
    blocked = (
        f" S3 Block Public Access was not read: turn it on ({_BLOCK_PUBLIC_ACCESS})." if subject.service == "s3" else ""
    )
    worst = min(openings, key=lambda one: (SEVERITIES.index(_public_severity(one)), *_rank(one)))
    return _finding(
        "public",
        subject,
        "*",
        openings,
        worst=worst,
        severity=_public_severity(worst),
        who="Anybody" if not _has_narrow_networks(worst.hop) else "Anybody in some networks",
        fix=Fix(text=f"Name the accounts that need access as principals, or {member}.{blocked}"),
    )


def external(subject: Subject, account: str, openings: Sequence[Opening], surroundings: Surroundings) -> Finding:
    """Report that an account outside of the organization has access."""
    known = surroundings.known_accounts.get(account)
    severity: Severity = "medium" if known is None else "info" if known.kind == "aws" else "low"
    whose = f" of {known.name}" if known is not None else ", whose owner is not known,"
    return _finding(
        "external-account",
        subject,
        account,
        openings,
        name=surroundings.name_of(account),
        severity=severity,
        who=f"Account {account}{whose} is outside of the zone of trust and",
        fix=Fix(
            text=f"If nobody needs it, remove account {account} from the resource policy; if it is yours or a "
            "vendor's, add it to the known accounts."
        ),
    )


def foreign_organization(subject: Subject, organization: str, openings: Sequence[Opening]) -> Finding:
    """Report that the accounts of another organization have access."""
    return _finding(
        "external-account",
        subject,
        organization,
        openings,
        severity="medium",
        who=f"An account of the organization {organization}, which is not this one,",
        fix=Fix(text="Name the accounts of that organization that need access, or remove the statement."),
    )


def _finding(
    kind: FindingKind,
    subject: Subject,
    principal: str,
    openings: Sequence[Opening],
    *,
    severity: Severity,
    who: str,
    fix: Fix,
    worst: Opening | None = None,
    name: str = "",
) -> Finding:
    first = worst or min(openings, key=_rank)
    statements = dict.fromkeys(source for one in (first, *openings) for source in one.hop.statements)
    return Finding(
        kind=kind,
        severity=severity,
        account=subject.account,
        resource=subject.arn,
        principal=principal,
        principal_name=name,
        answer=first.hop.answer,
        conditions=first.hop.conditions,
        statements=tuple(statements),
        witness=first.hop.witness,
        why=f"{who} has access to {subject.arn}: {_levels(openings)}. {_needs(first.hop)}",
        fix=fix,
        owner=subject.owner,
    )


def _rank(opening: Opening) -> tuple[int, int]:
    return LEVELS.index(level_of(most_dangerous(opening.actions))), len(opening.hop.conditions)


def _levels(openings: Iterable[Opening]) -> str:
    """Return the access levels that are open, each with an action, such as ``Write (s3:PutObject)``."""
    actions = [action for one in openings for action in one.actions]
    return ", ".join(f"{level} ({action})" for level, action in examples_by_level(actions).items())


def _needs(hop: Hop) -> str:
    if not hop.conditions:
        return f"{hop.action} needs nothing else."
    return f"{hop.action} depends on what the request has: {', '.join(hop.conditions)}."


def _public_severity(opening: Opening) -> Severity:
    if _has_narrow_networks(opening.hop):
        return "medium"
    return "high" if most_dangerous(opening.actions).only_reads else "critical"


def _has_narrow_networks(hop: Hop) -> bool:
    """Return whether a statement lets in callers of some networks only. As for S3, a wide network is no limit.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
    """
    if "IpAddress aws:SourceIp" not in hop.conditions:
        return False
    conditions = (c for source in hop.statements for c in Statement.parse(json.loads(source.text)).conditions)
    networks = [
        ip_network(value, strict=False)
        for condition in conditions
        if (condition.operator.lower(), condition.key.lower()) == ("ipaddress", "aws:sourceip")
        for value in condition.values
    ]
    return all(network.prefixlen >= (8 if network.version == 4 else 32) for network in networks)
