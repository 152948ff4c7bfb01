"""Seeded runs in which a call is denied, besides transient errors: a rerun converges."""

from __future__ import annotations

import pytest

from xacct.errors import ApplyFailed

from .seeds import seeded

# The denied call is any of the first ones of a run: an apply makes 18 calls, and some of them twice after an error.
FIRST_CALLS = 24
# 70 seeds deny each of the 12 operations of an apply. The next 74 seeds deny no other.
SEEDS = range(1000, 1000 + 3 * FIRST_CALLS)


@pytest.mark.parametrize("first", SEEDS[::FIRST_CALLS])
def test_a_denied_run_leaves_only_what_its_error_names_and_a_rerun_converges(first: int) -> None:
    denied: set[str] = set()
    for seed in range(first, first + FIRST_CALLS):
        with seeded(seed) as run:
            before = run.accounts.snapshot()
            run.disturb()
            run.accounts.aws.faults.add("denied", at=1 + seed % FIRST_CALLS)
            error = run.apply()
            denied |= {operation for operation, code in run.failures if code == "AccessDenied"}
            run.settle()
            if error is not None and not (isinstance(error, ApplyFailed) and error.remaining):
                assert run.accounts.snapshot() == before, seed

            run.apply_and_destroy()
            assert run.accounts.snapshot() == before, seed
    assert len(denied) > 8, f"only {denied} were denied"
