"""Requests of this process to AWS are answered by the sandbox instead of sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.core.request import Request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from xacct.testing.endpoints import backend_of, endpoint_url, is_local
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, new_request
from xacct.testing.pipeline import AnswerLost

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from xacct.arn import Partition
    from xacct.testing.federation_endpoint import FederationEndpoint

    _Send = Callable[[URLLib3Session, AWSPreparedRequest], AWSResponse]

__all__ = ["execute_in_moto", "intercepted_requests"]

_Method = Callable[[Request, str, Headers], tuple[int, Mapping[str, Any], str | bytes]]


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
    """Let moto answer a request, as its ``BotocoreStubber.process_request`` does, in less time.

    Raises:
        Refused: moto does not implement the service.
    """
    service = backend_of(request.host)
    if service is None:
        raise Refused("NotImplemented", f"{request.host}: moto does not implement this endpoint of AWS", 501)
    url = f"{request.scheme}://{request.host.removesuffix('.cn')}{request.raw_path}"
    for pattern, method in _urls_of(service).items():
        if re.match(pattern, url):
            try:
                return Answer(*method(request, request.raw_url, request.headers))
            except HTTPException as error:
                return Answer(error.code or 500, dict(error.get_headers()), error.get_body())
    return Answer(404, {}, "Not yet implemented")


def _urls_of(service: str) -> Mapping[str, _Method]:
    """Return the patterns of a service's URLs, and the methods that answer them. They are the same in all accounts."""
    backends = get_backend(cast(Any, service))
    regions = backends[DEFAULT_ACCOUNT_ID] if isinstance(backends, BackendDict) else backends
    backend = next(regions[region] for region in ("us-east-1", "aws", "global") if region in regions)
    urls: Mapping[str, _Method] = backend.urls
    return urls
