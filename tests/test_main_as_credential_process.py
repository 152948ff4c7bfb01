"""``credential_process = python -m xacct credentials``: profiles that call the command, and each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from xacct.testing import Sandbox

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script")

ROLE = "arn:aws:iam::111111111111:role/Reader"
NEXT = "arn:aws:iam::111111111111:role/Auditor"
ENOUGH = 6
# Counts the processes, and ends a recursion that the command does not.
WRAPPER = """#!/bin/sh
echo run >> "{count}"
test "$(wc -l < "{count}")" -le {enough} || exit 9
exec "{python}" -m xacct credentials "$@"
"""


class Command:
    def __init__(self, folder: Path) -> None:
        self.count, self.program, self.config = folder / "count", folder / "xacct-credentials", folder / "config"
        self.program.write_text(WRAPPER.format(count=self.count, enough=ENOUGH, python=sys.executable))
        self.program.chmod(0o700)
        hidden = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = {
            **hidden,
            "AWS_CONFIG_FILE": str(self.config),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": str(folder),
        }

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.program), *arguments],
            env={**self.environment, **(environment or {})},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    @property
    def processes(self) -> int:
        return len(self.count.read_text().split())


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def refused(command: Command, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    done = command.run(*arguments, environment=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "credential_process = python -m xacct credentials --profile NAME" in done.stderr
    return done.stderr


def test_a_default_profile_that_calls_itself_is_refused(command: Command) -> None:
    command.config.write_text(f"[default]\nregion = eu-west-1\ncredential_process = {command.program} {ROLE}\n")
    assert "profile: 'default' is not valid" in refused(command, ROLE)
    assert command.processes == 2


def test_a_profile_of_the_environment_that_calls_itself_is_refused(command: Command) -> None:
    command.config.write_text(
        f"[profile production]\nregion = eu-west-1\ncredential_process = {command.program} {ROLE}\n"
    )
    assert "'production'" in refused(command, ROLE, environment={"AWS_PROFILE": "production"})
    assert command.processes == 2


def test_profiles_that_call_each_other_are_refused(command: Command) -> None:
    command.config.write_text(
        f"[profile a]\nregion = eu-west-1\ncredential_process = {command.program} --profile b {ROLE}\n"
        f"[profile b]\nregion = eu-west-1\ncredential_process = {command.program} --profile a {ROLE}\n"
    )
    assert "'a'" in refused(command, "--profile", "a", ROLE)
    assert command.processes == 3


@pytest.fixture
def environment() -> Iterator[Mapping[str, str]]:
    with Sandbox(["111111111111", "222222222222"]) as aws, aws.serve() as server:
        iam = aws.account("111111111111").session.client("iam")
        for name, trusted in (("Reader", "222222222222"), ("Auditor", "111111111111")):
            trust = {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}
            iam.create_role(
                RoleName=name,
                AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
            )
        allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": NEXT}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName="Reader", PolicyName="next", PolicyDocument=document)
        yield aws.environment("222222222222", server)


def test_a_profile_can_call_another_that_calls_a_third(command: Command, environment: Mapping[str, str]) -> None:
    command.config.write_text(
        f"[profile development]\naws_access_key_id = {environment['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {environment['AWS_SECRET_ACCESS_KEY']}\n"
        f"[profile production]\ncredential_process = {command.program} --profile development {ROLE}\n"
    )
    server = {name: environment[name] for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")}
    done = command.run("--profile", "production", NEXT, environment=server)
    assert done.stderr == ""
    assert json.loads(done.stdout)["AccountId"] == "111111111111"
    assert command.processes == 2


def test_credentials_of_the_environment_come_before_the_default_profile(
    command: Command, environment: Mapping[str, str]
) -> None:
    command.config.write_text(f"[default]\ncredential_process = {command.program} {ROLE}\n")
    done = command.run(ROLE, environment=environment)
    assert done.stderr == ""
    assert json.loads(done.stdout)["AccountId"] == "111111111111"
    assert command.processes == 1


def test_a_process_that_sets_credentials_for_the_command_is_not_refused(
    command: Command, environment: Mapping[str, str]
) -> None:
    keys = " ".join(f"{name}={environment[name]}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    command.config.write_text(f"[default]\ncredential_process = env {keys} {command.program} {ROLE}\n")
    server = {name: environment[name] for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")}
    done = command.run(NEXT, environment=server)
    assert done.stderr == ""
    assert json.loads(done.stdout)["AccountId"] == "111111111111"
