"""SAML providers: trust policies that accept assertions that were not made for AWS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from xacct.access_audit.checks.fixed_statement import fixed_statement
from xacct.access_audit.checks.statement_requests import Asked, Values, callers_named, is_allowed
from xacct.access_audit.finding import FINDING_KINDS, Finding, Fix, NotDecided
from xacct.access_audit.subject import Subject, Surroundings
from xacct.authz.statement_matcher import StatementMatcher
from xacct.policy import Condition, Principal
from xacct.proof.key_control import Control
from xacct.proof.key_values import values_of_key
from xacct.proof.pattern_classes import TextPattern, TooManyStates

__all__ = ["saml_without_audience"]

_ACTION = "sts:AssumeRoleWithSAML"
_AUDIENCE = "saml:aud"

# The endpoints at which AWS takes assertions, global and of each region.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html
_HOSTS = {
    "aws": "signin.aws.amazon.com",
    "aws-cn": "signin.amazonaws.cn",
    "aws-us-gov": "signin.amazonaws-us-gov.com",
    "aws-eusc": "signin.amazonaws-eusc.eu",
}
_ENDPOINTS = [
    TextPattern.of([("https://", False), (beginning, True), (f"{host}/saml", False), ("*", True)], ignores_case=True)
    for host in _HOSTS.values()
    for beginning in ("", "*.")
]


def saml_without_audience(subject: Subject, surroundings: Surroundings) -> Iterator[Finding | NotDecided]:
    """Find SAML providers whose assertions for another recipient than AWS's sign-in a trust policy accepts.

    ``SAML:aud`` is the Recipient of the assertion. Every assertion has one.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-saml
    """
    if not subject.is_role:
        return
    found: set[str] = set()
    for statement in subject.allows:
        for principal in statement.statement.principals:
            if ":saml-provider/" not in principal.value or principal.value in found:
                continue
            try:
                finding = _finding(subject, statement, principal, surroundings)
                if finding is not None:
                    found.add(principal.value)
                    yield finding
            except TooManyStates:
                yield NotDecided(kind="saml-without-audience", resource=subject.arn, principal=principal.value)


def _finding(
    subject: Subject, statement: StatementMatcher, principal: Principal, surroundings: Surroundings
) -> Finding | None:
    if not statement.matches_action(_ACTION.lower()) or any(map(_names_endpoints, statement.statement.conditions)):
        return None
    for caller in callers_named(principal, subject):
        asked = Asked(subject=subject, statement=statement, caller=caller, action=_ACTION, now=surroundings.now)
        conditions = asked.conditions()
        arn = caller.split(":")
        given = {
            _AUDIENCE: _other_audiences(tuple(conditions.get(_AUDIENCE, ())), asked.now.replace(microsecond=0)),
            # The name that AWS gives the provider itself.
            "saml:doc": [(f"{arn[4]}/{caller.rpartition('/')[2]}",)],
        }
        searched = Asked(
            subject=subject, statement=statement, caller=caller, action=_ACTION, now=surroundings.now, given=given
        )
        witness = next((request for request in searched.requests() if is_allowed(request, subject)), None)
        if witness is None:
            continue
        others = tuple(c.condition for c in statement.conditions if c.key != _AUDIENCE)
        endpoint = f"https://{_HOSTS.get(subject.partition, _HOSTS['aws'])}/saml"
        return Finding(
            kind="saml-without-audience",
            severity=FINDING_KINDS["saml-without-audience"].severity,
            account=subject.account,
            resource=subject.arn,
            principal=principal.value,
            answer="depends" if others else "yes",
            conditions=tuple(f"{condition.operator} {condition.key}" for condition in statement.statement.conditions),
            statements=(subject.source_of(statement),),
            witness=witness,
            why=f"The trust policy accepts assertions of {principal.value} that were made for another recipient than "
            f"AWS, such as {witness.context[_AUDIENCE][0]}. An application that receives such an assertion can use it "
            "to assume the role.",
            fix=Fix(
                text=f"Require SAML:aud to be {endpoint} in the statement that trusts the provider.",
                statement=fixed_statement(
                    statement.statement, principal, Condition("StringEquals", "SAML:aud", endpoint)
                ),
            ),
            owner=subject.owner,
        )
    return None


def _names_endpoints(condition: Condition) -> bool:
    """Return whether a condition is met only by endpoints of AWS, so that no request has to be built."""
    if condition.key.lower() != _AUDIENCE or condition.operator.lower() not in ("stringequals", "stringequalsifexists"):
        return False
    return all(any(endpoint.matches(value) for endpoint in _ENDPOINTS) for value in condition.values)


# The roles of an organization have a few conditions on the audience.
@lru_cache(maxsize=256)
def _other_audiences(conditions: tuple[Condition, ...], now: datetime) -> Sequence[Values]:
    """Return recipients that are no endpoints of AWS: of each kind that the conditions tell apart, one."""
    usual = ("https://app.example.com/saml",)
    if not conditions:
        return [usual]
    # The endpoints are compared too, so that those that are none are told apart.
    endpoints = (f"https://*{host}/saml*" for host in _HOSTS.values())
    told_apart = (*conditions, Condition("StringLike", "SAML:aud", tuple(endpoints)))
    choices = values_of_key(told_apart, Control("identity provider"), now).choices
    return [usual, *(c for c in choices if c and not any(e.matches(value) for value in c for e in _ENDPOINTS))]
