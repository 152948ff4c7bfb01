"""Validation of tags, by the rules that IAM and STS share.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xacct.limits import TAG_KEY_LENGTH, TAG_PATTERN, TAG_VALUE_LENGTH, TAGS, is_tag_text, repeated_tag_key
from xacct.testing.error_responses import Refused, invalid

__all__ = ["check_tags"]


def check_tags(tags: Iterable[Mapping[str, str]], *, duplicates: str) -> None:
    """Check the tags of a request.

    Args:
        tags: the tags, in the form of the API's parameter.
        duplicates: the service's error code for reserved and duplicate keys.

    Raises:
        Refused: there are too many tags, or one breaks a rule.
    """
    requested = list(tags)
    if len(requested) > TAGS:
        raise invalid(requested, "tags", f"have length less than or equal to {TAGS}")
    for number, tag in enumerate(requested, start=1):
        _check_text(tag["Key"], f"tags.{number}.member.key", TAG_KEY_LENGTH, f"{TAG_PATTERN}+")
        _check_text(tag.get("Value", ""), f"tags.{number}.member.value", TAG_VALUE_LENGTH, f"{TAG_PATTERN}*")
        if tag["Key"].lower().startswith("aws:"):
            raise Refused(duplicates, "Tag keys starting with 'aws:' are reserved for internal use.")
    if repeated_tag_key([tag["Key"] for tag in requested]) is not None:
        raise Refused(duplicates, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")


def _check_text(value: str, field: str, longest: int, pattern: str) -> None:
    if len(value) > longest:
        raise invalid(value, field, f"have length less than or equal to {longest}")
    if not is_tag_text(value):
        raise invalid(value, field, f"satisfy regular expression pattern: {pattern}")
