"""The request: a caller, an action, a resource and the context keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, cast

from attrs import evolve, field, frozen

from xacct.arn import Arn, account_id
from xacct.authz.federation import Claims, provider_of_role, saml_context, web_identity_context
from xacct.errors import InvalidValue
from xacct.limits import ACCOUNT_ID
from xacct.policy.principal import is_identity_provider, is_origin_access_identity

__all__ = ["AccessRequest", "Caller", "CallerKind", "ContextValue"]

CallerKind = Literal[
    "user", "role", "federated", "root", "account", "service", "provider", "origin_access_identity", "anonymous"
]

# The same callers and resources occur in many requests: they are parsed once.
_parsed_once = lru_cache(maxsize=4096)

ContextValue = str | bool | int | float | None
_CONTEXT_VALUES = "the value of a context key is a string, a number, a boolean, None, or several of these"

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+", re.ASCII)

_TYPES: dict[CallerKind, str] = {
    "user": "User", "role": "AssumedRole", "federated": "FederatedUser", "root": "Account", "anonymous": "Anonymous",
}  # fmt: skip


@frozen
class Caller:
    """The principal of a request, in the terms by which policies name it.

    Attributes:
        kind: the kind of principal.
        account: the principal's account; empty for services, identity providers, origin access identities and
            anonymous callers.
        name: the principal as the request has it.
        role_name: the name of the role, for a role and its sessions.
        service_linked: whether the role is a service-linked role.
        unique_ids: the unique ids of the user or role.
        names: every form in which a policy can name the caller.
    """

    kind: CallerKind
    account: str
    name: str
    role_name: str = ""
    service_linked: bool = False
    unique_ids: tuple[str, ...] = ()
    names: tuple[str, ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        names = ["*"]
        if self.kind == "service":
            names += [f"Service:{self.name}", "Service:*"]
        elif self.kind == "provider":
            names += [f"Federated:{self.name}", "Federated:*"]
        elif self.kind != "anonymous":
            names.append(f"AWS:{self.name}")
            names += [f"account:{self.account}"] * bool(self.account)
            names += [f"role:{self.account}/{self.role_name}"] * bool(self.role_name)
            names += [f"id:{unique_id}" for unique_id in self.unique_ids]
        object.__setattr__(self, "names", tuple(names))


def _values(context: Mapping[str, ContextValue | Iterable[ContextValue]]) -> dict[str, tuple[str, ...]]:
    values = {}
    for key, value in context.items():
        if not isinstance(key, str):
            raise InvalidValue("context", key, "a context key must be a string")
        several = (value,) if value is None or isinstance(value, (str, bool, int, float)) else value
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


def _check_action(_: object, __: object, value: str) -> None:
    if not _ACTION.fullmatch(value):
        raise InvalidValue("action", value, "an action has the form service:Action, without wildcards")


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
    action: str = field(validator=_check_action)
    resource: str
    resource_account: str = ""
    context: Mapping[str, tuple[str, ...]] = field(factory=dict, converter=_values)
    caller: Caller = field(init=False, eq=False, repr=False)
    action_name: str = field(init=False, eq=False, repr=False)
    service: str = field(init=False, eq=False, repr=False)
    actions: tuple[str, ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        caller = _identify_caller(self.principal, self.context)
        account = _owner_of_resource(self.resource, self.resource_account) or caller.account
        implied = {"aws:resourceaccount": (account,)} if account else {}
        context = {**implied, **_implied_by_caller(self.principal), **self.context}
        object.__setattr__(self, "caller", caller)
        # In lower case, in which actions are compared.
        object.__setattr__(self, "action_name", self.action.lower())
        object.__setattr__(self, "service", self.action_name.partition(":")[0])
        object.__setattr__(self, "actions", _required_actions(self.action, self.context))
        object.__setattr__(self, "resource_account", account)
        object.__setattr__(self, "context", context)

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

    @property
    def cross_account(self) -> bool:
        """Whether the caller and the resource are in different accounts."""
        return self.caller.account != self.resource_account


def _required_actions(action: str, context: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the action, and the actions that AWS also requires for session tags and a source identity.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    if not action.lower().startswith("sts:assumerole"):
        return (action,)
    tags = any(key == "aws:tagkeys" or key.startswith("aws:requesttag/") for key, values in context.items() if values)
    identity = bool(context.get("sts:sourceidentity"))
    return (action, *["sts:TagSession"] * tags, *["sts:SetSourceIdentity"] * identity)


@_parsed_once
def _account_in(resource: str) -> str:
    return "" if resource == "*" else Arn.parse(resource, name="resource").account


def _owner_of_resource(resource: str, given: str) -> str:
    named = _account_in(resource)
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


_KINDS: dict[tuple[str, str], CallerKind] = {
    ("iam", "user"): "user", ("iam", "role"): "role", ("sts", "assumed-role"): "role",
    ("sts", "federated-user"): "federated",
}  # fmt: skip


@_parsed_once
def _parse_caller(principal: str) -> Caller:
    if principal == "*":
        return Caller("anonymous", "", "*")
    if ACCOUNT_ID.allows(principal):
        return Caller("account", principal, principal)
    if is_identity_provider(principal):
        return Caller("provider", "", principal)
    if is_origin_access_identity(principal):
        return Caller("origin_access_identity", "", principal)
    if not principal.startswith("arn:"):
        if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", principal):
            return Caller("service" if ".amazonaws." in principal else "provider", "", principal)
        raise InvalidValue("principal", principal, "a principal is an ARN, an account id, a service or '*'")
    arn = Arn.parse(principal, name="principal")
    if arn.service == "iam" and arn.resource == "root":
        return Caller("root", arn.account, principal)
    kind = _KINDS.get((arn.service, arn.resource_type))
    if kind is None:
        kinds = "a user, role, role session, federated user, root user or identity provider"
        raise InvalidValue("principal", principal, f"a principal is {kinds}")
    if kind == "role":
        role = arn.name if arn.service == "iam" else arn.resource_id.split("/")[0]
        return Caller(kind, arn.account, principal, role, _is_service_linked(arn))
    return Caller(kind, arn.account, principal)


def _is_service_linked(role: Arn) -> bool:
    return role.path.startswith("/aws-service-role/")


def _identify_caller(principal: str, context: Mapping[str, tuple[str, ...]]) -> Caller:
    caller = _parse_caller(principal)
    arns, user_ids = context.get("aws:principalarn"), context.get("aws:userid")
    if arns and caller.kind == "role":
        # A session's ARN does not contain the path of its role; aws:PrincipalArn does.
        linked = _is_service_linked(Arn.parse(arns[-1], name="aws:PrincipalArn"))
        if linked != caller.service_linked:
            caller = evolve(caller, service_linked=linked)
    if user_ids and caller.account:
        # aws:userid of a session is the role's unique id and the name of the session.
        caller = evolve(caller, unique_ids=tuple(user_id.split(":")[0] for user_id in user_ids))
    return caller


@_parsed_once
def _implied_by_caller(principal: str) -> Mapping[str, tuple[str, ...]]:
    """Return the context keys that follow from the principal."""
    caller = _parse_caller(principal)
    implied: dict[str, tuple[str, ...]] = {}
    if caller.account:
        implied["aws:principalaccount"] = (caller.account,)
    if caller.kind in _TYPES:
        implied["aws:principaltype"] = (_TYPES[caller.kind],)
    if caller.kind in ("user", "root", "federated"):
        implied["aws:principalarn"] = (principal,)
    if caller.kind == "role":
        partition = principal.split(":")[1]
        arn = principal if ":iam:" in principal else f"arn:{partition}:iam::{caller.account}:role/{caller.role_name}"
        implied["aws:principalarn"] = (arn,)
    if caller.kind == "user":
        implied["aws:username"] = (principal.rsplit("/", 1)[-1],)
    if caller.kind == "service":
        implied["aws:principalservicename"] = (principal,)
    if caller.kind != "anonymous":
        implied["aws:principalisawsservice"] = ("true" if caller.kind == "service" else "false",)
    return MappingProxyType(implied)
