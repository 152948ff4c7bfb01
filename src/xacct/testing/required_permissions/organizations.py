"""The permissions that calls of AWS Organizations require.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
"""

from __future__ import annotations

from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import RequiredPermission

__all__ = ["required_permissions"]


def required_permissions(
    call: Call, caller: AuthenticatedPrincipal, _state: MotoState
) -> list[RequiredPermission] | None:
    """Return the permissions that a call of AWS Organizations requires; None if the operation is not known."""
    if call.operation != "DescribeOrganization":
        return None
    return [RequiredPermission(action="organizations:DescribeOrganization", resource="*", account=caller.account)]
