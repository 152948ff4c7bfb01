"""Which password a console user gets, and how long a generated one is."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from xacct import ConsoleUser
from xacct.resources.passwords import Passwords


class Account:
    """An account that only has a password policy, or none."""

    def __init__(self, policy: dict[str, object] | None) -> None:
        self.policy, self.attempts = policy, list[str]()
        self.iam = SimpleNamespace(get_account_password_policy=self._policy)

    def attempt(self, call: Callable[[], object], *, doing: str) -> object:
        self.attempts.append(doing)
        return call()

    def _policy(self) -> dict[str, object]:
        if self.policy is None:
            raise ClientError({"Error": {"Code": "NoSuchEntity"}}, "GetAccountPasswordPolicy")
        return {"PasswordPolicy": self.policy}


def passwords(policy: dict[str, object] | None = None) -> Passwords:
    account: Any = Account(policy)
    return Passwords(account=account)


def test_a_password_that_was_passed_is_not_generated() -> None:
    made = passwords()
    password = made.password_for(ConsoleUser("ada", password="correct horse 9 Battery"))

    assert password.reveal() == "correct horse 9 Battery"
    assert made.generated == {}


def test_a_generated_password_stays_the_same_for_a_user_and_reads_nothing() -> None:
    made = passwords()
    first = made.password_for(ConsoleUser("ada"))

    assert made.password_for(ConsoleUser("ada")) is first
    assert made.password_for(ConsoleUser("bob")).reveal() != first.reveal()
    assert made.generated["ada"] is first
    assert made.account.attempts == []  # type: ignore[attr-defined] # of the account above


@pytest.mark.parametrize(("policy", "length"), [(None, 24), ({}, 24), ({"MinimumPasswordLength": 40}, 40)], ids=str)
def test_a_longer_password_has_the_length_that_the_policy_of_the_account_requires(
    policy: dict[str, object] | None, length: int
) -> None:
    made = passwords(policy)
    first, longer = made.password_for(ConsoleUser("ada")), made.generate_longer(ConsoleUser("ada"))

    assert len(longer.reveal()) == length
    assert longer.reveal() != first.reveal()
    assert made.password_for(ConsoleUser("ada")) is longer
    assert made.account.attempts == ["reading the password policy"]  # type: ignore[attr-defined] # as above
