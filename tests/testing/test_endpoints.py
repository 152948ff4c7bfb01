"""No request leaves the sandbox: every form of AWS's endpoints is answered, and another host is an error."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from xacct import XacctError
from xacct.arn import partition
from xacct.testing import Sandbox
from xacct.testing.endpoints import endpoint_url

from .conftest import PROD, REGION, Two

VARIANTS = {
    "https://s3-fips.aws-global.amazonaws.com/": "https://s3.us-east-1.amazonaws.com/",
    "https://s3.dualstack.us-east-1.amazonaws.com/a": "https://s3.us-east-1.amazonaws.com/a",
    "https://my-fips.s3.us-east-1.amazonaws.com/": "https://my-fips.s3.us-east-1.amazonaws.com/",
    "https://my-fips.s3-fips.dualstack.us-east-1.amazonaws.com/": "https://my-fips.s3.us-east-1.amazonaws.com/",
    "https://my.dualstack.fips.s3.amazonaws.com/?x=1": "https://my.dualstack.fips.s3.amazonaws.com/?x=1",
    "https://s3-us-west-2.amazonaws.com/": "https://s3-us-west-2.amazonaws.com/",
    "https://iam-fips.amazonaws.com/": "https://iam.amazonaws.com/",
    "https://iam.global.api.aws/": "https://iam.us-east-1.amazonaws.com/",
    "https://kms-fips.us-east-1.api.aws/": "https://kms.us-east-1.amazonaws.com/",
    "https://api-fips.sagemaker.us-east-1.amazonaws.com/": "https://api.sagemaker.us-east-1.amazonaws.com/",
    "https://fips.batch.us-east-1.amazonaws.com/": "https://batch.us-east-1.amazonaws.com/",
    "https://111111111111.s3-control-fips.us-east-1.amazonaws.com/": (
        "https://111111111111.s3-control.us-east-1.amazonaws.com/"
    ),
    "https://dsql.us-east-1.api.aws/": "https://dsql.us-east-1.api.aws/",
    "https://eu-west-1.queue.amazonaws.com/": "https://eu-west-1.queue.amazonaws.com/",
}


@pytest.mark.parametrize("url", VARIANTS)
def test_moto_gets_the_standard_endpoint(url: str) -> None:
    assert endpoint_url(url, partition("aws")) == VARIANTS[url]


DUAL_STACK, FIPS = {"use_dualstack_endpoint": True}, {"use_fips_endpoint": True}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, options) for name in ("aws", "aws-us-gov", "aws-eusc") for options in ({}, DUAL_STACK, FIPS)),
        ("aws", {**DUAL_STACK, **FIPS}),
        # S3 has no FIPS endpoints in China.
        *(("aws-cn", options) for options in ({}, DUAL_STACK)),
    ],
    ids=str,
)
def test_clients_of_every_endpoint_variant_reach_the_accounts(name: str, options: dict[str, bool]) -> None:
    with Sandbox([PROD], partition=name) as aws:
        session = aws.account(PROD).session

        def client(service: Any) -> Any:
            return session.client(service, config=Config(**options))

        assert client("sts").get_caller_identity()["Account"] == PROD
        assert [user["UserName"] for user in client("iam").list_users()["Users"]] == ["Administrator"]
        s3 = client("s3")
        s3.create_bucket(Bucket="reports-fips", CreateBucketConfiguration={"LocationConstraint": session.region_name})
        s3.put_object(Bucket="reports-fips", Key="january", Body=b"42")
        assert s3.get_object(Bucket="reports-fips", Key="january")["Body"].read() == b"42"
        assert client("kms").create_key()["KeyMetadata"]["AWSAccountId"] == PROD
        assert (
            requests.get(
                s3.generate_presigned_url("get_object", Params={"Bucket": "reports-fips", "Key": "january"}), timeout=5
            ).text
            == "42"
        )


@pytest.mark.parametrize(
    ("service", "region", "options", "host", "reason"),
    [
        ("sts", "cn-north-1", {}, "sts.cn-north-1.amazonaws.com.cn", "it is in partition aws-cn, the sandbox in aws"),
        ("kms", "eusc-de-east-1", {}, "kms.eusc-de-east-1.amazonaws.eu", "it is in partition aws-eusc"),
        ("s3", REGION, {"endpoint_url": "https://minio.example.com"}, "minio.example.com", "it is not AWS's"),
        ("deadline", REGION, {}, "management.deadline.eu-central-1.amazonaws.com", "moto does not implement"),
    ],
)
def test_a_request_to_another_host_is_an_error_with_its_name(
    two: Two, service: Any, region: str, options: dict[str, Any], host: str, reason: str
) -> None:
    calls = {"sts": "get_caller_identity", "kms": "list_keys", "s3": "list_buckets", "deadline": "list_farms"}
    client = two.prod.client(service, region_name=region, **options)
    with pytest.raises(XacctError, match=f"^{host}: .*{reason}.*nothing was sent to it"):
        getattr(client, calls[service])()


def test_a_service_without_a_backend_is_an_error_with_its_host_over_the_server_too(two: Two) -> None:
    config = Config(inject_host_prefix=False)
    with two.aws.serve() as server, pytest.raises(ClientError, match=r"amazonaws\.com: moto does not implement"):
        two.prod.client("deadline", endpoint_url=server.url, config=config).list_farms()


def test_addresses_of_this_machine_are_allowed(two: Two) -> None:
    with two.aws.serve() as server:
        port = server.url.rpartition(":")[2]
        for host in ("127.0.0.1", "localhost"):
            client = two.prod.client("sts", endpoint_url=f"http://{host}:{port}")
            assert client.get_caller_identity()["Account"] == PROD


BEFORE_MOTO = """
import boto3

sts = boto3.client("sts", "eu-central-1", aws_access_key_id="AKIAREAL", aws_secret_access_key="real")
from xacct.testing import Sandbox

with Sandbox(["111111111111"]) as aws:
    try:
        sts.get_caller_identity()
    except sts.exceptions.ClientError as error:
        print(error.response["Error"]["Code"])
    print(aws.calls[-1].operation)
"""


def test_a_client_made_before_moto_was_imported_is_answered_by_the_sandbox() -> None:
    ran = subprocess.run([sys.executable, "-c", BEFORE_MOTO], capture_output=True, text=True, check=False, timeout=60)
    assert ran.stdout.split() == ["InvalidClientTokenId", "GetCallerIdentity"], ran.stdout + ran.stderr


def test_the_library_requests_is_answered_in_other_partitions() -> None:
    with Sandbox([PROD], partition="aws-eusc"):
        assert requests.get("https://reports.s3.eusc-de-east-1.amazonaws.eu/k", timeout=5).status_code == 403


def test_clients_send_again_after_the_sandbox_is_closed() -> None:
    send = URLLib3Session.send
    with Sandbox([PROD]):
        assert URLLib3Session.send is not send
    assert URLLib3Session.send is send
