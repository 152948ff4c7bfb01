"""The findings about whom a role trusts: their texts and fixes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from xacct.access_audit.finding import FINDING_KINDS, Finding, FindingKind, Fix, Severity
from xacct.access_audit.permissions import ASSUME_ROLE
from xacct.access_audit.subject import Subject, Surroundings
from xacct.access_audit.way import Hop
from xacct.authz import AccessRequest
from xacct.policy import Condition, Principal, Statement

__all__ = [
    "dead_trust",
    "external",
    "foreign_organization",
    "is_of_aws",
    "public",
    "whole_account",
    "without_external_id",
]

# The most principals that an explanation or a fix names.
_MOST_NAMES = 5


def is_of_aws(account: str, surroundings: Surroundings) -> bool:
    """Return whether an account belongs to an AWS service."""
    known = surroundings.known_accounts.get(account)
    return known is not None and known.kind == "aws"


def public(subject: Subject, hop: Hop) -> Finding:
    """Report that somebody whom the trust policy does not name can assume the role."""
    return _finding(
        "public",
        subject,
        "*",
        hop,
        why=f"Anybody with an AWS account can assume {subject.arn}: the trust policy lets in a principal of an "
        f"account that it does not name. {_needs(hop)}",
        fix=Fix(
            text="Trust the accounts that need the role, or require aws:PrincipalOrgID.",
            statement=_statement([Principal.account("111122223333", subject.partition)], hop),
        ),
    )


def foreign_organization(subject: Subject, organization: str, hop: Hop) -> Finding:
    """Report that every account of another organization can assume the role."""
    return _finding(
        "external-account",
        subject,
        organization,
        hop,
        why=f"Every account of the organization {organization} can assume {subject.arn}, and that is not this "
        f"organization. {_needs(hop)}",
        fix=Fix(text="Trust the accounts of that organization that need the role, or remove the statement."),
    )


def external(
    subject: Subject, kind: FindingKind, account: str, principal: Principal, hop: Hop, surroundings: Surroundings
) -> Finding:
    """Report that an account outside of the organization can assume the role."""
    known = surroundings.known_accounts.get(account)
    severity: Severity | None = None
    if known is not None:
        severity = "info" if known.kind == "aws" else "low"
    whose = f" of {known.name}" if known is not None else ", whose owner is not known,"
    who = f"Account {account}{whose}" if principal.is_account else f"{principal.value} in account {account}{whose}"
    return _finding(
        kind,
        subject,
        account,
        hop,
        name=surroundings.name_of(account),
        severity=severity,
        why=f"{who} can assume {subject.arn}; the account is outside of the zone of trust. {_needs(hop)}",
        fix=Fix(
            text=f"If nobody needs it, remove the statement from the trust policy; if account {account} is yours or a "
            "vendor's, add it to the known accounts."
        ),
    )


def without_external_id(subject: Subject, account: str, hop: Hop, surroundings: Surroundings) -> Finding:
    """Report that a third party can assume the role without an external ID."""
    name = surroundings.name_of(account)
    who = f"{name} ({account})" if name else f"account {account}"
    external_id = Condition("StringEquals", "sts:ExternalId", ("THE-ID-FROM-THE-THIRD-PARTY",))
    return _finding(
        "third-party-without-external-id",
        subject,
        account,
        hop,
        name=name,
        why=f"The third party {who} can assume {subject.arn} without an external ID. Another of its customers could "
        "name this role and make the third party act in your account.",
        fix=Fix(
            text="Require the external ID that the third party issued for you.",
            statement=_statement([Principal.account(account, subject.partition)], hop, [external_id]),
        ),
    )


def whole_account(
    subject: Subject, account: str, hop: Hop, hops: Sequence[Hop] | None, surroundings: Surroundings
) -> Finding:
    """Report that a role trusts a whole account of the organization, and who of it can assume the role.

    Args:
        subject: the role.
        account: the account.
        hop: how one of its principals assumes the role.
        hops: how each of its principals does that can; None if the account was not read.
        surroundings: what is known of the accounts.
    """
    name = surroundings.name_of(account)
    trusts = f"{subject.arn} trusts every principal of account {account}{f' ({name})' if name else ''}."
    callers = sorted({one.caller for one in hops or ()})
    if hops is None:
        who = "That account was not read, so it is not known who of it can assume the role."
        fix = Fix(text="Trust the roles or users that need it instead of the account.")
    else:
        number = f"{len(callers)} of its users and roles" if len(callers) > 1 else "One of its users and roles"
        more = f" and {len(callers) - _MOST_NAMES} more" if len(callers) > _MOST_NAMES else ""
        decided = [one for one in hops if one.witness is not None]
        hop = decided[0] if decided else hop
        can = "can" if len(decided) == len(hops) else "can, or may by policies that were not read or decided,"
        who = f"{number} {can} assume it: {', '.join(callers[:_MOST_NAMES])}{more}."
        # Without a decision, the conditions of the present statement are not known.
        has_statement = bool(decided) and len(callers) <= _MOST_NAMES
        fix = Fix(
            text="Trust the roles or users that need it instead of the account.",
            statement=_statement([Principal.parse(caller) for caller in callers], hop) if has_statement else None,
        )
    return _finding("whole-account", subject, account, hop, name=name, why=f"{trusts} {who}", fix=fix)


def dead_trust(
    subject: Subject, principal: Principal, surroundings: Surroundings, witness: AccessRequest | None
) -> Finding:
    """Report that nobody can use the trust of an account, a user, a role or a session.

    Args:
        subject: the role.
        principal: whom it trusts.
        surroundings: what is known of the accounts.
        witness: a request that is denied; None if nobody can send it, since the principal does not exist.
    """
    account = principal.account_id or ""
    if principal.is_account:
        why = f"No user or role of account {account} can assume {subject.arn}, which trusts the account."
        text = f"Remove account {account} from the trust policy; if it is to use the role, it must allow that itself."
    elif witness is not None:
        why = f"{principal.value} cannot assume {subject.arn}, which trusts it."
        text = f"Remove {principal.value} from the trust policy; if it is to use the role, its account must allow it."
    else:
        why = f"{subject.arn} trusts {principal.value}, which does not exist in account {account}."
        text = f"Remove {principal.value} from the trust policy, or correct its name."
    return Finding(
        kind="dead-trust",
        severity=FINDING_KINDS["dead-trust"].severity,
        account=subject.account,
        resource=subject.arn,
        principal=principal.value,
        principal_name=surroundings.name_of(account),
        statements=tuple(subject.source_of(s) for s in subject.allows if principal in s.statement.principals),
        witness=witness,
        why=f"{why} Until both sides allow it, the trust has no effect.",
        fix=Fix(text=text),
        owner=subject.owner,
    )


def _finding(
    kind: FindingKind,
    subject: Subject,
    principal: str,
    hop: Hop,
    *,
    why: str,
    fix: Fix,
    name: str = "",
    severity: Severity | None = None,
) -> Finding:
    return Finding(
        kind=kind,
        severity=severity or FINDING_KINDS[kind].severity,
        account=subject.account,
        resource=subject.arn,
        principal=principal,
        principal_name=name,
        answer=hop.answer,
        conditions=hop.conditions,
        statements=hop.statements,
        witness=hop.witness,
        why=why,
        fix=fix,
        owner=subject.owner,
    )


def _needs(hop: Hop) -> str:
    if hop.undecided:
        return f"That was not decided completely: {'; '.join(hop.undecided)}."
    if not hop.conditions:
        return "It needs nothing else."
    return f"It depends on what the request has: {', '.join(hop.conditions)}."


def _statement(principals: Sequence[Principal], hop: Hop, more: Sequence[Condition] = ()) -> dict[str, object]:
    """Return a statement that lets in only some principals, on the conditions of the present one."""
    present = next((Statement.parse(json.loads(source.text)) for source in hop.statements), None)
    conditions = [*(present.conditions if present is not None else ()), *more]
    return Statement.allow(ASSUME_ROLE, principals=principals, conditions=conditions).to_dict()
