"""Events of apply and destroy, which go to a callback and to ``logging.getLogger("xacct")``."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Literal

from attrs import field, frozen

__all__ = ["Event", "EventKind", "OnEvent", "Reporter"]

log = logging.getLogger("xacct")

EventKind = Literal["started", "done", "failed", "rolled back", "not rolled back"]


@frozen(kw_only=True)
class Event:
    """The start or the end of a step.

    Attributes:
        kind: ``started``, ``done``, ``failed``, ``rolled back`` or ``not rolled back``.
        what: the step, such as ``creating role CrossAccountRoleS3``.
        side: the side of the grant: ``trusting`` or ``trusted``.
        account: the account's id.
    """

    kind: EventKind
    what: str
    side: str
    account: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what} ({self.side} account {self.account})"


OnEvent = Callable[[Event], None]


@frozen
class Reporter:
    """Passes events to the log and to an optional callback, one at a time.

    Args:
        on_event: the callback.
    """

    on_event: OnEvent | None = None
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False, eq=False)

    def __call__(self, kind: EventKind, what: str, side: str, account: str) -> None:
        """Report an event."""
        event = Event(kind=kind, what=what, side=side, account=account)
        log.log(logging.WARNING if kind in ("failed", "not rolled back") else logging.INFO, "%s", event)
        if self.on_event is not None:
            with self._lock:
                self.on_event(event)
