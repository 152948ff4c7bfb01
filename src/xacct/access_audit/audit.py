"""audit: who from outside can get in, and which trusts and permissions lead nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from datetime import datetime, timezone
from itertools import islice
from typing import cast

from xacct.access_audit.account_task import AccountResult, AccountTask, examine_account
from xacct.access_audit.dead_permission import RolePermission, role_permissions
from xacct.access_audit.identities import Levels, identities_of, levels_of, organization_paths
from xacct.access_audit.known_accounts import known_accounts as all_known_accounts
from xacct.access_audit.permissions import AssumePermissions
from xacct.access_audit.policy_problems import control_policy_problems
from xacct.access_audit.report import AuditReport, worst_first
from xacct.access_audit.role_trust import Candidate, candidates_of
from xacct.access_audit.subject import KnownAccount, Surroundings
from xacct.access_audit.subjects import role_subject
from xacct.access_audit.transitive import transitive_findings
from xacct.errors import InvalidValue
from xacct.progress_bar import Progress, account_progress
from xacct.snapshot import Organization, Snapshot

__all__ = ["account_tasks", "audit", "surroundings_of"]

# The accounts that an executor gets at a time.
_BATCH = 8


def audit(
    *snapshots: Snapshot,
    organization: Organization | None = None,
    known_accounts: Iterable[KnownAccount] | Mapping[str, str] | None = None,
    now: datetime | None = None,
    executor: Executor | None = None,
    progress: Progress | bool | None = None,
) -> AuditReport:
    """Find out who from outside can get into the roles and resources of some accounts, and what leads nowhere.

    Every finding is a question that :func:`xacct.evaluate` answers with the policies of both sides: of the role, and of
    whoever assumes it, as far as the snapshots have them; or of a resource whose policy they have. S3 Block Public
    Access is not in them, so a bucket that is reported as public may not be.

    Args:
        snapshots: the accounts. Several of one account are merged.
        organization: the organization: its accounts belong to the zone of trust, and its control policies apply.
            Without it, the accounts of the snapshots are the zone of trust.
        known_accounts: accounts whose owner you know, besides those that xacct knows: names by account ID for third
            parties, or KnownAccount values. One of the kind ``own`` belongs to the zone of trust.
        now: the time for which conditions on time are decided; by default the current time.
        executor: runs the accounts side by side, such as a ``ProcessPoolExecutor``; None for this process alone.
        progress: called in this thread after each account with the number of finished accounts, their total and the
            account's ID. True for a progress bar of the library rich, False for none, None for a bar if standard error
            is a terminal and rich is installed (``pip install 'xacct[progress]'``).

    Returns:
        The report.

    Raises:
        InvalidValue: there is no snapshot, or an account ID or the time is not valid.
        PolicyError: a control policy of the organization is not well formed.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html

    >>> import json
    >>> from xacct import Snapshot, audit
    >>> trust = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "464622532012"}}}
    >>> snapshot = Snapshot.from_authorization_details({"RoleDetailList": [
    ...     {"Arn": "arn:aws:iam::111111111111:role/Datadog", "AssumeRolePolicyDocument": trust}]})
    >>> for finding in audit(snapshot).findings:
    ...     print(finding.severity, finding.kind, finding.principal, finding.principal_name)
    high third-party-without-external-id 464622532012 Datadog
    low external-account 464622532012 Datadog
    """
    if not snapshots:
        raise InvalidValue("snapshots", "()", "give at least one snapshot, such as Snapshot.read(session)")
    if now is not None and now.tzinfo is None:
        raise InvalidValue("now", now, "a time with a time zone, such as datetime.now(timezone.utc)")
    merged: dict[str, Snapshot] = {}
    for snapshot in snapshots:
        present = merged.get(snapshot.account)
        merged[snapshot.account] = snapshot if present is None else present.merge(snapshot)
    accounts = [merged[account] for account in sorted(merged)]
    surroundings = surroundings_of(accounts, organization, known_accounts, now or datetime.now(timezone.utc))
    tasks = account_tasks(accounts, organization, surroundings)
    running = map(examine_account, tasks) if executor is None else _results(executor, tasks)
    results = []
    with account_progress(progress, len(accounts)) as report:
        for number, (account, result) in enumerate(zip(accounts, running), start=1):
            results.append(result)
            report(number, len(accounts), account.account)
    return _report(accounts, organization, surroundings, results)


def _results(executor: Executor, tasks: Iterable[AccountTask]) -> Iterator[AccountResult]:
    # Several accounts at a time, because what is known of all of them is sent with each. Not Executor.map: that of Dask
    # takes no iterator.
    remaining = iter(tasks)
    running = []
    while batch := list(islice(remaining, _BATCH)):
        running.append(executor.submit(_examine_accounts, batch))
    return (result for future in running for result in future.result())


def _examine_accounts(tasks: list[AccountTask]) -> list[AccountResult]:
    return [examine_account(task) for task in tasks]


def surroundings_of(
    accounts: list[Snapshot],
    organization: Organization | None,
    known: Iterable[KnownAccount] | Mapping[str, str] | None,
    now: datetime,
) -> Surroundings:
    """Return what is known of the accounts besides their policies."""
    if isinstance(known, Mapping):
        names = cast("Mapping[str, str]", known)
        known = [KnownAccount(id=account, name=name, kind="vendor") for account, name in names.items()]
    named = {one.id: one for one in known or ()}
    own = {snapshot.account: "" for snapshot in accounts}
    if organization is not None:
        own |= {organization.management_account: ""} if organization.management_account else {}
        own |= {one.id: one.name for one in organization.accounts}
    own |= {one.id: one.name for one in named.values() if one.kind == "own"}
    return Surroundings(
        organization_id=None if organization is None else organization.id,
        own_accounts=own,
        known_accounts={key: one for key, one in {**all_known_accounts(), **named}.items() if key not in own},
        now=now,
    )


def account_tasks(
    accounts: list[Snapshot], organization: Organization | None, surroundings: Surroundings
) -> Iterator[AccountTask]:
    """Yield the part of the audit of each account, with the identities of all accounts that could assume its roles."""
    paths = None if organization is None else organization_paths(organization)
    identities = [identity for snapshot in accounts for identity in identities_of(snapshot, paths)]
    permissions = AssumePermissions(identities)
    read = frozenset(snapshot.account for snapshot in accounts)
    by_account: dict[str, list[RolePermission]] = {account: [] for account in read}
    for identity in identities:
        for permission in role_permissions(identity):
            if permission.account in read:
                by_account[permission.account].append(permission)
    scps: dict[str, Levels] = {account: levels_of(organization, account, "scp") for account in read}
    for snapshot in accounts:
        candidates: dict[str, tuple[Candidate, ...]] = {}
        for role in snapshot.roles:
            subject = role_subject(role, snapshot.account)
            if subject is not None:
                candidates[role.arn] = tuple(candidates_of(subject, permissions))
        own_permissions = tuple(by_account[snapshot.account])
        callers = {snapshot.account}
        callers |= {one.identity.account for found in candidates.values() for one in found}
        callers |= {snapshot.account, *(permission.identity.account for permission in own_permissions)}
        yield AccountTask(
            snapshot=snapshot,
            candidates=candidates,
            permissions=own_permissions,
            scps={account: scps[account] for account in callers},
            rcps=levels_of(organization, snapshot.account, "rcp"),
            paths=None if paths is None else {k: v for k, v in paths.items() if k == snapshot.account},
            surroundings=surroundings,
            read=read,
        )


def _report(
    accounts: list[Snapshot],
    organization: Organization | None,
    surroundings: Surroundings,
    results: list[AccountResult],
) -> AuditReport:
    findings = [finding for result in results for finding in result.findings]
    owners = {edge.target: edge.owner for result in results for edge in result.edges if edge.owner}
    public = {finding.resource for finding in findings if finding.kind == "public"}
    findings += transitive_findings((hop for result in results for hop in result.hops), public, owners, surroundings)
    if organization is not None:
        findings += control_policy_problems(organization, accounts[0].partition)
    undecided = [*(organization.missing if organization is not None else ())]
    undecided += (text for result in results for text in result.undecided)
    return AuditReport(
        findings=worst_first(finding for finding in findings if not finding.owner),
        quiet=worst_first(finding for finding in findings if finding.owner),
        accounts={snapshot.account: surroundings.name_of(snapshot.account) for snapshot in accounts},
        edges=tuple(edge for result in results for edge in result.edges),
        undecided=tuple(dict.fromkeys(undecided)),
        roles=sum(len(snapshot.roles) for snapshot in accounts),
        now=surroundings.now,
    )
