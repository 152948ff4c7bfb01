"""Matching ``*`` and ``?`` without backtracking."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

__all__ = ["Piece", "glob"]

# Text, and whether its `*` and `?` are wildcards.
Piece = tuple[str, bool]


def glob(pieces: str | Iterable[Piece]) -> Callable[[str], bool]:
    """A test of whole strings against a pattern.

    The leftmost place of each part between two ``*`` is always good enough, so nothing is ever tried twice.

    Args:
        pieces: the pattern, or pieces of it, of which some are to be taken as they stand.

    >>> glob("arn:aws:s3:::reports/*/20??")("arn:aws:s3:::reports/a/b/2026")
    True
    >>> glob("*a*a*a*a*a*a*a*b")("a" * 1000)
    False
    >>> glob([("home/", True), ("*", False)])("home/dev")
    False
    """
    parts = _parts([(pieces, True)] if isinstance(pieces, str) else pieces)
    if len(parts) == 1:
        return _whole(parts[0])
    head, *middle, tail = parts
    if all(None not in part for part in parts) and not any(middle):
        start, end = "".join(filter(None, head)), "".join(filter(None, tail))
        if not end:
            return lambda value: value.startswith(start)
        return lambda value: len(value) >= len(start) + len(end) and value.startswith(start) and value.endswith(end)
    first = re.compile(_regex(head), re.DOTALL)
    last = re.compile(_regex(tail) + r"\Z", re.DOTALL)
    tail_length = sum(1 if text is None else len(text) for text in tail)
    searches = [re.compile(_regex(part), re.DOTALL) for part in middle if part]

    def matches(value: str) -> bool:
        found = first.match(value)
        limit = len(value) - tail_length
        if found is None or limit < found.end() or not last.match(value, limit):
            return False
        position = found.end()
        for search in searches:
            found = search.search(value, position, limit)
            if found is None:
                return False
            position = found.end()
        return True

    return matches


def _parts(pieces: Iterable[Piece]) -> list[list[str | None]]:
    """What stands between the ``*``: texts, and None for each ``?``."""
    parts: list[list[str | None]] = [[]]
    for text, wild in pieces:
        for part in re.split(r"([*?])", text) if wild else [text]:
            if wild and part == "*":
                parts.append([])
            elif wild and part == "?":
                parts[-1].append(None)
            elif part:
                parts[-1].append(part)
    return parts


def _whole(part: list[str | None]) -> Callable[[str], bool]:
    if None not in part:
        text = "".join(filter(None, part))
        return lambda value: value == text
    pattern = re.compile(_regex(part), re.DOTALL)
    return lambda value: pattern.fullmatch(value) is not None


def _regex(part: list[str | None]) -> str:
    return "".join("." if text is None else re.escape(text) for text in part)
