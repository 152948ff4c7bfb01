"""Reports that look like those of real organizations, made without an audit: what is rendered is tested with them."""

from __future__ import annotations

import json
import random
from datetime import datetime, timezone
from functools import cache

from xacct.access_audit.finding import FINDING_KINDS, Finding, FindingKind, Fix
from xacct.access_audit.report import AuditReport, Edge, EdgeState, worst_first
from xacct.access_audit.way import StatementSource
from xacct.authz import AccessRequest

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=timezone.utc)

VENDORS = {
    "464622532012": "Datadog",
    "834469178297": "Wiz",
    "755346113904": "Snyk",
    "253537822066": "Vantage",
    "630579617199": "Orca Security",
}
SERVICE_ROLES = {
    "AWSServiceRoleForOrganizations": "organizations.amazonaws.com",
    "AWSServiceRoleForRDS": "rds.amazonaws.com",
}
EXTERNAL_ID = "StringEquals sts:ExternalId"
MFA = "Bool aws:MultiFactorAuthPresent"
YOUR_EXTERNAL_ID: dict[str, object] = {"StringEquals": {"sts:ExternalId": "<your ID>"}}
GITHUB = "token.actions.githubusercontent.com"

# How many of the accounts have a finding of a kind that is no way in.
SHARES: dict[FindingKind, float] = {
    "unused-role": 0.9,
    "dead-trust": 0.5,
    "dead-permission": 0.4,
    "transitive": 0.1,
    "stale-principal": 0.15,
    "confused-deputy": 0.2,
    "self-lockout": 0.03,
    "expired": 0.1,
    "drift": 0.05,
    "more-than-read": 0.02,
}


def account_ids(count: int) -> list[str]:
    """Return the IDs of the accounts of a generated report."""
    return [f"{100_000_000_000 + 7_919 * index:012d}" for index in range(count)]


def trust_statement(principal: str, *, condition: dict[str, object] | None = None) -> str:
    kind = "Service" if principal.endswith(".amazonaws.com") else "Federated" if "oidc" in principal else "AWS"
    statement: dict[str, object] = {"Effect": "Allow", "Principal": {kind: principal}, "Action": "sts:AssumeRole"}
    return json.dumps(statement | ({"Condition": condition} if condition else {}))


