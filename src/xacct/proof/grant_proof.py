"""Proof, and prove() for both kinds of grants."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from xacct.concurrency import run_concurrently
from xacct.errors import AwsError, InvalidCredentials, PermissionMissing, PolicyError, SessionExpired
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.policy import PolicyDocument
from xacct.proof.assume_role import assume_policy_checks, trust_checks
from xacct.proof.role_permissions import RolePolicies, permission_checks
from xacct.report_table import Check, CheckTable, undecided_check

if TYPE_CHECKING:
    import boto3

__all__ = ["Proof", "managed_policies_of", "prove", "prove_with_policies", "read_policies"]

_READ = "read"
"""What is expected of a managed policy."""


@frozen
class Proof(CheckTable):
    """The result of :func:`xacct.prove`. Prints as a table.

    Attributes:
        checks: what was evaluated. ``ok`` is None where a check only informs, such as on access that the grant's own
            policies define, and where it is not decided.
    """

    @property
    def ok(self) -> bool:
        """Whether the grant is proven: at least one check succeeded, none failed, and none is not decided."""
        return super().ok and not self.undecided

    @property
    def undecided(self) -> tuple[Check, ...]:
        """The checks that are not decided; the table marks them with ``?``. `Plan.apply` accepts them by their names.

        >>> from xacct import TrustGrant, prove
        >>> policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
        >>> grant = TrustGrant(account="111111111111", principals="222222222222", managed_policy_arns=policy)
        >>> print(*(check.name for check in prove(grant).undecided))
        policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess
        """
        return tuple(check for check in self.checks if check.is_undecided)


def prove(grant: TrustGrant | DevAccessGrant, session: boto3.Session | None = None) -> Proof:
    """Prove offline that a grant gives the access that it should, and no more.

    For a :class:`~xacct.TrustGrant`: the trusted principals can assume the role under its conditions, and cannot if any
    one condition is not met. A search of callers and context keys finds nobody else who can assume it. The role can
    read the buckets and prefixes of its policies, and cannot read a neighbouring bucket or prefix. A search of actions,
    resources and context keys finds no request of the role that does more than read. With ``may_write=True``, write
    access is listed and does not fail the proof; nor does access beyond the buckets that a policy of your own allows.

    For a :class:`~xacct.DevAccessGrant`: the policy allows assuming the roles, and nothing else.

    Args:
        grant: the grant.
        session: a session of the grant's account, which reads the managed policies and the permissions boundary of a
            TrustGrant. Without a session they are not decided: a name says nothing about the contents.

    Returns:
        The checks. ``ok`` is True if the grant is proven.

    Raises:
        SessionExpired: the session's credentials have expired.
        InvalidCredentials: the session has no credentials, or AWS rejects them.

    >>> from xacct import DevAccessGrant, TrustGrant, prove, s3_read_policy
    >>> grant = TrustGrant(account="111111111111", principals="222222222222", external_id="acme-42",
    ...     policies={"read": s3_read_policy(["reports"])})
    >>> print(prove(grant))
        check                                          expected  observed  why
    ok  a user of 222222222222 assumes the role        allowed   allowed
    ok  a user of 222222222222 without sts:ExternalId  refused   refused
    ok  anybody else assumes the role                  refused   refused   no counterexample in 14 cases
    ok  the role lists s3://reports/                   allowed   allowed
    ok  the role reads s3://reports/example            allowed   allowed
    ok  the role reads s3://reports-neighbour/example  refused   refused
    ok  the role writes s3://reports/example           refused   refused
    ok  the role deletes s3://reports/example          refused   refused
    ok  the role does more than read                   refused   refused   all its actions are Read or List
    >>> print(prove(DevAccessGrant(account="222222222222", role_arns=grant.role_arn)))
        check                                                           expected  observed  why
    ok  assume arn:aws:iam::111111111111:role/CrossAccountRoleS3        allowed   allowed
    ok  assume arn:aws:iam::111111111111:role/CrossAccountRoleS3-other  refused   refused
    ok  list the users of 222222222222                                  refused   refused

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    arns = managed_policies_of([grant])
    if session is None or not arns:
        return prove_with_policies(grant, {})
    # Imported here because it needs botocore, which an offline proof does without.
    from xacct.aws_reads import read_managed_policy

    read = partial(read_managed_policy, session.client("iam"), account=grant.account)
    return prove_with_policies(grant, read_policies(read, arns))


