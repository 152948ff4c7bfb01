"""Calls that fail as calls to AWS do: when a test says so, or at a seeded rate."""

from __future__ import annotations

import random
from typing import Literal, get_args

from attrs import define, field

from xacct.errors import InvalidValue
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call

__all__ = ["Fault", "Faults", "refusal_of"]

Fault = Literal["throttled", "server error", "lost answer", "denied"]


@define
class _Rule:
    fault: Fault
    operation: str | None
    at: int | None
    rate: float
    chance: random.Random
    seen: int = field(default=0)

    def strikes(self, operation: str) -> bool:
        if self.operation not in (None, operation):
            return False
        self.seen += 1
        if self.at is not None:
            return self.seen == self.at
        return self.chance.random() < self.rate


class Faults:
    """What goes wrong in a sandbox.

    >>> faults = Faults()
    >>> faults.add("throttled", operation="CreateRole", at=2)
    >>> faults.add("lost answer", rate=0.05, seed=7)
    >>> faults.clear()
    """

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def add(
        self, fault: Fault, *, operation: str | None = None, at: int | None = None, rate: float = 1.0, seed: int = 0
    ) -> None:
        """Let calls fail from now on.

        Args:
            fault: ``throttled``; ``server error``: 500, and nothing has happened; ``lost answer``: the call takes
                effect and the connection breaks; ``denied``: AccessDenied.
            operation: such as ``CreateRole``; None for every call.
            at: the number of the one call that fails, counted from 1 and from now; None for as many as `rate` says.
            rate: how many of the calls fail, from 0 to 1.
            seed: of the choice, where the rate is below 1.

        Raises:
            InvalidValue: there is no such fault, number or rate.
        """
        if fault not in get_args(Fault):
            raise InvalidValue("fault", fault, f"one of {', '.join(get_args(Fault))}")
        if at is not None and at < 1:
            raise InvalidValue("at", at, "1 or more")
        if not 0 <= rate <= 1:
            raise InvalidValue("rate", rate, "from 0 to 1")
        self._rules.append(_Rule(fault, operation, at, rate, random.Random(seed)))  # noqa: S311 # no secret

    def clear(self) -> None:
        """Let every call succeed that may."""
        self._rules.clear()

    def strike(self, call: Call) -> Fault | None:
        """What happens to a call; every rule counts it."""
        struck: list[Fault] = [rule.fault for rule in self._rules if rule.strikes(call.operation)]
        if not struck:
            return None
        return struck[0]


_THROTTLED = {
    "s3": ("SlowDown", "Please reduce your request rate.", 503),
    "kms": ("ThrottlingException", "Rate exceeded", 400),
}
_BROKEN = {"s3": "InternalError", "iam": "ServiceFailure"}


def refusal_of(fault: Fault, call: Call) -> Refused | None:
    """What the caller is told at once; None where the call goes on."""
    if fault == "throttled":
        return Refused(*_THROTTLED.get(call.service, ("Throttling", "Rate exceeded", 400)))
    if fault == "server error":
        return Refused(
            _BROKEN.get(call.service, "InternalFailure"), "We encountered an internal error. Please try again.", 500
        )
    if fault == "denied":
        code = "AccessDeniedException" if call.service == "kms" else "AccessDenied"
        return Refused(code, f"The caller is not authorized to perform: {call.service}:{call.operation}", 403)
    return None
