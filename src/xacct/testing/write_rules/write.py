"""A write that is allowed, and what AWS may say of it all the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from attrs import frozen

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, Call
from xacct.testing.moto_state import MotoState

__all__ = ["Afterwards", "Rule", "Write", "conflict", "exceeded", "malformed", "missing", "taken"]


@frozen
class Write:
    """A call that is allowed.

    Attributes:
        call: what was called.
        account: where it acts.
        state: the accounts as they are.
        seen: lets the accounts be as a reader of IAM sees them, while what was written spreads.
        now: the sandbox's time.
    """

    call: Call
    account: str
    state: MotoState
    seen: Callable[[], AbstractContextManager[None]]
    now: datetime


# What happens to moto's answer when it is done.
Afterwards = Callable[[Answer], Answer]

# Refuses a write, or answers it, or says what is to be done to moto's answer; None where moto does all.
Rule = Callable[[Write], "Afterwards | Answer | None"]


def conflict(message: str) -> Refused:
    """Something hangs on what is to be deleted."""
    return Refused("DeleteConflict", message, 409)


def exceeded(message: str) -> Refused:
    """A quota is used up."""
    return Refused("LimitExceeded", message, 409)


def missing(message: str) -> Refused:
    """What is named is not there."""
    return Refused("NoSuchEntity", message, 404)


def taken(message: str) -> Refused:
    """What is to be made is there already."""
    return Refused("EntityAlreadyExists", message, 409)


def malformed(message: str) -> Refused:
    """A document is no policy of its kind."""
    return Refused("MalformedPolicyDocument", message)
