"""Findings about accounts of the organization that trust each other, and decoys that look like them."""

from __future__ import annotations

from typing import Any

from tests.access_audit.planted.builder import ASSUME_ROLE, FROZEN, ORGANIZATION, Builder, day

__all__ = [
    "dead_permission", "dead_permission_decoy", "dead_trust", "dead_trust_decoy", "transitive", "transitive_decoy",
    "whole_account", "whole_account_decoy",
]  # fmt: skip


def flipped(role: str) -> str:
    """The ARN of a role whose name is in another letter case."""
    path, _, name = role.rpartition("/")
    return f"{path}/{name.swapcase()}"


# whole-account


def whole_account(b: Builder, number: int) -> None:
    """Plant a trust of a whole account that somebody there uses."""
    account, other = b.two()
    conditions: list[dict[str, dict[str, Any]]] = [
        {},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
        {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{other}:role/{b.word()}"}},
        {"StringEquals": {"sts:ExternalId": b.word()}},
        {"DateLessThan": {"aws:CurrentTime": day(30)}},
        {"StringEqualsIgnoreCase": {"aws:PrincipalTag/Team": "Data"}},
    ]
    arn = b.role_arn(account)
    for _ in range(b.random.randint(1, 2)):
        b.caller(other, b.matching(arn), tags={"team": "data"})
    statement = b.statement({"AWS": b.account_name(other)}, conditions[number % len(conditions)])
    b.expect("whole-account", b.role_at(arn, statement), other)


def whole_account_decoy(b: Builder, number: int) -> None:
    """Plant a trust of some principals of an account."""
    account, other = b.two()
    arn = b.role_arn(account)
    form = number % 7
    unique = b.unique_id("AROA")
    user = b.caller(other, b.matching(arn), kind="role" if form == 3 else "", unique_id=unique, tags={"id": b.word()})
    narrowed: list[dict[str, dict[str, Any]]] = [
        {"ArnEquals": {"aws:PrincipalArn": user}},
        {"ArnLike": {"aws:PrincipalArn": f"{user[:-4]}*"}},
        {"StringEquals": {"aws:PrincipalArn": [user, f"arn:aws:iam::{other}:user/{b.word()}"]}},
        {"StringLike": {"aws:userid": f"{unique}:*"}},
    ]
    name = b.account_name(other)
    if form < len(narrowed):
        b.role_at(arn, b.statement({"AWS": name}, narrowed[form]))
    elif form == 4:
        b.role_at(arn, b.statement({"AWS": user}), b.statement({"AWS": b.account_name(account)}))
    elif form == 5:
        deny = b.statement({"AWS": name}, {"ArnNotLike": {"aws:PrincipalArn": user}}, effect="Deny")
        b.role_at(arn, b.statement({"AWS": name}), deny)
    else:
        b.role_at(arn, b.statement("*", {"ArnEquals": {"aws:PrincipalArn": user}}))


# dead-trust


def dead_trust(b: Builder, number: int) -> None:
    """Plant a trust that nobody can use. If somebody is permitted in vain, that is a dead permission too."""
    account, other = b.two()
    form = number % 10
    arn = b.role_arn(account, path=f"{FROZEN}{b.word(4)}/" if form == 6 else None)
    principal, conditions, permitted = b.account_name(other), {}, ""
    if form == 0:
        b.caller(other)
    elif form == 1:
        principal = b.one([f"arn:aws:iam::{other}:user/{b.word()}", b.role_arn(other)])
    elif form == 2:
        principal = b.caller(other)
    elif form == 3:
        permitted = b.caller(other, flipped(arn))
        b.expect("dead-permission", flipped(arn), permitted)
        permitted = ""
    elif form == 4:
        permitted = b.caller(other, arn, boundary={"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    elif form == 5:
        deny = {"Effect": "Deny", "Action": "sts:*", "Resource": b.matching(arn)}
        permitted = principal = b.caller(other, arn, others=[deny])
    elif form == 6:
        permitted = b.caller(other, arn)
    elif form == 7:
        permitted = b.caller(other, arn, kind="user", tags={"team": b.word()})
        conditions = {"StringEquals": {"aws:PrincipalTag/team": b.word()}}
    elif form == 8:
        permitted = b.caller(other, arn)
        conditions = {"StringEquals": {"aws:PrincipalOrgID": f"o-{b.word(10).lower()}"}}
    else:  # within the account
        principal = b.one([f"arn:aws:iam::{account}:user/{b.word()}", b.role_arn(account)])
    b.role_at(arn, b.statement({"AWS": principal}, conditions))
    b.expect("dead-trust", arn, principal)
    if permitted:
        b.expect("dead-permission", arn, permitted)


def dead_trust_decoy(b: Builder, number: int) -> None:
    """Plant a trust that looks unused."""
    account, other = b.two()
    form = number % 8
    arn = b.role_arn(account)
    if form in (0, 7):  # a policy of AWS is not in the data
        user = b.caller(b.incomplete, attached=("arn:aws:iam::aws:policy/PowerUserAccess",))
        b.role_at(arn, b.statement({"AWS": b.account_name(b.incomplete) if form else user}))
        if form:
            b.expect("whole-account", arn, b.incomplete)
    elif form == 1:
        user = b.caller(other, b.matching(arn), conditions={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
        b.role_at(arn, b.statement({"AWS": user}))
    elif form == 2:
        user = b.caller(other, f"arn:aws:iam::*:role{arn.split(':role', 1)[1]}", conditions={
            "StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}
        })  # fmt: skip
        b.role_at(arn, b.statement({"AWS": user}))
    elif form == 3:  # within the account, the trust of a user is enough
        b.role_at(arn, b.statement({"AWS": b.caller(account)}))
    elif form == 4:
        b.role_at(arn, b.statement({"AWS": b.account_name(account)}))
    elif form == 5:
        tag = b.word()
        user = b.caller(other, b.matching(arn), kind="user", tags={"team": tag})
        b.role_at(arn, b.statement({"AWS": user}, {"StringEquals": {"aws:PrincipalTag/Team": [tag, b.word()]}}))
    else:  # the Deny is for other hours
        deny = {"Effect": "Deny", "Action": ASSUME_ROLE, "Resource": "*",
                "Condition": {"DateLessThan": {"aws:CurrentTime": day(-10)}}}  # fmt: skip
        user = b.caller(other, b.matching(arn), others=[deny])
        b.role_at(arn, b.statement({"AWS": user}, {"DateGreaterThan": {"aws:CurrentTime": day(-20)}}))


# dead-permission


def dead_permission(b: Builder, number: int) -> None:
    """Plant a permission for a role that does not exist or does not let the principal in."""
    account, other = b.two()
    form = number % 7
    arn = b.role_arn(account)
    insider = b.statement({"AWS": b.caller(account)})
    if form == 0:
        named = arn
    elif form == 1:
        b.role_at(arn, insider)
        named = flipped(arn)
    elif form == 2:  # without its path, or with another one
        b.role_at(arn := b.role_arn(account, path=f"/{b.word(4)}/"), insider)
        named = f"arn:aws:iam::{account}:role/{b.one(['', b.word(3) + '/'])}{arn.rpartition('/')[2]}"
    elif form == 3:
        named = b.one([f"{arn}*", f"{arn[:-2]}??", f"arn:aws:iam::{account}:role/*/{b.word()}"])
    elif form == 4:
        b.role_at(arn, b.statement({"AWS": b.account_name(account)}))
        named = arn
    elif form == 5:
        b.role_at(arn, insider, b.statement({"AWS": b.account_name(other)}, effect="Deny"))
        named = arn
    else:  # by an account's ID, without the name of the role
        b.role_at(arn, b.statement({"Service": "ec2.amazonaws.com"}))
        named = arn
    b.expect("dead-permission", named, b.caller(other, named))


def dead_permission_decoy(b: Builder, number: int) -> None:
    """Plant a permission that somebody can use, or that says nothing of roles that were read."""
    account, other = b.two()
    form = number % 7
    arn = b.role_arn(account)
    if form == 0:
        b.caller(other, b.role_arn(b.one([*b.unread, b.unknown()])))
    elif form == 1:
        b.caller(
            other, f"arn:aws:iam::*:role/{b.word()}", f"arn:aws:iam::{account}:role/{b.word()}-${{aws:PrincipalTag/r}}"
        )
    elif form == 2:
        b.role_at(arn, b.statement({"AWS": b.caller(other, arn)}))
    elif form == 3:  # other actions, and a Deny
        b.caller(other, others=[
            {"Effect": "Allow", "Action": ["iam:PassRole", "sts:TagSession"], "Resource": arn},
            {"Effect": "Deny", "Action": ASSUME_ROLE, "Resource": flipped(arn)},
        ])  # fmt: skip
    elif form == 4:
        b.role_at(arn, b.statement({"AWS": b.caller(account)}))
        b.caller(other, f"{arn[:-5]}*")
    elif form == 5:
        b.role_at(arn, b.statement({"AWS": b.caller(other, arn, conditions={
            "StringEquals": {"sts:ExternalId": "x"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}
        })}))  # fmt: skip
    else:  # within one account
        b.role_at(arn, b.statement({"AWS": b.account_name(account)}))
        b.caller(account, arn)


# transitive


def transitive(b: Builder, number: int) -> None:
    """Plant a chain of roles through a third account."""
    start, middle, end, last = b.random.sample(b.accounts, 4)
    form = number % 6
    hop, target = b.role_arn(middle), b.role_arn(end)
    principal, conditions, start_conditions = "", {}, {}
    if form == 0:
        principal = b.caller(start, b.matching(hop))
    elif form == 1:  # each step has a condition
        principal = b.caller(start, b.matching(hop), conditions={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
        conditions = {"StringEquals": {"sts:ExternalId": b.word()}}
    elif form == 2:
        b.caller(start, b.matching(hop))
        principal = b.account_name(start)
        b.expect("whole-account", hop, start)
    elif form == 3:  # a third party
        start = b.vendor()
        principal, start_conditions = b.account_name(start), {"StringEquals": {"sts:ExternalId": b.word()}}
        b.expect("external-account", hop, start)
    elif form == 4:  # a step more
        principal = b.caller(start, b.matching(hop))
        far = b.role_arn(last)
        b.expect("transitive", far, start)
        b.expect("transitive", far, middle)
        b.role_at(far, b.statement({"AWS": target}))
    else:  # a step within the account in the middle
        principal = b.caller(start, b.matching(hop))
        inner = b.role_arn(middle)
        trusted = b.one([hop, b.account_name(middle)])
        b.role_at(inner, b.statement({"AWS": trusted}), **b.permission(b.matching(target)))
        b.role_at(target, b.statement({"AWS": inner}))
        b.role_at(hop, b.statement({"AWS": principal}), **b.permission(b.matching(inner)))
        b.expect("transitive", target, start)
        return
    b.role_at(hop, b.statement({"AWS": principal}, start_conditions), **b.permission(b.matching(target)))
    b.role_at(target, b.statement({"AWS": hop}, conditions), **(b.permission(b.matching(far)) if form == 4 else {}))
    b.expect("transitive", target, start)


def transitive_decoy(b: Builder, number: int) -> None:
    """Plant a chain that breaks, that comes back, or that is not needed."""
    start, middle, end = b.random.sample(b.accounts, 3)
    form = number % 5
    hop, target = b.role_arn(middle), b.role_arn(end)
    trusted = [hop]
    policy = b.permission(b.matching(target))
    if form == 0:  # the one in the middle may not go on
        policy = b.permission()
        b.expect("dead-trust", target, hop)
    elif form == 1:
        policy = b.permission(target, others=[{"Effect": "Deny", "Action": ASSUME_ROLE, "Resource": "*"}])
        b.expect("dead-trust", target, hop)
        b.expect("dead-permission", target, hop)
    elif form == 2:  # it comes back
        target = b.role_arn(start)
        policy = b.permission(b.matching(target))
    elif form == 3:  # somebody of the account is trusted itself
        trusted.append(b.caller(start, target))
    b.role_at(hop, b.statement({"AWS": b.caller(start, b.matching(hop))}), **policy)
    b.role_at(target, b.statement({"AWS": trusted}) if form != 4 else b.statement("*"))
    if form == 4:  # everybody is trusted
        b.expect("public", target, "*")
