"""The permissions that calls of IAM require.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

import re

from xacct.testing.credential_store import AuthenticatedPrincipal, tags_of
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import Context, RequiredPermission, requested_tags, resource_tags

__all__ = ["CALLER_DEFAULT", "required_permissions"]

# Operations that have no resource type: the resource is *.
_WITHOUT_RESOURCE = frozenset(
    {
        "CreateAccountAlias",
        "DeleteAccountAlias",
        "DeleteAccountPasswordPolicy",
        "GenerateCredentialReport",
        "GetAccountAuthorizationDetails",
        "GetAccountPasswordPolicy",
        "GetAccountSummary",
        "GetCredentialReport",
        "ListAccountAliases",
        "ListOpenIDConnectProviders",
        "ListPolicies",
        "ListSAMLProviders",
        "ListVirtualMFADevices",
        "UpdateAccountPasswordPolicy",
    }
)

# Operations on all entities of a type: the resource is the ARN of this path.
_LISTED_PATHS = {
    "ListUsers": "user/",
    "ListRoles": "role/",
    "ListGroups": "group/",
    "ListInstanceProfiles": "instance-profile/",
    "ListServerCertificates": "server-certificate/",
}

# The parameters that name the resource, by priority, each with the resource type in the ARN.
_NAME_PARAMETERS = {
    "RoleName": "role",
    "GroupName": "group",
    "InstanceProfileName": "instance-profile",
    "ServerCertificateName": "server-certificate",
    "VirtualMFADeviceName": "mfa",
    "UserName": "user",
}
_ARN_PARAMETERS = ("SAMLProviderArn", "OpenIDConnectProviderArn", "PolicyArn")

# Operations on the MFA device whose ARN is the SerialNumber.
_ON_MFA_DEVICE = ("DeleteVirtualMFADevice", "ListMFADeviceTags", "TagMFADevice", "UntagMFADevice")

# Operations that create something in an entity, or in a policy, that exists.
_CREATE_IN_ENTITY = frozenset({"CreateAccessKey", "CreateLoginProfile", "CreatePolicyVersion"})
_ON_POLICIES = ("Policy", "PolicyVersion", "PolicyVersions")
# Operations whose UserName defaults to the caller.
CALLER_DEFAULT = frozenset(
    {
        "ChangePassword",
        "CreateAccessKey",
        "DeleteAccessKey",
        "GetUser",
        "ListAccessKeys",
        "ListMFADevices",
        "ListSSHPublicKeys",
        "ListServiceSpecificCredentials",
        "ListSigningCertificates",
        "UpdateAccessKey",
    }
)


def required_permissions(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState
) -> list[RequiredPermission] | None:
    """Return the permissions that a call of IAM requires; None if the operation is not known.

    Raises:
        Refused: a parameter that must be an ARN is not one.
    """
    if not call.operation:
        return None
    _check_arns(call)
    action = f"iam:{call.operation}"
    if not caller.account:
        return [RequiredPermission(action=action, resource="*", account=min(state.accounts))]
    prefix = f"arn:{state.partition}:iam::{caller.account}:"
    resource = _resource(call, caller, state, prefix)
    context = _context(call, state, resource)
    permissions = [
        RequiredPermission(
            action=action, resource=resource, account=caller.account, context=context, shown=_shown(call, resource)
        )
    ]
    if call.operation == "AddRoleToInstanceProfile":
        name = call.text("RoleName")
        permissions.append(
            RequiredPermission(
                action="iam:PassRole",
                resource=f"{prefix}role{_path(state, caller.account, 'role', name)}{name}",
                account=caller.account,
                context={"iam:PassedToService": "ec2.amazonaws.com"},
            )
        )
    return permissions


def _check_arns(call: Call) -> None:
    serial_number = ("SerialNumber",) if call.operation in _ON_MFA_DEVICE else ()
    for parameter in (*_ARN_PARAMETERS, "PermissionsBoundary", *serial_number):
        if parameter in call.params and not re.fullmatch(r"arn(:[^:]*){4}:.+", call.text(parameter)):
            raise Refused("ValidationError", "Invalid ARN:  Could not be parsed!")


def _resource(call: Call, caller: AuthenticatedPrincipal, state: MotoState, prefix: str) -> str:
    if call.operation in _WITHOUT_RESOURCE:
        return "*"
    if call.operation in _LISTED_PATHS:
        return prefix + _LISTED_PATHS[call.operation]
    if call.operation == "CreatePolicy":
        return f"{prefix}policy{call.text('Path', '/')}{call.text('PolicyName')}"
    if call.operation in ("AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"):
        return f"{prefix}instance-profile/{call.text('InstanceProfileName')}"
    if call.operation in _ON_MFA_DEVICE:
        return call.text("SerialNumber")
    if prefix in call.text("PolicySourceArn"):
        return call.text("PolicySourceArn")
    if call.operation == "CreateServiceLinkedRole":
        return f"{prefix}role/aws-service-role/{call.text('AWSServiceName')}/*"
    for parameter, kind in _NAME_PARAMETERS.items():
        name = call.text(parameter)
        if name:
            path = call.text("Path", "/") if call.operation.startswith("Create") else ""
            return f"{prefix}{kind}{path or _path(state, caller.account, kind, name)}{name}"
    for parameter in _ARN_PARAMETERS:
        if call.text(parameter):
            return call.text(parameter)
    if call.operation in CALLER_DEFAULT:
        return caller.entity.arn if caller.entity is not None else caller.arn
    return "*"


def _shown(call: Call, resource: str) -> str:
    """Return how AWS's error message names a resource: by its ARN only to create or to tag it.

    Source: messages that AWS's users have published
    """
    if call.operation == "ListPolicies":
        return f"policy path {call.text('PathPrefix', '/')}"
    if call.operation == "CreatePolicy":
        return f"policy {call.text('PolicyName')}"
    if call.operation.startswith(("Create", "Tag", "Untag")) and call.operation not in _CREATE_IN_ENTITY:
        return ""
    for parameter, kind in (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group")):
        if call.text(parameter):
            return f"{kind} {call.text(parameter)}"
    return f"policy {resource}" if call.text("PolicyArn") and call.operation.endswith(_ON_POLICIES) else ""


def _path(state: MotoState, account: str, kind: str, name: str) -> str:
    """Return the path of an entity; ``/`` if it does not exist, as AWS assumes for the permission check."""
    find = {"role": state.role, "user": state.user, "group": state.group}.get(kind)
    entity = find(account, name) if find else None
    return str(getattr(entity, "path", None) or "/")


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
