"""What the errors say."""

from __future__ import annotations

import pickle

import pytest

from xacct import errors
from xacct.errors import (
    ApplyFailed,
    AwsError,
    ForeignAttachments,
    InvalidValue,
    NotOurs,
    PackedPolicyTooLarge,
    PermissionMissing,
    PolicyError,
    WrongAccount,
    XacctError,
)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_one_of_xacct(name: str) -> None:
    assert issubclass(getattr(errors, name), XacctError)


def test_bad_input_is_also_what_python_calls_a_value_error() -> None:
    assert issubclass(InvalidValue, ValueError)
    assert issubclass(PolicyError, ValueError)


def test_an_invalid_value_names_the_field_the_value_and_the_rule() -> None:
    assert str(InvalidValue("duration", 5, "at least 900")) == "duration: 5 is not valid: at least 900"


def test_bad_input_crosses_processes() -> None:
    value = pickle.loads(pickle.dumps(InvalidValue("duration", 5, "at least 900")))
    assert (value.field, value.value, value.rule) == ("duration", 5, "at least 900")
    policy = pickle.loads(pickle.dumps(PolicyError("Statement[0]", "is empty")))
    assert (policy.path, policy.problem) == ("Statement[0]", "is empty")


def test_a_policy_error_without_a_place_is_just_the_problem() -> None:
    assert str(PolicyError("", "is not JSON")) == "is not JSON"


def test_a_missing_permission_names_account_action_and_the_statement_to_add() -> None:
    error = PermissionMissing(
        doing="creating role R", account="111111111111", action="iam:CreateRole", resource="arn:r", message="no"
    )
    assert "in account 111111111111: the caller may not iam:CreateRole on arn:r" in str(error)
    assert '{"Effect": "Allow", "Action": "iam:CreateRole", "Resource": "arn:r"}' in str(error)


def test_a_failure_says_what_was_rolled_back_or_what_stands() -> None:
    assert "Nothing had been changed" in str(ApplyFailed("creating role R", "no"))
    assert "Rolled back: policy P. The accounts are as they were" in str(
        ApplyFailed("creating role R", "no", restored=["policy P"])
    )
    stands = str(ApplyFailed("creating role R", "no", stands=["user U"], restored=["policy P"]))
    assert "Still standing: user U. Mend the cause and run it again" in stands


def test_foreign_things_are_named_with_whether_anything_was_touched() -> None:
    assert "nothing was touched; xacct did not make key A; key B" in str(
        ForeignAttachments("removing the grant", "111111111111", ["key A", "key B"])
    )
    assert "nothing was touched" not in str(ForeignAttachments("deleting", "1", ["key A"], touched=True))


def test_the_others_say_what_to_do() -> None:
    assert "pass a session of account 1" in str(WrongAccount("trusting", "1", "2"))
    assert "pass adopt=True to take it over" in str(NotOurs("1", ["role R"]))
    assert PackedPolicyTooLarge("too large", doing="assuming", percent=120).percent == 120
    assert AwsError("no", doing="reading", account="1", code="X").code == "X"
