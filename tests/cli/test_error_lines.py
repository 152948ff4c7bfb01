"""Errors in three lines: what failed, why, and what to do."""

from __future__ import annotations

import pytest
from tests.test_errors import EXAMPLES

from xacct.cli.error_lines import error_lines
from xacct.errors import AwsError, GrantConflict, PermissionMissing, ProofNotDecided, XacctError


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_has_three_lines_of_plain_text(error: XacctError) -> None:
    lines = error_lines(error)
    assert len(lines) == 3
    for line in lines:
        assert line == line.strip().rstrip(".")
        assert "\n" not in line
        assert len(line) > 3


def test_the_advice_names_the_options_of_the_command() -> None:
    conflict = GrantConflict("111111111111", ["role Reader"], owner="grant 'b'", wanted="grant 'c'")
    assert error_lines(conflict) == (
        "role Reader in account 111111111111 cannot be used by grant 'c'; nothing was changed",
        "it belongs to grant 'b'",
        "Choose another --role-name or --policy-name, or widen that grant; --adopt takes it over and ends that access",
    )
    undecided = ProofNotDecided("role Reader", {"policy arn:p": "it could not be read"})
    assert error_lines(undecided)[2] == "Fix the causes, or add --accept 'policy arn:p'"


def test_a_missing_permission_is_given_as_a_statement() -> None:
    error = PermissionMissing(
        doing="creating role R", account="111111111111", action="iam:CreateRole", resource="arn:r", message="no"
    )
    assert error_lines(error) == (
        "creating role R in account 111111111111 failed",
        "the caller may not iam:CreateRole on arn:r",
        'Add to the caller\'s identity policy: {"Effect": "Allow", "Action": "iam:CreateRole", "Resource": "arn:r"}',
    )


def test_the_second_line_of_an_error_of_aws_does_not_repeat_the_first() -> None:
    error = AwsError("reading role R failed: the service is busy", doing="reading role R", account="111111111111")
    assert error_lines(error)[:2] == ("reading role R in account 111111111111 failed", "the service is busy")


def test_a_subclass_that_has_no_lines_of_its_own_has_those_of_its_base() -> None:
    class Busy(AwsError):
        pass

    assert error_lines(Busy("reading failed: busy", doing="reading"))[:2] == ("reading failed", "busy")


def test_an_error_of_the_operating_system_names_the_file() -> None:
    assert error_lines(FileNotFoundError(2, "No such file or directory", "grants.toml")) == (
        "grants.toml failed",
        "No such file or directory",
        "Check the path and its permissions",
    )
