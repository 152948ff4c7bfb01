"""The pages of account authorization details, in the forms in which tools store them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Literal

from xacct.errors import InvalidValue

__all__ = [
    "LISTS", "PLURALS", "REST", "Details", "EntityKind", "JsonObject", "are_truncated", "kind_of", "read_json",
    "read_pages",
]  # fmt: skip

JsonObject = Mapping[str, object]
Details = str | bytes | JsonObject | Iterable[JsonObject]
"""Authorization details: JSON text, the object that it has, or the pages of several answers."""

EntityKind = Literal["user", "group", "role", "policy"]

LISTS: dict[EntityKind, str] = {
    "user": "UserDetailList",
    "group": "GroupDetailList",
    "role": "RoleDetailList",
    "policy": "Policies",
}
PLURALS: dict[EntityKind, str] = {"user": "users", "group": "groups", "role": "roles", "policy": "managed policies"}
REST = "the rest of the users, groups, roles and policies"
"""What truncated details lack."""

_WORDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "a text"),
    (bool, "true or false"),
    ((int, float), "a number"),
    (Mapping, "an object"),
    ((list, tuple), "a list"),
)


def read_pages(details: object) -> list[JsonObject]:
    """Return the pages of authorization details.

    Raises:
        InvalidValue: the details are not JSON, or no authorization details.
    """
    data = details
    if isinstance(details, os.PathLike):
        raise InvalidValue("details", str(details), "pass the file's text: Path(...).read_bytes()")
    if isinstance(details, (str, bytes)):
        data = read_json(details)
    if isinstance(data, Mapping):
        data = [data]
    if not isinstance(data, Iterable) or isinstance(data, (str, bytes)):
        raise InvalidValue(
            "details", f"({kind_of(data)})", "must be an object, or a list of the objects of several pages"
        )
    pages = list(data)
    for number, page in enumerate(pages):
        if not isinstance(page, Mapping):
            raise InvalidValue(
                f"details[{number}]", f"({kind_of(page)})", "a page of authorization details is an object"
            )
    if not any(key in page for page in pages for key in LISTS.values()):
        keys = sorted({str(key) for page in pages for key in page})
        given = f"{', '.join(keys[:5])}{', …' if len(keys) > 5 else ''}"[:200] or "(empty)"
        rule = (
            f"must have {', '.join(LISTS.values())}, as aws iam get-account-authorization-details prints them for one "
            "account"
        )
        raise InvalidValue("details", given, rule)
    return pages


def read_json(text: str | bytes) -> object:
    """Return what JSON text says.

    Raises:
        InvalidValue: the text is not JSON.
    """
    try:
        # json finds out the encoding of bytes: Windows PowerShell writes UTF-16.
        return json.loads(text if isinstance(text, bytes) else text.lstrip("\ufeff"))
    except RecursionError:
        raise InvalidValue("details", f"({len(text)} characters)", "the JSON is nested too deeply") from None
    except ValueError as error:  # also bytes that are no text
        given = text if len(text) <= 40 else f"{text[:40]!r}…"
        advice = ". Pass the text of a file, not its name: Path(...).read_bytes()" if isinstance(text, str) else ""
        rule = f"must be JSON: {error}{advice}"
        raise InvalidValue("details", given, rule) from None


def are_truncated(pages: list[JsonObject]) -> bool:
    """Return whether the last page is missing. The pages of an answer may be in any order."""

    def has_next(page: JsonObject) -> bool:
        truncated = page.get("IsTruncated")
        # The AWS CLI reads all pages, and writes NextToken if --max-items ended it early.
        return bool(page.get("NextToken")) if truncated is None else truncated in (True, "true", "True")

    return all(has_next(page) for page in pages)


def kind_of(value: object) -> str:
    """Return what a value is in JSON, for messages.

    >>> kind_of(5), kind_of(None)
    ('a number', 'null')
    """
    for kinds, words in _WORDS:
        if isinstance(value, kinds):
            return words
    return "null" if value is None else f"of type {type(value).__name__}"
