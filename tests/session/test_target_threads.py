"""Threads that run a function for each target, their time limits and interrupts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.config import Config

from xacct.session.target_threads import Finished, Job, JobTimeout, TargetThreads


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """An event that is set when the test ends. Waiting for it hangs."""
    event = threading.Event()
    yield event
    event.set()


def raise_after_the_first(error: BaseException, threads: TargetThreads[int, Any]) -> None:
    def run() -> None:
        with threads:
            for _ in threads:
                raise error

    with pytest.raises(type(error)):
        run()


def by_place(finished: Iterator[Finished[int]]) -> list[Finished[int]]:
    return sorted(finished, key=lambda done: done.place)


def test_each_item_gets_its_result_or_its_error() -> None:
    def invert(job: Job, item: int) -> int:
        return 60 // item

    with TargetThreads(invert, [0, 2, 3], workers=2, timeout=60) as threads:
        first, *others = by_place(iter(threads))
    assert type(first.error) is ZeroDivisionError
    assert others == [Finished(1, 30), Finished(2, 20)]


def test_a_job_over_its_limit_is_abandoned_and_another_thread_does_the_rest(hang: threading.Event) -> None:
    def work(job: Job, item: int) -> int:
        job.begin(f"item {item}")
        if item == 0:
            hang.wait()
        return item

    with TargetThreads(work, [0, 1, 2], workers=1, timeout=0.3) as threads:
        first, *others = by_place(iter(threads))
    assert isinstance(first.error, JobTimeout)
    assert first.error.doing == "item 0"
    assert others == [Finished(1, 1), Finished(2, 2)]


@pytest.mark.parametrize("step", [Job.check, lambda job: job.sleep(0), lambda job: job.begin("more")])
def test_an_abandoned_job_ends_at_its_next_step_and_its_result_is_dropped(step) -> None:  # type: ignore[no-untyped-def]
    hang, ended, swallowed = threading.Event(), threading.Event(), threading.Event()

    def work(job: Job, _: int) -> int:
        job.begin("the work")
        hang.wait()
        try:
            step(job)
        except Exception:  # noqa: BLE001 # as functions do
            swallowed.set()
        finally:
            ended.set()
        return 7

    with TargetThreads(work, [0], workers=1, timeout=0.1) as threads:
        (only,) = threads
    assert isinstance(only.error, JobTimeout)
    hang.set()
    assert ended.wait(30)
    assert not swallowed.is_set()


def test_the_limit_starts_when_the_job_begins() -> None:
    def work(job: Job, _: int) -> int:
        job.sleep(0.3)
        job.begin("the work")
        started = job.started
        job.begin("more work")
        assert job.started == started
        return 1

    with TargetThreads(work, [0], workers=1, timeout=0.2) as threads:
        assert [*threads] == [Finished(0, 1)]


def test_after_an_interrupt_nothing_starts_and_what_hangs_is_abandoned(hang: threading.Event) -> None:
    jobs: list[Job] = []

    def work(job: Job, item: int) -> int:
        job.begin("the work")
        jobs.append(job)
        if item:
            hang.wait()
        return item

    raise_after_the_first(KeyboardInterrupt(), TargetThreads(work, [*range(9)], workers=2, timeout=60))
    assert len(jobs) <= 3
    for job in jobs[1:]:
        with pytest.raises(BaseException, match=r"^$"):
            job.check()


def test_after_an_error_nothing_starts_and_what_runs_ends() -> None:
    started, ended = [], []

    def work(job: Job, item: int) -> int:
        job.begin("the work")
        started.append(item)
        job.sleep(0.2 if item else 0)
        ended.append(item)
        return item

    raise_after_the_first(ValueError("stop"), TargetThreads(work, [*range(9)], workers=2, timeout=60))
    assert sorted(started) == sorted(ended)
    assert len(started) < 9


@pytest.mark.parametrize("error", [None, ValueError("stop"), KeyboardInterrupt()])
def test_no_thread_is_left(error: BaseException | None) -> None:
    before = threading.enumerate()

    def work(job: Job, item: int) -> None:
        job.begin("the work")
        job.sleep(1.5 if error is not None and item else 0)

    with suppress(ValueError, KeyboardInterrupt), TargetThreads(work, [*range(20)], workers=8, timeout=60) as threads:
        for _ in threads:
            if error is not None:
                raise error
    assert [thread for thread in threading.enumerate() if thread not in before] == []


def test_a_thread_that_calls_aws_only_after_it_was_given_up_ends_too() -> None:
    """As a function does that calls AWS to tidy up."""
    before, options = threading.enumerate(), Config(retries={"total_max_attempts": 1})
    session = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        s3 = session.client("s3", endpoint_url="http://{}:{}".format(*silent.getsockname()), config=options)

        def work(job: Job, item: int) -> None:
            job.begin("the work")
            try:
                job.sleep(60 if item else 0)
            finally:
                if item:
                    s3.list_buckets()

        raise_after_the_first(KeyboardInterrupt(), TargetThreads(work, [0, 1], workers=2, timeout=60))
        assert [thread for thread in threading.enumerate() if thread not in before] == []


def test_no_thread_keeps_the_interpreter_alive(hang: threading.Event) -> None:
    def is_daemon(job: Job, _: int) -> bool:
        return threading.current_thread().daemon

    with TargetThreads(is_daemon, [0], workers=1, timeout=60) as threads:
        assert [finished.result for finished in threads] == [True]
