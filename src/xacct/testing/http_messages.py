"""HTTP requests and responses of AWS services: parsing the one, serializing the other."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from attrs import field, frozen
from botocore.exceptions import UnknownServiceError
from moto import backend_index
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    Request,
    determine_request_protocol,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.core.routing import get_service_router
from moto.core.serialize import XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request as PlainRequest

from xacct.arn import Partition
from xacct.testing.service_models import models_of

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.model import OperationModel

__all__ = [
    "Answer",
    "Call",
    "Scope",
    "Signature",
    "environ_of",
    "moto_url",
    "new_request",
    "parse_request",
    "rendered",
    "scope_of",
    "with_body",
]

# Where the signature of a request is, and the version of AWS's signing process; None for an unsigned request.
Signature = tuple[Literal["header", "url", "form"], Literal[2, 4]]

# The names in signatures of the services that moto names in another way.
_SIGNING_NAMES = {"awslambda": "lambda", "cloudwatch": "monitoring"}

_SCOPE = re.compile(r"Credential=([^/,\s]+)/([0-9]{8})/([^/]*)/([^/]+)/aws4_request")
_VERSION_2 = re.compile(r"AWS ([^:\s]+):\S+")
_REGION = re.compile(r"\b[a-z]{2,4}(?:-[a-z]+)+-[0-9]\b")
# A URL in which nothing needs to be quoted.
_PLAIN_URL = re.compile(r"https?://[a-z0-9.:-]+/[\w/.~!$&'()*+,=:@%-]*(\?[\w/.~!$&'()*+,;=:@%-]*)?", re.ASCII)
_S3_HOST = re.compile(r"(?:(.+)\.)?s3(?:[.-]dualstack)?(?:[.-]([a-z0-9-]+))?\.amazonaws\.com")


@frozen
class Answer:
    """An HTTP response: status, headers and body."""

    status: int
    headers: Mapping[str, Any]
    body: str | bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode() if isinstance(self.body, bytes) else self.body


@frozen(kw_only=True)
class Call:
    """A request to an AWS service.

    Attributes:
        service: the service's prefix in IAM actions, such as ``s3``.
        operation: such as ``GetObject``; empty if the service's model has no matching operation.
        params: the operation's parameters, named and nested as boto3 takes them.
        region: the region in the request's signature.
        access_key: the access key ID that signed the request; None for an anonymous request.
        token: the session token.
        signature: where the signature is, and its version; None for an anonymous request.
        model: botocore's model of the operation; None if there is none.
        is_well_formed: whether the parameters could be parsed. If not, only those in the path are given.
        form: the fields of S3's POST of an object, with lower-case names.
        request: the HTTP request.
    """

    service: str
    operation: str
    params: Mapping[str, Any] = field(repr=False)
    region: str
    access_key: str | None = None
    token: str | None = field(default=None, repr=False)
    signature: Signature | None = None
    model: OperationModel | None = field(default=None, repr=False)
    is_well_formed: bool = True
    form: Mapping[str, str] = field(factory=dict, repr=False)
    request: Request = field(repr=False)

    def text(self, name: str, default: str = "") -> str:
        """Return a string parameter, or the default if it is missing or has another type."""
        value = self.params.get(name)
        return value if isinstance(value, str) else default

    @property
    def is_of_s3_control(self) -> bool:
        """Whether it is a call of Amazon S3 Control, which has the signing name of Amazon S3."""
        return self.model is not None and self.model.service_model.service_name == "s3control"

    @property
    def protocol(self) -> str:
        """The protocol of the request, as botocore names it; empty if the service has no model."""
        content = self.request.content_type
        if self.model is None:
            return "json" if "json" in (content or "") else ""
        return determine_request_protocol(get_service_model(self.model.service_model.service_name), content)


@frozen
class Scope:
    """The credential scope of a signature: the access key ID, the region and the service, and where it is."""

    access_key: str | None
    region: str
    service: str
    signature: Signature | None = None


def scope_of(request: PlainRequest) -> Scope | None:
    """Return the credential scope of a request's signature; None for an unsigned request."""
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        return _scope(authorization, _VERSION_2.match(authorization), "header", request)
    if "X-Amz-Credential" in request.args or "AWSAccessKeyId" in request.args:
        return _scope_in(request.args, "X-Amz-Credential", "AWSAccessKeyId", "url", request)
    form = _form(request)
    return _scope_in(form, "x-amz-credential", "awsaccesskeyid", "form", request) if form else None


