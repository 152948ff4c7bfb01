"""Findings about what is left over, and decoys that look like them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.access_audit.planted.builder import MANAGEMENT, NOW, ORGANIZATION, Builder, day
from tests.access_audit.planted.outsiders import external_id

from xacct.snapshot import RoleDetail

__all__ = [
    "expired", "expired_decoy", "of_aws", "stale", "stale_decoy", "unused", "unused_decoy",
]  # fmt: skip


def stale(b: Builder, number: int) -> None:
    """Plant the unique ID of a principal that was deleted."""
    account, _ = b.two()
    form, unique = number % 5, b.unique_id(b.one(["AIDA", "AROA"]))
    if form == 0:
        resource = b.role(account, b.statement({"AWS": unique}))
    elif form == 1:
        resource = b.role(account, b.statement({"AWS": [unique, b.caller(account)]}), b.statement({"AWS": unique}))
    elif form == 2:
        allow = b.statement({"AWS": b.account_name(account)})
        resource = b.role(account, allow, b.statement({"AWS": unique}, effect="Deny"))
    elif form == 3:
        first, second = unique, b.unique_id("AIDA")
        resource = b.role(account, b.statement({"AWS": [first, second], "Service": "ec2.amazonaws.com"}))
        b.expect("stale-principal", resource, second)
    else:
        resource = b.resource_arn(account, "sqs")
        deny = {"Effect": "Deny", "NotPrincipal": {"AWS": [unique, f"arn:aws:iam::{account}:root"]}}
        b.resource(account, "sqs", {**deny, "Action": "sqs:*", "Resource": resource}, arn=resource)
    b.expect("stale-principal", resource, unique)


def stale_decoy(b: Builder, number: int) -> None:
    """Plant a name or a condition that looks like a unique ID."""
    account, other = b.two()
    form, unique = number % 4, b.unique_id("AIDA")
    if form == 0:
        arn = b.role_arn(account)
        user = b.caller(other, b.matching(arn), kind="user", arn=f"arn:aws:iam::{other}:user/{unique}")
        b.role_at(arn, b.statement({"AWS": user}))
    elif form == 1:
        condition = {"StringLike": {"aws:userid": f"{b.unique_id('AROA')}:*"}}
        b.role(
            account, b.statement({"AWS": b.caller(account)}, effect="Deny"), b.statement("*", condition, effect="Deny")
        )
    elif form == 2:
        b.role(
            account, b.statement({"AWS": b.caller(account, arn=f"arn:aws:iam::{account}:user/{unique}", kind="user")})
        )
    else:
        arn = b.role_arn(account)
        tags = {"owner": unique}
        user = b.caller(other, b.matching(arn), kind="user", tags=tags)
        b.role_at(arn, b.statement({"AWS": user}, {"StringEquals": {"aws:PrincipalTag/owner": unique}}))


def use(created: int | None, used: int | None, *, known: bool = True) -> dict[str, Any]:
    """When a role was created and last used, so many days ago."""
    days = [None if number is None else NOW - timedelta(days=number) for number in (created, used)]
    return {"created": days[0], "last_used": days[1], "knows_last_use": known}


def unused(b: Builder, number: int) -> None:
    """Plant a role that nobody uses."""
    account, other = b.two()
    random = b.random
    form = number % 4
    when = [
        use(random.randint(402, 900), random.randint(101, 400)), use(random.randint(101, 400), None),
        use(random.randint(402, 2_000), None), use(None, random.randint(101, 399)),
    ][form]  # fmt: skip
    arn = b.role_arn(account)
    trust = b.statement({"AWS": b.caller(other, b.matching(arn))} if form else {"Service": "lambda.amazonaws.com"})
    b.expect("unused-role", b.role_at(arn, trust, **when), "*")


def unused_decoy(b: Builder, number: int) -> None:
    """Plant a role of a job that runs once a quarter, a new role, or one of which the last use is not known."""
    account, _ = b.two()
    random = b.random
    when = [
        use(900, random.randint(85, 100)), use(random.randint(0, 100), None), use(900, None, known=False),
        use(None, None), use(100, random.randint(0, 99)),
    ][number % 5]  # fmt: skip
    b.role(account, b.statement({"Service": "lambda.amazonaws.com"}), **when)


def past(b: Builder) -> dict[str, dict[str, Any]]:
    """A condition that was met in the past."""
    end = -b.random.randint(1, 300)
    seconds = int((NOW + timedelta(days=end)).timestamp())
    return b.one([
        {"DateLessThan": {"aws:CurrentTime": day(end)}},
        {"DateLessThanEquals": {"aws:CurrentTime": day(end)}, "DateGreaterThan": {"aws:CurrentTime": day(end - 30)}},
        {"NumericLessThan": {"aws:EpochTime": str(seconds)}},
        {"DateLessThan": {"aws:EpochTime": str(seconds)}},
        {"DateLessThanIfExists": {"aws:CurrentTime": [day(end - 5), day(end)]}},
    ])  # fmt: skip


def expired(b: Builder, number: int) -> None:
    """Plant access that has ended."""
    account, other = b.two()
    form, condition = number % 6, past(b)
    if form == 0:
        principal = b.account_name(other)
        resource = b.role(account, b.statement({"AWS": principal}, condition))
    elif form == 1:
        principal = b.one(["lambda.amazonaws.com", "states.amazonaws.com"])
        resource = b.role(account, b.statement({"Service": principal}, condition))
    elif form == 2:  # a third party, and everybody
        principal = b.one([b.account_name(b.vendor()), f"arn:aws:iam::{b.unknown()}:role/{b.word()}", "*"])
        who = principal if principal == "*" else {"AWS": principal}
        resource = b.role(account, b.statement(who, {**external_id(b), **condition}))
    elif form == 3:  # each of two
        principal, second = b.account_name(other), b.account_name(b.vendor())
        resource = b.role(account, b.statement({"AWS": [principal, second]}, condition))
        b.expect("expired", resource, second)
    elif form == 4:  # somebody may still assume it in vain
        resource = b.role_arn(account)
        principal = b.caller(other, resource)
        b.role_at(resource, b.statement({"AWS": principal}, condition))
        b.expect("dead-permission", resource, principal)
    else:
        resource, principal = b.resource_arn(account, "s3"), b.account_name(other)
        allow = b.statement({"AWS": principal}, condition, action="s3:GetObject", resource=f"{resource}/*")
        b.resource(account, "s3", allow, arn=resource)
    b.expect("expired", resource, principal)


def expired_decoy(b: Builder, number: int) -> None:
    """Plant access with a date that has not ended, or that something else still gives."""
    account, other = b.two()
    form, days = number % 6, b.random.randint(1, 300)
    arn = b.role_arn(account)
    user = b.caller(other, b.matching(arn))
    trusted = {"AWS": user}
    if form == 0:
        b.role_at(arn, b.statement(trusted, {"DateLessThan": {"aws:CurrentTime": day(days)}}))
    elif form == 1:  # extended
        b.role_at(arn, b.statement(trusted, past(b)), b.statement(trusted))
    elif form == 2:
        b.role_at(arn, b.statement(trusted, {"DateGreaterThan": {"aws:CurrentTime": day(-days)}}))
    elif form == 3:  # a Deny that has ended
        b.role_at(arn, b.statement(trusted), b.statement("*", past(b), effect="Deny"))
    elif form == 4:  # sessions that were revoked
        deny = b.statement("*", {"DateLessThan": {"aws:TokenIssueTime": day(-days)}}, effect="Deny")
        b.role_at(arn, b.statement(trusted), deny)
    else:  # not yet begun
        b.role_at(arn, b.statement(trusted, {"DateGreaterThan": {"aws:CurrentTime": day(days)}}))


def of_aws(b: Builder, number: int) -> None:
    """Plant roles that AWS made, which are listed apart, and roles that only have such names."""
    account, _ = b.two()
    form = number % 5
    if form == 0:
        path = "/aws-service-role/access-analyzer.amazonaws.com/"
        service = b.statement({"Service": "access-analyzer.amazonaws.com"})
        b.expect_quiet("unused-role", b.role(account, service, path=path, **use(300, None)), "*")
    elif form == 1:
        arn = b.role_arn(account, "/", f"stacksets-exec-{b.random.randrange(16**32):032x}")
        trust = b.document([b.statement({"AWS": b.account_name(MANAGEMENT)})])
        b.expect_quiet("whole-account", b.add_role(RoleDetail(arn=arn, trust_policy=trust)), MANAGEMENT)
    elif form == 2:  # the name is AWS's, and the account that it trusts is not ours
        arn, who = b.role_arn(account, f"/{b.word(6)}/", "AWSControlTowerExecution"), b.unknown()
        b.role_at(arn, b.statement({"AWS": b.account_name(who)}, external_id(b)))
        b.expect("root-of-unknown-account", arn, who)
    elif form == 3:
        path = f"/aws-reserved/sso.amazonaws.com/eu-west-1/{b.word(4)}/"
        principal = f"arn:aws:iam::{account}:saml-provider/AWSSSO_{b.word(8)}_DO_NOT_DELETE"
        trust = b.statement({"Federated": principal}, action=["sts:AssumeRoleWithSAML", "sts:TagSession"])
        arn = b.role_arn(account, path, f"AWSReservedSSO_{b.word(6)}_{b.random.randrange(16**16):016x}")
        b.expect_quiet("saml-without-audience", b.role_at(arn, trust), principal)
    else:
        arn = b.role_arn(account, f"/{b.word(6)}/", "OrganizationAccountAccessRole")
        b.role_at(arn, b.statement("*", {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}))
        b.expect("public", arn, "*")
