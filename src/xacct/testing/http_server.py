"""An HTTP server that answers one request after another, and keeps connections open."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from http.client import responses
from threading import Event, Thread
from typing import NamedTuple

__all__ = ["ConnectionBroken", "HttpRequest", "HttpResponse", "HttpServer"]

log = logging.getLogger("xacct.testing")

_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+) HTTP/1\.([01])\r\n")
_HEADER = re.compile(r"([!#-'*+.^`|~\w-]+):[ \t]*(.*?)[ \t]*\r\n", re.ASCII)
_LONGEST_HEAD = 65_536


class ConnectionBroken(Exception):
    """The application wants the client to see a broken connection."""


class HttpRequest(NamedTuple):
    """A request: its method, its target as it was sent, its headers and its whole body."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes


class HttpResponse(NamedTuple):
    """A response: its status, its headers and its body. The length and the date are added."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class _Refused(Exception):
    """A request that is not HTTP/1.0 or HTTP/1.1."""

    def __init__(self, status: HTTPStatus) -> None:
        self.status = status
        super().__init__(status)


class HttpServer:
    """A server on 127.0.0.1. A thread answers all requests: moto answers one at a time, and threads would wait.

    Args:
        port: the port to listen on; 0 for a free one.
        application: answers a request.

    Attributes:
        port: the port on which it listens.
    """

    def __init__(self, port: int, application: Callable[[HttpRequest], HttpResponse]) -> None:
        self._application = application
        self._socket = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._started = Event()
        self._thread = Thread(target=asyncio.run, args=(self._serve(),), name="xacct.testing", daemon=True)
        self._thread.start()
        self._started.wait()

    def close(self) -> None:
        """Stop the server, and close all connections."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve_connection, sock=self._socket, limit=_LONGEST_HEAD)
        self._started.set()
        await self._stop.wait()
        server.close()

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection until it is closed."""
        # The client, or the end of the server, closes it at any moment.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionBroken):
            stays_open = True
            while stays_open:
                stays_open = await self._answer(reader, writer)
                await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request, and return whether the connection stays open."""
        try:
            request, stays_open = await _read(reader, writer)
        except _Refused as error:
            writer.write(_bytes_of(HttpResponse(error.status, [], b""), "GET", stays_open=False))
            return False
        try:
            response = self._application(request)
        except ConnectionBroken:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.target)
            response, stays_open = HttpResponse(500, [], b""), False
        writer.write(_bytes_of(response, request.method, stays_open=stays_open))
        return stays_open


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[HttpRequest, bool]:
    """Read a request. Return it, and whether the client wants the connection to stay open.

    Source: https://www.rfc-editor.org/rfc/rfc9112
    """
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
    line = _REQUEST_LINE.match(head)
    if line is None:
        raise _Refused(HTTPStatus.BAD_REQUEST)
    method, target, minor = line.groups()
    headers = _headers(head[line.end() : -2])
    fields = {name.lower(): value for name, value in headers}
    stays_open = minor == "1" and fields.get("connection", "").lower() != "close"
    if minor == "1" and fields.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return HttpRequest(method, target, headers, await _body(reader, fields)), stays_open


def _headers(lines: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    end = 0
    while end < len(lines):
        header = _HEADER.match(lines, end)
        if header is None:
            raise _Refused(HTTPStatus.BAD_REQUEST)
        found.append((header[1], header[2]))
        end = header.end()
    return found


async def _body(reader: asyncio.StreamReader, fields: Mapping[str, str]) -> bytes:
    if fields.get("transfer-encoding", "").lower() == "chunked":
        return b"".join([chunk async for chunk in _chunks(reader)])
    length = fields.get("content-length", "0")
    if not length.isdecimal() or "transfer-encoding" in fields:
        raise _Refused(HTTPStatus.BAD_REQUEST)
    return await reader.readexactly(int(length))


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        try:
            size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
        except ValueError:
            raise _Refused(HTTPStatus.BAD_REQUEST) from None
        if not size:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass  # a trailer
            return
        yield await reader.readexactly(size)
        await reader.readexactly(2)


def _bytes_of(response: HttpResponse, method: str, *, stays_open: bool) -> bytes:
    status, headers, body = response
    # A response to HEAD has the length of a body that is not sent.
    has_body = method != "HEAD" and status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    sent = [(name, value) for name, value in headers if not (has_body and name.lower() == "content-length")]
    if has_body:
        sent.append(("Content-Length", str(len(body))))
    if not any(name.lower() == "date" for name, _ in headers):
        sent.append(("Date", formatdate(usegmt=True)))
    if not stays_open:
        sent.append(("Connection", "close"))
    reason = responses.get(status, "Unknown")
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in sent), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body if has_body else b"")
