"""``xacct sandbox`` and ``xacct demo``: AWS accounts on this machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest
from tests.cli.command import Command


def test_the_demo_runs_every_step_as_expected(command: Command) -> None:
    ended = command("demo")
    assert ended.code == 0, ended.err
    commands = re.findall(r"^\$ xacct ([a-z-]+)", ended.out, re.MULTILINE)
    assert commands == ["grant", "grant", "verify", "credentials", "explain", "audit", "revoke", "list"]
    assert "arn:aws:iam::111111111111:role/ReportReader" in ended.out


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_the_sandbox_is_served_until_ctrl_c_with_a_profile_for_each_account(command: Command) -> None:
    words = [sys.executable, "-m", "xacct", "sandbox", "--port", "0", "--aws-config", "sandbox.ini"]
    with subprocess.Popen(
        words,
        cwd=command.folder,
        env=command.environment,
        stdout=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell ignore SIGINT, and so would the command.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "switchrole" in line:
                break
        config = {"AWS_CONFIG_FILE": str(command.folder / "sandbox.ini")}
        assert f"export AWS_CONFIG_FILE={config['AWS_CONFIG_FILE']}\n" in lines
        assert "development" in command("whoami", "--profile", "development", environment=config).out
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(10) == 0
