"""Wildcard patterns with ``*`` and ``?``, matched without backtracking."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

__all__ = ["Pattern", "Piece", "glob", "literal_prefix"]

# A text, and whether `*` and `?` in it are wildcards.
Piece = tuple[str, bool]
Pattern = Callable[[str], bool]


def glob(pieces: str | Iterable[Piece]) -> Pattern:
    """Return a function that matches whole strings against a pattern.

    Matching takes linear time: the leftmost match of each part between two ``*`` is always sufficient.

    Args:
        pieces: the pattern, or pieces of it. A piece with the flag False is literal text.

    >>> glob("arn:aws:s3:::reports/*/20??")("arn:aws:s3:::reports/a/b/2026")
    True
    >>> glob("*a*a*a*a*a*a*a*b")("a" * 1000)
    False
    >>> glob([("home/", True), ("*", False)])("home/dev")
    False
    """
    if not isinstance(pieces, str):
        several = list(pieces)
        if len(several) != 1 or not several[0][1]:
            return _glob(_parts(several))
        pieces = several[0][0]
    return _glob_of_text(pieces)


def literal_prefix(pattern: str) -> str:
    """Return the text before the first wildcard, with which everything that matches begins.

    >>> literal_prefix("arn:aws:s3:::reports/*")
    'arn:aws:s3:::reports/'
    """
    return pattern.partition("*")[0].partition("?")[0]


@lru_cache(maxsize=4096)
def _glob_of_text(text: str) -> Pattern:
    # Policies repeat the same patterns, such as "s3:*".
    return _glob(_parts([(text, True)])) if "?" in text else _glob_of_literals(text.split("*"))


def _glob(parts: list[list[str | None]]) -> Pattern:
    """Return a function that matches the parts between the ``*`` of a pattern."""
    if all(None not in part for part in parts):
        return _glob_of_literals(["".join(filter(None, part)) for part in parts])
    if len(parts) == 1:
        whole = re.compile(_regex(parts[0]), re.DOTALL)
        return lambda value: whole.fullmatch(value) is not None
    head, *middle, tail = parts
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


def _glob_of_literals(parts: list[str]) -> Pattern:
    if len(parts) == 1:
        return parts[0].__eq__
    start, *rest, end = parts
    middle = [part for part in rest if part]
    shortest = len(start) + len(end)
    if not middle:
        if not end:
            return (lambda value: value.startswith(start)) if start else lambda _: True
        return lambda value: len(value) >= shortest and value.startswith(start) and value.endswith(end)

    def matches(value: str) -> bool:
        if len(value) < shortest or not value.startswith(start) or not value.endswith(end):
            return False
        position, limit = len(start), len(value) - len(end)
        for part in middle:
            position = value.find(part, position, limit)
            if position < 0:
                return False
            position += len(part)
        return True

    return matches


def _parts(pieces: Iterable[Piece]) -> list[list[str | None]]:
    """Return the parts between the ``*``. A part is a list of literal texts, and None for each ``?``."""
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
    """Return a function that finds a part between two positions of a value.

    The function returns where the leftmost match ends, or -1 if there is no match.
    """
    if None not in part:
        literal = "".join(filter(None, part))

        def find(value: str, start: int, limit: int) -> int:
            found = value.find(literal, start, limit)
            return -1 if found < 0 else found + len(literal)

        return find
    characters = [character for text in part for character in (text or [None])]
    any_character = sum(1 << place for place, character in enumerate(characters) if character is None)
    masks = {
        character: any_character | sum(1 << place for place, other in enumerate(characters) if other == character)
        for character in set(characters) - {None}
    }
    accepted = 1 << (len(characters) - 1)

    def scan(value: str, start: int, limit: int) -> int:
        # A regular expression would restart at every position. Each bit of `alive` is a start that matches so far.
        alive = 0
        for place in range(start, limit):
            alive = (alive << 1 | 1) & masks.get(value[place], any_character)
            if alive & accepted:
                return place + 1
        return -1

    return scan


def _regex(part: list[str | None]) -> str:
    return "".join("." if text is None else re.escape(text) for text in part)
