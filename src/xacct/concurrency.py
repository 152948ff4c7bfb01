"""Doing independent calls at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["run_concurrently"]

T = TypeVar("T")


def run_concurrently(*calls: Callable[[], T]) -> list[T]:
    """The calls' results in order, with every call in a thread of its own.

    Raises:
        Exception: the first call's error, in the order given, after all calls have ended.
    """
    if len(calls) < 2:
        return [call() for call in calls]
    with ThreadPoolExecutor(max_workers=len(calls)) as threads:
        running = [threads.submit(call) for call in calls]
    return [task.result() for task in running]
