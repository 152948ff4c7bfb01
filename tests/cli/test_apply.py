"""``xacct apply``: shows the plan, asks, makes the changes, and prints what is needed to use the grants."""

from __future__ import annotations

import json

import pytest
from tests.cli.command import Command
from tests.cli.grants_files import PLAN, ROLE, SUMMARY, here, run, write_file
from tests.cli.here import Here

__all__ = ["here", "run"]

DONE = f"""\
trusting    trusted      name     role arn                                           \
policy arn                                           console user
production  development  reports  {ROLE}  arn:aws:iam::222222222222:policy/CrossAccountPolicy  -
switch role link of reports: https://signin.aws.amazon.com/switchrole?account=111111111111\
&roleName=CrossAccountRoleS3&displayName=CrossAccountRoleS3&color=f2b0a9
"""


def roles(command: Command) -> list[str]:
    roles = command.aws.account("111111111111").session.client("iam").list_roles()["Roles"]
    return [role["RoleName"] for role in roles]


def test_the_changes_are_shown_and_made(command: Command) -> None:
    write_file(command)
    ended = command("apply", "grants.toml", "--yes")
    assert (ended.code, ended.out, ended.err) == (0, DONE, f"{PLAN}{SUMMARY}")
    assert roles(command) == ["CrossAccountRoleS3"]


def test_without_an_answer_nothing_is_changed(command: Command, run: Here) -> None:
    write_file(command)
    ended = run("apply", "grants.toml")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"{PLAN}{SUMMARY}")
    assert ended.err.endswith("Add --yes to make the changes.\nNothing was changed.\n")
    assert roles(command) == []


def test_a_second_run_changes_nothing_and_does_not_ask(command: Command, run: Here) -> None:
    write_file(command)
    run("apply", "grants.toml", "--yes")
    ended = run("apply", "grants.toml", "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["changes"] == []


def test_a_saved_plan_is_applied_only_if_it_is_still_right(command: Command, run: Here) -> None:
    write_file(command)
    run("plan", "grants.toml", "--out", "plan.json")
    write_file(command, {"require_mfa": True})
    ended = run("apply", "grants.toml", "--plan", "plan.json", "--yes")
    assert (ended.code, roles(command)) == (1, [])
    assert ended.err.startswith("Error: the plan is out of date: policy CrossAccountPolicy") or (
        ended.err.startswith("Error: the plan is out of date: role CrossAccountRoleS3 in account 111111111111;")
    )
    write_file(command)
    assert run("apply", "grants.toml", "--plan", "plan.json", "--yes").code == 0
    assert roles(command) == ["CrossAccountRoleS3"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pairs": 1}'])
def test_a_file_that_is_no_plan_is_a_usage_error(command: Command, run: Here, text: str) -> None:
    write_file(command)
    (command.folder / "plan.json").write_text(text)
    assert run("apply", "grants.toml", "--plan", "plan.json", "--yes").code == 2
    assert roles(command) == []


def test_a_password_is_printed_only_where_it_is_asked_for(command: Command, run: Here) -> None:
    write_file(command, {"console_user": {"name": "eve"}})
    lost = run("apply", "grants.toml", "--yes")
    assert lost.code == 2
    assert lost.err.startswith("Error: console_user: 'eve' is not valid\nWhy:   its generated password would be lost")
    assert command.aws.console_users() == []
    ended = run("apply", "grants.toml", "--yes", "--show-password", "--format", "json")
    (grant,) = json.loads(ended.out)["grants"]
    assert (ended.code, grant["console_user"]) == (0, "eve")
    assert len(grant["password"]) >= 20
    assert grant["password"] not in ended.err
    assert "password" not in run("apply", "grants.toml", "--show-password").out


def test_a_password_is_not_in_the_table(command: Command, run: Here) -> None:
    write_file(command, {"console_user": {"name": "eve"}})
    ended = run("apply", "grants.toml", "--yes", "--show-password")
    *_, last = ended.out.splitlines()
    assert last.startswith("password of eve: ")


def test_a_failed_grant_does_not_hide_the_passwords_of_the_others(command: Command, run: Here) -> None:
    user = {"console_user": {"name": "eve"}}
    write_file(command, user, {"name": "lost", "buckets": ["no-such"], "role_name": "L", "policy_name": "L"})
    assert run("apply", "grants.toml", "--yes", "--show-password").code == 2
    ended = run("apply", "grants.toml", "--yes", "--show-password", "--on-error", "collect", "--format", "json")
    assert ended.code == 1
    assert [(grant["name"], len(grant["password"]) >= 20) for grant in json.loads(ended.out)["grants"]] == [
        ("reports", True)
    ]
    assert "Error: 1 of 2 grants failed; the others are in effect\n" in ended.err


def test_an_undecided_check_is_accepted_by_name(command: Command, run: Here) -> None:
    write_file(command)
    iam = command.aws.account("111111111111").session.client("iam")
    deny = {"Effect": "Deny", "Action": "iam:GetPolicyVersion", "Resource": "*"}
    (user,) = iam.list_users()["Users"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_user_policy(UserName=user["UserName"], PolicyName="Deny", PolicyDocument=document)
    ended = run("apply", "grants.toml", "--yes")
    assert ended.code == 1
    assert "--accept 'policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess'" in ended.err
    accept = ("--accept", "policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    assert run("apply", "grants.toml", "--yes", *accept).code == 0
