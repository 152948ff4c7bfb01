"""Validation of IAM's request parameters: lengths, characters and ranges, and that named entities and policies exist.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import re

from xacct import limits
from xacct.limits import TextRule
from xacct.testing.credential_store import tags_of
from xacct.testing.error_responses import Refused, invalid
from xacct.testing.tags import check_tags
from xacct.testing.write_rules.write import Write, exceeded, missing

__all__ = ["check_entities_exist", "check_parameters", "check_policies_exist"]

_NAMES = {
    "RoleName": limits.ENTITY_NAME,
    "UserName": limits.ENTITY_NAME,
    "NewUserName": limits.ENTITY_NAME,
    "GroupName": limits.GROUP_NAME,
    "PolicyName": limits.POLICY_NAME,
}


def check_parameters(write: Write) -> None:
    """Check each parameter against IAM's limits.

    Raises:
        Refused: a parameter exceeds a limit or has characters that IAM does not allow.
    """
    for parameter, rule in _NAMES.items():
        _check_name(write.call.text(parameter), parameter, rule)
    _check_path(write.call.text("Path", "/"))
    _check_description(write.call.text("Description"))
    _check_max_session_duration(write.call.params.get("MaxSessionDuration"))
    _check_tags(write)


def _check_name(name: str, parameter: str, rule: TextRule) -> None:
    field = parameter[0].lower() + parameter[1:]
    if len(name) > rule.longest:
        raise invalid(name, field, f"have length less than or equal to {rule.longest}")
    if not rule.has_valid_form(name):
        raise Refused(
            "ValidationError",
            f"The specified value for {field} is invalid. It must contain only alphanumeric characters and/or the "
            "following: +=,.@_-",
        )


def _check_path(path: str) -> None:
    if not limits.PATH.allows(path):
        raise Refused(
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters.",
        )


def _check_description(description: str) -> None:
    rule = limits.DESCRIPTION
    if len(description) > rule.longest:
        raise invalid(description, "description", f"have length less than or equal to {rule.longest}")
    if not rule.has_valid_form(description):
        raise invalid(description, "description", f"satisfy regular expression pattern: {rule.characters}*")


def _check_max_session_duration(seconds: str | int | None) -> None:
    allowed = limits.MAX_SESSION_SECONDS
    if seconds is not None and int(seconds) > allowed.most:
        raise invalid(seconds, "maxSessionDuration", f"have value less than or equal to {allowed.most}")
    if seconds is not None and int(seconds) < allowed.least:
        raise invalid(seconds, "maxSessionDuration", f"have value greater than or equal to {allowed.least}")


def _check_tags(write: Write) -> None:
    new = write.call.params.get("Tags") or ()
    check_tags(new, duplicates="InvalidInput")
    if not write.call.operation.startswith("Tag"):
        return
    role = write.state.role(write.account, write.call.text("RoleName"))
    tagged = role or write.state.user(write.account, write.call.text("UserName"))
    if tagged is not None and len({*tags_of(tagged), *(tag["Key"] for tag in new)}) > limits.TAGS:
        raise exceeded("The number of tags has reached the maximum limit.")


def check_policies_exist(write: Write) -> None:
    """Check that the managed policies that the call names exist.

    Raises:
        Refused: an ARN is not a policy's ARN, or the policy does not exist.
    """
    for parameter in {"PolicyArn", "PermissionsBoundary"} & write.call.params.keys():
        arn = write.call.text(parameter)
        if not re.fullmatch(r"arn:[\w-]+:iam::([0-9]{12}|aws):policy/[!-~]+", arn):
            raise Refused("ValidationError", f"ARN {arn} is not valid.")
        if write.state.managed_policy(write.account, arn) is not None:
            continue
        if parameter == "PermissionsBoundary":
            raise missing(f"Scope ARN: {arn} does not exist or is not attachable.")
        if write.call.operation.startswith("Attach"):
            raise missing(f"Policy {arn} does not exist or is not attachable.")
        raise missing(f"Policy {arn} was not found.")


def check_entities_exist(write: Write) -> None:
    """Check that the users, roles and groups that the call names exist, except the one that it creates.

    Raises:
        Refused: one does not exist.
    """
    find = {"RoleName": write.state.role, "UserName": write.state.user, "GroupName": write.state.group}
    created = {"CreateRole": "RoleName", "CreateUser": "UserName", "CreateGroup": "GroupName"}
    for parameter, found in find.items():
        name = write.call.text(parameter)
        if name and parameter != created.get(write.call.operation) and found(write.account, name) is None:
            raise missing(f"The {parameter.removesuffix('Name').lower()} with name {name} cannot be found.")
