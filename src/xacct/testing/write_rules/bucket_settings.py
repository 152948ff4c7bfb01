"""Rules for the settings of buckets: location, ownership, versioning and encryption.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html, and answers recorded from AWS
"""

from __future__ import annotations

from moto.s3.models import FakeBucket

from xacct.testing.error_responses import Refused
from xacct.testing.request_time import regions
from xacct.testing.request_validation import malformed_xml
from xacct.testing.write_rules.write import Check, Write

__all__ = ["CHECKS"]

_OWNERSHIP = "x-amz-object-ownership"


def _check_new_bucket(write: Write) -> None:
    ownership = write.call.request.headers.get(_OWNERSHIP)
    if ownership not in (None, "BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"):
        text = f"Invalid {_OWNERSHIP} header: {ownership}"
        raise Refused("InvalidArgument", text, details={"ArgumentName": _OWNERSHIP})
    configuration = write.call.params.get("CreateBucketConfiguration") or {}
    existing = _bucket(write)
    if existing is not None and existing.account_id == write.account and configuration.get("Tags"):
        text = "Your previous request to create the named bucket succeeded and you already own it."
        raise Refused("BucketAlreadyOwnedByYou", text, 409)
    location = configuration.get("LocationConstraint")
    others = regions(write.state.partition) | {"EU"}
    if location and write.call.region == "us-east-1" and (location == "us-east-1" or location not in others):
        text, details = "The specified location-constraint is not valid", {"LocationConstraint": location}
        raise Refused("InvalidLocationConstraint", text, details=details)


def _bucket(write: Write) -> FakeBucket | None:
    return write.state.bucket(write.call.text("Bucket"))


def _check_versioning(write: Write) -> None:
    if _bucket(write) is not None and not (write.call.params.get("VersioningConfiguration") or {}).get("Status"):
        raise Refused("IllegalVersioningConfigurationException", "The Versioning element must be specified")


def _check_encryption(write: Write) -> None:
    if _bucket(write) is None:
        return
    rules = (write.call.params.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or []
    if len(rules) != 1:
        raise malformed_xml()
    default = rules[0].get("ApplyServerSideEncryptionByDefault") or {}
    if default.get("KMSMasterKeyID") and default.get("SSEAlgorithm") == "AES256":
        text = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
        raise Refused("InvalidArgument", text, details={"ArgumentName": "ApplyServerSideEncryptionByDefault"})


def _check_ownership(write: Write) -> None:
    if _bucket(write) is not None and len((write.call.params.get("OwnershipControls") or {}).get("Rules") or []) != 1:
        raise malformed_xml()


CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("s3", "CreateBucket"): (_check_new_bucket,),
    ("s3", "PutBucketEncryption"): (_check_encryption,),
    ("s3", "PutBucketOwnershipControls"): (_check_ownership,),
    ("s3", "PutBucketVersioning"): (_check_versioning,),
}
