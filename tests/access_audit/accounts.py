"""Accounts for the tests of the audit: snapshots made of a few short lines."""

from __future__ import annotations

import json
from typing import Any

from xacct.snapshot import Organization, OrganizationAccount, PolicyDetail, RoleDetail, Snapshot, UserDetail

A, B, C, OUTSIDE, DATADOG = "111111111111", "222222222222", "333333333333", "999999999999", "464622532012"
ORGANIZATION_ID = "o-abcdefghij"


def organization(*accounts: str, **more: Any) -> Organization:
    return Organization(
        id=ORGANIZATION_ID,
        management_account="100000000000",
        accounts=tuple(OrganizationAccount(id=one, name=f"team {one[0]}", parents=("r-ab12",)) for one in accounts),
        **more,
    )


def statement(effect: str = "Allow", action: Any = "sts:AssumeRole", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, **elements}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def trust(*principals: str, effect: str = "Allow", **conditions: dict[str, Any]) -> str:
    """A trust policy of one statement: principals of AWS, and conditions by operator."""
    return document(trusting(*principals, effect=effect, **conditions))


def trusting(*principals: str, effect: str = "Allow", **conditions: dict[str, Any]) -> dict[str, Any]:
    found = {"Condition": conditions} if conditions else {}
    return statement(effect, Principal={"AWS": list(principals)}, **found)


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def user_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:user/{name}"


def assume(*roles: str, **conditions: dict[str, Any]) -> dict[str, str]:
    """The inline policies of somebody who may assume some roles."""
    found = {"Condition": conditions} if conditions else {}
    return {"assume": document(statement(Resource=list(roles), **found))} if roles else {}


def role(account: str, name: str, trust_policy: str | None = None, *, may_assume: Any = (), **more: Any) -> RoleDetail:
    return RoleDetail(
        arn=role_arn(account, name),
        trust_policy=trust_policy or document(statement(Principal={"Service": "lambda.amazonaws.com"})),
        **{"inline": assume(*may_assume), **more},
    )


def user(account: str, name: str, *, may_assume: Any = (), **more: Any) -> UserDetail:
    return UserDetail(arn=user_arn(account, name), **{"inline": assume(*may_assume), **more})


def snapshot(account: str, *entities: RoleDetail | UserDetail | PolicyDetail, **more: Any) -> Snapshot:
    return Snapshot(
        account=account,
        users=tuple(one for one in entities if isinstance(one, UserDetail)),
        roles=tuple(one for one in entities if isinstance(one, RoleDetail)),
        policies=tuple(one for one in entities if isinstance(one, PolicyDetail)),
        **more,
    )
