"""What the page docs/howto/sandbox-traps.md says about version 1 of the AWS CLI. Nothing leaves the machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from xacct.testing import Sandbox, Server

PRODUCTION, DEVELOPMENT = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{PRODUCTION}:role/Reader"
PROFILE = f"[profile reader]\nrole_arn = {ROLE}\ncredential_source = Environment\n"
NOBODY = "http://127.0.0.1:9"
"""Nothing listens there: a request that would leave the machine fails, with this URL in the message."""


def version() -> str:
    if shutil.which("ministack") is None or shutil.which("aws") is None:
        return ""
    return subprocess.run(["aws", "--version"], capture_output=True, text=True, check=False).stdout


pytestmark = pytest.mark.skipif(
    not version().startswith("aws-cli/1."),
    reason="MiniStack or version 1 of the AWS CLI is missing: nox -s integration",
)


@contextmanager
def served() -> Iterator[tuple[Sandbox, Server]]:
    trust = {"Effect": "Allow", "Principal": {"AWS": DEVELOPMENT}, "Action": "sts:AssumeRole"}
    with Sandbox([PRODUCTION, DEVELOPMENT]) as aws, aws.serve() as server:
        aws.account(PRODUCTION).session.client("iam").create_role(
            RoleName="Reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
        )
        yield aws, server


def run(home: Path, variables: Mapping[str, str], *words: str) -> str:
    """Return what the AWS CLI prints, to both outputs."""
    (home / "config").write_text(PROFILE)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_MAX_ATTEMPTS": "1",
        "HTTPS_PROXY": NOBODY,
        **variables,
    }
    ended = subprocess.run(["aws", *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    return ended.stdout + ended.stderr


def test_requests_to_sqs_leave_the_machine_unless_the_endpoint_is_an_option(tmp_path: Path) -> None:
    with served() as (aws, server):
        variables = aws.environment(PRODUCTION, server)
        assert NOBODY in run(tmp_path, variables, "sqs", "list-queues")
        assert run(tmp_path, variables, "sqs", "list-queues", "--endpoint-url", server.url) == ""


def test_the_option_is_not_used_to_assume_the_role_of_a_profile(tmp_path: Path) -> None:
    caller = ["sts", "get-caller-identity", "--profile", "reader"]
    with served() as (aws, server):
        variables = aws.environment(DEVELOPMENT, server)
        assert "assumed-role/Reader" in run(tmp_path, variables, *caller)
        shutil.rmtree(tmp_path / ".aws")
        del variables["AWS_ENDPOINT_URL"]
        assert NOBODY in run(tmp_path, variables, *caller, "--endpoint-url", server.url)


def test_the_keys_of_a_role_are_kept_for_the_next_server(tmp_path: Path) -> None:
    caller = ["sts", "get-caller-identity", "--profile", "reader"]
    with served() as (aws, server):
        assert "assumed-role/Reader" in run(tmp_path, aws.environment(DEVELOPMENT, server), *caller)
    with served() as (aws, server):
        assert "InvalidClientTokenId" in run(tmp_path, aws.environment(DEVELOPMENT, server), *caller)
        shutil.rmtree(tmp_path / ".aws" / "cli" / "cache")
        assert "assumed-role/Reader" in run(tmp_path, aws.environment(DEVELOPMENT, server), *caller)
