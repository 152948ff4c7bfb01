"""Rules for conditional requests of S3 that write, copy or delete, which moto checks only in part.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html, and answers recorded from AWS
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from moto.s3.models import FakeKey

from xacct.testing.copy_source import copy_source
from xacct.testing.error_responses import Refused
from xacct.testing.write_rules.write import Check, Write

if TYPE_CHECKING:
    from moto.s3.models import FakeBucket

__all__ = ["CHECKS"]

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_ONLY_OF_DIRECTORY_BUCKETS = ("x-amz-if-match-last-modified-time", "x-amz-if-match-size")


def _current(bucket: FakeBucket | None, key: str) -> FakeKey | None:
    found = None if bucket is None else bucket.keys.get(key)
    return found if isinstance(found, FakeKey) else None


def _check_headers(write: Write) -> None:
    match, none_match = write.call.text("IfMatch"), write.call.text("IfNoneMatch")
    if match and none_match:
        raise _not_implemented("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
    for header, value, is_accepted in (
        ("If-Match", match, match != "*"),
        ("If-None-Match", none_match, none_match == "*"),
    ):
        if value and not is_accepted:
            raise _not_implemented(header, f"We don't accept the provided value of {header} header for this API")


def _check_target(write: Write) -> None:
    match, none_match = write.call.text("IfMatch"), write.call.text("IfNoneMatch")
    found = _current(write.state.bucket(write.call.text("Bucket")), write.call.text("Key"))
    if none_match and found is not None:
        raise _failed("If-None-Match")
    if match and found is None:
        raise Refused("NoSuchKey", "The specified key does not exist.", 404, details={"Key": write.call.text("Key")})
    if match and found is not None and found.etag.strip('"') != match.strip('"'):
        raise _failed("If-Match")


def _check_source(write: Write) -> None:
    source = copy_source(write.call)
    found = None if source is None else _current(write.state.bucket(source.bucket), source.key)
    if found is None:
        return
    tag, modified = found.etag.strip('"'), found.last_modified.replace(microsecond=0, tzinfo=timezone.utc)
    params = write.call.params
    match, none_match = params.get("CopySourceIfMatch"), params.get("CopySourceIfNoneMatch")
    since, until = params.get("CopySourceIfModifiedSince"), params.get("CopySourceIfUnmodifiedSince")
    if match is not None and match.strip('"') != tag:
        raise _failed("x-amz-copy-source-If-Match")
    if match is None and until is not None and modified > _aware(until):
        raise _failed("x-amz-copy-source-If-Unmodified-Since")
    if none_match is not None and none_match.strip('"') == tag:
        raise _failed("x-amz-copy-source-If-None-Match")
    if none_match is None and since is not None and modified <= _aware(since):
        raise _failed("x-amz-copy-source-If-Modified-Since")


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _check_range(write: Write) -> None:
    given, source = write.call.text("CopySourceRange"), copy_source(write.call)
    found = None if source is None else _current(write.state.bucket(source.bucket), source.key)
    if not given or found is None:
        return
    match = _RANGE.fullmatch(given)
    argument = {"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": given}
    if match is None or int(match[1]) > int(match[2]):
        text = (
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy"
        )
        raise Refused("InvalidArgument", text, details=argument)
    if int(match[1]) >= found.size:
        raise Refused("InvalidRequest", "The specified copy range is invalid for the source object size")
    if int(match[2]) >= found.size:
        text = f"Range specified is not valid for source object of size: {found.size}"
        raise Refused("InvalidArgument", text, details=argument)


def _check_delete(write: Write) -> None:
    for header in _ONLY_OF_DIRECTORY_BUCKETS:
        if header in write.call.request.headers:
            raise _not_implemented(header)


def _not_implemented(header: str, reason: str = "") -> Refused:
    details = {"Header": header, **({"additionalMessage": reason} if reason else {})}
    text = "A header you provided implies functionality that is not implemented"
    return Refused("NotImplemented", text, 501, details=details)


def _failed(condition: str) -> Refused:
    text = "At least one of the pre-conditions you specified did not hold"
    return Refused("PreconditionFailed", text, 412, details={"Condition": condition})


CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("s3", "CompleteMultipartUpload"): (_check_headers,),
    ("s3", "CopyObject"): (_check_headers, _check_target, _check_source),
    ("s3", "DeleteObject"): (_check_delete,),
    ("s3", "PutObject"): (_check_headers,),
    ("s3", "UploadPartCopy"): (_check_source, _check_range),
}
