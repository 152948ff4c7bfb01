"""The tutorial's grant in accounts with slow propagation and failing calls, both chosen by a seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from xacct.errors import XacctError
from xacct.reconcile import Plan, plan
from xacct.testing import Propagation, Sandbox

from .accounts import BOTOCORE_RETRIES, TRUSTED, TRUSTING, Accounts
from .tutorial import tutorial

# Longer than any change takes to propagate here.
PROPAGATED = 20


@frozen
class Seeded:
    """The two accounts of a seed."""

    accounts: Accounts
    seed: int

    @property
    def failures(self) -> set[tuple[str, str]]:
        """The operations that failed, each with the code of its error; an empty code for a lost answer."""
        return {(call.operation, call.code) for call in self.accounts.aws.calls if call.code is not None}

    def plan(self) -> Plan:
        return plan(*tutorial(), trusting=self.accounts.trusting, trusted=self.accounts.trusted)

    def disturb(self) -> None:
        """Make a fifth of the calls fail with transient errors."""
        faults = self.accounts.aws.faults
        faults.add("throttled", rate=0.1, seed=self.seed)
        faults.add("server error", rate=0.05, seed=self.seed + 1)
        faults.add("lost answer", rate=0.05, seed=self.seed + 2)

    def settle(self) -> None:
        """Stop all faults, and make every change visible."""
        self.accounts.aws.faults.clear()
        self.accounts.aws.clock.advance(PROPAGATED)

    def apply(self) -> XacctError | None:
        """Plan and apply; return the error."""
        try:
            self.plan().apply()
        except XacctError as error:
            return error
        return None

    def apply_and_destroy(self) -> None:
        """Apply, see that nothing is left to do, and destroy, with transient errors all the time."""
        self.disturb()
        self.plan().apply()
        self.settle()
        applied = self.plan()
        assert applied.is_empty, self.seed
        self.disturb()
        applied.destroy()
        self.settle()


@contextmanager
def seeded(seed: int) -> Iterator[Seeded]:
    with Sandbox([TRUSTING, TRUSTED], propagation=Propagation(seed=seed)) as aws:
        yield Seeded(Accounts.sign_in(aws, BOTOCORE_RETRIES), seed)
