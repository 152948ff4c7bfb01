"""How xacct knows what it made: tags on the resource itself, so that no state is kept anywhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import TagTypeDef

__all__ = ["MARK", "RECORD", "is_ours", "marked", "merged", "recorded", "tag_list", "tags_of", "was_recorded"]

MARK = "xacct:managed-by"
RECORD = "xacct:attached"


def _digest(name: str) -> str:
    # A tag's value has room for 256 characters, a role for more policies than their names would fit in.
    return hashlib.sha256(name.encode()).hexdigest()[:6]


def marked(tags: Mapping[str, str], attached: Iterable[str] = ()) -> dict[str, str]:
    """The user's tags with those that say that xacct made the resource, and what it attached to it.

    What was attached is recorded so that a grant that asks for less later takes away what it gave, and never what
    somebody else attached.
    """
    digests = sorted({_digest(name) for name in attached})
    return {**tags, MARK: "xacct", **({RECORD: " ".join(digests)} if digests else {})}


def merged(wanted: Mapping[str, str], observed: Mapping[str, str]) -> dict[str, str]:
    """The wanted tags, with what was recorded before still recorded."""
    digests = sorted(recorded(wanted) | recorded(observed))
    return {**wanted, **({RECORD: " ".join(digests)} if digests else {})}


def is_ours(tags: Mapping[str, str]) -> bool:
    """Whether the tags say that xacct made the resource."""
    return tags.get(MARK) == "xacct"


def recorded(tags: Mapping[str, str]) -> frozenset[str]:
    """The digests of what xacct attached."""
    return frozenset(tags.get(RECORD, "").split())


def was_recorded(name: str, tags: Mapping[str, str]) -> bool:
    """Whether xacct attached the policy of this ARN or name."""
    return _digest(name) in recorded(tags)


def tag_list(tags: Mapping[str, str]) -> list[TagTypeDef]:
    """The tags as IAM takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of(tags: Sequence[TagTypeDef]) -> dict[str, str]:
    """The tags that IAM gave."""
    return {tag["Key"]: tag["Value"] for tag in tags}
