"""The checks of sts:AssumeRole: what the trusted account's policy allows, and who can assume the role."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from itertools import count

from xacct.arn import Arn
from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.policy import PolicyDocument, Principal, Statement
from xacct.policy.times import time_to_text
from xacct.proof.decision_check import decision_check, example_match
from xacct.report_table import Check

__all__ = ["assume_policy_checks", "trust_checks"]

Context = Mapping[str, str]


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
    """Check that the trusted principals can assume a TrustGrant's role, and others cannot."""
    required = _required_context(grant)
    for principal in grant.principals:
        yield from _trusted_checks(grant, principal, {} if principal.kind == "Service" else required)
    yield from _untrusted_checks(grant, required)


def _trusted_checks(grant: TrustGrant, principal: Principal, required: Context) -> Iterator[Check]:
    """Check that a principal can assume the role, and cannot if a condition is not met or the grant has expired."""
    caller, own = _example_caller(principal, grant.partition)
    name = f"a user of {principal.account_id}" if principal.is_account and not principal.conditions else caller
    context = {**own, **required, **_current_time()}
    yield decision_check(f"{name} assumes the role", "allowed", _assume(grant, caller, context))
    for missing in required:
        incomplete = {key: value for key, value in context.items() if key != missing}
        yield decision_check(f"{name} without {missing}", "refused", _assume(grant, caller, incomplete))
    if grant.expires is not None:
        late = {**context, **_current_time(grant.expires + timedelta(seconds=1))}
        yield decision_check(f"{name} after expiry", "refused", _assume(grant, caller, late))


def _untrusted_checks(grant: TrustGrant, required: Context) -> Iterator[Check]:
    """Check that other principals cannot assume the role, even if they meet its conditions."""
    context = {**required, **_current_time()}
    trusted_accounts = {principal.account_id for principal in grant.principals if principal.is_account}
    named_accounts = {principal.account_id for principal in grant.principals if principal.account_id}
    for account in sorted(named_accounts - trusted_accounts):
        other = str(Arn.user(account, "another-user", "/", grant.partition))
        yield decision_check(f"another user of {account} assumes the role", "refused", _assume(grant, other, context))
    # AWS sets this key itself: a caller of another organization cannot send it.
    outside = {key: value for key, value in context.items() if key != "aws:PrincipalOrgID"}
    account = next(account for n in count() if (account := f"{n:012}") not in named_accounts | {grant.account})
    outsider = str(Arn.user(account, "user", "/", grant.partition))
    yield decision_check("a user of another account assumes the role", "refused", _assume(grant, outsider, outside))
    yield decision_check("an anonymous caller assumes the role", "refused", _assume(grant, "*", outside))


def _assume(grant: TrustGrant, caller: str, context: Context) -> Decision:
    """Decide sts:AssumeRole for a caller whose own account allows it."""
    request = AccessRequest(principal=caller, action="sts:AssumeRole", resource=grant.role_arn, context=context)
    identity = PolicyDocument([Statement.allow("sts:*", "*")])
    return evaluate(request, PolicySet(identity=[identity], resource=grant.trust_policy))


def _example_caller(principal: Principal, partition: str) -> tuple[str, Context]:
    """Return the ARN of a caller that matches a principal, and the context that the principal's conditions require."""
    context = {condition.key: example_match(condition.values[0]) for condition in principal.conditions}
    arn = context.get("aws:PrincipalArn")
    if arn is not None:
        return arn, context
    if principal.is_account or principal.is_anyone:
        return str(Arn.user(principal.account_id or "666666666666", "user", "/", partition)), context
    return principal.value, context


def _required_context(grant: TrustGrant) -> Context:
    """Return the context of a request that meets the grant's conditions."""
    context: dict[str, str] = {}
    if grant.external_id is not None:
        context["sts:ExternalId"] = grant.external_id
    if grant.needs_mfa:
        context["aws:MultiFactorAuthPresent"] = "true"
    if grant.mfa_max_age is not None:
        context["aws:MultiFactorAuthAge"] = str(grant.mfa_max_age - 1)
    if grant.organization_id is not None:
        context["aws:PrincipalOrgID"] = grant.organization_id
    if grant.source_ips:
        context["aws:SourceIp"] = str(ipaddress.ip_network(grant.source_ips[0])[0])
    context |= {f"aws:RequestTag/{key}": example_match(values[0]) for key, values in grant.session_tags.items()}
    if grant.source_identity:
        context["sts:SourceIdentity"] = example_match(grant.source_identity[0])
    return context


def _current_time(moment: datetime | None = None) -> Context:
    return {"aws:CurrentTime": time_to_text(moment or datetime.now(timezone.utc))}
