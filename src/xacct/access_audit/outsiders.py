"""Outsiders: whom policies let in besides the users and roles that were read, an account or everybody at a time."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from attrs import evolve

from xacct.access_audit.contents import Edge, EdgeState
from xacct.access_audit.hops import HopDecider
from xacct.access_audit.subject import Subject, Surroundings
from xacct.access_audit.way import Hop
from xacct.policy import Statement
from xacct.proof.access_search import Searched
from xacct.proof.callers import callers_of, name_patterns
from xacct.proof.find_access import ZoneOfTrust, find_access, named_accounts, named_organizations
from xacct.proof.pattern_classes import TooManyStates

__all__ = ["anybody_of_account", "edge_to", "organizations_of", "outsiders_of", "strangers"]

_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_KEYS_OF_ORGANIZATIONS = ("aws:principalorgid", "aws:principalorgpaths")
_SOME_ORGANIZATION = "o-aaaaaaaaaa"


def outsiders_of(
    subject: Subject,
    action: str,
    resource: str,
    decider: HopDecider,
    read: Container[str],
    surroundings: Surroundings,
) -> Iterator[Hop]:
    """Yield how accounts that were not read, and strangers, do an action on a role or a resource.

    Args:
        subject: the role or resource.
        action: the action.
        resource: the resource's ARN, or that of a part of it.
        decider: decides hops.
        read: the accounts that were read.
        surroundings: what is known of the accounts.
    """
    statements = [s.statement for s in subject.allows if s.matches_action(action.lower())]
    accounts = {account for statement in statements for account in named_accounts(statement)} - {subject.account}
    for account in sorted(accounts):
        if account not in read:
            given = organizations_of(account, _statements(subject), surroundings)
            hops = [anybody_of_account(account, subject, action, resource, decider, one) for one in given]
            found = [hop for hop in hops if hop is not None]
            yield from sorted(found, key=lambda hop: hop.witness is None)[:1]
    foreign = {one for statement in statements for one in named_organizations(statement)}
    hop = strangers(subject, action, resource, decider, ZoneOfTrust(accounts, foreign))
    if hop is not None:
        yield hop


def anybody_of_account(
    account: str,
    subject: Subject,
    action: str,
    resource: str,
    decider: HopDecider,
    known: Mapping[str, tuple[str, ...]] = _NOTHING,
) -> Hop | None:
    """Return how a principal of an account does an action, if that account's administrators allow it.

    Args:
        account: the account.
        subject: the role or resource.
        action: the action.
        resource: the resource's ARN, or that of a part of it.
        decider: decides hops.
        known: condition keys whose values are not searched.

    Returns:
        None if nobody can. If the policies tell too many names apart, the hop says that it was not decided.
    """
    try:
        callers = callers_of(account, subject.partition, name_patterns(_statements(subject)))
    except TooManyStates:
        return _not_decided(account, action, resource)
    target = Searched(principal="*", resource=resource, resource_account=subject.account, known=known)
    return decider.of_anybody([evolve(target, principal=one) for one in callers], subject, action, account)


def edge_to(subject: Subject, source: str, state: EdgeState, hops: Sequence[Hop], surroundings: Surroundings) -> Edge:
    """Return a way in for the map, with the conditions on which all of its hops depend.

    Args:
        subject: the role or resource that it leads to.
        source: who gets in.
        state: whether both sides were decided.
        hops: how principals of the source get in; none if nobody does.
        surroundings: what is known of the accounts.
    """
    conditions = set.intersection(*({*hop.conditions} for hop in hops)) if hops else set()
    return Edge(
        source=source,
        source_name=surroundings.name_of(source),
        target=subject.arn,
        account=subject.account,
        state=state,
        conditions=tuple(sorted(conditions)),
        owner=subject.owner,
    )


def organizations_of(
    account: str, statements: Iterable[Statement], surroundings: Surroundings
) -> list[Mapping[str, tuple[str, ...]]]:
    """Return what requests of an account have of its organization, one for each that statements tell apart.

    An account outside of the organization never has that organization's ID. Nothing is said of other accounts.

    Args:
        account: the account.
        statements: the statements.
        surroundings: what is known of the accounts.
    """
    own, found = surroundings.organization_id, list(statements)
    keys = {condition.key.lower() for statement in found for condition in statement.conditions}
    if own is None or account in surroundings.own_accounts or keys.isdisjoint(_KEYS_OF_ORGANIZATIONS):
        return [_NOTHING]
    foreign = {one for statement in found for one in named_organizations(statement)} - {own}
    of_members = [
        {"aws:principalorgid": (one,), "aws:principalorgpaths": (f"{one}/r-aaaa/",)}
        for one in (_SOME_ORGANIZATION, *sorted(foreign))
    ]
    return [dict.fromkeys(_KEYS_OF_ORGANIZATIONS, ()), *of_members]


def strangers(subject: Subject, action: str, resource: str, decider: HopDecider, zone: ZoneOfTrust) -> Hop | None:
    """Return how somebody whom no policy names does an action; None if nobody can.

    Args:
        subject: the role or resource.
        action: the action.
        resource: the resource's ARN, or that of a part of it.
        decider: decides hops.
        zone: whom the policies name, and who is of the zone of trust.
    """
    if not any("*" in statement.names_of_callers for statement in subject.allows):
        return None
    found = find_access(subject.side, action, resource, outside=zone, resource_account=subject.account)
    if found.witness is not None:
        return decider.of_witness(found.witness, subject, "*")
    return evolve(_not_decided("*", action, resource), undecided=found.undecided) if found.undecided else None


def _statements(subject: Subject) -> Sequence[Statement]:
    return [matcher.statement for layer in subject.side.layers for matcher in layer.statements]


def _not_decided(caller: str, action: str, resource: str) -> Hop:
    return Hop(
        caller=caller,
        action=action,
        resource=resource,
        answer="depends",
        undecided=("the policies tell too many callers apart to decide all",),
    )
