"""Federated callers: the provider that signed them in, and its claims as context keys.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.policy.principal import is_identity_provider

__all__ = ["Claims", "ProviderKind", "provider_of_role", "saml_context", "web_identity_context"]

# JSON values: a claim has a value, several, or an object.
Claims = Mapping[str, object]

ProviderKind = Literal["oidc", "saml"]
_GOOGLE = "accounts.google.com"
_TAGS = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
_SAML_TAG = "https://aws.amazon.com/SAML/Attributes/PrincipalTag:"
_SAML_TRANSITIVE = "https://aws.amazon.com/SAML/Attributes/TransitiveTagKeys"
_SAML_SOURCE_IDENTITY = "https://aws.amazon.com/SAML/Attributes/SourceIdentity"


def provider_of_role(provider: str, role: Arn, kind: ProviderKind) -> str:
    """Return the provider as trust policies name it: an ARN of the role's account, or a name that AWS knows.

    Args:
        provider: the ARN, or the name without it.
        role: the role's ARN.
        kind: ``saml`` or ``oidc``.

    Raises:
        InvalidValue: the provider is one of another kind, or is empty.

    >>> role = Arn.role("111111111111", "Deploy")
    >>> provider_of_role("token.actions.githubusercontent.com", role, "oidc")
    'arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com'
    >>> provider_of_role("accounts.google.com", role, "oidc")
    'accounts.google.com'
    """
    name = provider.removeprefix("https://") if kind == "oidc" else provider
    known = is_identity_provider(name)
    if not name or (known and name.startswith("arn:") and f":{kind}-provider/" not in name):
        raise InvalidValue("provider", provider, f"use the name or the ARN of an identity provider of kind {kind}")
    if known and (kind == "oidc" or name.startswith("arn:")):
        return name
    return f"arn:{role.partition}:iam::{role.account}:{kind}-provider/{name}"


def web_identity_context(provider: str, claims: Claims) -> dict[str, object]:
    """Return the context keys of an OpenID Connect token: ``provider:claim`` for each claim.

    For Google, ``aud`` is the claim ``azp`` if there is one, and ``oaud`` is the claim ``aud``. The claims
    ``https://aws.amazon.com/tags`` and ``https://aws.amazon.com/source_identity`` become session tags and the source
    identity. AWS has no key for any other claim that is an object, or a list of objects.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp

    >>> web_identity_context("cognito-identity.amazonaws.com", {"aud": "eu-west-1:pool"})
    {'cognito-identity.amazonaws.com:aud': 'eu-west-1:pool'}
    """
    name = Arn.parse(provider).resource_id if provider.startswith("arn:") else provider
    found = dict(claims)
    if name == _GOOGLE and "aud" in found:
        found["oaud"] = found["aud"]
        found["aud"] = found.get("azp", found["aud"])
    plain = {claim: value for claim, value in found.items() if claim != _SOURCE_IDENTITY and _is_plain(value)}
    context: dict[str, object] = {f"{name}:{claim}": value for claim, value in plain.items()}
    tags = found.get(_TAGS)
    if isinstance(tags, Mapping):
        context |= _session_tags(tags.get("principal_tags"), tags.get("transitive_tag_keys"))
    if _SOURCE_IDENTITY in found:
        context["sts:SourceIdentity"] = found[_SOURCE_IDENTITY]
    return context


def saml_context(provider: str, attributes: Claims) -> dict[str, object]:
    """Return the context keys of a SAML assertion: ``SAML:attribute`` for each attribute, and ``SAML:doc``.

    Attributes of AWS, such as ``https://aws.amazon.com/SAML/Attributes/PrincipalTag:team``, become session tags and the
    source identity.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-saml

    >>> saml_context("arn:aws:iam::111111111111:saml-provider/idp", {"aud": "https://signin.aws.amazon.com/saml"})
    {'SAML:doc': '111111111111/idp', 'SAML:aud': 'https://signin.aws.amazon.com/saml'}
    """
    arn = Arn.parse(provider)
    context: dict[str, object] = {"SAML:doc": f"{arn.account}/{arn.name}"}
    tags = {name[len(_SAML_TAG) :]: value for name, value in attributes.items() if name.startswith(_SAML_TAG)}
    own = (_SAML_TAG, _SAML_TRANSITIVE, _SAML_SOURCE_IDENTITY)
    context |= {f"SAML:{name}": value for name, value in attributes.items() if not name.startswith(own)}
    if tags:
        context |= _session_tags(tags, attributes.get(_SAML_TRANSITIVE))
    if _SAML_SOURCE_IDENTITY in attributes:
        context["sts:SourceIdentity"] = attributes[_SAML_SOURCE_IDENTITY]
    return context


def _is_plain(claim: object) -> bool:
    several = claim if isinstance(claim, (list, tuple)) else (claim,)
    return not any(isinstance(value, (Mapping, list, tuple)) for value in several)


def _session_tags(tags: object, transitive: object) -> dict[str, object]:
    if not isinstance(tags, Mapping):
        raise InvalidValue("claims", tags, "session tags are an object of keys and values")
    context: dict[str, object] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return {**context, "aws:TagKeys": list(tags), "sts:TransitiveTagKeys": transitive}
