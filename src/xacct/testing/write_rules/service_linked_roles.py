"""Service-linked roles: their names and policies, which each service chooses.

The table has what other projects recorded from AWS. Moto derives the names of other services' roles.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html
"""

from __future__ import annotations

import csv
import json
import re
from functools import cache
from importlib.resources import files

from attrs import frozen

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, rendered
from xacct.testing.write_rules.write import Rule, Write

__all__ = ["RULES"]

_ALLOW_SUFFIX = frozenset({"autoscaling.amazonaws.com", "connect.amazonaws.com", "lexv2.amazonaws.com"})


@frozen
class _Linked:
    role: str
    policy: str


@cache
def _linked_roles() -> dict[str, _Linked]:
    with (files("xacct.testing") / "service_linked_roles.csv").open(encoding="utf-8") as table:
        return {row["service"]: _Linked(row["role"], row["policy"]) for row in csv.DictReader(table)}


def _create_service_linked_role(write: Write) -> Answer | None:
    service, suffix = write.call.text("AWSServiceName"), write.call.text("CustomSuffix")
    if not re.fullmatch(r"[\w+=,.@-]+\.amazonaws\.com(\.cn)?", service):
        raise Refused("InvalidInput", f"The service principal {service} is not valid.")
    linked = _linked_roles().get(service)
    if linked is None:
        return None
    if suffix and service not in _ALLOW_SUFFIX:
        raise Refused("InvalidInput", f"Custom suffix is not allowed for {service}")
    name = f"{linked.role}_{suffix}" if suffix else linked.role
    if write.state.role(write.account, name) is not None:
        text = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise Refused("InvalidInput", text)
    return _created(write, service, name, linked.policy)


def _created(write: Write, service: str, name: str, policy: str) -> Answer:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = write.state.iam(write.account)
    role = iam.create_role(
        role_name=name,
        assume_role_policy_document=trust,
        path=f"/aws-service-role/{service}/",
        permissions_boundary=None,
        description=write.call.params.get("Description"),  # type: ignore[arg-type] # moto takes None, too
        tags=[],
        max_session_duration="3600",
        linked_service=service,
    )
    arn = f"arn:{write.state.partition}:iam::aws:policy/aws-service-role/{policy}"
    if write.state.managed_policy(write.account, arn) is not None:
        iam.attach_role_policy(arn, name)
    members = {
        "Path": role.path,
        "RoleName": name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.create_date,
        "AssumeRolePolicyDocument": trust,
        **({"Description": role.description} if role.description else {}),
    }
    return rendered("iam", write.call.operation, {"Role": members})


def _delete_service_linked_role(write: Write) -> None:
    role = write.state.role(write.account, write.call.text("RoleName"))
    for arn in list(role.managed_policies) if role is not None else ():
        write.state.iam(write.account).detach_role_policy(arn, write.call.text("RoleName"))


RULES: dict[tuple[str, str], Rule] = {
    ("iam", "CreateServiceLinkedRole"): _create_service_linked_role,
    ("iam", "DeleteServiceLinkedRole"): _delete_service_linked_role,
}
