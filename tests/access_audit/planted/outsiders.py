"""Findings about who is let in from outside, and decoys that look like them."""

from __future__ import annotations

from typing import Any

from tests.access_audit.planted.builder import CLOSED, MANAGEMENT, ORGANIZATION, Builder, day

__all__ = [
    "external", "external_decoy", "public", "public_decoy", "root_of_unknown", "root_of_unknown_decoy", "third_party",
    "third_party_decoy",
]  # fmt: skip

EXTERNAL_ID = "sts:ExternalId"


def external_id(b: Builder) -> dict[str, dict[str, Any]]:
    """A condition that no request without an external ID meets."""
    return b.one([
        {"StringEquals": {EXTERNAL_ID: b.word()}},
        {"StringEquals": {EXTERNAL_ID: [b.word(), b.word()]}},
        {"StringLike": {EXTERNAL_ID: f"{b.word()}-*"}},
        {"ForAnyValue:StringEquals": {EXTERNAL_ID: [b.word(), b.word()]}},
        {"StringEqualsIgnoreCase": {EXTERNAL_ID: b.word()}},
        {"Null": {EXTERNAL_ID: "false"}, "StringNotEquals": {EXTERNAL_ID: "default"}},
    ])  # fmt: skip


def no_external_id(b: Builder) -> dict[str, dict[str, Any]]:
    """A condition that a request without an external ID meets."""
    return b.one([
        {},
        {"StringEqualsIfExists": {EXTERNAL_ID: b.word()}},
        {"StringNotEquals": {EXTERNAL_ID: b.word()}},
        {"ForAllValues:StringEquals": {EXTERNAL_ID: [b.word(), b.word()]}},
        {"Null": {EXTERNAL_ID: "true"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"StringLike": {"sts:RoleSessionName": f"{b.word()}-*"}},
    ])  # fmt: skip


def outsider(b: Builder, account: str) -> str:
    """A user or a role of an account, as a principal."""
    return b.one([
        f"arn:aws:iam::{account}:user/{b.word()}", f"arn:aws:iam::{account}:user/{b.word(4)}/{b.word()}",
        f"arn:aws:iam::{account}:role/{b.word()}", f"arn:aws:sts::{account}:assumed-role/{b.word()}/{b.word()}",
    ])  # fmt: skip


# public


def public(b: Builder, number: int) -> None:
    """Plant a role or a resource that strangers can use."""
    account, other = b.two()
    open_conditions: list[dict[str, dict[str, Any]]] = [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
        {"StringNotEquals": {"aws:PrincipalAccount": b.unknown()}},
        {"StringLike": {"aws:userid": "*"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}, "Null": {"aws:PrincipalOrgID": "true"}},
        {"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": f"{ORGANIZATION}/*"}},
        {"StringEquals": {EXTERNAL_ID: b.word()}},
        {"StringEquals": {"aws:PrincipalTag/team": b.word()}},
        {"DateLessThan": {"aws:CurrentTime": day(40)}},
    ]
    conditions = open_conditions[number % len(open_conditions)]
    form = number % 5
    if form == 3:
        resource = b.resource_arn(account, "sqs")
        statement = b.statement("*", conditions, action="sqs:SendMessage", resource=resource)
        b.expect("public", b.resource(account, "sqs", statement, arn=resource), "*")
        return
    statements = [b.statement("*", conditions)]
    if form == 1:  # a Deny for somebody else
        statements.append(b.statement({"AWS": b.account_name(other)}, effect="Deny"))
    if form == 2:  # a narrow statement besides it
        statements.append(b.statement("*", {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}))
    b.expect("public", b.role(account, *statements), "*")


