"""The part of an audit that looks at one account: its roles, with those of other accounts who could assume them.

A task has all that it needs, so that any executor can run it, in another process or on another machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from attrs import evolve, frozen

from xacct.audit.checks.confused_deputy import confused_deputy
from xacct.audit.checks.expired import expired
from xacct.audit.checks.oidc import oidc_stranger, oidc_without_audience
from xacct.audit.checks.owners import owner_of
from xacct.audit.checks.saml import saml_without_audience
from xacct.audit.checks.self_lockout import self_lockout
from xacct.audit.checks.stale import stale_principal
from xacct.audit.checks.unused import unused_role
from xacct.audit.contents import Edge
from xacct.audit.dead_permission import RolePermission, dead_permissions
from xacct.audit.finding import Finding, NotDecided
from xacct.audit.hops import HopDecider
from xacct.audit.identities import Levels, document_of, identities_of
from xacct.audit.inner_hops import inner_hops
from xacct.audit.own_grants import GrantAnswers, examine_grant_of_role, examine_grants_of_user
from xacct.audit.request_policies import policies_with_levels
from xacct.audit.resource_access import examine_resource
from xacct.audit.role_trust import Candidate, examine_trust
from xacct.audit.subject import Subject, Surroundings
from xacct.audit.subjects import resource_subject, role_subject, why_unreadable
from xacct.audit.way import Hop
from xacct.authz import AccessRequest, PolicySet
from xacct.resources.ownership_tags import is_managed
from xacct.snapshot import RoleDetail, Snapshot

__all__ = ["AccountResult", "AccountTask", "examine_account"]

# A trust that one of these findings is about leads nowhere for that reason.
_EXPLAINS_DEAD_TRUST = ("expired", "self-lockout")

_CHECKS = (
    oidc_stranger, oidc_without_audience, saml_without_audience, confused_deputy, stale_principal, expired, self_lockout
)  # fmt: skip

_RESOURCE_CHECKS = (confused_deputy, stale_principal, expired, self_lockout)


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
    """What the audit of an account found.

    Attributes:
        hops: who assumes the roles of the account.
        findings: the findings.
        edges: the ways in, for the map.
        undecided: what could not be read or decided, each with the reason.
    """

    hops: tuple[Hop, ...]
    findings: tuple[Finding, ...]
    edges: tuple[Edge, ...]
    undecided: tuple[str, ...]


def examine_account(task: AccountTask) -> AccountResult:
    """Examine the roles of an account."""
    decider = HopDecider(task.scps, task.surroundings.now)
    hops: list[Hop] = []
    findings: list[Finding] = []
    edges: list[Edge] = []
    undecided: list[str] = list(task.snapshot.missing)
    subjects: dict[str, Subject | None] = {}
    for role in task.snapshot.roles:
        subject = subjects[role.arn] = _subject_of(role, task)
        if subject is None:
            undecided.append(f"trust policy of {role.arn}: {why_unreadable(role.trust_policy, 'trust')}")
            continue
        answers = [answer for check in _CHECKS for answer in check(subject, task.surroundings)]
        checked = [answer for answer in answers if isinstance(answer, Finding)]
        undecided += (str(answer) for answer in answers if isinstance(answer, NotDecided))
        checked += unused_role(role, subject, task.surroundings)
        access = examine_trust(subject, task.candidates.get(role.arn, ()), decider, task.surroundings, task.read)
        explained = {finding.principal for finding in checked if finding.kind in _EXPLAINS_DEAD_TRUST}
        findings += checked
        findings += (f for f in access.findings if f.kind != "dead-trust" or f.principal not in explained)
        hops += access.hops
        edges += access.edges
        undecided += access.undecided
    for resource in task.snapshot.resources:
        document = document_of(resource.policy)
        if document is None:
            undecided.append(f"policy of {resource.arn}: {why_unreadable(resource.policy, 'resource')}")
            continue
        subject = resource_subject(resource.arn, task.snapshot.account, document, rcps=task.rcps, paths=task.paths)
        answers = [answer for check in _RESOURCE_CHECKS for answer in check(subject, task.surroundings)]
        findings += (answer for answer in answers if isinstance(answer, Finding))
        undecided += (str(answer) for answer in answers if isinstance(answer, NotDecided))
        to_resource = examine_resource(subject, decider, task.surroundings)
        findings += to_resource.findings
        edges += to_resource.edges
        undecided += to_resource.undecided
    for answers_of_grant in _grants(task):
        findings += answers_of_grant.findings
        undecided += answers_of_grant.undecided
    hops += list(inner_hops(task.snapshot, task.paths, subjects, hops, decider))
    allowed = {(hop.caller, hop.resource) for hop in hops}
    findings += dead_permissions(task.permissions, subjects, allowed, decider, task.surroundings)
    return AccountResult(
        hops=tuple(hops), findings=tuple(findings), edges=tuple(edges), undecided=tuple(dict.fromkeys(undecided))
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
