"""The tutorial's grant in accounts where writes take their time and calls fail, both as a seed has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import boto3
from attrs import frozen

from xacct.reconcile import Plan, plan
from xacct.testing import Propagation, Sandbox

from .conftest import TRUSTED, TRUSTING, tutorial

# Longer than any write takes here.
VISIBLE = 20


def with_clients_made_once(session: boto3.Session) -> boto3.Session:
    """Making clients is what takes longest."""
    session.client = cache(session.client)  # type: ignore[method-assign]
    return session


@frozen
class Seeded:
    """Both accounts of a seed."""

    aws: Sandbox
    trusting: boto3.Session
    trusted: boto3.Session

    def plan(self) -> Plan:
        return plan(*tutorial(), trusting=self.trusting, trusted=self.trusted)

    def calm(self) -> None:
        """Let every write become visible, and nothing fail any more."""
        self.aws.faults.clear()
        self.aws.clock.advance(VISIBLE)

    def holds(self) -> dict[str, list[str]]:
        """What both accounts hold, as anybody reads it who has waited long enough."""
        return {account: list(_held(self.aws.account(account).session)) for account in (TRUSTING, TRUSTED)}


def _held(session: boto3.Session) -> Iterator[str]:
    iam = session.client("iam")
    for user in iam.list_users()["Users"]:
        yield f"user {user['UserName']}"
        for policy in iam.list_attached_user_policies(UserName=user["UserName"])["AttachedPolicies"]:
            yield f"{user['UserName']} has {policy['PolicyName']}"
    yield from (f"role {role['RoleName']}" for role in iam.list_roles()["Roles"])
    yield from (f"policy {policy['PolicyName']}" for policy in iam.list_policies(Scope="Local")["Policies"])


@contextmanager
def seeded(seed: int) -> Iterator[Seeded]:
    with Sandbox([TRUSTING, TRUSTED], propagation=Propagation(seed=seed)) as aws:
        trusting, trusted = (with_clients_made_once(aws.account(account).session) for account in (TRUSTING, TRUSTED))
        yield Seeded(aws, trusting, trusted)


def unsteady(aws: Sandbox, seed: int) -> None:
    """Let a fifth of the calls fail, in ways that pass."""
    aws.faults.add("throttled", rate=0.1, seed=seed)
    aws.faults.add("server error", rate=0.05, seed=seed + 1)
    aws.faults.add("lost answer", rate=0.05, seed=seed + 2)
