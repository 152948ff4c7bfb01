"""What the sandbox adds to moto on reads of S3; at most 30 %, as the median of rounds that take turns."""

from __future__ import annotations

import statistics
import sys
import time

import boto3
from moto import mock_aws

from xacct.testing import Sandbox

ACCOUNT, READS, ROUNDS = "111111111111", 300, 7


def filled(session: boto3.Session) -> boto3.Session:
    """The session, with a bucket and an object."""
    s3 = session.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="reports", Key="k", Body=b"x" * 1000)
    return session


def seconds(session: boto3.Session) -> float:
    """How long the reads take."""
    s3 = session.client("s3")
    s3.get_object(Bucket="reports", Key="k")
    start = time.perf_counter()
    for _ in range(READS):
        s3.get_object(Bucket="reports", Key="k")["Body"].read()
    return time.perf_counter() - start


def plain() -> float:
    """The reads with moto alone."""
    with mock_aws():
        return seconds(filled(boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-central-1")))


def enforced() -> float:
    """The reads in the sandbox."""
    with Sandbox([ACCOUNT]) as aws:
        return seconds(filled(aws.account(ACCOUNT).session))


def main() -> int:
    """Measure both in turns; 0 if the sandbox adds no more than 30 %."""
    pairs = [(plain(), enforced()) for _ in range(ROUNDS)]
    ratio = statistics.median(ours / motos for motos, ours in pairs)
    best = [min(column) / READS * 1000 for column in zip(*pairs)]
    print(f"moto {best[0]:.2f} ms, sandbox {best[1]:.2f} ms for one GetObject: {ratio - 1:+.0%}; wanted at most +30 %")
    return 0 if ratio <= 1.3 else 1


if __name__ == "__main__":
    sys.exit(main())
