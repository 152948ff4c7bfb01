"""The command line, against moto."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from xacct.__main__ import main

ROLE = "arn:aws:iam::111111111111:role/Reader"
NEXT = "arn:aws:iam::333333333333:role/Auditor"


@pytest.fixture(autouse=True)
def development(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    config = tmp_path / "config"
    config.write_text(
        "[profile development]\nregion = eu-west-1\naws_access_key_id = AKIAALICE\naws_secret_access_key = s\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    with mock_aws():
        yield


def test_credentials_are_printed_for_credential_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["credentials", "--profile", "development", "--session-name", "nightly", ROLE]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["Version"] == 1
    assert printed["AccountId"] == "111111111111"
    assert printed["SecretAccessKey"]


def test_credentials_of_a_role_chain_are_printed_as_export_statements(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["credentials", "--env", "--profile", "development", "--region", "us-west-2", ROLE, NEXT]) == 0
    words = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert {export for export, _ in words} == {"export"}
    variables = dict(word.split("=", 1) for _, word in words)
    assert variables["AWS_REGION"] == "us-west-2"
    assert variables["AWS_SESSION_TOKEN"]


def test_the_cache_is_that_of_the_aws_cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert main(["credentials", "--cache", "--profile", "development", ROLE]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert len(list((tmp_path / ".aws/cli/cache").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--duration", "60", ROLE], "xacct: duration: 60 is not valid"),
        (["--profile", "nobody", ROLE], "xacct: opening profile nobody failed: "),
        (["--profile", "broken", ROLE], f"xacct: assuming {ROLE} failed: the base session's credentials could not be"),
        ([ROLE], "xacct: reading the caller identity of the base session failed: its credentials were not found"),
        (["Reader"], "xacct: role_arn: 'Reader' is not valid"),
    ],
)
def test_an_error_is_printed_as_one_line_without_a_traceback(
    arguments: list[str],
    error: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (tmp_path / "config").open("a") as config:
        config.write("[profile broken]\ncredential_process = python -c 'import nothing'\n")
    with monkeypatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        assert main(["credentials", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(error)
    assert printed.err.count("\n") == 1


def test_without_a_command_the_commands_are_listed() -> None:
    run = subprocess.run([sys.executable, "-m", "xacct"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "Usage: xacct COMMAND" in run.stdout
