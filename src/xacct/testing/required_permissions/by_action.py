"""The permission that a call of any other service requires, as far as its action says: the resource is not known.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from attrs import frozen

from xacct.reference import Action, find_action
from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.http_messages import Call
from xacct.testing.required_permissions.permission import Context, RequiredPermission
from xacct.testing.required_permissions.request_tags import tags_of_request

__all__ = ["PermissionByAction", "permission_by_action"]

# The prefixes in IAM actions of the services whose signatures have another name.
_PREFIXES = {
    "IoTSecuredTunneling": "iot",
    "cloudcontrolapi": "cloudformation",
    "iot-jobs-data": "iotjobsdata",
    "iotdata": "iot",
    "monitoring": "cloudwatch",
    "tagging": "tag",
}
# The actions of operations whose action has another name; of several, the first.
_ACTIONS: Mapping[str, str] = {
    "batch:CancelJobs": "batch:CancelJob",
    "batch:TerminateJobs": "batch:TerminateJob",
    "bedrock:Converse": "bedrock:InvokeModel",
    "bedrock:ConverseStream": "bedrock:InvokeModelWithResponseStream",
    "bedrock:StartAsyncInvoke": "bedrock:InvokeModel",
    "cloudfront:CreateDistributionWithTags": "cloudfront:CreateDistribution",
    "dynamodb:BatchExecuteStatement": "dynamodb:PartiQLSelect",
    "dynamodb:ExecuteStatement": "dynamodb:PartiQLSelect",
    "dynamodb:ExecuteTransaction": "dynamodb:PartiQLSelect",
    "execute-api:DeleteConnection": "execute-api:ManageConnections",
    "execute-api:GetConnection": "execute-api:ManageConnections",
    "execute-api:PostToConnection": "execute-api:ManageConnections",
    "kinesisanalytics:CreateSnapshot": "kinesisanalytics:CreateApplicationSnapshot",
    "kinesisanalytics:DeleteSnapshot": "kinesisanalytics:DeleteApplicationSnapshot",
    "kinesisanalytics:DescribeSnapshot": "kinesisanalytics:DescribeApplicationSnapshot",
    "route53domains:RestoreDomain": "route53domains:RegisterDomain",
}
_PLAIN_KEYS = ("aws:RequestTag/${TagKey}", "aws:TagKeys")


@frozen
class PermissionByAction:
    """The permission that a call requires, on resource ``*``.

    Attributes:
        permission: the permission.
        is_complete: whether AWS checks no more: the action has no resource types and no condition keys of its service.
    """

    permission: RequiredPermission
    is_complete: bool


def permission_by_action(call: Call, caller: AuthenticatedPrincipal) -> PermissionByAction:
    """Return the permission that a call requires according to the name of its operation.

    Args:
        call: the call.
        caller: the principal that made it.
    """
    prefix = _PREFIXES.get(call.service, call.service)
    if prefix == "apigateway":
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
        name, action = f"apigateway:{call.request.method}", None
    else:
        name, action = _action(prefix, call.operation or "Unknown")
    context: Context = {f"{prefix}:Region": call.region}
    permission = RequiredPermission(
        action=name, resource="*", account=caller.account, context={**context, **tags_of_request(call)}
    )
    return PermissionByAction(permission, action is not None and _is_complete(action))


@cache
def _action(prefix: str, operation: str) -> tuple[str, Action | None]:
    name = _ACTIONS.get(f"{prefix}:{operation}", f"{prefix}:{operation}")
    action = find_action(name)
    if action is None and prefix == "budgets":
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice.html
        action = find_action("budgets:ViewBudget" if operation.startswith("Describe") else "budgets:ModifyBudget")
    return str(action or name), action


@cache
def _is_complete(action: Action) -> bool:
    own = (key for key in action.condition_keys if key not in _PLAIN_KEYS)
    return not action.resource_types and all(key == f"{action.service}:Region" for key in own)
