"""ConsoleUser, and the passwords that are generated for it."""

from __future__ import annotations

import copy
import pickle
import string
import traceback
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

from xacct import ConsoleUser, InvalidValue, XacctError
from xacct.console_user import Secret, generate_password

SECRET = "correct horse 9 Battery"


@given(st.integers(6, 128))
def test_a_generated_password_meets_every_password_policy(minimum: int) -> None:
    password = generate_password(minimum).reveal()
    assert len(password) == max(24, minimum)
    for characters in (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!@#$%^&*()_+-=[]{}|'"):
        assert set(characters) & set(password)


def test_generated_passwords_are_different() -> None:
    assert len({generate_password().reveal() for _ in range(50)}) == 50


def test_a_password_is_not_shown_compared_or_pickled() -> None:
    user = ConsoleUser("dev", password=SECRET)
    assert SECRET not in f"{user!r} {user}"
    assert user == ConsoleUser("dev")
    with pytest.raises(XacctError, match="cannot be pickled") as caught:
        pickle.dumps(user)
    assert SECRET not in str(caught.value)
    without = ConsoleUser("dev", None, True, ["arn:aws:iam::aws:policy/AmazonEC2FullAccess"])
    assert pickle.loads(pickle.dumps(without)) == without


def test_the_password_is_returned_to_those_who_ask_for_it() -> None:
    user = ConsoleUser("dev", password=SECRET)
    assert user.password == SECRET
    assert user.hidden_password is not None
    assert user.hidden_password.reveal() == SECRET
    assert (ConsoleUser("dev").password, ConsoleUser("dev").hidden_password) == (None, None)
    assert ConsoleUser("dev", password=Secret(SECRET)).password == SECRET


def test_evolve_keeps_replaces_and_removes_the_password() -> None:
    user = ConsoleUser("dev", password=SECRET)
    assert attrs.evolve(user, name="ops").password == SECRET
    assert attrs.evolve(user, password="another horse 9 Battery").password == "another horse 9 Battery"
    assert attrs.evolve(user, password=None).password is None


def test_a_secret_is_in_no_text_field_or_copy() -> None:
    user, secret = ConsoleUser("dev", password=SECRET), Secret(SECRET)
    shown = [repr(secret), str(secret), f"{secret}", attrs.asdict(user), attrs.astuple(user), [secret], {"s": secret}]
    assert SECRET not in repr(shown)
    assert not hasattr(secret, "__dict__")
    assert not attrs.has(Secret)
    for duplicate in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(XacctError, match="a secret cannot be pickled or copied"):
            duplicate(secret)


def test_a_secret_is_removed_from_a_message() -> None:
    assert Secret(SECRET).redact(f"Value '{SECRET}' at 'password'") == "Value '(not shown)' at 'password'"


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "a b", "password": SECRET},
        {"name": "dev", "password": "горячий " + SECRET},
        {"name": "dev", "password": SECRET, "managed_policy_arns": [str(number) for number in range(10)]},
        {"name": "dev", "password": SECRET * 10},
    ],
    ids=["name", "characters", "policies", "length"],
)
def test_a_refused_console_user_leaves_no_frame_with_the_password(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as refused:
        ConsoleUser(**arguments)
    # The first frame is this test's own.
    frames = list(traceback.walk_tb(refused.value.__traceback__))[1:]
    assert len(frames) > 1
    assert SECRET not in repr([frame.f_locals for frame, _ in frames])
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("password", ["short", "x" * 129, 12345678, "passw\u00f6rd \u20ac", "password\x00"])
def test_an_invalid_password_is_refused_and_not_shown(password: Any) -> None:
    with pytest.raises(InvalidValue, match=r"8 to 128 characters|characters of Latin-1") as caught:
        ConsoleUser("dev", password=password)
    assert str(password) not in str(caught.value)


@given(st.text("\t\n\r" + "".join(map(chr, range(0x20, 0x100))), min_size=8, max_size=128))
def test_a_password_of_latin_1_characters_is_accepted(password: str) -> None:
    assert ConsoleUser("dev", password=password).password == password


def test_an_invalid_name_and_too_many_policies_are_refused() -> None:
    with pytest.raises(InvalidValue, match="1 to 64"):
        ConsoleUser("a b")
    with pytest.raises(InvalidValue, match="at most 9"):
        ConsoleUser("dev", managed_policy_arns=[f"arn:aws:iam::aws:policy/P{i}" for i in range(10)])


def test_one_policy_can_be_given_as_a_string() -> None:
    assert ConsoleUser("dev", managed_policy_arns="arn:aws:iam::aws:policy/P").managed_policy_arns == (
        "arn:aws:iam::aws:policy/P",
    )