def managed_policies_of(grants: Iterable[TrustGrant | DevAccessGrant]) -> list[str]:
    """Return the ARNs of the managed policies and boundaries of grants, each once."""
    found = [grant for grant in grants if isinstance(grant, TrustGrant)]
    arns = [arn for grant in found for arn in (*grant.managed_policy_arns, grant.permissions_boundary) if arn]
    return list(dict.fromkeys(arns))


def read_policies(read: Callable[[str], PolicyDocument], arns: Sequence[str]) -> dict[str, PolicyDocument | Check]:
    """Return the document of each managed policy, or the check that says why it was not read.

    Args:
        read: returns the document for an ARN, or raises AwsError or PolicyError.
        arns: the ARNs.

    Raises:
        SessionExpired: the credentials have expired.
        InvalidCredentials: there are no credentials, or AWS rejects them.
    """

    def read_or_explain(arn: str) -> PolicyDocument | Check:
        try:
            return read(arn)
        except (InvalidCredentials, SessionExpired):
            raise
        except (AwsError, PolicyError) as error:
            return _unread_check(arn, error)

    return dict(zip(arns, run_concurrently(*(partial(read_or_explain, arn) for arn in arns))))


def prove_with_policies(grant: TrustGrant | DevAccessGrant, policies: Mapping[str, PolicyDocument | Check]) -> Proof:
    """Do what :func:`prove` does, with managed policies that were read already.

    Args:
        grant: the grant.
        policies: the answers of `read_policies` by ARN. Other policies are not decided.
    """
    if isinstance(grant, DevAccessGrant):
        return Proof(tuple(assume_policy_checks(grant)))
    known = {arn: policies.get(arn, _not_read_check(arn)) for arn in managed_policies_of([grant])}
    documents = {arn: policy for arn, policy in known.items() if isinstance(policy, PolicyDocument)}
    role = RolePolicies(
        grant=grant,
        documents=(
            *grant.policies.values(),
            *(documents[arn] for arn in grant.managed_policy_arns if arn in documents),
        ),
        boundary=documents.get(grant.permissions_boundary or ""),
    )
    unread = [policy for policy in known.values() if isinstance(policy, Check)]
    permissions = permission_checks(role)
    return Proof((*trust_checks(grant), *unread, *(_only_informing(permissions) if unread else permissions)))


def _only_informing(checks: Iterable[Check]) -> Iterator[Check]:
    """Yield the checks of a role with policies that were not read. These could add access, and deny it.

    What fails still fails: an accepted policy is never taken to forbid anything.
    """
    for check in checks:
        why = ", ".join(filter(None, [check.why, "without the policies that were not read"]))
        yield evolve(check, ok=None, why=why) if check.ok else check


def _not_read_check(arn: str) -> Check:
    return undecided_check(f"policy {arn}", _READ, "was not read: pass a session to prove()")


def _unread_check(arn: str, error: AwsError | PolicyError) -> Check:
    name = f"policy {arn}"
    if isinstance(error, AwsError) and error.code == "NoSuchEntity":
        why = "the policy does not exist: check its ARN"
        return Check(name=name, expected=_READ, observed="missing", ok=False, why=why)
    if isinstance(error, PermissionMissing):
        # Reading takes both actions, and AWS names only the first one that is missing.
        statement = {"Effect": "Allow", "Action": ["iam:GetPolicy", "iam:GetPolicyVersion"], "Resource": arn}
        why = (
            f"the caller in account {error.account} may not read it. Add to its identity policy: "
            f"{json.dumps(statement)}. If that does not help, another policy denies it. "
            f"AWS's message: {error.message}"
        )
        return undecided_check(name, _READ, why)
    return undecided_check(name, _READ, f"could not be read: {error}")
