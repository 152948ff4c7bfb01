"""``xacct grant``: shows the changes, asks, makes them, and prints what is needed to use the grant."""

from __future__ import annotations

import json

from tests.cli.command import BOTH, PRODUCTION, Command, create_bucket

ROLE = f"arn:aws:iam::{PRODUCTION}:role/CrossAccountRoleS3"
DONE = f"""\
name             reports
role arn         {ROLE}
switch role link https://signin.aws.amazon.com/switchrole?account=111111111111&roleName=CrossAccountRoleS3\
&displayName=CrossAccountRoleS3&color=f2b0a9
"""


def test_a_grant_is_made_in_both_accounts(command: Command) -> None:
    ended = command("grant", *BOTH, "--name", "reports", "--yes")
    assert (ended.code, ended.out) == (0, DONE)
    assert ended.err.startswith("+ create policy CrossAccountPolicy in the trusted account 222222222222\n")
    assert command.aws.account(PRODUCTION).session.client("iam").get_role(RoleName="CrossAccountRoleS3")


def test_the_same_grant_again_changes_nothing_and_does_not_ask(command: Command) -> None:
    command.granted()
    ended = command("grant", *BOTH, "--name", "reports")
    assert (ended.code, ended.out, ended.err) == (0, DONE, "")


def test_a_dry_run_prints_the_changes_and_makes_none(command: Command) -> None:
    create_bucket(command)
    ended = command("grant", *BOTH, "--bucket", "reports", "--dry-run", "--format", "json")
    assert (ended.code, ended.err) == (3, "")
    changes = json.loads(ended.out)["changes"]
    assert [(change["action"], change["resource"]) for change in changes] == [
        ("create", "policy CrossAccountPolicy"),
        ("create", "role CrossAccountRoleS3"),
        ("attach", "inline policy S3Read to role CrossAccountRoleS3"),
    ]
    assert command.aws.account(PRODUCTION).session.client("iam").list_roles()["Roles"] == []
    command.granted()
    assert command("grant", *BOTH, "--name", "reports", "--dry-run").code == 0


def test_without_an_answer_nothing_is_changed(command: Command) -> None:
    ended = command("grant", *BOTH)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith("Add --yes to make the changes.\nNothing was changed.\n")
    assert command.aws.account(PRODUCTION).session.client("iam").list_roles()["Roles"] == []


def test_a_password_is_printed_only_where_it_is_asked_for(command: Command) -> None:
    lost = command("grant", *BOTH, "--console-user", "eve", "--yes")
    assert lost.code == 2
    assert "add --show-password to print it" in lost.err
    assert command.aws.console_users() == []
    ended = command("grant", *BOTH, "--console-user", "eve", "--yes", "--show-password", "--format", "json")
    result = json.loads(ended.out)
    assert (ended.code, result["console_user"]) == (0, "eve")
    assert len(result["password"]) >= 20
    assert result["password"] not in ended.err
    again = command("grant", *BOTH, "--console-user", "eve", "--format", "json")
    assert "password" not in json.loads(again.out)


def test_a_role_to_which_the_console_cannot_switch_has_no_link(command: Command) -> None:
    path = f"/{'teams' * 12}/"
    ended = command("grant", *BOTH, "--name", "reports", "--path", path, "--yes")
    assert (ended.code, "switch role link" in ended.out) == (0, False), ended.err
    assert f"role{path}CrossAccountRoleS3" in ended.out


def test_a_missing_profile_is_a_usage_error(command: Command) -> None:
    ended = command("grant", "--trusting-profile", "production")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "Error: the command line is not valid\n"
        'Why:   Command "grant" parameter --trusted-profile requires an argument\n'
        "Do:    Add --help to see the arguments and examples\n"
    )


def test_profiles_can_be_named_in_the_environment(command: Command) -> None:
    names = {"XACCT_TRUSTING_PROFILE": "production", "XACCT_TRUSTED_PROFILE": "development"}
    assert command("grant", "--dry-run", environment=names).code == 3


def test_an_invalid_value_is_explained_in_three_lines(command: Command) -> None:
    ended = command("grant", *BOTH, "--bucket", "sales", "--yes")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "Error: buckets: 'sales' is not valid\n"
        "Why:   a bucket of the trusting account: account 111111111111 has no bucket of this name\n"
        "Do:    Correct it and run again\n"
    )
