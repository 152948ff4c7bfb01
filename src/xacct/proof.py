"""The offline proof of a grant: who can assume the role, and what the role can do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from xacct.arn import Arn
from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.authz.wildcard import glob
from xacct.concurrency import run_concurrently
from xacct.errors import PolicyError
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.policy import PolicyDocument, Principal, Statement
from xacct.report_table import Check, CheckTable

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_iam import IAMClient

__all__ = ["Proof", "prove", "prove_with_client"]

Context = Mapping[str, str]

_S3_READ_SIDS = frozenset({"LocateBuckets", "ListPrefixes", "ListBuckets", "ReadObjects"})
"""Statement ids by which a document of s3_read_policy is recognized."""

_READ_ACTION = re.compile(
    r"(batch)?(get|list|describe|head)|query|scan|search|select|lookup|view|simulate|decrypt$", re.IGNORECASE
)
"""How the names of AWS's read-only actions begin. Every other action is taken to write."""

_WRITE_EXAMPLES = ("s3:PutObject", "iam:CreateUser", "ec2:RunInstances", "any:Write")
"""Write actions that are tried for a statement that allows all actions of a service or of all services."""


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
        return Proof(tuple(_assume_policy_checks(grant)))
    documents, unread = _managed_policies(grant, iam)
    role = _Role(
        grant=grant,
        documents=(
            *grant.policies.values(),
            *(documents[arn] for arn in grant.managed_policy_arns if arn in documents),
        ),
        boundary=documents.get(grant.permissions_boundary or ""),
    )
    return Proof((*_trust_checks(grant), *unread, *_permission_checks(role)))


def _check(name: str, expected: str, decision: Decision, *, grant_decides: bool = False) -> Check:
    """Compare a decision with the expected one.

    Args:
        name: the check's name.
        expected: ``allowed`` or ``refused``.
        decision: the decision.
        grant_decides: whether a policy of the user's own may decide otherwise without failing the proof.
    """
    observed = "allowed" if decision.allowed else "refused"
    if observed == expected:
        return Check(name=name, expected=expected, observed=observed, ok=True)
    if grant_decides:
        return Check(
            name=name, expected=expected, observed=observed, ok=None, why="defined by the grant's own policies"
        )
    why = str(decision).splitlines()[1].strip()
    return Check(name=name, expected=expected, observed=observed, ok=False, why=why)


# The trusted side: what the policy allows


def _assume_policy_checks(grant: DevAccessGrant) -> Iterator[Check]:
    user = str(Arn.user(grant.account, "user", "/", grant.partition))
    identity = [grant.assume_role_policy]
    trust = PolicyDocument([Statement.allow("sts:AssumeRole", principals=[Principal.account(grant.account)])])

    def assume(role: str) -> Decision:
        request = AccessRequest(principal=user, action="sts:AssumeRole", resource=role)
        return evaluate(request, PolicySet(identity=identity, resource=trust))

    for role in grant.role_arns:
        yield _check(f"assume {role}", "allowed", assume(role))
    for other in (f"{role}-other" for role in grant.role_arns):
        if other not in grant.role_arns:
            yield _check(f"assume {other}", "refused", assume(other))
    users = f"arn:{grant.partition}:iam::{grant.account}:user/"
    request = AccessRequest(principal=user, action="iam:ListUsers", resource=users)
    decision = evaluate(request, PolicySet(identity=identity))
    yield _check(f"list the users of {grant.account}", "refused", decision)


# The trusting side: who can assume the role


def _trust_checks(grant: TrustGrant) -> Iterator[Check]:
    required = _required_context(grant)
    for principal in grant.principals:
        yield from _trusted_checks(grant, principal, {} if principal.kind == "Service" else required)
    yield from _untrusted_checks(grant, required)


def _trusted_checks(grant: TrustGrant, principal: Principal, required: Context) -> Iterator[Check]:
    """Check that a principal can assume the role, and cannot if a condition is not met or the grant has expired."""
    caller, own = _example_caller(principal, grant.partition)
    name = f"a user of {principal.account_id}" if principal.is_account and not principal.conditions else caller
    context = {**own, **required, **_current_time()}
    yield _check(f"{name} assumes the role", "allowed", _assume(grant, caller, context))
    for missing in required:
        incomplete = {key: value for key, value in context.items() if key != missing}
        yield _check(f"{name} without {missing}", "refused", _assume(grant, caller, incomplete))
    if grant.expires is not None:
        late = {**context, **_current_time(grant.expires + timedelta(seconds=1))}
        yield _check(f"{name} after expiry", "refused", _assume(grant, caller, late))


