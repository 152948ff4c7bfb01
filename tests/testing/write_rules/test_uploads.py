"""What uploads to S3 permit; what they refuse is in the recorded answers."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import pytest
from tests.testing.conftest import REGION, Two

DATA = b"0" * (5 * 1024 * 1024)


@pytest.fixture
def s3(two: Two) -> Any:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3


def test_the_digest_is_that_of_the_content_and_not_of_its_chunks(s3: Any) -> None:
    digest = b64encode(hashlib.md5(b"42", usedforsecurity=False).digest()).decode()
    s3.put_object(Bucket="reports", Key="k", Body=b"42", ContentMD5=digest)
    assert s3.get_object(Bucket="reports", Key="k")["Body"].read() == b"42"


def test_parts_make_an_object(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="reports", Key="k")["UploadId"]
    target = {"Bucket": "reports", "Key": "k", "UploadId": upload}
    parts = [
        {"ETag": s3.upload_part(**target, PartNumber=number, Body=body)["ETag"], "PartNumber": number}
        for number, body in ((2, DATA), (5, b"end"))
    ]
    s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket="reports", Key="k")["ContentLength"] == len(DATA) + 3


def test_an_object_can_be_written_only_once(s3: Any) -> None:
    s3.put_object(Bucket="reports", Key="k", Body=b"42", IfNoneMatch="*", Tagging="project=x&note=a%20b%2Bc")
    tags = s3.get_object_tagging(Bucket="reports", Key="k")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"project": "x", "note": "a b+c"}
