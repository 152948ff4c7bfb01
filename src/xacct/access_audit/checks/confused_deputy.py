"""The confused deputy: AWS services that a policy trusts whatever account makes them act."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence

from attrs import evolve

from xacct.access_audit.checks.fixed_statement import fixed_statement
from xacct.access_audit.checks.service_sources import source_page
from xacct.access_audit.checks.statement_requests import STRANGER, Asked, Values, action_of, is_allowed
from xacct.access_audit.finding import Finding, Fix, NotDecided, Severity
from xacct.access_audit.subject import Subject, Surroundings
from xacct.arn import account_in
from xacct.authz import AccessRequest
from xacct.authz.caller import identify_caller
from xacct.authz.statement_matcher import StatementMatcher
from xacct.policy import Condition, Principal
from xacct.proof.key_control import Control, control_of
from xacct.proof.key_values import values_of_key
from xacct.proof.pattern_classes import TextPattern, TooManyStates, characters

__all__ = ["confused_deputy"]

_ACCOUNT, _ARN = "aws:sourceaccount", "aws:sourcearn"

# The ARN of a bucket has no account.
_BUCKETS = Control("AWS service", TextPattern.of([("arn:aws*:s3:::?*", True)]))
_OTHERS = Control(
    "AWS service",
    TextPattern.of_arn([("arn:aws*:?*:*:", True)])
    .then(characters(string.digits, least=12, more=False))
    .then(TextPattern.of([(":?*", True)])),
)


def confused_deputy(subject: Subject, surroundings: Surroundings) -> Iterator[Finding | NotDecided]:
    """Find services that a policy lets in when they act for an account that it does not name.

    Only services that AWS documents to send the source keys for such a request are looked at. A service-linked role is
    not: AWS does not let anybody change whom it trusts.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    if subject.owner == "service-linked role":
        return
    found: set[str] = set()
    for statement in subject.allows:
        for principal in statement.statement.principals:
            service = principal.value
            if principal.kind != "Service" or service in found or not source_page(service, subject.service):
                continue
            try:
                finding = _finding(subject, statement, service, surroundings)
                if finding is not None:
                    found.add(service)
                    yield finding
            except TooManyStates:
                yield NotDecided(kind="confused-deputy", resource=subject.arn, principal=service)


def _finding(subject: Subject, statement: StatementMatcher, service: str, surroundings: Surroundings) -> Finding | None:
    if any(map(_names_sources, statement.statement.conditions)):
        return None
    action = action_of(statement, subject, identify_caller(service, {}))
    if not action:
        return None
    asked = Asked(
        subject=subject, statement=statement, caller=service, action=action, now=surroundings.now, is_stranger=True
    )
    witness = _request_for_a_stranger(asked)
    if witness is None:
        return None
    severity, danger = _danger(subject)
    organization = surroundings.organization_id
    or_organization = f" (or aws:SourceOrgID to be {organization})" if organization else ""
    others = tuple(f"{c.operator} {c.key}" for c in statement.statement.conditions)
    return Finding(
        kind="confused-deputy",
        severity=severity,
        account=subject.account,
        resource=subject.arn,
        principal=service,
        answer="depends" if others else "yes",
        conditions=others,
        statements=(subject.source_of(statement),),
        witness=witness,
        why=f"The {subject.policy_name} lets {service} in, whichever account it acts for. {danger}",
        fix=Fix(
            text=f"Require aws:SourceAccount to be {subject.account}{or_organization}, or aws:SourceArn to be the "
            f"resource that {service} acts for: {source_page(service, subject.service)}",
            statement=fixed_statement(
                statement.statement,
                Principal("Service", service),
                Condition("StringEquals", "aws:SourceAccount", subject.account),
            ),
        ),
        owner=subject.owner,
    )


def _names_sources(condition: Condition) -> bool:
    """Return whether a condition is met only by sources that it names in full, so that no request has to be built."""
    key, operator = condition.key.lower(), condition.operator.lower()
    if operator not in ("stringequals", "stringlike", "arnequals", "arnlike"):
        return False
    if key == _ACCOUNT:
        return all(value.isdigit() for value in condition.values)
    if key == _ARN:
        return all(len(parts := value.split(":")) > 5 and parts[4].isdigit() for value in condition.values)
    return False


def _danger(subject: Subject) -> tuple[Severity, str]:
    if subject.is_role:
        return "low", (
            "If the service does not check itself that the role belongs to the account that it acts for, another "
            "account can make it use the role."
        )
    return "medium", f"Somebody with an account of their own can make the service use {subject.arn}."


def _request_for_a_stranger(asked: Asked) -> AccessRequest | None:
    """Return a request that the service makes for an account that no policy names, and that is allowed."""
    conditions = asked.conditions()
    for arn in _values(_ARN, conditions.get(_ARN, ()), asked) or [()]:
        for account in _accounts(arn, conditions.get(_ACCOUNT, ()), asked):
            source = {_ACCOUNT: [account], _ARN: [arn or (_usual_arn(asked, account[0]),)]}
            for request in evolve(asked, given=source).requests():
                if is_allowed(request, asked.subject):
                    return request
    return None


def _values(key: str, conditions: Sequence[Condition], asked: Asked) -> list[Values]:
    """Return a stranger's values of a key that the conditions tell apart; empty if there are no conditions."""
    if not conditions:
        return []
    control = control_of(key)
    if key == _ARN:
        control = _BUCKETS if asked.caller.endswith("s3.amazonaws.com") else _OTHERS
    choices = values_of_key(tuple(conditions), control, asked.now.replace(microsecond=0), own=True).choices
    # A service that sends the key always does.
    return [choice for choice in choices if choice]


def _accounts(arn: Values, conditions: Sequence[Condition], asked: Asked) -> list[Values]:
    """Return the accounts that a service can act for if it acts for a resource."""
    if arn and (named := account_in(arn[0])):
        return [(named,)]
    return _values(_ACCOUNT, conditions, asked) if conditions else [(STRANGER,)]


def _usual_arn(asked: Asked, account: str) -> str:
    partition, name = asked.subject.partition, asked.caller.removesuffix(".amazonaws.com").split(".")[-1]
    if name == "s3":
        return f"arn:{partition}:s3:::bucket-of-{account}"
    return f"arn:{partition}:{name}:us-east-1:{account}:resource"
