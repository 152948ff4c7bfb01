"""Ownership tags: the tags on a resource by which xacct recognizes what it created and attached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import TagTypeDef

__all__ = [
    "ATTACHED_TAG",
    "OWNER",
    "OWNER_TAG",
    "is_ours",
    "is_recorded",
    "recorded_digests",
    "tags_from_list",
    "tags_to_list",
    "with_ownership",
    "with_recorded",
]

OWNER_TAG = "xacct:managed-by"
OWNER = "xacct"
ATTACHED_TAG = "xacct:attached"


def _digest(name: str) -> str:
    # A tag value has 256 characters. The names of all policies that a role can have do not fit.
    return hashlib.sha256(name.encode()).hexdigest()[:6]


def with_ownership(tags: Mapping[str, str], attached: Iterable[str] = ()) -> dict[str, str]:
    """Return the user's tags with the ownership tag and the record of what xacct attached.

    With the record, a later grant that needs less can detach what xacct attached, and only that.

    Args:
        tags: the user's tags.
        attached: the ARNs or names of what the grant attaches.
    """
    digests = sorted({_digest(name) for name in attached})
    return {**tags, OWNER_TAG: OWNER, **({ATTACHED_TAG: " ".join(digests)} if digests else {})}


def with_recorded(tags: Mapping[str, str], observed: Mapping[str, str]) -> dict[str, str]:
    """Return tags whose record also has everything that the observed tags record."""
    digests = sorted(recorded_digests(tags) | recorded_digests(observed))
    return {**tags, **({ATTACHED_TAG: " ".join(digests)} if digests else {})}


def is_ours(tags: Mapping[str, str]) -> bool:
    """Return whether the tags say that xacct created the resource."""
    return tags.get(OWNER_TAG) == OWNER


def recorded_digests(tags: Mapping[str, str]) -> frozenset[str]:
    """Return the digests of what xacct attached."""
    return frozenset(tags.get(ATTACHED_TAG, "").split())


def is_recorded(name: str, tags: Mapping[str, str]) -> bool:
    """Return whether the tags record that xacct attached the policy or principal of this ARN or name."""
    return _digest(name) in recorded_digests(tags)


def tags_to_list(tags: Mapping[str, str]) -> list[TagTypeDef]:
    """Return tags in the form that IAM requests have."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_from_list(tags: Sequence[TagTypeDef]) -> dict[str, str]:
    """Return the tags of an IAM response."""
    return {tag["Key"]: tag["Value"] for tag in tags}
