"""The live verification of a grant: assume the role, read, and check that a write is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError

from xacct.errors import XacctError
from xacct.report_table import Check, CheckTable
from xacct.retry import code_of

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

__all__ = ["Verification", "verify_read_access"]

_BUCKETS_TO_LIST = 10
"""The most buckets that are listed for a grant of all buckets."""

# The MD5 digest of an empty body, sent with a body of one byte. S3 checks permissions first and the digest next, so the
# write fails and leaves no object behind even if permissions allow it.
_WRONG_MD5 = "1B2M2Y8AsgTpgAmY7PhCfg=="
_TEST_KEY = "xacct-write-check"


@frozen
class Verification(CheckTable):
    """The checks of a verification, with their results. Prints as a table.

    Attributes:
        checks: the checks in the order in which they ran.

    >>> print(Verification((Check(name="assume the role", expected="allowed", observed="allowed", ok=True),)))
        check            expected  observed  why
    ok  assume the role  allowed   allowed
    """


def verify_read_access(
    assume: Callable[[], boto3.Session], *, buckets: Sequence[str] = (), prefixes: Sequence[str] = ()
) -> Verification:
    """Check that a role can read what the grant allows, and cannot write.

    Nothing is written, even if a write is allowed.

    Args:
        assume: assumes the role as the trusted side.
        buckets: the buckets that can be read, each of which is listed; empty for all buckets of the account, of which
            the first 10 are listed.
        prefixes: the prefixes of the keys that can be read in each bucket; empty for all keys.
    """
    try:
        s3 = assume().client("s3")
    except (XacctError, ClientError, BotoCoreError) as error:
        return Verification((_error_check("assume the role", "allowed", error),))
    checks = [_allowed_check("assume the role")]
    names = list(buckets)
    if not names:
        names, check = _list_buckets(s3)
        checks.append(check)
    keys = []
    for bucket in names:
        for prefix in prefixes or ("",):
            key, check = _first_key(s3, bucket, prefix)
            checks.append(check)
            keys += [(bucket, key)] if key is not None else []
    if keys:
        checks.append(_read_check(s3, *keys[0]))
    else:
        checks.append(_not_tried_check("read an object", "allowed", "no object was found"))
    if names:
        checks.append(_write_check(s3, names[0], prefixes[0] if prefixes else ""))
    else:
        checks.append(_not_tried_check("write an object", "refused", "no bucket was found"))
    return Verification(tuple(checks))


def _list_buckets(s3: S3Client) -> tuple[list[str], Check]:
    """Return the names of the first buckets, and the check of listing them."""
    name = "list the buckets"
    try:
        names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    except (ClientError, BotoCoreError) as error:
        return [], _error_check(name, "allowed", error)
    why = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return names[:_BUCKETS_TO_LIST], _allowed_check(name, why or "the account has no buckets")


def _first_key(s3: S3Client, bucket: str, prefix: str) -> tuple[str | None, Check]:
    """Return the first key with a prefix, and the check of listing the bucket."""
    name = f"list s3://{bucket}/{prefix}"
    try:
        answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except (ClientError, BotoCoreError) as error:
        return None, _error_check(name, "allowed", error)
    return next((entry["Key"] for entry in answer.get("Contents", [])), None), _allowed_check(name)


def _read_check(s3: S3Client, bucket: str, key: str) -> Check:
    name = f"read s3://{bucket}/{key}"
    try:
        # The body too, because S3 can fail while it sends it.
        s3.get_object(Bucket=bucket, Key=key)["Body"].read(1)
    except (ClientError, BotoCoreError) as error:
        return _error_check(name, "allowed", error)
    return _allowed_check(name)


def _write_check(s3: S3Client, bucket: str, prefix: str) -> Check:
    name, expected, key = f"write to s3://{bucket}/{prefix}", "refused", f"{prefix}{_TEST_KEY}"
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", ContentMD5=_WRONG_MD5)
    except ClientError as error:
        if _is_denied(error):
            return Check(name=name, expected=expected, observed="refused", ok=True, why=_message(error))
        if code_of(error) not in ("BadDigest", "InvalidDigest"):
            return _error_check(name, expected, error)
        why = "permissions allowed the write; S3 then rejected its deliberately wrong checksum, so nothing was written"
    except BotoCoreError as error:
        return _error_check(name, expected, error)
    else:
        why = f"the object {key} was written: delete it"
    return Check(name=name, expected=expected, observed="allowed", ok=False, why=why)


def _allowed_check(name: str, why: str = "") -> Check:
    return Check(name=name, expected="allowed", observed="allowed", ok=True, why=why)


def _error_check(name: str, expected: str, error: Exception) -> Check:
    observed = "refused" if _is_denied(error) else "failed"
    return Check(name=name, expected=expected, observed=observed, ok=False, why=_message(error))


def _not_tried_check(name: str, expected: str, why: str) -> Check:
    return Check(name=name, expected=expected, observed="not tried", ok=None, why=why)


def _is_denied(error: Exception) -> bool:
    # Answers without a body, as those to HEAD requests, have the HTTP status as their code.
    return isinstance(error, ClientError) and code_of(error) in ("AccessDenied", "403")


def _message(error: Exception) -> str:
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Message", "") or str(error)
    return str(error)
