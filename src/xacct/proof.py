"""Proving a grant before it is applied: who can assume the role, and what the role can do, decided offline."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, cast

from attrs import evolve, frozen

from xacct.arn import Arn
from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.concurrency import run_concurrently
from xacct.errors import PolicyError
from xacct.policy import PolicyDocument, Principal, Statement
from xacct.report_table import Check, CheckTable

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from xacct.grants import DevAccessGrant, TrustGrant

__all__ = ["Proof", "prove_access", "prove_trust"]

Context = Mapping[str, str | tuple[str, ...]]

# The grants' own documents, which promise to read and nothing else.
_READING = frozenset({"LocateBuckets", "ListPrefixes", "ListBuckets", "ReadObjects"})

# What AWS's actions that only read begin with; whatever begins otherwise is taken to write.
_READS = re.compile(
    r"(batch)?(get|list|describe|head)|query|scan|search|select|lookup|view|simulate|decrypt$", re.IGNORECASE
)
# What a wildcard may stand for, where nothing else is known of it.
_ANY_WRITE = ("s3:PutObject", "iam:CreateUser", "ec2:RunInstances", "any:Write")


@frozen
class Proof(CheckTable):
    """What a grant gives and what it does not, decided offline. Prints as a table.

    Attributes:
        checks: what was asked; ``ok`` is None where only AWS knows, or where the grant itself says so.
    """


def prove_trust(grant: TrustGrant, iam: IAMClient | None) -> Proof:
    """The proof of a TrustGrant; :meth:`xacct.TrustGrant.prove` says what it proves.

    Args:
        grant: the grant.
        iam: reads managed policies in its account; None to take them as they are named.
    """
    found, assumed = _managed(grant, iam)
    documents = [*grant.policies.values(), *(found[arn] for arn in grant.managed_policy_arns if arn in found)]
    boundary = found.get(grant.permissions_boundary or "")
    return Proof((*_assuming(grant), *assumed, *_doing(grant, documents, boundary)))


def prove_access(grant: DevAccessGrant) -> Proof:
    """The proof of a DevAccessGrant; :meth:`xacct.DevAccessGrant.prove` says what it proves."""
    bearer = str(Arn.user(grant.account, "bearer", "/", grant.partition))
    identity = [grant.assume_role_policy]

    def ask(role: str) -> Decision:
        trust = PolicyDocument([Statement.allow("sts:AssumeRole", principals=[Principal.account(grant.account)])])
        request = AccessRequest(principal=bearer, action="sts:AssumeRole", resource=role)
        return evaluate(request, PolicySet(identity=identity, resource=trust))

    users = AccessRequest(
        principal=bearer, action="iam:ListUsers", resource=f"arn:{grant.partition}:iam::{grant.account}:user/"
    )
    others = [f"{role}-other" for role in grant.role_arns if f"{role}-other" not in grant.role_arns]
    return Proof(
        (
            *(_check(f"assume {role}", "allowed", ask(role)) for role in grant.role_arns),
            *(_check(f"assume {role}", "refused", ask(role)) for role in others),
            _check(f"list the users of {grant.account}", "refused", evaluate(users, PolicySet(identity=identity))),
        )
    )


def _check(name: str, expected: str, decision: Decision, *, as_given: bool = False) -> Check:
    observed = "allowed" if decision.allowed else "refused"
    if observed == expected:
        return Check(name=name, expected=expected, observed=observed, ok=True)
    if as_given:
        return Check(name=name, expected=expected, observed=observed, ok=None, why="as the grant has it")
    why = str(decision).splitlines()[1].strip()
    return Check(name=name, expected=expected, observed=observed, ok=False, why=why)


# Who can assume the role


def _assuming(grant: TrustGrant) -> Iterator[Check]:
    stated = _stated(grant)
    for principal in grant.principals:
        caller, own = _somebody(principal, grant.partition)
        who = _in_words(principal, caller)
        service = principal.kind == "Service"
        given = {**own, **({} if service else stated), **_now()}
        yield _check(f"{who} assumes the role", "allowed", _assume(grant, caller, given))
        for key in {} if service else stated:
            less = {name: value for name, value in given.items() if name != key}
            yield _check(f"{who} without {key}", "refused", _assume(grant, caller, less))
        if grant.expires is not None:
            late = {**given, **_now(grant.expires + timedelta(seconds=1))}
            yield _check(f"{who} after the end", "refused", _assume(grant, caller, late))
    yield from _strangers(grant, stated)


def _strangers(grant: TrustGrant, stated: Context) -> Iterator[Check]:
    given = {**stated, **_now()}
    whole = {principal.account_id for principal in grant.principals if principal.is_account}
    named = {principal.account_id for principal in grant.principals if principal.account_id}
    for account in sorted(named - whole):
        somebody = str(Arn.user(account, "somebody-else", "/", grant.partition))
        yield _check(f"somebody else of {account} assumes the role", "refused", _assume(grant, somebody, given))
    other = next(account for n in count() if (account := f"{n:012}") not in named | {grant.account})
    outsider = {key: value for key, value in given.items() if key != "aws:PrincipalOrgID"}
    stranger = str(Arn.user(other, "stranger", "/", grant.partition))
    yield _check("a user of another account assumes the role", "refused", _assume(grant, stranger, outsider))
    yield _check("somebody anonymous assumes the role", "refused", _assume(grant, "*", outsider))


def _assume(grant: TrustGrant, caller: str, context: Context) -> Decision:
    request = AccessRequest(principal=caller, action="sts:AssumeRole", resource=grant.role_arn, context=context)
    anything = PolicyDocument([Statement.allow("sts:*", "*")])
    return evaluate(request, PolicySet(identity=[anything], resource=grant.trust_policy))


def _somebody(principal: Principal, partition: str) -> tuple[str, dict[str, str]]:
    """A caller who is meant by a principal, and the context that makes them so."""
    context = {condition.key: _example(condition.values[0]) for condition in principal.conditions}
    arn = context.get("aws:PrincipalArn")
    if arn is not None:
        return arn, context
    if principal.is_account or principal.is_anyone:
        return str(Arn.user(principal.account_id or "666666666666", "somebody", "/", partition)), context
    return principal.value, context


def _in_words(principal: Principal, caller: str) -> str:
    return f"a user of {principal.account_id}" if principal.is_account and not principal.conditions else caller


def _stated(grant: TrustGrant) -> dict[str, str]:
    """What a caller brings who fulfils the grant's conditions."""
    stated: dict[str, str] = {}
    if grant.external_id is not None:
        stated["sts:ExternalId"] = grant.external_id
    if grant.needs_mfa:
        stated["aws:MultiFactorAuthPresent"] = "true"
    if grant.mfa_max_age is not None:
        stated["aws:MultiFactorAuthAge"] = str(grant.mfa_max_age - 1)
    if grant.organization_id is not None:
        stated["aws:PrincipalOrgID"] = grant.organization_id
    if grant.source_ips:
        stated["aws:SourceIp"] = str(ipaddress.ip_network(grant.source_ips[0])[0])
    stated |= {f"aws:RequestTag/{key}": _example(values[0]) for key, values in grant.session_tags.items()}
    if grant.source_identity:
        stated["sts:SourceIdentity"] = _example(grant.source_identity[0])
    return stated


