"""Lockouts: statements that require of a principal what it never sends, such as MFA of an AWS service."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from xacct.access_audit.checks.oidc_providers import conditions_on_owner, provider_of
from xacct.access_audit.checks.statement_requests import (
    Asked,
    action_of,
    callers_named,
    is_allowed,
    never_sends,
    provider_name,
)
from xacct.access_audit.finding import FINDING_KINDS, Finding, Fix, NotDecided
from xacct.access_audit.subject import Subject, Surroundings
from xacct.authz import AccessRequest
from xacct.authz.caller import Caller, identify_caller
from xacct.authz.statement_matcher import StatementMatcher
from xacct.policy import Condition, Principal
from xacct.proof.pattern_classes import TooManyStates

__all__ = ["self_lockout"]


def self_lockout(subject: Subject, surroundings: Surroundings) -> Iterator[Finding | NotDecided]:
    """Find principals that a policy names and that no request of theirs gets in, for want of keys they never send.

    That is decided twice for each principal: no request that it can make is allowed, but one with the keys that it
    never sends would be.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html
    """
    keys = {c.key for layer in subject.side.layers for statement in layer.statements for c in statement.conditions}
    if not keys:
        return
    done: set[Principal] = set()
    for statement in subject.allows:
        for principal in statement.statement.principals:
            if principal in done or principal.is_anyone:
                continue
            done.add(principal)
            if not _may_lack_keys(principal, keys):
                continue
            try:
                finding = _finding(subject, statement, principal, surroundings)
                if finding is not None:
                    yield finding
            except TooManyStates:
                yield NotDecided(kind="self-lockout", resource=subject.arn, principal=principal.value)


def _may_lack_keys(principal: Principal, keys: set[str]) -> bool:
    """Return whether there can be a key that the principal never sends. Users and roles lack only those of services."""
    if principal.kind != "AWS":
        return True
    caller = identify_caller(principal.account_id, {}) if principal.account_id else None
    return caller is not None and any(never_sends(caller, key) for key in keys)


def _finding(
    subject: Subject, first: StatementMatcher, principal: Principal, surroundings: Surroundings
) -> Finding | None:
    name = next(iter(callers_named(principal, subject)), "")
    if not name:
        return None
    caller = identify_caller(name, {})
    action = action_of(first, subject, caller)
    if not action:
        return None
    seeds = [
        Asked(subject=subject, statement=statement, caller=name, action=action, now=surroundings.now, is_complete=True)
        for statement in subject.allows
        if statement.matches_action(action.lower())
    ]
    naming = [asked for asked in seeds if principal in asked.statement.statement.principals]
    if not any(never_sends(caller, key) for asked in naming for key in asked.conditions()):
        return None
    if any(is_allowed(request, subject) for asked in seeds for request in asked.requests()):
        return None
    for asked in naming:
        if (request := _allowed_if_sent(asked)) is None:
            continue
        missing = [key for key in asked.conditions() if never_sends(caller, key) and request.context.get(key)]
        witness = evolve(request, context={k: v for k, v in request.context.items() if k not in missing})
        if missing and not is_allowed(witness, subject):
            return _locked_out(asked, principal, caller, missing, witness)
    return None


def _allowed_if_sent(asked: Asked) -> AccessRequest | None:
    """Return a request that would be allowed if the caller sent every key."""
    more = evolve(asked, lacks_nothing=True)
    return next((request for request in more.requests() if is_allowed(request, asked.subject)), None)


def _locked_out(
    asked: Asked, principal: Principal, caller: Caller, missing: list[str], witness: AccessRequest
) -> Finding:
    subject, statement = asked.subject, asked.statement
    conditions = [condition for key in missing for condition in asked.conditions()[key]]
    keys = ", ".join(dict.fromkeys(condition.key for condition in conditions))
    denying = [
        other
        for other in (subject.side.resource.statements if subject.side.resource else ())
        if other.denies and any(condition.key in missing for condition in other.conditions)
    ]
    return Finding(
        kind="self-lockout",
        severity=FINDING_KINDS["self-lockout"].severity,
        account=subject.account,
        resource=subject.arn,
        principal=principal.value,
        conditions=tuple(dict.fromkeys(f"{condition.operator} {condition.key}" for condition in conditions)),
        statements=tuple(map(subject.source_of, (statement, *denying))),
        witness=witness,
        why=f"The {subject.policy_name} requires {keys} of {principal.value}. {_reason(caller, missing)}",
        fix=_fix(subject, statement, principal, caller),
        owner=subject.owner,
    )


def _reason(caller: Caller, missing: list[str]) -> str:
    if caller.kind == "service":
        return "AWS services never send that, so the service has no access."
    if caller.kind != "provider":
        return "Only AWS services send that, and only for requests that they make themselves, so it has no access."
    own = f"{provider_name(caller.name).lower()}:"
    if any(key.startswith(own) for key in missing):
        return "AWS does not make that claim of the token a condition key, so no token of the provider is accepted."
    return "No sign-in with this identity provider has that, so nobody gets in with it."


def _fix(subject: Subject, statement: StatementMatcher, principal: Principal, caller: Caller) -> Fix:
    """Return a statement for the principal alone: with conditions that it can meet, and never without any."""
    if caller.kind == "service":
        met = [Condition("StringEquals", "aws:SourceAccount", subject.account)]
    elif caller.kind == "provider" and ":saml-provider/" in caller.name:
        met = [Condition("StringEquals", "SAML:aud", "https://signin.aws.amazon.com/saml")]
    elif caller.kind == "provider":
        name = provider_name(caller.name)
        met = conditions_on_owner(provider_of(name), name)
    else:
        return Fix(text=f"Remove {principal.value} from the statement if it needs no access, or require what it sends, "
                        "such as aws:PrincipalOrgID.")  # fmt: skip
    return Fix(
        text=f"Remove {principal.value} from the statement if it needs no access; if it does, give it a statement of "
        "its own, with conditions that it can meet.",
        statement=evolve(statement.statement, principals=(principal,), conditions=met, sid=None).to_dict(),
    )
