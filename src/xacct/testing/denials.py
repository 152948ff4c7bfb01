"""How each service answers a denied call: the error code, the HTTP status, and the words of the message.

Sources: the error shapes of botocore's models, and answers of AWS that were reported publicly:
https://github.com/aws/serverless-application-model/issues/3633 (Amazon SQS),
https://github.com/aws-ia/terraform-aws-control_tower_account_factory/issues/151 (Amazon SNS),
https://github.com/sebdah/dynamic-dynamodb/issues/321 (Amazon DynamoDB),
https://github.com/elastic/apm-aws-lambda/issues/526 (Amazon CloudWatch Logs),
https://github.com/hashicorp/terraform-provider-aws/issues/4664 (Amazon EC2),
https://github.com/external-secrets/external-secrets/issues/390 (AWS Secrets Manager with a KMS key).
"""

from __future__ import annotations

from collections.abc import Mapping

from xacct.testing.http_messages import Call

__all__ = [
    "WITHOUT_ALL_RESOURCES",
    "action_in_message",
    "denial_code",
    "error_style",
    "json_error_names",
    "key_denial",
    "resource_in_message",
    "words_before",
]

WITHOUT_ALL_RESOURCES = frozenset({"ec2", "secretsmanager"})
"""The services whose messages do not name the resource if it is ``*``."""

# The code and the status in each protocol.
_BY_PROTOCOL: Mapping[str, tuple[str, int]] = {
    "ec2": ("UnauthorizedOperation", 403),
    "json": ("AccessDeniedException", 400),
    "rest-json": ("AccessDeniedException", 403),
}
# The services that speak JSON, and keep the codes that they had before.
_COMPATIBLE = frozenset({"monitoring", "sqs"})
# The services that differ.
_BY_SERVICE: Mapping[str, tuple[str, int]] = {"sns": ("AuthorizationError", 403)}
# The codes of a denial by the key of an encrypted resource.
_BY_KEY: Mapping[str, tuple[str, int]] = {
    "sns": ("KMSAccessDenied", 400),
    "sqs": ("KMS.AccessDeniedException", 400),
}


def error_style(call: Call) -> str:
    """Return the protocol whose error codes a service uses: its own, or the one that it had before JSON.

    Args:
        call: the parsed request.
    """
    return "query" if call.service in _COMPATIBLE else call.protocol


def denial_code(call: Call) -> tuple[str, int]:
    """Return the code and the HTTP status of the error of a denied call.

    Args:
        call: the parsed request.
    """
    return _BY_SERVICE.get(call.service) or _BY_PROTOCOL.get(error_style(call), ("AccessDenied", 403))


def key_denial(call: Call, text: str) -> tuple[str, str, int] | None:
    """Return the code, message and status if the key of a resource is denied; None if they are those of the service.

    Args:
        call: the parsed request.
        text: the message that KMS gives.
    """
    if call.service == "secretsmanager":
        return "AccessDeniedException", "Access to KMS is not allowed", 400
    code = _BY_KEY.get(call.service)
    return None if code is None else (code[0], text, code[1])


def action_in_message(call: Call, action: str) -> str:
    """Return an action as the messages of the service write it.

    Args:
        call: the parsed request.
        action: the action, such as ``sqs:SendMessage``.
    """
    prefix, _, name = action.partition(":")
    if prefix == "sqs" and call.service == "sqs":
        return f"sqs:{name.lower()}"
    return f"SNS:{name}" if prefix == "sns" and call.service == "sns" else action


def resource_in_message(call: Call, resource: str) -> str:
    """Return a resource as the messages of the service write it.

    Args:
        call: the parsed request.
        resource: the resource's ARN, or ``*``.
    """
    # https://github.com/external-secrets/external-secrets/issues/2685: a secret that does not exist has no ARN.
    name = call.text("SecretId")
    return name if call.service == "secretsmanager" and name and resource.endswith(f":secret:{name}") else resource


def json_error_names(call: Call, code: str) -> tuple[str, str]:
    """Return the ``__type`` of an error in JSON, and the name of the member with the message.

    Args:
        call: the parsed request.
        code: the error code.
    """
    if call.service == "dynamodb":
        return f"com.amazon.coral.service#{code}", "Message"
    return f"com.amazonaws.sqs#{code}" if call.service == "sqs" else code, "message"


def words_before(call: Call) -> str:
    """Return the words with which the messages of the service begin.

    Args:
        call: the parsed request.
    """
    return "You are not authorized to perform this operation. " if call.protocol == "ec2" else ""