def _now(moment: datetime | None = None) -> dict[str, str]:
    return {"aws:CurrentTime": (moment or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _example(pattern: str) -> str:
    return re.sub(r"\$\{([*?$])\}", r"\1", re.sub(r"(?<!\{)[*?](?!\})", "x", pattern))


# What the role can do


def _managed(grant: TrustGrant, iam: IAMClient | None) -> tuple[dict[str, PolicyDocument], list[Check]]:
    """The documents of managed policies that could be read, and a check for each that could not."""
    arns = dict.fromkeys(filter(None, (*grant.managed_policy_arns, grant.permissions_boundary)))
    found: dict[str, PolicyDocument] = {}
    assumed: list[Check] = []
    for arn, (document, why) in zip(arns, run_concurrently(*(partial(_read, arn, iam) for arn in arns))):
        if document is None:
            assumed.append(Check(name=f"policy {arn}", expected="as named", observed="assumed", ok=None, why=why))
        else:
            found[arn] = document
    return found, assumed


def _read(arn: str, iam: IAMClient | None) -> tuple[PolicyDocument | None, str]:
    from botocore.exceptions import BotoCoreError, ClientError

    if iam is None:
        return None, "known by its ARN only: give prove() a session"
    try:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        answer = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        # Botocore has decoded it, although its type says text.
        return PolicyDocument.parse(cast("Mapping[str, object] | str", answer), name=arn), ""
    except (ClientError, BotoCoreError, PolicyError) as error:
        return None, f"not read: {error}"


def _doing(grant: TrustGrant, documents: Sequence[PolicyDocument], boundary: PolicyDocument | None) -> Iterator[Check]:
    policies = PolicySet(identity=documents, boundary=boundary)
    own = not all(map(_only_reads, documents))
    places = dict.fromkeys(place for document in documents for place in _places(document))
    # A policy that is not about one bucket is asked about any.
    places = places or dict.fromkeys([("any-bucket", "")] if documents else ())
    anywhere = ("any-bucket", "") in places
    buckets = {bucket for bucket, _ in places}

    def ask(action: str, bucket: str, key: str = "", prefix: str | None = None) -> Decision:
        resource = str(Arn.bucket(bucket, grant.partition)) + (f"/{key}" if key else "")
        context = {} if prefix is None else {"s3:prefix": prefix}
        request = AccessRequest(
            principal=grant.role_arn, action=action, resource=resource, resource_account=grant.account, context=context
        )
        return evaluate(request, policies)

    for bucket, prefix in places:
        where, key = f"s3://{bucket}/{prefix}", f"{prefix}example"
        yield _check(f"the role lists {where}", "allowed", ask("s3:ListBucket", bucket, prefix=prefix), as_given=own)
        yield _check(f"the role reads {where}example", "allowed", ask("s3:GetObject", bucket, key), as_given=anywhere)
        if not anywhere and (neighbour := f"{bucket}-neighbour"[-63:]) not in buckets:
            asked = ask("s3:GetObject", neighbour, key)
            yield _check(f"the role reads s3://{neighbour}/{key}", "refused", asked, as_given=own)
        begins = [begin for other, begin in places if other == bucket]
        if not any(f"neighbour-of-{prefix}example".startswith(begin) for begin in begins):
            asked = ask("s3:GetObject", bucket, f"neighbour-of-{key}")
            yield _check(f"the role reads s3://{bucket}/neighbour-of-{key}", "refused", asked, as_given=own)
        for verb, action in (("writes", "s3:PutObject"), ("deletes", "s3:DeleteObject")):
            asked = ask(action, bucket, key)
            yield _check(f"the role {verb} {where}example", "refused", asked, as_given=grant.may_write)
    if documents:
        yield _anything_else(grant, documents, boundary)


def _anything_else(grant: TrustGrant, documents: Sequence[PolicyDocument], boundary: PolicyDocument | None) -> Check:
    """Whether any statement lets the role do more than read, be its resources and conditions as they may."""
    # Keys and roles that leave the decision to the account's own policies.
    owner = PolicyDocument([Statement.allow("*", "*", principals=[Principal.account(grant.account)])])
    policies = PolicySet(
        identity=filter(None, map(_at_its_widest, documents)),
        boundary=None if boundary is None else _at_its_widest(boundary),
        resource=owner,
    )
    name, expected = "the role does more than read", "refused"
    for document in documents:
        for number, statement in enumerate(document.statements, start=1):
            for action in _writes(statement):
                asked = AccessRequest(principal=grant.role_arn, action=action, resource="*")
                if evaluate(asked, policies).allowed:
                    why = f"{document.name}, statement {number} allows {action}"
                    if grant.may_write:
                        return Check(name=name, expected=expected, observed="allowed", ok=None, why=why)
                    why += ": give may_write=True where that is meant"
                    return Check(name=name, expected=expected, observed="allowed", ok=False, why=why)
    return Check(name=name, expected=expected, observed="refused", ok=True)


def _at_its_widest(document: PolicyDocument) -> PolicyDocument | None:
    """What a document allows somewhere at some time, less what it denies everywhere and always; None for nothing."""
    statements = [
        evolve(statement, resources="*", not_resources=(), conditions=()) if statement.effect == "Allow" else statement
        for statement in document.statements
        if statement.effect == "Allow" or not statement.conditions
    ]
    return PolicyDocument(statements, name=document.name) if statements else None


def _writes(statement: Statement) -> Iterator[str]:
    """Examples of the actions beside reading that a statement may allow."""
    for pattern in (statement.actions or ("*",)) if statement.effect == "Allow" else ():
        _, _, name = pattern.partition(":")
        if not name:
            yield from _ANY_WRITE
        elif not _READS.match(name):
            yield pattern.replace("*", "Write").replace("?", "x")


def _only_reads(document: PolicyDocument) -> bool:
    return any(statement.sid in _READING for statement in document.statements)


def _places(document: PolicyDocument) -> Iterator[tuple[str, str]]:
    """The buckets and prefixes that a document lets its bearer read."""
    for statement in document.statements:
        if statement.effect == "Allow" and _may("s3:GetObject", statement.actions or ()):
            for resource in statement.resources or ():
                match = re.fullmatch(r"arn:[\w-]+:s3:::([^/*?$]+)/(.*)\*", resource)
                if match and not re.search(r"(?<!\{)[*?]", match[2]):
                    yield match[1], _example(match[2])


def _may(action: str, patterns: Iterable[str]) -> bool:
    return any(re.fullmatch(re.escape(p.lower()).replace(r"\*", ".*"), action.lower()) for p in patterns)
