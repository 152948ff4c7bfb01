"""Moto is started for a sandbox, and left as it was."""

from __future__ import annotations

import gc

import boto3
import pytest
import requests
from moto import backend_index, mock_aws
from moto.core.base_backend import BaseBackend
from moto.s3.models import FakeKey

from xacct.testing import Sandbox
from xacct.testing.moto_start import moto_started


def buckets() -> list[str]:
    s3 = boto3.client("s3", "us-east-1", aws_access_key_id="any", aws_secret_access_key="any")
    return [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def create_bucket(name: str) -> None:
    boto3.client("s3", "us-east-1", aws_access_key_id="any", aws_secret_access_key="any").create_bucket(Bucket=name)


def test_each_start_has_empty_accounts() -> None:
    for _ in range(2):
        with moto_started():
            assert buckets() == []
            create_bucket("reports")
            assert buckets() == ["reports"]


def test_requests_of_the_library_requests_reach_moto_only_while_it_is_started() -> None:
    send = requests.adapters.HTTPAdapter.send
    with moto_started():
        assert requests.get("https://reports.s3.amazonaws.com/k", timeout=5).status_code == 404
    assert requests.adapters.HTTPAdapter.send is send


def test_what_moto_computes_is_restored_also_after_an_error() -> None:
    before = (vars(BaseBackend)["urls"], [*backend_index.backend_url_patterns])
    with pytest.raises(ValueError, match="in the block"), moto_started():
        raise ValueError("in the block")
    assert (vars(BaseBackend)["urls"], backend_index.backend_url_patterns) == before


def test_it_starts_within_a_mock_of_the_user_and_leaves_it_running() -> None:
    with mock_aws():
        create_bucket("ours")
        with moto_started():
            assert buckets() == ["ours"]
        assert buckets() == ["ours"]


def test_an_object_that_is_overwritten_is_forgotten() -> None:
    def objects() -> int:
        return sum(isinstance(found, FakeKey) for found in gc.get_objects())

    with Sandbox(["111111111111"]) as aws:
        s3 = aws.account("111111111111").session.client("s3")
        s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for number in range(20):
            s3.put_object(Bucket="reports", Key="january", Body=b"%d" % number)
        gc.collect()
        assert objects() < 5
        assert s3.get_object(Bucket="reports", Key="january")["Body"].read() == b"19"
