"""Who calls: from an access key to a principal, with its policies and what AWS knows of its session."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import field, frozen

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call
from xacct.testing.signature import is_signed_with

if TYPE_CHECKING:
    from moto.iam.models import ManagedPolicy, Role, User

    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["AuthenticatedPrincipal", "CredentialStore", "NamedPolicy", "Session", "document_of", "tags_of"]

# A policy with its name, for explanations.
NamedPolicy = tuple[str, str]

# Allows no action that there is.
_NOTHING = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "none:None", "Resource": "*"}}'


@frozen(kw_only=True)
class Session:
    """Temporary credentials, and what AWS keeps of the session that they belong to.

    Attributes:
        issued: when they were made.
        expires: when they end.
        assumed: whether the session is that of a role.
        policies: session policies, as JSON text.
        tags: the session's tags.
        transitive: the keys of the tags that pass on to the next role in a chain.
        source_identity: who is behind it.
        mfa_at: when its user gave an MFA code.
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
    policies: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(factory=dict)
    transitive: frozenset[str] = frozenset()
    source_identity: str | None = None
    mfa_at: datetime | None = None


@frozen(kw_only=True)
class AuthenticatedPrincipal:
    """A principal that calls.

    Attributes:
        arn: as sts:GetCallerIdentity gives it; ``*`` for an anonymous caller.
        account: its account; empty for an anonymous caller.
        user_id: its unique id.
        entity: moto's user or role behind it; None for root and for anonymous callers.
        session: of temporary credentials.
    """

    arn: str
    account: str
    user_id: str
    entity: User | Role | None = field(default=None, repr=False)
    session: Session | None = None

    @property
    def in_role(self) -> bool:
        """Whether it is the session of a role."""
        return self.session is not None and self.session.assumed


_ANYBODY = AuthenticatedPrincipal(arn="*", account="", user_id="")

# What each service says of the same thing.
_UNKNOWN_KEY = {
    "s3": ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    "kms": ("UnrecognizedClientException", "The security token included in the request is invalid."),
}
_EXPIRED = {
    "s3": ("ExpiredToken", "The provided token has expired.", 400),
    "kms": ("ExpiredTokenException", "The security token included in the request is expired", 400),
}


