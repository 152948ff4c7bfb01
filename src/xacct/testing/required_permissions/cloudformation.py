"""The permissions that the calls of CloudFormation's stack sets require.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
"""

from __future__ import annotations

from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import Context, RequiredPermission, requested_tags

__all__ = ["is_of_stack_sets", "required_permissions"]

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
_PASSED_TO = "cloudformation.amazonaws.com"


def is_of_stack_sets(operation: str) -> bool:
    """Return whether an operation of CloudFormation concerns stack sets."""
    return any(noun in operation for noun in ("StackSet", "StackInstance", "OrganizationsAccess"))


def required_permissions(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState
) -> list[RequiredPermission] | None:
    """Return the permissions that a call of stack sets requires; None for other operations of CloudFormation."""
    if not is_of_stack_sets(call.operation):
        return None
    resource, name = "*", call.text("StackSetName")
    if name and call.operation != "CreateStackSet":
        place = f"arn:{state.partition}:cloudformation:{call.region}:{caller.account}:stackset/"
        # The random part of the ID is not known before the stack set is found.
        resource = name if name.startswith("arn:") else place + (name if ":" in name else f"{name}:*")
    context: Context = requested_tags(call.params.get("Tags") or ())
    if call.params.get("Regions"):
        context["cloudformation:TargetRegion"] = tuple(call.params["Regions"])
    role = call.text("AdministrationRoleARN")
    if role:
        context["cloudformation:RoleArn"] = role
    action = f"cloudformation:{call.operation}"
    permissions = [RequiredPermission(action=action, resource=resource, account=caller.account, context=context)]
    if role:
        passed: Context = {"iam:PassedToService": _PASSED_TO}
        permissions.append(
            RequiredPermission(action="iam:PassRole", resource=role, account=caller.account, context=passed)
        )
    return permissions
