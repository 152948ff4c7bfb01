"""How a grant that begins to use a console user, and a removal of another grant of that user, notice each other.

The grant writes its record to the user's tags, waits, and reads the user again. The removal first detaches the removed
grant's own policy. If that was soon after it had read the tags, any grant that they do not record still waits, and will
see the detached policy. Otherwise the removal reads the tags again, and sees the record. So at least one of them stops.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from xacct.arn import Arn
from xacct.resources.ownership_tags import UserRecord
from xacct.retry import Patience

__all__ = ["clock", "has_own_policy", "is_policy_of", "is_recent_read", "seconds_to_wait"]

# The most seconds between the read of a user and a change that relies on it. A grant waits for longer.
_RECENT_SECONDS = 5.0


def clock() -> float:
    """Return the time in seconds. A monotonic clock can stand still while the machine sleeps."""
    return time.time()


def is_recent_read(read_at: float, patience: Patience) -> bool:
    """Return whether a grant that was not recorded when a user was read still waits, if it has begun to use the user.

    Args:
        read_at: the time before the read.
        patience: the longest wait between two tries of a call.
    """
    return 0 <= clock() - read_at <= min(_RECENT_SECONDS, patience.longest)


def seconds_to_wait(patience: Patience) -> float:
    """Return how long a grant waits after it has written its record: a run makes or repeats a call at least this often.

    It is twice the time that a removal relies on what it read, because changes take time to become visible.
    """
    return 2 * patience.longest


def is_policy_of(record: UserRecord, arn: str) -> bool:
    """Return whether an attached policy is the own policy of the grant that a record is of."""
    policy = Arn.parse(arn)
    return policy.name == record.policy_name and policy.account != "aws" and record.has(arn)


def has_own_policy(record: UserRecord, attached: Iterable[str]) -> bool:
    """Return whether the own policy of a grant is attached: not before the grant is complete, nor once it leaves."""
    return any(is_policy_of(record, arn) for arn in attached)
