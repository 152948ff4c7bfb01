"""AWS's error responses: codes, messages, and their serialization in each protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from xml.sax.saxutils import escape

from xacct.authz import AccessRequest, Decision
from xacct.authz.fixed_rules import fixed_rule
from xacct.authz.policy_set import AWS_WORDS
from xacct.testing.denials import (
    WITHOUT_ALL_RESOURCES,
    action_in_message,
    denial_code,
    error_style,
    json_error_names,
    key_denial,
    resource_in_message,
    words_before,
)
from xacct.testing.http_messages import Answer, Call
from xacct.testing.s3_error_details import details_of

__all__ = ["Refused", "bad_signature", "denied", "invalid", "render"]


class Refused(Exception):
    """An error response of AWS, raised anywhere in the pipeline and rendered as the answer.

    Args:
        code: AWS's error code.
        message: AWS's error message.
        status: the HTTP status.
        details: further elements of an error of S3, such as ``Region``.
    """

    def __init__(
        self, code: str, message: str, status: int = 400, details: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.code, self.message, self.status, self.details = code, message, status, details
        super().__init__(f"{code}: {message}")


def invalid(value: object, field: str, rule: str) -> Refused:
    """Return AWS's error for a parameter that violates a constraint of the API's model.

    Args:
        value: the parameter's value.
        field: the parameter's name in the model, such as ``roleSessionName``.
        rule: the constraint, as it follows "Member must".
    """
    constraint = f"failed to satisfy constraint: Member must {rule}"
    return Refused("ValidationError", f"1 validation error detected: Value '{value}' at '{field}' {constraint}")


def bad_signature(call: Call, message: str, details: Mapping[str, str] = MappingProxyType({})) -> Refused:
    """Return the error of a request with a wrong signature, in the words of the call's service.

    Args:
        call: the parsed request.
        message: AWS's error message.
        details: further elements of an error of S3.
    """
    style = error_style(call)
    if style in ("json", "rest-json"):
        return Refused("InvalidSignatureException", message, 400 if style == "json" else 403)
    if style == "ec2":
        return Refused("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    return Refused("SignatureDoesNotMatch", message, 403, details)


def denied(decision: Decision, caller: str, call: Call, shown: str = "") -> Refused:
    """Return AWS's error for a denied permission. It names one policy type, even if several deny the call.

    Args:
        decision: the denial.
        caller: the caller's ARN, or ``*`` for an anonymous caller.
        call: the parsed request.
        shown: how the message names the resource, if not by its ARN.
    """
    request = decision.request
    code, status = denial_code(call)
    rule = fixed_rule(request) if decision.note else None
    if rule is not None and rule.error_code == "UnmodifiableEntity":
        role = request.resource.rpartition("/")[2]
        text = f"Cannot perform the operation on the protected role '{role}' - this role is only modifiable by AWS"
        return Refused(rule.error_code, text)
    if decision.note:
        return Refused(code, decision.note, status)
    outside = caller == "*" or (request.cross_account and not _in_one_organization(request))
    if call.service == "s3" and outside and (caller == "*" or not decision.action.startswith("kms:")):
        return Refused(code, "Access Denied", status)
    resource = (
        f'"{request.resource}"'
        if decision.action.startswith("s3:")
        else shown or resource_in_message(call, request.resource)
    )
    action, on_resource = action_in_message(call, decision.action), f" on resource: {resource}"
    if request.resource == "*" and call.service in WITHOUT_ALL_RESOURCES:
        on_resource = ""
    text = f"{words_before(call)}User: {caller} is not authorized to perform: {action}{on_resource}"
    if call.operation.startswith("AssumeRoleWith"):
        # For SAML, AWS's page on troubleshooting has this text also if the permission to tag a session is missing.
        action = "sts:AssumeRoleWithSAML" if call.operation == "AssumeRoleWithSAML" else decision.action
        return Refused(code, f"Not authorized to perform {action}", status)
    if decision.action.startswith("sts:"):
        return Refused(code, text, status)
    layer = decision.decided_by[0]
    if decision.effect == "ExplicitDeny":
        text += f" with an explicit deny in {'an' if layer == 'identity' else 'a'} {AWS_WORDS[layer]}"
    else:
        text += f" because no {AWS_WORDS[layer]} allows the {action} action"
    by_key = key_denial(call, text) if decision.action.startswith("kms:") else None
    return Refused(*by_key) if by_key else Refused(code, text, status)


def _in_one_organization(request: AccessRequest) -> bool:
    """Return whether the caller and the resource are in the same organization, within which S3 gives reasons.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
    """
    organizations = {request.context.get(f"aws:{side}orgid") for side in ("principal", "resource")}
    return len(organizations) == 1 and None not in organizations


def render(refused: Refused, call: Call) -> Answer:
    """Serialize an error in the service's protocol."""
    protocol = call.protocol
    identifier = "00000000-0000-0000-0000-000000000000"
    if call.service == "s3":
        if call.request.method == "HEAD":
            return Answer(refused.status, {"x-amz-request-id": identifier}, b"")
        elements = refused.details or details_of(refused.code, call)
        details = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in elements.items())
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{refused.code}</Code><Message>'
            f"{escape(refused.message)}</Message>{details}<RequestId>{identifier}</RequestId></Error>"
        )
        return Answer(refused.status, {"content-type": "application/xml"}, body)
    if protocol == "rest-json":
        body = json.dumps({"message": refused.message})
        return Answer(refused.status, {"content-type": "application/json", "x-amzn-errortype": refused.code}, body)
    if protocol == "json":
        return _json_error(refused, call)
    if protocol == "ec2":
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Response><Errors><Error><Code>{refused.code}</Code><Message>{escape(refused.message)}</Message></Error>"
            f"</Errors><RequestID>{identifier}</RequestID></Response>"
        )
        return Answer(refused.status, {"content-type": "text/xml;charset=UTF-8"}, body)
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{refused.code}</Code><Message>{escape(refused.message)}"
        f"</Message></Error><RequestId>{identifier}</RequestId></ErrorResponse>"
    )
    return Answer(refused.status, {"content-type": "text/xml"}, body)


def _json_error(refused: Refused, call: Call) -> Answer:
    content = call.request.content_type or "application/x-amz-json-1.1"
    kind, member = json_error_names(call, refused.code)
    headers = {"content-type": content, "x-amzn-errortype": refused.code}
    if call.service == "sqs":
        # https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#x-amzn-query-error
        headers["x-amzn-query-error"] = f"{refused.code};Sender"
    return Answer(refused.status, headers, json.dumps({"__type": kind, member: refused.message}))
