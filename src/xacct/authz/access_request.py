"""What is asked: who wants to do what on what, under which circumstances."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from attrs import field, frozen

from xacct.arn import Arn, account_id
from xacct.errors import InvalidValue

__all__ = ["AccessRequest", "Caller", "CallerKind"]

CallerKind = Literal["user", "role", "federated", "root", "account", "service", "provider", "anonymous"]

_TYPES: dict[CallerKind, str] = {
    "user": "User", "role": "AssumedRole", "federated": "FederatedUser", "root": "Account", "anonymous": "Anonymous",
}  # fmt: skip


@frozen
class Caller:
    """Who a principal is, as policies may name it."""

    kind: CallerKind
    account: str
    name: str
    role_name: str = ""
    service_linked: bool = False


def _values(context: Mapping[str, str | Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in context.items()}


def _action_rule(_: object, __: object, value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+", value, re.ASCII):
        raise InvalidValue("action", value, "one action of the form service:Action, without wildcards")


@frozen(kw_only=True)
class AccessRequest:
    """One question to the evaluator.

    Args:
        principal: the ARN of a user, role, role session, federated user or root; an account id; an AWS service, such as
            ``lambda.amazonaws.com``; the ARN of an identity provider; or ``*`` for an anonymous caller.
        action: such as ``sts:AssumeRole``.
        resource: the ARN, or ``*`` for actions that have none.
        resource_account: needed where the ARN names none, as in S3; else taken from it.
        context: context keys (in any case) with a string or strings. What follows from the principal and from the
            resource is filled in where nothing is given.

    Raises:
        InvalidValue: a value has another form.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html

    >>> request = AccessRequest(principal="arn:aws:iam::222222222222:user/dev", action="sts:AssumeRole",
    ...                         resource="arn:aws:iam::111111111111:role/Reader")
    >>> request.resource_account, request.context["aws:username"]
    ('111111111111', ('dev',))
    """

    principal: str
    action: str = field(validator=_action_rule)
    resource: str
    resource_account: str = ""
    context: Mapping[str, tuple[str, ...]] = field(factory=dict, converter=_values)
    caller: Caller = field(init=False, eq=False, repr=False)
    actions: tuple[str, ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        caller = _caller(self.principal, self.context)
        account = _resource_account(self.resource, self.resource_account) or caller.account
        object.__setattr__(self, "caller", caller)
        object.__setattr__(self, "actions", _actions(self.action, self.context))
        object.__setattr__(self, "resource_account", account)
        object.__setattr__(self, "context", {**_implied(self.principal, caller, account), **self.context})

    @property
    def cross_account(self) -> bool:
        """Whether caller and resource are in different accounts."""
        return self.caller.account != self.resource_account


def _actions(action: str, context: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The action, and those that AWS demands with it: for session tags and for a source identity.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    if not action.lower().startswith("sts:assumerole"):
        return (action,)
    tags = any(key == "aws:tagkeys" or key.startswith("aws:requesttag/") for key, values in context.items() if values)
    identity = bool(context.get("sts:sourceidentity"))
    return (action, *["sts:TagSession"] * tags, *["sts:SetSourceIdentity"] * identity)


def _resource_account(resource: str, given: str) -> str:
    named = "" if resource == "*" else Arn.parse(resource, name="resource").account
    if given:
        account_id(given, "resource_account")
        if named not in ("", "aws", given):
            raise InvalidValue("resource_account", given, f"the account of {resource}, or left out")
        return given
    if resource != "*" and named in ("", "aws"):
        raise InvalidValue("resource_account", given, f"needed, because {resource} names no account")
    return named


def _caller(principal: str, context: Mapping[str, tuple[str, ...]]) -> Caller:
    if principal == "*":
        return Caller("anonymous", "", "*")
    if re.fullmatch("[0-9]{12}", principal):
        return Caller("account", principal, principal)
    if not principal.startswith("arn:"):
        if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", principal):
            kind: CallerKind = "service" if ".amazonaws." in principal else "provider"
            return Caller(kind, "", principal)
        raise InvalidValue("principal", principal, "an ARN, an account id, a service or '*'")
    arn = Arn.parse(principal, name="principal")
    kinds: dict[tuple[str, str], CallerKind] = {
        ("iam", "user"): "user", ("iam", "role"): "role", ("sts", "assumed-role"): "role",
        ("sts", "federated-user"): "federated", ("iam", "saml-provider"): "provider",
        ("iam", "oidc-provider"): "provider",
    }  # fmt: skip
    if arn.service == "iam" and arn.resource == "root":
        return Caller("root", arn.account, principal)
    found = kinds.get((arn.service, arn.resource_type))
    if found is None:
        raise InvalidValue("principal", principal, "a user, role, role session, federated user, root or provider")
    role, path = "", arn.path
    if found == "role":
        role = arn.name if arn.service == "iam" else arn.resource_id.split("/")[0]
        for given in context.get("aws:principalarn", ()):
            path = Arn.parse(given, name="aws:PrincipalArn").path
    return Caller(
        found, "" if found == "provider" else arn.account, principal, role, path.startswith("/aws-service-role/")
    )


def _implied(principal: str, caller: Caller, resource_account: str) -> dict[str, tuple[str, ...]]:
    implied: dict[str, tuple[str, ...]] = {}
    if resource_account:
        implied["aws:resourceaccount"] = (resource_account,)
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
    return implied
