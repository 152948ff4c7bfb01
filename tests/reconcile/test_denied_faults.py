"""Five hundred seeds: a call is denied in the midst of it all; the run takes back what it made or says what stands."""

from __future__ import annotations

import pytest

from xacct.errors import ApplyFailed, XacctError

from .seeds import Seeded, seeded, unsteady

SEEDS, AT_A_TIME = range(1000, 1500), 20


def fails(accounts: Seeded) -> XacctError | None:
    try:
        accounts.plan().apply()
    except XacctError as error:
        return error
    return None


@pytest.mark.parametrize("first", SEEDS[::AT_A_TIME])
def test_a_denied_run_leaves_nothing_that_it_does_not_name_and_the_next_one_converges(first: int) -> None:
    for seed in range(first, first + AT_A_TIME):
        with seeded(seed) as accounts:
            before = accounts.holds()
            unsteady(accounts.aws, seed)
            accounts.aws.faults.add("denied", at=1 + seed % 24)
            error = fails(accounts)
            accounts.calm()
            if error is not None and not (isinstance(error, ApplyFailed) and error.stands):
                assert accounts.holds() == before, seed

            accounts.plan().apply()
            accounts.calm()
            assert accounts.plan().is_empty, seed
            accounts.plan().destroy()
            accounts.calm()
            assert accounts.holds() == before, seed
