"""The step that waits until a new role can be assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xacct.arn import Arn
from xacct.grant_account import GrantAccount
from xacct.grants import TrustGrant
from xacct.resources.role import Role
from xacct.resources.step import Step
from xacct.retry import denied_or_unknown

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

__all__ = ["is_assumable_by", "wait_until_assumable"]

# After one success the next call may still reach a host that does not know the role.
_SUCCESSES = 3


def is_assumable_by(grant: TrustGrant, caller: Arn) -> bool:
    """Return whether the trust policy lets a caller assume the role with no more than its own credentials.

    A role that requires MFA, a source address, session tags or a source identity is not assumable: only its users can
    provide these.
    """
    if grant.needs_mfa or grant.source_ips or grant.session_tags or grant.source_identity:
        return False
    if caller.resource == "root":
        return False
    return any(
        not principal.conditions
        and principal.kind == "AWS"
        and (principal.account_id == caller.account)
        and (principal.is_account or _is_caller(Arn.parse(principal.value), caller))
        for principal in grant.principals
    )


def _is_caller(principal: Arn, caller: Arn) -> bool:
    if caller.resource_type == "assumed-role":
        # The ARN of a session has the name of the role, and not its path.
        return principal.resource_type == "role" and principal.name == caller.resource_id.split("/")[0]
    return principal == caller


def wait_until_assumable(role: Role, trusted: GrantAccount) -> Step:
    """Return the step that assumes the role from the trusted account until that succeeds three times in a row."""
    grant = role.grant
    request: AssumeRoleRequestTypeDef = {"RoleArn": grant.role_arn, "RoleSessionName": "xacct-wait"}
    if grant.external_id is not None:
        request["ExternalId"] = grant.external_id

    def assume_repeatedly() -> None:
        for _ in range(_SUCCESSES):
            trusted.sts.assume_role(**request)

    def run() -> None:
        trusted.attempt(
            assume_repeatedly,
            doing=f"waiting until {role.label} can be assumed",
            resource=grant.role_arn,
            transient=denied_or_unknown,
        )

    return Step(
        key=f"{role.key} assumable",
        account=trusted,
        what=f"waiting until {role.label} can be assumed",
        run=run,
        after=frozenset((role.key,)),
    )
