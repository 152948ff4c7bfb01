"""What AWS STS does: the only service whose answers are not moto's, which hands out credentials to anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from xacct.arn import Arn
from xacct.errors import PolicyError
from xacct.policy import PolicyDocument
from xacct.testing.credential_store import AuthenticatedPrincipal, CredentialStore, Session, document_of
from xacct.testing.error_responses import Refused, invalid
from xacct.testing.http_messages import Answer, Call, rendered
from xacct.testing.packed_policy_size import packed_policy_size
from xacct.testing.tags import check_tags
from xacct.testing.totp import is_valid

if TYPE_CHECKING:
    from moto.iam.models import Role

    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["SecurityTokenService"]

_CHAINED = 3600
_RULES: dict[str, tuple[str, int, int, str]] = {
    "RoleSessionName": ("roleSessionName", 2, 64, r"[\w+=,.@-]*"),
    "ExternalId": ("externalId", 2, 1224, r"[\w+=,.@:\/-]*"),
    # AWS takes more than the 64 that its model says.
    "SourceIdentity": ("sourceIdentity", 2, 256, r"[\w+=,.@-]*"),
    "SerialNumber": ("serialNumber", 9, 256, r"[\w+=/:,.@-]*"),
    "TokenCode": ("tokenCode", 6, 6, r"[\d]*"),
    "Policy": ("policy", 1, 2048, r"[\t\n\r\x20-\xFF]+"),
}


class SecurityTokenService:
    """Sessions for those who may have them.

    Args:
        state: the accounts.
        callers: where credentials are kept.
        clock: the sandbox's time.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """

    def __init__(self, state: MotoState, callers: CredentialStore, clock: Clock) -> None:
        self._state, self._callers, self._clock = state, callers, clock

    def check(self, call: Call, caller: AuthenticatedPrincipal) -> dict[str, str | tuple[str, ...]]:
        """Refuse what no permission can mend, and learn what else the call is about.

        Args:
            call: what was called.
            caller: by whom.

        Returns:
            Context keys: of an MFA code that came with the call, and of what passes on through a chain of roles.

        Raises:
            Refused: a parameter breaks a rule, or the MFA code is wrong.
        """
        for name, (field, low, high, pattern) in _RULES.items():
            if name in call.params:
                _check_text(field, call.text(name), low, high, pattern)
        if call.operation == "GetSessionToken" and (caller.session is not None or caller.entity is None):
            raise Refused("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
        if call.operation != "AssumeRole":
            return self._mfa(call, caller)
        _check_range("durationSeconds", call.params.get("DurationSeconds"), 900, 43200)
        if len(call.params.get("PolicyArns") or ()) > 10:
            raise invalid(call.params["PolicyArns"], "policyArns", "have length less than or equal to 10")
        arn = call.text("RoleArn")
        if not re.fullmatch(r"arn:[\w-]+:iam::[0-9]{12}:role/[\x21-\x7e]+", arn):
            raise Refused("ValidationError", f"{arn} is invalid")
        _check_tags(call, caller)
        context = self._mfa(call, caller)
        session = caller.session
        if session is not None and session.source_identity:
            if call.text("SourceIdentity", session.source_identity) != session.source_identity:
                raise Refused("ValidationError", "The source identity is already set for this assume role session")
            context["sts:SourceIdentity"] = session.source_identity
        keys = {tag["Key"] for tag in call.params.get("Tags") or ()} | (session.transitive if session else set())
        if keys:
            context["aws:TagKeys"] = tuple(sorted(keys))
        return context

    def _mfa(self, call: Call, caller: AuthenticatedPrincipal) -> dict[str, str | tuple[str, ...]]:
        if "SerialNumber" not in call.params:
            return {}
        serial, code = call.text("SerialNumber"), call.text("TokenCode")
        device = self._state.iam(caller.account).virtual_mfa_devices.get(serial) if caller.account else None
        mine = device is not None and device.user is caller.entity and caller.session is None
        if not mine or device is None or not is_valid(code, seed=device.base32_string_seed, now=self._clock.now()):
            raise Refused("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.", 403)
        return {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "0"}

    def answer(self, call: Call, caller: AuthenticatedPrincipal) -> Answer:
        """The answer to a call that is allowed.

        Raises:
            Refused: a duration or a role that does not go with it, or an operation that the sandbox does not do.
        """
        if call.operation == "GetCallerIdentity":
            if not caller.account:
                raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
            result: dict[str, Any] = {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}
        elif call.operation == "AssumeRole":
            result = self._assume_role(call, caller)
        elif call.operation == "GetSessionToken":
            result = self._session_token(call, caller)
        else:
            raise Refused("InvalidAction", f"The sandbox does not do sts:{call.operation}: it would not be real.")
        return rendered("sts", call.operation, result)

    def _assume_role(self, call: Call, caller: AuthenticatedPrincipal) -> dict[str, Any]:
        arn = Arn.parse(call.text("RoleArn"))
        role: Role | None = self._state.role(arn.account, arn.name)
        if role is None:
            raise LookupError(f"{arn} was allowed and is not there")
        seconds = int(call.params.get("DurationSeconds") or 3600)
        if seconds > int(role.max_session_duration or 3600):
            raise Refused(
                "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )
        if caller.in_role and seconds > _CHAINED:
            raise Refused(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            )
        before, name = caller.session, call.text("RoleSessionName")
        passed_on = {key: before.tags[key] for key in before.transitive} if before else {}
        mine = {tag["Key"]: tag["Value"] for tag in call.params.get("Tags") or ()}
        tags = {**passed_on, **mine}
        packed = packed_policy_size(call, tags)
        identity = call.text("SourceIdentity") or (before.source_identity if before else None)
        session = self._callers.open_session(
            arn=f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{role.name}/{name}",
            account=arn.account,
            user_id=f"{role.id}:{name}",
            seconds=seconds,
            entity=role,
            assumed=True,
            policies=tuple(self._session_policies(call, arn.account)),
            tags=tags,
            transitive=frozenset(call.params.get("TransitiveTagKeys") or ()) | frozenset(passed_on),
            source_identity=identity,
        )
        result: dict[str, Any] = {
            "Credentials": _credentials(session),
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        }
        if packed:
            result["PackedPolicySize"] = packed
        return result | ({"SourceIdentity": identity} if identity else {})

    def _session_policies(self, call: Call, account: str) -> Iterator[str]:
        if "Policy" in call.params:
            try:
                PolicyDocument.parse(call.text("Policy"))
            except PolicyError:
                raise Refused("MalformedPolicyDocument", "Syntax errors in policy.") from None
            yield call.text("Policy")
        for entry in call.params.get("PolicyArns") or ():
            policy = self._state.managed_policy(account, entry["arn"])
            if policy is None:
                raise Refused("ValidationError", f"{entry['arn']} is invalid")
            yield document_of(policy)

    def _session_token(self, call: Call, caller: AuthenticatedPrincipal) -> dict[str, Any]:
        seconds = int(call.params.get("DurationSeconds") or 43200)
        _check_range("durationSeconds", seconds, 900, 129_600)
        session = self._callers.open_session(
            arn=caller.arn,
            account=caller.account,
            user_id=caller.user_id,
            seconds=seconds,
            entity=caller.entity,
            mfa_at=self._clock.now() if "SerialNumber" in call.params else None,
        )
        return {"Credentials": _credentials(session)}


def _credentials(session: Session) -> Mapping[str, object]:
    return {
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret_key,
        "SessionToken": session.token,
        "Expiration": session.expires,
    }


def _check_text(field: str, value: str, low: int, high: int, pattern: str) -> None:
    if len(value) > high:
        raise invalid(value, field, f"have length less than or equal to {high}")
    if len(value) < low:
        raise invalid(value, field, f"have length greater than or equal to {low}")
    if not re.fullmatch(pattern, value, re.ASCII):
        raise invalid(value, field, f"satisfy regular expression pattern: {pattern}")


def _check_range(field: str, value: int | None, low: int, high: int) -> None:
    if value is not None and int(value) > high:
        raise invalid(value, field, f"have value less than or equal to {high}")
    if value is not None and int(value) < low:
        raise invalid(value, field, f"have value greater than or equal to {low}")


def _check_tags(call: Call, caller: AuthenticatedPrincipal) -> None:
    """What https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html demands of session tags."""
    check_tags(call.params.get("Tags") or (), duplicates="InvalidParameterValue")
    keys = {tag["Key"].lower() for tag in call.params.get("Tags") or ()}
    transitive = [key.lower() for key in call.params.get("TransitiveTagKeys") or ()]
    if not set(transitive) <= keys:
        raise Refused(
            "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."
        )
    inherited = {key.lower() for key in caller.session.transitive} if caller.session else set()
    if inherited & keys:
        raise Refused(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session.",
        )
