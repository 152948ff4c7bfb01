"""Policy variables: ``${key}``, ``${key, 'default'}`` and the literals ``${*}``, ``${?}``, ``${$}``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xacct.authz.wildcard import Piece

__all__ = ["Context", "Template", "template"]

Context = Mapping[str, tuple[str, ...]]

_VARIABLE = re.compile(r"\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}")


class Template:
    """A text of a policy with its variables."""

    __slots__ = ("_pieces", "keys", "text")

    def __init__(self, text: str, pieces: list[Piece | tuple[str, str | None]]) -> None:
        self.text = text
        self._pieces = pieces
        self.keys = tuple(key for key, other in pieces if not isinstance(other, bool))

    def fill(self, context: Context) -> list[Piece] | None:
        """The pieces of the pattern for a request; None where a variable has neither one value nor a default.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
        """
        filled: list[Piece] = []
        for text, other in self._pieces:
            if isinstance(other, bool):
                filled.append((text, other))
                continue
            values = context.get(text, ())
            value = values[0] if len(values) == 1 else other if not values else None
            if value is None:
                return None
            filled.append((value, False))
        return filled


def template(text: str, version: str) -> Template:
    """The template of a text; in documents of the old version a variable is plain text."""
    if version != "2012-10-17" or "${" not in text:
        return Template(text, [(text, True)])
    pieces: list[Piece | tuple[str, str | None]] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        pieces.append((text[end : found.start()], True))
        pieces.append((found[1], False) if found[1] in ("*", "?", "$") else (found[1].lower(), found[2]))
        end = found.end()
    pieces.append((text[end:], True))
    return Template(text, pieces)
