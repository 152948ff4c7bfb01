"""The AWS CLI, if it is installed, with the profiles that the command writes and the credentials that it prints."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from tests.cli.command import DEVELOPMENT, PRODUCTION, Command

pytestmark = pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")

ROLE = f"arn:aws:iam::{PRODUCTION}:role/CrossAccountRoleS3"


def caller(command: Command, profile: str) -> str:
    """Return the ARN of the caller that the AWS CLI has with a profile."""
    words = ["aws", "sts", "get-caller-identity", "--profile", profile, "--output", "json"]
    ended = subprocess.run(words, env=command.environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return str(json.loads(ended.stdout)["Arn"])


def test_it_uses_the_profiles_of_the_sandbox(command: Command) -> None:
    assert caller(command, "development") == f"arn:aws:iam::{DEVELOPMENT}:user/Administrator"


def test_it_gets_the_credentials_of_a_grant_from_the_command(command: Command) -> None:
    command.granted()
    config = command.folder / "aws.ini"
    url = config.read_text().partition("endpoint_url = ")[2].splitlines()[0]
    process = f"{sys.executable} -m xacct credentials --profile development --session-name nightly {ROLE}"
    reader = f"[profile reader]\nregion = eu-central-1\nendpoint_url = {url}\ncredential_process = {process}\n"
    config.write_text(f"{config.read_text()}\n{reader}")
    assert caller(command, "reader") == f"arn:aws:sts::{PRODUCTION}:assumed-role/CrossAccountRoleS3/nightly"
