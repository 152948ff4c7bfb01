"""The request: a caller, an action, a resource and the context keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from types import MappingProxyType
from typing import cast

from attrs import field, fields, frozen

from xacct.arn import Arn, account_id
from xacct.authz.caller import Caller, context_of_caller, identify_caller
from xacct.authz.federation import Claims, provider_of_role, saml_context, web_identity_context
from xacct.authz.resource_owner import has_owner_keys
from xacct.errors import InvalidValue

__all__ = ["AccessRequest", "ContextValue"]

# The same resources occur in many requests: they are parsed once.
_parsed_once = lru_cache(maxsize=4096)

ContextValue = str | bool | int | float | None
_CONTEXT_VALUES = "the value of a context key is a string, a number, a boolean, None, or several of these"

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+", re.ASCII)


def _values(context: Mapping[str, ContextValue | Iterable[ContextValue]]) -> dict[str, tuple[str, ...]]:
    values: dict[str, tuple[str, ...]] = {}
    for key, value in context.items():
        if not isinstance(key, str):
            raise InvalidValue("context", key, "a context key must be a string")
        if isinstance(value, str):
            values[key.lower()] = (value,)
            continue
        if type(value) is tuple and all(type(one) is str for one in value):  # already converted
            values[key.lower()] = value
            continue
        several = (value,) if value is None or isinstance(value, (bool, int, float)) else value
        if not isinstance(several, Iterable) or isinstance(several, (bytes, Mapping)):
            raise InvalidValue(f"context[{key!r}]", value, _CONTEXT_VALUES)
        texts = tuple(_text(key, one) for one in several if one is not None)
        if texts or value is not None:
            values[key.lower()] = texts
    return values


def _text(key: str, value: ContextValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        with suppress(ValueError):  # a number with thousands of digits
            return str(value)
    raise InvalidValue(f"context[{key!r}]", type(value).__name__, _CONTEXT_VALUES)


def _as_context(context: Mapping[str, object]) -> dict[str, ContextValue | Iterable[ContextValue]]:
    # A value of another type is refused when the request is made.
    return cast("dict[str, ContextValue | Iterable[ContextValue]]", context)


@frozen
class _ActionFacts:
    """What follows from the name of an action."""

    name: str
    service: str
    has_owner_keys: bool
    assumes_role: bool


@_parsed_once
def _facts_of_action(action: str) -> _ActionFacts:
    if not _ACTION.fullmatch(action):
        raise InvalidValue("action", action, "an action has the form service:Action, without wildcards")
    name = action.lower()  # in which actions are compared
    return _ActionFacts(name, name.partition(":")[0], has_owner_keys(name), name.startswith("sts:assumerole"))


@frozen(kw_only=True)
class AccessRequest:
    """A request for which :func:`evaluate` decides whether AWS allows it.

    Args:
        principal: the ARN of a user, role, role session, federated user, root user, identity provider or CloudFront
            origin access identity; an account id; an AWS service, such as ``lambda.amazonaws.com``; an identity
            provider that AWS knows, such as ``accounts.google.com``; or ``*`` for an anonymous caller.
        action: one action, such as ``sts:AssumeRole``.
        resource: the resource's ARN, or ``*`` for actions that have no resource.
        resource_account: the account that owns the resource. Required if the ARN does not contain it, as in S3.
        context: the context keys, in upper or lower case, each with a string, a number, a boolean, or several of these.
            None is the same as leaving the key out. Keys that follow from the principal and the resource, such as
            ``aws:PrincipalAccount``, are added unless they are given.

    Raises:
        InvalidValue: an argument does not have the required form.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html

    >>> request = AccessRequest(principal="arn:aws:iam::222222222222:user/dev", action="sts:AssumeRole",
    ...                         resource="arn:aws:iam::111111111111:role/Reader")
    >>> request.resource_account, request.context["aws:username"]
    ('111111111111', ('dev',))
    """

    principal: str
    action: str
    resource: str
    resource_account: str = ""
    context: Mapping[str, tuple[str, ...]] = field(factory=dict, converter=_values)
    caller: Caller = field(init=False, eq=False, repr=False)
    action_name: str = field(init=False, eq=False, repr=False)
    service: str = field(init=False, eq=False, repr=False)
    actions: tuple[str, ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        caller = identify_caller(self.principal, self.context)
        account = _owner_of_resource(self.resource, self.resource_account) or caller.account
        facts = _facts_of_action(self.action)
        context = {**_owner_key(facts, account), **context_of_caller(self.principal), **self.context}
        object.__setattr__(self, "caller", caller)
        object.__setattr__(self, "resource_account", account)
        object.__setattr__(self, "context", context)
        self._set_action(self.action, facts)

    @classmethod
    def assume_role_with_web_identity(
        cls,
        role_arn: str,
        *,
        provider: str,
        claims: Claims,
        context: Mapping[str, ContextValue | Iterable[ContextValue]] = MappingProxyType({}),
    ) -> AccessRequest:
        """Make the request of a user or a workload that an OpenID Connect provider signed in.

        Args:
            role_arn: the role's ARN.
            provider: a name that AWS knows, such as ``cognito-identity.amazonaws.com``; or the ARN or the name of a
                provider in IAM of the role's account, such as ``token.actions.githubusercontent.com``.
            claims: the claims of the token, such as ``sub`` and ``aud``. They become context keys.
            context: other context keys, such as ``sts:RoleSessionName``.

        Raises:
            InvalidValue: an argument does not have the required form.

        Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html

        >>> request = AccessRequest.assume_role_with_web_identity(
        ...     "arn:aws:iam::111111111111:role/Deploy", provider="token.actions.githubusercontent.com",
        ...     claims={"sub": "repo:octo/app:ref:refs/heads/main", "aud": "sts.amazonaws.com"})
        >>> request.principal
        'arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com'
        >>> request.context["token.actions.githubusercontent.com:aud"]
        ('sts.amazonaws.com',)
        """
        principal = provider_of_role(provider, Arn.parse(role_arn, name="role_arn"), "oidc")
        return cls(
            principal=principal,
            action="sts:AssumeRoleWithWebIdentity",
            resource=role_arn,
            context={**_as_context(web_identity_context(principal, claims)), **context},
        )

    @classmethod
    def assume_role_with_saml(
        cls,
        role_arn: str,
        *,
        provider: str,
        attributes: Claims,
        context: Mapping[str, ContextValue | Iterable[ContextValue]] = MappingProxyType({}),
    ) -> AccessRequest:
        """Make the request of a user that a SAML provider signed in.

        Args:
            role_arn: the role's ARN.
            provider: the ARN or the name of a SAML provider of the role's account.
            attributes: the attributes of the assertion, such as ``aud`` and ``sub``. They become context keys.
            context: other context keys, such as ``sts:RoleSessionName``.

        Raises:
            InvalidValue: an argument does not have the required form.

        Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html

        >>> request = AccessRequest.assume_role_with_saml(
        ...     "arn:aws:iam::111111111111:role/Admin", provider="Okta",
        ...     attributes={"aud": "https://signin.aws.amazon.com/saml"})
        >>> request.principal, request.context["saml:doc"]
        ('arn:aws:iam::111111111111:saml-provider/Okta', ('111111111111/Okta',))
        """
        principal = provider_of_role(provider, Arn.parse(role_arn, name="role_arn"), "saml")
        return cls(
            principal=principal,
            action="sts:AssumeRoleWithSAML",
            resource=role_arn,
            context={**_as_context(saml_context(principal, attributes)), **context},
        )

    def with_action(self, action: str) -> AccessRequest:
        """Return the request with another action, which is quicker than a new request.

        Args:
            action: one action, such as ``sts:AssumeRole``.

        Raises:
            InvalidValue: the action does not have the required form.
        """
        facts = _facts_of_action(action)
        other = object.__new__(AccessRequest)
        for name in _COPIED:
            object.__setattr__(other, name, getattr(self, name))
        other._set_action(action, facts)
        if facts.has_owner_keys != _facts_of_action(self.action).has_owner_keys:
            context = {key: values for key, values in self.context.items() if key != "aws:resourceaccount"}
            context |= _owner_key(facts, self.resource_account)
            object.__setattr__(other, "context", context)
        return other

    def _set_action(self, action: str, facts: _ActionFacts) -> None:
        object.__setattr__(self, "action", action)
        object.__setattr__(self, "action_name", facts.name)
        object.__setattr__(self, "service", facts.service)
        actions = _required_actions(action, self.context) if facts.assumes_role else (action,)
        object.__setattr__(self, "actions", actions)

    @property
    def cross_account(self) -> bool:
        """Whether the caller and the resource are in different accounts."""
        return self.caller.account != self.resource_account


def _owner_key(facts: _ActionFacts, account: str) -> dict[str, tuple[str, ...]]:
    return {"aws:resourceaccount": (account,)} if account and facts.has_owner_keys else {}


_OF_ACTION = {"action", "action_name", "service", "actions"}
_COPIED = tuple(attribute.name for attribute in fields(AccessRequest) if attribute.name not in _OF_ACTION)


def _required_actions(action: str, context: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return an action that assumes a role, and those that AWS also requires for session tags and a source identity.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    with_tags = any(key.startswith("aws:requesttag/") and context[key] for key in context)
    tags = with_tags or bool(context.get("aws:tagkeys"))
    identity = bool(context.get("sts:sourceidentity"))
    return (action, *["sts:TagSession"] * tags, *["sts:SetSourceIdentity"] * identity)


@_parsed_once
def _owner_of_resource(resource: str, given: str) -> str:
    named = "" if resource == "*" else Arn.parse(resource, name="resource").account
    if given:
        account_id(given, "resource_account")
        if named not in ("", "aws", given):
            raise InvalidValue(
                "resource_account",
                given,
                f"{resource} belongs to account {named}: pass that account or leave the argument out",
            )
        return given
    if resource != "*" and named in ("", "aws"):
        raise InvalidValue("resource_account", given, f"required because {resource} contains no account id")
    return named
