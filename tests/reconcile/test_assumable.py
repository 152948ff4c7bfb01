"""Which roles the caller of the trusted session can assume."""

from __future__ import annotations

import pytest

from xacct import Principal
from xacct.arn import Arn
from xacct.reconcile.assumable import is_assumable_by

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
