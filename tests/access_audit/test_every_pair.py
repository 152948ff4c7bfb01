"""The index of the audit against every pair of a principal and a role, each decided through evaluate."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import pytest
from tests.access_audit.accounts import (
    document,
    organization,
    role,
    role_arn,
    root,
    snapshot,
    statement,
    trusting,
    user,
)

from xacct.access_audit import audit
from xacct.access_audit.account_task import examine_account
from xacct.access_audit.audit import account_tasks, surroundings_of
from xacct.access_audit.ways import who_can
from xacct.authz import AccessRequest, PolicySet, evaluate
from xacct.snapshot import Organization, Snapshot

NOW = datetime(2026, 11, 26, tzinfo=timezone.utc)
ACCOUNTS = [f"{number}" * 12 for number in range(1, 9)] + ["101010101010", "202020202020"]
NAMES = ("Reader", "reader", "App-1", "team/Deep")
CONDITIONS: list[dict[str, Any]] = [
    {},
    {},
    {"StringEquals": {"sts:ExternalId": "x"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/App-*"}},
    {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::222222222222:*", "arn:aws:iam::333333333333:user/*"]}},
    {"StringEquals": {"aws:PrincipalAccount": ["444444444444", "555555555555"]}},
    {"StringNotEquals": {"aws:PrincipalAccount": "666666666666"}},
    {"StringEqualsIfExists": {"aws:PrincipalAccount": "777777777777"}},
    {"StringEquals": {"aws:PrincipalTag/team": "a"}},
    {"StringNotEquals": {"sts:ExternalId": "x"}},
]
# Every context that these conditions tell apart, besides what AWS says of the caller.
CONTEXTS: list[dict[str, Any]] = [
    {"sts:ExternalId": external_id, "aws:MultiFactorAuthPresent": mfa}
    for external_id in (None, "x", "y")
    for mfa in (None, "true")
]


def principals(random_: random.Random) -> list[str]:
    account = random_.choice(ACCOUNTS)
    name = random_.choice(NAMES)
    return [random_.choice([root(account), role_arn(account, name), f"arn:aws:iam::{account}:user/u0", "*"])]


def resources(random_: random.Random) -> list[str]:
    account, name = random_.choice(ACCOUNTS), random_.choice(NAMES)
    choices = [
        role_arn(account, name), role_arn(account, "App-*"), f"arn:aws:iam::*:role/{name}", "*",
        f"arn:aws:iam::{account}:role/${{aws:PrincipalTag/team}}", f"arn:aws:iam::{account}:*", "arn:aws:iam",
    ]  # fmt: skip
    return random_.sample(choices, random_.randint(1, 2))


def statements(random_: random.Random, make: Any) -> list[dict[str, Any]]:
    found = []
    for _ in range(random_.randint(1, 2)):
        effect = "Deny" if random_.random() < 0.15 else "Allow"
        conditions = random_.choice(CONDITIONS)
        action = random_.choice(["sts:AssumeRole", "sts:AssumeRole", "sts:*", "STS:assume*", "*", "s3:GetObject"])
        found.append({**make(effect), "Action": action, **({"Condition": conditions} if conditions else {})})
    return found


def generated(seed: int) -> list[Snapshot]:
    random_ = random.Random(seed)
    accounts = []
    for account in ACCOUNTS:

        def policies() -> dict[str, str]:
            found = statements(random_, lambda effect: statement(effect, Resource=resources(random_)))
            return {"p": document(*found)} if random_.random() < 0.8 else {}

        def trust() -> str:
            return document(*statements(random_, lambda effect: trusting(*principals(random_), effect=effect)))

        roles = [role(account, name, trust(), inline=policies(), tags={"team": random_.choice("ab")}) for name in NAMES]
        accounts.append(snapshot(account, *roles, user(account, "u0", inline=policies())))
    return accounts


def every_pair(accounts: Sequence[Snapshot]) -> Iterator[tuple[str, str]]:
    """Yield the principals and the roles that they can assume in some context."""
    roles = [(one, PolicySet(resource=one.trust_policy)) for found in accounts for one in found.roles]
    for found in accounts:
        for one in (*found.roles, *found.users):
            known = {f"aws:PrincipalTag/{key}": value for key, value in one.tags.items()}
            known["aws:PrincipalOrgID"] = "o-abcdefghij"
            side = PolicySet(identity=one.inline.values())
            for target, trust in roles:
                policies = side.with_resource_side(trust)
                for context in CONTEXTS:
                    request = AccessRequest(
                        principal=one.arn, action="sts:AssumeRole", resource=target.arn, context={**context, **known}
                    )
                    if evaluate(request, policies).allowed:
                        yield one.arn, target.arn
                        break


def members(accounts: Sequence[Snapshot]) -> Organization:
    return organization(*(found.account for found in accounts))


@pytest.mark.every_case
@pytest.mark.parametrize("seed", range(20))
def test_the_audit_finds_the_ways_that_deciding_every_pair_finds(seed: int) -> None:
    accounts = generated(seed)
    expected = {
        (caller, target) for caller, target in every_pair(accounts) if caller.split(":")[4] != target.split(":")[4]
    }
    found = set()
    surroundings = surroundings_of(accounts, members(accounts), None, NOW)
    for task in account_tasks(accounts, members(accounts), surroundings):
        for hop in examine_account(task).hops:
            if hop.caller.startswith("arn:") and hop.caller.split(":")[4] != hop.resource.split(":")[4]:
                assert hop.witness is not None
                found.add((hop.caller, hop.resource))
    assert found == expected
    assert len(expected) > 20


def test_who_can_finds_the_ways_within_an_account_too() -> None:
    accounts = generated(99)
    direct: dict[str, set[str]] = {}
    for caller, target in every_pair(accounts):
        direct.setdefault(target, set()).add(caller)
    for target, callers in list(direct.items())[:20]:
        ways = who_can("sts:AssumeRole", target, accounts, organization=members(accounts), now=NOW)
        one_hop = {way.principal for way in ways if len(way.hops) == 1 and way.principal.startswith("arn:")}
        assert one_hop - {target} == callers - {target}


def test_the_order_of_the_snapshots_does_not_matter() -> None:
    accounts = generated(7)
    reports = [audit(*order, organization=members(accounts), now=NOW) for order in (accounts, accounts[::-1])]
    assert reports[0] == reports[1]
