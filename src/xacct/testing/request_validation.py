"""Requests that do not match the model of their operation: what each of AWS's protocols answers to them.

Clients of boto3 never send such requests. Other programs do, through the server.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from xacct.testing.chunks import content_of_chunks, is_in_chunks
from xacct.testing.constraints import violations
from xacct.testing.copy_source import copy_source
from xacct.testing.error_responses import Refused

if TYPE_CHECKING:
    from xacct.testing.http_messages import Call

__all__ = ["check_request", "malformed_xml"]

# The services that the sandbox authorizes itself; moto checks the requests of the others.
_PROTOCOLS = {"iam": "query", "sts": "query", "kms": "json", "s3": "xml"}
_TYPES: Mapping[str, type[Any]] = {"structure": dict, "map": dict, "list": list, "string": str}
# The operations of S3 whose body may be empty, although they have one.
_OPTIONAL_BODIES = frozenset({"CompleteMultipartUpload", "CreateBucket", "PutBucketAcl", "PutObjectAcl"})
# The operations of S3 that have other errors for a value that is not one of the enumerated ones.
_OWN_ERRORS_FOR_VALUES = frozenset(
    {"CreateBucket", "PutBucketAcl", "PutBucketNotificationConfiguration", "PutObjectAcl"}
)
_ROOT_ELEMENT = re.compile(rb"\s*(?:<\?.*?\?>\s*)?<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL)
# The parameters of S3 that are numbers, and what S3 says about other values of them.
_NUMBERS = {
    "max-keys": "Provided max-keys not an integer or within integer range",
    "partNumber": "Part number must be an integer between 1 and 10000, inclusive",
}


def check_request(call: Call) -> None:
    """Check that a request matches the model of its operation.

    Args:
        call: the parsed request.

    Raises:
        Refused: the operation does not exist, its parameters have another form, or a required one is missing.
    """
    protocol = _PROTOCOLS.get(call.service)
    if protocol == "query":
        _check_query(call)
    elif protocol == "json":
        _check_json(call)
    elif protocol == "xml" and call.operation != "PostObject":
        _check_xml(call)


def _check_query(call: Call) -> None:
    if call.model is None:
        action = call.request.values.get("Action")
        if action is None:
            raise Refused("MissingAction", "The request must contain the parameter Action.")
        version = call.request.values.get("Version", "")
        raise Refused("InvalidAction", f"Could not find operation {action} for version {version}")
    if not call.is_well_formed:
        raise Refused("MalformedInput", "A parameter of the request is not of its type.")
    _check_required(call, "ValidationError")


def _check_json(call: Call) -> None:
    if call.model is None:
        raise Refused("UnknownOperationException", "The requested operation does not exist.")
    try:
        body = json.loads(call.request.get_data())
    except ValueError:
        body = None
    if isinstance(body, list):
        raise Refused("SerializationException", "Start of list found where not expected")
    if not call.is_well_formed or not isinstance(body, dict):
        raise Refused("SerializationException", "The request is not a JSON object with members of their types.")
    _check_required(call, "ValidationException")
    problems = [] if call.model.input_shape is None else list(violations(call.params, call.model.input_shape))
    if problems:
        raise Refused("ValidationException", _detected(problems))


def _check_required(call: Call, code: str) -> None:
    shape = None if call.model is None else call.model.input_shape
    missing = [] if shape is None else list(_missing(call.params, shape, ""))
    if not missing:
        return
    problems = [f"Value null at '{path}' failed to satisfy constraint: Member must not be null" for path in missing]
    raise Refused(code, _detected(problems))


def _detected(problems: list[str]) -> str:
    return f"{len(problems)} validation error{'s' * (len(problems) > 1)} detected: {'; '.join(problems)}"


def _missing(value: Any, shape: Any, path: str) -> Iterator[str]:
    """Iterate over the required members that a value does not have, named as in AWS's error messages.

    Raises:
        Refused: a value is of another type than in the model.
    """
    expected = _TYPES.get(shape.type_name)
    if expected is not None and not isinstance(value, expected):
        raise Refused("SerializationException", f"The value of '{path}' is not of the type {shape.type_name}.")
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            inner = f"{path}.{name[0].lower()}{name[1:]}".lstrip(".")
            if value.get(name) is not None:
                yield from _missing(value[name], member, inner)
            elif name in shape.required_members:
                yield inner
    elif shape.type_name == "list":
        for number, entry in enumerate(value, 1):
            yield from _missing(entry, shape.member, f"{path}.{number}.member")


def _check_xml(call: Call) -> None:
    if call.model is None:
        text = "The specified method is not allowed against this resource."
        raise Refused("MethodNotAllowed", text, 405)
    if "x-amz-copy-source" in call.request.headers and copy_source(call) is None:
        header = "x-amz-copy-source"
        details = {"ArgumentName": header, "ArgumentValue": header}
        raise Refused("InvalidArgument", "Invalid copy source object key", details=details)
    for name, text in _NUMBERS.items():
        value = call.request.args.get(name)
        if value is not None and not value.isdigit():
            raise Refused("InvalidArgument", text, details={"ArgumentName": name, "ArgumentValue": value})
    if is_in_chunks(call):
        _check_chunks(call)
    _check_xml_body(call)


def _check_xml_body(call: Call) -> None:
    if call.operation == "PutBucketPolicy":
        if not call.is_well_formed:
            raise Refused("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
        return
    name, member = _payload(call)
    if member is None or member.type_name != "structure":
        if not call.is_well_formed:
            raise Refused("InvalidArgument", "Invalid Argument")
        return
    body = call.request.get_data()
    if not body.strip():
        if call.operation in _OPTIONAL_BODIES:
            return
        raise Refused("MissingRequestBodyError", "Request Body is empty")
    root = _ROOT_ELEMENT.match(body)
    expected = member.serialization.get("name", name)
    if not call.is_well_formed or root is None or root[1].decode() != expected:
        raise malformed_xml()
    value = call.params.get(name) or {}
    if any(True for _ in _missing(value, member, "")):
        raise malformed_xml()
    if call.operation not in _OWN_ERRORS_FOR_VALUES and not all(_enumerated(value, member)):
        raise malformed_xml()


def _enumerated(value: Any, shape: Any) -> Iterator[bool]:
    """Iterate over the enumerated members of a value, and whether they have one of their values."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _enumerated(value[name], member)
    elif shape.type_name == "list":
        for entry in value:
            yield from _enumerated(entry, shape.member)
    elif getattr(shape, "enum", None):
        # An empty element is like a missing one.
        yield not value or value in shape.enum


def _payload(call: Call) -> tuple[str, Any]:
    """Return the name and the model of the parameter that is the body; None as the model if there is none."""
    shape: Any = call.model.input_shape if call.model is not None else None
    if shape is None or "payload" not in shape.serialization:
        return "", None
    name = str(shape.serialization["payload"])
    return name, shape.members[name]


def malformed_xml() -> Refused:
    """Return S3's error for a body that is not well-formed, or that has values outside of its schema."""
    text = "The XML you provided was not well-formed or did not validate against our published schema"
    return Refused("MalformedXML", text)


def _check_chunks(call: Call) -> None:
    """Check the lengths in a body that is sent in chunks."""
    content = content_of_chunks(call.request.get_data())
    if content is None or str(len(content)) != call.request.headers.get("X-Amz-Decoded-Content-Length"):
        raise Refused("IncompleteBody", "The request body terminated unexpectedly")
