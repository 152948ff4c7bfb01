"""Writing files atomically."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, text: str, *, keep_mode: bool) -> None:
    """Write or replace a file in one step, so that no other process sees a part of it.

    Args:
        path: the file. Missing folders are created. A new file can be read and written by its owner only.
        text: the new content.
        keep_mode: whether to keep the mode of a file that is replaced.

    Raises:
        OSError: the file could not be written. An existing file is unchanged.
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
