"""The HTTP server of the sandbox, for the AWS CLI and other languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from types import TracebackType
from typing import final
from urllib.parse import urlsplit

from moto.core.request import Request, should_preserve_original_header_name
from werkzeug.wrappers import Request as PlainRequest, Response

from xacct.testing.http_messages import Answer, environ_of, scope_of
from xacct.testing.http_server import ConnectionBroken, HttpRequest, HttpResponse, HttpServer
from xacct.testing.pipeline import AnswerLost

__all__ = ["Server"]


# The beginning of a target with the whole URL.
_ORIGIN = re.compile(r"^https?://[^/?]*")
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
        self.url = f"http://127.0.0.1:{self._server.port}"

    def close(self) -> None:
        """Stop the server."""
        self._server.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Server({self.url!r})"

    def _respond(self, request: HttpRequest) -> HttpResponse:
        url = urlsplit("http://127.0.0.1" + _ORIGIN.sub("", request.target))
        # A name with underscores looks like another one, but keys of the metadata of objects in S3 may have them.
        headers = [
            pair for pair in request.headers if "_" not in pair[0] or should_preserve_original_header_name(pair[0])
        ]
        # The context manager closes uploaded files.
        with PlainRequest(environ_of(request.method, url, headers, request.body)) as plain:
            page = self._page(plain)
            if page is not None:
                return HttpResponse(page.status_code, [*page.headers], page.get_data())
            return self._aws(plain, request.body)

    def _aws(self, request: PlainRequest, body: bytes) -> HttpResponse:
        try:
            answer = self._answer(_with_aws_host(request, body))
        except AnswerLost:
            raise ConnectionBroken from None
        headers = [(name, str(value)) for name, value in answer.headers.items() if name.lower() != "connection"]
        content = answer.body.encode() if isinstance(answer.body, str) else answer.body
        return HttpResponse(answer.status, headers, content)


def _with_aws_host(request: PlainRequest, body: bytes) -> Request:
    """Return the request with the host name of the AWS endpoint."""
    scope = scope_of(request)
    # STS takes a token of an identity provider without a signature.
    unsigned = "sts" if body.startswith(b"Action=AssumeRoleWith") else "s3"
    service, region = (scope.service, scope.region) if scope else (unsigned, "us-east-1")
    host = "iam.amazonaws.com" if service == "iam" else f"{service}.{region}.amazonaws.com"
    account = request.headers.get("x-amz-account-id")
    if service == "s3" and account and request.path.startswith(_S3_CONTROL):
        host = f"{account}.s3-control.{region}.amazonaws.com"
    changed = {
        "HTTP_HOST": host,
        "SERVER_NAME": host,
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(body),
        # The signature covers the host that the client used.
        "xacct.host": request.host,
    }
    normalized = Request({**request.environ, **changed})
    vars(normalized)["root_url"] = f"https://{host}/"  # otherwise werkzeug finds it out in many steps
    return normalized
