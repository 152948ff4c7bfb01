"""The part of an audit that looks at one account: its roles, with those of other accounts who could assume them.

A task has all that it needs, so that any executor can run it, in another process or on another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from attrs import evolve, frozen

from xacct.access_audit.checks.confused_deputy import confused_deputy
from xacct.access_audit.checks.expired import expired
from xacct.access_audit.checks.oidc import oidc_stranger, oidc_without_audience
from xacct.access_audit.checks.owners import owner_of
from xacct.access_audit.checks.saml import saml_without_audience
from xacct.access_audit.checks.self_lockout import self_lockout
from xacct.access_audit.checks.stale import stale_principal
from xacct.access_audit.checks.unused import unused_role
from xacct.access_audit.contents import Edge
from xacct.access_audit.dead_permission import RolePermission, dead_permissions
from xacct.access_audit.finding import Finding, NotDecided
from xacct.access_audit.hops import HopDecider
from xacct.access_audit.identities import Levels, document_of, identities_of
from xacct.access_audit.inner_hops import inner_hops
from xacct.access_audit.own_grants import GrantAnswers, examine_grant_of_role, examine_grants_of_user
from xacct.access_audit.policy_problems import policy_problems
from xacct.access_audit.request_policies import policies_with_levels
from xacct.access_audit.resource_access import examine_resource
from xacct.access_audit.role_trust import Candidate, examine_trust
from xacct.access_audit.subject import Subject, Surroundings
from xacct.access_audit.subjects import resource_subject, role_subject, why_unreadable
from xacct.access_audit.way import Hop
from xacct.authz import AccessRequest, PolicySet
from xacct.resources.ownership_tags import is_managed
from xacct.snapshot import ResourcePolicy, RoleDetail, Snapshot

__all__ = ["AccountResult", "AccountTask", "examine_account"]

# A trust that one of these findings is about leads nowhere for that reason.
_EXPLAINS_DEAD_TRUST = ("expired", "self-lockout")

Question = Callable[[Subject, Surroundings], Iterator[Finding | NotDecided]]

_CHECKS: tuple[Question, ...] = (
    oidc_stranger, oidc_without_audience, saml_without_audience, confused_deputy, stale_principal, expired, self_lockout
)  # fmt: skip

_RESOURCE_CHECKS: tuple[Question, ...] = (confused_deputy, stale_principal, expired, self_lockout)


@frozen(kw_only=True)
class AccountTask:
    """What the audit of an account needs.

    Attributes:
        snapshot: the account.
        candidates: the identities that could assume each role, by the role's ARN.
        permissions: the permissions of any account that name roles of this one.
        scps: the service control policies of the accounts of these identities.
        rcps: the resource control policies of the account.
        paths: the place of the account in the organization; None if the organization is not known.
        surroundings: what is known of the accounts.
        read: the accounts that were read.
    """

    snapshot: Snapshot
    candidates: Mapping[str, tuple[Candidate, ...]]
    permissions: tuple[RolePermission, ...]
    scps: Mapping[str, Levels]
    rcps: Levels
    paths: Mapping[str, str] | None
    surroundings: Surroundings
    read: frozenset[str]


@frozen(kw_only=True)
class AccountResult:
    """What the audit of an account, or of a part of it, found.

    Attributes:
        hops: who assumes the roles of the account.
        findings: the findings.
        edges: the ways in, for the map.
        undecided: what could not be read or decided, each with the reason.
    """

    hops: tuple[Hop, ...] = ()
    findings: tuple[Finding, ...] = ()
    edges: tuple[Edge, ...] = ()
    undecided: tuple[str, ...] = ()


def examine_account(task: AccountTask) -> AccountResult:
    """Examine the roles, the resources and the grants of an account."""
    decider = HopDecider(task.scps, task.surroundings.now)
    subjects = {role.arn: _subject_of(role, task) for role in task.snapshot.roles}
    parts = [_examine_role(role, subjects[role.arn], task, decider) for role in task.snapshot.roles]
    parts += (_examine_resource(resource, task, decider) for resource in task.snapshot.resources)
    parts += (AccountResult(findings=one.findings, undecided=one.undecided) for one in _grants(task))
    hops = [hop for part in parts for hop in part.hops]
    hops += list(inner_hops(task.snapshot, task.paths, subjects, hops, decider))
    allowed = {(hop.caller, hop.resource) for hop in hops}
    dead = dead_permissions(task.permissions, subjects, allowed, decider, task.surroundings)
    owners = {arn: subject.owner for arn, subject in subjects.items() if subject is not None}
    problems = policy_problems(task.snapshot, owners)
    undecided = (*task.snapshot.missing, *(text for part in parts for text in part.undecided))
    return AccountResult(
        hops=tuple(hops),
        findings=(*(finding for part in parts for finding in part.findings), *dead, *problems),
        edges=tuple(edge for part in parts for edge in part.edges),
        undecided=tuple(dict.fromkeys(undecided)),
    )


def _examine_role(role: RoleDetail, subject: Subject | None, task: AccountTask, decider: HopDecider) -> AccountResult:
    if subject is None:
        return AccountResult(undecided=(f"trust policy of {role.arn}: {why_unreadable(role.trust_policy, 'trust')}",))
    checked, undecided = _checked(_CHECKS, subject, task.surroundings)
    checked += unused_role(role, subject, task.surroundings)
    access = examine_trust(subject, task.candidates.get(role.arn, ()), decider, task.surroundings, task.read)
    explained = {finding.principal for finding in checked if finding.kind in _EXPLAINS_DEAD_TRUST}
    of_trust = (f for f in access.findings if f.kind != "dead-trust" or f.principal not in explained)
    return AccountResult(
        hops=access.hops,
        findings=(*checked, *of_trust),
        edges=(*access.edges, *_edges_of_providers(subject, checked)),
        undecided=(*undecided, *access.undecided),
    )


def _examine_resource(resource: ResourcePolicy, task: AccountTask, decider: HopDecider) -> AccountResult:
    document = document_of(resource.policy)
    if document is None:
        return AccountResult(undecided=(f"policy of {resource.arn}: {why_unreadable(resource.policy, 'resource')}",))
    subject = resource_subject(resource.arn, task.snapshot.account, document, rcps=task.rcps, paths=task.paths)
    checked, undecided = _checked(_RESOURCE_CHECKS, subject, task.surroundings)
    access = examine_resource(subject, decider, task.surroundings)
    return AccountResult(
        findings=(*checked, *access.findings), edges=access.edges, undecided=(*undecided, *access.undecided)
    )


def _checked(
    checks: Iterable[Question], subject: Subject, surroundings: Surroundings
) -> tuple[list[Finding], list[str]]:
    """Return the findings of some checks, and what they did not decide."""
    answers = [answer for check in checks for answer in check(subject, surroundings)]
    return (
        [answer for answer in answers if isinstance(answer, Finding)],
        [str(answer) for answer in answers if isinstance(answer, NotDecided)],
    )


def _edges_of_providers(subject: Subject, findings: Iterable[Finding]) -> Iterator[Edge]:
    """Yield a way in for each identity provider that a role trusts. What a provider signs is not known here."""
    open_to = {finding.principal: finding for finding in findings if finding.kind == "oidc-stranger"}
    trusted = (p.value for s in subject.allows for p in s.statement.principals if p.kind == "Federated")
    for provider in dict.fromkeys(trusted):
        finding = open_to.get(provider)
        yield Edge(
            source=provider,
            target=subject.arn,
            account=subject.account,
            state="half" if finding is None else "stranger",
            conditions=() if finding is None else finding.conditions,
            owner=subject.owner,
        )


def _subject_of(role: RoleDetail, task: AccountTask) -> Subject | None:
    trust = None if role.trust_policy is None else document_of(role.trust_policy)
    owner = owner_of(role, trust, task.surroundings)
    return role_subject(role, task.snapshot.account, rcps=task.rcps, paths=task.paths, owner=owner)


def _grants(task: AccountTask) -> Iterator[GrantAnswers]:
    """Examine what the grants of xacct have made in the account."""
    snapshot = task.snapshot

    def levels(account: str, layer: Literal["scp", "rcp"]) -> Levels:
        return task.scps.get(account, ()) if layer == "scp" else task.rcps

    def policies_of(request: AccessRequest) -> PolicySet:
        return policies_with_levels(request, [snapshot], levels)

    roles = {role.arn: role for role in snapshot.roles if is_managed(role.tags)}
    for identity in identities_of(evolve(snapshot, users=(), roles=tuple(roles.values())), task.paths) if roles else ():
        yield examine_grant_of_role(roles[identity.arn], identity, policies_of)
    for user in snapshot.users:
        yield examine_grants_of_user(user, snapshot.account)
