"""Measure one S3 call in each of 200 accounts with `fan_out`, with a thread pool, and with botocove.

Each runs in a separate process, against a local server that answers STS and S3 requests after 100 ms.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec

import boto3
from slow_aws import aws

from xacct import fan_out

ACCOUNTS = 200
ROLES = [f"arn:aws:iam::{number:012}:role/Reader" for number in range(1, ACCOUNTS + 1)]
SECONDS, MEBIBYTES = 3.0, 200


def buckets(session: boto3.Session) -> int:
    """Call S3 once, and return the number of buckets."""
    return len(session.client("s3").list_buckets()["Buckets"])


def with_fan_out() -> int:
    """Call S3 in each account with `fan_out`."""
    return len(fan_out(ROLES, buckets, session_name="nightly", progress=False).results)


def with_threads() -> int:
    """Call S3 in each account with typical code: a thread pool, and a session and an STS client per account."""

    def in_account(role: str) -> int:
        keys = boto3.Session().client("sts").assume_role(RoleArn=role, RoleSessionName="nightly")["Credentials"]
        return buckets(boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]))

    with ThreadPoolExecutor(32) as pool:
        return len(list(pool.map(in_account, ROLES)))


def with_botocove() -> int:
    """Call S3 in each account with botocove and its default settings."""
    cove = import_module("botocove").cove
    accounts = [role.split(":")[4] for role in ROLES]
    results = cove(buckets, target_ids=accounts, rolename="Reader", role_session_name="nightly")()
    return len(results["Results"])


IMPLEMENTATIONS: dict[str, Callable[[], int]] = {
    "fan_out": with_fan_out,
    "threads": with_threads,
    "botocove": with_botocove,
}


def measure(implementation: str, url: str) -> tuple[float, float]:
    """Run an implementation in a new process, and return the seconds and the peak memory in MiB."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    process = subprocess.run(
        [sys.executable, __file__, implementation], env=environment, check=True, capture_output=True, text=True
    )
    seconds, mebibytes = json.loads(process.stdout)
    return seconds, mebibytes


def main() -> None:
    """Measure each implementation, and exit with an error if fan_out exceeds its budget."""
    with aws() as url:
        taken = {name: measure(name, url) for name in IMPLEMENTATIONS if name != "botocove" or find_spec("botocove")}
    for name, (seconds, mebibytes) in taken.items():
        ratio = seconds / taken["fan_out"][0]
        print(f"{name:10} {ACCOUNTS} accounts: {seconds:6.2f} s ({ratio:.1f}×), {mebibytes:4.0f} MiB")
    if taken["fan_out"][0] > SECONDS or taken["fan_out"][1] > MEBIBYTES:
        raise SystemExit(f"fan_out exceeds its budget of {SECONDS} s and {MEBIBYTES} MiB")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        start = time.perf_counter()
        assert IMPLEMENTATIONS[sys.argv[1]]() == ACCOUNTS
        print(json.dumps((time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))
