"""The sandbox's time."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from threading import Lock

__all__ = ["Clock"]


class Clock:
    """The machine's time, and as much later as a test wants it.

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
        """The time in the sandbox."""
        return datetime.fromtimestamp(time.time() + self._ahead, timezone.utc)

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Args:
            seconds: how many.
        """
        with self._lock:
            self._ahead += seconds