def _scope_in(
    fields: Mapping[str, str], credential: str, key: str, place: Literal["url", "form"], request: PlainRequest
) -> Scope | None:
    version_2 = None if credential in fields else re.fullmatch(r"(.+)", fields.get(key, ""))
    return _scope(f"Credential={fields.get(credential, '')}", version_2, place, request)


def _scope(
    text: str, version_2: re.Match[str] | None, place: Literal["header", "url", "form"], request: PlainRequest
) -> Scope | None:
    match = _SCOPE.search(text)
    if match is not None:
        return Scope(match[1], match[3], match[4], (place, 4))
    # Signature Version 2 names neither a region nor a service; only S3 accepts it.
    return None if version_2 is None else Scope(version_2[1], _endpoint_region(request), "s3", (place, 2))


def _endpoint_region(request: PlainRequest) -> str:
    """Return the region of the S3 endpoint that a request was sent to."""
    match = _S3_HOST.fullmatch(request.host.partition(":")[0])
    return (match[2] if match else None) or "us-east-1"


def _form(request: PlainRequest) -> dict[str, str]:
    """Return the fields of S3's POST of an object, whose names are case-insensitive; empty for other requests."""
    if request.method != "POST" or request.mimetype != "multipart/form-data":
        return {}
    # Cache the body: werkzeug reads the form from it.
    request.get_data()
    return {name.lower(): value for name, value in request.form.items()}


def new_request(request: AWSPreparedRequest, url: str) -> Request:
    """Return a request of botocore as moto takes it.

    Args:
        request: the request.
        url: its URL, in the form that moto knows.
    """
    parts = urlsplit(url)
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    if not isinstance(body, bytes) or _PLAIN_URL.fullmatch(url) is None:
        return Request.from_primitives(request.method, url, request.headers, request.body)
    # What moto does takes it half as long as executing a request.
    return Request(environ_of(request.method, parts, request.headers.items(), body))


