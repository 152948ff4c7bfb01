"""Moto is started for a sandbox, and left as it was."""

from __future__ import annotations

import gc
import re
from typing import Any

import boto3
import pytest
import requests
from botocore.model import Shape
from moto import backend_index, mock_aws
from moto.core.base_backend import BaseBackend
from moto.moto_api._internal import mock_random
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


def test_the_shapes_of_an_error_are_forgotten_after_its_response() -> None:
    def shapes_after_error(sqs: Any) -> int:
        with pytest.raises(sqs.exceptions.QueueDoesNotExist):
            sqs.get_queue_url(QueueName="none")
        gc.collect()
        return sum(isinstance(found, Shape) for found in gc.get_objects())

    with Sandbox(["111111111111"]) as aws:
        sqs = aws.account("111111111111").session.client("sqs")
        first, *later = [shapes_after_error(sqs) for _ in range(4)]
    assert later == [first] * 3


@pytest.mark.parametrize(
    ("options", "form"),
    [
        ({}, "[A-Za-z0-9]{20}"),
        ({"length": 52}, "[A-Za-z0-9]{52}"),
        ({"include_digits": False}, "[A-Za-z]{20}"),
        ({"lower_case": True}, "[a-z0-9]{20}"),
    ],
)
def test_random_strings_have_the_form_that_moto_asks_for(options: dict[str, Any], form: str) -> None:
    with moto_started():
        texts = {mock_random.get_random_string(**options) for _ in range(20)}
    assert len(texts) == 20
    assert [text for text in texts if not re.fullmatch(form, text)] == []
