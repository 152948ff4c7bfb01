"""Measure `assume_role`: calls of STS, time compared with plain boto3, and the overhead of each later call.

A local server in another process answers STS and S3 requests after 100 ms.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from slow_aws import BUCKETS, LATENCY, SHORT_LIFETIME, aws

from xacct import assume_role

ROLE = "arn:aws:iam::111111111111:role/Reader"
THREADS = 16
PAIRS = 4000

OVERHEAD_BUDGET = 0.02
FIRST_CALL_BUDGET = 1.25


def count_sts_calls(url: str) -> int:
    """Return the number of AssumeRole calls since the last count."""
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD")) as answer:
        return int(answer.headers["Assumed"])


def new_base(url: str) -> boto3.Session:
    """Return a session of the trusted account that uses the server."""
    os.environ |= {"AWS_ENDPOINT_URL": url, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    base = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
    base._session.set_default_client_config(Config(max_pool_connections=THREADS, retries={"total_max_attempts": 1}))
    return base


def plain_session(base: boto3.Session) -> boto3.Session:
    """Return a session in the role as typical boto3 code creates it. It expires after an hour."""
    credentials = base.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="nightly")["Credentials"]
    return boto3.Session(
        credentials["AccessKeyId"],
        credentials["SecretAccessKey"],
        credentials["SessionToken"],
        region_name=base.region_name,
    )


def first_call(url: str, assume: Callable[[boto3.Session], boto3.Session]) -> float:
    """Return the seconds from the base session to the first response of S3."""
    base = new_base(url)
    start = time.perf_counter()
    assume(base).client("s3").list_buckets()
    return time.perf_counter() - start


def compare_first_call(url: str) -> bool:
    """Compare the first call with plain boto3."""
    first_call(url, plain_session)
    rounds = [
        (first_call(url, plain_session), first_call(url, lambda base: assume_role(base, ROLE, session_name="nightly")))
        for _ in range(7)
    ]
    plain, ours = (min(column) for column in zip(*rounds, strict=True))
    count_sts_calls(url)
    print(f"one session and first call: {ours:.2f} s, plain boto3 {plain:.2f} s: {ours / plain:.2f}×")
    return bool(ours <= FIRST_CALL_BUDGET * plain)


def use_new_session(url: str) -> bool:
    """Use a new session from 16 threads at once. STS must be called once."""
    session = assume_role(new_base(url), ROLE, session_name="nightly", validate=False)
    client = session.client("s3")
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: client.list_buckets(), range(THREADS * 10)))
    calls = count_sts_calls(url)
    print(f"16 threads × 10 calls with a new session: {calls} AssumeRole calls, {time.perf_counter() - start:.2f} s")
    return calls == 1


def refresh_under_load(url: str) -> bool:
    """Call S3 from 16 threads during three lifetimes of the credentials."""
    client = assume_role(new_base(url), f"{ROLE}Short", session_name="nightly").client("s3")
    count_sts_calls(url)
    stop = threading.Event()

    def work(_: int) -> list[float]:
        taken = []
        while not stop.is_set():
            start = time.perf_counter()
            client.list_buckets()
            taken.append(time.perf_counter() - start)
        return taken

    with ThreadPoolExecutor(THREADS) as pool:
        working = pool.map(work, range(THREADS))
        time.sleep(SHORT_LIFETIME * 3)
        stop.set()
        taken = [seconds for worker in working for seconds in worker]
    calls = count_sts_calls(url)
    print(
        f"refresh under load: {len(taken)} calls from 16 threads in {SHORT_LIFETIME * 3} s, credentials "
        f"valid for {SHORT_LIFETIME} s: {calls} AssumeRole calls, no failure, slowest call {max(taken):.2f} s"
    )
    return calls <= 5


def compare_later_calls(url: str) -> bool:
    """Compare later calls with a client that has fixed credentials, without a network.

    The calls are made in pairs, one with each client, each pair in the other order than the last. What else the machine
    does changes both calls of most pairs, so that the median of their ratios says more than the two times.
    """
    base = new_base(url)
    plain, ours = plain_session(base).client("s3"), assume_role(base, ROLE, session_name="nightly").client("s3")
    count_sts_calls(url)
    for client in (plain, ours):
        client.meta.events.register("before-send.s3", respond_without_network)

    def seconds(client: Any) -> float:
        start = time.perf_counter()
        client.list_buckets()
        return time.perf_counter() - start

    ratios, times = [], []
    for number in range(PAIRS):
        if number % 2:
            ours_taken, plain_taken = seconds(ours), seconds(plain)
        else:
            plain_taken, ours_taken = seconds(plain), seconds(ours)
        ratios.append(ours_taken / plain_taken)
        times.append(ours_taken - plain_taken)
    share, difference = statistics.median(ratios) - 1, statistics.median(times)
    print(
        f"each later call: {share:+.2%} ({difference * 1e6:+.0f} µs), the median of {PAIRS} pairs with a plain client; "
        f"{max(0, difference) / LATENCY:.3%} of a call that takes {LATENCY * 1e3:.0f} ms"
    )
    return share <= OVERHEAD_BUDGET


class ListBucketsBody:
    """The body of a ListBuckets response."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Return the whole body."""
        yield BUCKETS.encode()


def respond_without_network(request: AWSPreparedRequest, **_: object) -> Any:
    """Return a ListBuckets response at once."""
    return AWSResponse(request.url, 200, HTTPHeaders.from_dict({"Content-Type": "text/xml"}), ListBucketsBody())


def main() -> None:
    """Run all benchmarks, and exit with an error if one exceeds its budget."""
    with aws() as url:
        results = [run(url) for run in (compare_first_call, use_new_session, refresh_under_load, compare_later_calls)]
    if not all(results):
        raise SystemExit("assume_role exceeds its budget")


if __name__ == "__main__":
    main()
