"""The permissions to read S3: everything, or exactly some buckets and prefixes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from xacct.arn import Arn, partition
from xacct.errors import InvalidValue
from xacct.policy import Condition, PolicyDocument, Statement

__all__ = ["bucket_name", "s3_read_policy"]

_BUCKET = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]")


def bucket_name(value: object) -> str:
    """The name, if a general purpose bucket can have it.

    Raises:
        InvalidValue: it cannot.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if isinstance(value, str) and _BUCKET.fullmatch(value):
        return value
    raise InvalidValue("buckets", value, "a bucket's name, not its ARN: 3 to 63 of a-z, 0-9, '-' and single '.'")


def _literal(prefix: str) -> str:
    """The prefix with what policies would take for a wildcard or a variable written as itself."""
    return re.sub(r"[*?$]", lambda found: f"${{{found[0]}}}", prefix)


def _prefix(value: object) -> str:
    if isinstance(value, str) and value and not value.startswith("/") and len(value.encode()) <= 1024:
        return _literal(value)
    raise InvalidValue("prefixes", value, "how the keys begin: 1 to 1024 bytes, with no '/' in front")


def s3_read_policy(
    buckets: Iterable[str],
    prefixes: Iterable[str] = (),
    *,
    kms_keys: Mapping[str, str] | None = None,
    partition: str = "aws",
) -> PolicyDocument:
    """An identity policy that lets its bearer list and read these buckets, and nothing else.

    Args:
        buckets: their names, at least one.
        prefixes: how the keys begin that may be listed and read, in each bucket; none: all keys. ``*`` and ``?`` stand
            for themselves.
        kms_keys: for each bucket that encrypts with SSE-KMS by a customer managed key, the ARN of that key. Decryption
            is allowed through S3 in the key's own region only.
        partition: where the buckets are.

    Raises:
        InvalidValue: a name, a prefix or a key's ARN is not valid.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-policies-s3.html

    >>> policy = s3_read_policy(["reports"], ["2026/"])
    >>> [statement.sid for statement in policy.statements]
    ['LocateBuckets', 'ListPrefixes', 'ReadObjects']
    >>> policy.statements[2].resources
    ('arn:aws:s3:::reports/2026/*',)
    """
    arns = [str(Arn.bucket(bucket_name(name), partition)) for name in dict.fromkeys(buckets)]
    if not arns:
        raise InvalidValue("buckets", (), "at least one bucket")
    begins = [_prefix(prefix) for prefix in dict.fromkeys(prefixes)]
    locate = Statement.allow("s3:GetBucketLocation", arns, sid="LocateBuckets")
    patterns = [f"{begin}*" for begin in begins]
    listing = Statement.allow(
        "s3:ListBucket",
        arns,
        conditions=[Condition("StringLike", "s3:prefix", patterns)] if begins else (),
        sid="ListPrefixes" if begins else "ListBuckets",
    )
    reading = Statement.allow(
        "s3:GetObject", [f"{arn}/{pattern}" for arn in arns for pattern in patterns or ["*"]], sid="ReadObjects"
    )
    return PolicyDocument((locate, listing, reading, *_decrypting(kms_keys or {}, partition)))


def _decrypting(kms_keys: Mapping[str, str], partition_name: str) -> list[Statement]:
    keys = [Arn.parse(key, name="kms_keys") for key in dict.fromkeys(kms_keys.values())]
    for key in keys:
        if key.service != "kms" or key.resource_type != "key" or "*" in str(key) or key.partition != partition_name:
            raise InvalidValue("kms_keys", str(key), f"the ARN of one KMS key in partition {partition_name}")
    regions = sorted({key.region for key in keys})
    suffix = partition(partition_name).dns_suffix
    return [
        Statement.allow(
            "kms:Decrypt",
            [str(key) for key in keys if key.region == region],
            conditions=[Condition("StringEquals", "kms:ViaService", f"s3.{region}.{suffix}")],
            sid=f"DecryptThroughS3{region.title().replace('-', '')}",
        )
        for region in regions
    ]
