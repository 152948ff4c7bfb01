"""The command as a process of its own, against the sandbox's server."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import frozen
from tests.cli.fork_server import run_in_fork

from xacct.testing import Sandbox

PRODUCTION, DEVELOPMENT = "111111111111", "222222222222"
BOTH = ("--trusting-profile", "production", "--trusted-profile", "development")


@frozen
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@frozen
class Command:
    """Runs ``xacct`` with the profiles ``production`` and ``development`` of two accounts of a sandbox.

    Attributes:
        aws: the sandbox.
        folder: the folder in which the command runs; the profiles are in its file ``aws.ini``.
    """

    aws: Sandbox
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "XACCT_", "COLUMNS"))}
        return {
            **kept,
            "AWS_CONFIG_FILE": str(self.folder / "aws.ini"),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": str(self.folder),
            "COLUMNS": "120",
        }

    def __call__(self, *words: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ended:
        """Run the command to its end."""
        code, out, err = run_in_fork(
            words, folder=self.folder, environment={**self.environment, **(environment or {})}, stdin=stdin
        )
        return Ended(code, out, err)

    def granted(self, *words: str, name: str = "reports") -> None:
        """Make a grant with the command, and check that it worked."""
        ended = self("grant", *BOTH, "--name", name, "--yes", *words)
        assert ended.code == 0, ended.err


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    with Sandbox([PRODUCTION, DEVELOPMENT]) as aws, aws.serve() as server:
        names = {PRODUCTION: "production", DEVELOPMENT: "development"}
        (tmp_path / "aws.ini").write_text(aws.aws_config(server, names))
        yield Command(aws, tmp_path)


def create_bucket(command: Command, name: str = "reports", key: str = "2026/january.csv") -> None:
    """Create a bucket with an object in the production account."""
    s3 = command.aws.account(PRODUCTION).session.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=name, Key=key, Body=b"north,42\n")


def without_times(text: str) -> str:
    """Return text with its dates and times replaced, to compare."""
    return re.sub(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( ?UTC|Z|\+00:00)?)?", "<time>", text)
