"""The permissions that a call requires: actions, resources and condition context.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable

from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions import iam, kms, organizations, s3, sts
from xacct.testing.required_permissions.permission import Context, RequiredPermission

__all__ = ["Context", "RequiredPermission", "required_permissions"]

_SERVICES: dict[str, Callable[[Call, AuthenticatedPrincipal, MotoState], list[RequiredPermission] | None]] = {
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
    service = _SERVICES.get(call.service)
    return service(call, caller, state) if service else None
