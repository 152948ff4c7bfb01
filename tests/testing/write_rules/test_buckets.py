"""Buckets and objects that AWS does not make or does not delete."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.testing.conftest import DEV, PROD, REGION, Two, create_role, document, refusal

ROLE = f"arn:aws:iam::{PROD}:role/Reader"


def test_a_deleted_role_is_known_by_its_id_in_bucket_and_key_policies(two: Two) -> None:
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


def test_an_object_under_lock_stays(two: Two) -> None:
    s3 = two.prod.client("s3")
    options: Any = {"CreateBucketConfiguration": {"LocationConstraint": REGION}, "ObjectLockEnabledForBucket": True}
    s3.create_bucket(Bucket="reports", **options)
    version = s3.put_object(Bucket="reports", Key="k", Body=b"42", ObjectLockLegalHoldStatus="ON")["VersionId"]
    said = refusal(s3.delete_object, Bucket="reports", Key="k", VersionId=version)
    assert said == "403 AccessDenied: Access Denied because object protected by object lock."
    s3.put_object_legal_hold(Bucket="reports", Key="k", VersionId=version, LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket="reports", Key="k", VersionId=version)


@pytest.mark.parametrize("name", ["Reports", "a..b", "192.168.0.1", "re_ports"])
def test_a_bucket_has_a_name_that_a_host_may_have(two: Two, name: str) -> None:
    said = refusal(two.prod.client("s3").create_bucket, Bucket=name)
    assert said == "400 InvalidBucketName: The specified bucket is not valid."


def test_a_bucket_goes_when_its_versions_are_gone(two: Two) -> None:
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
