"""Authentication: access keys, temporary credentials, and the principals that they belong to."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from xacct.testing.credential_errors import expired_token, incomplete_signature, unknown_key, unsigned
from xacct.testing.error_responses import Refused, bad_signature
from xacct.testing.federated_identity import FederatedIdentity
from xacct.testing.http_messages import Call
from xacct.testing.request_time import check_region, check_time
from xacct.testing.signature import check_headers_are_signed, is_signed_with, signature_details

if TYPE_CHECKING:
    from moto.iam.models import AccessKey, ManagedPolicy, Role, User

    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["AuthenticatedPrincipal", "CredentialStore", "Session", "document_of", "tags_of"]


@frozen(kw_only=True)
class Session:
    """Temporary credentials and the properties of their session.

    Attributes:
        access_key: the access key ID.
        secret_key: the secret access key.
        token: the session token.
        arn: the principal's ARN, as sts:GetCallerIdentity returns it.
        account: the principal's account.
        user_id: the principal's unique ID.
        entity: moto's user or role; None for the root user.
        issued: the time at which STS issued the credentials.
        expires: the time at which they expire.
        assumed: whether this is a role session.
        chained: whether a role session assumed the role.
        policies: the session policies, as JSON text.
        tags: the session tags.
        transitive: the keys of the transitive session tags.
        source_identity: the source identity.
        mfa_at: the time of the MFA authentication; None without MFA.
        operation: the operation of STS that issued the credentials; empty after a sign-in to the console.
        provider_keys: the condition context keys that an identity provider adds to all requests.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    arn: str
    account: str
    user_id: str
    entity: User | Role | None = field(default=None, repr=False)
    issued: datetime
    expires: datetime
    assumed: bool = False
    chained: bool = False
    policies: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(factory=dict)
    transitive: frozenset[str] = frozenset()
    source_identity: str | None = None
    mfa_at: datetime | None = None
    operation: str = ""
    provider_keys: Mapping[str, str] = field(factory=dict)

    @property
    def is_federated_user(self) -> bool:
        """Whether this is a session of GetFederationToken, or one of the console that was opened with it."""
        return ":federated-user/" in self.arn

    @property
    def works_with_iam(self) -> bool:
        """Whether IAM accepts the credentials.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
        """
        with_mfa = self.mfa_at is not None
        return self.operation != "GetFederationToken" and (self.operation != "GetSessionToken" or with_mfa)


@frozen(kw_only=True)
class AuthenticatedPrincipal:
    """The principal that sent a request.

    Attributes:
        arn: its ARN, as sts:GetCallerIdentity returns it; ``*`` for an anonymous caller.
        account: its account; empty for an anonymous caller.
        user_id: its unique ID; empty for an anonymous caller.
        entity: moto's user or role; None for the root user and for an anonymous caller.
        session: the session of temporary credentials; None for an access key of a user.
        identity: the user that an identity provider signed in, if the call has its token or assertion in place of a
            signature.
    """

    arn: str
    account: str
    user_id: str
    entity: User | Role | None = field(default=None, repr=False)
    session: Session | None = None
    identity: FederatedIdentity | None = None

    @property
    def is_role_session(self) -> bool:
        """Whether this is a role session."""
        return self.session is not None and self.session.assumed

    @property
    def is_federated_user(self) -> bool:
        """Whether this is a session of GetFederationToken."""
        return self.session is not None and self.session.is_federated_user


_ANONYMOUS = AuthenticatedPrincipal(arn="*", account="", user_id="")


