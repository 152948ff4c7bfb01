"""Validation rules for IAM users, roles and groups: creating, changing and deleting them.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from xacct.testing.http_messages import Answer, rendered
from xacct.testing.moto_state import MotoState, set_unique_id
from xacct.testing.principals import rename_principal
from xacct.testing.write_rules.documents import check_trust_policy
from xacct.testing.write_rules.service_credentials import has_service_credentials
from xacct.testing.write_rules.write import Postprocess, Rule, Write, conflict, taken

if TYPE_CHECKING:
    from moto.iam.models import Group, Role, User

__all__ = ["RULES", "set_user_boundary"]

_ONLY_OF_ONE = re.compile(r"<(PermissionsBoundary|Tags)>.*?</\1>|<Tags ?/>", re.DOTALL)


def _create_role(write: Write) -> Postprocess:
    name = write.call.text("RoleName")
    if name.lower() in {role.name.lower() for role in write.state.iam(write.account).roles.values()}:
        raise taken(f"Role with name {name} already exists.")
    trust = check_trust_policy(write, "AssumeRolePolicyDocument")

    def postprocess(_: Answer) -> Answer:
        role = write.state.role(write.account, name)
        if role is None:
            raise LookupError(f"moto did not create the role {name}")
        role.assume_role_policy_document = trust
        return rendered("iam", write.call.operation, {"Role": _created_role(role, write)})

    return postprocess


def _created_role(role: Role, write: Write) -> Mapping[str, Any]:
    """Return a role as CreateRole answers: its trust policy is as it was sent, and it has no `MaxSessionDuration`."""
    boundary = role.permissions_boundary
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.create_date,
        "AssumeRolePolicyDocument": write.call.text("AssumeRolePolicyDocument"),
        **({"Description": role.description} if role.description else {}),
        **({"PermissionsBoundary": boundary} if boundary else {}),
        **({"Tags": role.tags} if role.tags else {}),
    }


def _update_trust(write: Write) -> Postprocess | Answer | None:
    trust = check_trust_policy(write, "PolicyDocument")
    role = write.state.role(write.account, write.call.text("RoleName"))
    if role is None:
        return None
    # Moto would refuse wildcards in actions, which AWS accepts.
    role.assume_role_policy_document = trust
    return rendered("iam", write.call.operation, {})


def _create_user(write: Write) -> Postprocess:
    name = write.call.text("UserName")
    if name.lower() in {user.lower() for user in write.state.iam(write.account).users}:
        raise taken(f"User with name {name} already exists.")

    def postprocess(_: Answer) -> Answer:
        user = write.state.iam(write.account).users[name]
        set_unique_id(user, "AIDA")
        if write.call.text("PermissionsBoundary"):
            set_user_boundary(user, write.call.text("PermissionsBoundary"))
        return rendered("iam", write.call.operation, {"User": user})

    return postprocess


def _list_entities(_: Write) -> Postprocess:
    """Leave out what the lists of users and roles do not have.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
    """

    def postprocess(answer: Answer) -> Answer:
        return evolve(answer, body=_ONLY_OF_ONE.sub("", answer.text))

    return postprocess


def _create_group(write: Write) -> Postprocess:
    name = write.call.text("GroupName")
    if name.lower() in {group.lower() for group in write.state.iam(write.account).groups}:
        raise taken(f"Group with name {name} already exists.")

    def postprocess(_: Answer) -> Answer:
        group = write.state.iam(write.account).groups[name]
        set_unique_id(group, "AGPA")
        return rendered("iam", write.call.operation, {"Group": group})

    return postprocess


def set_user_boundary(user: User, arn: str | None) -> None:
    """Set a user's permissions boundary. Moto does not implement it, but returns these attributes.

    Args:
        user: the user.
        arn: the ARN of the policy; None for no boundary.
    """
    user.permissions_boundary_arn = arn  # type: ignore[attr-defined] # moto has this attribute on roles only
    kind = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    user.permissions_boundary = kind if arn else None  # type: ignore[attr-defined] # the same


def _set_user_boundary(write: Write) -> Answer:
    user = write.state.user(write.account, write.call.text("UserName"))
    if user is not None:
        set_user_boundary(user, write.call.text("PermissionsBoundary") or None)
    return rendered("iam", write.call.operation, {})


def _update_user(write: Write) -> Postprocess | None:
    user, new = write.state.user(write.account, write.call.text("UserName")), write.call.text("NewUserName")
    if new and new != write.call.text("UserName") and write.state.user(write.account, new) is not None:
        raise taken(f"User with name {new} already exists.")
    before = user.arn if user else ""

    def postprocess(answer: Answer) -> Answer:
        if user is not None:
            rename_principal(before, user.arn, write.state)
        return answer

    return postprocess


def _delete_user(write: Write) -> Postprocess | None:
    user = write.state.user(write.account, write.call.text("UserName"))
    if user is None:
        return None
    with write.seen():
        _check_user_is_unused(user, write.state)
    _check_user_is_unused(user, write.state)
    return _replace_by_unique_id(user, write.state)


def _check_user_is_unused(user: User, state: MotoState) -> None:
    if user.password:
        raise conflict("Cannot delete entity, must delete login profile first.")
    if user.access_keys:
        raise conflict("Cannot delete entity, must delete access keys first.")
    if user.mfa_devices:
        raise conflict("Cannot delete entity, must delete MFA device first.")
    has_credentials = has_service_credentials(state, user.account_id, user.name)
    if user.signing_certificates or user.ssh_public_keys or has_credentials:
        raise conflict("Cannot delete entity, must remove referenced objects first.")
    if state.groups_of(user):
        raise conflict("Cannot delete entity, must remove users from group first.")
    _check_no_policies(user)


def _check_no_policies(entity: User | Role | Group) -> None:
    if entity.managed_policies:
        raise conflict("Cannot delete entity, must detach all policies first.")
    if entity.policies:
        raise conflict("Cannot delete entity, must delete policies first.")


def _delete_role(write: Write) -> Postprocess | None:
    role = write.state.role(write.account, write.call.text("RoleName"))
    if role is None:
        return None
    with write.seen():
        _check_no_policies(role)
    return _replace_by_unique_id(role, write.state)


def _replace_by_unique_id(entity: User | Role, state: MotoState) -> Postprocess:
    arn, unique_id = entity.arn, entity.id

    def postprocess(answer: Answer) -> Answer:
        rename_principal(arn, unique_id, state)
        return answer

    return postprocess


def _delete_group(write: Write) -> None:
    group = write.state.group(write.account, write.call.text("GroupName"))
    if group is not None and group.users:
        raise conflict("Cannot delete entity, must remove users from group first.")
    if group is not None:
        _check_no_policies(group)


def _update_role(write: Write) -> Postprocess | None:
    role = write.state.role(write.account, write.call.text("RoleName"))
    if role is None:
        return None
    description, seconds = role.description, role.max_session_duration

    def postprocess(answer: Answer) -> Answer:
        # Moto clears the attributes that the call does not name.
        role.description = write.call.text("Description", description)
        role.max_session_duration = write.call.params.get("MaxSessionDuration") or seconds
        return answer

    return postprocess


RULES: dict[tuple[str, str], Rule] = {
    ("iam", "CreateRole"): _create_role,
    ("iam", "UpdateAssumeRolePolicy"): _update_trust,
    ("iam", "UpdateRole"): _update_role,
    ("iam", "DeleteRole"): _delete_role,
    ("iam", "CreateUser"): _create_user,
    ("iam", "ListRoles"): _list_entities,
    ("iam", "ListUsers"): _list_entities,
    ("iam", "GetGroup"): _list_entities,
    ("iam", "UpdateUser"): _update_user,
    ("iam", "DeleteUser"): _delete_user,
    ("iam", "PutUserPermissionsBoundary"): _set_user_boundary,
    ("iam", "DeleteUserPermissionsBoundary"): _set_user_boundary,
    ("iam", "CreateGroup"): _create_group,
    ("iam", "DeleteGroup"): _delete_group,
}
