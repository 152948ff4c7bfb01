"""How long a run relies on what it has read, and how long another run waits until nobody relies on an older read.

IAM has no conditional writes, so two runs can only mark what they change, and look for the other's mark. They rely on
this: a run that removes something writes at most five seconds after it has read the mark, or reads the mark again. A
call takes less than the longest wait between two tries, and so does a change to become visible. So a run that has
marked a resource and waits twice that long sees everything that was done without having seen its mark.
"""

from __future__ import annotations

import time

from xacct.retry import Patience

__all__ = ["clock", "is_recent_read", "seconds_to_wait"]

# The most seconds between a read of a resource and a change that relies on it.
_RECENT_SECONDS = 5.0


def clock() -> float:
    """Return the time in seconds. A monotonic clock can stand still while the machine sleeps."""
    return time.time()


def is_recent_read(read_at: float, patience: Patience) -> bool:
    """Return whether a run that has marked a resource since it was read still waits.

    Args:
        read_at: the time before the read.
        patience: the longest wait between two tries of a call.
    """
    return 0 <= clock() - read_at <= min(_RECENT_SECONDS, patience.longest)


def seconds_to_wait(patience: Patience) -> float:
    """Return how long a run waits after its mark: a run makes or repeats a call at least this often.

    It is twice the time that a removal relies on what it read, because changes take time to become visible.
    """
    return 2 * patience.longest
