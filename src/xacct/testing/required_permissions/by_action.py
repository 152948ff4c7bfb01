"""The permissions that a call of any other service requires, as far as its name and parameters tell.

The action is that of the operation's name. The resource is that which parameters with the names in its ARN give, if
there are any. AWS may check more.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from attrs import frozen

from xacct.reference import Action, find_action
from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.from_reference import permissions_from_reference
from xacct.testing.required_permissions.permission import Context, RequiredPermission
from xacct.testing.required_permissions.request_tags import tags_of_request
from xacct.testing.required_permissions.service_rules import Needs, ServiceRules

__all__ = ["PermissionsByAction", "permissions_by_action"]

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
class PermissionsByAction:
    """The permissions that a call requires, as far as they are known.

    Attributes:
        action: the action.
        permissions: the permissions.
        is_complete: whether AWS checks no more: the action has no resource types and no condition keys of its service.
    """

    action: str
    permissions: list[RequiredPermission]
    is_complete: bool


def permissions_by_action(call: Call, caller: AuthenticatedPrincipal, state: MotoState) -> PermissionsByAction:
    """Return the permissions that a call requires according to its operation and its parameters.

    Args:
        call: the call.
        caller: the principal that made it.
        state: the accounts.
    """
    prefix = _PREFIXES.get(call.service, call.service)
    if prefix == "apigateway":
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
        arn = f"arn:{state.partition}:apigateway:{call.region}::{call.request.path}"
        permission = RequiredPermission(
            action=f"apigateway:{call.request.method}",
            resource=arn,
            account=caller.account or min(state.accounts),
            context=tags_of_request(call),
        )
        return PermissionsByAction(permission.action, [permission], False)
    name, action = _action(prefix, call.operation or "Unknown")
    if action is not None and not _is_complete(action):
        found = permissions_from_reference(call, caller, state, _rules(prefix, call.operation, name))
        # An ARN of another account, or of an invalid form, says nothing of the caller's own resources.
        if found and all(one.account == caller.account for one in found):
            return PermissionsByAction(name, found, False)
    context: Context = {f"{prefix}:Region": call.region, **tags_of_request(call)}
    permission = RequiredPermission(action=name, resource="*", account=caller.account, context=context)
    return PermissionsByAction(name, [permission], action is not None and _is_complete(action))


@cache
def _rules(prefix: str, operation: str, action: str) -> ServiceRules:
    return ServiceRules(prefix=prefix, operations={operation: (Needs(action=action),)}, similar_names=True)


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
