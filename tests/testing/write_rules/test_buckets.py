"""Validation of S3 writes: bucket names, and the deletion of buckets and objects."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from tests.testing.conftest import DEV, PROD, REGION, Two, create_role, document, refusal

ROLE = f"arn:aws:iam::{PROD}:role/Reader"


def test_bucket_and_key_policies_show_the_unique_id_of_a_deleted_role(two: Two) -> None:
    unique = create_role(two)["RoleId"]
    s3, kms = two.prod.client("s3"), two.prod.client("kms")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    read = {"Effect": "Allow", "Principal": {"AWS": [ROLE, DEV]}, "Action": "s3:GetObject"}
    s3.put_bucket_policy(Bucket="reports", Policy=document({**read, "Resource": "arn:aws:s3:::reports/*"}))
    use = {"Effect": "Allow", "Principal": {"AWS": [ROLE, PROD]}, "Action": "kms:*", "Resource": "*"}
    key = kms.create_key(Policy=document(use))["KeyMetadata"]["KeyId"]
    two.prod.client("iam").delete_role(RoleName="Reader")
    assert unique.startswith("AROA")
    assert json.loads(s3.get_bucket_policy(Bucket="reports")["Policy"])["Statement"][0]["Principal"] == {
        "AWS": [unique, DEV]
    }
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    assert json.loads(policy)["Statement"][0]["Principal"] == {"AWS": [unique, PROD]}


def test_a_locked_object_cannot_be_deleted(two: Two) -> None:
    s3 = two.prod.client("s3")
    options: Any = {"CreateBucketConfiguration": {"LocationConstraint": REGION}, "ObjectLockEnabledForBucket": True}
    s3.create_bucket(Bucket="reports", **options)
    version = s3.put_object(Bucket="reports", Key="k", Body=b"42", ObjectLockLegalHoldStatus="ON")["VersionId"]
    unlocked = s3.put_object(Bucket="reports", Key="k", Body=b"43")["VersionId"]
    s3.delete_object(Bucket="reports", Key="k", VersionId=unlocked)
    said = refusal(s3.delete_object, Bucket="reports", Key="k", VersionId=version)
    assert said == "403 AccessDenied: Access Denied because object protected by object lock."
    s3.put_object_legal_hold(Bucket="reports", Key="k", VersionId=version, LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket="reports", Key="k", VersionId=version)


@pytest.mark.parametrize(
    "name", ["Reports", "a..b", "192.168.0.1", "re_ports", "ab", "a" * 64, "sthree-abc", "abc-s3alias"]
)
def test_an_invalid_bucket_name_is_refused(two: Two, name: str) -> None:
    said = refusal(two.prod.client("s3").create_bucket, Bucket=name)
    assert said == "400 InvalidBucketName: The specified bucket is not valid."


def test_a_bucket_can_be_deleted_once_all_its_versions_are(two: Two) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="reports", Key="k", Body=b"42")
    s3.delete_object(Bucket="reports", Key="k")
    text = (
        "409 BucketNotEmpty: The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    )
    assert refusal(s3.delete_bucket, Bucket="reports") == text
    listed = s3.list_object_versions(Bucket="reports")
    for entry in (*listed["Versions"], *listed["DeleteMarkers"]):
        s3.delete_object(Bucket="reports", Key="k", VersionId=entry["VersionId"])
    s3.delete_bucket(Bucket="reports")


@pytest.mark.parametrize("name", ["abc", "a" * 63, "a.b-0"])
def test_a_valid_bucket_name_is_accepted(two: Two, name: str) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [name]


def test_governance_retention_can_be_bypassed_and_a_delete_marker_is_never_locked(two: Two) -> None:
    s3 = two.prod.client("s3")
    options: Any = {"CreateBucketConfiguration": {"LocationConstraint": REGION}, "ObjectLockEnabledForBucket": True}
    s3.create_bucket(Bucket="reports", **options)
    until = datetime(2100, 1, 1, tzinfo=timezone.utc)
    locked: Any = {"Bucket": "reports", "Key": "k"}
    version = s3.put_object(**locked, Body=b"42", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)[
        "VersionId"
    ]
    marker = s3.delete_object(**locked)["VersionId"]
    said = refusal(s3.delete_object, **locked, VersionId=version)
    assert said == "403 AccessDenied: Access Denied because object protected by object lock."
    s3.delete_object(**locked, VersionId=marker, BypassGovernanceRetention=True)
    s3.delete_object(**locked, VersionId=version, BypassGovernanceRetention=True)
    assert "Versions" not in s3.list_object_versions(Bucket="reports")


def test_a_bucket_without_versions_can_be_deleted_once_it_is_empty(two: Two) -> None:
    s3 = two.prod.client("s3")
    assert refusal(s3.delete_bucket, Bucket="reports").startswith("404 NoSuchBucket: ")
    assert refusal(s3.delete_object, Bucket="reports", Key="k", VersionId="1").startswith("404 NoSuchBucket: ")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="reports", Key="k", Body=b"42")
    said = refusal(s3.delete_bucket, Bucket="reports")
    assert said == "409 BucketNotEmpty: The bucket you tried to delete is not empty"
    s3.delete_object(Bucket="reports", Key="k")
    s3.delete_bucket(Bucket="reports")


def test_a_part_of_an_upload_that_does_not_exist_is_refused(two: Two) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    part: Any = {"Bucket": "reports", "Key": "k", "UploadId": "missing"}
    source = {"Bucket": "reports", "Key": "source"}
    s3.put_object(**source, Body=b"1")
    for said in (
        refusal(s3.upload_part, **part, PartNumber=1, Body=b"1"),
        refusal(s3.upload_part_copy, **part, PartNumber=1, CopySource=source),
        refusal(s3.complete_multipart_upload, **part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]}),
    ):
        assert said.startswith("404 NoSuchUpload: The specified upload does not exist.")
    part["UploadId"] = s3.create_multipart_upload(Bucket="reports", Key="k")["UploadId"]
    etag = s3.upload_part(**part, PartNumber=1, Body=b"42")["ETag"]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(Bucket="reports", Key="k")["Body"].read() == b"42"


def test_the_tags_of_a_missing_object_cannot_be_deleted(two: Two) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    said = refusal(s3.delete_object_tagging, Bucket="reports", Key="k")
    assert said == "404 NoSuchKey: The specified key does not exist."