class CredentialStore:
    """Everybody who has credentials in the sandbox.

    Args:
        state: the accounts.
        clock: the sandbox's time.
    """

    def __init__(self, state: MotoState, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._sessions: dict[str, Session] = {}

    def open_session(
        self,
        *,
        arn: str,
        account: str,
        user_id: str,
        seconds: int,
        entity: User | Role | None = None,
        assumed: bool = False,
        policies: tuple[str, ...] = (),
        tags: Mapping[str, str] | None = None,
        transitive: frozenset[str] = frozenset(),
        source_identity: str | None = None,
        mfa_at: datetime | None = None,
    ) -> Session:
        """New temporary credentials; the arguments are the attributes of `Session`, and `seconds` that they last."""
        now = self._clock.now()
        session = Session(
            access_key="ASIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16)),
            secret_key=secrets.token_urlsafe(30),
            token=secrets.token_urlsafe(120),
            arn=arn,
            account=account,
            user_id=user_id,
            entity=entity,
            issued=now,
            expires=now + timedelta(seconds=seconds),
            assumed=assumed,
            policies=policies,
            tags=tags or {},
            transitive=transitive,
            source_identity=source_identity,
            mfa_at=mfa_at,
        )
        self._sessions[session.access_key] = session
        return session

    def identify(self, call: Call) -> AuthenticatedPrincipal:
        """Whose credentials signed a call.

        Raises:
            Refused: nobody's, or not any more.
        """
        if call.access_key is None:
            return _ANYBODY
        session = self._sessions.get(call.access_key)
        caller, secret = self._of_key(call) if session is None else self._of_session(session, call)
        if not is_signed_with(secret, call):
            raise Refused(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service documentation for details.",
                403,
            )
        return caller

    def _of_session(self, session: Session, call: Call) -> tuple[AuthenticatedPrincipal, str]:
        if call.token != session.token or (session.entity is not None and not self._stands(session.entity)):
            raise _unknown(call)
        if self._clock.now() >= session.expires:
            expired = ("ExpiredToken", "The security token included in the request is expired", 403)
            raise Refused(*_EXPIRED.get(call.service, expired))
        caller = AuthenticatedPrincipal(
            arn=session.arn, account=session.account, user_id=session.user_id, entity=session.entity, session=session
        )
        return caller, session.secret_key

    def _of_key(self, call: Call) -> tuple[AuthenticatedPrincipal, str]:
        for account in self._state.accounts:
            for user in self._state.iam(account).users.values():
                for key in user.access_keys:
                    if key.access_key_id == call.access_key and key.status == "Active" and not call.token:
                        caller = AuthenticatedPrincipal(arn=user.arn, account=account, user_id=user.id, entity=user)
                        return caller, key.secret_access_key
        raise _unknown(call)

    def _stands(self, entity: User | Role) -> bool:
        found = self._state.principal(entity.arn)
        return found is not None and found.id == entity.id

    def identity_policies(self, caller: AuthenticatedPrincipal) -> list[NamedPolicy]:
        """The policies attached to a caller, its groups' included."""
        entity = caller.entity
        if entity is None:
            return []
        found = _attached(entity.name, entity.policies, entity.managed_policies)
        for group in self._state.groups_of(entity):
            found += _attached(f"group {group.name}", group.policies, group.managed_policies)
        return found

    def boundary(self, caller: AuthenticatedPrincipal) -> NamedPolicy | None:
        """A caller's permissions boundary."""
        arn = getattr(caller.entity, "permissions_boundary_arn", None)
        if not arn:
            return None
        policy = self._state.managed_policy(caller.account, arn)
        # A boundary that was deleted bounds all the same: nothing is left within it.
        return (f"permissions boundary {arn}", document_of(policy) if policy else _NOTHING)

    def circumstances(self, caller: AuthenticatedPrincipal) -> dict[str, str | tuple[str, ...]]:
        """The context keys that follow from who calls.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
        """
        context: dict[str, str | tuple[str, ...]] = {}
        if caller.user_id:
            context["aws:userid"] = caller.user_id
        entity, session = caller.entity, caller.session
        if entity is not None:
            context["aws:PrincipalArn"] = entity.arn
            tags = {**tags_of(entity), **(session.tags if session else {})}
            context |= {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}
        if session is not None:
            context["aws:TokenIssueTime"] = session.issued.strftime("%Y-%m-%dT%H:%M:%SZ")
            context["aws:MultiFactorAuthPresent"] = "true" if session.mfa_at else "false"
            if session.mfa_at:
                context["aws:MultiFactorAuthAge"] = str(int((self._clock.now() - session.mfa_at).total_seconds()))
            if session.source_identity:
                context["aws:SourceIdentity"] = session.source_identity
        return context


def tags_of(entity: User | Role) -> dict[str, str]:
    """The tags of a user or a role."""
    return {tag["Key"]: tag["Value"] for tag in entity.tags or ()}


def _attached(whose: str, inline: Mapping[str, str], managed: Mapping[str, ManagedPolicy]) -> list[NamedPolicy]:
    found = [(f"policy {name} of {whose}", document) for name, document in inline.items()]
    return found + [(f"policy {policy.name} of {whose}", document_of(policy)) for policy in managed.values()]


def document_of(policy: ManagedPolicy) -> str:
    """The text of a managed policy's default version."""
    return next(v.document for v in policy.versions if v.version_id == policy.default_version_id)


def _unknown(call: Call) -> Refused:
    invalid = ("InvalidClientTokenId", "The security token included in the request is invalid.")
    code, message = _UNKNOWN_KEY.get(call.service, invalid)
    return Refused(code, message, 400 if call.service == "kms" else 403)
