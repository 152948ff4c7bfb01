"""The rules that AWS has for names, texts, tags and numbers, checked where a value is made.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html and botocore's service models
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from attrs import Attribute, frozen

from xacct.errors import InvalidValue

__all__ = ["DESCRIPTION", "ENTITY_NAME", "EXTERNAL_ID", "PATH", "POLICY_NAME", "Text", "aware", "integer", "tags_rule"]


@frozen
class Text:
    """A rule for a string; a validator for a field that may also be None.

    Args:
        pattern: what the whole of it must match.
        rule: the same in words.
    """

    pattern: str
    rule: str

    def check(self, name: str, value: object) -> None:
        """Refuse a value that breaks the rule.

        Raises:
            InvalidValue: it does.
        """
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value, re.ASCII):
            raise InvalidValue(name, value, self.rule)

    def __call__(self, _: object, attribute: Attribute[str], value: object) -> None:
        """Check a field, as attrs calls its validators."""
        if value is not None:
            self.check(attribute.name, value)


def integer(least: int, most: int, unit: str) -> Callable[[object, Attribute[int], object], None]:
    """A validator: None, or a whole number within the bounds."""

    def check(_: object, attribute: Attribute[int], value: object) -> None:
        if value is None:
            return
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise InvalidValue(attribute.name, value, f"a whole number of {unit} from {least} to {most}")

    return check


ENTITY_NAME = Text(r"[\w+=,.@-]{1,64}", "1 to 64 letters, digits and +=,.@_-")
POLICY_NAME = Text(r"[\w+=,.@-]{1,128}", "1 to 128 letters, digits and +=,.@_-")
EXTERNAL_ID = Text(r"[\w+=,.@:/-]{2,1224}", "2 to 1224 letters, digits and +=,.@:/-_")
DESCRIPTION = Text(r"[\t\n\r\x20-\x7e\xa1-\xff]{0,1000}", "at most 1000 characters of Latin-1")
PATH = Text(r"/|/[!-~]{1,510}/", "begins and ends with '/', at most 512 printable ASCII characters")


def tags_rule(_: object, attribute: Attribute[Mapping[str, str]], tags: Mapping[str, str]) -> None:
    """At most 45 tags, so that xacct's own fit beside them; keys of 1 to 128 characters, values of at most 256.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
    """
    allowed = re.compile(r"[\w\s.:/=+@-]*")
    if len(tags) > 45:
        raise InvalidValue(attribute.name, len(tags), "at most 45 tags")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or not allowed.fullmatch(key) or key.lower().startswith(("aws:", "xacct:")):
            raise InvalidValue(
                f"{attribute.name} key",
                key,
                "1 to 128 letters, digits, spaces and _.:/=+-@, not aws: or xacct: in front",
            )
        if not isinstance(value, str) or len(value) > 256 or not allowed.fullmatch(value):
            raise InvalidValue(f"{attribute.name}[{key!r}]", value, "at most 256 letters, digits, spaces and _.:/=+-@")
    if len({key.lower() for key in tags}) < len(tags):
        raise InvalidValue(attribute.name, sorted(tags), "keys that differ in more than upper and lower case")


def aware(_: object, attribute: Attribute[datetime], value: datetime | None) -> None:
    """A validator: None, or a time that says its time zone."""
    if value is not None and value.tzinfo is None:
        raise InvalidValue(
            attribute.name, value, "a datetime with a time zone, such as datetime(..., tzinfo=timezone.utc)"
        )
