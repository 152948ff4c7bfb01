"""The tokens of OpenID Connect providers, verified as STS does: signature, issuer, audience and expiry.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from xacct.arn import Arn
from xacct.authz import AccessRequest
from xacct.authz.federation import web_identity_context
from xacct.errors import InvalidValue
from xacct.policy.principal import is_identity_provider
from xacct.testing.error_responses import Refused
from xacct.testing.federated_identity import FederatedIdentity
from xacct.testing.issuer import Issuer, signing_key

if TYPE_CHECKING:
    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["WebIdentityTokens"]


_NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
_ALGORITHM = "RS256"


class WebIdentityTokens:
    """The issuers of a sandbox, and the verification of their tokens.

    Args:
        state: the state of the accounts.
        clock: the sandbox's clock.
    """

    def __init__(self, state: MotoState, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._issuers: dict[str, Issuer] = {}

    def issuer(self, url: str, account: str) -> Issuer:
        """Return the issuer with this URL. STS then knows its key.

        Args:
            url: the URL.
            account: the account that trusts it.

        Raises:
            InvalidValue: it is not a URL of an issuer.
        """
        self._issuers[url] = Issuer(url, self._provider_of(url, account), self._clock)
        return self._issuers[url]

    def create_provider(self, url: str, account: str, audiences: Iterable[str]) -> Issuer:
        """Return the issuer with this URL, and create its provider in IAM of an account if it does not exist.

        Args:
            url: the URL.
            account: the account.
            audiences: the audiences of the provider.

        Raises:
            InvalidValue: it is not a URL of an issuer.
        """
        issuer, iam = self.issuer(url, account), self._state.iam(account)
        is_in_iam = issuer.provider_arn.startswith("arn:")
        if is_in_iam and issuer.provider_arn not in iam.open_id_providers:
            iam.create_open_id_connect_provider(url, [], [*audiences], [])
        return issuer

    def issue(self, account: str, provider: str, claims: Mapping[str, object], seconds: int) -> str:
        """Return a token of a provider.

        Args:
            account: the account whose roles trust the provider.
            provider: the provider's name or ARN.
            claims: the claims.
            seconds: the token's lifetime.
        """
        role = str(Arn.role(account, "Any", partition=self._state.partition))
        principal = AccessRequest.assume_role_with_web_identity(role, provider=provider, claims=claims).principal
        name = Arn.parse(principal).resource_id if principal.startswith("arn:") else principal
        issuer = self.issuer(f"https://{name}", account)
        return issuer.signed({"sub": "subject", "aud": "sts.amazonaws.com", **claims}, seconds)

    def verify(self, token: str, account: str) -> FederatedIdentity:
        """Return the user or the workload that a token describes.

        Args:
            token: the token.
            account: the account of the role.

        Raises:
            Refused: it is no token of an issuer of this sandbox, its signature does not match, it has expired, or the
                account's IAM does not have its provider with its audience.
        """
        claims = _claims_of(token)
        url = claims.get("iss")
        if not isinstance(url, str):
            raise Refused("InvalidIdentityToken", _NO_JWT)
        provider = self._provider_of(url, account)
        if provider.startswith("arn:"):
            self._check_provider(provider, url, claims, account)
        self._check_signature(token, url)
        self._check_expiry(claims.get("exp"))
        try:
            context = web_identity_context(provider, claims)
        except InvalidValue:
            raise Refused("InvalidIdentityToken", _NO_JWT) from None
        answer = {
            "SubjectFromWebIdentityToken": _text_of(claims, "sub"),
            "Provider": provider,
            "Audience": _text_of(claims, "aud"),
        }
        return FederatedIdentity(provider=provider, context=context, answer=answer)

    def _provider_of(self, issuer: str, account: str) -> str:
        name = issuer.removeprefix("https://")
        known = is_identity_provider(name) and not name.startswith("arn:")
        return name if known else f"arn:{self._state.partition}:iam::{account}:oidc-provider/{name}"

    def _check_provider(self, arn: str, issuer: str, claims: Mapping[str, object], account: str) -> None:
        provider = self._state.iam(account).open_id_providers.get(arn)
        if provider is None:
            raise Refused("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}")
        audiences = claims.get("aud")
        given = audiences if isinstance(audiences, list) else [audiences]
        if not any(audience in provider.client_id_list for audience in given):
            raise Refused("InvalidIdentityToken", "Incorrect token audience")

    def _check_signature(self, token: str, issuer: str) -> None:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        if issuer not in self._issuers:
            raise Refused("InvalidIdentityToken", _NO_KEY)
        try:
            jwt.decode(token, KeySet([signing_key(issuer)]), algorithms=[_ALGORITHM])
        except JoseError:
            raise Refused("InvalidIdentityToken", _NO_KEY) from None

    def _check_expiry(self, expires: object) -> None:
        if not isinstance(expires, (int, float)):
            raise Refused("InvalidIdentityToken", _NO_JWT)
        now = int(self._clock.now().timestamp())
        if now >= expires:
            times = f"{now} must be before the expiration date/time {int(expires)}"
            raise Refused("ExpiredTokenException", f"Token expired: current date/time {times}")


def _claims_of(token: str) -> Mapping[str, object]:
    """Return the claims of a token whose signature has not been verified."""
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise Refused("InvalidIdentityToken", _NO_JWT)
    return claims


def _text_of(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name, "")
    return str(value[0] if isinstance(value, list) and value else value)
