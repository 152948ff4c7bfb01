"""Arguments that name a file or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from cyclopts import CycloptsError, Parameter

__all__ = ["FileOrStandardInput", "read_bytes"]


def _is_no_option(_: type, value: object) -> None:
    words = value if isinstance(value, (list, tuple)) else (value,)
    for word in map(str, words):
        if word.startswith("-") and word != "-":
            raise CycloptsError(msg=f"Unknown option: {word}")


FileOrStandardInput = Parameter(allow_leading_hyphen=True, validator=_is_no_option, negative="")
"""For an argument for which ``-`` is standard input. Other words with a hyphen in front are unknown options."""


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, or of standard input for the path ``-``."""
    return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
