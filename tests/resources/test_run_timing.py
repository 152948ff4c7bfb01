"""How long a removal relies on what it read, and how long another run waits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from xacct.resources import run_timing
from xacct.resources.run_timing import is_recent_read, seconds_to_wait
from xacct.retry import Patience


@pytest.mark.parametrize(
    ("seconds", "longest", "is_recent"),
    [(0, 5, True), (5, 5, True), (5.1, 5, False), (5.1, 60, False), (1, 1, True), (1.1, 1, False), (-1, 5, False)],
)
def test_a_read_is_recent_for_the_longest_wait_and_five_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch, seconds: float, longest: float, is_recent: bool
) -> None:
    monkeypatch.setattr(run_timing, "time", SimpleNamespace(time=lambda: 1000 + seconds))

    assert is_recent_read(1000, Patience(longest=longest)) is is_recent


def test_a_read_at_an_unknown_time_is_not_recent() -> None:
    assert not is_recent_read(float("-inf"), Patience())


def test_a_run_waits_longer_than_a_removal_relies_on_what_it_read() -> None:
    assert seconds_to_wait(Patience()) == 10
