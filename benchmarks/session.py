"""What `assume_role` costs: calls to STS, seconds against doing it by hand, and the overhead of each later call.

STS and S3 are played by a server in another process that takes 100 ms to answer.
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

OVERHEAD_BUDGET = 0.02
FIRST_CALL_BUDGET = 1.25


def calls_to_sts(url: str) -> int:
    """How often a role was assumed since the last time."""
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD")) as answer:
        return int(answer.headers["Assumed"])


def new_base(url: str) -> boto3.Session:
    """A session of the trusted account that talks to the server."""
    os.environ |= {"AWS_ENDPOINT_URL": url, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    base = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
    base._session.set_default_client_config(Config(max_pool_connections=THREADS, retries={"total_max_attempts": 1}))
    return base


def by_hand(base: boto3.Session) -> boto3.Session:
    """What people write without xacct: a session that ends after an hour."""
    credentials = base.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="nightly")["Credentials"]
    return boto3.Session(
        credentials["AccessKeyId"],
        credentials["SecretAccessKey"],
        credentials["SessionToken"],
        region_name=base.region_name,
    )


def first_call(url: str, assume: Callable[[boto3.Session], boto3.Session]) -> float:
    """Seconds from the base session to the first answer of S3."""
    base = new_base(url)
    start = time.perf_counter()
    assume(base).client("s3").list_buckets()
    return time.perf_counter() - start


def compare_first_call(url: str) -> bool:
    """Against the same by hand."""
    first_call(url, by_hand)
    rounds = [
        (first_call(url, by_hand), first_call(url, lambda base: assume_role(base, ROLE, session_name="nightly")))
        for _ in range(7)
    ]
    plain, ours = (min(column) for column in zip(*rounds, strict=True))
    calls_to_sts(url)
    print(f"one session and first call: {ours:.2f} s, by hand {plain:.2f} s: {ours / plain:.2f}×")
    return bool(ours <= FIRST_CALL_BUDGET * plain)


def use_fresh_session(url: str) -> bool:
    """From 16 threads at once."""
    session = assume_role(new_base(url), ROLE, session_name="nightly", validate=False)
    client = session.client("s3")
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: client.list_buckets(), range(THREADS * 10)))
    calls = calls_to_sts(url)
    print(f"16 threads × 10 calls on a fresh session: {calls} call to STS, {time.perf_counter() - start:.2f} s")
    return calls == 1


def refresh_under_load(url: str) -> bool:
    """16 threads that never stop, over three lifetimes of the credentials."""
    client = assume_role(new_base(url), f"{ROLE}Short", session_name="nightly").client("s3")
    calls_to_sts(url)
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
    calls = calls_to_sts(url)
    print(
        f"renewal under load: {len(taken)} calls of 16 threads over {SHORT_LIFETIME * 3} s, credentials of "
        f"{SHORT_LIFETIME} s: {calls} calls to STS, no failure, slowest call {max(taken):.2f} s"
    )
    return calls <= 5


def overhead_of_a_call(url: str) -> bool:
    """Against a client with fixed credentials, without a network: only what happens in this process."""
    base = new_base(url)
    sessions = by_hand(base), assume_role(base, ROLE, session_name="nightly")
    calls_to_sts(url)
    clients = [session.client("s3") for session in sessions]
    for client in clients:
        client.meta.events.register("before-send.s3", no_network)

    def seconds(index: int) -> float:
        start = time.perf_counter()
        for _ in range(20):
            clients[index].list_buckets()
        return time.perf_counter() - start

    rounds = [(seconds(0), seconds(1), seconds(1), seconds(0)) for _ in range(60)]
    plain = statistics.median(min(a, d) for a, _, _, d in rounds) / 20
    ours = statistics.median(min(b, c) for _, b, c, _ in rounds) / 20
    share = ours / plain - 1
    print(
        f"each later call: {ours * 1e6:.0f} µs of this process, plain client {plain * 1e6:.0f} µs: {share:+.1%}; "
        f"of a call that takes {LATENCY * 1e3:.0f} ms {max(0, ours - plain) / LATENCY:.3%}"
    )
    return share <= OVERHEAD_BUDGET


class Nothing:
    """The body of an answer."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it."""
        yield BUCKETS.encode()


def no_network(request: AWSPreparedRequest, **_: object) -> Any:
    """An answer at once."""
    return AWSResponse(request.url, 200, HTTPHeaders.from_dict({"Content-Type": "text/xml"}), Nothing())


def main() -> None:
    """Run all, and fail where one is over its budget."""
    with aws() as url:
        results = [run(url) for run in (compare_first_call, use_fresh_session, refresh_under_load, overhead_of_a_call)]
    if not all(results):
        raise SystemExit("assume_role is over its budget")


if __name__ == "__main__":
    main()
