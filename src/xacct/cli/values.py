"""Values of options that are more than one word of text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from xacct.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclopts import Token

__all__ = ["tags_from", "time_from"]


def tags_from(words: Iterable[str]) -> dict[str, str]:
    """Return tags from words such as ``team=reports``.

    Raises:
        InvalidValue: a word has no equals sign.
    """
    pairs = [word.partition("=") for word in words]
    for key, sign, _ in pairs:
        if not sign or not key:
            raise InvalidValue("--tag", key, "KEY=VALUE, such as team=reports")
    return {key: value for key, _, value in pairs}


def time_from(_: object, tokens: Sequence[Token]) -> datetime:
    """Return the time of an option.

    Raises:
        InvalidValue: it is not a time with a time zone.
    """
    text = tokens[0].value
    rule = "a time with a time zone, such as 2027-03-31T12:00:00Z"
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise InvalidValue(tokens[0].keyword or "time", text, rule) from None
    if time.tzinfo is None:
        raise InvalidValue(tokens[0].keyword or "time", text, rule)
    return time
