"""The permissions that calls of AWS STS require.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
"""

from __future__ import annotations

from xacct.arn import Arn
from xacct.testing.credential_store import AuthenticatedPrincipal, tags_of
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import Context, RequiredPermission, requested_tags, resource_tags

__all__ = ["federated_user_arn", "required_permissions"]

_WITHOUT_PERMISSION = frozenset({"GetCallerIdentity", "GetSessionToken"})


def federated_user_arn(call: Call, caller: AuthenticatedPrincipal, state: MotoState) -> str:
    """Return the ARN of the federated user of sts:GetFederationToken.

    Args:
        call: the call.
        caller: the principal that made it.
        state: the accounts.
    """
    return f"arn:{state.partition}:sts::{caller.account}:federated-user/{call.text('Name')}"


def required_permissions(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState
) -> list[RequiredPermission] | None:
    """Return the permissions that a call of STS requires; None if the operation is not known."""
    if call.operation in _WITHOUT_PERMISSION:
        return []
    if call.operation == "GetAccessKeyInfo":
        return [RequiredPermission(action="sts:GetAccessKeyInfo", resource="*", account=caller.account)]
    if call.operation == "GetFederationToken":
        return _of_federation_token(call, caller, state)
    if not call.operation.startswith("AssumeRole"):
        return None
    arn = call.text("RoleArn")
    account = Arn.parse(arn).account
    role = state.role_of(arn)
    context: Context = {}
    for key, parameter in _CONTEXT_KEYS.items():
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


_CONTEXT_KEYS = {
    "sts:RoleSessionName": "RoleSessionName",
    "sts:ExternalId": "ExternalId",
    "sts:SourceIdentity": "SourceIdentity",
}


def _of_federation_token(call: Call, caller: AuthenticatedPrincipal, state: MotoState) -> list[RequiredPermission]:
    """Return the permissions of GetFederationToken; session tags need another one.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_permissions-required
    """
    arn, context = federated_user_arn(call, caller, state), requested_tags(call.params.get("Tags") or ())
    actions = ("sts:GetFederationToken", "sts:TagSession") if context else ("sts:GetFederationToken",)
    return [
        RequiredPermission(action=action, resource=arn, account=caller.account, context=context) for action in actions
    ]
