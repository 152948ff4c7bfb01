"""Draw what commands show on a terminal, for the README: ``python docs/pictures.py`` writes ``docs/_static/*.svg``.

A test compares the files with what the commands show now.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from rich.console import Console
from rich.text import Text

from xacct.__main__ import main
from xacct.testing import Sandbox

FOLDER = Path(__file__).parent / "_static"
WIDTH = 118
ACCOUNTS = {"111111111111": "production", "222222222222": "development"}
VENDOR = "464622532012"
GRANTS = """\
[accounts]
production = { profile = "production", id = "111111111111" }
development = { profile = "development", id = "222222222222" }

[[grants]]
trusting = "production"
trusted = "development"
name = "reports"
buckets = ["reports"]
external_id = "acme-42"
"""
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "demo": ("demo",),
    "demo-short": ("demo",),
    "plan": ("plan", "grants.toml"),
    "audit": ("audit", "--profile", "production"),
}


class Terminal(io.StringIO):
    """A stream that takes colors."""

    def isatty(self) -> bool:
        return True


class Talk(io.TextIOBase):
    """Standard error, which goes to the same screen without bars: their times differ.

    Args:
        screen: the screen.
    """

    def __init__(self, screen: Terminal) -> None:
        self._screen = screen

    def write(self, text: str) -> int:
        return self._screen.write(text)


def role(trust: dict[str, object], **condition: dict[str, str]) -> str:
    """Return a trust policy that somebody wrote by hand."""
    action = "sts:AssumeRoleWithWebIdentity" if "Federated" in trust else "sts:AssumeRole"
    statement = {"Effect": "Allow", "Principal": trust, "Action": action, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


GITHUB = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"
BY_HAND = {
    "Monitoring": role({"AWS": VENDOR}),
    "Deploy": role(
        {"Federated": GITHUB}, StringEquals={"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}
    ),
    "Partner": role({"AWS": "*"}, StringLike={"aws:PrincipalArn": "arn:aws:iam::*:role/partner"}),
}


@contextmanager
def accounts(folder: Path) -> Iterator[None]:
    """Open the accounts that the commands work on, in a folder with a grants file."""
    (folder / "grants.toml").write_text(GRANTS)
    before = Path.cwd()
    with Sandbox([*ACCOUNTS, VENDOR]) as aws, aws.serve() as server:
        (folder / "aws.ini").write_text(aws.aws_config(server, ACCOUNTS))
        os.environ["AWS_CONFIG_FILE"] = str(folder / "aws.ini")
        session = aws.account("111111111111").session
        session.client("s3").create_bucket(
            Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        iam = session.client("iam")
        iam.create_open_id_connect_provider(
            Url="https://token.actions.githubusercontent.com", ThumbprintList=["a" * 40]
        )
        for name, trust in BY_HAND.items():
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def shown(*words: str) -> str:
    """Return what a command shows on a terminal."""
    terminal = Terminal()
    colors = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(WIDTH)}
    with patch.dict(os.environ, colors), redirect_stdout(terminal), redirect_stderr(Talk(terminal)):
        main(words)
    return terminal.getvalue()


def picture(name: str) -> str:
    """Return the picture of a command as SVG."""
    words = COMMANDS[name]
    if words == ("demo",):  # it opens accounts of its own
        text = shown(*words)
        text = text[text.index("3. Development") : text.index("6. An audit")] if name == "demo-short" else text
    else:
        with tempfile.TemporaryDirectory() as folder, accounts(Path(folder)):
            if name == "audit":
                shown("apply", "grants.toml", "--yes")
            text = shown(*words)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(f"\x1b[32m$ xacct {' '.join(words)}\x1b[0m\n{text}".rstrip()))
    return console.export_svg(title="", unique_id=f"xacct-{name}")


if __name__ == "__main__":
    for name in COMMANDS:
        (FOLDER / f"command-{name}.svg").write_text(picture(name))
