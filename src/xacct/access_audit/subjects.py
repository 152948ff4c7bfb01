"""The roles and resources of a snapshot as what the checks look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xacct.access_audit.identities import Levels, document_of, known_of_resource
from xacct.access_audit.subject import Subject
from xacct.authz import PolicySet
from xacct.linter import PolicyKind, lint
from xacct.policy import PolicyDocument
from xacct.snapshot import RoleDetail, Snapshot
from xacct.snapshot.details import ResourcePolicy

__all__ = ["resource_policy_of", "resource_subject", "role_subject", "why_unreadable"]

# The most mistakes of a policy that a text names.
_MOST_MISTAKES = 3


def role_subject(
    role: RoleDetail,
    account: str,
    *,
    rcps: Levels = (),
    paths: Mapping[str, str] | None = None,
    owner: str = "",
) -> Subject | None:
    """Return a role as what is examined; None if its trust policy was not read or cannot be parsed."""
    document = None if role.trust_policy is None else document_of(role.trust_policy)
    if document is None:
        return None
    return Subject(
        account=account,
        partition=role.arn.split(":")[1],
        arn=role.arn,
        service="iam",
        side=PolicySet(resource=document, rcps=rcps),
        owner=owner,
        known=known_of_resource(account, role.tags, paths),
    )


def resource_subject(
    arn: str,
    account: str,
    document: PolicyDocument | None,
    *,
    rcps: Levels = (),
    paths: Mapping[str, str] | None = None,
) -> Subject:
    """Return a resource as what is examined.

    Args:
        arn: the resource's ARN, or that of a part of it, such as an object of a bucket.
        account: the account that owns it.
        document: the resource policy; None if there is none, or if it is not known.
        rcps: the resource control policies of the account.
        paths: the places of the accounts in the organization; None if it is not known.
    """
    parts = arn.split(":")
    return Subject(
        account=account,
        partition=parts[1] if len(parts) > 1 else "aws",
        arn=arn,
        service=parts[2] if len(parts) > 2 else "",
        side=PolicySet(resource=document, rcps=rcps),
        known=known_of_resource(account, {}, paths),
    )


def resource_policy_of(arn: str, snapshots: Iterable[Snapshot]) -> tuple[str, ResourcePolicy] | None:
    """Return the account of a resource and its policy, as a snapshot has them; None if no snapshot has it.

    Args:
        arn: the resource's ARN, or that of an object of a bucket.
        snapshots: the snapshots.
    """
    for snapshot in snapshots:
        for resource in snapshot.resources:
            if arn == resource.arn or (resource.service == "s3" and arn.startswith(f"{resource.arn}/")):
                return snapshot.account, resource
    return None


def why_unreadable(policy: str | None, kind: PolicyKind) -> str:
    """Return why a policy of a snapshot is not examined.

    Args:
        policy: the policy's text, which cannot be parsed; None if the snapshot does not have it.
        kind: what it is used as.

    >>> why_unreadable('{"Statement": {"Effect": "allow", "Principal": "*", "Action": "sts:AssumeRole"}}', "trust")
    "it cannot be parsed: Statement.Effect: 'allow' is no effect. Write Allow or Deny (effect)"
    """
    if policy is None:
        return "it is missing"
    errors = [str(finding).removeprefix("error: ") for finding in lint(policy, kind) if finding.severity == "error"]
    more = f"; and {len(errors) - _MOST_MISTAKES} more" if len(errors) > _MOST_MISTAKES else ""
    return f"it cannot be parsed: {'; '.join(errors[:_MOST_MISTAKES])}{more}"
