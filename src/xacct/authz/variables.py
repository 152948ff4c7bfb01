"""Policy variables: ``${key}``, ``${key, 'default'}`` and the literals ``${*}``, ``${?}``, ``${$}``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xacct.authz.wildcard import Piece

__all__ = ["Context", "Template", "parse_template", "without_variables"]

Context = Mapping[str, tuple[str, ...]]

# A key has none of the characters at which another variable could begin, so that a search takes linear time.
_VARIABLE = re.compile(r"\$\{(?:\s*([*?$])\s*|([^},${]+)(?:,\s*'([^']*)'\s*)?)\}")


class Template:
    """A string of a policy, split into its literal text and its variables.

    Attributes:
        text: the string as the policy has it.
        keys: the context keys of the variables, in lower case.
    """

    __slots__ = ("_pieces", "keys", "text")

    def __init__(self, text: str, pieces: list[Piece | tuple[str, str | None]]) -> None:
        # A piece is literal text with a flag for its wildcards, or a variable's key with its default value.
        self.text = text
        self._pieces = pieces
        self.keys = tuple(key for key, other in pieces if not isinstance(other, bool))

    @property
    def literal(self) -> list[Piece]:
        """The pattern without its variables: the whole pattern if it has none."""
        return [(text, wild) for text, wild in self._pieces if isinstance(wild, bool)]

    @property
    def widest(self) -> list[Piece]:
        """The pattern with any text for its variables."""
        return [(text, other) if isinstance(other, bool) else ("*", True) for text, other in self._pieces]

    def fill(self, context: Context) -> list[Piece] | None:
        """Return the pattern for a request; None if a variable has no value and no default.

        A pattern with such a variable is equal to nothing and like nothing.

        Raises:
            ValueError: a variable's context key has several values. AWS does not document how it compares these.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
        """
        filled: list[Piece] = []
        for text, other in self._pieces:
            if isinstance(other, bool):
                filled.append((text, other))
                continue
            values = context.get(text, ())
            if len(values) > 1:
                raise ValueError(f"${{{text}}} has several values")
            value = values[0] if values else other
            if value is None:
                return None
            filled.append((value, False))
        return filled


def parse_template(text: str, version: str) -> Template:
    """Return the template of a string. Before version 2012-10-17, a variable is literal text."""
    if version != "2012-10-17" or "${" not in text:
        return Template(text, [(text, True)])
    pieces: list[Piece | tuple[str, str | None]] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        pieces.append((text[end : found.start()], True))
        pieces.append((found[1], False) if found[1] else (found[2].strip().lower(), found[3]))
        end = found.end()
    pieces.append((text[end:], True))
    return Template(text, pieces)


def without_variables(text: str, version: str) -> str:
    """Return a string without its policy variables."""
    return _VARIABLE.sub("", text) if version == "2012-10-17" and "${" in text else text
