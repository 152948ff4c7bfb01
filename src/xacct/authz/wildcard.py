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
    searches = [_search(part) for part in middle if part]

    def matches(value: str) -> bool:
        found = first.match(value)
        limit = len(value) - tail_length
        if found is None or limit < found.end() or not last.match(value, limit):
            return False
        position = found.end()
        for search in searches:
            position = search(value, position, limit)
            if position < 0:
                return False
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


def _search(part: list[str | None]) -> Callable[[str, int, int], int]:
    """Where the leftmost place of a part ends, between two positions of a value; -1 where there is none."""
    if None not in part:
        # A literal is found in one pass.
        literal = re.compile(_regex(part))

        def find(value: str, start: int, limit: int) -> int:
            found = literal.search(value, start, limit)
            return -1 if found is None else found.end()

        return find
    characters = [character for text in part for character in (text or [None])]
    anything = sum(1 << place for place, character in enumerate(characters) if character is None)
    wanted = {
        character: anything | sum(1 << place for place, other in enumerate(characters) if other == character)
        for character in set(characters) - {None}
    }
    accepted = 1 << (len(characters) - 1)

    def scan(value: str, start: int, limit: int) -> int:
        # A regular expression would begin again at every place. Each bit is a beginning that has matched so far.
        alive = 0
        for place in range(start, limit):
            alive = (alive << 1 | 1) & wanted.get(value[place], anything)
            if alive & accepted:
                return place + 1
        return -1

    return scan


def _whole(part: list[str | None]) -> Callable[[str], bool]:
    if None not in part:
        text = "".join(filter(None, part))
        return lambda value: value == text
    pattern = re.compile(_regex(part), re.DOTALL)
    return lambda value: pattern.fullmatch(value) is not None


def _regex(part: list[str | None]) -> str:
    return "".join("." if text is None else re.escape(text) for text in part)
