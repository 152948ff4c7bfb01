"""An index of values by the literal beginnings of their patterns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

__all__ = ["PrefixIndex"]

T = TypeVar("T")


class PrefixIndex(Generic[T]):
    """Values by the prefixes of their patterns.

    >>> index = PrefixIndex[str]()
    >>> index.add("readers", ["arn:aws:iam::111111111111:role/Read"])
    >>> index.add("everything", [])
    >>> index.lists("arn:aws:iam::111111111111:role/Reader")
    [['readers'], ['everything']]
    """

    __slots__ = ("_by_prefix", "_lengths")

    def __init__(self) -> None:
        self._by_prefix: dict[str, list[T]] = {}
        self._lengths: dict[int, None] = {}

    def add(self, value: T, prefixes: Iterable[str]) -> None:
        """Add a value that matches only texts with one of these prefixes; every text if there are none."""
        for prefix in dict.fromkeys(prefixes) or [""]:
            self._by_prefix.setdefault(prefix, []).append(value)
            self._lengths[len(prefix)] = None

    def lists(self, text: str) -> list[list[T]]:
        """Return the lists of values that could match a text."""
        found = []
        for length in self._lengths:
            values = self._by_prefix.get(text[:length])
            if values is not None and length <= len(text):
                found.append(values)
        return found
