"""One text for each way in which some patterns can match a text: all of them, none of them, and all between.

The patterns are followed at once, character by character, as a finite automaton does. All texts that lead to the same
state are equal to the patterns, so a search of the states is a search of all texts.
"""

from __future__ import annotations

import string
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from attrs import field, frozen

from xacct.authz.wildcard import Piece

__all__ = ["ANY_TEXT", "TextPattern", "TooManyStates", "characters", "one_text_per_class"]

# More states than patterns of policies have in practice.
_MOST_STATES = 20_000

# The characters that stand for all those that no pattern names.
_FRESH = (
    string.ascii_lowercase + string.digits + string.ascii_uppercase + "-_+@~^" + "".join(map(chr, range(0xC0, 0x250)))
)


class TooManyStates(Exception):
    """The patterns together distinguish more texts than are searched."""


@frozen
class _Token:
    """A place of a pattern.

    Attributes:
        allowed: the characters that match; None for all.
        forbidden: characters that do not match.
        repeats: whether any number of characters match, as for ``*``.
    """

    allowed: frozenset[str] | None
    forbidden: frozenset[str] = frozenset()
    repeats: bool = False

    def matches(self, character: str) -> bool:
        return (self.allowed is None or character in self.allowed) and character not in self.forbidden


@frozen
class TextPattern:
    """A pattern whose places can be followed one by one."""

    _tokens: tuple[_Token, ...] = field(alias="tokens")

    @classmethod
    def of(cls, pieces: Iterable[Piece], *, ignores_case: bool = False) -> TextPattern:
        """Return the pattern of a string with wildcards.

        Args:
            pieces: the texts, each with whether ``*`` and ``?`` in it are wildcards.
            ignores_case: whether letters match in upper and lower case.
        """
        return cls(tuple(_tokens(pieces, frozenset(), ignores_case=ignores_case)))

    @classmethod
    def of_arn(cls, pieces: Iterable[Piece]) -> TextPattern:
        """Return the pattern of an ARN: a wildcard matches no colon, except for those of the last segment."""
        several = list(pieces)
        if all(wild for _, wild in several) and {*"".join(text for text, _ in several)} == {"*"}:
            return ANY_TEXT
        segments = 0
        tokens: list[_Token] = []
        for text, wild in several:
            for part in _with_separators(text):
                segments += part == ":"
                forbidden = frozenset(":") if segments < 5 else frozenset[str]()
                tokens += _tokens([(part, wild)], forbidden, ignores_case=False)
        return cls(tuple(tokens))

    def then(self, other: TextPattern) -> TextPattern:
        """Return the pattern of the texts that begin with one pattern and end with another."""
        return TextPattern((*self._tokens, *other._tokens))

    @property
    def tokens(self) -> tuple[_Token, ...]:
        """The places of the pattern."""
        return self._tokens

    def matches(self, text: str) -> bool:
        """Return whether a text matches."""
        follower = _Follower(self)
        return bool(follower.after_text(text) & follower.end)


def characters(allowed: str, *, least: int, more: bool = True) -> TextPattern:
    """Return the pattern of the texts of some characters.

    Args:
        allowed: the characters.
        least: the shortest length.
        more: whether longer texts match too.
    """
    one = _Token(frozenset(allowed))
    return TextPattern((*[one] * least, *([_Token(frozenset(allowed), repeats=True)] if more else [])))


ANY_TEXT = TextPattern((_Token(None, repeats=True),))
"""The pattern that matches every text."""


def _tokens(pieces: Iterable[Piece], forbidden: frozenset[str], *, ignores_case: bool) -> Iterator[_Token]:
    for text, wild in pieces:
        for character in text:
            if wild and character in "*?":
                yield _Token(None, forbidden, repeats=character == "*")
            else:
                # Of some letters, such as ß, the other case has two characters.
                cases = {character.lower(), character.upper()} if ignores_case else set[str]()
                yield _Token(frozenset({character, *(case for case in cases if len(case) == 1)}))


def _with_separators(text: str) -> Iterator[str]:
    first, *more = text.split(":")
    yield first
    for part in more:
        yield ":"
        yield part