def _untrusted_checks(grant: TrustGrant, required: Context) -> Iterator[Check]:
    """Check that other principals cannot assume the role, even if they meet its conditions."""
    context = {**required, **_current_time()}
    trusted_accounts = {principal.account_id for principal in grant.principals if principal.is_account}
    named_accounts = {principal.account_id for principal in grant.principals if principal.account_id}
    for account in sorted(named_accounts - trusted_accounts):
        other = str(Arn.user(account, "another-user", "/", grant.partition))
        yield _check(f"another user of {account} assumes the role", "refused", _assume(grant, other, context))
    # AWS sets this key itself: a caller of another organization cannot send it.
    outside = {key: value for key, value in context.items() if key != "aws:PrincipalOrgID"}
    account = next(account for n in count() if (account := f"{n:012}") not in named_accounts | {grant.account})
    outsider = str(Arn.user(account, "user", "/", grant.partition))
    yield _check("a user of another account assumes the role", "refused", _assume(grant, outsider, outside))
    yield _check("an anonymous caller assumes the role", "refused", _assume(grant, "*", outside))


def _assume(grant: TrustGrant, caller: str, context: Context) -> Decision:
    """Decide sts:AssumeRole for a caller whose own account allows it."""
    request = AccessRequest(principal=caller, action="sts:AssumeRole", resource=grant.role_arn, context=context)
    identity = PolicyDocument([Statement.allow("sts:*", "*")])
    return evaluate(request, PolicySet(identity=[identity], resource=grant.trust_policy))


def _example_caller(principal: Principal, partition: str) -> tuple[str, Context]:
    """Return the ARN of a caller that matches a principal, and the context that the principal's conditions require."""
    context = {condition.key: _example(condition.values[0]) for condition in principal.conditions}
    arn = context.get("aws:PrincipalArn")
    if arn is not None:
        return arn, context
    if principal.is_account or principal.is_anyone:
        return str(Arn.user(principal.account_id or "666666666666", "user", "/", partition)), context
    return principal.value, context


def _required_context(grant: TrustGrant) -> Context:
    """Return the context of a request that meets the grant's conditions."""
    context: dict[str, str] = {}
    if grant.external_id is not None:
        context["sts:ExternalId"] = grant.external_id
    if grant.needs_mfa:
        context["aws:MultiFactorAuthPresent"] = "true"
    if grant.mfa_max_age is not None:
        context["aws:MultiFactorAuthAge"] = str(grant.mfa_max_age - 1)
    if grant.organization_id is not None:
        context["aws:PrincipalOrgID"] = grant.organization_id
    if grant.source_ips:
        context["aws:SourceIp"] = str(ipaddress.ip_network(grant.source_ips[0])[0])
    context |= {f"aws:RequestTag/{key}": _example(values[0]) for key, values in grant.session_tags.items()}
    if grant.source_identity:
        context["sts:SourceIdentity"] = _example(grant.source_identity[0])
    return context


