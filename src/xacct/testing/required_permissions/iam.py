"""What calls to IAM ask of IAM.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from xacct.testing.credential_store import AuthenticatedPrincipal, tags_of
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import Context, RequiredPermission, requested_tags, resource_tags

__all__ = ["ON_SELF", "asks"]

# Those that have no resource: only the whole account.
_WHOLE_ACCOUNT = frozenset(
    {"CreateAccountAlias", "DeleteAccountAlias", "DeleteAccountPasswordPolicy", "GenerateCredentialReport",
     "GetAccountAuthorizationDetails", "GetAccountPasswordPolicy", "GetAccountSummary", "GetCredentialReport",
     "ListAccountAliases", "ListOpenIDConnectProviders", "ListPolicies", "ListSAMLProviders",
     "ListVirtualMFADevices", "UpdateAccountPasswordPolicy"}
)  # fmt: skip
_LISTS = {
    "ListUsers": "user/", "ListRoles": "role/", "ListGroups": "group/", "ListInstanceProfiles": "instance-profile/",
    "ListServerCertificates": "server-certificate/",
}  # fmt: skip

# The parameter that names the resource, the first that is there; and how its ARN begins.
_NAMED = {
    "RoleName": "role", "GroupName": "group", "InstanceProfileName": "instance-profile",
    "ServerCertificateName": "server-certificate", "VirtualMFADeviceName": "mfa", "UserName": "user",
}  # fmt: skip
_ARNS = ("SAMLProviderArn", "OpenIDConnectProviderArn", "PolicyArn")
_DEVICES = ("DeleteVirtualMFADevice", "ListMFADeviceTags", "TagMFADevice", "UntagMFADevice")
# Those that are about the caller where they name nobody.
ON_SELF = frozenset(
    {"GetUser", "ListAccessKeys", "CreateAccessKey", "DeleteAccessKey", "UpdateAccessKey", "ChangePassword",
     "ListMFADevices", "ListSigningCertificates", "ListServiceSpecificCredentials", "ListSSHPublicKeys"}
)  # fmt: skip


def asks(call: Call, caller: AuthenticatedPrincipal, state: MotoState) -> list[RequiredPermission] | None:
    """The permissions that a call to IAM needs.

    Raises:
        Refused: what should be an ARN is none.
    """
    if not call.operation:
        return None
    for parameter in (*_ARNS, "PermissionsBoundary", *(["SerialNumber"] if call.operation in _DEVICES else ())):
        if parameter in call.params and not re.fullmatch(r"arn(:[^:]*){4}:.+", call.text(parameter)):
            raise Refused("ValidationError", "Invalid ARN:  Could not be parsed!")
    action, root = f"iam:{call.operation}", f"arn:{state.partition}:iam::{caller.account}:"
    if not caller.account:
        return [RequiredPermission(action=action, resource="*", account=min(state.accounts))]
    resource = _resource(call, caller, state, root)
    found = [
        RequiredPermission(
            action=action, resource=resource, account=caller.account, context=_context(call, state, resource)
        )
    ]
    if call.operation == "AddRoleToInstanceProfile":
        role = f"{root}role{_path(state, caller.account, 'role', call.text('RoleName'))}{call.text('RoleName')}"
        context: Context = {"iam:PassedToService": "ec2.amazonaws.com"}
        found.append(RequiredPermission(action="iam:PassRole", resource=role, account=caller.account, context=context))
    return found


def _resource(call: Call, caller: AuthenticatedPrincipal, state: MotoState, root: str) -> str:
    if call.operation in _WHOLE_ACCOUNT:
        return "*"
    if call.operation in _LISTS:
        return root + _LISTS[call.operation]
    if call.operation == "CreatePolicy":
        return f"{root}policy{call.text('Path', '/')}{call.text('PolicyName')}"
    if call.operation in ("AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"):
        return f"{root}instance-profile/{call.text('InstanceProfileName')}"
    if call.operation in _DEVICES:
        return call.text("SerialNumber")
    if call.operation == "CreateServiceLinkedRole":
        return f"{root}role/aws-service-role/{call.text('AWSServiceName')}/*"
    for parameter, kind in _NAMED.items():
        name = call.text(parameter)
        if name:
            path = call.text("Path", "/") if call.operation.startswith("Create") else ""
            return f"{root}{kind}{path or _path(state, caller.account, kind, name)}{name}"
    for parameter in _ARNS:
        if call.text(parameter):
            return call.text(parameter)
    if call.operation in ON_SELF:
        return caller.entity.arn if caller.entity is not None else caller.arn
    return "*"


def _path(state: MotoState, account: str, kind: str, name: str) -> str:
    """The path of what there is; of what is not there AWS knows none."""
    find: dict[str, Callable[[str, str], object | None]] = {"role": state.role, "user": state.user}
    found = (
        find[kind](account, name) if kind in find else state.iam(account).groups.get(name) if kind == "group" else None
    )
    return str(getattr(found, "path", None) or "/")


def _context(call: Call, state: MotoState, resource: str) -> Context:
    context = requested_tags(call.params.get("Tags") or ())
    if call.params.get("TagKeys"):
        context["aws:TagKeys"] = tuple(call.params["TagKeys"])
    if call.operation.startswith(("Attach", "Detach")):
        context["iam:PolicyARN"] = call.text("PolicyArn")
    entity = state.principal(resource)
    if entity is not None:
        context |= resource_tags(tags_of(entity), ("aws:ResourceTag", "iam:ResourceTag"))
    boundary = call.text("PermissionsBoundary") or getattr(entity, "permissions_boundary_arn", None)
    if boundary:
        context["iam:PermissionsBoundary"] = boundary
    if call.text("AWSServiceName"):
        context["iam:AWSServiceName"] = call.text("AWSServiceName")
    return context
