"""AWS STS, without moto: the checks before policies are evaluated, and the temporary credentials that it issues.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from xacct import limits
from xacct.errors import PolicyError
from xacct.policy import PolicyDocument
from xacct.testing.authorization import ALLOWS_NOTHING
from xacct.testing.credential_store import AuthenticatedPrincipal, CredentialStore, Session, document_of
from xacct.testing.error_responses import Refused
from xacct.testing.federated_identity import FederatedIdentity
from xacct.testing.http_messages import Answer, Call, rendered
from xacct.testing.packed_policy_size import packed_policy_size
from xacct.testing.required_permissions import Context
from xacct.testing.required_permissions.sts import federated_user_arn
from xacct.testing.saml_assertions import SamlAssertions
from xacct.testing.sts_parameters import (
    check_parameters,
    check_session_tags,
    keys_of_role_chaining,
    role_arn,
    role_session_seconds,
    saml_provider_arn,
)
from xacct.testing.totp import is_valid
from xacct.testing.web_identity_tokens import WebIdentityTokens

if TYPE_CHECKING:
    from moto.iam.models import Role

    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["SecurityTokenService"]

# The operations that accept the credentials of another operation.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
_ACCEPTING: Mapping[str, frozenset[str]] = {
    "GetSessionToken": frozenset({"AssumeRole", "GetCallerIdentity"}),
    "GetFederationToken": frozenset({"GetCallerIdentity"}),
}
_LONG_TERM_ONLY = frozenset({"GetFederationToken", "GetSessionToken"})

# What to use in place of an operation that is not implemented.
_INSTEAD: Mapping[str, str] = {
    "AssumeRoot": "It needs centralized root access of AWS Organizations: "
    "in a test, Sandbox.sign_in returns a session of an account's root user",
}


class SecurityTokenService:
    """Validates calls to STS and issues temporary credentials.

    Args:
        state: the state of the accounts.
        credentials: where the temporary credentials are kept.
        clock: the sandbox's clock.
        tokens: the tokens of OpenID Connect providers.
        assertions: the assertions of SAML providers.
    """

    def __init__(
        self,
        state: MotoState,
        credentials: CredentialStore,
        clock: Clock,
        tokens: WebIdentityTokens,
        assertions: SamlAssertions,
    ) -> None:
        self._state, self._credentials, self._clock = state, credentials, clock
        self._tokens, self._assertions = tokens, assertions
        self._operations: Mapping[str, Callable[[Call, AuthenticatedPrincipal], Mapping[str, object]]] = {
            "AssumeRole": self._assume_role,
            "AssumeRoleWithSAML": self._assume_role_as_federated,
            "AssumeRoleWithWebIdentity": self._assume_role_as_federated,
            "GetAccessKeyInfo": self._get_access_key_info,
            "GetCallerIdentity": self._get_caller_identity,
            "GetFederationToken": self._get_federation_token,
            "GetSessionToken": self._get_session_token,
        }

    def caller(self, call: Call, authenticated: AuthenticatedPrincipal) -> AuthenticatedPrincipal:
        """Return the principal that makes a call: the provider of its token or assertion, or the one that signed it.

        Raises:
            Refused: the operation is not implemented, or the token or the assertion is not valid.
        """
        if call.operation not in self._operations:
            text = f"sts:{call.operation} is not implemented in the sandbox"
            instead = _INSTEAD.get(call.operation)
            raise Refused("NotImplemented", f"{text}. {instead}" if instead else text, 501)
        if not call.operation.startswith("AssumeRoleWith"):
            return authenticated
        role = role_arn(call)
        if role.account not in self._state.accounts:
            raise Refused("AccessDenied", f"Not authorized to perform sts:{call.operation}", 403)
        if call.operation == "AssumeRoleWithSAML":
            identity = self._assertions.verify(call.text("SAMLAssertion"), saml_provider_arn(call), role)
        else:
            identity = self._tokens.verify(call.text("WebIdentityToken"), role.account)
        return AuthenticatedPrincipal(arn=identity.provider, account=role.account, user_id="", identity=identity)

    def check(self, call: Call, caller: AuthenticatedPrincipal) -> Context:
        """Check everything that AWS checks before it evaluates policies.

        Args:
            call: the parsed request.
            caller: the authenticated principal.

        Returns:
            The context keys that follow from the call's MFA code, from the caller's role session, and from the user
            that an identity provider signed in.

        Raises:
            Refused: a parameter is invalid, the MFA code is wrong, or the caller's credentials cannot be used for the
                operation.
        """
        check_parameters(call)
        session = caller.session
        if session is not None:
            accepted = call.operation in _ACCEPTING.get(session.operation, self._operations)
            if call.operation in _LONG_TERM_ONLY or not accepted:
                raise Refused("AccessDenied", f"Cannot call {call.operation} with session credentials", 403)
        if caller.identity is not None:
            return caller.identity.condition_keys
        keys = self._check_mfa(call, caller)
        if call.operation == "AssumeRole":
            role_arn(call)
        if "Tags" in call.params or "TransitiveTagKeys" in call.params:
            check_session_tags(call, caller)
        return keys | keys_of_role_chaining(call, caller) if call.operation == "AssumeRole" else keys

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
            Refused: the duration or a session policy is invalid, or an access key does not exist.
        """
        return rendered("sts", call.operation, self._operations[call.operation](call, caller))

    def _get_caller_identity(self, _: Call, caller: AuthenticatedPrincipal) -> Mapping[str, object]:
        if not caller.account:
            raise Refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}

    def _get_access_key_info(self, call: Call, _: AuthenticatedPrincipal) -> Mapping[str, object]:
        account = self._credentials.account_of_access_key(call.text("AccessKeyId"))
        if account is None:
            raise Refused("ValidationError", f"The access key {call.text('AccessKeyId')} does not exist")
        return {"Account": account}

    def _assume_role(self, call: Call, caller: AuthenticatedPrincipal) -> Mapping[str, object]:
        role, calling = self._role(call), caller.session
        inherited = {key: calling.tags[key] for key in calling.transitive} if calling else {}
        return self._open_role_session(
            call,
            role,
            call.text("RoleSessionName"),
            seconds=role_session_seconds(call, caller, role),
            chained=caller.is_role_session,
            tags={**inherited, **_requested_tags(call)},
            transitive=frozenset(call.params.get("TransitiveTagKeys") or ()) | frozenset(inherited),
            source_identity=call.text("SourceIdentity") or (calling.source_identity if calling else None),
            provider_keys={},
        )

    def _assume_role_as_federated(self, call: Call, caller: AuthenticatedPrincipal) -> Mapping[str, object]:
        role, identity = self._role(call), _identity(caller)
        seconds = role_session_seconds(call, caller, role)
        answer = self._open_role_session(
            call,
            role,
            identity.session_name or call.text("RoleSessionName"),
            seconds=seconds if identity.seconds is None else min(seconds, identity.seconds),
            chained=False,
            tags=identity.tags,
            transitive=identity.transitive_tag_keys,
            source_identity=identity.source_identity,
            provider_keys=identity.session_keys,
        )
        return {**answer, **identity.answer}

    def _open_role_session(
        self,
        call: Call,
        role: Role,
        name: str,
        *,
        seconds: int,
        chained: bool,
        tags: Mapping[str, str],
        transitive: frozenset[str],
        source_identity: str | None,
        provider_keys: Mapping[str, str],
    ) -> Mapping[str, object]:
        packed_size = packed_policy_size(call, tags)
        session = self._credentials.open_session(
            arn=f"arn:{self._state.partition}:sts::{role.account_id}:assumed-role/{role.name}/{name}",
            account=role.account_id,
            user_id=f"{role.id}:{name}",
            seconds=seconds,
            entity=role,
            assumed=True,
            chained=chained,
            policies=tuple(self._session_policies(call, role.account_id)),
            tags=tags,
            transitive=transitive,
            source_identity=source_identity,
            operation=call.operation,
            provider_keys=provider_keys,
        )
        return {
            "Credentials": _credentials(session),
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            **({"PackedPolicySize": packed_size} if packed_size else {}),
            **({"SourceIdentity": source_identity} if source_identity else {}),
        }

    def _role(self, call: Call) -> Role:
        arn = role_arn(call)
        role = self._state.role(arn.account, arn.name)
        if role is None:
            raise LookupError(f"role {arn} was authorized but does not exist")
        return role

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

    def _get_session_token(self, call: Call, caller: AuthenticatedPrincipal) -> Mapping[str, object]:
        session = self._credentials.open_session(
            arn=caller.arn,
            account=caller.account,
            user_id=caller.user_id,
            seconds=int(call.params.get("DurationSeconds") or limits.DEFAULT_SESSION_TOKEN_SECONDS),
            entity=caller.entity,
            mfa_at=self._clock.now() if "SerialNumber" in call.params else None,
            operation=call.operation,
        )
        return {"Credentials": _credentials(session)}

    def _get_federation_token(self, call: Call, caller: AuthenticatedPrincipal) -> Mapping[str, object]:
        """Open a session with the permissions that the user and the session policies have in common.

        Without session policies, it has those of resource policies that name it.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getfederationtoken.html
        """
        tags = _requested_tags(call)
        packed_size = packed_policy_size(call, tags)
        name = call.text("Name")
        session = self._credentials.open_session(
            arn=federated_user_arn(call, caller, self._state),
            account=caller.account,
            user_id=f"{caller.account}:{name}",
            seconds=int(call.params.get("DurationSeconds") or limits.DEFAULT_SESSION_TOKEN_SECONDS),
            entity=caller.entity,
            policies=tuple(self._session_policies(call, caller.account)) or (ALLOWS_NOTHING,),
            tags=tags,
            operation=call.operation,
        )
        return {
            "Credentials": _credentials(session),
            "FederatedUser": {"FederatedUserId": session.user_id, "Arn": session.arn},
            "PackedPolicySize": packed_size,
        }


def _identity(caller: AuthenticatedPrincipal) -> FederatedIdentity:
    if caller.identity is None:
        raise LookupError(f"{caller.arn} was signed in by no identity provider")
    return caller.identity


def _requested_tags(call: Call) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in call.params.get("Tags") or ()}


def _credentials(session: Session) -> Mapping[str, object]:
    return {
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret_key,
        "SessionToken": session.token,
        "Expiration": session.expires,
    }