def _current_time(moment: datetime | None = None) -> Context:
    return {"aws:CurrentTime": (moment or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _example(pattern: str) -> str:
    """Return a text that matches a pattern."""
    return re.sub(r"\$\{([*?$])\}", r"\1", re.sub(r"(?<!\{)[*?](?!\})", "x", pattern))


# The trusting side: what the role can do


@frozen(kw_only=True)
class _Role:
    """A role with the policies that are known."""

    grant: TrustGrant
    documents: Sequence[PolicyDocument]
    boundary: PolicyDocument | None

    @property
    def has_only_s3_read_policies(self) -> bool:
        return all(any(s.sid in _S3_READ_SIDS for s in document.statements) for document in self.documents)

    def decide(self, action: str, bucket: str, *, key: str = "", prefix: str | None = None) -> Decision:
        """Decide a request to S3."""
        request = AccessRequest(
            principal=self.grant.role_arn,
            action=action,
            resource=str(Arn.bucket(bucket, self.grant.partition)) + (f"/{key}" if key else ""),
            resource_account=self.grant.account,
            context={} if prefix is None else {"s3:prefix": prefix},
        )
        return evaluate(request, PolicySet(identity=self.documents, boundary=self.boundary))


_ANY_BUCKET = ("any-bucket", "")
"""The bucket and prefix that are tried for a policy that names no bucket."""


def _managed_policies(grant: TrustGrant, iam: IAMClient | None) -> tuple[dict[str, PolicyDocument], list[Check]]:
    """Read the grant's managed policies; return the documents by ARN, and a check for each that was not read."""
    arns = dict.fromkeys(filter(None, (*grant.managed_policy_arns, grant.permissions_boundary)))
    documents: dict[str, PolicyDocument] = {}
    unread: list[Check] = []
    for arn, (document, why) in zip(arns, run_concurrently(*(partial(_read_policy, arn, iam) for arn in arns))):
        if document is not None:
            documents[arn] = document
        else:
            unread.append(Check(name=f"policy {arn}", expected="as named", observed="assumed", ok=None, why=why))
    return documents, unread


def _read_policy(arn: str, iam: IAMClient | None) -> tuple[PolicyDocument | None, str]:
    """Return a managed policy's document, or None and the reason why it was not read."""
    if iam is None:
        return None, "was not read; its contents are assumed from its name: pass a session to prove()"
    # Imported here because both need botocore, which an offline proof does without.
    from botocore.exceptions import BotoCoreError, ClientError

    from xacct.aws_reads import managed_policy_document

    try:
        return managed_policy_document(iam, arn), ""
    except (ClientError, BotoCoreError, PolicyError) as error:
        return None, f"could not be read; its contents are assumed from its name: {error}"


def _permission_checks(role: _Role) -> Iterator[Check]:
    locations = list(dict.fromkeys(found for document in role.documents for found in _readable_locations(document)))
    for location in locations:
        yield from _read_checks(role, *location)
        yield from _neighbour_checks(role, *location, locations)
        yield from _write_checks(role, *location)
    if role.documents and not locations:
        yield from _read_checks(role, *_ANY_BUCKET)
        yield from _write_checks(role, *_ANY_BUCKET)
    if role.documents:
        yield _more_than_read_check(role)


def _read_checks(role: _Role, bucket: str, prefix: str) -> Iterator[Check]:
    location = f"s3://{bucket}/{prefix}"
    listing = role.decide("s3:ListBucket", bucket, prefix=prefix)
    yield _check(f"the role lists {location}", "allowed", listing, grant_decides=not role.has_only_s3_read_policies)
    reading = role.decide("s3:GetObject", bucket, key=f"{prefix}example")
    yield _check(f"the role reads {location}example", "allowed", reading, grant_decides=(bucket, prefix) == _ANY_BUCKET)


def _neighbour_checks(role: _Role, bucket: str, prefix: str, locations: Sequence[tuple[str, str]]) -> Iterator[Check]:
    """Check that a bucket and a prefix with similar names cannot be read, unless the grant names them too."""
    neighbours = []
    if (other := f"{bucket}-neighbour"[-63:]) not in [name for name, _ in locations]:
        neighbours.append((other, f"{prefix}example"))
    key = f"neighbour-of-{prefix}example"
    if not any(name == bucket and key.startswith(start) for name, start in locations):
        neighbours.append((bucket, key))
    for name, key in neighbours:
        decision = role.decide("s3:GetObject", name, key=key)
        yield _check(
            f"the role reads s3://{name}/{key}", "refused", decision, grant_decides=not role.has_only_s3_read_policies
        )


def _write_checks(role: _Role, bucket: str, prefix: str) -> Iterator[Check]:
    for verb, action in (("writes", "s3:PutObject"), ("deletes", "s3:DeleteObject")):
        decision = role.decide(action, bucket, key=f"{prefix}example")
        name = f"the role {verb} s3://{bucket}/{prefix}example"
        yield _check(name, "refused", decision, grant_decides=role.grant.may_write)


def _more_than_read_check(role: _Role) -> Check:
    """Check that no statement allows a write action on any resource under any condition."""
    name, expected = "the role does more than read", "refused"
    found = _write_access(role)
    if found is None:
        return Check(name=name, expected=expected, observed="refused", ok=True)
    if role.grant.may_write:
        return Check(name=name, expected=expected, observed="allowed", ok=None, why=found)
    why = f"{found}. If this is intended, set may_write=True"
    return Check(name=name, expected=expected, observed="allowed", ok=False, why=why)


def _write_access(role: _Role) -> str | None:
    """Return the first statement that allows a write action, with the action; None if there is none."""
    # Resource policies that delegate to the account's own policies, as those of KMS keys and roles do.
    owner = PolicyDocument([Statement.allow("*", "*", principals=[Principal.account(role.grant.account)])])
    policies = PolicySet(
        identity=filter(None, map(_widest, role.documents)),
        boundary=None if role.boundary is None else _widest(role.boundary),
        resource=owner,
    )
    for document in role.documents:
        for number, statement in enumerate(document.statements, start=1):
            for action in _write_actions(statement):
                request = AccessRequest(principal=role.grant.role_arn, action=action, resource="*")
                if evaluate(request, policies).allowed:
                    return f"{document.name}, statement {number} allows {action}"
    return None


def _widest(document: PolicyDocument) -> PolicyDocument | None:
    """Return the most that a document can allow: each Allow without its resources and conditions.

    A Deny with conditions does not always apply, so it is left out. None if no statement is left.
    """
    statements = [
        evolve(statement, resources="*", not_resources=(), conditions=()) if statement.effect == "Allow" else statement
        for statement in document.statements
        if statement.effect == "Allow" or not statement.conditions
    ]
    return PolicyDocument(statements, name=document.name) if statements else None


def _write_actions(statement: Statement) -> Iterator[str]:
    """Yield examples of the write actions that a statement can allow."""
    if statement.effect == "Deny":
        return
    for pattern in statement.actions or ("*",):
        _, _, name = pattern.partition(":")
        if not name:
            yield from _WRITE_EXAMPLES
        elif not _READ_ACTION.match(name):
            yield pattern.replace("*", "Write").replace("?", "x")


def _readable_locations(document: PolicyDocument) -> Iterator[tuple[str, str]]:
    """Yield the buckets and prefixes whose objects a document allows reading."""
    for statement in document.statements:
        if statement.effect == "Allow" and any(glob(pattern.lower())("s3:getobject") for pattern in statement.actions):
            for resource in statement.resources:
                match = re.fullmatch(r"arn:[\w-]+:s3:::([^/*?$]+)/(.*)\*", resource)
                if match and not re.search(r"(?<!\{)[*?]", match[2]):
                    yield match[1], _example(match[2])
