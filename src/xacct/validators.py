"""attrs validators and checks that raise InvalidValue: texts, numbers, tags and times.

The limits themselves are in :mod:`xacct.limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from attrs import Attribute

from xacct.errors import InvalidValue
from xacct.limits import TAG_KEY_LENGTH, TAG_VALUE_LENGTH, TAGS, Range, TextRule, is_tag_text, repeated_tag_key

__all__ = ["aware", "check_tags", "check_text", "grant_tags", "integer", "seconds", "text"]

_GRANT_TAGS = TAGS - 10
"""Tags that a grant can set: xacct adds up to ten of its own to each resource."""


def check_text(name: str, value: object, rule: TextRule) -> None:
    """Check a text against a rule.

    Args:
        name: the argument's name, for the error.
        value: the text.
        rule: the rule, from :mod:`xacct.limits`.

    Raises:
        InvalidValue: the value is not a string or breaks the rule.
    """
    if not rule.allows(value):
        raise InvalidValue(name, value, str(rule))


def check_tags(
    name: str, tags: Mapping[str, str], *, most: int = TAGS, reserved_prefixes: tuple[str, ...] = ("aws:",)
) -> None:
    """Check tags against IAM's and STS's rules.

    Args:
        name: the argument's name, for the error.
        tags: the values by key.
        most: the largest number of tags.
        reserved_prefixes: prefixes, in lower case, that a key must not have in any case.

    Raises:
        InvalidValue: there are too many tags, a key or a value is not valid, or two keys differ in case only.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
    """
    if len(tags) > most:
        raise InvalidValue(name, f"{len(tags)} tags", f"at most {most} tags")
    for key, value in tags.items():
        if not is_tag_text(key) or not 1 <= len(key) <= TAG_KEY_LENGTH:
            raise InvalidValue(name, key, f"a key has 1 to {TAG_KEY_LENGTH} letters, digits, spaces and _.:/=+-@")
        if key.lower().startswith(reserved_prefixes):
            raise InvalidValue(name, key, f"a key must not start with {' or '.join(reserved_prefixes)}")
        if not is_tag_text(value) or len(value) > TAG_VALUE_LENGTH:
            rule = f"the value of {key!r} has at most {TAG_VALUE_LENGTH} letters, digits, spaces and _.:/=+-@"
            raise InvalidValue(name, value, rule)
    repeated = repeated_tag_key(tags)
    if repeated is not None:
        raise InvalidValue(name, repeated, "two keys must differ in more than upper and lower case")


def text(rule: TextRule) -> Callable[[object, Attribute[str], object], None]:
    """Return a validator that accepts None, and a text that keeps the rule."""

    def check(_: object, attribute: Attribute[str], value: object) -> None:
        if value is not None:
            check_text(attribute.name, value, rule)

    return check


def seconds(*, zero: bool) -> Callable[[object, Attribute[float], object], None]:
    """Return a validator that accepts a number of seconds.

    Args:
        zero: whether 0 is accepted, too.
    """

    def check(_: object, attribute: Attribute[float], value: object) -> None:
        number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else -1
        if not (number >= 0 if zero else number > 0):
            raise InvalidValue(attribute.name, value, f"seconds, {'at least' if zero else 'more than'} 0")

    return check


def integer(numbers: Range, unit: str) -> Callable[[object, Attribute[int], object], None]:
    """Return a validator that accepts None, and an integer in the range."""

    def check(_: object, attribute: Attribute[int], value: object) -> None:
        if value is not None and value not in numbers:
            raise InvalidValue(
                attribute.name, value, f"a whole number of {unit} from {numbers.least} to {numbers.most}"
            )

    return check


def grant_tags(_: object, attribute: Attribute[Mapping[str, str]], value: Mapping[str, str]) -> None:
    """Check the tags of a grant: those of xacct itself are reserved, and must fit beside them."""
    check_tags(attribute.name, value, most=_GRANT_TAGS, reserved_prefixes=("aws:", "xacct:"))


def aware(_: object, attribute: Attribute[datetime], value: datetime | None) -> None:
    """Check that a value is None or a datetime with a time zone."""
    if value is not None and value.tzinfo is None:
        rule = "a datetime with a time zone, such as datetime(..., tzinfo=timezone.utc)"
        raise InvalidValue(attribute.name, value, rule)