class CredentialStore:
    """The temporary credentials of the sandbox, and authentication with them and with users' access keys.

    Args:
        state: the state of the accounts.
        clock: the sandbox's clock.
    """

    def __init__(self, state: MotoState, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._sessions: dict[str, Session] = {}
        # The account and the name of the user with whom each access key was found.
        self._owners: dict[str, tuple[str, str]] = {}

    def open_session(
        self,
        *,
        arn: str,
        account: str,
        user_id: str,
        seconds: int,
        entity: User | Role | None = None,
        assumed: bool = False,
        chained: bool = False,
        policies: tuple[str, ...] = (),
        tags: Mapping[str, str] | None = None,
        transitive: frozenset[str] = frozenset(),
        source_identity: str | None = None,
        mfa_at: datetime | None = None,
        operation: str = "",
        provider_keys: Mapping[str, str] | None = None,
    ) -> Session:
        """Issue temporary credentials that expire after `seconds`. The other arguments are attributes of `Session`."""
        now = self._clock.now()
        session = Session(
            access_key=_access_key(),
            secret_key=secrets.token_urlsafe(30),
            token=secrets.token_urlsafe(120),
            arn=arn,
            account=account,
            user_id=user_id,
            entity=entity,
            issued=now,
            expires=now + timedelta(seconds=seconds),
            assumed=assumed,
            chained=chained,
            policies=policies,
            tags=tags or {},
            transitive=transitive,
            source_identity=source_identity,
            mfa_at=mfa_at,
            operation=operation,
            provider_keys=provider_keys or {},
        )
        self._sessions[session.access_key] = session
        return session

    def valid_session(self, access_key: str, secret_key: str, token: str) -> Session | None:
        """Return the session of temporary credentials; None if they are not valid, or not any more."""
        session = self._sessions.get(access_key)
        if session is None or (session.secret_key, session.token) != (secret_key, token):
            return None
        if session.entity is not None and not self._still_exists(session.entity):
            return None
        return session if self._clock.now() < session.expires else None

    def reopen_session(self, session: Session, *, seconds: int) -> Session:
        """Issue other credentials of a session that expire after `seconds`, as the console does."""
        now = self._clock.now()
        expires = now + timedelta(seconds=seconds)
        opened = evolve(session, access_key=_access_key(), issued=now, expires=expires, operation="")
        self._sessions[opened.access_key] = opened
        return opened

    def account_of_access_key(self, access_key: str) -> str | None:
        """Return the account of an access key or of temporary credentials, also expired ones; None if there is none."""
        if access_key in self._sessions:
            return self._sessions[access_key].account
        found = self._access_key(access_key)
        return None if found is None else str(found[0].account_id)

    def _access_key(self, key_id: str) -> tuple[User, AccessKey] | None:
        """Return an access key and its user; None if there is none."""
        owner = self._owners.get(key_id)
        known = None if owner is None else self._state.user(*owner)
        for user in chain(() if known is None else (known,), self._users()):
            for key in user.access_keys:
                if key.access_key_id == key_id:
                    self._owners[key_id] = user.account_id, user.name
                    return user, key
        return None

    def _users(self) -> Iterator[User]:
        for account in self._state.accounts:
            yield from self._state.iam(account).users.values()

    def authenticate(self, call: Call) -> AuthenticatedPrincipal:
        """Return the principal whose credentials signed the request.

        Raises:
            Refused: the access key is unknown, inactive or expired, or the signature does not match.
        """
        if call.access_key is None:
            _check_anonymous(call)
            return _ANONYMOUS
        check_region(call, self._state)
        session = self._sessions.get(call.access_key)
        caller, secret = self._principal_of_session(session, call) if session else self._principal_of_access_key(call)
        check_time(call, self._clock.now())
        check_headers_are_signed(call)
        if not is_signed_with(secret, call):
            check = "Check your key and signing method."
            if call.service != "s3":
                service = "Consult the service documentation for details."
                check = f"Check your AWS Secret Access Key and signing method. {service}"
            text = "The request signature we calculated does not match the signature you provided."
            raise bad_signature(call, f"{text} {check}", signature_details(secret, call))
        return caller

    def _principal_of_session(self, session: Session, call: Call) -> tuple[AuthenticatedPrincipal, str]:
        if call.token != session.token:
            raise _wrong_token(call)
        if session.entity is not None and not self._still_exists(session.entity):
            raise unknown_key(call)
        if call.service == "iam" and not session.works_with_iam:
            raise unknown_key(call)
        if self._clock.now() >= session.expires:
            raise expired_token(call)
        caller = AuthenticatedPrincipal(
            arn=session.arn, account=session.account, user_id=session.user_id, entity=session.entity, session=session
        )
        return caller, session.secret_key

    def _principal_of_access_key(self, call: Call) -> tuple[AuthenticatedPrincipal, str]:
        user, key = self._access_key(call.access_key or "") or (None, None)
        if user is None or key is None or key.status != "Active":
            raise unknown_key(call)
        if call.token:
            raise _wrong_token(call)
        caller = AuthenticatedPrincipal(arn=user.arn, account=user.account_id, user_id=user.id, entity=user)
        return caller, key.secret_access_key

    def _still_exists(self, entity: User | Role) -> bool:
        current = self._state.principal(entity.arn)
        return current is not None and current.id == entity.id


def _access_key() -> str:
    return "ASIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))


def tags_of(entity: User | Role) -> dict[str, str]:
    """Return the tags of a user or role."""
    return {tag["Key"]: tag["Value"] for tag in entity.tags or ()}


def document_of(policy: ManagedPolicy) -> str:
    """Return the default version of a managed policy, as JSON text."""
    return next(v.document for v in policy.versions if v.version_id == policy.default_version_id)


def _check_anonymous(call: Call) -> None:
    """Check that a call without credentials may be anonymous: that its service or its operation takes it.

    Raises:
        Refused: the call must be signed, or its signature cannot be read.
    """
    if call.request.headers.get("Authorization"):
        raise incomplete_signature(call)
    if "X-Amz-Credential" in call.request.args:
        form = "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request"
        reason = f'the Credential is mal-formed; expecting "{form}".'
        text = f"Error parsing the X-Amz-Credential parameter; {reason}"
        raise Refused("AuthorizationQueryParametersError", text)
    error = unsigned(call)
    if error is not None:
        raise error


def _wrong_token(call: Call) -> Refused:
    if call.service == "s3" and call.token:
        return Refused("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)
    return unknown_key(call)
