"""Owners: the roles that AWS services made in an account, whose trust is expected.

A path that AWS reserves tells by itself that AWS made a role. A name does not: anybody can create a role that is called
AWSControlTowerExecution. Such a role is an expected one only if it trusts nobody but AWS services and accounts of the
zone of trust.
"""

from __future__ import annotations

import re

from xacct.access_audit.subject import Surroundings
from xacct.arn import Arn
from xacct.policy import PolicyDocument, Principal
from xacct.snapshot import RoleDetail

__all__ = ["owner_of"]

# IAM refuses to create a role with such a path, except for AWS.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
_RESERVED_PATHS = {
    "/aws-service-role/": "service-linked role",
    "/aws-reserved/sso.amazonaws.com/": "IAM Identity Center",
}

_NAMES = (
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs.html
    (re.compile(r"AWSCloudFormationStackSet(Administration|Execution)Role|stacksets-exec-[0-9a-f]{32}"), "StackSets"),
    # https://docs.aws.amazon.com/controltower/latest/userguide/roles-how.html
    (re.compile(r"AWSControlTower\w*|aws-controltower-\w+"), "Control Tower"),
    # https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access-cross-account-role.html
    (re.compile(r"OrganizationAccountAccessRole"), "Organizations"),
)


def owner_of(role: RoleDetail, trust: PolicyDocument | None, surroundings: Surroundings) -> str:
    """Return who made a role, such as ``service-linked role`` or ``StackSets``; empty if it is the account's own.

    It is empty too for a role with a name of AWS that trusts somebody besides AWS services and own accounts.

    Args:
        role: the role.
        trust: its trust policy; None if it could not be read.
        surroundings: what is known of the accounts.

    >>> from datetime import datetime, timezone
    >>> from xacct.policy import Statement
    >>> role = RoleDetail(arn="arn:aws:iam::111111111111:role/OrganizationAccountAccessRole")
    >>> trust = PolicyDocument([Statement.allow("sts:AssumeRole", principals=[Principal.account("999999999999")])])
    >>> now = datetime.now(timezone.utc)
    >>> owner_of(role, trust, Surroundings(now=now, own_accounts={"999999999999": "management"}))
    'Organizations'
    >>> owner_of(role, trust, Surroundings(now=now))
    ''
    """
    arn = Arn.parse(role.arn)
    path, name, account = arn.path, arn.name, arn.account
    for reserved, owner in _RESERVED_PATHS.items():
        if path.startswith(reserved):
            return owner
    found = next((owner for pattern, owner in _NAMES if pattern.fullmatch(name)), "")
    if not found or trust is None:
        return ""
    allowing = [statement for statement in trust.statements if statement.effect == "Allow"]
    principals = [principal for statement in allowing for principal in statement.principals]
    if any(s.not_principals for s in allowing) or not all(_is_own(p, account, surroundings) for p in principals):
        return ""
    return found


def _is_own(principal: Principal, account: str, surroundings: Surroundings) -> bool:
    if principal.kind == "Service":
        return not principal.is_anyone
    if principal.kind != "AWS" or principal.is_anyone:
        return False
    # The unique ID of a deleted principal lets nobody in.
    trusted = principal.account_id
    return principal.is_deleted or trusted == account or trusted in surroundings.own_accounts
