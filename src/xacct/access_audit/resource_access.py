"""Who from outside can do what with a resource, by its resource policy.

The policies are asked, and their text is not matched: for each class of actions that the statements treat alike, and
for each part of the resource that they tell apart, a request is searched that they allow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import evolve, frozen

from xacct.access_audit import resource_findings as report
from xacct.access_audit.checks.statement_requests import is_allowed
from xacct.access_audit.contents import Edge, EdgeState
from xacct.access_audit.finding import Finding
from xacct.access_audit.hops import HopDecider
from xacct.access_audit.outsiders import edge_to, organizations_of, strangers
from xacct.access_audit.resource_actions import ActionClass, action_classes, most_dangerous, parts_of
from xacct.access_audit.resource_findings import Opening
from xacct.access_audit.resource_statements import (
    KEYS_OF_ACCOUNTS,
    ResourceStatements,
    accounts_in,
)
from xacct.access_audit.subject import Subject, Surroundings
from xacct.access_audit.way import Hop
from xacct.authz import AccessRequest, PolicySet
from xacct.proof.access_search import Searched
from xacct.proof.callers import callers_of, name_patterns
from xacct.proof.find_access import ZoneOfTrust, named_organizations
from xacct.proof.pattern_classes import TooManyStates

__all__ = ["ResourceAccess", "examine_resource"]

_ANYBODY = "*"

# Searches for one resource. A policy of hundreds of statements needs as many.
_MOST_SEARCHES = 1_500
_TOO_MANY = "the policy tells too many callers, objects or condition keys apart to decide all"

Search = Callable[[str, str, PolicySet], "Hop | None"]
"""Returns how a caller does an action on a part of the resource under some policies; None if it cannot."""


@frozen(kw_only=True)
class ResourceAccess:
    """Who from outside has access to a resource.

    Attributes:
        findings: the findings.
        edges: the ways in, for the map.
        undecided: what could not be decided, each with the reason.
    """

    findings: tuple[Finding, ...] = ()
    edges: tuple[Edge, ...] = ()
    undecided: tuple[str, ...] = ()


def examine_resource(subject: Subject, decider: HopDecider, surroundings: Surroundings) -> ResourceAccess:
    """Decide who from outside has access to a resource by its policy, and report it.

    Principals of the resource's own account are not looked at, and neither are AWS services.

    Args:
        subject: the resource.
        decider: decides hops.
        surroundings: what is known of the accounts.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-resources.html
    """
    allows = [matcher.statement for matcher in subject.allows]
    accounts = {account for statement in allows for account in accounts_in(statement)} - {subject.account}
    is_open = any(_ANYBODY in matcher.names_of_callers for matcher in subject.allows)
    if not accounts and not is_open:
        return ResourceAccess()
    if is_open:
        # What is open to everybody can be denied to all but some accounts.
        denies = (matcher.statement for layer in subject.side.layers for matcher in layer.statements if matcher.denies)
        excepted = {account for statement in denies for account in accounts_in(evolve(statement, principals=()))}
        accounts |= excepted - {subject.account, *surroundings.own_accounts}
    examined = _Examined(subject, decider, surroundings)
    for statement in allows:
        if any(principal.kind == "CanonicalUser" for principal in statement.principals):
            examined.undecided["whose canonical user ID a statement names"] = None
    if is_open:
        own = {surroundings.organization_id} if surroundings.organization_id else set[str]()
        foreign = {one for statement in allows for one in named_organizations(statement)} - own
        zone = ZoneOfTrust({*surroundings.own_accounts, *accounts, subject.account}, own | foreign)
        examined.public(zone)
        for organization in sorted(foreign):
            examined.organization(organization, evolve(zone, organizations=zone.organizations - {organization}))
    for account in sorted(accounts):
        examined.account(account)
    return ResourceAccess(
        findings=tuple(examined.findings),
        edges=tuple(examined.edges),
        undecided=tuple(f"who has access to {subject.arn}: {text}" for text in examined.undecided),
    )


class _Examined:
    """What is found of one resource."""

    def __init__(self, subject: Subject, decider: HopDecider, surroundings: Surroundings) -> None:
        self._subject, self._decider, self._surroundings = subject, decider, surroundings
        self._statements = ResourceStatements(subject)
        self._classes = action_classes(subject, self._statements.all)
        self._searches = 0
        self._open_to_all: set[str] = set()
        self.findings: list[Finding] = []
        self.edges: list[Edge] = []
        self.undecided: dict[str, None] = {}

    def public(self, zone: ZoneOfTrust) -> None:
        """Examine whether everybody has access."""
        openings = self._openings_for_strangers(zone)
        if openings:
            self._add_edge(_ANYBODY, "stranger", openings)
            self.findings.append(report.public(self._subject, openings, self._surroundings))
            self._open_to_all = {str(action) for one in openings if one.hop.answer == "yes" for action in one.actions}

    def organization(self, organization: str, zone: ZoneOfTrust) -> None:
        """Examine whether the accounts of another organization have access."""
        openings = self._openings_for_strangers(zone, organization)
        if openings:
            self._add_edge(organization, "stranger", openings)
            self.findings.append(report.foreign_organization(self._subject, organization, openings))

    def account(self, account: str) -> None:
        """Examine whether an account that the policy names has access."""
        known_account = dict.fromkeys(self._statements.keys.intersection(KEYS_OF_ACCOUNTS), (account,))
        subject = evolve(self._subject, known={**self._subject.known, **known_account})
        places = self._statements.of_account(account)
        openings = self._openings(account, places, self._search_for_account(account, subject), subject)
        if not openings:
            return
        is_own = account in self._surroundings.own_accounts
        is_known = is_own or account in self._surroundings.known_accounts
        self._add_edge(account, "half" if is_known else "stranger", openings)
        more = [one for one in map(self._without_public, openings) if one.actions]
        if more and not is_own:
            self.findings.append(report.external(subject, account, more, self._surroundings))

    def _without_public(self, opening: Opening) -> Opening:
        actions = tuple(action for action in opening.actions if str(action) not in self._open_to_all)
        return evolve(opening, actions=actions)

    def _openings_for_strangers(self, zone: ZoneOfTrust, organization: str = "") -> list[Opening]:
        def search(action: str, resource: str, side: PolicySet) -> Hop | None:
            if self._statements.are_too_many(side):
                return _not_decided(_ANYBODY, action, resource)
            return strangers(evolve(self._subject, side=side), action, resource, self._decider, zone)

        places = self._statements.of_strangers(organization)
        return self._openings("a stranger", places, search, self._subject)

    def _search_for_account(self, account: str, subject: Subject) -> Search:
        def search(action: str, resource: str, side: PolicySet) -> Hop | None:
            statements = [matcher.statement for layer in side.layers for matcher in layer.statements]
            principals = (p.value for s in statements for p in (*s.principals, *s.not_principals))
            named = [value for value in principals if value.startswith("arn:") and value.split(":")[4] == account]
            named = [value for value in named if not value.endswith(":root")]
            # Most policies treat these like the others, so that the others need not be found.
            usual = [f"arn:{subject.partition}:iam::{account}:user/any-user", *named[:1]]
            target = Searched(principal=_ANYBODY, resource=resource, resource_account=subject.account)
            fewer = evolve(subject, side=side)
            given = organizations_of(account, statements, self._surroundings)
            if self._statements.are_too_many(side):
                return self._try(action, fewer, [evolve(target, principal=one, known=given[0]) for one in named])
            hop = None
            for are_all in (False, True):
                callers = usual
                if are_all:
                    callers = callers_of(account, subject.partition, name_patterns(statements), federated=True)
                    callers += (value for value in named if ":sts:" in value)
                for known in given:
                    searched = [evolve(target, principal=caller, known=known) for caller in callers]
                    hop = self._decider.of_anybody(searched, fewer, action, account) or hop
                    if hop is not None and hop.witness is not None:
                        return hop
            return hop

        return search

    def _try(self, action: str, subject: Subject, callers: Iterable[Searched]) -> Hop:
        """Return how the first of some callers does an action that needs nothing else; not decided if none can."""
        for one in callers:
            request = evolve(one, known={**subject.known, **one.known}).request(action, {})
            if is_allowed(request, subject):
                return self._decider.of_witness(request, subject, one.principal)
        return _not_decided(_ANYBODY, action, subject.arn)

    def _openings(self, who: str, places: frozenset[int], search: Search, subject: Subject) -> list[Opening]:
        """Return the actions that a caller can do, with a request that is allowed for each class of them."""
        classes: dict[tuple[frozenset[int], bool], ActionClass] = {}
        for one in self._classes:
            covering = one.statements & places
            if self._statements.have_allow(covering):
                present = classes.get((covering, one.is_for_objects))
                actions = (*present.actions, *one.actions) if present is not None else one.actions
                classes[covering, one.is_for_objects] = ActionClass(actions, covering, one.is_for_objects)
        openings = []
        for of_class in classes.values():
            witness = self._first_witness(who, of_class, search)
            # The search had fewer statements than the policy has.
            if witness is not None and is_allowed(witness, subject):
                caller = who if witness.caller.account == who else _ANYBODY
                openings.append(Opening(of_class.actions, self._decider.of_witness(witness, subject, caller)))
        return openings

    def _first_witness(self, who: str, of_class: ActionClass, search: Search) -> AccessRequest | None:
        """Return a request for one of the actions that is allowed."""
        action = str(most_dangerous(of_class.actions))
        doubts: list[str] = []
        try:
            for resource in parts_of(self._subject, of_class, self._statements.all):
                target = Searched(principal=_ANYBODY, resource=resource, resource_account=self._subject.account)
                places = self._statements.of_resource(target.request(action, {}), of_class.statements)
                if not self._statements.have_allow(places):
                    continue
                if self._searches >= _MOST_SEARCHES:
                    raise TooManyStates
                self._searches += 1
                hop = search(action, resource, self._statements.only(places, who))
                if hop is not None and hop.witness is not None:
                    return hop.witness
                doubts += hop.undecided if hop is not None else ()
        except TooManyStates:
            doubts.append(_TOO_MANY)
        self._doubt(who, doubts)
        return None

    def _doubt(self, who: str, reasons: Iterable[str]) -> None:
        self.undecided.update(dict.fromkeys(f"{who}: {reason}" for reason in reasons))

    def _add_edge(self, source: str, state: EdgeState, openings: Sequence[Opening]) -> None:
        hops = [one.hop for one in openings]
        self.edges.append(edge_to(self._subject, source, state, hops, self._surroundings))


def _not_decided(caller: str, action: str, resource: str) -> Hop:
    return Hop(caller=caller, action=action, resource=resource, answer="depends", undecided=(_TOO_MANY,))
