"""Two accounts of the sandbox between which access is granted, for the tests of what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import boto3
from attrs import frozen

from xacct import CrossAccountAccess, grant_cross_account_read
from xacct.testing import Sandbox

__all__ = ["EC2_FULL", "S3_READ", "TRUSTED", "TRUSTING", "TwoAccounts", "two_accounts"]

TRUSTING, TRUSTED = "111111111111", "222222222222"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
EC2_FULL = "arn:aws:iam::aws:policy/AmazonEC2FullAccess"


@frozen
class TwoAccounts:
    """Sessions of the administrators of both accounts."""

    aws: Sandbox
    production: boto3.Session
    development: boto3.Session

    def grant(self, **options: Any) -> CrossAccountAccess:
        """Grant access from the production account to the development account."""
        access = grant_cross_account_read(self.production, self.development, **options)
        assert isinstance(access, CrossAccountAccess)
        return access

    def in_hours(self, hours: float) -> datetime:
        """Return a time of the sandbox's clock, in whole seconds as policies have them."""
        return self.aws.clock.now().replace(microsecond=0) + timedelta(hours=hours)

    def writes(self) -> list[str]:
        """Return the operations that changed IAM since the record of calls was cleared."""
        verbs = ("Add", "Attach", "Create", "Delete", "Detach", "Put", "Remove", "Set", "Tag", "Untag", "Update")
        return [call.operation for call in self.aws.calls if call.operation.startswith(verbs)]

    def bucket(self, name: str, *keys: str) -> None:
        """Create a bucket of the production account with some objects."""
        s3 = self.production.client("s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for key in keys:
            s3.put_object(Bucket=name, Key=key, Body=b"42")

    def foreign_role(self, name: str, **tags: str) -> None:
        """Create a role of the production account as somebody else does."""
        trust = {"Effect": "Allow", "Principal": {"AWS": TRUSTED}, "Action": "sts:AssumeRole"}
        self.production.client("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )


@contextmanager
def two_accounts() -> Iterator[TwoAccounts]:
    """Open a sandbox with both accounts."""
    with Sandbox([TRUSTING, TRUSTED]) as aws:
        yield TwoAccounts(aws, aws.account(TRUSTING).session, aws.account(TRUSTED).session)
