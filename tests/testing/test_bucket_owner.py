"""Requests that expect an owner of a bucket."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import DEV, PROD, REGION, Two, refusal

DENIED = "403 AccessDenied: Access Denied"


@pytest.fixture
def s3(two: Two) -> Any:
    s3 = two.prod.client("s3")
    for bucket in ("reports", "copies"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="reports", Key="k", Body=b"42")
    return s3


def test_a_request_for_a_bucket_of_another_owner_is_denied(s3: Any) -> None:
    assert refusal(s3.get_object, Bucket="reports", Key="k", ExpectedBucketOwner=DEV) == DENIED
    assert refusal(s3.list_objects_v2, Bucket="reports", ExpectedBucketOwner=DEV) == DENIED
    assert refusal(s3.put_object, Bucket="reports", Key="k", ExpectedBucketOwner=DEV) == DENIED
    assert refusal(s3.head_bucket, Bucket="reports", ExpectedBucketOwner=DEV) == "403 403: Forbidden"
    assert s3.get_object(Bucket="reports", Key="k", ExpectedBucketOwner=PROD)["Body"].read() == b"42"


def test_a_copy_from_a_bucket_of_another_owner_is_denied(s3: Any) -> None:
    copy: Any = {"Bucket": "copies", "Key": "k", "CopySource": "reports/k"}
    assert refusal(s3.copy_object, **copy, ExpectedSourceBucketOwner=DEV) == DENIED
    assert refusal(s3.copy_object, **copy, ExpectedBucketOwner=DEV) == DENIED
    s3.copy_object(**copy, ExpectedSourceBucketOwner=PROD, ExpectedBucketOwner=PROD)


def test_the_expected_owner_is_an_account_id(s3: Any) -> None:
    said = refusal(s3.list_objects_v2, Bucket="reports", ExpectedBucketOwner="me")
    assert said.startswith("400 InvalidBucketOwnerAWSAccountID: ")


def test_a_bucket_that_does_not_exist_has_no_owner(s3: Any) -> None:
    assert refusal(s3.list_objects_v2, Bucket="none", ExpectedBucketOwner=DEV).startswith("404 NoSuchBucket")
