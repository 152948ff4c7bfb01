"""Policies with elements that do not do what they seem to, and decoys that look like them."""

from __future__ import annotations

import json
from typing import Any

from tests.access_audit.planted.builder import Builder

__all__ = ["policy_problem", "policy_problem_decoy"]


def allow(action: Any, resource: Any, **elements: Any) -> dict[str, Any]:
    """A statement of an identity policy."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


def wrong(b: Builder, account: str) -> dict[str, Any]:
    """A statement of which an element is wrong."""
    table = f"arn:aws:dynamodb:eu-west-1:{account}"
    return b.one([
        allow("s3:GetObjects", f"arn:aws:s3:::{b.word().lower()}/*"),
        allow(["s3:GetObject", "s3:Gte*"], f"arn:aws:s3:::{b.word().lower()}/*"),
        allow("dynamodb:GetItem", f"{table}:tabel/{b.word()}"),
        allow("dynamodb:GetItem", [f"{table}:table/{b.word()}", f"arn:aws:dynamo:eu-west-1:{account}:table/x"]),
        allow("s3:GetObject", "arn:aws:s3"),
        allow("s3:GetObject", "*", Condition={"StringEquals": {"aws:PrincipalTags/team": b.word()}}),
        allow("s3:GetObject", "*", Condition={"DateLessThan": {"aws:CurrentTime": "tomorrow"}}),
        allow("s3:GetObject", "*", Condition={"NumericEquals": {"aws:PrincipalOrgID": b.word()}}),
        {**allow("s3:DeleteObjects", f"arn:aws:s3:::{b.word().lower()}/*"), "Effect": "Deny"},
    ])  # fmt: skip


def policy_problem(b: Builder, number: int) -> None:
    """Plant a policy of an own role, group or resource, or a managed policy, with a wrong element."""
    account, _ = b.two()
    form = number % 4
    service = b.statement({"Service": "lambda.amazonaws.com"})
    if form == 0:
        resource = b.role(account, service, inline={b.word(): b.document([wrong(b, account)])})
    elif form == 1:
        resource = b.managed(account, wrong(b, account))
    elif form == 2:
        resource = b.group(account, b.document([allow("s3:ListAllMyBuckets", "*"), wrong(b, account)]))
    else:
        arn = b.resource_arn(account, "sqs")
        own = f"arn:aws:iam::{account}:root"
        resource = b.resource(
            account, "sqs", b.statement({"AWS": own}, action="sqs:SendMessages", resource=arn), arn=arn
        )
    b.expect("policy-problem", resource, "")


def policy_problem_decoy(b: Builder, number: int) -> None:
    """Plant a policy that is right although it looks unusual, or a wrong one that AWS wrote."""
    account, _ = b.two()
    form = number % 4
    service = b.statement({"Service": "lambda.amazonaws.com"})
    right = b.one([
        allow("S3:getobject", f"arn:aws:s3:::{b.word().lower()}/*"),
        allow("dynamodb:*Item", f"arn:aws:dynamodb:*:{account}:tab*/{b.word()}"),
        allow(["s3:GetObject", "s3:ListAllMyBuckets"], f"arn:aws:s3:::{b.word().lower()}/*"),
        allow("ecs:UpdateService", f"arn:aws:ecs:eu-west-1:{account}:service/{b.word()}"),
        allow("s3:GetObject", "*", Condition={"StringEquals": {"AWS:principaltag/Team": b.word()}}),
    ])  # fmt: skip
    if form == 0:
        b.role(account, service, inline={b.word(): b.document([right])})
    elif form == 1:
        b.managed(account, right)
    elif form == 2:
        path = "/aws-service-role/access-analyzer.amazonaws.com/"
        b.role(account, service, path=path, inline={b.word(): json.dumps({"Statement": wrong(b, account)})})
    else:
        arn = b.resource_arn(account, "sns")
        condition = {"StringEquals": {"AWS:SourceOwner": account}}
        actions = ["SNS:Publish", "SNS:Receive", "SNS:Subscribe"]
        b.resource(account, "sns", {**b.statement("*", condition, resource=arn), "Action": actions}, arn=arn)
