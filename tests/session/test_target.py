"""The targets of fan_out as values."""

from __future__ import annotations

from typing import Any

import pytest

from xacct import Account, InvalidValue, PolicyError, Target

ROLE = "arn:aws:iam::111111111111:role/team/Reader"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "account: '' is not valid"),
        ({"role_arn": "Reader"}, "role_arn"),
        ({"role_arn": ROLE, "account": "222222222222"}, "the role belongs to account 111111111111"),
        ({"role_arn": ROLE, "external_id": "x"}, "external_id"),
        ({"role_arn": ROLE, "duration": 60}, "duration"),
        ({"role_arn": ROLE, "session_tags": {"": "x"}}, "session_tags"),
    ],
)
def test_invalid_values_are_rejected(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidValue, match=text):
        Target(**options)


def test_a_policy_that_is_not_well_formed_is_rejected() -> None:
    with pytest.raises(PolicyError):
        Target(ROLE, policy={"Statement": {}})


def test_its_account_is_that_of_the_role() -> None:
    assert Target(ROLE) == Target(ROLE, account="111111111111")


@pytest.mark.parametrize("name", ["team/Reader", "/team/Reader"])
def test_a_role_can_be_added_by_its_name_with_its_path(name: str) -> None:
    assert Target(account="111111111111", name="web").with_role(name, "aws") == Target(ROLE, name="web")


def test_its_data_has_what_identifies_it() -> None:
    target = Target(ROLE, region="eu-west-1", email="web@example.com")
    assert Target(**target.to_dict()) == target  # type: ignore[arg-type] # all values are text
    assert Target(ROLE).to_dict() == {"role_arn": ROLE, "account": "111111111111"}


def test_an_account_has_an_id_of_12_digits_as_its_text() -> None:
    assert str(Account(id="111111111111")) == "111111111111"
    with pytest.raises(InvalidValue, match="id: '42'"):
        Account(id="42")
