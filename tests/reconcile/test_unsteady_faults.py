"""Five hundred seeds: writes become visible late and out of order, a fifth of the calls fail, and the job gets done."""

from __future__ import annotations

import pytest

from .seeds import seeded, unsteady

SEEDS, AT_A_TIME = 500, 20


@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_apply_and_destroy_get_done_in_unsteady_accounts(first: int) -> None:
    for seed in range(first, first + AT_A_TIME):
        with seeded(seed) as accounts:
            before = accounts.holds()
            unsteady(accounts.aws, seed)
            accounts.plan().apply()
            accounts.calm()
            assert accounts.plan().is_empty, seed

            unsteady(accounts.aws, seed)
            accounts.plan().destroy()
            accounts.calm()
            assert accounts.holds() == before, seed
