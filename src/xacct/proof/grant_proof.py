"""Proof, and prove() for both kinds of grants."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from xacct.concurrency import run_concurrently
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.policy import PolicyDocument
from xacct.proof.assume_role import assume_policy_checks, trust_checks
from xacct.proof.role_permissions import RolePolicies, permission_checks
from xacct.report_table import Check, CheckTable

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_iam import IAMClient

__all__ = ["Proof", "prove", "prove_with_client"]


@frozen
class Proof(CheckTable):
    """The result of :func:`xacct.prove`. Prints as a table.

    Attributes:
        checks: what was evaluated; ``ok`` is None where the proof decides nothing: a policy that was not read, or
            access that the grant's own policies define.
    """


def prove(grant: TrustGrant | DevAccessGrant, session: boto3.Session | None = None) -> Proof:
    """Prove offline that a grant gives the access that it should, and no more.

    For a :class:`~xacct.TrustGrant`: the trusted principals can assume the role under its conditions, and cannot if any
    one condition is not met. Other principals of their accounts, other accounts and anonymous callers cannot assume
    it. The role can read the buckets and prefixes of its policies, and cannot read a neighbouring bucket or prefix. The
    role cannot write anything, under any condition. With ``may_write=True``, write access is listed and does not fail
    the proof; nor does access beyond the buckets that a policy of your own allows.

    For a :class:`~xacct.DevAccessGrant`: the policy allows assuming the roles, and nothing else.

    Args:
        grant: the grant.
        session: a session of the grant's account, which reads the managed policies of a TrustGrant. None reads
            nothing: the contents of managed policies are assumed from their names.

    Returns:
        The checks. ``ok`` is True if none failed.

    >>> from xacct import DevAccessGrant, TrustGrant, prove, s3_read_policy
    >>> grant = TrustGrant(account="111111111111", principals="222222222222", external_id="acme-42",
    ...     policies={"read": s3_read_policy(["reports"])})
    >>> print(prove(grant))
        check                                                             expected  observed  why
    ok  a user of 222222222222 assumes the role                           allowed   allowed
    ok  a user of 222222222222 without sts:ExternalId                     refused   refused
    ok  a user of another account assumes the role                        refused   refused
    ok  an anonymous caller assumes the role                              refused   refused
    ok  the role lists s3://reports/                                      allowed   allowed
    ok  the role reads s3://reports/example                               allowed   allowed
    ok  the role reads s3://reports-neighbour/example                     refused   refused
    ok  the role writes s3://reports/example                              refused   refused
    ok  the role deletes s3://reports/example                             refused   refused
    ok  the role does more than read                                      refused   refused
    >>> print(prove(DevAccessGrant(account="222222222222", role_arns=grant.role_arn)))
        check                                                             expected  observed  why
    ok  assume arn:aws:iam::111111111111:role/CrossAccountRoleS3          allowed   allowed
    ok  assume arn:aws:iam::111111111111:role/CrossAccountRoleS3-other    refused   refused
    ok  list the users of 222222222222                                    refused   refused

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    return prove_with_client(grant, None if session is None else session.client("iam"))


def prove_with_client(grant: TrustGrant | DevAccessGrant, iam: IAMClient | None) -> Proof:
    """Do what :func:`prove` does, with an IAM client of the grant's account."""
    if isinstance(grant, DevAccessGrant):
        return Proof(tuple(assume_policy_checks(grant)))
    documents, unread = _managed_policies(grant, iam)
    role = RolePolicies(
        grant=grant,
        documents=(
            *grant.policies.values(),
            *(documents[arn] for arn in grant.managed_policy_arns if arn in documents),
        ),
        boundary=documents.get(grant.permissions_boundary or ""),
    )
    return Proof((*trust_checks(grant), *unread, *permission_checks(role)))


def _managed_policies(grant: TrustGrant, iam: IAMClient | None) -> tuple[dict[str, PolicyDocument], list[Check]]:
    """Read the grant's managed policies; return the documents by ARN, and a check for each that was not read."""
    arns = dict.fromkeys(filter(None, (*grant.managed_policy_arns, grant.permissions_boundary)))
    documents: dict[str, PolicyDocument] = {}
    unread: list[Check] = []
    for arn, (document, why) in zip(arns, run_concurrently(*(partial(_read_policy, arn, iam) for arn in arns))):
        if document is not None:
            documents[arn] = document
        else:
            unread.append(_unread_check(arn, why))
    return documents, unread


def _unread_check(arn: str, why: str) -> Check:
    if "(NoSuchEntity)" in why:
        why = "the policy does not exist: check its ARN"
        return Check(name=f"policy {arn}", expected="as named", observed="missing", ok=False, why=why)
    return Check(name=f"policy {arn}", expected="as named", observed="assumed", ok=None, why=why)


def _read_policy(arn: str, iam: IAMClient | None) -> tuple[PolicyDocument | None, str]:
    """Return a managed policy's document, or None and the reason why it was not read."""
    if iam is None:
        return None, "was not read; its contents are assumed from its name: pass a session to prove()"
    # Imported here because it needs botocore, which an offline proof does without.
    from xacct.aws_reads import managed_policy_or_error

    document, error = managed_policy_or_error(iam, arn)
    return document, "" if document else f"could not be read; its contents are assumed from its name: {error}"
