"""Requests of this process to AWS are answered by the sandbox instead of sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber
from moto.core.request import Request

from xacct.testing.endpoints import endpoint_url, has_backend, is_local
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, new_request
from xacct.testing.pipeline import AnswerLost

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from xacct.arn import Partition
    from xacct.testing.federation_endpoint import FederationEndpoint

    _Send = Callable[[URLLib3Session, AWSPreparedRequest], AWSResponse]

__all__ = ["execute_in_moto", "intercepted_requests"]

_MOTO_PROCESS_REQUEST = BotocoreStubber.process_request


@contextmanager
def intercepted_requests(
    answer: Callable[[Request], Answer], federation: FederationEndpoint, partition: Partition
) -> Iterator[None]:
    """Answer the requests of boto3, and those of the library ``requests`` to AWS, until the block ends.

    Args:
        answer: answers a request to a service of AWS.
        federation: answers requests for sign-in tokens.
        partition: the partition of the sandbox.
    """

    def process(request: AWSPreparedRequest) -> tuple[int, Mapping[str, object], str | bytes] | None:
        if federation.answers(request.url):
            answered = federation.answer(request.url)
        elif is_local(urlsplit(request.url).hostname or ""):
            return None
        else:
            try:
                answered = answer(_as_moto_expects(request, partition))
            except AnswerLost:
                raise ConnectionClosedError(endpoint_url=request.url) from None
        return answered.status, answered.headers, answered.body

    send = _answered_before_sent(URLLib3Session.send)
    with (
        patch.object(BotocoreStubber, "process_request", staticmethod(process)),
        patch.object(URLLib3Session, "send", send),
    ):
        yield


def _as_moto_expects(request: AWSPreparedRequest, partition: Partition) -> Request:
    url = endpoint_url(request.url, partition)
    normalized = new_request(request, url)
    if url != request.url:
        # The signature covers the original host.
        normalized.environ["xacct.host"] = urlsplit(request.url).netloc
    return normalized


def _answered_before_sent(send: _Send) -> _Send:
    """Return a function that sends only what moto does not answer.

    Clients that were made before moto was imported do not ask it themselves.
    """

    def answer_or_send(session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        answered: AWSResponse | None = botocore_stubber("before-send", request)
        return send(session, request) if answered is None else answered

    return answer_or_send


def execute_in_moto(request: Request) -> Answer:
    """Let moto answer a request.

    Raises:
        Refused: moto does not implement the service.
    """
    if not has_backend(request.url):
        raise Refused("NotImplemented", f"{request.host}: moto does not implement this endpoint of AWS", 501)
    # Moto accepts a normalized request too, but does not declare it.
    response = _MOTO_PROCESS_REQUEST(botocore_stubber, cast("AWSPreparedRequest", request))
    status, headers, body = response if response is not None else (404, {}, "")
    return Answer(status, headers, body)
