"""Dead permissions: policies that allow assuming a role that does not exist, or that does not let the principal in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve, frozen

from xacct.access_audit.finding import FINDING_KINDS, Finding, Fix
from xacct.access_audit.hops import HopDecider
from xacct.access_audit.identities import Identity, allow_statements
from xacct.access_audit.permissions import ASSUME_ROLE
from xacct.access_audit.subject import Subject, Surroundings
from xacct.access_audit.way import StatementSource
from xacct.authz import AccessRequest
from xacct.authz.wildcard import glob
from xacct.policy import Statement

__all__ = ["RolePermission", "dead_permissions", "role_permissions"]

# The account of a role, where no wildcard or variable can stand for another one.
_ROLE = re.compile(r"arn:[\w-]+:iam::([0-9]{12}):role/[^$]+")


@frozen(kw_only=True)
class RolePermission:
    """A permission to assume a role, or the roles of one account whose names match a pattern.

    Attributes:
        identity: the identity that has the permission.
        policy: the policy's name.
        index: the statement's index in the policy, from 0.
        statement: the statement.
        role: the ARN as the statement has it.
        account: the account of the roles.
    """

    identity: Identity
    policy: str
    index: int
    statement: Statement
    role: str
    account: str


def role_permissions(identity: Identity) -> Iterator[RolePermission]:
    """Yield the permissions of an identity to assume roles that its policies name."""
    for policy, index, statement in allow_statements(identity, ASSUME_ROLE):
        for resource in statement.resources:
            if found := _ROLE.fullmatch(resource):
                yield RolePermission(
                    identity=identity,
                    policy=policy,
                    index=index,
                    statement=statement,
                    role=resource,
                    account=found[1],
                )


def dead_permissions(
    permissions: Iterable[RolePermission],
    roles: Mapping[str, Subject | None],
    allowed: set[tuple[str, str]],
    decider: HopDecider,
    surroundings: Surroundings,
) -> Iterator[Finding]:
    """Yield a finding for each permission that lets nobody into a role.

    Args:
        permissions: the permissions for roles of one account.
        roles: the roles of the account, by ARN; None for one whose trust policy was not read.
        allowed: the identities that can assume a role: the ARNs of both.
        decider: decides whether an identity can, if that is not known.
        surroundings: what is known of the accounts.
    """
    by_lower_case = {arn.lower(): arn for arn in roles}
    by_name: dict[str, list[str]] = {}
    for arn in roles:
        by_name.setdefault(arn.rpartition("/")[2], []).append(arn)
    for permission in permissions:
        role, identity = permission.role, permission.identity
        if "*" in role or "?" in role:
            if not any(map(glob(role), roles)):
                yield _finding(permission, "no role of the account matches it", surroundings, "no match")
            continue
        if role not in roles:
            other = by_lower_case.get(role.lower()) or next(iter(by_name.get(role.rpartition("/")[2], ())), None)
            if other is None:
                yield _finding(permission, "the role does not exist", surroundings, "missing")
            else:
                yield _finding(permission, f"the role is {other}", surroundings, "other name", other)
            continue
        subject = roles[role]
        if subject is None or (identity.arn, role) in allowed or _is_allowed(identity, subject, decider):
            continue
        reason, detail = "the role does not let the principal in", "not trusted"
        if decider.is_trusted(identity, subject, ASSUME_ROLE):
            reason, detail = "other policies on its own side deny it", "denied"
        witness = decider.request_of(identity, subject, ASSUME_ROLE)
        yield evolve(_finding(permission, reason, surroundings, detail), witness=witness)


def _is_allowed(identity: Identity, subject: Subject, decider: HopDecider) -> bool:
    is_allowed_now = decider.of_identity(identity, subject, ASSUME_ROLE) is not None
    return is_allowed_now or decider.begins_later(identity, subject, ASSUME_ROLE)


def _finding(
    permission: RolePermission, reason: str, surroundings: Surroundings, detail: str, other: str = ""
) -> Finding:
    identity, role = permission.identity, permission.role
    fix = {
        "other name": f"Correct the ARN to {other}.",
        "not trusted": f"Remove {role} from the statement; if the principal is to use the role, its trust policy must "
        "say so.",
        "denied": f"Remove {role} from the statement; if the principal is to use the role, no Deny, permissions "
        "boundary, service control policy or condition may prevent it.",
    }.get(detail, f"Remove {role} from the statement, or correct it.")
    has_wildcards = "*" in role or "?" in role
    return Finding(
        kind="dead-permission",
        severity=FINDING_KINDS["dead-permission"].severity,
        account=identity.account,
        resource=role,
        principal=identity.arn,
        principal_name=surroundings.name_of(identity.account),
        statements=(_source(permission),),
        witness=None if has_wildcards else AccessRequest(principal=identity.arn, action=ASSUME_ROLE, resource=role),
        why=f"{identity.arn} may assume {role} by its own policies, but {reason}. The permission has no effect.",
        fix=Fix(text=fix),
        detail=detail,
    )


def _source(permission: RolePermission) -> StatementSource:
    identity = permission.identity
    return StatementSource.of(
        permission.statement,
        account=identity.account,
        owner=identity.arn,
        policy=permission.policy,
        index=permission.index,
    )
