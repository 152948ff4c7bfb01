"""Fault injection: make calls fail as AWS makes them fail, on demand or at a seeded rate."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal, get_args

from attrs import define, field, frozen

from xacct.arn import account_id
from xacct.errors import InvalidValue
from xacct.testing.denials import denial_code
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call

__all__ = ["DeploymentFault", "Fault", "Faults", "FaultyDeployment", "error_of"]

Fault = Literal["throttled", "server error", "lost answer", "denied"]
DeploymentFault = Literal["failed", "slow", "partial"]


@frozen
class FaultyDeployment:
    """A fault of the deployments of stack sets into an account: its kind, the reason that it gives, and its seconds."""

    kind: DeploymentFault
    reason: str
    seconds: float


@define
class _Rule:
    fault: Fault | Refused
    operation: str | None
    matching: Callable[[Call], bool] | None
    at: int | None
    rate: float
    random: random.Random
    matched: int = field(default=0)

    def applies_to(self, call: Call) -> bool:
        if self.operation not in (None, call.operation) or not (self.matching is None or self.matching(call)):
            return False
        self.matched += 1
        if self.at is not None:
            return self.matched == self.at
        return self.random.random() < self.rate


class Faults:
    """The faults that a sandbox injects.

    >>> faults = Faults()
    >>> faults.add("throttled", operation="CreateRole", at=2)
    >>> faults.add("lost answer", rate=0.05, seed=7)
    >>> faults.clear()
    """

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._deployments: dict[str, FaultyDeployment] = {}

    def add(
        self,
        fault: Fault | Refused,
        *,
        operation: str | None = None,
        matching: Callable[[Call], bool] | None = None,
        at: int | None = None,
        rate: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Make later calls fail.

        Args:
            fault: ``throttled``: the service's throttling error; ``server error``: status 500, and the call has no
                effect; ``lost answer``: the call takes effect, then the connection breaks; ``denied``: AccessDenied.
                An error response: the call fails with it, and has no effect.
            operation: such as ``CreateRole``; None for every operation.
            matching: returns whether a call matches, for instance by its parameters; None for every call.
            at: the number of the only matching call that fails, counted from 1; None to use `rate`.
            rate: the fraction of the matching calls that fail, from 0 to 1.
            seed: the seed of the random choice, for a rate between 0 and 1.

        Raises:
            InvalidValue: the fault is unknown, or `at` or `rate` is out of range.
        """
        if not isinstance(fault, Refused) and fault not in get_args(Fault):
            raise InvalidValue("fault", fault, f"one of {', '.join(get_args(Fault))}")
        if at is not None and at < 1:
            raise InvalidValue("at", at, "1 or more")
        if not 0 <= rate <= 1:
            raise InvalidValue("rate", rate, "from 0 to 1")
        self._rules.append(_Rule(fault, operation, matching, at, rate, random.Random(seed)))  # noqa: S311 # no secret

    def clear(self) -> None:
        """Remove all faults."""
        self._rules.clear()
        self._deployments.clear()

    def add_deployment(
        self,
        account: str,
        fault: DeploymentFault,
        *,
        reason: str = "Resource handler returned message: Internal failure",
        seconds: float = 600,
    ) -> None:
        """Make later deployments of CloudFormation's stack sets into an account fail or take time.

        How many accounts may fail until the operation fails, and how many are deployed to at a time, is in the
        operation's preferences.

        Args:
            account: the account id.
            fault: ``failed``: the deployment fails and leaves nothing; ``partial``: it fails after the first resource
                of the template, which stays; ``slow``: it takes a time.
            reason: the reason that a failed deployment gives.
            seconds: how long a slow deployment takes, by the sandbox's clock.

        Raises:
            InvalidValue: the fault is unknown, or the account id is malformed.
        """
        if fault not in get_args(DeploymentFault):
            raise InvalidValue("fault", fault, f"one of {', '.join(get_args(DeploymentFault))}")
        self._deployments[account_id(account)] = FaultyDeployment(fault, reason, seconds)

    def deployment(self, account: str) -> FaultyDeployment | None:
        """Return the fault of deployments into an account; None if there is none."""
        return self._deployments.get(account)

    def next_fault(self, call: Call) -> Fault | Refused | None:
        """Count the call for every fault, and return the first one that applies to it."""
        # A list, not a generator: every rule must count the call.
        faults: list[Fault | Refused] = [rule.fault for rule in self._rules if rule.applies_to(call)]
        return faults[0] if faults else None


_THROTTLING_ERRORS = {
    "s3": ("SlowDown", "Please reduce your request rate.", 503),
    "kms": ("ThrottlingException", "Rate exceeded", 400),
    # https://github.com/aws/aws-sdk-js/issues/2135
    "organizations": (
        "TooManyRequestsException",
        (
            "AWS Organizations can't complete your request because another request is already in progress. "
            "Try again later."
        ),
        400,
    ),
}
_SERVER_ERROR_CODES = {"s3": "InternalError", "iam": "ServiceFailure"}


def error_of(fault: Fault | Refused, call: Call) -> Refused | None:
    """Return the error response of a fault; None for a fault that lets the call take effect."""
    if isinstance(fault, Refused):
        return Refused(fault.code, fault.message, fault.status)
    if fault == "throttled":
        return Refused(*_THROTTLING_ERRORS.get(call.service, ("Throttling", "Rate exceeded", 400)))
    if fault == "server error":
        return Refused(
            _SERVER_ERROR_CODES.get(call.service, "InternalFailure"),
            "We encountered an internal error. Please try again.",
            500,
        )
    if fault == "denied":
        code, status = denial_code(call)
        return Refused(code, f"The caller is not authorized to perform: {call.service}:{call.operation}", status)
    return None
