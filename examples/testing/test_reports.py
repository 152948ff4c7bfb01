"""Tests of reports.py on two AWS accounts that enforce IAM."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from reports import newest_report

from xacct.testing import Sandbox

TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": "222222222222"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "acme-42"}},
    },
}


@pytest.fixture(autouse=True)
def production(trusting_session: boto3.Session) -> None:
    """Create a bucket with two reports, and the role that can read it."""
    s3, iam = trusting_session.client("s3"), trusting_session.client("iam")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for name in ("2025.csv", "2026.csv"):
        s3.put_object(Bucket="reports", Key=name, Body=f"report of {name}".encode())
    iam.create_role(RoleName="ReportReader", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName="ReportReader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")


def test_development_reads_the_newest_report(trusted_session: boto3.Session) -> None:
    assert newest_report(trusted_session) == "report of 2026.csv"


def test_a_user_without_the_permission_is_refused(xacct_sandbox: Sandbox, trusted_session: boto3.Session) -> None:
    trusted_session.client("iam").create_user(UserName="colleague")
    colleague = xacct_sandbox.sign_in("arn:aws:iam::222222222222:user/colleague")
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        newest_report(colleague)
