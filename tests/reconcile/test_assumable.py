"""Which roles the caller of the trusted session can assume."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from xacct import Principal
from xacct.arn import Arn
from xacct.reconcile.assumable import is_assumable_by, wait_until_assumable
from xacct.resources.role import Role
from xacct.retry import denied_or_unknown

from .accounts import TRUSTED, TRUSTING
from .tutorial import tutorial

ADMIN = f"arn:aws:iam::{TRUSTED}:role/people/Admin"
SESSION = f"arn:aws:sts::{TRUSTED}:assumed-role/Admin/alice"
ALICE = f"arn:aws:iam::{TRUSTED}:user/alice"
ROOT = f"arn:aws:iam::{TRUSTED}:root"


@pytest.mark.parametrize(
    ("caller", "principal", "expected"),
    [
        (ALICE, TRUSTED, True),
        (ALICE, ALICE, True),
        (ALICE, f"{ALICE}2", False),
        (ALICE, TRUSTING, False),
        (ALICE, "ec2.amazonaws.com", False),
        (SESSION, TRUSTED, True),
        (SESSION, ADMIN, True),
        (SESSION, f"{ADMIN}2", False),
        (SESSION, ALICE, False),
        (SESSION, f"arn:aws:iam::{TRUSTED}:user/Admin", False),
        (SESSION, f"arn:aws:iam::{TRUSTING}:role/Admin", False),
        (ROOT, TRUSTED, False),
    ],
)
def test_a_role_is_assumable_if_it_trusts_the_caller_or_its_account(
    caller: str, principal: str, expected: bool
) -> None:
    trust, _ = tutorial(principals=principal)

    assert is_assumable_by(trust, Arn.parse(caller)) is expected


def test_a_role_that_trusts_an_organization_is_not_assumable_by_its_conditions_alone() -> None:
    trust, _ = tutorial(principals=[Principal.organization("o-abcdefghij")])

    assert not is_assumable_by(trust, Arn.parse(ALICE))


@pytest.mark.parametrize(
    "condition",
    [{"require_mfa": True}, {"source_ips": "192.0.2.0/24"}, {"session_tags": {"team": "a"}}, {"source_identity": "a"}],
    ids=str,
)
def test_a_role_that_requires_what_only_its_users_have_is_not_assumable(condition: dict[str, Any]) -> None:
    trust, _ = tutorial(**condition)

    assert not is_assumable_by(trust, Arn.parse(ALICE))


def test_one_trusted_principal_among_others_makes_the_role_assumable() -> None:
    trust, _ = tutorial(principals=["ec2.amazonaws.com", TRUSTING, TRUSTED])

    assert is_assumable_by(trust, Arn.parse(ALICE))


@pytest.mark.parametrize(
    ("external_id", "sent"), [(None, {}), ("a-third-party", {"ExternalId": "a-third-party"})], ids=str
)
def test_the_wait_assumes_the_role_three_times_in_one_attempt(external_id: str | None, sent: dict[str, str]) -> None:
    attempts: list[dict[str, object]] = []
    requests: list[dict[str, str]] = []

    def attempt(call: Callable[[], None], **arguments: object) -> None:
        attempts.append(arguments)
        call()

    trusted: Any = SimpleNamespace(
        attempt=attempt, sts=SimpleNamespace(assume_role=lambda **request: requests.append(request))
    )
    account: Any = SimpleNamespace(side="trusting", id=TRUSTING, partition="aws")
    role = Role(account=account, grant=tutorial(external_id=external_id)[0])
    step = wait_until_assumable(role, trusted)
    step.run()

    doing = f"waiting until {role.label} can be assumed"
    assert attempts == [{"doing": doing, "resource": role.grant.role_arn, "transient": denied_or_unknown}]
    assert requests == [{"RoleArn": role.grant.role_arn, "RoleSessionName": "xacct-wait", **sent}] * 3
    assert (step.what, step.account, step.change, step.undo) == (doing, trusted, None, None)
    assert (step.key, step.after) == (f"{role.key} assumable", {role.key})
