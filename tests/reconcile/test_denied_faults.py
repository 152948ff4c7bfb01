"""Seeded runs in which a call is denied, besides transient errors: a rerun converges."""

from __future__ import annotations

import pytest

from xacct.errors import ApplyFailed

from .seeds import seeded
from .tutorial import APPLY

OPERATIONS = sorted({call.split()[1] for call in APPLY})
SEEDS = 6


@pytest.mark.every_case
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_denied_run_leaves_only_what_its_error_names_and_a_rerun_converges(operation: str) -> None:
    first = 1000 + SEEDS * OPERATIONS.index(operation)
    denied = 0
    for seed in range(first, first + SEEDS):
        with seeded(seed) as run:
            before = run.accounts.snapshot()
            run.disturb()
            # The second call is one of another account or principal, a retry, or one of the rollback.
            run.accounts.aws.faults.add("denied", operation=operation, at=2 if seed % 3 == 0 else 1)
            error = run.apply()
            # AWS Organizations answers with AccessDeniedException.
            denied += any(name == operation and code.startswith("AccessDenied") for name, code in run.failures)
            run.settle()
            if error is not None and not (isinstance(error, ApplyFailed) and error.remaining):
                assert run.accounts.snapshot() == before, seed

            run.apply_and_destroy()
            assert run.accounts.snapshot() == before, seed
    assert denied >= SEEDS // 3, "the operation is rarely denied"
