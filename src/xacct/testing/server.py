"""The HTTP server of the sandbox, for the AWS CLI and other languages."""

from __future__ import annotations

from collections.abc import Callable
from http.client import responses
from io import BytesIO
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, final

from moto.core.request import Request
from werkzeug.wrappers import Request as PlainRequest, Response

from xacct.testing.http_messages import Answer, scope_of
from xacct.testing.http_server import ConnectionBroken, HttpServer
from xacct.testing.pipeline import AnswerLost

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Server"]


# The paths of Amazon S3 Control, which has the signing name of Amazon S3.
_S3_CONTROL = "/v20180820/"


@final
class Server:
    """An HTTP server that serves the sandbox's accounts on 127.0.0.1. Use it in a ``with`` block, or close it.

    Args:
        port: the port to listen on; 0 for a free one.
        answer: answers a request to AWS.
        page: answers a request to the console; returns None for any other request.

    Attributes:
        url: the endpoint URL.
    """

    def __init__(
        self, port: int, answer: Callable[[Request], Answer], page: Callable[[PlainRequest], Response | None]
    ) -> None:
        self._answer, self._page = answer, page
        self._server = HttpServer(port, self._respond)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, name="xacct.testing", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Server({self.url!r})"

    def _respond(self, environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        # The context manager closes uploaded files.
        with PlainRequest(environ) as request:
            # The next request on the connection comes after the whole body.
            request.get_data()
            page = self._page(request)
            return self._aws(request, start) if page is None else list(page(environ, start))

    def _aws(self, request: PlainRequest, start: StartResponse) -> list[bytes]:
        try:
            answer = self._answer(_with_aws_host(request))
        except AnswerLost:
            raise ConnectionBroken from None
        headers = [(name, str(value)) for name, value in answer.headers.items() if name.lower() != "connection"]
        start(f"{answer.status} {responses.get(answer.status, 'Unknown')}", headers)
        return [answer.body.encode() if isinstance(answer.body, str) else answer.body]


def _with_aws_host(request: PlainRequest) -> Request:
    """Return the request with the host name of the AWS endpoint."""
    scope = scope_of(request)
    # STS takes a token of an identity provider without a signature.
    unsigned = "sts" if request.get_data().startswith(b"Action=AssumeRoleWith") else "s3"
    service, region = (scope.service, scope.region) if scope else (unsigned, "us-east-1")
    host = "iam.amazonaws.com" if service == "iam" else f"{service}.{region}.amazonaws.com"
    account = request.headers.get("x-amz-account-id")
    if service == "s3" and account and request.path.startswith(_S3_CONTROL):
        host = f"{account}.s3-control.{region}.amazonaws.com"
    body = request.get_data()
    environ = {
        **request.environ,
        "HTTP_HOST": host,
        "SERVER_NAME": host,
        "SERVER_PORT": "443",
        "CONTENT_LENGTH": str(len(body)),
        "RAW_URI": request.environ["RAW_URI"].partition("?")[0],
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(body),
        # The signature covers the host that the client used.
        "xacct.host": request.host,
    }
    # The body is not in chunks any more.
    for name in ("HTTP_TRANSFER_ENCODING", "wsgi.input_terminated"):
        environ.pop(name, None)
    normalized = Request(environ)
    vars(normalized)["root_url"] = f"https://{host}/"  # otherwise werkzeug finds it out in many steps
    return normalized
