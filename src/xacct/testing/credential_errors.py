"""The errors of a request whose credentials a service does not accept, in the words of each service.

Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html, and answers of AWS that were reported:
https://github.com/cloudyr/aws.lambda/issues/10 (AWS Lambda), https://github.com/ex-aws/ex_aws/issues/220 and
https://github.com/kifi/franz/issues/63 (Amazon SQS).
"""

from __future__ import annotations

from collections.abc import Mapping

from xacct.testing.denials import error_style
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call

__all__ = ["expired_token", "incomplete_signature", "unknown_key", "unsigned"]

_INVALID = "The security token included in the request is invalid."
_EXPIRED = "The security token included in the request is expired"
_NOT_VALIDATED = "AWS was not able to validate the provided access credentials"

# The code, message and status in each style of errors.
_Errors = Mapping[str, tuple[str, str, int]]
_UNKNOWN_KEY: _Errors = {
    "s3": ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
    "ec2": ("AuthFailure", _NOT_VALIDATED, 401),
    "json": ("UnrecognizedClientException", _INVALID, 400),
    "rest-json": ("UnrecognizedClientException", _INVALID, 403),
    "query": ("InvalidClientTokenId", _INVALID, 403),
}
_EXPIRED_TOKEN: _Errors = {
    "s3": ("ExpiredToken", "The provided token has expired.", 400),
    "ec2": ("RequestExpired", "Request has expired.", 400),
    "json": ("ExpiredTokenException", _EXPIRED, 400),
    "rest-json": ("ExpiredTokenException", _EXPIRED, 403),
    "query": ("ExpiredToken", _EXPIRED, 403),
}
_UNSIGNED: _Errors = {
    "ec2": ("AuthFailure", _NOT_VALIDATED, 401),
    "json": ("MissingAuthenticationTokenException", "Request is missing Authentication Token", 400),
    "rest-json": ("MissingAuthenticationTokenException", "Missing Authentication Token", 403),
    "query": ("MissingAuthenticationToken", "Request is missing Authentication Token", 403),
}
# The services that evaluate the policy of a resource for an anonymous caller.
_OPEN = frozenset({"s3", "sns", "sqs"})


def unknown_key(call: Call) -> Refused:
    """Return the error of a request with an access key that does not exist, or with a wrong session token.

    Args:
        call: the parsed request.
    """
    return _error(_UNKNOWN_KEY, call)


def expired_token(call: Call) -> Refused:
    """Return the error of a request with credentials that have expired.

    Args:
        call: the parsed request.
    """
    return _error(_EXPIRED_TOKEN, call)


def unsigned(call: Call) -> Refused | None:
    """Return the error of a request without credentials; None if the service takes it.

    Args:
        call: the parsed request.
    """
    needs_none = call.model is not None and call.model.auth_type == "none"
    return None if call.service in _OPEN or needs_none else _error(_UNSIGNED, call)


def incomplete_signature(call: Call) -> Refused:
    """Return the error of a request whose signature cannot be read.

    Args:
        call: the parsed request.
    """
    if call.service == "s3":
        return Refused("InvalidArgument", "Unsupported Authorization Type")
    exception = error_style(call) in ("json", "rest-json")
    code = "IncompleteSignatureException" if exception else "IncompleteSignature"
    return Refused(code, "Authorization header requires 'Credential' parameter.", 400)


def _error(errors: _Errors, call: Call) -> Refused:
    style = "s3" if call.service == "s3" else error_style(call)
    return Refused(*errors.get(style, errors["query"]))
