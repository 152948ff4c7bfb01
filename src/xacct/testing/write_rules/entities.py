"""Users, roles and groups: made, changed and deleted.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, rendered
from xacct.testing.moto_state import MotoState
from xacct.testing.principals import rename_principal
from xacct.testing.write_rules.documents import trust_document
from xacct.testing.write_rules.write import Afterwards, Rule, Write, conflict, taken

if TYPE_CHECKING:
    from moto.iam.models import Group, Role, User

__all__ = ["RULES"]


def _create_role(write: Write) -> Afterwards:
    name = write.call.text("RoleName")
    if name.lower() in {role.name.lower() for role in write.state.iam(write.account).roles.values()}:
        raise taken(f"Role with name {name} already exists.")
    trust = trust_document(write, "AssumeRolePolicyDocument")

    def afterwards(_: Answer) -> Answer:
        role = write.state.role(write.account, name)
        if role is None:
            raise LookupError(f"{name} was made and is not there")
        role.assume_role_policy_document = trust
        answer = rendered("iam", write.call.operation, {"Role": role})
        # Which GetRole says and this answer does not.
        said = re.sub(r"<MaxSessionDuration>\d+</MaxSessionDuration>", "", str(answer.body))
        return evolve(answer, body=said)

    return afterwards


def _update_trust(write: Write) -> Afterwards | Answer | None:
    trust = trust_document(write, "PolicyDocument")
    role = write.state.role(write.account, write.call.text("RoleName"))
    if role is None:
        return None
    # Moto would refuse wildcards in actions, which AWS takes.
    role.assume_role_policy_document = trust
    return rendered("iam", write.call.operation, {})


def _create_user(write: Write) -> Afterwards:
    name = write.call.text("UserName")
    if name.lower() in {user.lower() for user in write.state.iam(write.account).users}:
        raise taken(f"User with name {name} already exists.")

    def afterwards(_: Answer) -> Answer:
        user = write.state.iam(write.account).users[name]
        _identify(user, "AIDA")
        if write.call.text("PermissionsBoundary"):
            _bound(user, write.call.text("PermissionsBoundary"))
        return rendered("iam", write.call.operation, {"User": user})

    return afterwards


def _create_group(write: Write) -> Afterwards:
    name = write.call.text("GroupName")
    if name.lower() in {group.lower() for group in write.state.iam(write.account).groups}:
        raise taken(f"Group with name {name} already exists.")

    def afterwards(_: Answer) -> Answer:
        group = write.state.iam(write.account).groups[name]
        _identify(group, "AGPA")
        return rendered("iam", write.call.operation, {"Group": group})

    return afterwards


def _identify(entity: User | Group, prefix: str) -> None:
    """Give moto's entity an id of AWS's form."""
    entity.id = prefix + entity.id[: 21 - len(prefix)].upper()


def _bound(user: User, arn: str | None) -> None:
    """A user's boundary, of which moto knows nothing but gives back what is there."""
    user.permissions_boundary_arn = arn  # type: ignore[attr-defined] # moto has this on roles only
    kind = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    user.permissions_boundary = kind if arn else None  # type: ignore[attr-defined] # the same


def _bound_user(write: Write) -> Answer:
    user = write.state.user(write.account, write.call.text("UserName"))
    if user is not None:
        _bound(user, write.call.text("PermissionsBoundary") or None)
    return rendered("iam", write.call.operation, {})


def _update_user(write: Write) -> Afterwards | None:
    user, new = write.state.user(write.account, write.call.text("UserName")), write.call.text("NewUserName")
    if new and new != write.call.text("UserName") and write.state.user(write.account, new) is not None:
        raise taken(f"User with name {new} already exists.")
    before = user.arn if user else ""

    def afterwards(answer: Answer) -> Answer:
        if user is not None:
            rename_principal(before, user.arn, write.state)
        return answer

    return afterwards


def _delete_user(write: Write) -> Afterwards | None:
    user = write.state.user(write.account, write.call.text("UserName"))
    if user is None:
        return None
    with write.seen():
        _check_nothing_hangs_on(user, write.state)
    _check_nothing_hangs_on(user, write.state)
    return _forget(user, write.state)


def _check_nothing_hangs_on(user: User, state: MotoState) -> None:
    if user.password:
        raise conflict("Cannot delete entity, must delete login profile first.")
    if user.access_keys:
        raise conflict("Cannot delete entity, must delete access keys first.")
    if user.mfa_devices:
        raise conflict("Cannot delete entity, must delete MFA device first.")
    if user.signing_certificates or user.ssh_public_keys:
        raise conflict("Cannot delete entity, must remove referenced objects first.")
    if state.groups_of(user):
        raise conflict("Cannot delete entity, must remove users from group first.")
    _check_no_policies(user)


def _check_no_policies(entity: User | Role | Group) -> None:
    if entity.managed_policies:
        raise conflict("Cannot delete entity, must detach all policies first.")
    if entity.policies:
        raise conflict("Cannot delete entity, must delete policies first.")


def _delete_role(write: Write) -> Afterwards | None:
    role = write.state.role(write.account, write.call.text("RoleName"))
    if role is None:
        return None
    if role.path.startswith("/aws-service-role/"):
        raise Refused(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS",
        )
    with write.seen():
        _check_no_policies(role)
    return _forget(role, write.state)


def _forget(entity: User | Role, state: MotoState) -> Afterwards:
    arn, unique = entity.arn, entity.id

    def afterwards(answer: Answer) -> Answer:
        rename_principal(arn, unique, state)
        return answer

    return afterwards


def _delete_group(write: Write) -> None:
    group = write.state.group(write.account, write.call.text("GroupName"))
    if group is not None and group.users:
        raise conflict("Cannot delete entity, must remove users from group first.")
    if group is not None:
        _check_no_policies(group)


def _update_role(write: Write) -> Afterwards | None:
    role = write.state.role(write.account, write.call.text("RoleName"))
    if role is None:
        return None
    description, seconds = role.description, role.max_session_duration

    def afterwards(answer: Answer) -> Answer:
        # Moto empties what the call leaves out.
        role.description = write.call.text("Description", description)
        role.max_session_duration = write.call.params.get("MaxSessionDuration") or seconds
        return answer

    return afterwards


RULES: dict[tuple[str, str], Rule] = {
    ("iam", "CreateRole"): _create_role,
    ("iam", "UpdateAssumeRolePolicy"): _update_trust,
    ("iam", "UpdateRole"): _update_role,
    ("iam", "DeleteRole"): _delete_role,
    ("iam", "CreateUser"): _create_user,
    ("iam", "UpdateUser"): _update_user,
    ("iam", "DeleteUser"): _delete_user,
    ("iam", "PutUserPermissionsBoundary"): _bound_user,
    ("iam", "DeleteUserPermissionsBoundary"): _bound_user,
    ("iam", "CreateGroup"): _create_group,
    ("iam", "DeleteGroup"): _delete_group,
}