def make_finding(
    kind: FindingKind,
    account: str,
    role: str,
    principal: str,
    *,
    name: str = "",
    conditions: tuple[str, ...] = (),
    owner: str = "",
    detail: str = "",
) -> Finding:
    """Return a finding about a role with both sides' statements, a witness and a fix."""
    resource = role if role.startswith("arn:") else f"arn:aws:iam::{account}:role/{role}"
    about = FINDING_KINDS[kind]
    text = trust_statement(principal)
    statements = [
        StatementSource(account=account, owner=resource, policy="trust policy", index=0, sid="", text=text),
    ]
    if len(principal) == 12 and principal.isdigit():
        allow = json.dumps({"Sid": "Assume", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": resource})
        owner_arn = f"arn:aws:iam::{principal}:role/deploy"
        statements.append(
            StatementSource(
                account=principal, owner=owner_arn, policy="assume-others", index=1, sid="Assume", text=allow
            )
        )
    caller = f"arn:aws:iam::{principal}:role/anybody" if principal.isdigit() else principal
    no_request = kind in ("unused-role", "drift", "stale-principal", "policy-problem")
    return Finding(
        kind=kind,
        severity=about.severity,
        account=account,
        resource=resource,
        principal=principal,
        principal_name=name,
        answer="depends" if conditions else "yes",
        conditions=conditions,
        statements=tuple(statements),
        witness=None if no_request else AccessRequest(
            principal=caller, action="sts:AssumeRole", resource=resource, resource_account=account,
            context={"aws:PrincipalOrgID": "o-stranger00"},
        ),
        why=f"The trust policy of {resource} allows {name or principal} to assume the role. {about.title}.",
        fix=Fix(
            text="Replace the statement of the trust policy by one that names the principals that need the role.",
            statement=json.loads(trust_statement(principal, condition=YOUR_EXTERNAL_ID)),
        ),
        owner=owner,
        detail=detail,
    )  # fmt: skip


def edge_of(finding: Finding, state: EdgeState) -> Edge:
    return Edge(
        source=finding.principal, source_name=finding.principal_name, target=finding.resource, account=finding.account,
        state=state, conditions=finding.conditions, owner=finding.owner,
    )  # fmt: skip


@cache
def make_report(accounts: int, *, seed: int = 1) -> AuditReport:
    """Return a report of an organization: roles that every account has, vendors, pipelines, and some mistakes.

    Args:
        accounts: the number of accounts; about five findings each, if there are many.
        seed: of what is chosen at random.
    """
    chance = random.Random(seed)
    ids = account_ids(accounts)
    management, security = ids[0], ids[1]
    findings: list[Finding] = []
    quiet: list[Finding] = []
    edges: list[Edge] = []

    def add(finding: Finding, state: EdgeState | None) -> None:
        (quiet if finding.owner else findings).append(finding)
        if state is not None:
            edges.append(edge_of(finding, state))

    def way(
        source: str, account: str, role: str, state: EdgeState = "decided", *conditions: str, name: str = ""
    ) -> None:
        target = role if role.startswith("arn:") else f"arn:aws:iam::{account}:role/{role}"
        edges.append(
            Edge(source=source, source_name=name, target=target, account=account, state=state, conditions=conditions)
        )

    vendors = list(VENDORS)
    for index, account in enumerate(ids):
        if account != management:
            way(management, account, "OrganizationAccountAccessRole", name="Management")
        if account not in (security, management):
            way(f"arn:aws:iam::{security}:role/Auditor", account, "SecurityAudit", "decided", MFA, name="Security")
        for role, service in SERVICE_ROLES.items():
            add(make_finding("confused-deputy", account, f"aws-service-role/{service}/{role}", service,
                             owner="service-linked role"), "decided")  # fmt: skip
        vendor = vendors[index % len(vendors)] if index % 3 else vendors[0]
        secure = chance.random() < 0.7
        kind: FindingKind = "external-account" if secure else "third-party-without-external-id"
        add(make_finding(kind, account, f"{VENDORS[vendor].split()[0]}IntegrationRole", vendor, name=VENDORS[vendor],
                         conditions=(EXTERNAL_ID,) if secure else ()), "half")  # fmt: skip
        if chance.random() < 0.25 or index == 0:
            provider = f"arn:aws:iam::{account}:oidc-provider/{GITHUB}"
            stranger = chance.random() < 0.3 or index == 0
            if stranger:
                add(make_finding("oidc-stranger", account, "github-deploy", provider), "stranger")
            else:
                way(provider, account, "github-deploy", "half", f"StringLike {GITHUB}:sub")
            if index % 4 == 0:
                way(f"arn:aws:iam::{account}:role/github-deploy", account, f"arn:aws:s3:::artifacts-{account}")
        if chance.random() < 0.5:
            other = chance.choice(ids)
            if other != account:
                add(make_finding("whole-account", account, f"team-{chance.choice('abcdef')}-reader", other), "decided")
        if chance.random() < 0.06 or index == 1:
            stranger_account = f"{900_000_000_000 + chance.randrange(40):012d}"
            add(make_finding("root-of-unknown-account", account, "legacy-partner", stranger_account), "half")
        if chance.random() < 0.04 or index == 1:
            bucket = f"arn:aws:s3:::public-site-{account}"
            add(make_finding("public", account, bucket, "*"), "stranger")
        for kind, share in SHARES.items():
            if chance.random() < share:
                principal = "events.amazonaws.com" if kind == "confused-deputy" else chance.choice(ids)
                role = f"{chance.choice(('app', 'batch', 'etl', 'web'))}-{chance.randrange(100)}"
                add(make_finding(kind, account, role, principal), None)
    undecided = [
        f"arn:aws:s3:::backup-{account}: the bucket policy was not read: access denied" for account in ids[::9]
    ]
    names = {account: f"{chance.choice(('prod', 'dev', 'staging'))}-{index}" for index, account in enumerate(ids)}
    return AuditReport(
        findings=worst_first(findings),
        quiet=worst_first(quiet),
        accounts=names | {management: "Management", security: "Security"},
        edges=tuple(edges),
        undecided=tuple(undecided),
        roles=50 * accounts,
        now=NOW,
    )
