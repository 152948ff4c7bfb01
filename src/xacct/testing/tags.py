"""The rules of tags, which are those of IAM and STS alike.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from xacct.testing.error_responses import Refused, invalid

__all__ = ["MOST_TAGS", "check_tags"]

MOST_TAGS = 50
_LONGEST = {"Key": 128, "Value": 256}
_SIGNS = "_.:/=+-@"


def check_tags(tags: Iterable[Mapping[str, str]], *, duplicates: str) -> None:
    """Refuse tags that no user, role, policy or session may have.

    Args:
        tags: as the API takes them.
        duplicates: the service's code where a key is there twice.

    Raises:
        Refused: there are too many, or one breaks a rule.
    """
    given = list(tags)
    if len(given) > MOST_TAGS:
        raise invalid(given, "tags", f"have length less than or equal to {MOST_TAGS}")
    for place, tag in enumerate(given, start=1):
        for part, longest in _LONGEST.items():
            value, field = tag.get(part, ""), f"tags.{place}.member.{part.lower()}"
            if len(value) > longest:
                raise invalid(value, field, f"have length less than or equal to {longest}")
            if not all(sign in _SIGNS or unicodedata.category(sign)[0] in "LZN" for sign in value):
                pattern = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]" + ("+" if part == "Key" else "*")
                raise invalid(value, field, f"satisfy regular expression pattern: {pattern}")
        if tag["Key"].lower().startswith("aws:"):
            raise Refused(duplicates, "Tag keys starting with 'aws:' are reserved for internal use.")
    if len({tag["Key"].lower() for tag in given}) < len(given):
        raise Refused(duplicates, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
