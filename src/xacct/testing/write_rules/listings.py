"""Rules for the parameters of S3's lists, and for reading a part of an object.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html, and answers recorded from AWS
"""

from __future__ import annotations

from moto.s3.models import FakeKey

from xacct.testing.error_responses import Refused
from xacct.testing.request_time import regions
from xacct.testing.write_rules.write import Check, Write

__all__ = ["CHECKS"]


def _check_encoding(write: Write) -> None:
    given = write.call.request.args.get("encoding-type")
    if given is not None and given != "url":
        argument = {"ArgumentName": "encoding-type", "ArgumentValue": given}
        raise Refused("InvalidArgument", "Invalid Encoding Method specified in Request", details=argument)


def _check_version_marker(write: Write) -> None:
    marker = write.call.text("VersionIdMarker")
    if marker and not write.call.text("KeyMarker"):
        argument = {"ArgumentName": "version-id-marker", "ArgumentValue": marker}
        text = "A version-id marker cannot be specified without a key marker."
        raise Refused("InvalidArgument", text, details=argument)


def _check_continuation(write: Write) -> None:
    if write.call.request.args.get("continuation-token") == "":
        argument = {"ArgumentName": "continuation-token"}
        raise Refused("InvalidArgument", "The continuation token provided is incorrect", details=argument)


def _check_region(write: Write) -> None:
    region = write.call.text("BucketRegion")
    if region and region not in regions(write.state.partition):
        argument = {"ArgumentName": "bucket-region"}
        raise Refused("InvalidArgument", f"Argument value {region} is not a valid AWS Region", details=argument)


def _check_part(write: Write) -> None:
    number = write.call.params.get("PartNumber")
    if number is None:
        return
    if write.call.text("Range"):
        raise Refused("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
    bucket = write.state.bucket(write.call.text("Bucket"))
    found = None if bucket is None else bucket.keys.get(write.call.text("Key"))
    parts = (found.multipart and len(found.multipart.partlist)) or 1 if isinstance(found, FakeKey) else number
    if number > parts:
        details = {"PartNumberRequested": str(number), "ActualPartCount": str(parts)}
        raise Refused("InvalidPartNumber", "The requested partnumber is not satisfiable", 416, details=details)


CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("s3", "GetObject"): (_check_part,),
    ("s3", "ListBuckets"): (_check_region,),
    ("s3", "ListMultipartUploads"): (_check_encoding,),
    ("s3", "ListObjects"): (_check_encoding,),
    ("s3", "ListObjectsV2"): (_check_encoding, _check_continuation),
    ("s3", "ListObjectVersions"): (_check_encoding, _check_version_marker),
}
