"""What STS's refusals mean, as errors that say what to look at next."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import define
from botocore.exceptions import BotoCoreError, ClientError

from xacct.errors import (
    AssumeRoleDenied,
    AwsError,
    MfaRejected,
    PackedPolicyTooLarge,
    RegionDisabled,
    SessionExpired,
    XacctError,
)
from xacct.session.role_request import RoleRequest

if TYPE_CHECKING:
    import boto3

    from xacct.access_denied import Explanation

__all__ = ["MayPass", "explanation", "is_chaining_limit", "may_pass", "refusal", "signed_out"]

log = logging.getLogger("xacct")

_CERTAIN = 3

_LOOKS_THE_SAME = (
    "STS answers the same whether the role does not exist (names are case-sensitive, and the ARN needs the path), its "
    "trust policy does not let this caller in or demands something that was not sent (external ID, MFA, source "
    "identity, tags), the caller's own policies do not allow it, or the role was made a moment ago; this error's "
    "explanation tells what the caller may read of it, and xacct.explain() reads both accounts"
)


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _message(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Message", "")


def is_chaining_limit(error: ClientError) -> bool:
    """Whether STS refused a duration because one role's session assumes another role."""
    return _code(error) == "ValidationError" and "session limit for roles assumed by role chaining" in _message(error)


def may_pass(error: BaseException) -> bool:
    """Whether a refusal may be that of a role or an access key made a moment ago, which STS may not know yet."""
    if isinstance(error, AssumeRoleDenied):
        return "with an explicit deny" not in str(error)
    return isinstance(error, AwsError) and error.code == "InvalidClientTokenId"


@define
class MayPass:
    """`may_pass`, until the policies that can be read refuse three times in a row: then the refusal is real.

    Once is not enough: what IAM itself reads right after a write can be old.
    """

    refused: int = 0
    telling: bool = True

    def __call__(self, error: BaseException) -> bool:
        """Whether to try again after an error."""
        if self.telling and isinstance(error, AssumeRoleDenied):
            self.telling = error.explanation is not None and error.explanation.certain
            self.refused += self.telling
        return may_pass(error) and self.refused < _CERTAIN


def explanation(
    error: ClientError, request: RoleRequest, session_name: str, caller: boto3.Session, trusting: boto3.Session | None
) -> Explanation | None:
    """Why a role was denied, by what sessions may read; None where nothing can be told.

    Args:
        error: the refusal.
        request: what was asked.
        session_name: under which name.
        caller: the session that asked.
        trusting: one of the role's account, where there is one.
    """
    from xacct.access_denied import explain

    context: dict[str, str | Sequence[str]] = {
        "sts:RoleSessionName": session_name,
        **({"sts:ExternalId": request.external_id} if request.external_id else {}),
        **({"sts:SourceIdentity": request.source_identity} if request.source_identity else {}),
        **({"aws:MultiFactorAuthPresent": "true"} if request.mfa_serial else {}),
        **{f"aws:RequestTag/{key}": value for key, value in request.tags.items()},
        **({"aws:TagKeys": [*request.tags]} if request.tags else {}),
        **({"sts:TransitiveTagKeys": [*request.transitive_tag_keys]} if request.transitive_tag_keys else {}),
    }
    role = str(request.role_arn)
    try:
        return explain(error, trusting or caller, caller, action="sts:AssumeRole", resource=role, context=context)
    except (XacctError, ClientError, BotoCoreError) as unexplained:
        log.debug("%s: the denial could not be explained: %s", role, unexplained)
        return None


def signed_out(error: BotoCoreError, request: RoleRequest) -> SessionExpired:
    """The error to raise where nobody is signed in to IAM Identity Center any more."""
    doing = f"assuming {request.role_arn}"
    return SessionExpired(f"{doing}: the base's own sign-in has expired; run aws sso login. {error}", doing=doing)


def refusal(error: ClientError, request: RoleRequest) -> AwsError:
    """The error to raise for what STS answered.

    Args:
        error: the answer.
        request: what was asked.
    """
    role, code, said = request.role_arn, _code(error), _message(error)
    kind, advice = _meaning(code, said, request)
    doing = f"assuming {role}"
    message = f"{doing}: {advice}. AWS said: {said}"
    if kind is PackedPolicyTooLarge:
        percent = re.search(r"([0-9]+) ?%", said)
        return PackedPolicyTooLarge(
            message, doing=doing, account=role.account, code=code, percent=int(percent[1]) if percent else None
        )
    return kind(message, doing=doing, account=role.account, code=code)


def _meaning(code: str, said: str, request: RoleRequest) -> tuple[type[AwsError], str]:
    if code == "AccessDenied" and said.startswith("MultiFactorAuthentication failed"):
        return MfaRejected, "the MFA code was refused; a code is good for one call, and for some 30 seconds"
    if code == "AccessDenied":
        return AssumeRoleDenied, f"denied. {_LOOKS_THE_SAME}. This request sent {', '.join(_sent(request)) or 'none'}"
    if code in ("ExpiredToken", "ExpiredTokenException"):
        return SessionExpired, "the credentials of the session that assumes it have expired; sign in again"
    if code in ("PackedPolicyTooLarge", "PackedPolicyTooLargeException"):
        return PackedPolicyTooLarge, "session policy, policy ARNs and tags are too large together; shorten them"
    if code in ("RegionDisabled", "RegionDisabledException"):
        return RegionDisabled, "use a session in another region, or have STS activated in this one"
    return AwsError, f"refused with {code}"


def _sent(request: RoleRequest) -> list[str]:
    return [
        words
        for value, words in (
            (request.external_id, "an external ID"),
            (request.mfa_serial, "an MFA code"),
            (request.source_identity, "a source identity"),
            (request.tags, "session tags"),
        )
        if value
    ]
