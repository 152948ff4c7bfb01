"""What decides before the first change whether grants are applied: their proofs, and who is a third party."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from xacct.arn import Arn
from xacct.aws_reads import managed_policy_document, parsed_document
from xacct.errors import InvalidValue, ProofFailed, ProofNotDecided
from xacct.grant_account import GrantAccount
from xacct.grants import TrustGrant, check_third_party
from xacct.organization import organization_without
from xacct.policy import PolicyDocument
from xacct.proof import managed_policies_of, prove_with_policies, read_policies
from xacct.reconcile.parts import Part
from xacct.report_table import Check
from xacct.resources.role import Role
from xacct.retry import none_if_missing

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

__all__ = ["Evidence", "accepted_names", "read_evidence"]

# The default versions of policies of AWS when this was written. The answer says whether a version still is the default.
# Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonS3ReadOnlyAccess.html
_USUAL_VERSIONS = {"AmazonS3ReadOnlyAccess": "v3"}


@frozen(kw_only=True)
class Evidence:
    """What was read of both accounts before the first change, and what the caller accepts.

    Attributes:
        policies: the managed policies of the grants that change, by ARN; a check for those that could not be read.
        organization: the ID of the trusting account's organization, if the trusted account does not belong to it.
        trusting: the ID of the account that has the roles.
        trusted: the ID of the account whose principals assume the roles.
        accepted: the names of the checks that the caller accepts although they are not decided.
    """

    policies: Mapping[str, PolicyDocument | Check]
    organization: str | None
    trusting: str
    trusted: str
    accepted: frozenset[str]

    def refuse_unproven(self, part: Part) -> None:
        """Refuse a part with changes if a grant fails its proof, or if its proof is not decided.

        Raises:
            ProofFailed: the proof of a grant failed.
            ProofNotDecided: the proof of a grant is not decided, and the caller does not accept that.
            InvalidValue: a role without an external ID is to trust an account outside the organization.
        """
        if not part.observed.steps_to_apply():
            return
        for grant in part.grants:
            proof = prove_with_policies(grant, self.policies)
            label = f"role {grant.role_name}" if isinstance(grant, TrustGrant) else f"policy {grant.policy_name}"
            failed = [check for check in proof.checks if check.ok is False]
            if failed:
                failures = [f"{c.name}: expected {c.expected}, observed {c.observed} ({c.why})" for c in failed]
                raise ProofFailed(label, failures)
            undecided = {check.name: check.why for check in proof.undecided if check.name not in self.accepted}
            if undecided:
                raise ProofNotDecided(label, undecided)
        if self.organization is not None and _trusts_unknown_account(part, self.trusting, self.trusted):
            reason = f"account {self.trusted} does not belong to your organization, {self.organization}, and "
            way_out = ". If the account is yours, pass third_party=False"
            check_third_party(third_party=True, external_id=None, reason=reason, way_out=way_out)


def read_evidence(
    parts: Sequence[Part], trusting: GrantAccount, trusted: GrantAccount, *, accepted: frozenset[str]
) -> Evidence:
    """Read what proves the grants of the parts that change.

    Raises:
        SessionExpired: a session's credentials have expired.
        InvalidCredentials: a session's credentials could not be loaded, or AWS rejects them.
    """
    changing = [part for part in parts if part.observed.steps_to_apply()]
    is_unknown = any(_trusts_unknown_account(part, trusting.id, trusted.id) for part in changing)
    with ThreadPoolExecutor(max_workers=1) as threads:
        without = partial(organization_without, trusted, trusting=trusting)
        organization = threads.submit(without) if is_unknown else None
        policies = _read_policies(changing, trusting)
    return Evidence(
        policies=policies,
        organization=None if organization is None else organization.result(),
        trusting=trusting.id,
        trusted=trusted.id,
        accepted=accepted,
    )


def accepted_names(accept: Iterable[object]) -> frozenset[str]:
    """Return the names of the checks that a caller accepts.

    Raises:
        InvalidValue: one is not a text.
    """
    names = [accept] if isinstance(accept, str) else [*accept]
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        rule = "the names of checks, such as 'policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess'"
        raise InvalidValue("accept", wrong[0], rule)
    return frozenset(name for name in names if isinstance(name, str))


def _read_policies(changing: Sequence[Part], trusting: GrantAccount) -> dict[str, PolicyDocument | Check]:
    """Read the managed policies of the grants, each policy once."""
    arns = managed_policies_of(grant for part in changing for grant in part.grants)

    def read(arn: str) -> PolicyDocument:
        call = partial(_policy_document, trusting.iam, arn)
        return trusting.attempt(call, doing=f"reading policy {arn}", resource=arn)

    return read_policies(read, arns)


def _policy_document(iam: IAMClient, arn: str) -> PolicyDocument:
    """Return the document of a managed policy's default version, with one call if that is the usual one."""
    policy = Arn.parse(arn)
    usual = _USUAL_VERSIONS.get(policy.name) if policy.account == "aws" else None
    if usual is not None:
        version = none_if_missing(lambda: iam.get_policy_version(PolicyArn=arn, VersionId=usual)["PolicyVersion"])
        if version is not None and version.get("IsDefaultVersion"):
            return parsed_document(version.get("Document"), name=arn)
    return managed_policy_document(iam, arn)


def _trusts_unknown_account(part: Part, trusting: str, trusted: str) -> bool:
    """Return whether a role is to trust an account that may be a third party's, without an external ID."""
    return trusted != trusting and any(
        grant.external_id is None
        and grant.third_party is None
        and grant.organization_id is None
        and trusted in grant.other_accounts
        and (observation.state is None or observation.state.trust != grant.trust_policy)
        for observation in part.observed.roles
        if not observation.unwanted and isinstance(observation.resource, Role)
        for grant in (observation.resource.grant,)
    )
