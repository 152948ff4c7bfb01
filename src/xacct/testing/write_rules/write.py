"""The permitted write that a rule checks, and the errors that rules raise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from attrs import frozen

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, Call
from xacct.testing.moto_state import MotoState

__all__ = ["Check", "Postprocess", "Rule", "Write", "conflict", "exceeded", "malformed", "missing", "taken"]


@frozen
class Write:
    """A call that IAM permits.

    Attributes:
        call: the call.
        account: the id of the account in which it acts.
        state: the accounts' current state.
        seen: a context manager in which ``state`` is what an eventually consistent read of IAM returns.
        now: the sandbox's time.
        caller: the caller's ARN; ``*`` for an anonymous caller.
    """

    call: Call
    account: str
    state: MotoState
    seen: Callable[[], AbstractContextManager[None]]
    now: datetime
    caller: str


# Changes moto's answer, or moto's state, after moto has processed the call.
Postprocess = Callable[[Answer], Answer]

# Refuses the write, answers it in place of moto, or returns how to change moto's answer. None: moto's answer is right.
Rule = Callable[[Write], "Postprocess | Answer | None"]

# Refuses the write, or does nothing.
Check = Callable[[Write], None]


def conflict(message: str) -> Refused:
    """Return IAM's error for the deletion of a resource that is still in use."""
    return Refused("DeleteConflict", message, 409)


def exceeded(message: str) -> Refused:
    """Return IAM's error for an exceeded quota."""
    return Refused("LimitExceeded", message, 409)


def missing(message: str) -> Refused:
    """Return IAM's error for a resource that does not exist."""
    return Refused("NoSuchEntity", message, 404)


def taken(message: str) -> Refused:
    """Return IAM's error for a name that is already in use."""
    return Refused("EntityAlreadyExists", message, 409)


def malformed(message: str) -> Refused:
    """Return IAM's error for an invalid policy document."""
    return Refused("MalformedPolicyDocument", message)
