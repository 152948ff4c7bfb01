"""The identity policy that allows reading S3 buckets, or prefixes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from xacct.arn import Arn, partition as partition_named
from xacct.errors import InvalidValue
from xacct.limits import BUCKET_KEY_BYTES, is_bucket_name
from xacct.policy import Condition, PolicyDocument, Statement

__all__ = ["READ_POLICY_NAME", "bucket_name", "is_s3_read_policy", "key_prefix", "s3_read_policy"]

READ_POLICY_NAME = "S3Read"
"""The name of the inline policy of a role that reads named buckets."""

_SIDS = frozenset({"LocateBuckets", "ListPrefixes", "ListBuckets", "ReadObjects"})

# The first action reads current objects. The others read versions and tags. They share its statement, because they
# take the same resources and the same condition on s3:prefix.
_LIST_ACTIONS = ("s3:ListBucket", "s3:ListBucketVersions")
_READ_ACTIONS = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging")


def bucket_name(value: object) -> str:
    """Return the name of a general purpose bucket, if it is valid.

    Raises:
        InvalidValue: it is not.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if isinstance(value, str) and is_bucket_name(value):
        return value
    raise InvalidValue("buckets", value, "a bucket name, not an ARN: 3 to 63 of a-z, 0-9, '-' and single '.'")


def key_prefix(value: object) -> str:
    """Return a prefix of object keys, if it is valid.

    Raises:
        InvalidValue: it is not.
    """
    if isinstance(value, str) and value and not value.startswith("/") and len(value.encode()) <= BUCKET_KEY_BYTES:
        return value
    raise InvalidValue(
        "prefixes", value, f"a prefix of object keys: 1 to {BUCKET_KEY_BYTES} bytes, not starting with '/'"
    )


def is_s3_read_policy(document: PolicyDocument) -> bool:
    """Return whether a document is one of :func:`s3_read_policy`, by the IDs of its statements.

    >>> is_s3_read_policy(s3_read_policy(["reports"]))
    True
    """
    return any(statement.sid in _SIDS for statement in document.statements)


def _escaped(prefix: str) -> str:
    """Return a prefix as a pattern that matches the prefix itself, without wildcards and policy variables."""
    return re.sub(r"[*?$]", lambda found: f"${{{found[0]}}}", prefix)


def s3_read_policy(
    buckets: Iterable[str],
    prefixes: Iterable[str] = (),
    *,
    versions: bool = False,
    kms_keys: Mapping[str, str] | None = None,
    partition: str = "aws",
) -> PolicyDocument:
    """Return an identity policy that allows listing and reading buckets, and nothing else.

    Args:
        buckets: the buckets' names, at least one.
        prefixes: the prefixes of the keys that can be listed and read in each bucket; empty for all keys. ``*``, ``?``
            and ``$`` are literal characters.
        versions: whether earlier versions of the objects can be listed and read too, and the tags of objects and
            versions. The prefixes limit all of these.
        kms_keys: the ARN of the customer managed KMS key of each bucket that is encrypted with SSE-KMS. Decryption is
            allowed only through S3 in the key's region.
        partition: the buckets' partition.

    Raises:
        InvalidValue: a bucket name, a prefix or a key ARN is not valid.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-policies-s3.html and, for versions,
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html

    >>> policy = s3_read_policy(["reports"], ["2026/"])
    >>> [statement.sid for statement in policy.statements]
    ['LocateBuckets', 'ListPrefixes', 'ReadObjects']
    >>> policy.statements[2].resources
    ('arn:aws:s3:::reports/2026/*',)
    >>> s3_read_policy(["reports"], ["2026/"], versions=True).statements[1].actions
    ('s3:ListBucket', 's3:ListBucketVersions')
    """
    arns = [str(Arn.bucket(bucket_name(name), partition)) for name in dict.fromkeys(buckets)]
    if not arns:
        raise InvalidValue("buckets", (), "name at least one bucket")
    patterns = [f"{_escaped(key_prefix(prefix))}*" for prefix in dict.fromkeys(prefixes)]
    locate = Statement.allow("s3:GetBucketLocation", arns, sid="LocateBuckets")
    listing = Statement.allow(
        _LIST_ACTIONS if versions else _LIST_ACTIONS[:1],
        arns,
        conditions=[Condition("StringLike", "s3:prefix", patterns)] if patterns else (),
        sid="ListPrefixes" if patterns else "ListBuckets",
    )
    reading = Statement.allow(
        _READ_ACTIONS if versions else _READ_ACTIONS[:1],
        [f"{arn}/{pattern}" for arn in arns for pattern in patterns or ["*"]],
        sid="ReadObjects",
    )
    return PolicyDocument((locate, listing, reading, *_decrypt_statements(kms_keys or {}, partition)))


def _decrypt_statements(kms_keys: Mapping[str, str], partition: str) -> list[Statement]:
    keys = [Arn.parse(key, name="kms_keys") for key in dict.fromkeys(kms_keys.values())]
    for key in keys:
        if key.service != "kms" or key.resource_type != "key" or "*" in str(key) or key.partition != partition:
            raise InvalidValue("kms_keys", str(key), f"the ARN of one KMS key in partition {partition}")
    regions = sorted({key.region for key in keys})
    suffix = partition_named(partition).dns_suffix
    return [
        Statement.allow(
            "kms:Decrypt",
            [str(key) for key in keys if key.region == region],
            conditions=[Condition("StringEquals", "kms:ViaService", f"s3.{region}.{suffix}")],
            sid=f"DecryptThroughS3{region.title().replace('-', '')}",
        )
        for region in regions
    ]
