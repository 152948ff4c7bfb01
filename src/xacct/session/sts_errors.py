"""Maps the errors of assuming a role to xacct's errors, and decides which of them may be transient."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import define
from botocore.exceptions import BotoCoreError, ClientError

from xacct.aws_reads import REJECTED_CODES, credentials_error, credentials_rejected
from xacct.errors import (
    AssumeRoleDenied,
    AwsError,
    InvalidCredentials,
    MfaRejected,
    PackedPolicyTooLarge,
    RegionDisabled,
    SessionExpired,
    XacctError,
)
from xacct.retry import code_of, is_ambiguous
from xacct.session.role_request import RoleRequest

if TYPE_CHECKING:
    import boto3

__all__ = [
    "TransientDenial",
    "errors_of_botocore",
    "is_chaining_limit",
    "may_be_transient",
    "message_of",
    "translate_sts_error",
]

log = logging.getLogger("xacct")

# One denial is not enough: what IAM reads right after a write can be out of date.
_CERTAIN_DENIALS = 3

_POSSIBLE_CAUSES = (
    "STS does not say why. Possible causes: (1) the role does not exist: role names are case-sensitive, and the ARN "
    "must contain the path; (2) its trust policy does not trust the caller, or requires an external ID, MFA, a source "
    "identity or session tags that were not sent; (3) the caller's own policies do not allow sts:AssumeRole on it; "
    "(4) the role was created less than a minute ago. Call xacct.explain(error, trusting, trusted) to read the "
    "policies of both accounts"
)


def message_of(error: ClientError) -> str:
    """Return the message of an error response."""
    return error.response.get("Error", {}).get("Message", "")


def is_chaining_limit(error: ClientError) -> bool:
    """Return whether STS rejected the duration because of role chaining."""
    return code_of(error) == "ValidationError" and "session limit for roles assumed by role chaining" in message_of(
        error
    )


def may_be_transient(error: BaseException) -> bool:
    """Return whether an error may come from a role or an access key that STS does not know yet."""
    if isinstance(error, AssumeRoleDenied):
        return "with an explicit deny" not in str(error)
    return isinstance(error, AwsError) and error.code == "InvalidClientTokenId"


@define
class TransientDenial:
    """Decides whether to retry: until the policies that the caller may read have denied the request three times.

    Args:
        caller: the session that assumes the role.
    """

    caller: boto3.Session
    _denials: int = 0
    _explainable: bool = True

    def __call__(self, error: BaseException) -> bool:
        """Return whether to retry after an error."""
        if self._explainable and isinstance(error, AssumeRoleDenied):
            self._explainable = _is_certain(error, self.caller)
            self._denials += self._explainable
        return may_be_transient(error) and self._denials < _CERTAIN_DENIALS


def _is_certain(error: AssumeRoleDenied, caller: boto3.Session) -> bool:
    # Imported here, because a session that is not denied does without.
    from xacct.access_denied import explain

    try:
        return explain(error, caller, caller).certain
    except (XacctError, ClientError, BotoCoreError) as unexplained:
        log.debug("%s: the denial could not be explained: %s", error.role_arn, unexplained)
        return False


def translate_sts_error(error: ClientError, request: RoleRequest, session_name: str) -> AwsError:
    """Return the error to raise for an error of sts:AssumeRole.

    Args:
        error: the error.
        request: the request.
        session_name: the role session name that was sent.
    """
    account, code, said = request.role_arn.account, code_of(error), message_of(error)
    kind, advice = _meaning(code, said, request)
    doing = f"assuming {request.role_arn}"
    message = f"{doing} failed: {advice}. AWS's message: {said}"
    if kind is AssumeRoleDenied:
        context = _context_keys(request, session_name)
        return AssumeRoleDenied(
            message, role_arn=str(request.role_arn), context=context, doing=doing, account=account, code=code
        )
    if kind is PackedPolicyTooLarge:
        percent = re.search(r"([0-9]+) ?%", said)
        return PackedPolicyTooLarge(
            message, doing=doing, account=account, code=code, percent=int(percent[1]) if percent else None
        )
    return kind(message, doing=doing, account=account, code=code)


@contextmanager
def errors_of_botocore(
    doing: str, *, account: str | None = None, base: boto3.Session | None = None, whose: str = "the base session's"
) -> Iterator[None]:
    """Raise xacct's errors for botocore's own: of credentials, of the network, and of the configuration.

    Error responses of AWS are raised as they are.

    Args:
        doing: the operation, such as ``assuming arn:aws:iam::111111111111:role/Reader``.
        account: the account's id, if it is known.
        base: the session whose credentials are used.
        whose: whose credentials errors say they are.

    Raises:
        SessionExpired: the base's credentials, or its sign-in, have expired.
        InvalidCredentials: the base has no credentials, or they could not be loaded.
        AwsError: AWS could not be reached, or the configuration is wrong.
    """
    try:
        yield
    except (XacctError, ClientError):
        raise
    except (BotoCoreError, RuntimeError) as error:
        explained = _error_of_botocore(error, doing, account, base, whose)
        if explained is None:
            raise
        raise explained from error
    except (OSError, ValueError) as error:
        # botocore does not handle that a credential_process does not exist, or prints something else than JSON. The
        # error of the parser holds what it printed, which may be a secret.
        reason = f"{whose} credentials could not be loaded. Check the profile{_named(base)}"
        cause = f"{type(error).__name__}{f': {error}' if isinstance(error, OSError) else ''}"
        raise InvalidCredentials(f"{doing} failed: {reason}. Cause: {cause}", doing=doing, account=account) from None


def _error_of_botocore(
    error: Exception, doing: str, account: str | None, base: boto3.Session | None, whose: str
) -> AwsError | None:
    explained = credentials_error(
        error, doing=doing, whose=whose, profile=_named(base).strip() or None, account=account
    )
    if explained is not None or not isinstance(error, BotoCoreError):
        return explained
    ambiguous = is_ambiguous(error)
    reason = (
        f"AWS could not be reached. Check the network, the proxy and the session's region. Cause: {error}"
        if ambiguous
        else str(error)
    )
    return AwsError(f"{doing} failed: {reason}", doing=doing, account=account, ambiguous=ambiguous)


def _named(base: boto3.Session | None) -> str:
    # boto3's own property says "default" for a session that has no profile.
    profile = base._session.profile if base is not None else None
    return f" {profile}" if profile else ""


def _meaning(code: str | None, said: str, request: RoleRequest) -> tuple[type[AwsError], str]:
    if code == "AccessDenied" and said.startswith("MultiFactorAuthentication failed"):
        return MfaRejected, "the MFA code was rejected. Each code is valid once, for about 30 seconds"
    if code == "AccessDenied":
        sent = ", ".join(_optional_parameters(request)) or "none of these"
        return AssumeRoleDenied, f"access denied. {_POSSIBLE_CAUSES}. The request sent: {sent}"
    if code in ("ExpiredToken", "ExpiredTokenException"):
        return SessionExpired, "the credentials of the base session have expired. Sign in again"
    if code in REJECTED_CODES:
        return InvalidCredentials, credentials_rejected("the base session's")
    if code in ("PackedPolicyTooLarge", "PackedPolicyTooLargeException"):
        return PackedPolicyTooLarge, "session policy, policy ARNs and tags are too large together. Shorten them"
    if code in ("RegionDisabled", "RegionDisabledException"):
        return RegionDisabled, "STS is not active in this region. Use another region, or activate STS in it"
    return AwsError, f"STS answered {code}"


def _optional_parameters(request: RoleRequest) -> list[str]:
    parameters = {
        "an external ID": request.external_id,
        "an MFA code": request.mfa_serial,
        "a source identity": request.source_identity,
        "session tags": request.tags,
    }
    return [words for words, value in parameters.items() if value]


def _context_keys(request: RoleRequest, session_name: str) -> Mapping[str, str | Sequence[str]]:
    """The context keys that the parameters of a request set."""
    context: dict[str, str | Sequence[str]] = {"sts:RoleSessionName": session_name}
    if request.external_id:
        context["sts:ExternalId"] = request.external_id
    if request.source_identity:
        context["sts:SourceIdentity"] = request.source_identity
    if request.mfa_serial:
        context["aws:MultiFactorAuthPresent"] = "true"
    if request.tags:
        context |= {f"aws:RequestTag/{key}": value for key, value in request.tags.items()}
        context["aws:TagKeys"] = tuple(request.tags)
    if request.transitive_tag_keys:
        context["sts:TransitiveTagKeys"] = tuple(request.transitive_tag_keys)
    return context
