"""AWS STS: AssumeRole, AssumeRoleWithWebIdentity, GetSessionToken and GetCallerIdentity, without moto.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from xacct import limits
from xacct.arn import Arn
from xacct.authz import AccessRequest
from xacct.errors import PolicyError
from xacct.limits import Range, TextRule
from xacct.policy import PolicyDocument
from xacct.testing.credential_store import AuthenticatedPrincipal, CredentialStore, Session, document_of
from xacct.testing.error_responses import Refused, invalid
from xacct.testing.http_messages import Answer, Call, rendered
from xacct.testing.packed_policy_size import packed_policy_size
from xacct.testing.required_permissions import Context
from xacct.testing.tags import check_tags
from xacct.testing.totp import is_valid
from xacct.testing.web_identity_tokens import WebIdentityTokens

if TYPE_CHECKING:
    from moto.iam.models import Role

    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["SecurityTokenService"]

_TEXT_RULES: Mapping[str, TextRule] = {
    "RoleSessionName": limits.ROLE_SESSION_NAME,
    "ExternalId": limits.EXTERNAL_ID,
    "SourceIdentity": limits.SOURCE_IDENTITY,
    "SerialNumber": limits.MFA_SERIAL,
    "TokenCode": limits.MFA_TOKEN_CODE,
    "Policy": limits.SESSION_POLICY,
}


class SecurityTokenService:
    """Validates calls to STS and issues temporary credentials.

    Args:
        state: the state of the accounts.
        credentials: where the temporary credentials are kept.
        clock: the sandbox's clock.
        tokens: the tokens of OpenID Connect providers.
    """

    def __init__(self, state: MotoState, credentials: CredentialStore, clock: Clock, tokens: WebIdentityTokens) -> None:
        self._state, self._credentials, self._clock, self._tokens = state, credentials, clock, tokens

    def caller(self, call: Call, authenticated: AuthenticatedPrincipal) -> AuthenticatedPrincipal:
        """Return the principal that makes a call: the provider of its token, or the one whose credentials signed it.

        Raises:
            Refused: the token is not valid.
        """
        if call.operation != "AssumeRoleWithWebIdentity":
            return authenticated
        account = _role_arn(call).account
        if account not in self._state.accounts:
            raise Refused("AccessDenied", f"Not authorized to perform sts:{call.operation}", 403)
        identity = self._tokens.verify(call.text("WebIdentityToken"), account)
        return AuthenticatedPrincipal(arn=identity.provider, account=account, user_id="")

    def check(self, call: Call, caller: AuthenticatedPrincipal) -> Context:
        """Check everything that AWS checks before it evaluates policies.

        Args:
            call: the parsed request.
            caller: the authenticated principal.

        Returns:
            The context keys that follow from the call's MFA code and from the caller's role session.

        Raises:
            Refused: a parameter is invalid, or the MFA code is wrong.
        """
        for parameter, rule in _TEXT_RULES.items():
            if parameter in call.params:
                _check_text(parameter, call.text(parameter), rule)
        issues_token = call.operation in ("GetSessionToken", "GetFederationToken")
        if issues_token and (caller.session is not None or caller.entity is None):
            raise Refused("AccessDenied", f"Cannot call {call.operation} with session credentials", 403)
        if call.operation not in ("AssumeRole", "AssumeRoleWithWebIdentity"):
            return self._check_mfa(call, caller)
        _check_duration(call.params.get("DurationSeconds"), limits.ASSUME_ROLE_SECONDS)
        if len(call.params.get("PolicyArns") or ()) > limits.SESSION_POLICY_ARNS:
            rule_text = f"have length less than or equal to {limits.SESSION_POLICY_ARNS}"
            raise invalid(call.params["PolicyArns"], "policyArns", rule_text)
        arn = _role_arn(call)
        if call.operation == "AssumeRoleWithWebIdentity":
            claims = self._tokens.verify(call.text("WebIdentityToken"), arn.account).claims
            request = AccessRequest.assume_role_with_web_identity(str(arn), provider=caller.arn, claims=claims)
            return {key: values[0] if len(values) == 1 else values for key, values in request.context.items() if values}
        _check_tags(call, caller)
        return {**self._check_mfa(call, caller), **_keys_of_role_chaining(call, caller)}

    def _check_mfa(self, call: Call, caller: AuthenticatedPrincipal) -> Context:
        if "SerialNumber" not in call.params:
            return {}
        serial, code = call.text("SerialNumber"), call.text("TokenCode")
        device = self._state.iam(caller.account).virtual_mfa_devices.get(serial) if caller.account else None
        if (
            device is None
            or caller.session is not None
            or device.user is not caller.entity
            or not is_valid(code, seed=device.base32_string_seed, now=self._clock.now())
        ):
            raise Refused("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.", 403)
        return {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "0"}

    def answer(self, call: Call, caller: AuthenticatedPrincipal) -> Answer:
        """Answer a permitted call.

        Raises:
            Refused: the duration or a session policy is invalid, or the operation is not implemented.
        """
        if call.operation == "GetCallerIdentity":
            if not caller.account:
                raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
            result: dict[str, Any] = {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}
        elif call.operation == "AssumeRole":
            result = self._assume_role(call, caller)
        elif call.operation == "AssumeRoleWithWebIdentity":
            result = self._assume_role_with_web_identity(call, caller)
        elif call.operation == "GetSessionToken":
            result = self._get_session_token(call, caller)
        else:
            raise Refused("InvalidAction", f"sts:{call.operation} is not implemented in the sandbox")
        return rendered("sts", call.operation, result)

    def _assume_role(self, call: Call, caller: AuthenticatedPrincipal) -> dict[str, Any]:
        arn = Arn.parse(call.text("RoleArn"))
        role = self._state.role(arn.account, arn.name)
        if role is None:
            raise LookupError(f"role {arn} was authorized but does not exist")
        seconds = _role_session_seconds(call, caller, role)
        calling, name = caller.session, call.text("RoleSessionName")
        inherited = {key: calling.tags[key] for key in calling.transitive} if calling else {}
        tags = {**inherited, **{tag["Key"]: tag["Value"] for tag in call.params.get("Tags") or ()}}
        packed_size = packed_policy_size(call, tags)
        source_identity = call.text("SourceIdentity") or (calling.source_identity if calling else None)
        session = self._credentials.open_session(
            arn=f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{role.name}/{name}",
            account=arn.account,
            user_id=f"{role.id}:{name}",
            seconds=seconds,
            entity=role,
            assumed=True,
            chained=caller.is_role_session,
            policies=tuple(self._session_policies(call, arn.account)),
            tags=tags,
            transitive=frozenset(call.params.get("TransitiveTagKeys") or ()) | frozenset(inherited),
            source_identity=source_identity,
        )
        result: dict[str, Any] = {
            "Credentials": _credentials(session),
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        }
        if packed_size:
            result["PackedPolicySize"] = packed_size
        if source_identity:
            result["SourceIdentity"] = source_identity
        return result

    def _assume_role_with_web_identity(self, call: Call, caller: AuthenticatedPrincipal) -> dict[str, Any]:
        arn, name = Arn.parse(call.text("RoleArn")), call.text("RoleSessionName")
        identity = self._tokens.verify(call.text("WebIdentityToken"), arn.account)
        role = self._state.role(arn.account, arn.name)
        if role is None:
            raise LookupError(f"role {arn} was authorized but does not exist")
        seconds = _role_session_seconds(call, caller, role)
        packed_size = packed_policy_size(call, identity.tags)
        session = self._credentials.open_session(
            arn=f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{role.name}/{name}",
            account=arn.account,
            user_id=f"{role.id}:{name}",
            seconds=seconds,
            entity=role,
            assumed=True,
            policies=tuple(self._session_policies(call, arn.account)),
            tags=identity.tags,
            transitive=identity.transitive_tag_keys,
            source_identity=identity.source_identity,
        )
        result: dict[str, Any] = {
            "Credentials": _credentials(session),
            "SubjectFromWebIdentityToken": identity.claim("sub"),
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            "Provider": identity.provider,
            "Audience": identity.claim("aud"),
        }
        if packed_size:
            result["PackedPolicySize"] = packed_size
        if session.source_identity:
            result["SourceIdentity"] = session.source_identity
        return result

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

    def _get_session_token(self, call: Call, caller: AuthenticatedPrincipal) -> dict[str, Any]:
        seconds = int(call.params.get("DurationSeconds") or limits.DEFAULT_SESSION_TOKEN_SECONDS)
        _check_duration(seconds, limits.SESSION_TOKEN_SECONDS)
        with_mfa = "SerialNumber" in call.params
        session = self._credentials.open_session(
            arn=caller.arn,
            account=caller.account,
            user_id=caller.user_id,
            seconds=seconds,
            entity=caller.entity,
            mfa_at=self._clock.now() if with_mfa else None,
            for_iam=with_mfa,
        )
        return {"Credentials": _credentials(session)}


def _role_arn(call: Call) -> Arn:
    arn = call.text("RoleArn")
    if not re.fullmatch(r"arn:[\w-]+:iam::[0-9]{12}:role/[\x21-\x7e]+", arn):
        raise Refused("ValidationError", f"{arn} is invalid")
    return Arn.parse(arn)


def _role_session_seconds(call: Call, caller: AuthenticatedPrincipal, role: Role) -> int:
    """Return the duration of a role session, within the limits of the role and of role chaining."""
    seconds = int(call.params.get("DurationSeconds") or limits.DEFAULT_SESSION_SECONDS)
    if seconds > int(role.max_session_duration or limits.DEFAULT_SESSION_SECONDS):
        raise Refused(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    if caller.is_role_session and seconds > limits.CHAINED_SESSION_SECONDS:
        raise Refused(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )
    return seconds


def _keys_of_role_chaining(call: Call, caller: AuthenticatedPrincipal) -> Context:
    """Return the source identity and the tag keys of AssumeRole, with those that the caller's session passes on.

    Raises:
        Refused: the call would change the source identity of the caller's session.
    """
    context: Context = {}
    session = caller.session
    if session is not None and session.source_identity:
        if call.text("SourceIdentity", session.source_identity) != session.source_identity:
            raise Refused("ValidationError", "The source identity is already set for this assume role session")
        context["sts:SourceIdentity"] = session.source_identity
    keys = {tag["Key"] for tag in call.params.get("Tags") or ()} | (session.transitive if session else set())
    if keys:
        context["aws:TagKeys"] = tuple(sorted(keys))
    return context


def _credentials(session: Session) -> Mapping[str, object]:
    return {
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret_key,
        "SessionToken": session.token,
        "Expiration": session.expires,
    }


def _check_text(parameter: str, value: str, rule: TextRule) -> None:
    field = parameter[0].lower() + parameter[1:]
    if len(value) > rule.longest:
        raise invalid(value, field, f"have length less than or equal to {rule.longest}")
    if len(value) < rule.shortest:
        raise invalid(value, field, f"have length greater than or equal to {rule.shortest}")
    if not rule.has_valid_form(value):
        pattern = f"{rule.characters}{'+' if parameter == 'Policy' else '*'}"
        raise invalid(value, field, f"satisfy regular expression pattern: {pattern}")


def _check_duration(seconds: int | None, allowed: Range) -> None:
    if seconds is not None and int(seconds) > allowed.most:
        raise invalid(seconds, "durationSeconds", f"have value less than or equal to {allowed.most}")
    if seconds is not None and int(seconds) < allowed.least:
        raise invalid(seconds, "durationSeconds", f"have value greater than or equal to {allowed.least}")


def _check_tags(call: Call, caller: AuthenticatedPrincipal) -> None:
    """Check the session tags.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
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
