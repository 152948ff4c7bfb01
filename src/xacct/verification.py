"""The live verification of a grant: assume the role, read, and check that everything else is refused.

No request changes anything, even if permissions allow it and even on a server that ignores checksums. The write is
UploadPart with the id of an upload that does not exist. S3 checks the permission s3:PutObject first, and then finds no
upload to which the part could belong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError

from xacct.errors import AssumeRoleDenied, XacctError
from xacct.report_table import Check, CheckTable
from xacct.retry import code_of

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

__all__ = ["Verification", "verify_read_access"]

T = TypeVar("T")

_BUCKETS_TO_TRY = 10
"""The most buckets that are tried of those that the caller did not name."""

_CALLS_AT_A_TIME = 8
"""Below botocore's default of 10 connections for each client."""

_MISSING_UPLOAD = "xacct-upload-that-does-not-exist"
_TEST_KEY = "xacct-write-check"

_NEEDS_MFA = (
    "The role requires MFA, and the request to assume it carried no MFA code. If the trusted session did not sign in "
    "with MFA, verify with a session that sends a code: access.verify(session=access.session(mfa_token=...))"
)


@frozen
class Verification(CheckTable):
    """The checks of a verification, with their results. Prints as a table.

    Attributes:
        checks: the checks in the order of the buckets and prefixes, which does not depend on which answer came first.

    >>> print(Verification((Check(name="assume the role", expected="allowed", observed="allowed", ok=True),)))
        check            expected  observed  why
    ok  assume the role  allowed   allowed
    """


def verify_read_access(
    assume: Callable[[], boto3.Session],
    *,
    buckets: Sequence[str] = (),
    prefixes: Sequence[str] = (),
    versions: bool = False,
    needs_mfa: bool = False,
    other_buckets: Callable[[], Sequence[str]] | None = None,
    extra: Callable[[], Sequence[str]] | None = None,
) -> Verification:
    """Check that a role can read what the grant allows, can read nothing else, and cannot write.

    Each bucket and prefix is listed, one of its objects is read, and a write to it must be refused. With ``buckets``,
    listing other buckets and, unless ``versions`` is set, object versions must be refused. With ``prefixes``, listing a
    bucket without a prefix and with a similar prefix must be refused. At most 8 requests run at a time.

    Nothing is written, even if a write is allowed: the write adds a part to an upload that does not exist.

    Args:
        assume: assumes the role as the trusted side.
        buckets: the buckets that can be read, all of which are tried; empty for all buckets of the account, of which
            the first 10 are tried.
        prefixes: the prefixes of the keys that can be read in each bucket; empty for all keys.
        versions: whether object versions and tags can be read too.
        needs_mfa: whether callers must have signed in with MFA.
        other_buckets: returns the buckets of the trusting account, of which the first 10 that ``buckets`` does not name
            are tried; None if they are not known. It is not called if ``buckets`` is empty.
        extra: returns descriptions of permissions that the role has and the grant does not want; None to omit the
            check.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html (UploadPart requires s3:PutObject)
    and https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html (NoSuchUpload)

    >>> from xacct import grant_cross_account_read
    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
    ...     s3 = production.client("s3")
    ...     for bucket in ("reports", "salaries"):
    ...         _ = s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    ...     access = grant_cross_account_read(production, development, buckets=["reports"])
    ...     verification = verify_read_access(
    ...         access.session, buckets=["reports"], other_buckets=lambda: ["reports", "salaries"]
    ...     )
    >>> for check in verification.checks:
    ...     print(check.name, check.expected, check.observed)
    assume the role allowed allowed
    list s3://reports/ allowed allowed
    read an object in s3://reports/ allowed not tried
    write to s3://reports/ refused refused
    list versions of s3://reports/ refused refused
    list s3://salaries/ refused refused
    """
    try:
        s3 = assume().client("s3")
    except (XacctError, ClientError, BotoCoreError) as error:
        return Verification((_assume_error(error, needs_mfa),))
    checks = [_allowed_check("assume the role")]
    named = tuple(dict.fromkeys(buckets))
    names = named
    if not named:
        names, check = _list_buckets(s3)
        checks.append(check)
    prober = _Prober(s3=s3, prefixes=tuple(dict.fromkeys(prefixes)), named=bool(named), versions=versions)
    checks += _run(prober.probes(names)) or [
        _not_tried_check("read an object", "allowed", "no bucket was found"),
        _not_tried_check("write an object", "refused", "no bucket was found"),
    ]
    if named:
        checks += _other_bucket_checks(s3, named, other_buckets)
    if extra is not None:
        checks += _extra_checks(extra)
    return Verification(tuple(checks))


