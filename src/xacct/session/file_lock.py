"""Locks between processes: one file for each, locked by the operating system."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["locked"]

_PAUSE = 0.05

# The operating system releases these locks when their process ends, however it ends. An explicit release is needed all
# the same: a process that was forked in the meantime shares the lock.
if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path, *, timeout: float) -> Iterator[None]:
    """Hold a lock that excludes other processes and other threads.

    The file is removed at the end. If its process is killed, the file stays, and the next one locks it.

    Args:
        path: the file. Missing folders are created.
        timeout: seconds to wait for the lock.

    Raises:
        TimeoutError: another process or thread held the lock all the time.
        OSError: the file cannot be created, or its file system has no locks.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    while (descriptor := _acquired(path)) is None:
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{path} was locked for {timeout:g} s")
        # Not time.sleep: tests replace it, and then the loop would not rest.
        threading.Event().wait(_PAUSE)
    try:
        yield
    finally:
        _release(path, descriptor)


def _acquired(path: Path) -> int | None:
    """Return the descriptor of the locked file; None if another process has the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError:
        if sys.platform == "win32" and path.exists():
            return None  # another process is removing it
        raise
    try:
        _lock(descriptor)
        # The process that had the lock may have removed the file after it was opened here.
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError, PermissionError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _release(path: Path, descriptor: int) -> None:
    if sys.platform != "win32":  # which does not remove open files
        path.unlink(missing_ok=True)
    try:
        _unlock(descriptor)
    finally:
        os.close(descriptor)
    if sys.platform == "win32":
        with suppress(OSError):  # another process has opened it
            path.unlink()
