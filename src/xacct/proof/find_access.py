"""The search for access from outside of a zone of trust."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from attrs import evolve, field, frozen

from xacct.arn import Arn
from xacct.authz import AccessRequest, PolicySet
from xacct.errors import InvalidValue
from xacct.limits import ACCOUNT_ID, ORGANIZATION_ID
from xacct.policy import PolicyDocument, Statement
from xacct.proof.access_search import AccessSearch, Searched, search
from xacct.proof.callers import callers_of, name_patterns, stranger_accounts
from xacct.proof.pattern_classes import TooManyStates

__all__ = ["ANYTHING", "ZoneOfTrust", "account_ids_in", "find_access", "named_accounts", "named_organizations"]

# What the administrators of a caller's account can allow.
ANYTHING = PolicySet(identity=[PolicyDocument([Statement.allow("*", "*")])])


def _accounts(values: Iterable[str]) -> frozenset[str]:
    found = frozenset([values] if isinstance(values, str) else values)
    for value in found:
        if not ACCOUNT_ID.allows(value):
            raise InvalidValue("accounts", value, "an AWS account id is a string of exactly 12 digits")
    return found


def _organizations(values: Iterable[str]) -> frozenset[str]:
    found = frozenset([values] if isinstance(values, str) else values)
    for value in found:
        if not ORGANIZATION_ID.allows(value):
            raise InvalidValue("organizations", value, f"an organization id has {ORGANIZATION_ID}")
    return found


@frozen
class ZoneOfTrust:
    """The accounts and the organizations that may have access.

    Args:
        accounts: the ids of the accounts.
        organizations: the ids of the organizations, whose accounts all belong to the zone.

    Raises:
        InvalidValue: an id is not valid.

    >>> ZoneOfTrust(accounts=["111111111111"], organizations=["o-abcdefghij"])
    ZoneOfTrust(accounts=frozenset({'111111111111'}), organizations=frozenset({'o-abcdefghij'}))
    """

    accounts: frozenset[str] = field(factory=frozenset, converter=_accounts)
    organizations: frozenset[str] = field(factory=frozenset, converter=_organizations)

    def has(self, request: AccessRequest) -> bool:
        """Return whether the caller of a request belongs to the zone."""
        organizations = {*request.context.get("aws:principalorgid", ())}
        organizations |= {path.split("/")[0] for path in request.context.get("aws:principalorgpaths", ())}
        return request.caller.account in self.accounts or bool(self.organizations & organizations)


def find_access(
    policies: PolicySet, action: str, resource: str, *, outside: ZoneOfTrust, resource_account: str = ""
) -> AccessSearch:
    """Search for a request from outside of a zone of trust that policies allow.

    Requests are built of all callers and condition keys that the policies tell apart, and each is decided. A caller
    outside decides what AWS lets callers decide: what the request sends, when, from where and with which sign-in, and
    what its own account's administrators do. It cannot have what AWS assigns to others, such as their organization id.

    AWS services that the policies name, and users of identity providers, are not searched as callers. Users, networks
    and resources whose IDs the policies name are taken to be of the zone. Conditions with policy variables, and keys
    that others decide, can make the result undecided.

    Args:
        policies: the policies of the resource: its policy, and the resource control policies. The caller's own policies
            are taken to allow everything.
        action: one action, such as ``sts:AssumeRole``.
        resource: the resource's ARN.
        outside: the accounts and organizations that may have access, besides the resource's account.
        resource_account: the account that owns the resource. Required if the ARN does not contain it, as in S3.

    Returns:
        The search. Its ``witness`` is a request that is allowed, which :func:`xacct.evaluate` decides the same way. If
        it is None, nobody outside has access, unless ``undecided`` has reasons.

    Raises:
        InvalidValue: an argument does not have the required form.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/what-is-access-analyzer.html

    >>> from xacct import Condition, PolicyDocument, PolicySet, Principal, Statement
    >>> role, home = "arn:aws:iam::111111111111:role/Reader", ZoneOfTrust(accounts=["111111111111"])
    >>> anyone = Statement.allow("sts:AssumeRole", principals=[Principal.anyone()],
    ...     conditions=[Condition("StringLike", "aws:PrincipalOrgID", "o-*")])
    >>> found = find_access(PolicySet(resource=PolicyDocument([anyone])), "sts:AssumeRole", role, outside=home)
    >>> found.witness.principal, found.witness.context["aws:principalorgid"]
    ('arn:aws:iam::666666666666:user/a', ('o-aaaaaaaaaa',))
    """
    owner = AccessRequest(principal="*", action=action, resource=resource, resource_account=resource_account)
    zone = evolve(outside, accounts={*outside.accounts, *filter(None, [owner.resource_account])})
    try:
        searched = list(_searched(policies, owner, zone))
    except TooManyStates:
        return AccessSearch(
            witness=None, cases=0, undecided=("the policies tell too many callers apart to decide all",)
        )
    return search(
        ANYTHING.with_resource_side(policies),
        action,
        searched,
        granting="resource",
        is_wanted=lambda request: not zone.has(request),
    )


def _searched(policies: PolicySet, request: AccessRequest, zone: ZoneOfTrust) -> Iterator[Searched]:
    """Yield callers outside of the zone: those of accounts that the policies name, and strangers."""
    statements = [matcher.statement for layer in policies.layers for matcher in layer.statements]
    patterns = name_patterns(statements)
    partition = "aws" if request.resource == "*" else Arn.parse(request.resource).partition
    named = {account for statement in statements for account in named_accounts(statement)} - zone.accounts
    federated = request.service != "sts"
    target = Searched(principal="*", resource=request.resource, resource_account=request.resource_account)
    members = {name for s in statements for name in named_organizations(s)} - zone.organizations
    for account in stranger_accounts({*named, *zone.accounts}, partition, statements, patterns):
        for principal in callers_of(account, partition, patterns, federated=federated):
            yield evolve(target, principal=principal, stranger=True)
            if members:
                yield evolve(target, principal=principal, stranger=True, is_member=True)
    yield evolve(target, stranger=True)
    yield evolve(target, principal="any-service.amazonaws.com", stranger=True)
    sessions = {p.value for s in statements for p in (*s.principals, *s.not_principals) if ":sts:" in p.value}
    for principal in sorted(sessions):
        if principal.split(":")[4] not in zone.accounts:
            yield evolve(target, principal=principal)
    for account in sorted(named):
        for principal in callers_of(account, partition, patterns, federated=federated):
            yield evolve(target, principal=principal)


def account_ids_in(text: str) -> list[str]:
    """Return the account IDs in a text: each run of exactly 12 digits.

    >>> account_ids_in("arn:aws:iam::111111111111:role/Reader")
    ['111111111111']
    """
    return re.findall(r"(?<![0-9])[0-9]{12}(?![0-9])", text)


def named_accounts(statement: Statement) -> Iterator[str]:
    """Yield the accounts that a statement names: in principals, and in conditions on the caller."""
    for principal in (*statement.principals, *statement.not_principals):
        if principal.account_id:
            yield principal.account_id
    for condition in statement.conditions:
        if condition.key.lower() in ("aws:principalaccount", "aws:principalarn"):
            for value in condition.values:
                yield from account_ids_in(value)


def named_organizations(statement: Statement) -> Iterator[str]:
    """Yield the IDs of the organizations that conditions of a statement name."""
    for condition in statement.conditions:
        if condition.key.lower() in ("aws:principalorgid", "aws:principalorgpaths"):
            for value in condition.values:
                yield from re.findall(r"o-[a-z0-9]{10,32}", value)
