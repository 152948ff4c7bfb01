"""``xacct prove``: the proofs of the grants in a file."""

from __future__ import annotations

import json

from tests.cli.command import Command
from tests.cli.grants_files import ROLE, here, run, write_file
from tests.cli.here import Here

__all__ = ["here", "run"]

PROOFS = f"""\
production/development: reports: role CrossAccountRoleS3
    check                                     expected  observed  why
ok  a user of 222222222222 assumes the role   allowed   allowed
ok  anybody else assumes the role             refused   refused   no counterexample in 14 cases
ok  the role lists s3://any-bucket/           allowed   allowed
ok  the role reads s3://any-bucket/example    allowed   allowed
ok  the role writes s3://any-bucket/example   refused   refused
ok  the role deletes s3://any-bucket/example  refused   refused
ok  the role does more than read              refused   refused   all its actions are Read or List

production/development: reports: policy CrossAccountPolicy
    check                                                           expected  observed  why
ok  assume {ROLE}        allowed   allowed
ok  assume {ROLE}-other  refused   refused
ok  list the users of 222222222222                                  refused   refused
"""


def test_the_proofs_are_printed_and_nothing_is_changed(command: Command) -> None:
    write_file(command)
    ended = command("prove", "grants.toml")
    assert (ended.code, ended.out, ended.err) == (0, PROOFS, "")
    assert command.aws.account("111111111111").session.client("iam").list_roles()["Roles"] == []


def test_a_grant_that_is_not_proven_fails(command: Command, run: Here) -> None:
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    role = {"kind": "trust", "account": "111111111111", "principals": ["222222222222"], "managed_policy_arns": [admin]}
    write_file(command, role)
    ended = run("prove", "grants.toml", "--format", "json")
    data = json.loads(ended.out)
    assert (ended.code, data["ok"]) == (1, False)
    assert list(data["proofs"]) == ["production/development: reports: role CrossAccountRoleS3"]
