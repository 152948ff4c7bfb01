"""How a grant that begins to use a console user, and a removal of another grant of that user, notice each other.

The grant writes its record to the user's tags, waits, and reads the user again. The removal first detaches the removed
grant's own policy. If that was soon after it had read the tags, any grant that they do not record still waits, and will
see the detached policy. Otherwise the removal reads the tags again, and sees the record. So at least one of them stops.
"""

from __future__ import annotations

from collections.abc import Iterable

from xacct.arn import Arn
from xacct.resources.ownership_tags import UserRecord

__all__ = ["has_own_policy", "is_policy_of"]


def is_policy_of(record: UserRecord, arn: str) -> bool:
    """Return whether an attached policy is the own policy of the grant that a record is of."""
    policy = Arn.parse(arn)
    return policy.name == record.policy_name and policy.account != "aws" and record.has(arn)


def has_own_policy(record: UserRecord, attached: Iterable[str]) -> bool:
    """Return whether the own policy of a grant is attached: not before the grant is complete, nor once it leaves."""
    return any(is_policy_of(record, arn) for arn in attached)
