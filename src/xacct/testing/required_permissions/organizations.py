"""The permissions that calls of AWS Organizations require, and the accounts that may make them.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from xacct.arn import Arn
from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import Context, RequiredPermission, requested_tags, resource_tags

if TYPE_CHECKING:
    from moto.organizations.models import OrganizationsBackend

__all__ = ["required_permissions"]

# The parameters that name a resource: an account, a unit, a root, a policy, or any of these.
_RESOURCE_PARAMETERS = (
    "AccountId",
    "ChildId",
    "DestinationParentId",
    "OrganizationalUnitId",
    "ParentId",
    "PolicyId",
    "ResourceId",
    "RootId",
    "SourceParentId",
    "TargetId",
)

# The operations that an account may call without being the management account, and those for an account in no
# organization.
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
_BY_ANY_ACCOUNT = frozenset(
    {
        "AcceptHandshake",
        "CancelHandshake",
        "CreateOrganization",
        "DeclineHandshake",
        "DescribeEffectivePolicy",
        "DescribeHandshake",
        "DescribeOrganization",
        "LeaveOrganization",
        "ListHandshakesForAccount",
    }
)
_WITHOUT_ORGANIZATION = frozenset(
    {"AcceptHandshake", "CreateOrganization", "DeclineHandshake", "DescribeHandshake", "ListHandshakesForAccount"}
)

# What an account may do that is a delegated administrator of some service: read.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html
_BY_DELEGATED_ADMINISTRATOR = ("Describe", "List")


def required_permissions(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState
) -> list[RequiredPermission] | None:
    """Return the permissions that a call of AWS Organizations requires; None if the operation is not known.

    The last one is missing if the caller's account may not make the call, whatever its policies allow.
    """
    if not call.operation:
        return None
    action = f"organizations:{call.operation}"
    backend = state.organizations.backend_of_member(caller.account) if caller.account else None
    management = backend.account_id if backend is not None else caller.account
    refusal = _refusal(call, caller, backend)
    if backend is None or refusal is not None:
        permissions = [RequiredPermission(action=action, resource="*", account=caller.account)]
        if refusal is not None:
            permissions.append(RequiredPermission(action=action, resource="*", account=caller.account, missing=refusal))
        return permissions
    delegated = caller.account != management and call.operation not in _BY_ANY_ACCOUNT
    account = management if delegated else caller.account
    policy = _delegation_to(caller, state) if delegated else None
    context = _context(call, backend)
    resources = [*_resources(call, backend, account)] or [("*", Context())]
    return [
        RequiredPermission(action=action, resource=arn, account=account, policy=policy, context={**context, **tags})
        for arn, tags in resources
    ]


def _refusal(call: Call, caller: AuthenticatedPrincipal, backend: OrganizationsBackend | None) -> Refused | None:
    """Return the error if the caller's account may not make the call; None if it may."""
    if backend is None:
        if call.operation in _WITHOUT_ORGANIZATION:
            return None
        return Refused("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    if call.operation in _BY_ANY_ACCOUNT or caller.account == backend.account_id:
        return None
    is_delegated = any(administrator.account.id == caller.account for administrator in backend.admins)
    if is_delegated and call.operation.startswith(_BY_DELEGATED_ADMINISTRATOR):
        return None
    return Refused("AccessDeniedException", "You don't have permissions to access this resource.")


def _delegation_to(caller: AuthenticatedPrincipal, state: MotoState) -> str:
    """Return what Organizations allows a delegated administrator, in the form of a policy of the resource."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": str(Arn.root(caller.account, state.partition))},
        "Action": [f"organizations:{prefix}*" for prefix in _BY_DELEGATED_ADMINISTRATOR],
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _resources(call: Call, backend: OrganizationsBackend, account: str) -> Iterator[tuple[str, Context]]:
    """Yield the ARN of each resource that the call names, with the context keys of its tags."""
    if call.operation == "CreatePolicy" and backend.org is not None:
        kind = call.text("Type").lower()
        yield f"arn:{backend.partition}:organizations::{account}:policy/{backend.org.id}/{kind}/p-*", {}
    for parameter in _RESOURCE_PARAMETERS:
        if call.text(parameter):
            found = _find(call.text(parameter), backend)
            if found is None:
                yield "*", {}
            elif getattr(found, "aws_managed", False):
                yield f"arn:{backend.partition}:organizations::aws:policy/{found.type.lower()}/{found.id}", {}
            else:
                yield str(found.arn), resource_tags(found.tags)


def _find(identifier: str, backend: OrganizationsBackend) -> Any:
    found: tuple[Any, ...] = (*backend.accounts, *backend.ou, *backend.policies)
    return next((entity for entity in found if entity.id == identifier), None)


def _context(call: Call, backend: OrganizationsBackend) -> Context:
    context = requested_tags(call.params.get("Tags") or ())
    if call.params.get("TagKeys"):
        context["aws:TagKeys"] = tuple(call.params["TagKeys"])
    if call.text("ServicePrincipal"):
        context["organizations:ServicePrincipal"] = call.text("ServicePrincipal")
    kind = call.text("PolicyType") or call.text("Filter") or call.text("Type")
    policy = _find(call.text("PolicyId"), backend) if call.text("PolicyId") else None
    if policy is not None:
        kind = str(policy.type)
    if kind:
        context["organizations:PolicyType"] = kind
    return context
