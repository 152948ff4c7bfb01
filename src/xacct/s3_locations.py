"""The buckets and prefixes that a role can read, and how to find them in the policy that xacct wrote."""

from __future__ import annotations

import re

from attrs import frozen

from xacct.policy import PolicyDocument

__all__ = ["S3Locations", "locations_in"]


@frozen
class S3Locations:
    """What a role can read in S3.

    Attributes:
        buckets: the buckets; empty for all buckets of the account.
        prefixes: the prefixes of keys in each bucket; empty for all keys.
        versions: whether old versions and tags of objects can be read too.
    """

    buckets: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    versions: bool = False


def locations_in(document: PolicyDocument) -> S3Locations | None:
    """Return what a policy of s3_read_policy allows reading; None for any other policy.

    >>> from xacct import s3_read_policy
    >>> locations_in(s3_read_policy(["reports"], ["2026/", "a*b"]))
    S3Locations(buckets=('reports',), prefixes=('2026/', 'a*b'), versions=False)
    """
    by_sid = {statement.sid: statement for statement in document.statements}
    listing = by_sid.get("ListPrefixes") or by_sid.get("ListBuckets")
    if listing is None or "ReadObjects" not in by_sid:
        return None
    patterns = [value for condition in listing.conditions for value in condition.values]
    return S3Locations(
        buckets=tuple(resource.rpartition(":")[2] for resource in listing.resources),
        prefixes=tuple(_unescaped(pattern.removesuffix("*")) for pattern in patterns),
        versions="s3:ListBucketVersions" in listing.actions,
    )


def _unescaped(pattern: str) -> str:
    return re.sub(r"\$\{([*?$])\}", r"\1", pattern)
