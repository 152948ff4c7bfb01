"""Measure 100 tests of pytest in the sandbox and with moto alone. The budget is 1.2 times the CPU time of moto.

Each test opens the accounts, and calls S3, IAM and STS. With moto, each test makes a session, as boto3 does for plain
clients; sessions of the sandbox share botocore's models. The runs alternate, and the shortest of each counts.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 3

COMMON = """
import json
import boto3, pytest
from moto import mock_aws

TRUST = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}

def call(session):
    s3, iam, sts = session.client("s3"), session.client("iam"), session.client("sts")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="reports", Key="january", Body=b"42")
    assert s3.get_object(Bucket="reports", Key="january")["Body"].read() == b"42"
    role = iam.create_role(
        RoleName="Reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    )["Role"]
    assert sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
"""
WITH_MOTO = """
@pytest.fixture
def session():
    with mock_aws():
        yield boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-central-1")

@pytest.mark.parametrize("number", range(100))
def test_reports(number, session):
    call(session)
"""
ONE_SESSION = """
@pytest.fixture(scope="module")
def shared():
    return boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-central-1")

@pytest.mark.parametrize("number", range(100))
def test_reports(number, shared):
    with mock_aws():
        call(shared)
"""
WITH_SANDBOX = """
@pytest.mark.parametrize("number", range(100))
def test_reports(number, trusting_session):
    call(trusting_session)
"""


def seconds(folder: Path, tests: str) -> float:
    """Return the seconds of CPU time that the tests take in a process of their own."""
    file = folder / "test_reports.py"
    file.write_text(COMMON + tests)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(file)]
    subprocess.run(command, env=environment, check=True, capture_output=True, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Compare them, and return 0 if the sandbox keeps to its budget."""
    kinds = {"moto": WITH_MOTO, "moto with one session for all tests": ONE_SESSION, "the sandbox": WITH_SANDBOX}
    least: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            for name, tests in kinds.items():
                least[name] = min(seconds(Path(folder), tests), least.get(name, 1e9))
    moto, shared, sandbox = least.values()
    print("100 tests: " + ", ".join(f"{name} {taken:.1f} s" for name, taken in least.items()))
    print(f"{sandbox / moto:.2f} times moto, {sandbox / shared:.2f} times moto with one session; budget: at most 1.2")
    return 0 if sandbox / moto <= 1.2 else 1


if __name__ == "__main__":
    sys.exit(main())
