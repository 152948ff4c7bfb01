"""What xacct tells while it works: to a callback, and to ``logging.getLogger("xacct")``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from attrs import frozen

__all__ = ["Event", "EventKind", "OnEvent", "Reporter"]

log = logging.getLogger("xacct")

EventKind = Literal["started", "done", "failed", "rolled back", "not rolled back"]


@frozen(kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: ``started``, ``done``, ``failed``, ``rolled back`` or ``not rolled back``.
        what: what it happened to, in words, such as ``creating role CrossAccountRoleS3``.
        side: ``trusting`` or ``trusted``.
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
    """Passes each event to the log, and to the caller where they asked for it."""

    on_event: OnEvent | None = None

    def __call__(self, kind: EventKind, what: str, side: str, account: str) -> None:
        """Tell that something happened."""
        event = Event(kind=kind, what=what, side=side, account=account)
        log.log(logging.WARNING if kind in ("failed", "not rolled back") else logging.INFO, "%s", event)
        if self.on_event is not None:
            self.on_event(event)
