"""S3's DeleteObjects for callers that may delete some of the objects."""

from __future__ import annotations

from typing import Any

from .conftest import REGION, Two, document


def bucket_with(two: Two, *keys: str) -> Any:
    """Create a bucket in which nobody may delete objects under ``keep/``, and return a client."""
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in keys:
        s3.put_object(Bucket="reports", Key=key, Body=b"42")
    keep = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::reports/keep/*"}
    s3.put_bucket_policy(Bucket="reports", Policy=document(keep))
    return s3


def keys_in_bucket(s3: Any) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="reports").get("Contents", [])]


def entries(*keys: str) -> Any:
    return [{"Key": key} for key in keys]


def test_each_denied_object_is_reported_and_kept(two: Two) -> None:
    s3 = bucket_with(two, "keep/a", "tmp/b")
    answer = s3.delete_objects(Bucket="reports", Delete={"Objects": entries("keep/a", "tmp/b")})
    assert [deleted["Key"] for deleted in answer["Deleted"]] == ["tmp/b"]
    assert [(error["Key"], error["Code"]) for error in answer["Errors"]] == [("keep/a", "AccessDenied")]
    assert keys_in_bucket(s3) == ["keep/a"]


def test_nothing_is_deleted_if_every_object_is_denied(two: Two) -> None:
    s3 = bucket_with(two, "keep/a", "tmp/b")
    answer = s3.delete_objects(Bucket="reports", Delete={"Objects": entries("keep/a")})
    assert "Deleted" not in answer
    assert keys_in_bucket(s3) == ["keep/a", "tmp/b"]


def test_quiet_mode_lists_errors_only(two: Two) -> None:
    s3 = bucket_with(two, "keep/a", "tmp/b", "tmp/c")
    answer = s3.delete_objects(Bucket="reports", Delete={"Objects": entries("keep/a", "tmp/b"), "Quiet": True})
    assert "Deleted" not in answer
    assert [error["Key"] for error in answer["Errors"]] == ["keep/a"]
    assert "Deleted" not in s3.delete_objects(Bucket="reports", Delete={"Objects": entries("tmp/c"), "Quiet": True})
    assert keys_in_bucket(s3) == ["keep/a"]
