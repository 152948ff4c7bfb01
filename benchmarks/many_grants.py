"""Measure the calls and seconds of 1 to 100 grants in one plan, in the sandbox, with a latency of 100 ms per call.

The ratio is the seconds as a multiple of one grant's.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
from attrs import define, field

from xacct import DevAccessGrant, TrustGrant, plan
from xacct.testing import Sandbox

TRUSTING, TRUSTED = "111111111111", "222222222222"
SIZES = (1, 5, 25, 100)
LATENCY = 0.1
MOST_IN_FLIGHT = 8
# The most calls of a plan, by the number of grants.
BUDGETS = {"plan": {1: 4, 5: 5, 25: 60, 100: 60}, "re-plan": {1: 7, 5: 10, 25: 60, 100: 110}}


@define
class Meter:
    """Counts the calls of sessions, delays them, and finds out how many are in flight at the same time."""

    calls: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)

    def watch(self, session: boto3.Session) -> boto3.Session:
        """Watch the calls of a session whose clients are not created yet."""
        session.events.register("before-call.*.*", self._begin)
        session.events.register("after-call.*.*", self._end)
        return session

    def _begin(self, **_: object) -> None:
        with self._lock:
            self.calls += 1
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        time.sleep(LATENCY)

    def _end(self, **_: object) -> None:
        with self._lock:
            self.in_flight -= 1

    def measure(self, run: Callable[[], Any]) -> tuple[Any, int, float]:
        """Run a function, and return its result, the number of its calls and its seconds."""
        self.calls, began = 0, time.perf_counter()
        result = run()
        return result, self.calls, time.perf_counter() - began


def grants_of(teams: int) -> list[TrustGrant | DevAccessGrant]:
    """Return a role and a policy for each team."""
    found: list[TrustGrant | DevAccessGrant] = []
    for number in range(teams):
        trust = TrustGrant(
            account=TRUSTING,
            role_name=f"Team{number}",
            principals=TRUSTED,
            managed_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
        )
        found += [trust, DevAccessGrant(account=TRUSTED, policy_name=f"Team{number}", role_arns=[trust.role_arn])]
    return found


def life_of(teams: int) -> tuple[dict[str, tuple[int, float]], int]:
    """Return the calls and seconds of each operation on the grants of some teams, and the most calls in flight."""
    meter = Meter()
    costs: dict[str, tuple[int, float]] = {}
    with Sandbox([TRUSTING, TRUSTED]) as aws:
        trusting, trusted = (meter.watch(aws.account(account).session) for account in (TRUSTING, TRUSTED))
        grants = grants_of(teams)

        def plan_all() -> Any:
            return plan(*grants, trusting=trusting, trusted=trusted)

        def run(name: str, operation: Callable[[], Any]) -> Any:
            result, calls, seconds = meter.measure(operation)
            costs[name] = (calls, seconds)
            return result

        planned = run("plan", plan_all)
        run("apply", planned.apply)
        again = run("re-plan", plan_all)
        run("drift", lambda: again.drift)
        removed = run("destroy", again.destroy)
        if not again.is_empty or len(removed) != 3 * teams:
            raise SystemExit(f"{teams} grants were not applied and removed as they should be")
    return costs, meter.most_in_flight


def main() -> int:
    """Print the cost for each number of grants, and return 1 if a budget is exceeded."""
    failed = False
    alone: dict[str, float] = {}
    print("grants  operation   calls   seconds   ratio")
    for teams in SIZES:
        costs, most_in_flight = life_of(teams)
        alone = alone or {name: seconds for name, (_, seconds) in costs.items()}
        for name, (calls, seconds) in costs.items():
            budget = BUDGETS.get(name, {}).get(teams)
            fits = budget is None or calls <= budget
            verdict = "" if budget is None else f"   {'ok' if fits else 'FAIL'}: at most {budget} calls"
            print(f"{teams:>6}  {name:<9} {calls:>7} {seconds:>9.2f} {seconds / alone[name]:>6.1f}×{verdict}")
            failed = failed or not fits
        print(f"{teams:>6}  at most {most_in_flight} calls at the same time, of {MOST_IN_FLIGHT}")
        failed = failed or most_in_flight > MOST_IN_FLIGHT
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
