"""The checks of sts:AssumeRole: what the trusted account's policy allows, and who can assume the role.

Whom a trust policy lets in is searched: no request of anybody outside the grant may be allowed, whatever that caller
sends, is, or waits for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from functools import partial

from attrs import evolve

from xacct.arn import Arn
from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.authz.principal_names import name_and_grade
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.policy import PolicyDocument, Principal, Statement
from xacct.policy.times import time_to_text
from xacct.proof.access_search import AccessSearch, Searched, search
from xacct.proof.callers import callers_of, name_patterns, stranger_accounts
from xacct.proof.decision_check import decision_check, search_check
from xacct.proof.intended_callers import is_intended, is_outside, pinned_accounts, pinned_organizations
from xacct.proof.pattern_classes import TooManyStates
from xacct.report_table import Check, undecided_check

__all__ = ["assume_policy_checks", "trust_checks"]

# What the administrators of a caller's account can allow.
_ANY_STS = (PolicyDocument([Statement.allow("sts:*", "*")]),)


def assume_policy_checks(grant: DevAccessGrant) -> Iterator[Check]:
    """Check that a DevAccessGrant's policy allows assuming its roles, and nothing else."""
    user = str(Arn.user(grant.account, "user", "/", grant.partition))
    identity = [grant.assume_role_policy]
    trust = PolicyDocument([Statement.allow("sts:AssumeRole", principals=[Principal.account(grant.account)])])

    def assume(role: str, moment: datetime | None = None) -> Decision:
        request = AccessRequest(principal=user, action="sts:AssumeRole", resource=role, context=_current_time(moment))
        return evaluate(request, PolicySet(identity=identity, resource=trust))

    for role in grant.role_arns:
        yield decision_check(f"assume {role}", "allowed", assume(role))
        if grant.expires is not None:
            late = assume(role, grant.expires + timedelta(seconds=1))
            yield decision_check(f"assume {role} after expiry", "refused", late)
    for other in (f"{role}-other" for role in grant.role_arns):
        if other not in grant.role_arns:
            yield decision_check(f"assume {other}", "refused", assume(other))
    users = f"arn:{grant.partition}:iam::{grant.account}:user/"
    request = AccessRequest(principal=user, action="iam:ListUsers", resource=users)
    decision = evaluate(request, PolicySet(identity=identity))
    yield decision_check(f"list the users of {grant.account}", "refused", decision)


def trust_checks(grant: TrustGrant) -> Iterator[Check]:
    """Check that the trusted principals can assume a TrustGrant's role, and nobody else can."""
    policies = PolicySet(identity=_ANY_STS, resource=grant.trust_policy)
    try:
        searched = list(_searched(grant))
    except TooManyStates:
        yield undecided_check(_ANYBODY_ELSE, "refused", "the trust policy tells too many callers apart to decide all")
        return

    find = partial(search, policies, "sts:AssumeRole", granting="resource")
    for principal in grant.principals:
        name, _ = name_and_grade(principal)
        callers = [one for one in searched if name in one.request("sts:AssumeRole", {}).caller.names]
        found = find(callers, is_wanted=partial(is_intended, grant, principal))
        yield from _trusted_checks(grant, principal, found, policies)
    yield search_check(_ANYBODY_ELSE, find(searched, is_wanted=partial(is_outside, grant)))


_ANYBODY_ELSE = "anybody else assumes the role"


def _trusted_checks(
    grant: TrustGrant, principal: Principal, found: AccessSearch, policies: PolicySet
) -> Iterator[Check]:
    """Check that a principal can assume the role, and cannot if a condition is not met or the grant has expired."""
    request = found.witness
    is_whole_account = principal.is_account and not principal.conditions
    if request is None:
        name = f"{f'a user of {principal.account_id}' if is_whole_account else principal.value} assumes the role"
        why = "; ".join(found.undecided) or "no request meets the conditions of the grant"
        yield Check(name=name, expected="allowed", observed="refused", ok=False, why=why)
        return
    name = f"a user of {principal.account_id}" if is_whole_account else request.principal
    yield decision_check(f"{name} assumes the role", "allowed", evaluate(request, policies))
    for key in () if principal.kind == "Service" else _required_keys(grant):
        yield decision_check(f"{name} without {key}", "refused", evaluate(_with_key(request, key, ()), policies))
    if grant.expires is not None:
        late = _with_key(request, "aws:CurrentTime", (time_to_text(grant.expires + timedelta(seconds=1)),))
        yield decision_check(f"{name} after expiry", "refused", evaluate(late, policies))


def _with_key(request: AccessRequest, key: str, values: tuple[str, ...]) -> AccessRequest:
    return evolve(request, context={**request.context, key.lower(): values})


def _searched(grant: TrustGrant) -> Iterator[Searched]:
    """Yield the callers for whom requests are searched: strangers, and those of every account of the grant."""
    named = {*grant.other_accounts, *pinned_accounts(grant), grant.account}
    statements = grant.trust_policy.statements
    patterns = name_patterns(statements)
    role = partial(Searched, resource=grant.role_arn, resource_account=grant.account)
    accounts = stranger_accounts(named, grant.partition, statements, patterns)
    others = [caller for account in accounts for caller in callers_of(account, grant.partition, patterns)]
    for principal in (*others, "other.amazonaws.com", "*"):
        yield role(principal=principal, stranger=True)
    if pinned_organizations(grant):
        # Members of the organization, whose account no principal names.
        for principal in others:
            yield role(principal=principal)
    for account in sorted(named):
        for principal in callers_of(account, grant.partition, patterns):
            yield role(principal=principal)
    # Sessions and services are no callers of accounts.
    for trusted in grant.principals:
        if ":sts:" in trusted.value or trusted.kind == "Service":
            yield role(principal=trusted.value)


def _required_keys(grant: TrustGrant) -> list[str]:
    """Return the context keys without which the grant lets no user or role in."""
    required = {
        "sts:ExternalId": grant.external_id is not None,
        "aws:MultiFactorAuthPresent": grant.needs_mfa,
        "aws:MultiFactorAuthAge": grant.mfa_max_age is not None,
        "aws:PrincipalOrgID": grant.organization_id is not None,
        "aws:SourceIp": bool(grant.source_ips),
        **{f"aws:RequestTag/{key}": True for key in grant.session_tags},
        "sts:SourceIdentity": bool(grant.source_identity),
    }
    return [key for key, is_required in required.items() if is_required]


def _current_time(moment: datetime | None = None) -> Mapping[str, str]:
    return {"aws:CurrentTime": time_to_text(moment or datetime.now(timezone.utc))}