def public_decoy(b: Builder, number: int) -> None:
    """Plant a trust of everybody that lets in nobody but the organization."""
    account, other = b.two()
    closed: list[dict[str, dict[str, Any]]] = [
        {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
        {"StringLike": {"aws:PrincipalOrgID": ORGANIZATION}},
        {"StringEquals": {"aws:PrincipalAccount": [account, other]}},
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{other}:role/*"}},
        {"ArnEquals": {"aws:PrincipalArn": [f"arn:aws:iam::{other}:user/{b.word()}"]}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORGANIZATION}/r-ab12/*"}},
        {"StringEquals": {"aws:SourceVpce": f"vpce-{b.random.randrange(16**8):08x}"}},
    ]
    form = number % (len(closed) + 3)
    if form < len(closed):
        b.role(account, b.statement("*", closed[form]))
    elif form == len(closed):
        b.role(account, b.statement("*"), path=f"{CLOSED}{b.word(4)}/")
    else:
        operator = b.one(["StringNotEquals", "StringNotLike", "StringNotEqualsIfExists"])
        deny = b.statement("*", {operator: {"aws:PrincipalOrgID": ORGANIZATION}}, effect="Deny")
        if form == len(closed) + 1:
            b.role(account, b.statement("*"), deny)
        else:
            resource = b.resource_arn(account, "sqs")
            allow = b.statement("*", action="sqs:SendMessage", resource=resource)
            b.resource(account, "sqs", allow, {**deny, "Action": "sqs:*", "Resource": resource}, arn=resource)


# external-account


def external(b: Builder, number: int) -> None:
    """Plant access of an account of a known owner, of a principal of an unknown one, or of an organization."""
    account, _ = b.two()
    form = number % 7
    if form == 0:
        who = b.vendor()
        role = b.role(account, b.statement({"AWS": b.account_name(who)}, external_id(b)))
    elif form == 1:
        who = b.unknown()
        role = b.role(account, b.statement({"AWS": outsider(b, who)}, external_id(b)))
    elif form == 2:  # an AWS service's account needs no external ID
        who = b.of_aws()
        role = b.role(account, b.statement({"AWS": b.account_name(who)}))
    elif form == 3:
        who = f"o-{b.word(10).lower()}"
        role = b.role(account, b.statement("*", {"StringEquals": {"aws:PrincipalOrgID": [who, ORGANIZATION]}}))
    elif form == 4:  # the external ID is required by a Deny
        who = b.auditor
        deny = b.statement("*", {"Null": {EXTERNAL_ID: "true"}}, effect="Deny")
        role = b.role(account, b.statement({"AWS": b.account_name(who)}), deny)
    elif form == 5:
        who = b.vendor()
        role = b.resource_arn(account, "s3")
        allow = b.statement({"AWS": b.account_name(who)}, action="s3:GetObject", resource=f"{role}/*")
        b.resource(account, "s3", allow, arn=role)
    else:
        who = b.vendor()
        role = b.role(account, b.statement("*", {"StringEquals": {"aws:PrincipalAccount": who, EXTERNAL_ID: b.word()}}))
    b.expect("external-account", role, who)


def external_decoy(b: Builder, number: int) -> None:
    """Plant a policy that names an account outside and does not let it in, or an account that is not outside."""
    account, other = b.two()
    form, who = number % 8, b.one([b.vendor(), b.unknown()])
    principal = {"AWS": b.one([b.account_name(who), outsider(b, who)])}
    if form == 0:  # closed by a resource control policy
        b.expect("dead-trust", b.role(account, b.statement(principal), path=CLOSED), principal["AWS"])
    elif form == 1:
        deny = b.statement("*", {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}, effect="Deny")
        b.expect("dead-trust", b.role(account, b.statement(principal), deny), principal["AWS"])
    elif form == 2:  # members of the organization only
        condition = {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
        b.expect("dead-trust", b.role(account, b.statement(principal, condition)), principal["AWS"])
    elif form == 3:  # a Deny names it, and the user is inside
        arn = b.role_arn(account)
        b.role_at(arn, b.statement({"AWS": b.caller(other, arn)}), b.statement(principal, effect="Deny"))
    elif form == 4:
        b.role(account, b.statement(principal, action=b.one(["sts:TagSession", "sts:SetSourceIdentity"])))
    elif form == 5:  # members of the organization that were not read
        b.role(account, b.statement({"AWS": outsider(b, b.one([*b.unread, MANAGEMENT]))}))
    elif form == 6:
        b.role(account, b.statement({"AWS": outsider(b, b.own)}))
    else:
        resource = b.resource_arn(account, "secretsmanager")
        get = {"action": "secretsmanager:GetSecretValue", "resource": "*"}
        allow = b.statement({"AWS": [b.account_name(other), b.account_name(who)]}, **get)
        b.resource(account, "secretsmanager", allow, b.statement({"AWS": who}, effect="Deny", **get), arn=resource)


# third-party-without-external-id and root-of-unknown-account


def third_party(b: Builder, number: int) -> None:
    """Plant a trust of a third party that needs no external ID. It is a trust of an account outside too."""
    account, _ = b.two()
    form = number % 4
    who = b.unknown() if form == 1 else b.vendor()
    principal = {"AWS": outsider(b, who) if form == 2 else b.account_name(who)}
    statements = [b.statement(principal, no_external_id(b))]
    if form == 3:  # another statement requires one
        statements.append(b.statement({"AWS": who}, external_id(b)))
    role = b.role(account, *statements)
    b.expect("third-party-without-external-id", role, who)
    b.expect("root-of-unknown-account" if form == 1 else "external-account", role, who)


def third_party_decoy(b: Builder, number: int) -> None:
    """Plant a trust that needs an external ID, or no third party's."""
    account, other = b.two()
    form, who = number % 4, b.vendor()
    if form == 0:
        role = b.role(account, b.statement({"AWS": b.account_name(who)}, external_id(b)))
        b.expect("external-account", role, who)
    elif form == 1:
        deny = b.statement(
            {"AWS": b.account_name(who)},
            b.one([{"Null": {EXTERNAL_ID: "true"}}, {"StringNotEquals": {EXTERNAL_ID: b.word()}}]),
            effect="Deny",
        )
        role = b.role(account, b.statement({"AWS": b.account_name(who)}, no_external_id_but_null(b)), deny)
        b.expect("external-account", role, who)
    elif form == 2:  # within the organization
        b.role(account, b.statement({"AWS": b.caller(other)}, effect="Deny"))
        b.role(account, b.statement({"AWS": b.caller(account)}, no_external_id_but_null(b)))
    else:
        who = b.of_aws()
        b.expect("external-account", b.role(account, b.statement({"AWS": outsider(b, who)})), who)


def no_external_id_but_null(b: Builder) -> dict[str, dict[str, Any]]:
    """A condition that requests with and without an external ID meet."""
    return b.one([{}, {"Bool": {"aws:SecureTransport": "true"}}])


def root_of_unknown(b: Builder, number: int) -> None:
    """Plant a trust of an account that nobody knows."""
    account, other = b.two()
    form, who = number % 4, b.unknown()
    if form == 0:
        role = b.role(account, b.statement({"AWS": b.account_name(who)}, external_id(b)))
    elif form == 1:  # among others, with a principal of it in another statement
        both = b.statement({"AWS": [b.account_name(who), b.caller(account)]}, external_id(b))
        role = b.role(account, both, b.statement({"AWS": outsider(b, who)}, external_id(b)))
        b.expect("external-account", role, who)
    elif form == 2:
        needs = {"StringEquals": {"aws:PrincipalAccount": [who, other], EXTERNAL_ID: b.word()}}
        role = b.role(account, b.statement("*", needs))
    else:
        deny = b.statement("*", {"Null": {EXTERNAL_ID: "true"}}, effect="Deny")
        role = b.role(account, b.statement({"AWS": b.account_name(who)}), deny)
    b.expect("root-of-unknown-account", role, who)


def root_of_unknown_decoy(b: Builder, number: int) -> None:
    """Plant a trust of an account that somebody knows, or of a principal of an unknown account."""
    account, other = b.two()
    form = number % 5
    if form == 0:
        role = b.role(account, b.statement({"AWS": b.account_name(b.auditor)}, external_id(b)))
        b.expect("external-account", role, b.auditor)
    elif form == 1:
        who = b.one([b.own, MANAGEMENT, *b.unread])
        b.expect("whole-account", b.role(account, b.statement({"AWS": b.account_name(who)})), who)
    elif form == 2:
        b.role(account, b.statement({"AWS": b.account_name(account)}))
    elif form == 3:
        b.role(account, b.statement({"AWS": b.account_name(b.unknown())}, action="sts:TagSession"))
    else:
        name = b.account_name(other)
        b.expect("dead-trust", b.role(account, b.statement({"AWS": name}, external_id(b))), name)
