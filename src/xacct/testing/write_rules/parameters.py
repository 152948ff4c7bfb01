"""The rules of IAM's parameters: names, paths, descriptions, ARNs, and that what they name is there.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import re

from xacct.testing.credential_store import tags_of
from xacct.testing.error_responses import Refused, invalid
from xacct.testing.tags import MOST_TAGS, check_tags
from xacct.testing.write_rules.write import Write, exceeded, missing

__all__ = ["check_entities", "check_fields", "check_policies"]

_NAMES = {
    "RoleName": (64, "roleName"),
    "UserName": (64, "userName"),
    "NewUserName": (64, "newUserName"),
    "GroupName": (128, "groupName"),
    "PolicyName": (128, "policyName"),
}


def check_fields(write: Write) -> None:
    """Refuse parameters that break a rule of their own.

    Raises:
        Refused: one does.
    """
    call = write.call
    for parameter, (longest, field) in _NAMES.items():
        name = call.text(parameter)
        if len(name) > longest:
            raise invalid(name, field, f"have length less than or equal to {longest}")
        if not re.fullmatch(r"[\w+=,.@-]*", name, re.ASCII):
            raise Refused(
                "ValidationError",
                f"The specified value for {field} is invalid. It must contain only alphanumeric characters and/or the "
                "following: +=,.@_-",
            )
    path = call.text("Path", "/")
    if len(path) > 512 or not re.fullmatch(r"/|/[\x21-\x7e]+/", path):
        raise Refused(
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters.",
        )
    description = call.text("Description")
    if len(description) > 1000:
        raise invalid(description, "description", "have length less than or equal to 1000")
    if not re.fullmatch(r"[\t\n\r\x20-\x7e\xa1-\xff]*", description):
        pattern = r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*"
        raise invalid(description, "description", f"satisfy regular expression pattern: {pattern}")
    seconds = call.params.get("MaxSessionDuration")
    if seconds is not None and not 3600 <= int(seconds) <= 43200:
        rule = "less than or equal to 43200" if int(seconds) > 43200 else "greater than or equal to 3600"
        raise invalid(seconds, "maxSessionDuration", f"have value {rule}")
    _check_tags(write)


def _check_tags(write: Write) -> None:
    given = write.call.params.get("Tags") or ()
    check_tags(given, duplicates="InvalidInput")
    if not write.call.operation.startswith("Tag"):
        return
    role = write.state.role(write.account, write.call.text("RoleName"))
    tagged = role or write.state.user(write.account, write.call.text("UserName"))
    if tagged is not None and len({*tags_of(tagged), *(tag["Key"] for tag in given)}) > MOST_TAGS:
        raise exceeded("The number of tags has reached the maximum limit.")


def check_policies(write: Write) -> None:
    """Refuse managed policies that are not there.

    Raises:
        Refused: an ARN names none.
    """
    for parameter in {"PolicyArn", "PermissionsBoundary"} & write.call.params.keys():
        arn = write.call.text(parameter)
        if not re.fullmatch(r"arn:[\w-]+:iam::(\d{12}|aws):policy/[\x21-\x7e]+", arn):
            raise Refused("ValidationError", f"ARN {arn} is not valid.")
        if write.state.managed_policy(write.account, arn) is not None:
            continue
        if parameter == "PermissionsBoundary":
            raise missing(f"Scope ARN: {arn} does not exist or is not attachable.")
        if write.call.operation.startswith("Attach"):
            raise missing(f"Policy {arn} does not exist or is not attachable.")
        raise missing(f"Policy {arn} was not found.")


def check_entities(write: Write) -> None:
    """Refuse users, roles and groups that are not there, but for those that the call makes.

    Raises:
        Refused: one is not.
    """
    find = {"RoleName": write.state.role, "UserName": write.state.user, "GroupName": write.state.group}
    made = {"CreateRole": "RoleName", "CreateUser": "UserName", "CreateGroup": "GroupName"}.get(write.call.operation)
    for parameter, found in find.items():
        name = write.call.text(parameter)
        if name and parameter != made and found(write.account, name) is None:
            raise missing(f"The {parameter.removesuffix('Name').lower()} with name {name} cannot be found.")
