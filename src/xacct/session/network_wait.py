"""End the wait of another thread for an answer from AWS."""

from __future__ import annotations

import sys
from contextlib import suppress
from http.client import HTTPConnection
from socket import SHUT_RDWR, socket
from typing import TYPE_CHECKING

from urllib3.response import HTTPResponse

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["end_network_wait"]

# The modules of botocore that send a request and read the body of an answer.
_SENDERS = ("botocore.httpsession", "botocore.response")


def end_network_wait(thread: threading.Thread) -> None:
    """Shut down the connection of a botocore call that a thread makes at this moment, so that the call fails at once.

    Nothing happens if the thread is elsewhere. Python has no way to end a call of the operating system in another
    thread, and botocore none to get at the connection in use, so it is looked up where the thread is.

    Args:
        thread: the thread.

    Source: https://docs.python.org/3/library/sys.html#sys._current_frames
    """
    frame = sys._current_frames().get(thread.ident or 0)
    for connected in _sockets_of_sender(frame):
        with suppress(OSError):  # the call has ended meanwhile, or is not connected yet
            socket.shutdown(connected, SHUT_RDWR)  # without the part of SSLSocket, which belongs to the thread


def _sockets_of_sender(frame: FrameType | None) -> list[socket]:
    """Return the sockets that the innermost frames use, up to the one of botocore; none without one of botocore."""
    found: list[socket] = []
    while frame is not None:
        for value in [*frame.f_locals.values()]:
            found += _sockets(value)
        if frame.f_globals.get("__name__") in _SENDERS:
            return found
        frame = frame.f_back
    return []


def _sockets(value: object) -> Iterator[socket]:
    if isinstance(value, HTTPResponse):
        value = value.connection
    if isinstance(value, HTTPConnection):
        value = value.sock
    if isinstance(value, socket):
        yield value
