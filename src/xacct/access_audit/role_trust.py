"""The trust of a role, joined with the policies of those whom it trusts: who gets in, and which trust leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from attrs import frozen

from xacct.access_audit import trust_findings as report
from xacct.access_audit.finding import Finding, FindingKind
from xacct.access_audit.hops import HopDecider
from xacct.access_audit.identities import Identity
from xacct.access_audit.outsiders import anybody_of_account, edge_to, organizations_of, strangers
from xacct.access_audit.permissions import ASSUME_ROLE, AssumePermissions
from xacct.access_audit.report import Edge, EdgeState
from xacct.access_audit.subject import Subject, Surroundings
from xacct.access_audit.way import Hop
from xacct.arn import account_in
from xacct.authz.operators import CompiledCondition
from xacct.authz.principal_names import name_and_grade
from xacct.authz.statement_matcher import StatementMatcher
from xacct.limits import ACCOUNT_ID
from xacct.policy import Principal
from xacct.proof.access_search import Searched
from xacct.proof.find_access import ZoneOfTrust, named_accounts, named_organizations

__all__ = ["Candidate", "RoleAccess", "candidates_of", "examine_trust"]

_ANYBODY = "*"


@frozen(eq=False)
class Candidate:
    """An identity that could assume a role.

    Attributes:
        name: the name in `Caller.names` by which the trust policy means it.
        identity: the identity.
        caller: the ARN with which it calls: its own, or that of a session that the trust policy names.
    """

    name: str
    identity: Identity
    caller: str


@frozen(kw_only=True)
class RoleAccess:
    """Who can assume a role, and what the audit says of it.

    Attributes:
        hops: how identities that were read assume it, and accounts that were not.
        findings: the findings.
        edges: the ways in, for the map.
        undecided: what could not be decided, each with the reason.
    """

    hops: tuple[Hop, ...] = ()
    findings: tuple[Finding, ...] = ()
    edges: tuple[Edge, ...] = ()
    undecided: tuple[str, ...] = ()


def candidates_of(
    subject: Subject,
    permissions: AssumePermissions,
    *,
    same_account: bool = False,
    only: Identity | None = None,
) -> list[Candidate]:
    """Return the identities that could assume a role: both its trust policy and a policy of their own could allow it.

    Args:
        subject: the role.
        permissions: the identities.
        same_account: whether to return identities of the role's own account too that the trust policy does not name.
        only: the identity that is looked for; None for all.
    """
    found: dict[tuple[str, str], Candidate] = {}
    for name, principal in _trusted(subject).items():
        if name != _ANYBODY and not principal.is_account:
            session = principal.value if ":sts:" in principal.value else ""
            named = permissions.named(_role_of_session(session) if session else name)
            if named is not None and only in (None, named):
                found[name, named.arn] = Candidate(name, named, session or named.arn)
            continue
        accounts = _accounts_of_anybody(subject) if name == _ANYBODY else {principal.account_id or ""}
        if only is not None and only.account not in (accounts or {only.account}):
            continue
        identities = [
            identity for account in sorted(accounts or {""}) for identity in permissions.permitted(subject.arn, account)
        ]
        if name != _ANYBODY:
            identities += permissions.unread(principal.account_id or "")
        if same_account and name == _ANYBODY:
            # Within one account, a trust of everybody is sufficient without an identity policy.
            identities += permissions.of_account(subject.account)
        for identity in identities:
            is_other = identity.account != subject.account or (same_account and identity.arn != subject.arn)
            if is_other and only in (None, identity):
                found[name, identity.arn] = Candidate(name, identity, identity.arn)
    return list(found.values())


def _accounts_of_anybody(subject: Subject) -> set[str]:
    """Return the accounts to which conditions limit a trust of everybody; empty if they do not."""
    found: set[str] = set()
    for statement in _assume_statements(subject):
        if "*" in statement.names_of_callers:
            pinned = next((one for condition in statement.conditions if (one := _pinned_accounts(condition))), None)
            if pinned is None:
                return set()
            found |= pinned
    return found


def _pinned_accounts(condition: CompiledCondition) -> set[str]:
    """Return the accounts one of which a caller must belong to, to meet a condition; empty if it names none."""
    if condition.key not in ("aws:principalaccount", "aws:principalarn"):
        return set()
    if not condition.is_plain or condition.negated or condition.met_without_key:
        return set()
    accounts = [value if ":" not in value else account_in(value) for value in condition.condition.values]
    return {*accounts} if all(map(ACCOUNT_ID.allows, accounts)) else set()


def _role_of_session(arn: str) -> str:
    _, _, _, _, account, session = arn.split(":", 5)
    return f"role:{account}/{session.split('/')[1]}"


def _trusted(subject: Subject) -> dict[str, Principal]:
    """Return whom the trust policy lets assume the role, by the name in `Caller.names`."""
    found: dict[str, Principal] = {}
    for statement in _assume_statements(subject):
        if not statement.statement.principals:
            found[_ANYBODY] = Principal.anyone()
        for principal in statement.statement.principals:
            if principal.kind == "AWS":
                found[name_and_grade(principal)[0]] = principal
    return found


def _assume_statements(subject: Subject) -> Iterator[StatementMatcher]:
    return (statement for statement in subject.allows if statement.matches_action(ASSUME_ROLE.lower()))


def examine_trust(
    subject: Subject,
    candidates: Sequence[Candidate],
    decider: HopDecider,
    surroundings: Surroundings,
    read: frozenset[str],
) -> RoleAccess:
    """Decide who can assume a role, and report what its trust policy does that it should not.

    Args:
        subject: the role.
        candidates: the identities that could assume it.
        decider: decides hops.
        surroundings: what is known of the accounts.
        read: the accounts that were read.
    """
    trusted = _trusted(subject)
    if not trusted:
        return RoleAccess()
    hops: dict[str, list[Hop]] = {name: [] for name in trusted}
    for candidate in candidates:
        hop = decider.of_identity(candidate.identity, subject, ASSUME_ROLE, caller=candidate.caller)
        if hop is not None:
            hops[candidate.name].append(hop)
    examined = _Examined(subject, candidates, decider, surroundings, read)
    for name, principal in trusted.items():
        if name == _ANYBODY:
            examined.anybody(hops[name])
        elif principal.account_id is not None:
            exists = principal.is_account or name in {candidate.name for candidate in candidates}
            examined.principal(principal, principal.account_id, hops[name], exists=exists)
    return RoleAccess(
        hops=(*(hop for found in hops.values() for hop in found), *examined.hops),
        findings=tuple(examined.findings),
        edges=tuple(examined.edges),
        undecided=tuple(examined.undecided),
    )


class _Examined:
    """What is found of one role."""

    def __init__(
        self,
        subject: Subject,
        candidates: Sequence[Candidate],
        decider: HopDecider,
        surroundings: Surroundings,
        read: frozenset[str],
    ) -> None:
        self._subject, self._candidates, self._read = subject, candidates, read
        self._decider, self._surroundings = decider, surroundings
        self._statements = [statement.statement for statement in _assume_statements(subject)]
        self.hops: list[Hop] = []
        self.findings: list[Finding] = []
        self.edges: list[Edge] = []
        self.undecided: list[str] = []

    def principal(self, principal: Principal, account: str, hops: Sequence[Hop], *, exists: bool) -> None:
        """Examine the trust of an account, or of a user, a role or a session of it."""
        subject, own = self._subject, self._surroundings.own_accounts
        if account == subject.account:
            if not principal.is_account and not hops:
                self._add_dead_trust(principal, exists=exists)
        elif account in self._read:
            self._of_account_that_was_read(principal, account, hops, exists=exists)
        elif (hop := self._of_anybody_in(principal, account)) is None:
            self._add_dead_trust(principal)
        elif account in own:
            self.hops.append(hop)
            self._add_edge(account, "half", [hop])
            if principal.is_account and self._trusts_whole_account(account):
                self.findings.append(report.whole_account(subject, account, hop, None, self._surroundings))
        else:
            self._of_outsider(principal, account, hop)

    def _of_account_that_was_read(
        self, principal: Principal, account: str, hops: Sequence[Hop], *, exists: bool
    ) -> None:
        subject = self._subject
        if not hops:
            self._add_edge(account, "half", [])
            self._add_dead_trust(principal, exists=exists)
            return
        self._add_edge(account, "decided" if any(hop.witness for hop in hops) else "half", hops)
        if principal.is_account and self._trusts_whole_account(account):
            self.findings.append(report.whole_account(subject, account, hops[0], hops, self._surroundings))

    def _of_outsider(self, principal: Principal, account: str, hop: Hop) -> None:
        subject, surroundings = self._subject, self._surroundings
        self.hops.append(hop)
        is_unknown = account not in surroundings.known_accounts
        self._add_edge(account, "stranger" if is_unknown else "half", [hop])
        kind: FindingKind = "root-of-unknown-account" if is_unknown and principal.is_account else "external-account"
        self._once(report.external(subject, kind, account, principal, hop, surroundings))
        if report.is_of_aws(account, surroundings):
            return
        without = self._of_anybody_in(principal, account, known={"sts:externalid": ()})
        if without is not None and without.witness is not None:
            self._once(report.without_external_id(subject, account, without, surroundings))

    def anybody(self, hops: Sequence[Hop]) -> None:
        """Examine a trust of everybody, as far as conditions let them in."""
        subject, surroundings = self._subject, self._surroundings
        by_account: dict[str, list[Hop]] = {}
        for hop in hops:
            by_account.setdefault(hop.caller.split(":")[4], []).append(hop)
        named = {account for statement in self._statements for account in named_accounts(statement)}
        for account, found in by_account.items():
            self._add_edge(account, "decided", found)
            if account in named and self._trusts_whole_account(account):
                self.findings.append(report.whole_account(subject, account, found[0], found, surroundings))
        organizations = {surroundings.organization_id} if surroundings.organization_id else set[str]()
        # An account that a statement names for another action is no stranger, and is not let in for that.
        mentioned = {account for matcher in subject.allows for account in named_accounts(matcher.statement)}
        own = {*surroundings.own_accounts}
        foreign = {one for statement in self._statements for one in named_organizations(statement)} - organizations
        everybody = self._strangers(ZoneOfTrust(own | mentioned, organizations | foreign))
        if everybody is not None and everybody.witness is not None:
            self._add_edge(_ANYBODY, "stranger", [everybody])
            self.findings.append(report.public(subject, everybody))
            return
        if everybody is not None:
            self.undecided += [f"whether a stranger can assume {subject.arn}: {why}" for why in everybody.undecided]
        for account in sorted(named - own):
            principal = Principal.account(account, subject.partition)
            if (outsider := self._of_anybody_in(principal, account)) is not None:
                self._of_outsider(principal, account, outsider)
        for organization in sorted(foreign):
            member = self._strangers(ZoneOfTrust(own | mentioned, (organizations | foreign) - {organization}))
            if member is not None and member.witness is not None:
                self._add_edge(organization, "stranger", [member])
                self.findings.append(report.foreign_organization(subject, organization, member))

    def _strangers(self, zone: ZoneOfTrust) -> Hop | None:
        hop = strangers(self._subject, ASSUME_ROLE, self._subject.arn, self._decider, zone)
        # A service is the last that is tried: no account gets in, and that one uses a role of another account through a
        # service is another question.
        return None if hop is not None and hop.witness is not None and hop.witness.caller.kind == "service" else hop

    def _of_anybody_in(
        self,
        principal: Principal,
        account: str,
        known: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
        decider: HopDecider | None = None,
    ) -> Hop | None:
        """Return how a principal that was not read assumes the role, if its account's administrators allow it."""
        subject, decider, hop = self._subject, decider or self._decider, None
        statements = (matcher.statement for layer in subject.side.layers for matcher in layer.statements)
        for organization in organizations_of(account, statements, self._surroundings):
            given = {**organization, **known}
            if principal.is_account:
                found = anybody_of_account(account, subject, ASSUME_ROLE, subject.arn, decider, given)
            else:
                found = decider.of_anybody([self._searched(principal.value, given)], subject, ASSUME_ROLE, account)
            hop = found or hop
            if hop is not None and hop.witness is not None:
                break
        return hop

    def _trusts_whole_account(self, account: str) -> bool:
        """Return whether a principal of an account that no condition names can assume the role."""
        fresh = f"arn:{self._subject.partition}:iam::{account}:user/any-user-{self._subject.account}"
        searched = self._searched(fresh, {"aws:userid": ("AIDAANYUSEROFTHEACCOUNT",)})
        return self._decider.of_anybody([searched], self._subject, ASSUME_ROLE, account) is not None

    def _searched(self, caller: str, known: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> Searched:
        arn, account = self._subject.arn, self._subject.account
        return Searched(principal=caller, resource=arn, resource_account=account, known=known)

    def _add_dead_trust(self, principal: Principal, *, exists: bool = True) -> None:
        account = principal.account_id or ""
        if self._begins_later(principal, account):
            return
        subject, witness = self._subject, None
        if principal.is_account:
            anybody = f"arn:{subject.partition}:iam::{account}:user/any-user"
            witness = self._decider.request_of_anybody(anybody, subject, ASSUME_ROLE)
        elif exists:
            witness = self._decider.request_of_anybody(principal.value, subject, ASSUME_ROLE)
            for one in self._candidates_of(principal):
                witness = self._decider.request_of(one.identity, subject, ASSUME_ROLE, one.caller)
        self._once(report.dead_trust(subject, principal, self._surroundings, witness))

    def _begins_later(self, principal: Principal, account: str) -> bool:
        """Return whether somebody can use a trust at a time to come that conditions name."""
        subject, decider = self._subject, self._decider
        if account in self._read:
            named = self._candidates_of(principal)
            return any(decider.begins_later(one.identity, subject, ASSUME_ROLE, one.caller) for one in named)
        times = decider.later(subject.side)
        return any(self._of_anybody_in(principal, account, decider=time) is not None for time in times)

    def _candidates_of(self, principal: Principal) -> Iterator[Candidate]:
        name = name_and_grade(principal)[0]
        return (one for one in self._candidates if one.name == name)

    def _add_edge(self, source: str, state: EdgeState, hops: Sequence[Hop]) -> None:
        self.edges.append(edge_to(self._subject, source, state, hops, self._surroundings))

    def _once(self, finding: Finding) -> None:
        if all(finding.id != other.id for other in self.findings):
            self.findings.append(finding)
