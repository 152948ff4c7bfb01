"""Validation rules for S3 buckets and objects: deleting them.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html
"""

from __future__ import annotations

from xacct.testing.error_responses import Refused
from xacct.testing.write_rules.write import Rule, Write

__all__ = ["RULES"]


def _delete_bucket(write: Write) -> None:
    bucket = write.state.bucket(write.call.text("Bucket"))
    if bucket is not None and bucket.versioning_status and bucket.keys:
        raise Refused(
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
            409,
        )


def _delete_object(write: Write) -> None:
    bucket, version = write.state.bucket(write.call.text("Bucket")), write.call.text("VersionId")
    if bucket is None or not version:
        return
    bypass = bool(write.call.params.get("BypassGovernanceRetention"))
    for key in bucket.keys.getlist(write.call.text("Key"), []):
        # A delete marker cannot be locked.
        if key.version_id == version and hasattr(key, "is_locked") and key.is_locked(bypass):
            raise Refused("AccessDenied", "Access Denied because object protected by object lock.", 403)


def _check_object_exists(write: Write) -> None:
    bucket = write.state.bucket(write.call.text("Bucket"))
    if bucket is not None and write.call.text("Key") not in bucket.keys:
        raise Refused("NoSuchKey", "The specified key does not exist.", 404)


def _check_bucket_exists(write: Write) -> None:
    if write.state.bucket(write.call.text("Bucket")) is None:
        raise Refused("NoSuchBucket", "The specified bucket does not exist", 404)


RULES: dict[tuple[str, str], Rule] = {
    ("s3", "DeleteBucket"): _delete_bucket,
    ("s3", "GetBucketRequestPayment"): _check_bucket_exists,
    ("s3", "PutBucketRequestPayment"): _check_bucket_exists,
    ("s3", "DeleteObject"): _delete_object,
    ("s3", "DeleteObjectTagging"): _check_object_exists,
}
