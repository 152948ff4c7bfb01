"""The response of GetAccountAuthorizationDetails, which moto does not divide into pages, and gives other members.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from xacct.arn import Arn
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, rendered
from xacct.testing.write_rules.policies import boundary_usage
from xacct.testing.write_rules.write import Rule, Write

if TYPE_CHECKING:
    from moto.iam.models import ManagedPolicy, Role

__all__ = ["RULES", "position"]

_LISTS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}
_DEFAULT_ITEMS, _MOST_ITEMS = 100, 1000


def _authorization_details(write: Write) -> Answer:
    kinds = write.call.params.get("Filter") or list(_LISTS)
    most = int(write.call.params.get("MaxItems", _DEFAULT_ITEMS))
    if not set(kinds) <= set(_LISTS) or not 1 <= most <= _MOST_ITEMS:
        raise Refused("ValidationError", f"Filter must be in {list(_LISTS)}, and MaxItems from 1 to {_MOST_ITEMS}.")
    entities = [(kind, entity) for kind in _LISTS if kind in kinds for entity in _entities(kind, write)]
    begin = position(write.call.text("Marker"))
    page: dict[str, Any] = {name: [] for name in _LISTS.values()}
    for kind, entity in entities[begin : begin + most]:
        page[_LISTS[kind]].append(entity)
    rest = {"Marker": f"after-{begin + most}"} if begin + most < len(entities) else {}
    return rendered("iam", write.call.operation, {**page, **rest, "IsTruncated": bool(rest)})


def position(marker: str) -> int:
    """Return the position that a marker of a page stands for; 0 without a marker.

    Args:
        marker: such as ``after-100``.

    Raises:
        Refused: the marker is not one of the sandbox.
    """
    number = marker.removeprefix("after-")
    if marker and not number.isdigit():
        raise Refused("ValidationError", "Invalid Marker.")
    return int(number or 0)


def _entities(kind: str, write: Write) -> Iterator[Any]:
    iam = write.state.iam(write.account)
    if kind == "User":
        yield from iam.users.values()
    elif kind == "Group":
        yield from iam.groups.values()
    elif kind == "Role":
        yield from map(_role_detail, iam.roles.values())
    else:
        # Moto's dictionary holds AWS managed policies too. AWS returns those that are attached.
        for policy in iam.managed_policies.values():
            is_local = Arn.parse(policy.arn).account == write.account
            if is_local if kind == "LocalManagedPolicy" else not is_local and policy.attachment_count:
                yield _policy_detail(policy, boundary_usage(policy.arn, write.account, write.state))


def _role_detail(role: Role) -> Mapping[str, Any]:
    boundary = role.permissions_boundary
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.create_date,
        "AssumeRolePolicyDocument": quote(role.assume_role_policy_document),
        "InstanceProfileList": role.instance_profile_list,
        "RolePolicyList": role.role_policy_list,
        "AttachedManagedPolicies": role.attached_managed_policies,
        **({"PermissionsBoundary": boundary} if boundary else {}),
        "Tags": role.tags,
        "RoleLastUsed": {key: value for key, value in role.role_last_used.items() if value},
    }


def _policy_detail(policy: ManagedPolicy, used_as_boundary: int) -> Mapping[str, Any]:
    """Return the details of a policy: neither its description, which only GetPolicy returns, nor its tags."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version_id,
        "AttachmentCount": policy.attachment_count,
        "PermissionsBoundaryUsageCount": used_as_boundary,
        "IsAttachable": True,
        "CreateDate": policy.create_date,
        "UpdateDate": policy.update_date,
        "PolicyVersionList": policy.policy_version_list,
    }


RULES: dict[tuple[str, str], Rule] = {("iam", "GetAccountAuthorizationDetails"): _authorization_details}
