"""An operation of a stack set: in which order, and when by the sandbox's clock, it deploys to its targets.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html#stackset-ops-options
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from attrs import define, field

__all__ = ["Action", "Operation", "Target", "TargetStatus"]

Action = Literal["CREATE", "UPDATE", "DELETE"]
TargetStatus = Literal["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]


@define(eq=False)
class Target:
    """An account and a region to which an operation deploys.

    Attributes:
        account: the account id.
        region: the region.
        unit: the ID of the organizational unit for which the account is a target; empty for none.
        status: how far the deployment is.
        reason: why it failed or was cancelled.
        ends: when a running deployment ends.
    """

    account: str
    region: str
    unit: str = ""
    status: TargetStatus = "PENDING"
    reason: str = ""
    ends: datetime | None = None


@define(eq=False, kw_only=True)
class Operation:
    """An operation.

    Attributes:
        id: the ID of the operation.
        action: what it does.
        targets: the targets, in the order of the regions.
        preferences: the preferences that it was started with.
        retain_stacks: whether deleted instances keep their stacks.
        created: when it was started.
        ended: when it ended; None while it runs.
        stopped: whether the caller stopped it.
    """

    id: str
    action: Action
    targets: list[Target]
    preferences: Mapping[str, Any]
    created: datetime
    retain_stacks: bool = False
    ended: datetime | None = None
    stopped: bool = False
    _now: datetime = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._now = self.created

    @property
    def status(self) -> str:
        """The status of the whole operation."""
        if self.ended is None:
            return "STOPPING" if self.stopped else "RUNNING"
        if self.stopped:
            return "STOPPED"
        return "FAILED" if any(self._is_exceeded(targets) for targets in self._by_region()) else "SUCCEEDED"

    def advance(self, now: datetime, seconds: Callable[[Target], float], deploy: Callable[[Target], None]) -> None:
        """Do what the operation has done at a time.

        Args:
            now: the time.
            seconds: returns how long the deployment to a target takes.
            deploy: deploys to a target, and sets its status.
        """
        for targets in self._regions():
            if not self._advance_region(targets, now, seconds, deploy):
                return
            if self.stopped or any(self._is_exceeded(region) for region in self._by_region()):
                break
        why = "the operation was stopped" if self.stopped else "failure tolerance has exceeded"
        for target in self.targets:
            if target.status == "PENDING":
                target.status, target.reason = "CANCELLED", f"Cancelled since {why}"
        self.ended = self._now

    def _advance_region(
        self,
        targets: Sequence[Target],
        now: datetime,
        seconds: Callable[[Target], float],
        deploy: Callable[[Target], None],
    ) -> bool:
        """Deploy to the targets of a region, and return whether this ended before a time."""
        while True:
            running = [target for target in targets if target.status == "RUNNING"]
            pending = [target for target in targets if target.status == "PENDING"]
            if pending and len(running) < self._most_at_once(targets) and not self._is_exceeded(targets):
                if self.stopped:
                    pending = []
                else:
                    pending[0].status = "RUNNING"
                    pending[0].ends = self._now + timedelta(seconds=seconds(pending[0]))
                    continue
            ending = [(target.ends, number) for number, target in enumerate(running) if target.ends is not None]
            if not ending:
                return True
            at, number = min(ending)
            if at > now:
                return False
            self._now = at
            deploy(running[number])

    def _most_at_once(self, targets: Sequence[Target]) -> int:
        """Return how many accounts of a region are deployed to at a time: one unless the preferences say otherwise."""
        most = self._count("MaxConcurrent", len(targets), default=1)
        if self.preferences.get("ConcurrencyMode") == "SOFT_FAILURE_TOLERANCE":
            return max(most, 1)
        return max(min(most, self._tolerance(targets) + 1), 1)

    def _tolerance(self, targets: Sequence[Target]) -> int:
        return self._count("FailureTolerance", len(targets), default=0)

    def _count(self, preference: str, of: int, *, default: int) -> int:
        if f"{preference}Percentage" in self.preferences:
            return of * int(self.preferences[f"{preference}Percentage"]) // 100
        return int(self.preferences.get(f"{preference}Count", default))

    def _is_exceeded(self, targets: Sequence[Target]) -> bool:
        """Return whether more accounts of a region have failed than the operation tolerates."""
        return len([target for target in targets if target.status == "FAILED"]) > self._tolerance(targets)

    def _by_region(self) -> Iterator[list[Target]]:
        for region in dict.fromkeys(target.region for target in self.targets):
            yield [target for target in self.targets if target.region == region]

    def _regions(self) -> Iterator[list[Target]]:
        if self.preferences.get("RegionConcurrencyType") == "PARALLEL":
            # Each region has its own limits, which the sandbox counts together.
            yield self.targets
            return
        yield from self._by_region()
