"""Where the statements of a policy are in its text, as IAM's policy simulator says it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

__all__ = ["statement_positions"]

_DECODER = json.JSONDecoder()
_NOT_SPACE = re.compile(r"\S")


def statement_positions(text: str) -> list[tuple[dict[str, int], dict[str, int]]]:
    """Return where each statement begins and ends: after the bracket or comma before it, and after its own end.

    Args:
        text: the policy, as JSON text.

    >>> statement_positions('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}')
    [({'Line': 1, 'Column': 41}, {'Line': 1, 'Column': 60})]
    """
    return [(_line_and_column(text, start), _line_and_column(text, end)) for start, end in _offsets(text)]


def _line_and_column(text: str, offset: int) -> dict[str, int]:
    before = text[:offset]
    return {"Line": before.count("\n") + 1, "Column": offset - (before.rfind("\n") + 1) + 1}


def _offsets(text: str) -> list[tuple[int, int]]:
    offset = _skip(text, text.index("{") + 1)
    while text[offset] == '"':
        key, offset = _DECODER.raw_decode(text, offset)
        offset = _skip(text, _skip(text, offset) + 1)
        value, end = _DECODER.raw_decode(text, offset)
        if key == "Statement":
            return list(_items(text, offset)) if isinstance(value, list) else [(offset + 1, end)]
        offset = _skip(text, end)
        offset = _skip(text, offset + 1) if text[offset] == "," else offset
    return []


def _items(text: str, offset: int) -> Iterator[tuple[int, int]]:
    while text[offset] in "[,":
        start = offset + 1
        _, end = _DECODER.raw_decode(text, _skip(text, start))
        yield start, end
        offset = _skip(text, end)


def _skip(text: str, offset: int) -> int:
    """Return the offset of the next character that is not white space."""
    found = _NOT_SPACE.search(text, offset)
    return len(text) if found is None else found.start()
