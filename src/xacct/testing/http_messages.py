"""What a request asks for, read from HTTP as AWS reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from moto import backend_index
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request as PlainRequest

if TYPE_CHECKING:
    from moto.core.request import Request

__all__ = ["Answer", "Call", "Scope", "read", "rendered", "scope_of", "with_body"]

_SCOPE = re.compile(r"Credential=([^/,\s]+)/([0-9]{8})/([^/]*)/([^/]+)/aws4_request")

# What signs as one name and is modelled as another, for services that the sandbox does not know.
_MODELS = {"monitoring": "cloudwatch", "email": "ses", "states": "stepfunctions", "elasticloadbalancing": "elbv2"}


@frozen
class Answer:
    """What goes back: status, headers and body."""

    status: int
    headers: Mapping[str, Any]
    body: str | bytes


@frozen(kw_only=True)
class Call:
    """A request to an AWS service.

    Attributes:
        service: as its policies write it, such as ``s3``.
        operation: such as ``GetObject``; empty where the service's model knows none such.
        params: the operation's parameters, in the form in which boto3 takes them.
        region: where it was sent.
        access_key: of whoever signed it; None for an anonymous request.
        token: the session token that came with it.
        request: as it came.
    """

    service: str
    operation: str
    params: Mapping[str, Any] = field(repr=False)
    region: str
    access_key: str | None = None
    token: str | None = field(default=None, repr=False)
    request: Request = field(repr=False)

    def text(self, name: str, default: str = "") -> str:
        """A parameter that is a text."""
        value = self.params.get(name)
        return value if isinstance(value, str) else default


@frozen
class Scope:
    """Who signed a request, and for which region and service."""

    access_key: str | None
    region: str
    service: str


def scope_of(request: PlainRequest) -> Scope | None:
    """The scope of a request's signature; None where nobody signed it."""
    authorization = request.headers.get("Authorization") or ""
    found = _SCOPE.search(authorization or f"Credential={request.args.get('X-Amz-Credential', '')}")
    return Scope(found[1], found[3], found[4]) if found else None


def read(request: Request) -> Call:
    """The call that a request makes."""
    # Before the form is read from it, for the signature is over the whole.
    request.get_data()
    scope = scope_of(request) or Scope(None, "us-east-1", _service_of(request))
    service = scope.service
    operation, params = _operation(_MODELS.get(service, service), request)
    return Call(
        service=service,
        operation=operation,
        params=params,
        region=scope.region,
        access_key=scope.access_key,
        token=request.headers.get("X-Amz-Security-Token") or request.args.get("X-Amz-Security-Token"),
        request=request,
    )


def with_body(request: Request, body: bytes) -> Request:
    """The request with another body. Its signature, which was over the old one, is not looked at any more."""
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    return type(request).from_primitives(request.method, request.raw_url, headers, body)


def _service_of(request: Request) -> str:
    """The service of a request that nobody signed, by its address."""
    found = (name for name, pattern in backend_index.backend_url_patterns if pattern.match(request.base_url))
    return next(found, "s3")


def _operation(service: str, request: Request) -> tuple[str, Mapping[str, Any]]:
    try:
        model = get_service_model(service)
        operation, in_path = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError, ValueError, LookupError):
        return "", {}
    parser = PROTOCOL_PARSERS[determine_request_protocol(model, request.content_type)](
        model.operation_model(operation.name), map_type=dict
    )
    params = parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.data,
            "url_path": request.path,
            "url_params": in_path,
        }
    )
    return str(operation.name), params


def rendered(service: str, operation: str, result: Mapping[str, Any]) -> Answer:
    """The answer of a service that speaks AWS's query protocol, as IAM and STS do.

    Args:
        service: such as ``iam``.
        operation: what was called.
        result: what its model says that it gives; moto's own objects too.
    """
    model = get_service_model(service).operation_model(operation)
    serializer = get_serializer_class(service, "query")(model, value_picker=XFormedAttributePicker())
    answer = serializer.serialize(result)
    return Answer(answer["status_code"], answer["headers"], answer["body"])
