"""Measure one S3 call in each of many accounts with `fan_out`, with a thread pool, and with botocove.

Each runs in a separate process, against a local server that answers STS and S3 requests after 100 ms. The others do the
same as `fan_out` for 200 accounts. More accounts, throttling, and accounts that are denied or hang are for `fan_out`
only. "Calls only" makes the same two calls for each account with two clients for all: the least that code with boto3
can take, although it calls S3 in one account.

Times depend on the machine, and on what else it does. The ratios, and the CPU time for each account, say more.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import boto3
from attrs import asdict, frozen
from botocore.config import Config
from slow_aws import LIMIT, aws

from xacct import fan_out

ACCOUNTS = 200
THREADS = 48  # as many as fan_out


def roles(number: int, name: Callable[[int], str] = lambda _: "Reader") -> list[str]:
    """Return the ARN of a role in each of as many accounts, with the name for its place."""
    return [f"arn:aws:iam::{account:012}:role/{name(account)}" for account in range(1, number + 1)]


def stray(account: int) -> str:
    """Throttle every 20th role twice."""
    return "Throttled" if account % 20 == 0 else "Reader"


def mixed(account: int) -> str:
    """Let two accounts hang, deny every 10th role, and throttle every 20th twice."""
    if account in (333, 667):
        return "Hung" if account == 333 else "HungS3"
    return "Denied" if account % 10 == 5 else stray(account)


def buckets(session: boto3.Session) -> int:
    """Call S3 once, and return the number of buckets."""
    return len(session.client("s3").list_buckets()["Buckets"])


def with_fan_out(arns: list[str]) -> Counter[str]:
    """Call S3 in each account with `fan_out`, and count how they end."""
    found = fan_out(arns, buckets, session_name="nightly", progress=False)
    return Counter({"ok": len(found.results)}) + Counter(type(error).__name__ for error in found.errors.values())


def with_threads() -> Counter[str]:
    """Call S3 in each account with plain boto3: a thread pool, one STS client, and a session for each account."""
    sts = boto3.Session().client("sts", config=Config(max_pool_connections=THREADS))

    def in_account(role: str) -> int:
        keys = sts.assume_role(RoleArn=role, RoleSessionName="nightly")["Credentials"]
        return buckets(boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]))

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(ok=len(list(pool.map(in_account, roles(ACCOUNTS)))))


def with_calls_only(number: int) -> Counter[str]:
    """Make the calls without any session for an account."""
    session = boto3.Session()
    config = Config(max_pool_connections=THREADS)
    sts, s3 = session.client("sts", config=config), session.client("s3", config=config)

    def calls(role: str) -> int:
        sts.assume_role(RoleArn=role, RoleSessionName="nightly")
        return len(s3.list_buckets()["Buckets"])

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(ok=len(list(pool.map(calls, roles(number)))))


def with_botocove() -> Counter[str]:
    """Call S3 in each account with botocove and its default settings."""
    cove = import_module("botocove").cove
    accounts = [role.split(":")[4] for role in roles(ACCOUNTS)]
    results = cove(buckets, target_ids=accounts, rolename="Reader", role_session_name="nightly")()
    return Counter(ok=len(results["Results"]))


RUNS: dict[str, Callable[[], Counter[str]]] = {
    "fan_out": partial(with_fan_out, roles(ACCOUNTS)),
    "threads": with_threads,
    "botocove": with_botocove,
    "1,000 accounts": partial(with_fan_out, roles(1000)),
    "1,000, calls only": partial(with_calls_only, 1000),
    "300 accounts": partial(with_fan_out, roles(300)),
    "300, 5 % throttled twice": partial(with_fan_out, roles(300, stray)),
    f"300, {LIMIT} per second": partial(with_fan_out, roles(300, lambda _: "Limited")),
    "1,000 with errors": partial(with_fan_out, roles(1000, mixed)),
}
EXPECTED = {
    name: Counter(ok=int(number.replace(",", "")))
    for name in RUNS
    for number in [name.partition(" ")[0].rstrip(",") if name[0].isdigit() else str(ACCOUNTS)]
} | {"1,000 with errors": Counter(ok=898, AssumeRoleDenied=100, TargetTimedOut=2)}
BUDGETS = {"fan_out": (2.5, 80), "1,000 accounts": (10, 100), "1,000 with errors": (75, 100)}


@frozen
class Taken:
    """What a run took."""

    seconds: float
    cpu_seconds: float
    mebibytes: float


def measure(run: str, url: str) -> Taken:
    """Do a run in a new process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    process = subprocess.run([sys.executable, __file__, run], env=environment, check=True, stdout=subprocess.PIPE)
    return Taken(**json.loads(process.stdout))


def main() -> None:
    """Measure each run, and exit with an error if fan_out exceeds a budget."""
    taken: dict[str, Taken] = {}
    for name in RUNS:
        if name == "botocove" and not find_spec("botocove"):
            continue
        with aws() as url:
            it = taken[name] = measure(name, url)
        ratio = it.seconds / taken["fan_out"].seconds
        cpu = it.cpu_seconds / EXPECTED[name].total() * 1000
        print(
            f"{name:26} {it.seconds:6.2f} s ({ratio:4.1f}×), {it.mebibytes:4.0f} MiB, "
            f"{cpu:5.1f} ms of CPU time for each account",
            flush=True,
        )
    stray_ratio = taken["300, 5 % throttled twice"].seconds / taken["300 accounts"].seconds
    limit_ratio = taken[f"300, {LIMIT} per second"].seconds / ((300 - LIMIT) / LIMIT)  # the bucket is full at first
    print(f"5 % throttled twice: {stray_ratio:.2f}× the time without; {LIMIT} per second: {limit_ratio:.2f}× the least")
    ours, plain, least = (taken[name].cpu_seconds for name in ("1,000 accounts", "threads", "1,000, calls only"))
    print(
        f"CPU time for each account: plain boto3 {plain / ACCOUNTS / ours * 1000:.0f}×, calls only {least / ours:.2f}×"
    )
    if hasattr(os, "getloadavg"):
        print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    exceeded = [
        name
        for name, (seconds, mebibytes) in BUDGETS.items()
        if taken[name].seconds > seconds or taken[name].mebibytes > mebibytes
    ]
    exceeded += ["stray throttles"] * (stray_ratio > 1.5) + ["sustained limit"] * (limit_ratio > 1.3)
    if exceeded:
        raise SystemExit(f"these exceed their budget of time or memory: {', '.join(exceeded)}")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        start, cpu_start = time.perf_counter(), time.process_time()
        found = RUNS[sys.argv[1]]()
        assert found == EXPECTED[sys.argv[1]], found
        it = Taken(
            time.perf_counter() - start,
            time.process_time() - cpu_start,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )
        print(json.dumps(asdict(it)))
