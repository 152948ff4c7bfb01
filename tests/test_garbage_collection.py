"""The pause of the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from xacct.garbage_collection import no_garbage_collection


@pytest.fixture(autouse=True)
def collector_as_before() -> Iterator[None]:
    was_enabled = gc.isenabled()
    yield
    (gc.enable if was_enabled else gc.disable)()


@pytest.mark.parametrize("kept", [False, True])
def test_the_collector_is_off_in_the_block_and_on_again_also_after_an_error(kept: bool) -> None:
    gc.enable()
    states: list[bool] = []

    def fail() -> None:
        with no_garbage_collection(kept=kept):
            states.append(gc.isenabled())
            raise ValueError("in the block")

    with pytest.raises(ValueError, match="in the block"):
        fail()
    assert [*states, gc.isenabled()] == [False, True]


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    with no_garbage_collection():
        pass
    assert not gc.isenabled()


def test_a_block_within_another_does_not_end_the_pause() -> None:
    gc.enable()
    with no_garbage_collection():
        with no_garbage_collection():
            pass
        assert not gc.isenabled()


def test_what_is_kept_is_not_looked_at_again() -> None:
    before = gc.get_freeze_count()
    with no_garbage_collection():
        made: list[list[int]] = [[] for _ in range(1000)]
    assert gc.get_freeze_count() == before
    with no_garbage_collection(kept=True):
        made.append([])
    assert gc.get_freeze_count() >= before + len(made)
