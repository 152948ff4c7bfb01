"""The elements of S3's errors beside their code and message: what the error is about.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and answers recorded from AWS
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from attrs import evolve

from xacct.testing.copy_source import copy_source

if TYPE_CHECKING:
    from xacct.testing.http_messages import Answer, Call

__all__ = ["details_of", "with_details"]

_CODE = re.compile(r"<Code>([^<]+)</Code>")
_OF_BUCKET = frozenset(
    {
        "BucketAlreadyOwnedByYou",
        "BucketNotEmpty",
        "InvalidBucketName",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchCORSConfiguration",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchTagSet",
        "NoSuchWebsiteConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "OwnershipControlsNotFoundError",
        "ReplicationConfigurationNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)


def details_of(code: str, call: Call) -> Mapping[str, str]:
    """Return the elements that S3's error has for a call.

    Args:
        code: AWS's error code.
        call: the parsed request.
    """
    bucket, key, version = call.text("Bucket"), call.text("Key"), call.text("VersionId")
    source = copy_source(call) if code in ("NoSuchKey", "NoSuchVersion") else None
    if source is not None:
        key, version = source.key, source.version or ""
    if code in _OF_BUCKET:
        return {"BucketName": bucket}
    if code == "NoSuchKey":
        # As recorded from AWS, only this operation names the bucket.
        return {"Key": f"{bucket}/{key}" if call.operation == "GetObjectTagging" else key}
    if code == "NoSuchVersion":
        return {"Key": key, "VersionId": version}
    return {"UploadId": call.text("UploadId")} if code == "NoSuchUpload" else {}


def with_details(answer: Answer, call: Call) -> Answer:
    """Return moto's error with the elements that it does not have.

    Args:
        answer: moto's answer; only errors of S3 are changed.
        call: the parsed request.
    """
    match = _CODE.search(answer.text) if call.service == "s3" and answer.status >= 400 and answer.body else None
    if match is None:
        return answer
    text = answer.text
    if call.operation == "GetObjectTagging":
        text = re.sub(r"<Key>[^<]*</Key>", "", text)
    missing = {name: value for name, value in details_of(match[1], call).items() if f"<{name}>" not in text}
    elements = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in missing.items())
    return evolve(answer, body=text.replace("</Error>", f"{elements}</Error>"))