class _Follower:
    """A pattern with its places as the bits of a number."""

    def __init__(self, pattern: TextPattern) -> None:
        self.tokens = pattern.tokens
        self.repeating = sum(1 << place for place, token in enumerate(self.tokens) if token.repeats)
        self.end = 1 << len(self.tokens)
        self._masks: dict[str, int] = {}
        self._named = {
            1 << place: token.allowed
            for place, token in enumerate(self.tokens)
            if token.allowed is not None and len(token.allowed) <= 2
        }

    @property
    def start(self) -> int:
        return self._with_skipped(1)

    def after(self, places: int, character: str) -> int:
        """Return the places that can follow some places when a character is read."""
        mask = self._masks.get(character)
        if mask is None:
            mask = sum(1 << place for place, token in enumerate(self.tokens) if token.matches(character))
            self._masks[character] = mask
        matched = places & mask
        return self._with_skipped((matched & ~self.repeating) << 1 | matched & self.repeating)

    def after_text(self, text: str) -> int:
        """Return the places that can follow the start when a text is read."""
        places = self.start
        for character in text:
            places = self.after(places, character)
        return places

    def _with_skipped(self, places: int) -> int:
        while (more := places | (places & self.repeating) << 1) != places:
            places = more
        return places

    def awaited(self, places: int) -> Iterator[str]:
        """Yield the characters that are named at some places."""
        while places:
            place = places & -places
            yield from self._named.get(place, ())
            places ^= place


def one_text_per_class(
    patterns: Sequence[TextPattern], within: TextPattern = ANY_TEXT, *, prefix: str = ""
) -> list[str]:
    """Return the shortest text for each combination of patterns that a text can match and not match.

    Args:
        patterns: the patterns.
        within: the pattern that every text matches, after the prefix.
        prefix: what every text begins with.

    Raises:
        TooManyStates: there are more combinations than are searched.

    >>> one_text_per_class([TextPattern.of([("a*", True)]), TextPattern.of([("*b", True)])])
    ['', 'a', 'b', 'ab']
    """
    followers = [_Follower(pattern) for pattern in (within, *patterns)]
    always = _characters_for_all(followers)
    first, *others = followers
    start: tuple[int, ...] = (first.start, *(follower.after_text(prefix) for follower in others))
    texts: dict[tuple[bool, ...], str] = {}
    seen: set[tuple[int, ...]] = {start}
    waiting: deque[tuple[tuple[int, ...], str]] = deque([(start, prefix)])
    while waiting:
        state, text = waiting.popleft()
        accepted, *matched = (bool(places & follower.end) for places, follower in zip(state, followers))
        if accepted:
            texts.setdefault(tuple(matched), text)
        named = {c for places, follower in zip(state, followers) for c in follower.awaited(places)}
        for character in (*always, *sorted(named - {*always})):
            after = tuple(follower.after(places, character) for places, follower in zip(state, followers))
            # Without a place in the first pattern, no text that follows is within.
            if after[0] and after not in seen:
                seen.add(after)
                waiting.append((after, text + character))
        if len(seen) > _MOST_STATES:
            raise TooManyStates
    return list(texts.values())


def _characters_for_all(followers: Sequence[_Follower]) -> tuple[str, ...]:
    """Return characters that stand for all those that are not named: one of each class, and those that are excepted."""
    tokens = {token for follower in followers for token in follower.tokens}
    named = {c for token in tokens if token.allowed is not None and len(token.allowed) <= 2 for c in token.allowed}
    classes = {token.allowed for token in tokens if token.allowed is not None and len(token.allowed) > 2}
    chosen: dict[str, None] = {}
    for allowed in (*sorted(classes, key=sorted), None):
        inside = [c for c in _FRESH if c not in named and (allowed is None or c in allowed)]
        chosen.update(dict.fromkeys(inside[:1] or sorted(allowed or ())))
    chosen.update(dict.fromkeys(c for token in tokens for c in sorted(token.forbidden)))
    return tuple(chosen)
