"""The grants of xacct in a snapshot: what their tags record, compared with what the roles and users have.

AWS returns the tags of roles and users with their details, but not those of managed policies, so the policy on the
trusted side is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import evolve, frozen

from xacct.access_audit.finding import FINDING_KINDS, Finding, FindingKind, Fix
from xacct.access_audit.identities import Identity, document_of
from xacct.access_audit.way import Answer, StatementSource
from xacct.arn import Arn
from xacct.authz import AccessRequest, PolicySet, evaluate
from xacct.grants import TrustGrant
from xacct.iam_records import REVOKED_SESSIONS_POLICY
from xacct.policy import PolicyDocument
from xacct.proof.write_search import search_for_writes
from xacct.resources.ownership_tags import (
    GrantIdentity,
    boundary_record,
    identity_in,
    is_attached_by_xacct,
    is_boundary_set_by_xacct,
    is_complete,
    is_managed,
    user_records,
)
from xacct.s3_read import READ_POLICY_NAME, is_s3_read_policy
from xacct.snapshot import RoleDetail, UserDetail
from xacct.trust_fields import TrustFields

__all__ = ["GrantAnswers", "examine_grant_of_role", "examine_grants_of_user"]

_READ_POLICY = "AmazonS3ReadOnlyAccess"


@frozen(kw_only=True)
class GrantAnswers:
    """What is found of the grants of a role or a user.

    Attributes:
        findings: the findings.
        undecided: what could not be decided, each with the reason.
    """

    findings: tuple[Finding, ...] = ()
    undecided: tuple[str, ...] = ()


def examine_grants_of_user(user: UserDetail, account: str) -> GrantAnswers:
    """Find what a console user of grants has that no grant attached to it.

    Args:
        user: the user.
        account: its account.
    """
    if not is_managed(user.tags):
        return GrantAnswers()
    records = user_records(user.tags)
    if not records:
        return GrantAnswers()  # a version of xacct made it that recorded no grant
    names = ", ".join(sorted(record.policy_name for record in records))
    things = [f"policy {arn}" for arn in user.attached if not any(record.has(arn) for record in records)]
    things += (f"inline policy {name}" for name in user.inline)
    things += (f"membership in group {name}" for name in user.groups)
    things += (f"permissions boundary {arn}" for arn in [user.boundary] if arn is not None)
    whose = f"the grants of policy {names}"
    return GrantAnswers(findings=tuple(_unrecorded(user.arn, account, thing, whose) for thing in things))


def examine_grant_of_role(
    role: RoleDetail, identity: Identity, policies_of: Callable[[AccessRequest], PolicySet]
) -> GrantAnswers:
    """Find what the role of a grant has that the grant does not record, and whether a role for reading does more.

    Args:
        role: the role.
        identity: the role with its policies.
        policies_of: returns the policies that apply to a request.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_understand-policy-summary-access-level-summaries.html
    """
    grant = identity_in(role.tags)
    if grant is None:
        return GrantAnswers()
    findings = list(_drift(role, identity.account, grant))
    undecided: list[str] = []
    if _is_for_reading(role):
        found = search_for_writes(_as_grant(role), *_documents(identity))
        if found.witness is not None:
            policies = policies_of(found.witness)
            findings.append(_more_than_read(role, identity, grant, found.witness, policies))
        else:
            reasons = [*(f"{name} was not read" for name in identity.unread), *found.undecided]
            undecided = [f"whether {role.arn} does more than read: {reason}" for reason in reasons]
    return GrantAnswers(findings=tuple(findings), undecided=tuple(undecided))


def _drift(role: RoleDetail, account: str, grant: GrantIdentity) -> Iterator[Finding]:
    whose = str(grant)
    inline = [name for name in role.inline if name != REVOKED_SESSIONS_POLICY]
    things = [f"policy {arn}" for arn in role.attached if not is_attached_by_xacct(arn, role.tags)]
    things += (f"inline policy {name}" for name in inline if not is_attached_by_xacct(name, role.tags))
    if role.boundary is not None and not is_boundary_set_by_xacct(role.boundary, role.tags):
        things.append(f"permissions boundary {role.boundary}")
    trust = None if role.trust_policy is None else document_of(role.trust_policy)
    if trust is not None:
        things += _changes_of_trust(trust, grant)
    for thing in things:
        yield _unrecorded(role.arn, account, thing, whose)
    if not is_complete((*role.attached, *inline, *boundary_record(role.boundary)), role.tags):
        yield _finding(
            "drift",
            role.arn,
            account,
            detail="something is missing",
            why=f"{role.arn} lacks a policy or the permissions boundary that {whose} records. The role does not have "
            "the access that was granted, or is not limited as it was.",
            fix="Apply the grant again.",
        )


def _changes_of_trust(trust: PolicyDocument, grant: GrantIdentity) -> Iterator[str]:
    """Yield what a trust policy has that xacct did not write for a grant."""
    fields = TrustFields.of(trust)
    yield from (f"a trust policy whose {problem}" for problem in fields.problems)
    accounts = {principal.account_id for principal in fields.principals if principal.account_id}
    # Without accounts, none or too many were recorded.
    yield from (f"trust of account {account}" for account in sorted(accounts - {*grant.accounts}) if grant.accounts)


def _is_for_reading(role: RoleDetail) -> bool:
    """Return whether the grant of a role is known to be for reading: all policies that it attached are."""
    reading = [Arn.parse(arn).name == _READ_POLICY for arn in role.attached if is_attached_by_xacct(arn, role.tags)]
    for name, text in role.inline.items():
        if is_attached_by_xacct(name, role.tags):
            document = document_of(text)
            made_for_it = document is not None and is_s3_read_policy(document)
            reading.append(name == READ_POLICY_NAME or made_for_it)
    return bool(reading) and all(reading)


def _as_grant(role: RoleDetail) -> TrustGrant:
    """Return a grant with the name of a role, which is what the search asks of it."""
    arn = Arn.parse(role.arn)
    policy = str(Arn.managed_policy(_READ_POLICY, "/", arn.partition))
    return TrustGrant(
        account=arn.account,
        partition=arn.partition,
        role_name=arn.name,
        path=arn.path,
        principals=arn.account,
        managed_policy_arns=policy,
    )


def _documents(identity: Identity) -> tuple[list[PolicyDocument], PolicyDocument | None]:
    found = [document_of(text, name) for name, text in identity.policies if name != REVOKED_SESSIONS_POLICY]
    boundary = None if identity.boundary is None else document_of(identity.boundary[1], identity.boundary[0])
    return [document for document in found if document is not None], boundary


def _more_than_read(
    role: RoleDetail, identity: Identity, grant: GrantIdentity, witness: AccessRequest, policies: PolicySet
) -> Finding:
    statements = tuple(
        StatementSource.of(
            found.statement, account=identity.account, owner=identity.arn, policy=found.policy, index=found.index
        )
        for found in policies.identity.statements
        if not found.denies and found.matches_action(witness.action_name) and found.match(witness)
    )
    names = ", ".join(dict.fromkeys(source.policy for source in statements))
    # The search has no control policies, and takes the policies of resources to leave the decision to the account.
    is_allowed = evaluate(witness, policies).allowed
    finding = _finding(
        "more-than-read",
        role.arn,
        identity.account,
        why=f"The policies of {grant} are for reading, but {role.arn} may {witness.action} on {witness.resource}. "
        f"That is allowed by {names}.",
        fix=f"Remove that from {names}, or apply the grant again if it is a policy of the grant.",
    )
    answer: Answer = "yes" if is_allowed else "depends"
    return evolve(finding, statements=statements, answer=answer, witness=witness if is_allowed else None)


def _unrecorded(arn: str, account: str, thing: str, whose: str) -> Finding:
    return _finding(
        "drift",
        arn,
        account,
        detail=thing,
        why=f"{arn} has a {thing} that {whose} does not record. xacct did not put it there, and leaves it there.",
        fix=f"Remove the {thing}, or declare it in the grant and apply that with adopt=True.",
    )


def _finding(kind: FindingKind, arn: str, account: str, *, why: str, fix: str, detail: str = "") -> Finding:
    return Finding(
        kind=kind,
        severity=FINDING_KINDS[kind].severity,
        account=account,
        resource=arn,
        principal=arn,
        why=why,
        fix=Fix(text=fix),
        detail=detail,
    )
