"""Files that are there whole or not at all, whoever else reads or writes them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, text: str, *, keep_mode: bool) -> None:
    """Write a file, or replace it, in one step; a new one can be read by its owner only.

    Args:
        path: the file. Folders that are missing are made.
        text: its new content.
        keep_mode: whether a file that is replaced hands on its mode.

    Raises:
        OSError: it could not be written, and is as it was.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode())
        if keep_mode and path.exists():
            shutil.copymode(path, temporary)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
