"""ConsoleUser, and the passwords that are generated for it."""

from __future__ import annotations

import pickle
import string
from typing import Any

import pytest
from hypothesis import given, strategies as st

from xacct import ConsoleUser, InvalidValue, XacctError
from xacct.console_user import generate_password

SECRET = "correct horse 9 Battery"


@given(st.integers(6, 128))
def test_a_generated_password_meets_every_password_policy(minimum: int) -> None:
    password = generate_password(minimum)
    assert len(password) == max(24, minimum)
    for characters in (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!@#$%^&*()_+-=[]{}|'"):
        assert set(characters) & set(password)


def test_generated_passwords_are_different() -> None:
    assert len({generate_password() for _ in range(50)}) == 50


def test_a_password_is_not_shown_compared_or_pickled() -> None:
    user = ConsoleUser("dev", password=SECRET)
    assert SECRET not in f"{user!r} {user}"
    assert user == ConsoleUser("dev")
    with pytest.raises(XacctError, match="cannot be pickled") as caught:
        pickle.dumps(user)
    assert SECRET not in str(caught.value)
    without = ConsoleUser("dev", None, True, ["arn:aws:iam::aws:policy/AmazonEC2FullAccess"])
    assert pickle.loads(pickle.dumps(without)) == without


@pytest.mark.parametrize("password", ["short", "x" * 129, 12345678])
def test_an_invalid_password_is_refused_and_not_shown(password: Any) -> None:
    with pytest.raises(InvalidValue, match="8 to 128 characters") as caught:
        ConsoleUser("dev", password=password)
    assert str(password) not in str(caught.value)


def test_an_invalid_name_and_too_many_policies_are_refused() -> None:
    with pytest.raises(InvalidValue, match="1 to 64"):
        ConsoleUser("a b")
    with pytest.raises(InvalidValue, match="at most 9"):
        ConsoleUser("dev", managed_policy_arns=[f"arn:aws:iam::aws:policy/P{i}" for i in range(10)])


def test_one_policy_can_be_given_as_a_string() -> None:
    assert ConsoleUser("dev", managed_policy_arns="arn:aws:iam::aws:policy/P").managed_policy_arns == (
        "arn:aws:iam::aws:policy/P",
    )