def environ_of(method: str, url: SplitResult, headers: Iterable[tuple[str, object]], body: bytes) -> dict[str, Any]:
    """Return the WSGI environment of a request, with what moto looks for in it.

    Args:
        method: the method.
        url: the URL, with its path as it was sent.
        headers: the headers. ``Host`` replaces the host of the URL.
        body: the body, which is not in chunks.
    """
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(url.path).encode().decode("latin-1"),
        "QUERY_STRING": url.query,
        "REQUEST_URI": url.path,
        "RAW_URI": url.path,
        "SERVER_NAME": url.hostname or "",
        "SERVER_PORT": str(url.port or {"http": 80, "https": 443}[url.scheme]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": url.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    original_names = environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = {}
    for name, value in headers:
        key = environ_key_for_header(name)
        if key in ("CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"):
            continue
        text = value.decode() if isinstance(value, bytes) else str(value)
        environ[key] = f"{environ[key]}, {text}" if key in environ and key != "HTTP_HOST" else text
        if should_preserve_original_header_name(name):
            original_names[key] = name
    return environ


def parse_request(request: Request) -> Call:
    """Return the call that a request makes."""
    # Cache the body before werkzeug parses the form: the signature covers the raw bytes.
    request.get_data()
    scope = scope_of(request) or Scope(None, _region_of(request), _service_of(request))
    service = scope.service
    form = _form(request) if service == "s3" else {}
    parsed = _post_object(request, form) if form else _parse(models_of(service, request), request)
    return Call(
        service=service,
        operation=parsed.operation,
        params=parsed.params,
        model=parsed.model,
        is_well_formed=parsed.is_well_formed,
        region=scope.region,
        access_key=scope.access_key,
        token=_token(request, form),
        signature=scope.signature,
        form=form,
        request=request,
    )


def _token(request: Request, form: Mapping[str, str]) -> str | None:
    token = request.headers.get("X-Amz-Security-Token") or form.get("x-amz-security-token")
    return token or next(
        (value for name, value in request.args.items() if name.lower() == "x-amz-security-token"), None
    )


def _post_object(request: Request, form: Mapping[str, str]) -> _Parsed:
    """Return the operation and the parameters of an upload with a form. No model of botocore describes it.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
    """
    match = _S3_HOST.fullmatch(request.host.partition(":")[0])
    bucket = (match[1] if match else None) or request.path.strip("/").partition("/")[0]
    file = request.files.get("file")
    key = form.get("key", "").replace("${filename}", (file.filename if file else None) or "")
    return _Parsed("PostObject", {"Bucket": bucket, "Key": key})


def moto_url(url: str, partition: Partition) -> str:
    """Return the URL of a request in the form that moto knows: in the domain amazonaws.com, with a region.

    >>> from xacct.arn import partition
    >>> moto_url("https://iam.us-gov.amazonaws.com/", partition("aws-us-gov"))
    'https://iam.us-gov-west-1.amazonaws.com/'
    >>> moto_url("https://s3.us-iso-east-1.c2s.ic.gov/reports", partition("aws-iso"))
    'https://s3.us-iso-east-1.amazonaws.com/reports'
    """
    parts = urlsplit(url)
    host = parts.netloc
    if host == "iam.us-gov.amazonaws.com":
        host = f"iam.{partition.global_region}.amazonaws.com"
    elif partition.dns_suffix not in ("amazonaws.com", "amazonaws.com.cn") and host.endswith(partition.dns_suffix):
        host = f"{host.removesuffix(partition.dns_suffix)}amazonaws.com"
    return url if host == parts.netloc else urlunsplit(parts._replace(netloc=host))


def with_body(request: Request, body: bytes) -> Request:
    """Return the request with another body. The signature is not updated: it was checked before."""
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    return type(request).from_primitives(request.method, request.raw_url, headers, body)


def _service_of(request: Request) -> str:
    """Return the service of an unsigned request, according to its URL."""
    services = (name for name, pattern in backend_index.backend_url_patterns if pattern.match(request.base_url))
    name = next(services, "s3")
    return _SIGNING_NAMES.get(name, name)


def _region_of(request: Request) -> str:
    """Return the region of an unsigned request, according to its URL."""
    found = _REGION.search(request.host)
    return found[0] if found else "us-east-1"


@frozen
class _Parsed:
    """The operation of a request, its parameters and its model, and whether they could be parsed."""

    operation: str
    params: Mapping[str, Any]
    model: OperationModel | None = None
    is_well_formed: bool = True


def _parse(models: Iterable[str], request: Request) -> _Parsed:
    for name in models:
        # Nothing matches if the request is of another model, or botocore has no such model.
        with suppress(HTTPException, NotImplementedError, ValueError, LookupError, UnknownServiceError):
            service = get_service_model(name)
            matched, in_path = get_service_router(name).match(request)
            break
    else:
        return _Parsed("", {})
    model = service.operation_model(matched.name)
    parser = PROTOCOL_PARSERS[determine_request_protocol(service, request.content_type)](model, map_type=dict)
    try:
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
    except (ValueError, TypeError, AttributeError, LookupError, RequestParserError):
        # Moto's parsers raise these for bodies and numbers that are not what the model says.
        return _Parsed(str(model.name), in_path, model, is_well_formed=False)
    if name == "sqs" and request.path.strip("/") and "QueueUrl" not in params:
        # Older SDKs send a request to the URL of the queue.
        params = {**params, "QueueUrl": request.path}
    return _Parsed(str(model.name), params, model)


def rendered(service: str, operation: str, result: Mapping[str, Any]) -> Answer:
    """Serialize the response of a service with AWS's query protocol, such as IAM and STS.

    Args:
        service: such as ``iam``.
        operation: such as ``GetRole``.
        result: the members of the operation's output; moto's own objects are allowed.
    """
    model = get_service_model(service).operation_model(operation)
    serializer = get_serializer_class(service, "query")(model, value_picker=XFormedAttributePicker())
    answer = serializer.serialize(result)
    return Answer(answer["status_code"], answer["headers"], answer["body"])
