"""The same accounts over HTTP, for the AWS CLI and other languages."""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, final

from moto.core.request import Request
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request as PlainRequest, Response

from xacct.testing.http_messages import Answer, scope_of
from xacct.testing.pipeline import AnswerLost

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Server"]


@final
class Server:
    """Accounts that are offered on a port of this machine: to be used in a ``with``, or to be closed.

    Args:
        port: to listen on, on 127.0.0.1 alone; 0 for one that is free.
        answer: answers a request to AWS.
        page: answers a request to the console, where it is one.

    Attributes:
        url: where it is.
    """

    def __init__(
        self, port: int, answer: Callable[[Request], Answer], page: Callable[[PlainRequest], Response | None]
    ) -> None:
        self._answer, self._page = answer, page
        self._server = make_server("127.0.0.1", port, self._respond, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, name="xacct.testing", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
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
        request = PlainRequest(environ)
        response = self._page(request) or self._aws(request)
        return list(response(environ, start))

    def _aws(self, request: PlainRequest) -> Response:
        try:
            answer = self._answer(_as_sent_to_aws(request))
        except AnswerLost:
            # Whoever waits for the answer sees the connection break.
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return Response()
        headers = {name: str(value) for name, value in answer.headers.items() if name.lower() != "connection"}
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        # As a list it leaves the length alone that the answer to a HEAD gives.
        return Response([body], status=answer.status, headers=headers)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 # werkzeug's name
        """Say nothing: what was called is in the sandbox's list."""


def _as_sent_to_aws(request: PlainRequest) -> Request:
    """The request as it would have come to AWS's own host."""
    scope = scope_of(request)
    service, region = (scope.service, scope.region) if scope else ("s3", "us-east-1")
    host = "iam.amazonaws.com" if service == "iam" else f"{service}.{region}.amazonaws.com"
    uri = request.environ.get("RAW_URI") or request.full_path
    headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
    sent = Request.from_primitives(request.method, f"https://{host}{uri}", headers, request.get_data())
    # The signature is over the host that the client knew.
    sent.environ["xacct.host"] = request.host
    return sent
