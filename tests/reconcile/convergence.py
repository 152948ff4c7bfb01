"""What the tests of failing calls share: the faults that retries overcome, and the check that a rerun converges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xacct.reconcile import Plan
from xacct.testing import Fault

from .accounts import Accounts

# Without effect and with effect; after the lost answers, the retry meets what the call has created or deleted.
TRANSIENT: tuple[Fault, ...] = ("throttled", "server error", "lost answer", "lost answer")


def assert_rerun_converges(accounts: Accounts, plan: Callable[[], Plan], untouched: dict[str, Any]) -> dict[str, Any]:
    """Check that without faults a rerun makes the grant complete, and that a removal then leaves no trace.

    Return what the accounts had when the grant was complete.
    """
    accounts.recover()
    applied = plan()
    applied.apply()
    complete = accounts.snapshot()
    assert plan().is_empty
    applied.destroy()
    assert accounts.snapshot() == untouched
    return complete
