"""The sandbox in every partition that moto supports, and in none of the others."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from xacct import InvalidValue, arn, grant_cross_account_read
from xacct.testing import Sandbox

from .conftest import DEV, PROD

REGIONS = {
    "aws": "eu-central-1",
    "aws-cn": "cn-north-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-us-gov": "us-gov-west-1",
}


def create_bucket(session: boto3.Session) -> None:
    s3 = session.client("s3")
    region: Any = s3.meta.region_name
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": region})
    s3.put_object(Bucket="reports", Key="january", Body=b"42")


@pytest.mark.parametrize("partition", REGIONS)
def test_a_grant_can_be_made_used_and_revoked_in_a_partition(partition: str) -> None:
    with Sandbox([PROD, DEV], partition=partition) as aws:
        prod, dev = aws.account(PROD).session, aws.account(DEV).session
        create_bucket(prod)
        access = grant_cross_account_read(prod, dev)
        s3 = access.session().client("s3")
        assert access.role_arn == f"arn:{partition}:iam::{PROD}:role/CrossAccountRoleS3"
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["reports"]
        assert s3.get_object(Bucket="reports", Key="january")["Body"].read() == b"42"
        assert access.verify().ok
        access.revoke()
        assert not [
            call for call in aws.calls if call.caller.startswith("arn:") and f":{partition}:" not in call.caller
        ]


@pytest.mark.parametrize(("partition", "region"), REGIONS.items())
def test_the_default_region_is_in_the_partition(partition: str, region: str) -> None:
    assert Sandbox(partition=partition).region == region


@pytest.mark.parametrize("partition", REGIONS)
def test_every_service_uses_arns_of_the_partition(partition: str) -> None:
    with Sandbox([PROD], partition=partition) as aws:
        session = aws.account(PROD).session
        assert session.client("sts").get_caller_identity()["Arn"] == f"arn:{partition}:iam::{PROD}:user/Administrator"
        iam = session.client("iam")
        assert iam.create_user(UserName="alice")["User"]["Arn"] == f"arn:{partition}:iam::{PROD}:user/alice"
        key = session.client("kms").create_key()["KeyMetadata"]["Arn"]
        assert key.startswith(f"arn:{partition}:kms:{REGIONS[partition]}:{PROD}:key/")


@pytest.mark.parametrize("partition", REGIONS)
def test_the_server_works_in_every_partition(partition: str) -> None:
    with Sandbox([PROD], partition=partition) as aws, aws.serve() as server:
        iam = aws.account(PROD).session.client("iam", endpoint_url=server.url)
        assert iam.get_user()["User"]["Arn"] == f"arn:{partition}:iam::{PROD}:user/Administrator"


@pytest.mark.parametrize("partition", ["aws-iso-e", "aws-iso-f"])
def test_a_partition_that_moto_does_not_support_is_refused(partition: str) -> None:
    supported = "aws, aws-cn, aws-eusc, aws-iso, aws-iso-b, aws-us-gov"
    with pytest.raises(InvalidValue, match=f"a partition that the sandbox supports: {supported}"):
        Sandbox(partition=partition)


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "cn-north-1"), ("aws-cn", "eu-central-1"), ("aws-us-gov", "us-iso-east-1")]
)
def test_a_region_of_another_partition_is_refused(partition: str, region: str) -> None:
    expected = f"a region of partition {partition}, such as {arn.partition(partition).global_region}"
    with pytest.raises(InvalidValue, match=expected):
        Sandbox(partition=partition, region=region)
