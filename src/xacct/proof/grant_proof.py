"""Proof, and prove() for both kinds of grants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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

__all__ = ["Proof", "managed_policies_of", "prove", "prove_with_policies", "read_policies"]


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
    arns = managed_policies_of([grant])
    if session is None:
        return prove_with_policies(grant, {})
    # Imported here because it needs botocore, which an offline proof does without.
    from xacct.aws_reads import managed_policy_or_error

    return prove_with_policies(grant, read_policies(partial(managed_policy_or_error, session.client("iam")), arns))


def managed_policies_of(grants: Iterable[TrustGrant | DevAccessGrant]) -> list[str]:
    """Return the ARNs of the managed policies and boundaries of grants, each once."""
    found = [grant for grant in grants if isinstance(grant, TrustGrant)]
    arns = [arn for grant in found for arn in (*grant.managed_policy_arns, grant.permissions_boundary) if arn]
    return list(dict.fromkeys(arns))


def read_policies(
    read: Callable[[str], PolicyDocument | Exception], arns: Sequence[str]
) -> dict[str, PolicyDocument | Check]:
    """Return the document of each managed policy, or the check that says why it was not read.

    Args:
        read: returns the document for an ARN, or the error for which it could not be read.
        arns: the ARNs.
    """
    found = run_concurrently(*(partial(read, arn) for arn in arns))
    return {
        arn: answer if isinstance(answer, PolicyDocument) else _unread_check(arn, answer)
        for arn, answer in zip(arns, found)
    }


def prove_with_policies(grant: TrustGrant | DevAccessGrant, policies: Mapping[str, PolicyDocument | Check]) -> Proof:
    """Do what :func:`prove` does, with managed policies that were read already.

    Args:
        grant: the grant.
        policies: the answers of `read_policies` by ARN. The contents of other policies are assumed from their names.
    """
    if isinstance(grant, DevAccessGrant):
        return Proof(tuple(assume_policy_checks(grant)))
    known = {arn: policies.get(arn, _assumed_check(arn)) for arn in managed_policies_of([grant])}
    documents = {arn: policy for arn, policy in known.items() if isinstance(policy, PolicyDocument)}
    role = RolePolicies(
        grant=grant,
        documents=(
            *grant.policies.values(),
            *(documents[arn] for arn in grant.managed_policy_arns if arn in documents),
        ),
        boundary=documents.get(grant.permissions_boundary or ""),
    )
    unread = (policy for policy in known.values() if isinstance(policy, Check))
    return Proof((*trust_checks(grant), *unread, *permission_checks(role)))


def _assumed_check(arn: str) -> Check:
    why = "was not read; its contents are assumed from its name: pass a session to prove()"
    return Check(name=f"policy {arn}", expected="as named", observed="assumed", ok=None, why=why)


def _unread_check(arn: str, error: Exception) -> Check:
    from xacct.retry import code_of

    if code_of(error) == "NoSuchEntity":
        why = "the policy does not exist: check its ARN"
        return Check(name=f"policy {arn}", expected="as named", observed="missing", ok=False, why=why)
    why = f"could not be read; its contents are assumed from its name: {error}"
    return Check(name=f"policy {arn}", expected="as named", observed="assumed", ok=None, why=why)
