"""The permissions that calls of S3 require."""

from __future__ import annotations

from typing import Any

from tests.testing.conftest import DEV, PROD, REGION, Two, create_user, refusal

OTHER_VERSION = "00000000-0000-0000-0000-000000000000"


def required(two: Two) -> list[tuple[str, str]]:
    """The actions and resources that the last call required."""
    return [(decision.action, decision.request.resource) for decision in two.aws.calls[-1].decisions]


def create_versioned_bucket(two: Two) -> Any:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Enabled"})
    return s3


def test_a_version_of_a_missing_object_is_not_found(two: Two) -> None:
    s3 = create_versioned_bucket(two)
    assert refusal(s3.get_object, Bucket="reports", Key="missing", VersionId=OTHER_VERSION).startswith("404 NoSuch")
    assert required(two) == [
        ("s3:GetObjectVersion", "arn:aws:s3:::reports/missing"),
        ("s3:ListBucket", "arn:aws:s3:::reports"),
    ]


def test_the_tags_of_the_requested_version_are_evaluated(two: Two) -> None:
    s3 = create_versioned_bucket(two)
    first = s3.put_object(Bucket="reports", Key="k", Body=b"1", Tagging="team=red")["VersionId"]
    s3.put_object(Bucket="reports", Key="k", Body=b"2", Tagging="team=blue")
    s3.get_object(Bucket="reports", Key="k", VersionId=first)
    s3.get_object(Bucket="reports", Key="k")
    contexts = [call.decisions[0].request.context for call in two.aws.calls[-2:]]
    assert [context["s3:existingobjecttag/team"] for context in contexts] == [("red",), ("blue",)]
    assert contexts[0]["s3:versionid"] == (first,)


def test_a_copy_requires_permissions_on_the_version_that_it_reads(two: Two) -> None:
    s3 = create_versioned_bucket(two)
    version = s3.put_object(Bucket="reports", Key="k", Body=b"1", ServerSideEncryption="aws:kms")["VersionId"]
    s3.copy_object(Bucket="reports", Key="l", CopySource={"Bucket": "reports", "Key": "k", "VersionId": version})
    assert required(two) == [
        ("s3:GetObjectVersion", "arn:aws:s3:::reports/k"),
        ("kms:Decrypt", f"arn:aws:kms:{REGION}:{PROD}:key/aws-s3"),
        ("s3:PutObject", "arn:aws:s3:::reports/l"),
    ]


def test_a_write_requires_a_data_key_of_the_buckets_default_key(two: Two) -> None:
    s3 = create_versioned_bucket(two)
    key = two.prod.client("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket="reports", ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(Bucket="reports", Key="k", Body=b"1")
    assert required(two) == [("s3:PutObject", "arn:aws:s3:::reports/k"), ("kms:GenerateDataKey", key)]
    context = two.aws.calls[-1].decisions[1].request.context
    assert context["kms:viaservice"] == (f"s3.{REGION}.amazonaws.com",)
    assert context["kms:encryptioncontext:aws:s3:arn"] == ("arn:aws:s3:::reports/k",)


def test_a_part_of_an_upload_requires_a_data_key_of_the_uploads_key(two: Two) -> None:
    s3 = create_versioned_bucket(two)
    key = two.prod.client("kms").create_key()["KeyMetadata"]["Arn"]
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    for options, keys in ((encrypted, [("kms:GenerateDataKey", key), ("kms:Decrypt", key)]), ({}, [])):
        upload = s3.create_multipart_upload(Bucket="reports", Key="k", **options)["UploadId"]
        s3.upload_part(Bucket="reports", Key="k", UploadId=upload, PartNumber=1, Body=b"1")
        assert required(two) == [("s3:PutObject", "arn:aws:s3:::reports/k"), *keys]


def test_a_part_of_a_missing_upload_requires_the_write_permission_and_no_data_key(two: Two) -> None:
    s3 = create_versioned_bucket(two)
    key = two.prod.client("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket="reports", ServerSideEncryptionConfiguration={"Rules": [rule]})
    found = refusal(s3.upload_part, Bucket="reports", Key="k", UploadId="missing", PartNumber=1, Body=b"")
    assert found.startswith("404 NoSuchUpload")
    assert required(two) == [("s3:PutObject", "arn:aws:s3:::reports/k")]
    create_user(two)
    s3 = two.aws.sign_in(f"arn:aws:iam::{DEV}:user/alice").client("s3")
    denied = refusal(s3.upload_part, Bucket="reports", Key="k", UploadId="missing", PartNumber=1, Body=b"")
    assert denied.startswith("403 AccessDenied")
    assert required(two) == [("s3:PutObject", "arn:aws:s3:::reports/k")]


def test_a_delete_marker_is_not_an_object(two: Two) -> None:
    s3 = create_versioned_bucket(two)
    s3.put_object(Bucket="reports", Key="k", Body=b"1", ServerSideEncryption="aws:kms")
    s3.delete_object(Bucket="reports", Key="k")
    refusal(s3.get_object, Bucket="reports", Key="k")
    assert required(two) == [("s3:GetObject", "arn:aws:s3:::reports/k"), ("s3:ListBucket", "arn:aws:s3:::reports")]
