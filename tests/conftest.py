"""Collection of the tests."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from _pytest.doctest import DoctestModule


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Leave out the doctests of tests. There are none, and the search for them is a third of the collection."""
    collectors = yield
    return [collector for collector in collectors if not isinstance(collector, DoctestModule)]
