"""Whom a TrustGrant intends to let in: its principals, under its conditions, as its fields say.

This is written without the trust policy that is made of the fields, so that the proof compares two things.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from datetime import datetime

from xacct.arn import account_in
from xacct.authz import AccessRequest
from xacct.authz.operators import compile_condition
from xacct.authz.principal_names import name_and_grade
from xacct.authz.wildcard import glob
from xacct.grants import TrustGrant
from xacct.limits import ACCOUNT_ID
from xacct.policy import Condition, Principal

__all__ = ["is_intended", "is_outside", "pinned_accounts", "pinned_organizations"]


def is_outside(grant: TrustGrant, request: AccessRequest) -> bool:
    """Return whether a request to assume the role is none that the grant intends to allow."""
    return not any(is_intended(grant, principal, request) for principal in grant.principals)


def is_intended(grant: TrustGrant, principal: Principal, request: AccessRequest) -> bool:
    """Return whether the grant intends to allow a request to assume the role, because it trusts a principal."""
    if not _is_trusted(grant, principal, request):
        return False
    # A service meets no condition but the expiry.
    return all(_expiry(grant, request) if principal.kind == "Service" else _requirements(grant, request))


def pinned_organizations(grant: TrustGrant) -> set[str]:
    """Return the IDs of the organizations that the grant trusts."""
    found = {value for principal in grant.principals for value in _pinned(principal, "aws:principalorgid")}
    return found | ({grant.organization_id} if grant.organization_id is not None else set())


def pinned_accounts(grant: TrustGrant) -> set[str]:
    """Return the accounts that only conditions of principals name."""
    named = {value for principal in grant.principals for value in _pinned(principal, "aws:principalaccount")}
    arns = {value for principal in grant.principals for value in _pinned(principal, "aws:principalarn")}
    # The account of a pattern can have wildcards.
    accounts = map(account_in, arns)
    return {account for account in (*named, *accounts) if ACCOUNT_ID.allows(account)}


def _pinned(principal: Principal, key: str) -> Iterator[str]:
    """Yield the values that a condition of a principal requires exactly, of a key that AWS assigns."""
    for condition in principal.conditions:
        if condition.key.lower() == key and condition.operator.lower() in _EXACT:
            yield from condition.values


_EXACT = ("stringequals", "arnequals", "arnlike")


def _is_trusted(grant: TrustGrant, principal: Principal, request: AccessRequest) -> bool:
    name, _ = name_and_grade(principal)
    if principal.is_anyone:
        if not _is_pinned_member(grant, principal, request):
            return False
    elif name not in request.caller.names:
        return False
    return all(_is_met(condition, request) for condition in principal.conditions)


def _is_pinned_member(grant: TrustGrant, principal: Principal, request: AccessRequest) -> bool:
    """Return whether a caller belongs to an organization or an account that the grant names for everybody."""
    organizations = {*_pinned(principal, "aws:principalorgid"), *filter(None, [grant.organization_id])}
    member = bool(organizations & {*request.context.get("aws:principalorgid", ())})
    return member or request.caller.account in pinned_accounts(grant)


def _is_met(condition: Condition, request: AccessRequest) -> bool:
    return bool(compile_condition(condition, "2012-10-17").evaluate(request.context))


def _expiry(grant: TrustGrant, request: AccessRequest) -> Iterator[bool]:
    if grant.expires is not None:
        times = request.context.get("aws:currenttime", ())
        yield bool(times) and all(datetime.fromisoformat(time.replace("Z", "+00:00")) < grant.expires for time in times)


def _requirements(grant: TrustGrant, request: AccessRequest) -> Iterator[bool]:
    """Yield for each condition of the grant whether a request meets it."""
    yield from _expiry(grant, request)
    context = request.context

    def has(key: str, values: Iterable[str]) -> bool:
        return bool({*context.get(key, ())} & {*values})

    def is_like(key: str, patterns: Iterable[str]) -> bool:
        return any(glob(pattern)(value) for value in context.get(key, ()) for pattern in patterns)

    if grant.external_id is not None:
        yield has("sts:externalid", [grant.external_id])
    if grant.needs_mfa:
        yield has("aws:multifactorauthpresent", ["true"])
    if grant.mfa_max_age is not None:
        ages = context.get("aws:multifactorauthage", ())
        yield bool(ages) and all(float(age) < grant.mfa_max_age for age in ages)
    if grant.organization_id is not None:
        yield has("aws:principalorgid", [grant.organization_id])
    if grant.source_ips:
        networks = [ipaddress.ip_network(ip) for ip in grant.source_ips]
        addresses = [ipaddress.ip_address(ip) for ip in context.get("aws:sourceip", ())]
        yield any(address in network for address in addresses for network in networks)
    for key, patterns in grant.session_tags.items():
        yield is_like(f"aws:requesttag/{key.lower()}", patterns)
    if grant.source_identity:
        yield is_like("sts:sourceidentity", grant.source_identity)
