"""The sandbox's clock."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from threading import Lock

__all__ = ["Clock"]


class Clock:
    """A clock that follows the system time and can be advanced.

    >>> clock = Clock()
    >>> before = clock.now()
    >>> clock.advance(3600)
    >>> (clock.now() - before).total_seconds() >= 3600
    True
    """

    def __init__(self) -> None:
        self._ahead = 0.0
        self._lock = Lock()

    def now(self) -> datetime:
        """Return the current time of the sandbox, in UTC."""
        return datetime.fromtimestamp(time.time() + self._ahead, timezone.utc)

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Args:
            seconds: the number of seconds.
        """
        with self._lock:
            self._ahead += seconds
