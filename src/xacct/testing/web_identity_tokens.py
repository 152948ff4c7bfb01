"""The tokens of OpenID Connect providers: the sandbox issues them, and its STS accepts those that it issued.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import field, frozen

from xacct.arn import Arn
from xacct.authz import AccessRequest
from xacct.authz.federation import web_identity_context
from xacct.testing.error_responses import Refused

if TYPE_CHECKING:
    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["WebIdentity", "WebIdentityTokens"]


@frozen(kw_only=True)
class WebIdentity:
    """What a token says.

    Attributes:
        provider: the provider's ARN, or the name of one that AWS knows.
        claims: the claims, such as ``sub`` and ``aud``.
        expires: when the token expires.
    """

    provider: str
    claims: Mapping[str, object] = field(repr=False)
    expires: datetime

    def claim(self, name: str) -> str:
        """Return a claim as text."""
        return _first(self.claims.get(name, ""))

    @property
    def tags(self) -> dict[str, str]:
        """The session tags."""
        prefix = "aws:RequestTag/"
        keys = web_identity_context(self.provider, self.claims)
        return {key.removeprefix(prefix): _first(value) for key, value in keys.items() if key.startswith(prefix)}

    @property
    def transitive_tag_keys(self) -> frozenset[str]:
        """The keys of the session tags that are passed on in a chain."""
        keys = web_identity_context(self.provider, self.claims).get("sts:TransitiveTagKeys")
        return frozenset(map(str, keys)) if isinstance(keys, (list, tuple)) else frozenset()

    @property
    def source_identity(self) -> str | None:
        """The source identity; None if the token has none."""
        value = web_identity_context(self.provider, self.claims).get("sts:SourceIdentity")
        return None if value is None else _first(value)


def _first(value: object) -> str:
    return str(value[0] if isinstance(value, (list, tuple)) and value else value)


class WebIdentityTokens:
    """Issues tokens, and verifies them as STS does.

    Args:
        state: the state of the accounts.
        clock: the sandbox's clock.
    """

    def __init__(self, state: MotoState, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._issued: dict[str, WebIdentity] = {}

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
        now = self._clock.now()
        expires = now + timedelta(seconds=seconds)
        standard = {"iss": f"https://{name}", "iat": int(now.timestamp()), "exp": int(expires.timestamp())}
        content = {**standard, "sub": "subject", "aud": "sts.amazonaws.com", **claims}
        parts = [{"alg": "RS256", "typ": "JWT"}, content]
        encoded = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        token = ".".join([*encoded, secrets.token_urlsafe(64)])
        self._issued[token] = WebIdentity(provider=principal, claims=content, expires=expires)
        return token

    def verify(self, token: str, account: str) -> WebIdentity:
        """Return what a token says.

        Args:
            token: the token.
            account: the account of the role.

        Raises:
            Refused: the sandbox did not issue the token, it has expired, or the account's IAM does not have its
                provider with its audience.
        """
        if token.count(".") != 2:
            text = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
            raise Refused("InvalidIdentityToken", text)
        found = self._issued.get(token)
        if found is None:
            text = "Couldn't retrieve verification key from your identity provider,  please reference "
            raise Refused("InvalidIdentityToken", f"{text}AssumeRoleWithWebIdentity documentation for requirements")
        now = self._clock.now()
        if now >= found.expires:
            times = f"{int(now.timestamp())} must be before the expiration date/time {int(found.expires.timestamp())}"
            raise Refused("ExpiredTokenException", f"Token expired: current date/time {times}")
        if found.provider.startswith("arn:"):
            self._check_provider(found, account)
        return found

    def _check_provider(self, found: WebIdentity, account: str) -> None:
        provider = self._state.iam(account).open_id_providers.get(found.provider)
        if provider is None:
            issuer = found.claim("iss")
            raise Refused("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}")
        audiences = found.claims.get("aud")
        given = audiences if isinstance(audiences, (list, tuple)) else [audiences]
        if not set(given) & set(provider.client_id_list):
            raise Refused("InvalidIdentityToken", "Incorrect token audience")
