"""``xacct demo``: the main commands, in AWS accounts on this machine that enforce IAM."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from xacct.cli.exit_codes import CHANGES, FAILED, FINE
from xacct.errors import XacctError

if TYPE_CHECKING:
    from xacct.testing import Sandbox

__all__ = ["command"]

_ACCOUNTS = {"111111111111": "production", "222222222222": "development", "333333333333": "stranger"}
_ROLE = "arn:aws:iam::111111111111:role/ReportReader"
_BUCKET = "production-reports"
_BOTH = "--trusting-profile production --trusted-profile development"


def command() -> int:
    """Show the main commands in AWS accounts on this machine that enforce IAM.

    Needs no AWS account, no credentials and no network. The accounts are those
    of xacct's sandbox, so every denial is a real one. Needs the extra
    xacct[testing].

    Example: uvx --from 'xacct[cli,testing]' xacct demo
    """
    from xacct.testing import Sandbox

    with (
        tempfile.TemporaryDirectory(prefix="xacct-demo-") as folder,
        Sandbox(_ACCOUNTS) as aws,
        aws.serve() as server,
    ):
        config = Path(folder) / "config"
        config.write_text(aws.aws_config(server, _ACCOUNTS))
        # The sandbox restores the environment when it is closed.
        os.environ["AWS_CONFIG_FILE"] = str(config)
        _tour(aws)
    return FINE


def _tour(aws: Sandbox) -> None:
    """Run the commands."""
    s3 = aws.account("111111111111").session.client("s3")
    s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=_BUCKET, Key="2026/january.csv", Body=b"region,revenue\nnorth,42\n")
    accounts = ", ".join(f"{name} ({id_})" for id_, name in _ACCOUNTS.items())
    _tell(f"Three AWS accounts run in this process: {accounts}. Production has the bucket {_BUCKET}.")
    _tell("1. Development may read that bucket: one command creates the role and the policy.")
    grant = f"grant {_BOTH} --name reports --role-name ReportReader --bucket {_BUCKET}"
    _run(f"{grant} --yes", FINE)
    _tell("2. The same command again changes nothing.")
    _run(f"{grant} --dry-run", FINE)
    _tell("3. Development uses the role: reads work, and writes are refused.")
    _run(f"verify reports {_BOTH}", FINE)
    _tell("4. A stranger tries the role. AWS does not say why it refuses.")
    denial = _run(f"credentials --profile stranger {_ROLE}", FAILED)
    _tell("5. xacct reads the policies of both accounts, and says it.")
    explain = "explain --trusting-profile production --trusted-profile stranger"
    _run(f"{explain} {shlex.quote(denial)}", FINE, shown=f"{explain} 'AccessDenied ...'")
    _tell("6. An audit of production finds who gets in from outside.")
    _run("audit --profile production", CHANGES)
    _tell("7. Everything that the grant created is removed.")
    _run(f"revoke reports {_BOTH} --yes", FINE)
    _run("list --profile production", FINE)
    _tell("That was xacct. Next: xacct --help, and xacct grant --help.")


def _tell(text: str) -> None:
    _print(f"\n{text}\n", "bold cyan")


def _run(words: str, code: int, *, shown: str = "") -> str:
    """Run a command, and return what it wrote to standard error.

    Args:
        words: the words after ``xacct``.
        code: the exit code that is expected.
        shown: the words that are shown; those that are run if not given.

    Raises:
        XacctError: the command ended with another exit code.
    """
    from xacct.cli.main import main

    _print(f"$ xacct {shown or words}", "green")
    with redirect_stderr(_Brief()) as said:
        ended = main(shlex.split(words))
    if ended != code:
        raise XacctError(f"xacct {shown or words} ended with exit code {ended}, not {code}")
    return said.getvalue()


class _Brief(StringIO):
    """Shows what a command says, without policy documents, which are indented and too long for a demo."""

    _line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if not line.startswith("  "):
                _print(line, "dim")
        return super().write(text)


def _print(text: str, style: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(text, style if console.is_terminal else ""), soft_wrap=not console.is_terminal)
    sys.stdout.flush()
