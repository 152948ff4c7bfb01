"""Expired access: statements that applied only until a time that has passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timezone

from attrs import evolve

from xacct.access_audit.checks.statement_requests import Asked, Values, action_of, callers_named, is_allowed
from xacct.access_audit.finding import FINDING_KINDS, Finding, Fix, NotDecided
from xacct.access_audit.subject import Subject, Surroundings
from xacct.authz import AccessRequest
from xacct.authz.caller import identify_caller
from xacct.authz.statement_matcher import StatementMatcher
from xacct.policy import Condition, Principal
from xacct.policy.times import time_to_text
from xacct.proof.key_control import Control
from xacct.proof.key_values import values_of_key
from xacct.proof.pattern_classes import TooManyStates

__all__ = ["expired"]

_CLOCKS = ("aws:currenttime", "aws:epochtime")


def expired(subject: Subject, surroundings: Surroundings) -> Iterator[Finding | NotDecided]:
    """Find what a policy allowed until a time that has passed, and that no other statement allows now.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    found: dict[str, Finding] = {}
    for statement in subject.allows:
        if not any(condition.key in _CLOCKS for condition in statement.conditions):
            continue
        for principal in statement.statement.principals:
            try:
                finding = _finding(subject, statement, principal, surroundings.now)
                if finding is not None:
                    known = found.get(finding.id, finding)
                    statements = tuple(dict.fromkeys((*known.statements, *finding.statements)))
                    found[finding.id] = evolve(known, statements=statements)
            except TooManyStates:  # noqa: PERF203 each principal is a question of its own
                yield NotDecided(kind="expired", resource=subject.arn, principal=principal.value)
    yield from found.values()


def _finding(subject: Subject, statement: StatementMatcher, principal: Principal, now: datetime) -> Finding | None:
    for caller in callers_named(principal, subject):
        action = action_of(statement, subject, identify_caller(caller, {}))
        asked = Asked(
            subject=subject,
            statement=statement,
            caller=caller,
            action=action or "sts:AssumeRole",
            now=now,
            is_complete=True,
        )
        if not action or _can_apply(asked):
            continue
        last = _last_allowed(asked)
        if last is None:
            continue
        end, request = last
        late = _at(request, now)
        if is_allowed(late, subject):
            continue
        who = "Everybody" if principal.is_anyone else principal.value
        until = f"until {time_to_text(end)}"
        return Finding(
            kind="expired",
            severity=FINDING_KINDS["expired"].severity,
            account=subject.account,
            resource=subject.arn,
            principal=principal.value,
            conditions=tuple(f"{c.condition.operator} {c.condition.key}" for c in statement.conditions),
            statements=(subject.source_of(statement),),
            witness=late,
            why=f"{who} had access to {subject.arn} {until}. The statement no longer allows anything.",
            fix=Fix(text="Remove the statement, or set a later date if the access is still needed."),
            detail=until,
            owner=subject.owner,
        )
    return None


def _clocks(asked: Asked) -> dict[str, tuple[Condition, ...]]:
    conditions = asked.statement.conditions
    return {key: of_key for key in _CLOCKS if (of_key := tuple(c.condition for c in conditions if c.key == key))}


def _can_apply(asked: Asked) -> bool:
    """Return whether the statement applies now, or will."""
    return next(asked.requests(), None) is not None


def _last_allowed(asked: Asked) -> tuple[datetime, AccessRequest] | None:
    """Return when a request was allowed for the last time, and the request."""
    instants: set[datetime] = set()
    named: set[datetime] = set()
    for conditions in _clocks(asked).values():
        named.update(end for c in conditions for value in c.values if (end := _instant(value)) is not None)
        for choice in values_of_key(conditions, Control("caller"), asked.now).choices:
            instants.update(instant for text in choice if (instant := _instant(text)) is not None)
    for instant in sorted((instant for instant in instants if instant < asked.now), reverse=True):
        then = evolve(asked, given=_given(asked, instant))
        for request in then.requests():
            if is_allowed(request, asked.subject):
                # The date that the policy names is at most a second after the last time.
                return min((end for end in named if end >= instant), default=instant), request
    return None


def _given(asked: Asked, instant: datetime) -> dict[str, Sequence[Values]]:
    texts = _texts(instant)
    return {key: [(texts[key],)] for key in asked.conditions() if key in _CLOCKS}


def _at(request: AccessRequest, instant: datetime) -> AccessRequest:
    """Return the request at another time."""
    texts = _texts(instant)
    context = {key: (texts[key],) if key in _CLOCKS else values for key, values in request.context.items()}
    return evolve(request, context=context)


def _texts(instant: datetime) -> dict[str, str]:
    return {"aws:currenttime": time_to_text(instant), "aws:epochtime": str(int(instant.timestamp()))}


def _instant(text: str) -> datetime | None:
    with suppress(ValueError, OverflowError, OSError):
        if text.replace(".", "", 1).lstrip("-").isdigit():
            return datetime.fromtimestamp(float(text), timezone.utc)
        instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)
    return None
