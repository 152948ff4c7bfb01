"""The sandbox's clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from threading import Lock
from typing import Any
from unittest.mock import patch

import botocore.credentials
from botocore.credentials import RefreshableCredentials

__all__ = ["Clock", "renewing_by"]


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


@contextmanager
def renewing_by(clock: Clock) -> Iterator[None]:
    """Let sessions renew their credentials by the time of a clock, until the block ends.

    Args:
        clock: the sandbox's clock, by which its STS says when credentials expire.
    """
    system: Any = vars(botocore.credentials)["_local_now"]
    remaining: Any = vars(RefreshableCredentials)["_seconds_remaining"]

    def seconds_remaining(credentials: Any) -> float:
        # Credentials with a clock of their own keep it.
        if credentials._time_fetcher is not system:
            return float(remaining(credentials))
        return float((credentials._expiry_time - clock.now()).total_seconds())

    with (
        patch.object(RefreshableCredentials, "_seconds_remaining", seconds_remaining),
        patch.object(botocore.credentials, "_local_now", clock.now),
        patch("xacct.session.credentials._now", clock.now),
    ):
        yield
