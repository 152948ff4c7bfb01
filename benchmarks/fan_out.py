"""200 roles in 200 accounts, one call to S3 in each: by `fan_out`, by threads with a session each, and by botocove.

Each runs in a process of its own, against STS and S3 that take 100 ms to answer.
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
    """One call to S3."""
    return len(session.client("s3").list_buckets()["Buckets"])


def ours() -> int:
    """With one STS client, and sessions that share what can be shared."""
    return len(fan_out(ROLES, buckets, session_name="nightly", progress=False).results)


def threads() -> int:
    """What people write: a thread, a session and an STS client for each account."""

    def in_account(role: str) -> int:
        keys = boto3.Session().client("sts").assume_role(RoleArn=role, RoleSessionName="nightly")["Credentials"]
        return buckets(boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]))

    with ThreadPoolExecutor(32) as pool:
        return len(list(pool.map(in_account, ROLES)))


def botocove() -> int:
    """The library for the same, by its own defaults."""
    cove = import_module("botocove").cove
    accounts = [role.split(":")[4] for role in ROLES]
    found = cove(buckets, target_ids=accounts, rolename="Reader", role_session_name="nightly")()
    return len(found["Results"])


WAYS: dict[str, Callable[[], int]] = {"fan_out": ours, "threads": threads, "botocove": botocove}


def measured(way: str, url: str) -> tuple[float, float]:
    """Seconds, and MiB at most, of a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    done = subprocess.run([sys.executable, __file__, way], env=environment, check=True, capture_output=True, text=True)
    seconds, mebibytes = json.loads(done.stdout)
    return seconds, mebibytes


def main() -> None:
    """Run all, and fail where ours is over its budget."""
    with aws() as url:
        taken = {way: measured(way, url) for way in WAYS if way != "botocove" or find_spec("botocove")}
    for way, (seconds, mebibytes) in taken.items():
        ratio = seconds / taken["fan_out"][0]
        print(f"{way:10} {ACCOUNTS} accounts: {seconds:6.2f} s ({ratio:.1f}×), {mebibytes:4.0f} MiB")
    if taken["fan_out"][0] > SECONDS or taken["fan_out"][1] > MEBIBYTES:
        raise SystemExit(f"fan_out is over its budget of {SECONDS} s and {MEBIBYTES} MiB")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        start = time.perf_counter()
        assert WAYS[sys.argv[1]]() == ACCOUNTS
        print(json.dumps((time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))
