"""The caller: the principal of a request, in the terms by which policies name it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from attrs import evolve, field, frozen

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.limits import ACCOUNT_ID
from xacct.policy.principal import is_identity_provider, is_origin_access_identity

__all__ = ["Caller", "CallerKind", "context_of_caller", "identify_caller"]

CallerKind = Literal[
    "user", "role", "federated", "root", "account", "service", "provider", "origin_access_identity", "anonymous"
]

# The same callers occur in many requests: they are parsed once.
_parsed_once = lru_cache(maxsize=4096)

_TYPES: dict[CallerKind, str] = {
    "user": "User", "role": "AssumedRole", "federated": "FederatedUser", "root": "Account", "anonymous": "Anonymous",
}  # fmt: skip

_KINDS: dict[tuple[str, str], CallerKind] = {
    ("iam", "user"): "user", ("iam", "role"): "role", ("sts", "assumed-role"): "role",
    ("sts", "federated-user"): "federated",
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


def identify_caller(principal: str, context: Mapping[str, tuple[str, ...]]) -> Caller:
    """Return the caller of a request.

    Args:
        principal: the principal as the request has it.
        context: the request's context keys in lower case, with their values.

    Raises:
        InvalidValue: AWS has no such principal.
    """
    return _identify_caller(principal, context.get("aws:principalarn", ()), context.get("aws:userid", ()))


@_parsed_once
def _identify_caller(principal: str, arns: tuple[str, ...], user_ids: tuple[str, ...]) -> Caller:
    caller = _parse_caller(principal)
    if arns and caller.kind == "role":
        # A session's ARN does not contain the path of its role; aws:PrincipalArn does.
        linked = _is_service_linked(Arn.parse(arns[-1], name="aws:PrincipalArn"))
        if linked != caller.service_linked:
            caller = evolve(caller, service_linked=linked)
    if user_ids and caller.kind not in ("service", "provider"):
        # aws:userid of a session is the role's unique id and the name of the session.
        caller = evolve(caller, unique_ids=tuple(user_id.split(":")[0] for user_id in user_ids))
    return caller


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


@_parsed_once
def context_of_caller(principal: str) -> Mapping[str, tuple[str, ...]]:
    """Return the context keys that follow from the principal of a request, in lower case."""
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
    # Only signed requests have this key. Those with a token or an assertion of an identity provider are not signed.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalisawsservice
    if caller.kind not in ("anonymous", "provider"):
        implied["aws:principalisawsservice"] = ("true" if caller.kind == "service" else "false",)
    return MappingProxyType(implied)
