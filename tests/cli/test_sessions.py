"""``xacct exec``, ``credentials``, ``console`` and ``whoami``: sessions for programs and people."""

from __future__ import annotations

import json
import sys

import pytest
from tests.cli.command import DEVELOPMENT, PRODUCTION, Command

from xacct import grant_cross_account_read
from xacct.__main__ import main

ROLE = f"arn:aws:iam::{PRODUCTION}:role/CrossAccountRoleS3"
WHOAMI = f"""\
account    {PRODUCTION}
arn        arn:aws:iam::{PRODUCTION}:user/Administrator
partition  aws
region     eu-central-1
profile    production
"""
PRINT_KEY = "import os; print(os.environ['AWS_ACCESS_KEY_ID'][:4]); raise SystemExit(7)"


@pytest.fixture
def granted(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    production, development = (command.aws.account(id_).session for id_ in (PRODUCTION, DEVELOPMENT))
    grant_cross_account_read(production, development)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, command.environment[name])
    return command


def test_whoami_says_whose_credentials_are_used(command: Command) -> None:
    ended = command("whoami", "--profile", "production")
    assert (ended.code, ended.out, ended.err) == (0, WHOAMI, "")
    data = json.loads(command("whoami", "--profile", "development", "--format", "json").out)
    assert (data["account"], data["profile"]) == (DEVELOPMENT, "development")


def test_a_profile_that_does_not_exist_is_explained(command: Command) -> None:
    ended = command("whoami", "--profile", "prod")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: opening profile prod failed\nWhy: ")
    assert len(ended.err.splitlines()) == 3


def test_exec_runs_a_program_with_the_credentials_of_the_role(granted: Command) -> None:
    ended = granted("exec", "--profile", "development", ROLE, "--", sys.executable, "-c", PRINT_KEY)
    assert (ended.code, ended.out, ended.err) == (7, "ASIA\n", "")


def test_exec_needs_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["exec", ROLE])
    assert ended.value.code == 2
    assert "name the program after the role and --" in capsys.readouterr().err


def test_exec_says_in_three_lines_why_the_role_was_not_assumed(granted: Command) -> None:
    ended = granted("exec", "--profile", "development", f"{ROLE}-other", "--", "true")
    assert (ended.code, ended.out) == (1, "")
    error, why, advice = ended.err.splitlines()
    assert error == f"Error: assuming {ROLE}-other failed"
    assert why.startswith("Why:   access denied.")
    assert advice == "Do:    xacct explain reads the policies of both accounts and says why"


def test_more_is_said_only_on_request(granted: Command) -> None:
    words = ("--profile", "development", f"{ROLE}-other", "--", "true", "--debug")
    assert "Traceback" not in granted("exec", *words).err
    assert "Traceback" in granted("exec", "--debug", *words).err


def test_credentials_are_those_of_the_role(granted: Command) -> None:
    ended = granted("credentials", "--profile", "development", ROLE)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["AccountId"] == PRODUCTION


class TestConsole:
    def test_prints_a_link_that_signs_in_as_the_role(
        self, granted: Command, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["console", ROLE, "--profile", "development", "--destination", "s3", "--print"]) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        console = granted.aws.open_console(printed.out.strip())
        assert f"{PRODUCTION}:assumed-role/CrossAccountRoleS3/" in console.client("sts").get_caller_identity()["Arn"]

    @pytest.mark.parametrize(("opens", "code"), [(True, 0), (False, 1)])
    def test_opens_the_browser_and_does_not_print_the_link(
        self,
        opens: bool,
        code: int,
        granted: Command,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        opened: list[str] = []
        monkeypatch.setattr("webbrowser.open", lambda link: opened.append(link) or opens)
        assert main(["console", ROLE, "--profile", "development"]) == code
        printed = capsys.readouterr()
        assert (printed.out, len(opened)) == ("", 1)
        assert "SigninToken" in opened[0]
        assert "SigninToken" not in printed.err

    def test_refuses_the_keys_of_a_user(self, granted: Command, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["console", "--profile", "development", "--print"]) == 2
        assert "the console accepts role sessions only" in capsys.readouterr().err
