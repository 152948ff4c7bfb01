"""OpenID Connect providers: whether a stranger's token, or one that was made for another audience, is accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve

from xacct.access_audit.checks.fixed_statement import fixed_statement
from xacct.access_audit.checks.oidc_providers import Claim, OidcProvider, conditions_on_owner, provider_of
from xacct.access_audit.checks.oidc_tokens import closes, owner_in, tokens, unlike
from xacct.access_audit.checks.statement_requests import Asked, Values, callers_named, is_allowed, provider_name
from xacct.access_audit.finding import FINDING_KINDS, Finding, Fix, NotDecided, Severity
from xacct.access_audit.subject import Subject, Surroundings
from xacct.authz import AccessRequest
from xacct.authz.statement_matcher import StatementMatcher
from xacct.policy import Condition, Principal
from xacct.proof.pattern_classes import TooManyStates
from xacct.reference import is_identity_provider_key

__all__ = ["oidc_stranger", "oidc_without_audience"]

_ACTION = "sts:AssumeRoleWithWebIdentity"
# An audience that has nothing in common with those that a policy names.
_OTHER_AUDIENCE = Claim(ownership="unrelated", example="https://other.example.com")
_FOR_OTHERS = evolve(provider_of("unknown"), claims={"aud": _OTHER_AUDIENCE})
# What everybody can do about a condition is no condition: the clock runs, and callers choose the rest.
_OF_CALLERS = frozenset({"aws:currenttime", "aws:epochtime", "sts:rolesessionname", "aws:requestedregion"})


def oidc_stranger(subject: Subject, surroundings: Surroundings) -> Iterator[Finding | NotDecided]:
    """Find OpenID Connect providers of which a role accepts the token of somebody whom the policy does not name.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html
    """
    for caller, principal, statements in _providers(subject):
        try:
            for statement in statements:
                asked = Asked(subject=subject, statement=statement, caller=caller, action=_ACTION, now=surroundings.now)
                finding = _stranger(asked, principal) or _guest(asked, principal)
                if finding is not None:
                    yield finding
                    break
        except TooManyStates:
            yield NotDecided(kind="oidc-stranger", resource=subject.arn, principal=principal.value)


def oidc_without_audience(subject: Subject, surroundings: Surroundings) -> Iterator[Finding | NotDecided]:
    """Find OpenID Connect providers of which a role accepts tokens for an audience that the policy does not name.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html
    """
    for caller, principal, statements in _providers(subject):
        try:
            for statement in statements:
                asked = Asked(subject=subject, statement=statement, caller=caller, action=_ACTION, now=surroundings.now)
                finding = _other_audience(asked, principal)
                if finding is not None:
                    yield finding
                    break
        except TooManyStates:
            yield NotDecided(kind="oidc-without-audience", resource=subject.arn, principal=principal.value)


def _providers(subject: Subject) -> Iterator[tuple[str, Principal, list[StatementMatcher]]]:
    """Yield the OpenID Connect providers that a trust policy names, each with the statements that name it."""
    if not subject.is_role:
        return
    found: dict[str, tuple[Principal, list[StatementMatcher]]] = {}
    for statement in subject.allows:
        for principal in statement.statement.principals:
            if principal.kind == "Federated" and ":saml-provider/" not in principal.value:
                callers = (
                    _any_provider(subject, statement) if principal.is_anyone else callers_named(principal, subject)
                )
            elif principal.is_anyone:
                callers = _any_provider(subject, statement)
            else:
                continue
            if statement.matches_action(_ACTION.lower()):
                for caller in callers:
                    found.setdefault(caller, (principal, []))[1].append(statement)
    for caller, (principal, statements) in found.items():
        yield caller, principal, statements


def _any_provider(subject: Subject, statement: StatementMatcher) -> list[str]:
    """Return the providers that a statement for everybody is about: those of its conditions, or one that AWS knows."""
    keys = [c.condition.key for c in statement.conditions if is_identity_provider_key(c.key)]
    names = dict.fromkeys(key.rpartition(":")[0] for key in keys) or ["cognito-identity.amazonaws.com"]
    account = f"arn:{subject.partition}:iam::{subject.account}:oidc-provider"
    known = ("accounts.google.com", "graph.facebook.com", "www.amazon.com")
    return [name if name in known or "cognito-identity" in name else f"{account}/{name}" for name in names]


def _known(asked: Asked) -> OidcProvider:
    key = f"{provider_name(asked.caller)}:sub".lower()
    return provider_of(
        provider_name(asked.caller),
        tuple(v for c in asked.statement.conditions if c.key == key for v in c.condition.values),
    )


def _stranger(asked: Asked, principal: Principal) -> Finding | None:
    provider, name = _known(asked), provider_name(asked.caller)
    if closes(provider, name, asked.statement.statement.conditions):
        return None
    for token in tokens(provider, name, asked.conditions()):
        for request in evolve(asked, given=token, is_stranger=True).requests():
            if is_allowed(request, asked.subject):
                return _stranger_finding(asked, principal, provider, request)
    return None


def _stranger_finding(asked: Asked, principal: Principal, provider: OidcProvider, witness: AccessRequest) -> Finding:
    subject, conditions = asked.subject, asked.statement.statement.conditions
    name = provider_name(asked.caller)
    own = f"{name}:".lower()
    depends = provider.scope == "unknown" or any(
        not condition.key.lower().startswith((own, *_OF_CALLERS)) for condition in conditions
    )
    severity: Severity = provider.severity
    if depends and severity == "critical":
        severity = "high"
    if provider.scope == "unknown" and any(condition.key.lower() == f"{own}aud" for condition in conditions):
        severity = "low"
    owner = owner_in(provider, _conditions_on_claims(subject, name))
    added = conditions_on_owner(provider, name, owner)
    claim = next(iter(provider.fix))
    shown = f"{claim} {' '.join(witness.context.get(f'{own}{claim}', ('of any value',)))}"
    return Finding(
        kind="oidc-stranger",
        severity=severity,
        account=subject.account,
        resource=subject.arn,
        principal=principal.value if not principal.is_anyone else asked.caller,
        answer="depends" if depends else "yes",
        conditions=tuple(f"{condition.operator} {condition.key}" for condition in conditions),
        statements=(subject.source_of(asked.statement),),
        witness=witness,
        why=f"The trust policy accepts a token of {provider.title} with {shown}, whose owner it does not name. "
        f"{provider.stranger}",
        fix=Fix(
            text=f"Require that {added[0].key} names the owner, as {added[0].values[0]} does: {provider.source}",
            statement=fixed_statement(asked.statement.statement, _as_named(principal, asked.caller), *added),
        ),
        owner=subject.owner,
    )


def _conditions_on_claims(subject: Subject, name: str) -> list[Condition]:
    """Return the conditions of the Allow statements on the claims of a provider."""
    prefix = f"{name}:".lower()
    return [c.condition for statement in subject.allows for c in statement.conditions if c.key.startswith(prefix)]


def _as_named(principal: Principal, caller: str) -> Principal:
    return Principal.federated(caller) if principal.is_anyone else principal


def _guest(asked: Asked, principal: Principal) -> Finding | None:
    """Return a finding for an Amazon Cognito identity pool whose guests, who do not sign in, get in."""
    name, subject = provider_name(asked.caller), asked.subject
    if not name.startswith("cognito-identity"):
        return None
    conditions = asked.conditions()
    audience = f"{name}:aud"
    pools = [v for c in conditions.get(audience, ()) for v in c.values if "*" not in v]
    token: dict[str, Sequence[Values]] = {
        audience: [(pool,) for pool in pools],
        f"{name}:amr": [("unauthenticated",)],
    }
    for request in evolve(asked, given=token).requests():
        if is_allowed(request, subject):
            break
    else:
        return None
    return Finding(
        kind="oidc-stranger",
        severity="low",
        account=subject.account,
        resource=subject.arn,
        principal=principal.value,
        answer="depends",
        conditions=tuple(f"{c.operator} {c.key}" for c in asked.statement.statement.conditions),
        statements=(subject.source_of(asked.statement),),
        witness=request,
        why=f"The trust policy accepts guests of the identity pool {request.context[audience][0]}. If the pool allows "
        "guests, anybody on the internet gets the permissions of the role without signing in.",
        fix=Fix(
            text="Unless the role is meant for guests, require that users have signed in.",
            statement=fixed_statement(
                asked.statement.statement,
                _as_named(principal, asked.caller),
                Condition("ForAnyValue:StringEquals", f"{name}:amr", "authenticated"),
            ),
        ),
        detail="guests",
        owner=subject.owner,
    )


def _other_audience(asked: Asked, principal: Principal) -> Finding | None:
    provider, name, subject = _known(asked), provider_name(asked.caller), asked.subject
    claim = provider.claims.get("aud")
    if claim is None or claim.ownership != "free":
        return None  # the audience says whose the token is, which is the other question
    if closes(_FOR_OTHERS, name, asked.statement.statement.conditions):
        return None
    audience, conditions = f"{name}:aud".lower(), asked.conditions()
    others = unlike(_OTHER_AUDIENCE.example, conditions.get(audience, ()))
    for token in tokens(provider, name, conditions, of_strangers=False):
        for request in evolve(asked, given={**token, audience: others}).requests():
            if is_allowed(request, subject):
                return _audience_finding(asked, principal, provider, request)
    return None


def _audience_finding(asked: Asked, principal: Principal, provider: OidcProvider, witness: AccessRequest) -> Finding:
    subject, name = asked.subject, provider_name(asked.caller)
    usual = provider.claims["aud"].example
    return Finding(
        kind="oidc-without-audience",
        severity="low" if provider.scope == "tenant" else FINDING_KINDS["oidc-without-audience"].severity,
        account=subject.account,
        resource=subject.arn,
        principal=principal.value if not principal.is_anyone else asked.caller,
        # STS also requires that the audience is one that the provider in IAM lists.
        answer="depends",
        conditions=tuple(f"{c.operator} {c.key}" for c in asked.statement.statement.conditions),
        statements=(subject.source_of(asked.statement),),
        witness=witness,
        why=f"The trust policy accepts tokens of {provider.title} for any audience that the provider in IAM lists. "
        "An application that receives such a token for itself can use it to assume the role.",
        fix=Fix(
            text=f"Require {name}:aud to be the audience that your tokens have, which is {usual} by default.",
            statement=fixed_statement(
                asked.statement.statement,
                _as_named(principal, asked.caller),
                Condition("StringEquals", f"{name}:aud", usual),
            ),
        ),
        owner=subject.owner,
    )
