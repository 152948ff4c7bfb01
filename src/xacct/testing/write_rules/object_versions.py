"""Rules for the version of an object that a call of S3 names, and for delete markers, which have no content.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html, and answers recorded from AWS
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moto.s3.models import FakeDeleteMarker

from xacct.testing.error_responses import Refused
from xacct.testing.write_rules.write import Check, Write

if TYPE_CHECKING:
    from moto.s3.models import FakeKey

__all__ = ["CHECKS", "check_key_exists"]

# The form of moto's version IDs. An object of a bucket without versions has the version "null".
_VERSION = re.compile(r"null|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The operations that refuse the current version of an object, named or not, if it is a delete marker.
_OF_CURRENT_VERSION = frozenset(
    {
        "DeleteObjectTagging",
        "GetObjectTagging",
        "PutObjectAcl",
        "PutObjectLegalHold",
        "PutObjectRetention",
        "PutObjectTagging",
    }
)


def _versions(write: Write) -> list[FakeKey | FakeDeleteMarker]:
    bucket = write.state.bucket(write.call.text("Bucket"))
    found: list[FakeKey | FakeDeleteMarker] = [] if bucket is None else bucket.keys.getlist(write.call.text("Key"), [])
    return found


def _check_version_id(write: Write) -> None:
    bucket, version = write.state.bucket(write.call.text("Bucket")), write.call.text("VersionId")
    if bucket is not None and version and not _VERSION.fullmatch(version):
        argument = {"ArgumentName": "versionId", "ArgumentValue": version}
        raise Refused("InvalidArgument", "Invalid version id specified", details=argument)


def _check_no_delete_marker(write: Write) -> None:
    _check_version_id(write)
    versions, version = _versions(write), write.call.text("VersionId")
    if version:
        versions = [found for found in versions if str(found.version_id) == version]
    elif write.call.operation not in _OF_CURRENT_VERSION:
        return
    if versions and isinstance(versions[-1], FakeDeleteMarker):
        method = {"Method": write.call.request.method, "ResourceType": "DeleteMarker"}
        text = "The specified method is not allowed against this resource."
        raise Refused("MethodNotAllowed", text, 405, details=method)


def check_key_exists(write: Write) -> None:
    """Check that a call's object exists, if its bucket does.

    Raises:
        Refused: there is no such object.
    """
    bucket = write.state.bucket(write.call.text("Bucket"))
    if bucket is not None and not _versions(write):
        raise Refused("NoSuchKey", "The specified key does not exist.", 404)


CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("s3", "DeleteObject"): (_check_version_id,),
    **{
        ("s3", operation): (_check_no_delete_marker,)
        for operation in (
            "GetObject",
            "GetObjectAcl",
            "GetObjectLegalHold",
            "GetObjectRetention",
            "HeadObject",
            *_OF_CURRENT_VERSION,
        )
    },
}
