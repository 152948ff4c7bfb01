"""assume_role_with_web_identity: a session in a role for a workload that an OpenID Connect provider signed in."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from xacct.arn import Arn
from xacct.authz import AccessRequest
from xacct.errors import AssumeRoleDenied, AwsError, InvalidCredentials, InvalidValue, SessionExpired
from xacct.limits import ROLE_SESSION_NAME
from xacct.policy import PolicyDocument
from xacct.retry import code_of
from xacct.session.assume import check_base, credential_cache
from xacct.session.cache import CliCache
from xacct.session.credentials import AssumedRoleCredentials
from xacct.session.derived_session import derive_session
from xacct.session.role_request import RoleRequest, check_region
from xacct.session.sts_errors import errors_of_botocore, message_of, translate_sts_error

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleResponseTypeDef, AssumeRoleWithWebIdentityRequestTypeDef

__all__ = ["assume_role_with_web_identity"]

_TOKEN_CHARACTERS = range(4, 20_001)
# Claims that are new in each token. AWS has no context keys for them.
_TIMES = ("exp", "iat", "nbf", "jti")
# Context keys that follow from the principal and the role.
_IMPLIED = ("aws:principal", "aws:resource")
_POSSIBLE_CAUSES = (
    "STS does not say why. Possible causes: (1) the role does not exist: role names are case-sensitive, and the ARN "
    "must contain the path; (2) its trust policy does not trust the provider with sts:AssumeRoleWithWebIdentity, or "
    "its conditions do not match the token's claims, such as sub and aud. Call xacct.explain(error, session) with a "
    "session of the role's account to compare them"
)


def assume_role_with_web_identity(
    role_arn: Arn | str,
    token: str | os.PathLike[str] | Callable[[], str],
    *,
    base: boto3.Session | None = None,
    session_name: str | None = None,
    duration: int | timedelta | None = None,
    policy: PolicyDocument | Mapping[str, object] | str | None = None,
    policy_arns: Iterable[Arn | str] = (),
    region: str | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    validate: bool = True,
) -> boto3.Session:
    """Return a session in an IAM role for a token of an identity provider, such as GitHub, Google or Kubernetes.

    No AWS credentials are needed. The session is like one of `assume_role`: its clients keep working after the
    credentials expire, with a new token from the file or the callable; it can be the base of `assume_role`; and a
    failed renewal raises only after the old credentials have expired.

    Args:
        role_arn: the role's ARN with its path.
        token: the token; or the path of a file that has the current one (``Path(...)``, which is not the same as a
            string); or a callable that returns one. A string is used again for each renewal, until it expires.
        base: a session whose region, profile settings and client configuration are used, but not its credentials; None
            for boto3's default session.
        session_name: the role session name, which appears in the trusting account's CloudTrail logs; None for the
            token's subject, or its end if it is long.
        duration: the lifetime of one set of credentials in seconds or as a timedelta, 15 minutes to 12 hours and at
            most the role's maximum; None for one hour.
        policy: a session policy of at most 2048 characters.
        policy_arns: at most 10 managed policies of the role's account to use as session policies.
        region: the region of the new session; None for the base's.
        cache: True to store credentials in the AWS CLI's cache, or the path of another folder. An entry depends on the
            role, the session name and the session policies, not on the token: set ``session_name``.
        validate: whether to assume the role now, so that errors are raised here.

    Raises:
        InvalidValue: an argument, or the token, breaks one of AWS's rules; nothing was called.
        PolicyError: the session policy is not well formed; nothing was called.
        AssumeRoleDenied: STS denied the call: the trust policy does not trust this token. Pass the error to
            `xacct.explain` with a session of the role's account to find out which claim does not match.
        SessionExpired: the token has expired.
        InvalidCredentials: AWS rejects the token, or its file cannot be read.
        AwsError: any other error response, or AWS could not be reached.

    >>> from xacct import assume_role_with_web_identity
    >>> session = assume_role_with_web_identity(
    ...     "arn:aws:iam::111111111111:role/Deploy", Path("/var/run/secrets/token"), region="eu-west-1", validate=False)
    >>> session
    Session(region_name='eu-west-1')

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
    """
    request = RoleRequest(
        role_arn=role_arn, session_name=session_name, duration=duration, policy=policy, policy_arns=policy_arns
    )
    read = _reader(token)
    store = credential_cache(cache)
    with errors_of_botocore(f"assuming {request.role_arn}", account=request.role_arn.account, base=base):
        settings = boto3.Session() if base is None else base
        check_base(settings)
        check_region(request, region, settings.region_name)
        sts_region = settings.region_name or region or request.home_region
        # Without a signature, botocore does not look for credentials.
        sts = settings.client("sts", region_name=sts_region, config=Config(signature_version=UNSIGNED))
    credentials = _WebIdentityCredentials(request, sts, token=read, base=settings, cache=store)
    if validate:
        credentials.get_frozen_credentials()
    return derive_session(settings, credentials, region)


class _WebIdentityCredentials(AssumedRoleCredentials):
    """Credentials of a role that are renewed with a token."""

    def __init__(
        self,
        request: RoleRequest,
        sts: STSClient,
        *,
        token: Callable[[], str],
        base: boto3.Session,
        cache: CliCache | None,
    ) -> None:
        self._read_token = token
        self._claims: Mapping[str, object] = {}
        super().__init__(request, lambda: sts, caller=base, cache=cache)

    @property
    def source_identity(self) -> str | None:
        """The source identity: None, because it is in the token."""
        return None

    @property
    def is_chained(self) -> bool:
        """Whether the caller is a role session: never, it is an identity provider."""
        return False

    def _call(self) -> AssumeRoleResponseTypeDef:
        token = self._read_token()
        self._claims = _claims_of(token)
        name = self._session_name or _subject_of(self._claims)
        role = self.request.role_arn
        parameters = cast(
            "AssumeRoleWithWebIdentityRequestTypeDef", {**self.request.parameters(name), "WebIdentityToken": token}
        )
        with errors_of_botocore(f"assuming {role}", account=role.account, base=self._caller):
            answer = self._sts().assume_role_with_web_identity(**parameters)
        self._session_name = name
        # Both responses have the members that are used.
        return cast("AssumeRoleResponseTypeDef", answer)

    def _translated(self, error: ClientError) -> AwsError:
        role, code, said = self.request.role_arn, code_of(error), message_of(error)
        doing = f"assuming {role}"
        if code == "AccessDenied":
            provider, context = _request_of(role, self._claims)
            if self._session_name:
                context["sts:RoleSessionName"] = self._session_name
            message = f"{doing} failed: access denied. {_POSSIBLE_CAUSES}. AWS's message: {said}"
            return AssumeRoleDenied(
                message,
                role_arn=str(role),
                context=context,
                provider=provider,
                doing=doing,
                account=role.account,
                code=code,
            )
        kind, advice = _MEANINGS.get(code or "", (None, ""))
        if kind is None:
            return translate_sts_error(error, self.request, self._session_name or "unknown")
        return kind(f"{doing} failed: {advice}. AWS's message: {said}", doing=doing, account=role.account, code=code)


_MEANINGS: Mapping[str, tuple[type[AwsError], str]] = {
    "ExpiredTokenException": (SessionExpired, "the token has expired. Get a new one from the identity provider"),
    "InvalidIdentityToken": (
        InvalidCredentials,
        "AWS rejects the token. Check that the role's account has the token's issuer and audience as a provider in IAM",
    ),
    "IDPRejectedClaim": (InvalidCredentials, "the identity provider rejects the token. Sign in with it again"),
    "IDPCommunicationError": (AwsError, "AWS could not reach the identity provider. Try again later"),
}


def _reader(token: str | os.PathLike[str] | Callable[[], str]) -> Callable[[], str]:
    """Return a function that returns the current token."""
    if isinstance(token, str):
        _checked(token)
        return lambda: token
    if isinstance(token, os.PathLike):
        path = Path(token)
        return lambda: _checked(_read(path))
    if callable(token):
        return lambda: _checked(token())
    raise InvalidValue("token", type(token).__name__, "a token, the pathlib.Path of its file, or a callable")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        doing = f"reading the token in {path}"
        cause = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InvalidCredentials(f"{doing} failed: {cause}", doing=doing) from None


def _checked(token: object) -> str:
    if isinstance(token, str) and len(token) in _TOKEN_CHARACTERS:
        return token
    rule = (
        f"a string of {_TOKEN_CHARACTERS.start} to {_TOKEN_CHARACTERS.stop - 1} characters; for a file, pass its Path"
    )
    raise InvalidValue("token", "...", rule)


def _claims_of(token: str) -> Mapping[str, object]:
    """Return the claims of a token without its signature; none if it is not a JSON Web Token: STS says so."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(f"{payload}{'=' * (-len(payload) % 4)}"))
    except (ValueError, IndexError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _request_of(role: Arn, claims: Mapping[str, object]) -> tuple[str | None, dict[str, str | Sequence[str]]]:
    """Return the identity provider as trust policies name it, and the context keys that the claims set."""
    given = claims.get("iss")
    issuer = given.removeprefix("https://").removesuffix("/") if isinstance(given, str) else ""
    lasting = {claim: value for claim, value in claims.items() if claim not in _TIMES}
    try:
        request = AccessRequest.assume_role_with_web_identity(str(role), provider=issuer, claims=lasting)
    except InvalidValue:
        return None, {}
    keys = {key: values for key, values in request.context.items() if not key.startswith(_IMPLIED)}
    return request.principal, {key: values[0] if len(values) == 1 else values for key, values in keys.items()}


def _subject_of(claims: Mapping[str, object]) -> str:
    """Return a role session name: the subject of the token, or its end if it is long."""
    subject = str(claims.get("sub", ""))
    name = "".join(c if ROLE_SESSION_NAME.has_valid_form(c) else "-" for c in subject)[-ROLE_SESSION_NAME.longest :]
    return name if len(name) >= ROLE_SESSION_NAME.shortest else "web-identity"
