"""credentials_endpoint: an HTTP endpoint on this machine from which another program gets a role's current credentials.

AWS's SDKs read it as they read the endpoints of Amazon ECS and EKS, and ask again before the credentials expire.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hmac import compare_digest
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socket import socket
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, cast

from xacct.errors import AwsError, XacctError
from xacct.session.export import container_credentials

if TYPE_CHECKING:
    import boto3

__all__ = ["credentials_endpoint"]

_ADDRESS = "127.0.0.1"
_RANDOM_BYTES = 32
_LARGEST_REQUEST = 8192
_REQUEST_SECONDS = 5
_MOST_REQUESTS = 32
_NOT_THIS_ENDPOINT = (
    "This is not the address of the credentials, or the authorization token is wrong. Pass on both environment "
    "variables, and use them only while the endpoint is open"
)


@contextmanager
def credentials_endpoint(session: boto3.Session) -> Iterator[dict[str, str]]:
    """Open an endpoint on this machine from which other programs get the role's credentials, also renewed ones.

    AWS's SDKs and tools that find the two environment variables use the endpoint if nothing else in their environment
    or in the AWS configuration files has credentials. `run_with_role` takes care of that for one program.

    The endpoint accepts connections to 127.0.0.1 only, and answers only requests with the random path and the random
    token of the environment variables. Whoever has these can get the credentials while the endpoint is open, so do not
    log them. It closes at the end of the ``with`` block.

    Args:
        session: a session that `xacct.assume_role` returned.

    Yields:
        The environment variables ``AWS_CONTAINER_CREDENTIALS_FULL_URI`` and ``AWS_CONTAINER_AUTHORIZATION_TOKEN``.

    Raises:
        InvalidValue: the session comes from somewhere else.
        AwsError: the role had to be assumed, and AWS refused. A failure to renew the credentials later is the other
            program's error, and botocore logs it.

    >>> from xacct import credentials_endpoint, grant_cross_account_read
    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(id).session for id in ("111111111111", "222222222222"))
    ...     access = grant_cross_account_read(production, development)
    ...     with credentials_endpoint(access.session()) as variables:
    ...         sorted(variables)
    ['AWS_CONTAINER_AUTHORIZATION_TOKEN', 'AWS_CONTAINER_CREDENTIALS_FULL_URI']

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
    """
    container_credentials(session)
    with _Server(session) as server:
        # The interval is how long shutdown() waits at most.
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="xacct-credentials", daemon=True)
        thread.start()
        try:
            yield {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{server.host}{server.path}",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": server.token,
            }
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingMixIn, TCPServer):
    """Answers each request in a thread, because one can wait for STS.

    HTTPServer is not used: it looks up the name of its address in DNS.
    """

    daemon_threads = True
    request_queue_size = _MOST_REQUESTS

    def __init__(self, session: boto3.Session) -> None:
        super().__init__((_ADDRESS, 0), _Handler)
        self.session = session
        self.host = f"{_ADDRESS}:{self.server_address[1]}"
        self.path = f"/{secrets.token_urlsafe(_RANDOM_BYTES)}"
        self.token = secrets.token_urlsafe(_RANDOM_BYTES)
        self._free = threading.Semaphore(_MOST_REQUESTS)

    def process_request(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        """Answer a request in a thread, or close the connection if too many are open."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        """Answer a request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore an error, such as a connection that the client closed: the base class prints it."""


class _Handler(BaseHTTPRequestHandler):
    """Answers one request with the credentials, or with an error in the form that AWS's SDKs show."""

    protocol_version = "HTTP/1.1"
    server_version = "xacct"
    sys_version = ""

    def handle(self) -> None:
        """Read the request's head, with limits for its size and for the whole time, and answer it."""
        self.close_connection = True
        head = _read_head(self.connection)
        if head is not None:
            self.connection.settimeout(_REQUEST_SECONDS)
            self.rfile = BytesIO(head)
            self.handle_one_request()

    def do_GET(self) -> None:
        """Send the credentials."""
        server = cast(_Server, self.server)
        # A page in a browser can reach this address under a name of its own, but cannot change the Host header.
        sent = (self.headers.get("Host", ""), self.path, self.headers.get("Authorization", ""))
        expected = (server.host, server.path, server.token)
        # Joined, so that the time does not tell which one is wrong.
        if not compare_digest("\n".join(sent).encode(), "\n".join(expected).encode()):
            self.send_error(HTTPStatus.FORBIDDEN, _NOT_THIS_ENDPOINT)
            return
        try:
            credentials = container_credentials(server.session)
        except XacctError as error:
            self._send(*_status_and_code(error), str(error))
        except Exception as error:  # noqa: BLE001 # whatever a caller's mfa_token raises; it may hold a secret
            message = "The credentials could not be renewed"
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, type(error).__name__, message)
        else:
            self._send_json(HTTPStatus.OK, credentials)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 # the base class
        """Send an error as JSON."""
        status = HTTPStatus(code)
        self._send(status, status.phrase.replace(" ", ""), message or status.description or status.phrase)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the name of the base class
        """Log nothing: the path of a request is a secret."""

    def _send(self, status: HTTPStatus, code: str, message: str) -> None:
        self._send_json(status, json.dumps({"code": code, "message": message}))

    def _send_json(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _status_and_code(error: XacctError) -> tuple[HTTPStatus, str]:
    """Return the status of an error. SDKs try again after a 5xx status."""
    kind = type(error).__name__
    if isinstance(error, AwsError):
        status = HTTPStatus.SERVICE_UNAVAILABLE if error.ambiguous else HTTPStatus.BAD_REQUEST
        return status, error.code or kind
    return HTTPStatus.BAD_REQUEST, kind


def _read_head(connection: socket) -> bytes | None:
    """Read up to the empty line that ends a request's head; None if it is too long or takes too long."""
    deadline = time.monotonic() + _REQUEST_SECONDS
    head = b""
    while b"\r\n\r\n" not in head:
        left = deadline - time.monotonic()
        if left <= 0 or len(head) >= _LARGEST_REQUEST:
            return None
        connection.settimeout(left)
        try:
            received = connection.recv(_LARGEST_REQUEST - len(head))
        except TimeoutError:
            return None
        if not received:
            return None
        head += received
    return head
