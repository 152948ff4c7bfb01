"""Which roles the trusted side's own caller can be expected to assume."""

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
def test_a_role_is_tried_where_its_trust_admits_the_caller(caller: str, principal: str, expected: bool) -> None:
    trust, _ = tutorial(principals=principal)

    assert is_assumable_by(trust, Arn.parse(caller)) is expected


def test_a_role_that_admits_an_organization_is_not_tried() -> None:
    trust, _ = tutorial(principals=[Principal.organization("o-abcdefghij")])

    assert not is_assumable_by(trust, Arn.parse(ALICE))
