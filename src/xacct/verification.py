"""Seeing that a grant works: assuming the role as the trusted side, reading, and having a write refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError

from xacct.errors import XacctError
from xacct.report_table import Check, CheckTable

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

__all__ = ["Verification", "verify_read_access"]

# The checksum of nothing, which cannot be that of the one byte sent with it: S3 looks at permissions first and at the
# checksum next, so that a write which nobody refused fails all the same, and leaves nothing behind.
_WRONG_MD5 = "1B2M2Y8AsgTpgAmY7PhCfg=="
_PROBE_KEY = "xacct-write-check"


@frozen
class Verification(CheckTable):
    """What was tried, and what came of it. Prints as a table.

    Attributes:
        checks: in the order in which they were tried.

    >>> print(Verification((Check(name="assume the role", expected="allowed", observed="allowed", ok=True),)))
        check            expected  observed  why
    ok  assume the role  allowed   allowed
    """


def verify_read_access(
    assume: Callable[[], boto3.Session], *, buckets: Sequence[str] = (), prefixes: Sequence[str] = ()
) -> Verification:
    """Try what the grant gives, and what it must not give.

    Nothing is written, even where a write would be allowed.

    Args:
        assume: assumes the role as the trusted side.
        buckets: which buckets may be read; none: all.
        prefixes: how the keys begin that may be read in each bucket; none: all keys.
    """
    try:
        s3 = assume().client("s3")
    except (XacctError, ClientError, BotoCoreError) as error:
        return Verification((_unexpected("assume the role", "allowed", error),))
    checks = [Check(name="assume the role", expected="allowed", observed="allowed", ok=True)]
    names = list(buckets)
    if not names:
        names = _bucket_names(s3, checks)
    found = [(bucket, _first_key(s3, bucket, prefix, checks)) for bucket in names[:10] for prefix in prefixes or ("",)]
    readable = [(bucket, key) for bucket, key in found if key is not None]
    if readable:
        bucket, key = readable[0]
        checks.append(_read(s3, bucket, key))
    else:
        checks.append(_not_tried("read an object", "allowed", "there is no object"))
    if names:
        checks.append(_write(s3, names[0], prefixes[0] if prefixes else ""))
    else:
        checks.append(_not_tried("write an object", "refused", "there is no bucket"))
    return Verification(tuple(checks))


def _bucket_names(s3: S3Client, checks: list[Check]) -> list[str]:
    try:
        names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    except (ClientError, BotoCoreError) as error:
        checks.append(_unexpected("list the buckets", "allowed", error))
        return []
    seen = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    checks.append(
        Check(name="list the buckets", expected="allowed", observed="allowed", ok=True, why=seen or "there is none")
    )
    return names


def _first_key(s3: S3Client, bucket: str, prefix: str, checks: list[Check]) -> str | None:
    name = f"list s3://{bucket}/{prefix}"
    try:
        answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except (ClientError, BotoCoreError) as error:
        checks.append(_unexpected(name, "allowed", error))
        return None
    checks.append(Check(name=name, expected="allowed", observed="allowed", ok=True))
    return next((entry["Key"] for entry in answer.get("Contents", [])), None)


def _read(s3: S3Client, bucket: str, key: str) -> Check:
    name = f"read s3://{bucket}/{key}"
    try:
        # Reading the body too: an object can be refused while it is being decrypted.
        s3.get_object(Bucket=bucket, Key=key)["Body"].read(1)
    except (ClientError, BotoCoreError) as error:
        return _unexpected(name, "allowed", error)
    return Check(name=name, expected="allowed", observed="allowed", ok=True)


def _write(s3: S3Client, bucket: str, prefix: str) -> Check:
    name = f"write to s3://{bucket}/{prefix}"
    try:
        s3.put_object(Bucket=bucket, Key=f"{prefix}{_PROBE_KEY}", Body=b"x", ContentMD5=_WRONG_MD5)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in ("AccessDenied", "403"):
            return Check(name=name, expected="refused", observed="refused", ok=True, why=_said(error))
        if code in ("BadDigest", "InvalidDigest"):
            return Check(
                name=name, expected="refused", observed="allowed", ok=False, why="S3 went on to check the content"
            )
        return _unexpected(name, "refused", error)
    except BotoCoreError as error:
        return _unexpected(name, "refused", error)
    return Check(
        name=name,
        expected="refused",
        observed="allowed",
        ok=False,
        why=f"the object {_PROBE_KEY} was written: delete it",
    )


def _unexpected(name: str, expected: str, error: Exception) -> Check:
    refused = isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in ("AccessDenied", "403")
    return Check(name=name, expected=expected, observed="refused" if refused else "failed", ok=False, why=_said(error))


def _not_tried(name: str, expected: str, why: str) -> Check:
    return Check(name=name, expected=expected, observed="not tried", ok=None, why=why)


def _said(error: Exception) -> str:
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Message", "") or str(error)
    return str(error)