def _run(probes: Sequence[Callable[[], list[Check]]]) -> list[Check]:
    """Run probes concurrently, and return their checks in the order of the probes."""
    with ThreadPoolExecutor(_CALLS_AT_A_TIME, thread_name_prefix="xacct") as threads:
        running = [threads.submit(probe) for probe in probes]
        return [check for task in running for check in task.result()]


@frozen(kw_only=True)
class _Prober:
    """Tries the buckets and prefixes of a grant with the credentials of its role.

    Attributes:
        s3: the client.
        prefixes: the prefixes of the keys that can be read; empty for all keys.
        named: whether the grant names its buckets. If not, a managed policy decides which other reads are allowed.
        versions: whether object versions and tags can be read.
    """

    s3: S3Client
    prefixes: tuple[str, ...]
    named: bool
    versions: bool

    def probes(self, buckets: Sequence[str]) -> list[Callable[[], list[Check]]]:
        """Return the probes of each bucket. Each sends one request at a time."""
        return [probe for bucket in buckets for probe in self._probes_of_bucket(bucket)]

    def _probes_of_bucket(self, bucket: str) -> Iterator[Callable[[], list[Check]]]:
        for prefix in self.prefixes or ("",):
            yield partial(self._location, bucket, prefix)
        if self.prefixes:
            yield partial(self._outside_prefixes, bucket)

    def _location(self, bucket: str, prefix: str) -> list[Check]:
        """Check the reads and the write of one bucket and prefix."""
        checks = [*self._read_checks(bucket, prefix), _write_check(self.s3, bucket, prefix)]
        if self.versions:
            checks += _version_checks(self.s3, bucket, prefix)
        elif self.named:
            list_versions = partial(self.s3.list_object_versions, Bucket=bucket, Prefix=prefix, MaxKeys=1)
            checks.append(_refused_check(f"list versions of s3://{bucket}/{prefix}", list_versions))
        return checks

    def _read_checks(self, bucket: str, prefix: str) -> list[Check]:
        location = f"s3://{bucket}/{prefix}"

        def list_keys() -> list[str]:
            answer = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
            return [entry["Key"] for entry in answer.get("Contents", [])]

        keys, listing = _attempt(f"list {location}", list_keys)
        if keys:
            key = keys[0]
            # The body too, because S3 can fail while it sends it.
            read = _attempt(
                f"read s3://{bucket}/{key}", lambda: self.s3.get_object(Bucket=bucket, Key=key)["Body"].read(1)
            )
            return [listing, read[1]]
        why = "no object was found" if listing.ok else "the list failed"
        return [listing, _not_tried_check(f"read an object in {location}", "allowed", why)]

    def _outside_prefixes(self, bucket: str) -> list[Check]:
        """Check that a bucket cannot be listed without a prefix, and not with prefixes similar to the grant's."""
        name = f"list s3://{bucket}/ without a prefix"
        checks = [_refused_check(name, partial(self.s3.list_objects_v2, Bucket=bucket, MaxKeys=1))]
        for neighbour in _neighbours(self.prefixes):
            listing = partial(self.s3.list_objects_v2, Bucket=bucket, Prefix=neighbour, MaxKeys=1)
            checks.append(_refused_check(f"list s3://{bucket}/{neighbour}", listing))
        return checks


def _neighbours(prefixes: Sequence[str]) -> list[str]:
    """Return, for each prefix, one that differs in its last character and that no prefix covers."""
    found = (
        next((other for end in "~-0" if not (other := prefix[:-1] + end).startswith(tuple(prefixes))), None)
        for prefix in prefixes
    )
    return list(dict.fromkeys(other for other in found if other is not None))


def _list_buckets(s3: S3Client) -> tuple[tuple[str, ...], Check]:
    """Return the names of the first buckets, and the check of listing them."""
    names, check = _attempt("list the buckets", lambda: [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]])
    if names is None:
        return (), check
    why = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    if len(names) > _BUCKETS_TO_TRY:
        why += f"; the first {_BUCKETS_TO_TRY} of {len(names)} are tried"
    return tuple(names[:_BUCKETS_TO_TRY]), _allowed_check("list the buckets", why or "the account has no buckets")


