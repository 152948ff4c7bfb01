"""The end of a grant: the condition in its policies, and the time that a policy has."""

from __future__ import annotations

from datetime import datetime, timezone

from xacct.policy import Condition, PolicyDocument, Statement
from xacct.policy.times import time_from_text, time_to_text

__all__ = ["expiry_in", "until"]

_NEVER = datetime.max.replace(tzinfo=timezone.utc)


def until(expires: datetime | None) -> tuple[Condition, ...]:
    """Return the condition under which a statement applies until a time; none if it has no end."""
    if expires is None:
        return ()
    return (Condition("DateLessThan", "aws:CurrentTime", time_to_text(expires)),)


def expiry_in(document: PolicyDocument) -> datetime | None:
    """Return when the access that a policy gives ends; None if a statement gives it without an end.

    >>> from datetime import datetime, timezone
    >>> from xacct import DevAccessGrant
    >>> grant = DevAccessGrant(account="222222222222", role_arns="arn:aws:iam::111111111111:role/Reader",
    ...     expires=datetime(2027, 1, 31, tzinfo=timezone.utc))
    >>> str(expiry_in(grant.assume_role_policy))
    '2027-01-31 00:00:00+00:00'
    """
    ends = [_expiry_of(statement) for statement in document.statements if statement.effect == "Allow"]
    return max((end for end in ends if end is not None), default=None) if None not in ends else None


def _expiry_of(statement: Statement) -> datetime | None:
    # All conditions must be met, and of the values of one condition any.
    ends = [
        max(time_from_text(value) or _NEVER for value in condition.values)
        for condition in statement.conditions
        if (condition.operator, condition.key.lower()) == ("DateLessThan", "aws:currenttime")
    ]
    return min((end for end in ends if end < _NEVER), default=None)
