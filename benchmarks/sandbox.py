"""Measure the time that the sandbox adds to S3 reads with moto. The budget is 30 % (median of alternating rounds)."""

from __future__ import annotations

import statistics
import sys
import time

import boto3
from moto import mock_aws

from xacct.testing import Sandbox

ACCOUNT, READS, ROUNDS = "111111111111", 300, 7


def create_object(session: boto3.Session) -> boto3.Session:
    """Create a bucket and an object, and return the session."""
    s3 = session.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="reports", Key="k", Body=b"x" * 1000)
    return session


def seconds(session: boto3.Session) -> float:
    """Return the seconds that the reads take."""
    s3 = session.client("s3")
    s3.get_object(Bucket="reports", Key="k")
    start = time.perf_counter()
    for _ in range(READS):
        s3.get_object(Bucket="reports", Key="k")["Body"].read()
    return time.perf_counter() - start


def with_moto() -> float:
    """Return the seconds of the reads with moto alone."""
    with mock_aws():
        return seconds(create_object(boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-central-1")))


def with_sandbox() -> float:
    """Return the seconds of the reads in the sandbox."""
    with Sandbox([ACCOUNT]) as aws:
        return seconds(create_object(aws.account(ACCOUNT).session))


def main() -> int:
    """Compare both, and return 0 if the sandbox adds at most 30 %."""
    pairs = [(with_moto(), with_sandbox()) for _ in range(ROUNDS)]
    ratio = statistics.median(sandbox / moto for moto, sandbox in pairs)
    best = [min(column) / READS * 1000 for column in zip(*pairs)]
    print(f"moto {best[0]:.2f} ms, sandbox {best[1]:.2f} ms per GetObject: {ratio - 1:+.0%}; budget: at most +30 %")
    return 0 if ratio <= 1.3 else 1


if __name__ == "__main__":
    sys.exit(main())
