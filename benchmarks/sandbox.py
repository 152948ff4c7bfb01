"""Measure the time that the sandbox adds to calls with moto. The budget is 15 % of all calls together.

The rounds alternate, and the least CPU time of each call counts: other programs on the machine can only add to it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from moto import mock_aws

from xacct.testing import Sandbox

ACCOUNT, REGION, CALLS, ROUNDS = "111111111111", "eu-central-1", 60, 9


def prepare(session: Any) -> Mapping[str, Callable[[], object]]:
    """Create what the calls need, and return them by name."""
    s3, iam, sts, kms, sqs = (session.client(name) for name in ("s3", "iam", "sts", "kms", "sqs"))
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="reports", Key="k", Body=b"x" * 1000)
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    key, queue = kms.create_key()["KeyMetadata"]["KeyId"], sqs.create_queue(QueueName="queue")["QueueUrl"]
    return {
        "s3 GetObject": lambda: s3.get_object(Bucket="reports", Key="k"),
        "s3 PutObject": lambda: s3.put_object(Bucket="reports", Key="new", Body=b"x" * 1000),
        "s3 ListObjectsV2": lambda: s3.list_objects_v2(Bucket="reports"),
        "sts GetCallerIdentity": sts.get_caller_identity,
        "sts AssumeRole": lambda: sts.assume_role(RoleArn=role, RoleSessionName="test"),
        "iam GetRole": lambda: iam.get_role(RoleName="Reader"),
        "iam ListRoles": iam.list_roles,
        "kms Encrypt": lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        "sqs SendMessage": lambda: sqs.send_message(QueueUrl=queue, MessageBody="x"),
    }


def milliseconds(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the least CPU time of each call."""
    least = {}
    for name, call in calls.items():
        times = []
        for _ in range(CALLS):
            begin = time.process_time()
            call()
            times.append(time.process_time() - begin)
        least[name] = min(times) * 1000
    return least


def with_moto() -> dict[str, float]:
    """Return the times with moto alone."""
    with mock_aws():
        return milliseconds(prepare(boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)))


def with_sandbox() -> dict[str, float]:
    """Return the times in the sandbox."""
    with Sandbox([ACCOUNT], region=REGION) as aws:
        return milliseconds(prepare(aws.account(ACCOUNT).session))


def main() -> int:
    """Compare both, and return 0 if the sandbox adds at most 15 %."""
    pairs = [(with_moto(), with_sandbox()) for _ in range(ROUNDS)]
    total_moto = total_sandbox = 0.0
    for name in pairs[0][0]:
        moto, sandbox = min(pair[0][name] for pair in pairs), min(pair[1][name] for pair in pairs)
        total_moto, total_sandbox = total_moto + moto, total_sandbox + sandbox
        print(f"{name:22} moto {moto:.2f} ms, sandbox {sandbox:.2f} ms: {sandbox / moto - 1:+.0%}")
    added = total_sandbox / total_moto - 1
    print(f"all calls {added:+.0%}; budget: at most +15 %")
    return 0 if added <= 0.15 else 1


if __name__ == "__main__":
    sys.exit(main())
