"""An HTTP server that keeps connections open, which werkzeug's does not: it waits for 10 ms and closes them."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from werkzeug.datastructures import Headers
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["ConnectionBroken", "HttpServer"]

log = logging.getLogger("xacct.testing")

_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+) (HTTP/1\.1)\r?\n")
_HEADER = re.compile(r"^([!#-'*+.^`|~\w-]+):[ \t]*(.*?)[ \t]*\r?\n", re.ASCII | re.MULTILINE)
_MOST_HEADERS = 100
_LONGEST_HEADER = 65_536


class ConnectionBroken(Exception):
    """The application wants the client to see a broken connection."""


class HttpServer(ThreadedWSGIServer):
    """A server on 127.0.0.1 with a thread for each connection.

    Args:
        port: the port to listen on; 0 for a free one.
        application: answers a request, and reads all of its body.
    """

    def __init__(self, port: int, application: WSGIApplication) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__("127.0.0.1", port, application, _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection until it is closed."""
        self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.discard(request)

    def close_connections(self) -> None:
        """Close the connections that clients have kept open."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # The head and the body of a response are sent at once.
    wbufsize = -1

    def parse_request(self) -> bool:
        """Parse the head of a request. ``http.server`` parses it as that of an e-mail, which takes much longer."""
        line = _REQUEST_LINE.fullmatch(self.raw_requestline.decode("latin-1"))
        if line is None:
            return super().parse_request()
        self.requestline = line[0].rstrip()
        self.command, self.path, self.request_version = line.groups()
        self.close_connection = True  # after an error
        lines: list[bytes] = []
        while (read := self.rfile.readline(_LONGEST_HEADER + 1)) not in (b"\r\n", b"\n"):
            if len(read) > _LONGEST_HEADER or len(lines) == _MOST_HEADERS:
                self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return False
            lines.append(read)
            if not read:
                break
        headers = _HEADER.findall(b"".join(lines).decode("latin-1"))
        if len(headers) != len(lines):
            self.send_error(HTTPStatus.BAD_REQUEST)
            return False
        self.headers = cast(Any, Headers(headers))  # it has the methods of an e-mail's headers that are used
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        return True

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        if self.request_version < "HTTP/1.1" or not self.headers.get("Content-Length", "0").isdigit():
            self.close_connection = True
        try:
            self._send(*self._answer())
        except ConnectionBroken:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def _answer(self) -> tuple[str, list[tuple[str, str]], bytes]:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            started.append((status, headers))
            return self.wfile.write

        try:
            body = b"".join(self.server.app(self.make_environ(), start))
        except ConnectionBroken:
            raise
        except Exception:
            log.exception("%s %s failed", self.command, self.path)
            self.close_connection = True
            return "500 Internal Server Error", [], b""
        return (*started[-1], body)

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        # A response to HEAD has the length of a body that is not sent.
        has_body = self.command != "HEAD" and code not in ("204", "304")
        for name, value in headers:
            if not (has_body and name.lower() == "content-length"):
                self.send_header(name, value)
        if has_body:
            self.send_header("Content-Length", str(len(body)))
        if not any(name.lower() == "date" for name, _ in headers):
            self.send_header("Date", self.date_time_string())
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if has_body:
            self.wfile.write(body)

    def make_environ(self) -> WSGIEnvironment:
        environ = super().make_environ()
        # Werkzeug leaves out headers with underscores, but keys of the metadata of objects in S3 may have them.
        left_out = [pair for pair in self.headers.items() if should_preserve_original_header_name(pair[0])]
        names = {environ_key_for_header(name): name for name, _ in left_out}
        kept = {environ_key_for_header(name): value for name, value in left_out}
        return {**environ, **kept, PRESERVED_HEADER_NAMES_ENVIRON_KEY: names}

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 # werkzeug's name
        """Log nothing: the sandbox records the calls."""
