"""Issuers of OpenID Connect tokens, such as GitHub Actions or an EKS cluster, with a key that signs them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, final

from xacct.errors import InvalidValue

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

    from xacct.testing.clock import Clock

__all__ = ["Issuer", "signing_key"]


@final
class Issuer:
    """An issuer of OpenID Connect tokens in a sandbox, of `Sandbox.oidc_provider`.

    Attributes:
        url: the issuer's URL, which is the claim ``iss`` of its tokens.
        provider_arn: the ARN of its provider in IAM, for the ``Federated`` principal of trust policies; the name of a
            provider that AWS knows, such as ``accounts.google.com``.
    """

    def __init__(self, url: str, provider_arn: str, clock: Clock) -> None:
        if not url.startswith("https://") or url == "https://":
            raise InvalidValue("url", url, "the URL of an issuer, such as https://token.actions.githubusercontent.com")
        self.url, self.provider_arn = url, provider_arn
        self._clock = clock

    def token(
        self,
        *,
        sub: str = "subject",
        aud: str | Sequence[str] = "sts.amazonaws.com",
        duration: int = 3600,
        **claims: object,
    ) -> str:
        """Return a signed token, for sts:AssumeRoleWithWebIdentity or a file that AWS_WEB_IDENTITY_TOKEN_FILE names.

        Args:
            sub: the subject, such as ``repo:octo/app:ref:refs/heads/main`` for GitHub Actions.
            aud: the audience, or several.
            duration: the lifetime of the token in seconds.
            claims: other claims, such as ``repository_owner_id``; also in place of ``iss``, ``iat`` and ``exp``.

        Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html

        >>> from xacct.testing import Sandbox
        >>> with Sandbox(["111111111111"]) as aws:
        ...     github = aws.oidc_provider("https://token.actions.githubusercontent.com")
        ...     token = github.token(sub="repo:octo/app:ref:refs/heads/main", actor="alice")
        ...     token.count(".")
        2
        """
        return self.signed({"sub": sub, "aud": aud if isinstance(aud, str) else [*aud], **claims}, duration)

    def signed(self, claims: Mapping[str, object], seconds: int) -> str:
        """Return a signed token with claims, and those that every token has.

        Args:
            claims: the claims.
            seconds: the token's lifetime.
        """
        from joserfc import jwt

        now, key = int(self._clock.now().timestamp()), signing_key(self.url)
        standard = {"iss": self.url, "iat": now, "exp": now + seconds, "jti": secrets.token_hex(16)}
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": key.kid}, {**standard, **claims}, key)

    def __repr__(self) -> str:
        return f"Issuer({self.url!r})"


@cache
def signing_key(issuer: str) -> RSAKey:  # noqa: ARG001 # each issuer has another key
    """Return the key of an issuer. It is made once in a process, because that takes a tenth of a second.

    Args:
        issuer: the issuer's URL.
    """
    # Importing it takes longer than opening a sandbox.
    from joserfc.jwk import RSAKey

    return RSAKey.generate_key(2048, auto_kid=True)
