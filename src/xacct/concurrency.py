"""Concurrent calls in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["MAX_THREADS", "run_concurrently"]

T = TypeVar("T")

MAX_THREADS = 32
"""The most threads for one task. Fewer calls run at the same time: most threads wait for a slot or for IAM."""


def run_concurrently(*calls: Callable[[], T]) -> list[T]:
    """Run calls in threads, and return the results in the order of the calls.

    Raises:
        Exception: the error of the first call that failed, in the order of the calls, after all calls have ended.
    """
    if len(calls) < 2:
        return [call() for call in calls]
    with ThreadPoolExecutor(max_workers=min(len(calls), MAX_THREADS)) as threads:
        running = [threads.submit(call) for call in calls]
    return [task.result() for task in running]
