"""The permissions that a call requires: actions, resources and condition context.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import evolve

from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions import cloudformation, iam, kms, organizations, s3, sts
from xacct.testing.required_permissions.permission import Context, RequiredPermission
from xacct.testing.required_permissions.service_rules import ServiceRules
from xacct.testing.required_permissions.services import rules_of

if TYPE_CHECKING:
    from xacct.testing.required_permissions.by_action import PermissionsByAction

__all__ = ["Context", "RequiredPermission", "permissions_by_action", "required_permissions"]

_SERVICES: dict[str, Callable[[Call, AuthenticatedPrincipal, MotoState], list[RequiredPermission] | None]] = {
    "cloudformation": cloudformation.required_permissions,
    "iam": iam.required_permissions,
    "kms": kms.required_permissions,
    "organizations": organizations.required_permissions,
    "s3": s3.required_permissions,
    "sts": sts.required_permissions,
}


def required_permissions(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState
) -> list[RequiredPermission] | None:
    """Return the permissions that a call requires, in the order in which AWS evaluates them.

    Args:
        call: the call.
        caller: the principal that made it.
        state: the accounts.

    Returns:
        The permissions; empty if the call requires none, None if the sandbox does not know the operation.

    Raises:
        Refused: a resource's ARN is malformed.
    """
    # Amazon S3 Control has the signing name of Amazon S3.
    name = "s3control" if call.is_of_s3_control else call.service
    service = _SERVICES.get(name)
    if service is not None:
        return service(call, caller, state)
    rules = rules_of(name)
    return None if rules is None else _from_reference(call, caller, state, rules)


def _from_reference(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState, rules: ServiceRules
) -> list[RequiredPermission] | None:
    # Imported here, so that a sandbox whose tests call none of these services does not read AWS's reference.
    from xacct.testing.required_permissions.from_reference import permissions_from_reference

    return permissions_from_reference(call, caller, state, rules)


def permissions_by_action(call: Call, caller: AuthenticatedPrincipal, state: MotoState) -> PermissionsByAction:
    """Return the permissions that a call requires as far as its name and parameters tell, if nothing else is known.

    Args:
        call: the call.
        caller: the principal that made it.
        state: the accounts.
    """
    from xacct.testing.required_permissions.by_action import permissions_by_action as by_action

    found = by_action(call, caller, state)
    # The operations of these services that are not known can need more. Of CloudFormation, only stack sets are known.
    has_rules = call.service in _SERVICES and call.service != "cloudformation"
    return evolve(found, is_complete=found.is_complete and not has_rules)
