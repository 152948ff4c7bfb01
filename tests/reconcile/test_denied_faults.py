"""Seeded runs in which a call is denied, besides transient errors: a rerun converges."""

from __future__ import annotations

import pytest

from xacct.errors import ApplyFailed

from .seeds import seeded

SEEDS, PER_TEST = range(1000, 1144), 12


@pytest.mark.parametrize("first", SEEDS[::PER_TEST])
def test_a_denied_run_leaves_only_what_its_error_names_and_a_rerun_converges(first: int) -> None:
    for seed in range(first, first + PER_TEST):
        with seeded(seed) as run:
            before = run.accounts.snapshot()
            run.disturb()
            run.accounts.aws.faults.add("denied", at=1 + seed % 24)
            error = run.apply()
            run.settle()
            if error is not None and not (isinstance(error, ApplyFailed) and error.remaining):
                assert run.accounts.snapshot() == before, seed

            run.apply_and_destroy()
            assert run.accounts.snapshot() == before, seed
