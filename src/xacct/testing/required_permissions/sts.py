"""The permissions that calls of AWS STS require.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
"""

from __future__ import annotations

from xacct.arn import Arn
from xacct.testing.credential_store import AuthenticatedPrincipal, tags_of
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import Context, RequiredPermission, requested_tags, resource_tags

__all__ = ["required_permissions"]

_WITHOUT_PERMISSION = frozenset({"GetCallerIdentity", "GetSessionToken"})


def required_permissions(
    call: Call, _caller: AuthenticatedPrincipal, state: MotoState
) -> list[RequiredPermission] | None:
    """Return the permissions that a call of STS requires; None if the operation is not known."""
    if call.operation in _WITHOUT_PERMISSION:
        return []
    if call.operation not in ("AssumeRole", "AssumeRoleWithWebIdentity"):
        return None
    arn = call.text("RoleArn")
    account = Arn.parse(arn).account
    role = state.role_of(arn)
    context: Context = {"sts:RoleSessionName": call.text("RoleSessionName")}
    for key, parameter in (("sts:ExternalId", "ExternalId"), ("sts:SourceIdentity", "SourceIdentity")):
        if parameter in call.params:
            context[key] = call.text(parameter)
    context |= requested_tags(call.params.get("Tags") or ())
    if call.params.get("TransitiveTagKeys"):
        context["sts:TransitiveTagKeys"] = tuple(call.params["TransitiveTagKeys"])
    if role is not None:
        context |= resource_tags(tags_of(role), ("aws:ResourceTag", "iam:ResourceTag"))
    policy = None if role is None else role.assume_role_policy_document
    action = f"sts:{call.operation}"
    return [RequiredPermission(action=action, resource=arn, account=account, policy=policy, context=context)]
