"""Rules of S3 Object Lock: the configuration of a bucket, the retention of objects and legal holds.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html, and answers recorded from AWS
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from attrs import evolve
from moto.s3.models import FakeKey

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer
from xacct.testing.request_validation import malformed_xml
from xacct.testing.write_rules.object_versions import check_key_exists
from xacct.testing.write_rules.write import Check, Postprocess, Rule, Write

if TYPE_CHECKING:
    from moto.s3.models import FakeBucket

__all__ = ["CHECKS", "RULES"]

_BYPASS = "x-amz-bypass-governance-retention"
_MODE, _UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"


def _bucket(write: Write) -> FakeBucket | None:
    return write.state.bucket(write.call.text("Bucket"))


def _object(write: Write) -> FakeKey | None:
    bucket, version = _bucket(write), write.call.text("VersionId")
    for found in reversed([] if bucket is None else bucket.keys.getlist(write.call.text("Key"), [])):
        if isinstance(found, FakeKey) and (not version or str(found.version_id) == version):
            return found
    return None


def _check_bucket_is_locked(write: Write) -> None:
    bucket = _bucket(write)
    if bucket is None:
        return
    check_key_exists(write)
    if not bucket.object_lock_enabled:
        raise Refused("InvalidRequest", "Bucket is missing Object Lock Configuration")


def _check_has_retention(write: Write) -> None:
    _check_set(write, "lock_mode")


def _check_has_legal_hold(write: Write) -> None:
    _check_set(write, "lock_legal_status")


def _check_set(write: Write, attribute: str) -> None:
    found = _object(write)
    if found is not None and not getattr(found, attribute):
        text = "The specified object does not have a ObjectLock configuration"
        raise Refused("NoSuchObjectLockConfiguration", text, 404)


def _check_legal_hold(write: Write) -> None:
    if (write.call.params.get("LegalHold") or {}).get("Status") not in ("ON", "OFF"):
        raise malformed_xml()


def _check_retention(write: Write) -> None:
    retention = write.call.params.get("Retention") or {}
    mode, until = retention.get("Mode"), retention.get("RetainUntilDate")
    if bool(mode) != bool(until):
        raise malformed_xml()
    if until is not None and _moment(until) <= write.now:
        argument = {"ArgumentName": "RetainUntilDate", "ArgumentValue": str(until)}
        raise Refused("InvalidArgument", "The retain until date must be in the future!", details=argument)
    found = _object(write)
    if found is None or not found.lock_mode or _moment(found.lock_until) <= write.now:
        return
    is_longer = until is not None and _moment(until) >= _moment(found.lock_until)
    if is_longer and (mode == found.lock_mode or found.lock_mode == "GOVERNANCE"):
        return
    if found.lock_mode == "COMPLIANCE" or not write.call.params.get("BypassGovernanceRetention"):
        raise Refused("AccessDenied", "Access Denied because object protected by object lock.", 403)


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    # Moto keeps the text of the request. Python 3.10 parses neither "Z" nor other than three or six decimals.
    text = str(value).partition(".")[0].removesuffix("Z")
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def _check_headers(write: Write) -> None:
    headers = write.call.request.headers
    mode, until = headers.get(_MODE), headers.get(_UNTIL)
    if bool(mode) != bool(until):
        missing = {"ArgumentName": _UNTIL if mode else _MODE}
        raise Refused("InvalidArgument", f"{_UNTIL} and {_MODE} must both be supplied", details=missing)
    if mode and mode not in ("GOVERNANCE", "COMPLIANCE"):
        argument = {"ArgumentName": _MODE, "ArgumentValue": mode}
        raise Refused("InvalidArgument", "Unknown wormMode directive.", details=argument)


def _check_configuration(write: Write) -> None:
    bucket = _bucket(write)
    if bucket is None:
        return
    configuration = write.call.params.get("ObjectLockConfiguration") or {}
    if configuration.get("ObjectLockEnabled") != "Enabled":
        raise malformed_xml()
    if "Rule" in configuration or b"<Rule" in write.call.request.get_data():
        retention = (configuration.get("Rule") or {}).get("DefaultRetention") or {}
        if "Mode" not in retention or ("Days" in retention) == ("Years" in retention):
            raise malformed_xml()
    if bucket.versioning_status != "Enabled":
        text = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        raise Refused("InvalidBucketState", text, 409)


def _check_versioning(write: Write) -> None:
    bucket = _bucket(write)
    status = (write.call.params.get("VersioningConfiguration") or {}).get("Status")
    if bucket is not None and bucket.object_lock_enabled and status == "Suspended":
        text = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
        raise Refused("InvalidBucketState", text, 409)


def _check_bypass(write: Write) -> None:
    bucket = _bucket(write)
    if bucket is not None and not bucket.object_lock_enabled and _BYPASS in write.call.request.headers:
        text = f"{_BYPASS} is only applicable to Object Lock enabled buckets."
        raise Refused("InvalidArgument", text, details={"ArgumentName": _BYPASS})


def _configure(write: Write) -> Answer | None:
    """Set a bucket's default retention; moto sets that of empty buckets only."""
    bucket = _bucket(write)
    if bucket is None:
        return None
    default = (write.call.params["ObjectLockConfiguration"].get("Rule") or {}).get("DefaultRetention") or {}
    bucket.object_lock_enabled = True
    bucket.default_lock_mode = default.get("Mode")
    bucket.default_lock_days = default.get("Days") or 0
    bucket.default_lock_years = default.get("Years") or 0
    return Answer(200, {}, "")


def _configuration(_: Write) -> Postprocess:
    """Leave out the unit of time that a bucket's default retention does not have."""
    return lambda answer: evolve(answer, body=re.sub(r"<(Days|Years)>0</\1>", "", answer.text))


def _retention(write: Write) -> Answer | None:
    """Answer with the retention of an object, which moto does not implement."""
    found = _object(write)
    if found is None:
        return None
    until = f"{_moment(found.lock_until):%Y-%m-%dT%H:%M:%SZ}"
    members = f"<Mode>{found.lock_mode}</Mode><RetainUntilDate>{until}</RetainUntilDate>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Retention>{members}</Retention>'
    return Answer(200, {"content-type": "application/xml"}, body)


RULES: dict[tuple[str, str], Rule] = {
    ("s3", "GetObjectLockConfiguration"): _configuration,
    ("s3", "GetObjectRetention"): _retention,
    ("s3", "PutObjectLockConfiguration"): _configure,
}

CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("s3", "CreateMultipartUpload"): (_check_headers,),
    ("s3", "DeleteObject"): (_check_bypass,),
    ("s3", "DeleteObjects"): (_check_bypass,),
    ("s3", "GetObjectLegalHold"): (_check_bucket_is_locked, _check_has_legal_hold),
    ("s3", "GetObjectRetention"): (_check_bucket_is_locked, _check_has_retention),
    ("s3", "PutBucketVersioning"): (_check_versioning,),
    ("s3", "PutObject"): (_check_headers,),
    ("s3", "PutObjectLegalHold"): (_check_bucket_is_locked, _check_legal_hold),
    ("s3", "PutObjectLockConfiguration"): (_check_configuration,),
    ("s3", "PutObjectRetention"): (_check_bucket_is_locked, _check_retention),
}
