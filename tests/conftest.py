"""Collection of the tests."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from _pytest.doctest import DoctestModule


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Leave out the doctests of tests. There are none, and each process would search all modules for them."""
    collectors = yield
    return [collector for collector in collectors if not isinstance(collector, DoctestModule)]
