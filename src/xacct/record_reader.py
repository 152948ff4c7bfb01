"""Reads a role or a policy as AWS has it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from xacct.arn import Arn
from xacct.aws_reads import (
    inline_policies_of_role,
    inline_policy_of_role,
    parsed_document,
    policies_of_role,
    principals_of_policy,
)
from xacct.concurrency import run_concurrently
from xacct.errors import InvalidValue
from xacct.grant_account import GrantAccount, connect_one
from xacct.iam_records import REVOKED_SESSIONS_POLICY, PolicyRecord, RoleRecord
from xacct.limits import DEFAULT_SESSION_SECONDS
from xacct.resources.ownership_tags import tags_from_list

if TYPE_CHECKING:
    import boto3

__all__ = ["policy_in", "read_policy", "read_role", "role_in"]


def read_role(session: boto3.Session, role_name: str) -> RoleRecord:
    """Read a role with its policies and tags.

    The inline policy that ends older sessions is left out: it is not part of a grant.

    Args:
        session: a session of the role's account.
        role_name: the role's name.

    Raises:
        AwsError: the role does not exist, or AWS refused.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html

    >>> from xacct import TrustGrant, grant_cross_account_read, read_role
    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
    ...     access = grant_cross_account_read(production, development)
    ...     TrustGrant.from_role(read_role(production, "CrossAccountRoleS3")) == access.trust
    True
    """
    return role_in(connect_one(session, "session"), role_name)


def role_in(account: GrantAccount, role_name: str) -> RoleRecord:
    """Do what :func:`read_role` does, with an account that is connected already."""
    iam = account.iam
    arn = f"arn:{account.partition}:iam::{account.id}:role/{role_name}"
    attempt = partial(account.attempt, doing=f"reading role {role_name}", resource=arn)
    role = attempt(lambda: iam.get_role(RoleName=role_name)["Role"])
    arns = attempt(partial(policies_of_role, iam, role_name))
    inline = attempt(partial(inline_policies_of_role, iam, role_name))
    names = [name for name in inline if name != REVOKED_SESSIONS_POLICY]
    documents = run_concurrently(
        *(partial(attempt, partial(inline_policy_of_role, iam, role_name, name)) for name in names)
    )
    return RoleRecord(
        arn=role["Arn"],
        trust=parsed_document(role["AssumeRolePolicyDocument"]),
        description=role.get("Description", ""),
        max_session_duration=role.get("MaxSessionDuration", DEFAULT_SESSION_SECONDS),
        boundary=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        tags=tags_from_list(role.get("Tags", [])),
        attached=tuple(arns),
        inline=dict(zip(names, documents)),
        created=role["CreateDate"],
    )


def read_policy(session: boto3.Session, policy_arn: str) -> PolicyRecord:
    """Read a managed policy with the principals that have it.

    Args:
        session: a session of the policy's account.
        policy_arn: the policy's ARN.

    Raises:
        InvalidValue: the ARN is not that of a managed policy.
        AwsError: the policy does not exist, or AWS refused.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html
    """
    return policy_in(connect_one(session, "session", side="trusted"), policy_arn)


def policy_in(account: GrantAccount, policy_arn: str) -> PolicyRecord:
    """Do what :func:`read_policy` does, with an account that is connected already."""
    arn, iam = Arn.parse(policy_arn, name="policy_arn"), account.iam
    if (arn.service, arn.resource_type) != ("iam", "policy"):
        raise InvalidValue("policy_arn", policy_arn, "the ARN of a managed policy")
    attempt = partial(account.attempt, doing=f"reading policy {arn.name}", resource=policy_arn)
    policy = attempt(lambda: iam.get_policy(PolicyArn=policy_arn)["Policy"])
    version = attempt(
        lambda: iam.get_policy_version(PolicyArn=policy_arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    )
    return PolicyRecord(
        arn=policy_arn,
        document=parsed_document(version["Document"]),
        description=policy.get("Description", ""),
        tags=tags_from_list(policy.get("Tags", [])),
        principals=attempt(partial(principals_of_policy, iam, policy_arn)),
        created=policy["CreateDate"],
    )