def _version_checks(s3: S3Client, bucket: str, prefix: str) -> list[Check]:
    """Check that the versions can be listed, and that one of them and its tags can be read."""

    def list_versions() -> list[tuple[str, str]]:
        answer = s3.list_object_versions(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        return [(entry["Key"], entry["VersionId"]) for entry in answer.get("Versions", [])]

    found, listing = _attempt(f"list versions of s3://{bucket}/{prefix}", list_versions)
    if not found:
        return [listing]
    key, version = found[0]
    name = f"version {version} of s3://{bucket}/{key}"
    body = _attempt(f"read {name}", lambda: s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read(1))
    tags = _attempt(
        f"read the tags of {name}", lambda: s3.get_object_tagging(Bucket=bucket, Key=key, VersionId=version)
    )
    return [listing, body[1], tags[1]]


def _write_check(s3: S3Client, bucket: str, prefix: str) -> Check:
    """Check that s3:PutObject is refused, with a request that cannot take effect."""
    name, key = f"write to s3://{bucket}/{prefix}", f"{prefix}{_TEST_KEY}"
    upload = partial(s3.upload_part, Bucket=bucket, Key=key, UploadId=_MISSING_UPLOAD, PartNumber=1, Body=b"")
    check = _refused_check(name, upload, allowed_codes=("NoSuchUpload",))
    if check.observed != "allowed":
        return check
    why = "permissions allow the write. Nothing was written: the request was for an upload that does not exist"
    return Check(name=name, expected="refused", observed="allowed", ok=False, why=why)


def _other_bucket_checks(
    s3: S3Client, named: Sequence[str], other_buckets: Callable[[], Sequence[str]] | None
) -> list[Check]:
    """Check that buckets that the grant does not name cannot be listed."""
    name = "list other buckets of the trusting account"
    if other_buckets is None:
        return [_not_tried_check(name, "refused", "the other buckets are not known")]
    found = _ask(other_buckets)
    if isinstance(found, Exception):
        return [_not_tried_check(name, "refused", f"the other buckets are not known: {_message(found)}")]
    others = [bucket for bucket in dict.fromkeys(found) if bucket not in named]
    if not others:
        return [_not_tried_check(name, "refused", "the account has no other bucket")]
    checks = _run([partial(_other_bucket_check, s3, bucket) for bucket in others[:_BUCKETS_TO_TRY]])
    if len(others) > _BUCKETS_TO_TRY:
        why = f"the first {_BUCKETS_TO_TRY} of {len(others)} were tried"
        checks.append(_not_tried_check(name, "refused", why))
    return checks


def _other_bucket_check(s3: S3Client, bucket: str) -> list[Check]:
    return [_refused_check(f"list s3://{bucket}/", lambda: s3.list_objects_v2(Bucket=bucket, MaxKeys=1))]


def _extra_checks(extra: Callable[[], Sequence[str]]) -> list[Check]:
    """Check that the role has no permission that the grant does not want."""
    name = "the role has only the grant's permissions"
    found = _ask(extra)
    if isinstance(found, Exception):
        return [_not_tried_check(name, "yes", f"the role's permissions could not be read: {_message(found)}")]
    return [Check(name=name, expected="yes", observed="no", ok=False, why=why) for why in found] or [
        Check(name=name, expected="yes", observed="yes", ok=True)
    ]


def _ask(question: Callable[[], T]) -> T | XacctError | ClientError | BotoCoreError:
    """Return the answer of the caller's side, or the error of AWS that prevented it."""
    try:
        return question()
    except (XacctError, ClientError, BotoCoreError) as error:
        return error


def _attempt(name: str, request: Callable[[], T]) -> tuple[T | None, Check]:
    """Send a request that must be allowed. Return its answer, None if it failed, and its check."""
    try:
        return request(), _allowed_check(name)
    except (ClientError, BotoCoreError) as error:
        return None, _error_check(name, "allowed", error)


def _refused_check(name: str, request: Callable[[], object], allowed_codes: Sequence[str] = ()) -> Check:
    """Send a request that must be refused, and return its check.

    Args:
        name: the check's name.
        request: sends the request.
        allowed_codes: the codes of errors that S3 returns only after permissions have allowed the request.
    """
    try:
        request()
    except ClientError as error:
        if _is_denied(error):
            return Check(name=name, expected="refused", observed="refused", ok=True, why=_message(error))
        if code_of(error) not in allowed_codes:
            return _error_check(name, "refused", error)
    except BotoCoreError as error:
        return _error_check(name, "refused", error)
    why = "the role can do more than the grant says"
    return Check(name=name, expected="refused", observed="allowed", ok=False, why=why)


def _allowed_check(name: str, why: str = "") -> Check:
    return Check(name=name, expected="allowed", observed="allowed", ok=True, why=why)


def _assume_error(error: Exception, needs_mfa: bool) -> Check:
    check = _error_check("assume the role", "allowed", error)
    if not needs_mfa or not isinstance(error, AssumeRoleDenied) or "aws:MultiFactorAuthPresent" in error.context:
        return check
    # The advice first: the message after it is long.
    return Check(
        name=check.name, expected="allowed", observed=check.observed, ok=False, why=f"{_NEEDS_MFA}. {check.why}"
    )


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
