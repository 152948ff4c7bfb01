"""What a call asks of IAM: which actions, on which resources, under which circumstances.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable

from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions import iam, kms, s3, sts
from xacct.testing.required_permissions.permission import Context as Context, RequiredPermission as RequiredPermission

__all__ = ["Context", "RequiredPermission", "required_permissions"]

_SERVICES: dict[str, Callable[[Call, AuthenticatedPrincipal, MotoState], list[RequiredPermission] | None]] = {
    "iam": iam.asks, "kms": kms.asks, "s3": s3.asks, "sts": sts.asks,
}  # fmt: skip


def required_permissions(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState
) -> list[RequiredPermission] | None:
    """The permissions that a call needs, in the order in which AWS looks at them.

    Args:
        call: what was called.
        caller: by whom.
        state: the accounts.

    Returns:
        None where the sandbox does not know; empty where AWS asks for none.
    """
    service = _SERVICES.get(call.service)
    return service(call, caller, state) if service else None
