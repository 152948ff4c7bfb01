"""Findings about AWS services, and decoys that look like them."""

from __future__ import annotations

from typing import Any

from tests.access_audit.planted.builder import ASSUME_ROLE, ORGANIZATION, Builder

__all__ = ["confused_deputy", "confused_deputy_decoy", "self_lockout", "self_lockout_decoy"]

# Services whose documentation says that they send the account and the resource that they act for.
ACT_FOR = (
    "states.amazonaws.com", "scheduler.amazonaws.com", "events.amazonaws.com", "codebuild.amazonaws.com",
    "sagemaker.amazonaws.com", "transfer.amazonaws.com", "firehose.amazonaws.com", "bedrock.amazonaws.com",
)  # fmt: skip
SILENT = (
    "ec2.amazonaws.com", "lambda.amazonaws.com", "apigateway.amazonaws.com", "glue.amazonaws.com", "eks.amazonaws.com",
    "cloudtrail.amazonaws.com", "spotfleet.amazonaws.com", "backup.amazonaws.com",
)  # fmt: skip


def for_anybody(b: Builder, other: str) -> dict[str, dict[str, Any]]:
    """A condition that a service meets for any account, or for any but one."""
    return b.one([
        {},
        {"StringLike": {"aws:SourceAccount": "*"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:*:*:*:*"}},
        {"StringNotEquals": {"aws:SourceAccount": other}},
        {"StringEqualsIfExists": {"aws:SourceOrgID": ORGANIZATION}},
        {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        {"Bool": {"aws:PrincipalIsAWSService": "true"}},
        {"Null": {"aws:SourceAccount": "false"}},
    ])  # fmt: skip


def for_us(b: Builder, account: str) -> dict[str, dict[str, Any]]:
    """A condition that a service meets only if it acts for an account that is named, or for the organization."""
    return b.one([
        {"StringEquals": {"aws:SourceAccount": account}},
        {"StringLike": {"aws:SourceAccount": [account, b.one(b.accounts)]}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:*:*:{account}:*"}},
        {"StringLike": {"aws:SourceArn": [f"arn:aws:states:*:{account}:stateMachine:*", f"arn:aws:*:*:{account}:x*"]}},
        {"StringEquals": {"aws:SourceOrgID": ORGANIZATION}},
        {"ForAnyValue:StringLike": {"aws:SourceOrgPaths": f"{ORGANIZATION}/r-ab12/*"}},
    ])  # fmt: skip


RESOURCES = (
    ("s3", "cloudtrail.amazonaws.com", "s3:PutObject"), ("sqs", "sns.amazonaws.com", "sqs:SendMessage"),
    ("sqs", "events.amazonaws.com", "sqs:SendMessage"), ("sns", "s3.amazonaws.com", "sns:Publish"),
)  # fmt: skip


def used(b: Builder, account: str, number: int, *conditions: Any, **more: Any) -> tuple[str, str]:
    """A resource that a service uses. Returns their names."""
    service, principal, action = RESOURCES[number % len(RESOURCES)]
    arn = b.resource_arn(account, service)
    covered = f"{arn}/AWSLogs/*" if service == "s3" else arn
    found = [b.statement({"Service": principal}, one, action=action, resource=covered, **more) for one in conditions]
    return b.resource(account, service, *found, arn=arn), principal


def confused_deputy(b: Builder, number: int) -> None:
    """Plant a role or a resource that a service uses for any account."""
    account, other = b.two()
    form = number % 4
    if form == 0:
        b.expect("confused-deputy", *used(b, account, number // 4, for_anybody(b, other)))
        return
    services = b.random.sample(ACT_FOR, 2 if form == 1 else 1)
    principals = [*services, b.one(SILENT)] if form == 1 else services
    statements = [b.statement({"Service": principals}, for_anybody(b, other))]
    if form == 2:
        statements.append(b.statement({"Service": services}, for_us(b, account)))
    role = b.role(account, *statements)
    for service in services:
        b.expect("confused-deputy", role, service)


def confused_deputy_decoy(b: Builder, number: int) -> None:
    """Plant a role or a resource that a service uses for us, or a service that does not say for whom it acts."""
    account, _ = b.two()
    form = number % 5
    if form == 0:
        used(b, account, number // 5, for_us(b, account))
    elif form == 1:
        b.role(account, b.statement({"Service": b.random.sample(SILENT, 2)}))
    elif form == 2:
        operator = b.one(["StringNotEquals", "StringNotLike", "StringNotEqualsIfExists"])
        deny = b.statement("*", {operator: {"aws:SourceAccount": account}}, effect="Deny")
        b.role(account, b.statement({"Service": b.one(ACT_FOR)}), deny)
    elif form == 3:  # nobody can edit the trust policy of a service-linked role
        path = f"/aws-service-role/{b.one(ACT_FOR)}/"
        b.role(account, b.statement({"Service": b.one(ACT_FOR)}), path=path)
    else:
        b.role(account, b.statement({"Service": b.random.sample(ACT_FOR, 2)}, for_us(b, account)))


def never_sent(b: Builder) -> dict[str, dict[str, Any]]:
    """A condition that no request of an AWS service meets."""
    return b.one([
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
        {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}},
        {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
        {"Null": {"aws:MultiFactorAuthAge": "false"}},
    ])  # fmt: skip


def self_lockout(b: Builder, number: int) -> None:
    """Plant a statement that its principal can never use."""
    account, other = b.two()
    form = number % 6
    if form == 0:
        principal = b.one([*ACT_FOR, *SILENT])
        role = b.role(account, b.statement({"Service": principal}, never_sent(b)))
    elif form == 1:  # people with MFA, and a service
        principal, arn = b.one(SILENT), b.role_arn(account)
        mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
        both = {"AWS": b.caller(other, b.matching(arn)), "Service": principal}
        role = b.role_at(arn, b.statement(both, mfa))
    elif form == 2:
        principal = f"arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com"
        conditions = b.one([
            {"Bool": {"aws:MultiFactorAuthPresent": "true"}}, {"StringEquals": {"sts:ExternalId": b.word()}},
            {"StringEquals": {"gitlab.com:sub": "project_path:octo/app:ref_type:branch:ref:main"}},
            {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
        ])  # fmt: skip
        statement = b.statement({"Federated": principal}, conditions, action="sts:AssumeRoleWithWebIdentity")
        role = b.role(account, statement)
    elif form == 3:  # a Deny without MFA
        principal = b.one([*ACT_FOR, *SILENT])
        deny = b.statement(
            "*",
            b.one(
                [
                    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
                    {"Null": {"aws:MultiFactorAuthAge": "true"}},
                ]
            ),
            effect="Deny",
        )
        role = b.role(account, b.statement({"Service": principal}), deny)
    elif form == 4:  # only a service sends it
        principal = b.account_name(other)
        key = b.one([{"StringEquals": {"aws:SourceAccount": other}}, {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}])
        role = b.role(account, b.statement({"AWS": principal}, key))
    else:
        conditions = {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}
        role, principal = used(b, account, number // 6, conditions)
    b.expect("self-lockout", role, principal)


def self_lockout_decoy(b: Builder, number: int) -> None:
    """Plant a statement that looks as if its principal could not use it."""
    account, other = b.two()
    form = number % 6
    if form == 0:
        conditions = b.one([
            {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}},
            {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}},
            {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
            {"Null": {"aws:MultiFactorAuthAge": "true"}},
            {"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": f"{ORGANIZATION}/r-ab12/"}},
        ])  # fmt: skip
        b.role(account, b.statement({"Service": b.one(SILENT)}, conditions))
    elif form == 1:  # another statement lets it in
        service = b.one(SILENT)
        b.role(account, b.statement({"Service": service}, never_sent(b)), b.statement({"Service": service}))
    elif form == 2:
        arn = b.role_arn(account)
        conditions = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "StringEquals": {"sts:ExternalId": b.word()}}
        b.role_at(arn, b.statement({"AWS": b.caller(other, b.matching(arn))}, conditions))
    elif form == 3:
        b.role(account, b.statement({"Service": b.one(ACT_FOR)}, for_us(b, account)))
    elif form == 4:  # the Deny names people only
        deny = b.statement(
            {"AWS": b.account_name(other)}, {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, effect="Deny"
        )
        b.role(account, b.statement({"Service": b.one(SILENT)}), deny)
    else:
        condition = {"StringEquals": {"sts:ExternalId": "elasticbeanstalk"}}
        b.role(account, b.statement({"Service": "elasticbeanstalk.amazonaws.com"}, condition, action=ASSUME_ROLE))
