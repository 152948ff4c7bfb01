"""The grants that an account has, from the tags of its roles, policies and users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from xacct.arn import Arn
from xacct.aws_reads import parsed_document
from xacct.concurrency import run_concurrently
from xacct.grant_account import GrantAccount, Side, connect_one
from xacct.grants import expiry_in
from xacct.policy import PolicyDocument
from xacct.resources.account_listing import attached_arns, read_details
from xacct.resources.ownership_tags import (
    boundary_record,
    creation_of,
    identity_in,
    is_complete,
    is_managed,
    recorded_count,
    tags_from_list,
    user_records,
)

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_iam.type_defs import ManagedPolicyDetailTypeDef, RoleDetailTypeDef, UserDetailTypeDef

__all__ = ["GrantRecord", "grants_in", "grants_in_account"]


@frozen(kw_only=True)
class GrantRecord:
    """What one account has of a grant: a role on the trusting side, or a policy on the trusted side.

    Attributes:
        name: the grant's name; that of the role or policy if a version of xacct made it that recorded no name.
        side: ``trusting`` or ``trusted``.
        account: the account's id.
        other_accounts: the ids of the accounts at the other end.
        role_arns: the role; on the trusted side, the roles that the policy allows assuming.
        policy_arn: the policy; None on the trusting side.
        console_user: the name of the console user; None if there is none.
        created: when the role or policy was created, in UTC.
        expires: when the access ends, in UTC; None if it has no end.
        version: the version of xacct that made it; None if it is not recorded.
        incomplete: what is missing, as texts; empty if the grant is complete.
    """

    name: str
    side: Side
    account: str
    other_accounts: tuple[str, ...]
    role_arns: tuple[str, ...]
    policy_arn: str | None = None
    console_user: str | None = None
    created: datetime | None = None
    expires: datetime | None = None
    version: str | None = None
    incomplete: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        """The ARN of the role or of the policy that the account has."""
        return self.policy_arn or self.role_arns[0]

    def is_expired(self, now: datetime) -> bool:
        """Return whether the access has ended."""
        return self.expires is not None and self.expires <= now

    def to_dict(self) -> dict[str, object]:
        """Return the record as a dictionary that JSON can express. Times are ISO 8601 texts."""
        return {
            "name": self.name,
            "side": self.side,
            "account": self.account,
            "other_accounts": list(self.other_accounts),
            "role_arns": list(self.role_arns),
            "policy_arn": self.policy_arn,
            "console_user": self.console_user,
            "created": None if self.created is None else self.created.isoformat(),
            "expires": None if self.expires is None else self.expires.isoformat(),
            "version": self.version,
            "incomplete": list(self.incomplete),
        }


def grants_in(session: boto3.Session) -> tuple[GrantRecord, ...]:
    """Return every grant that an account has, on either side, sorted by name.

    Reads all roles, users and customer managed policies of the account in pages, and the tags of each policy that
    allows assuming a role.

    Args:
        session: a session of the account.

    Raises:
        PermissionMissing: the session may not read the account's IAM; says which permission to add.
        SessionExpired: the session's credentials have expired.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html

    >>> from xacct import grant_cross_account_read, grants_in
    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
    ...     access = grant_cross_account_read(production, development, name="reports")
    ...     for record in (*grants_in(production), *grants_in(development)):
    ...         print(record.name, record.side, record.arn, *record.other_accounts)
    reports trusting arn:aws:iam::111111111111:role/CrossAccountRoleS3 222222222222
    reports trusted arn:aws:iam::222222222222:policy/CrossAccountPolicy 111111111111
    """
    return grants_in_account(connect_one(session, "session"))


def grants_in_account(account: GrantAccount) -> tuple[GrantRecord, ...]:
    """Do what :func:`grants_in` does, with an account that is connected already."""
    pages = read_details(account, ("User", "Role", "LocalManagedPolicy"))
    users = [user for page in pages for user in page["UserDetailList"]]
    policies = [policy for page in pages for policy in page["Policies"]]
    roles = [role for page in pages for role in page["RoleDetailList"]]
    records = [*_trusting_records(roles), *_trusted_records(account, policies, users)]
    return tuple(sorted(records, key=lambda record: (record.name, record.side, record.arn)))


def _trusting_records(roles: Iterable[RoleDetailTypeDef]) -> Iterator[GrantRecord]:
    for role in roles:
        tags = tags_from_list(role.get("Tags", []))
        if not is_managed(tags):
            continue
        arn, identity, creation = Arn.parse(role["Arn"]), identity_in(tags), creation_of(tags)
        trust = parsed_document(role["AssumeRolePolicyDocument"])
        yield GrantRecord(
            name=arn.name if identity is None else identity.name,
            side="trusting",
            account=arn.account,
            other_accounts=_trusted_accounts(trust) if identity is None else identity.accounts,
            role_arns=(role["Arn"],),
            created=creation.time or role["CreateDate"].astimezone(timezone.utc),
            expires=expiry_in(trust),
            version=creation.version,
            incomplete=_missing_on_role(role, tags),
        )


def _trusted_accounts(trust: PolicyDocument) -> tuple[str, ...]:
    principals = (principal for statement in trust.statements for principal in statement.principals)
    return tuple(sorted({principal.account_id for principal in principals if principal.account_id}))


def _missing_on_role(role: RoleDetailTypeDef, tags: Mapping[str, str]) -> tuple[str, ...]:
    boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    inline = [policy["PolicyName"] for policy in role.get("RolePolicyList", [])]
    if is_complete((*attached_arns(role), *inline, *boundary_record(boundary)), tags):
        return ()
    return (f"role {role['RoleName']} lacks a policy that xacct attached, or its permissions boundary",)


def _trusted_records(
    account: GrantAccount, policies: Iterable[ManagedPolicyDetailTypeDef], users: Iterable[UserDetailTypeDef]
) -> Iterator[GrantRecord]:
    documents = [(policy, _default_document(policy)) for policy in policies]
    candidates = [(policy, document) for policy, document in documents if _assumed_roles(document)]
    tags_of = run_concurrently(*(partial(_policy_tags, account, policy["Arn"]) for policy, _ in candidates))
    user_names = _users_by_policy(users)
    for (policy, document), tags in zip(candidates, tags_of):
        if not is_managed(tags):
            continue
        arn, identity, creation = Arn.parse(policy["Arn"]), identity_in(tags), creation_of(tags)
        roles = _assumed_roles(document)
        yield GrantRecord(
            name=arn.name if identity is None else identity.name,
            side="trusted",
            account=arn.account,
            other_accounts=tuple(sorted({Arn.parse(role).account for role in roles})),
            role_arns=roles,
            policy_arn=policy["Arn"],
            console_user=user_names.get(arn.name),
            created=creation.time or policy["CreateDate"].astimezone(timezone.utc),
            expires=expiry_in(document),
            version=creation.version,
            incomplete=_missing_of_policy(policy, tags),
        )


def _default_document(policy: ManagedPolicyDetailTypeDef) -> PolicyDocument:
    versions = policy.get("PolicyVersionList", [])
    return next(parsed_document(version["Document"]) for version in versions if version["IsDefaultVersion"])


def _assumed_roles(document: PolicyDocument) -> tuple[str, ...]:
    """Return the roles that a policy of xacct allows assuming; empty for a policy that does anything else."""
    if len(document.statements) != 1:
        return ()
    (statement,) = document.statements
    if statement.effect != "Allow" or "sts:AssumeRole" not in statement.actions:
        return ()
    arns = [resource for resource in statement.resources if ":role/" in resource]
    return tuple(arns) if len(arns) == len(statement.resources) else ()


def _policy_tags(account: GrantAccount, arn: str) -> dict[str, str]:
    pages = account.iam.get_paginator("list_policy_tags").paginate(PolicyArn=arn)

    def call() -> dict[str, str]:
        return tags_from_list([tag for page in pages for tag in page["Tags"]])

    return account.attempt(call, doing=f"reading the tags of policy {Arn.parse(arn).name}", resource=arn)


def _users_by_policy(users: Iterable[UserDetailTypeDef]) -> dict[str, str]:
    """Return the name of the console user of each grant, by the name of the grant's policy."""
    return {
        record.policy_name: user["UserName"]
        for user in users
        for record in user_records(tags_from_list(user.get("Tags", [])))
    }


def _missing_of_policy(policy: ManagedPolicyDetailTypeDef, tags: Mapping[str, str]) -> tuple[str, ...]:
    if recorded_count(tags) <= policy["AttachmentCount"]:
        return ()
    return (f"policy {policy['PolicyName']} is not attached to everything that xacct attached it to",)
