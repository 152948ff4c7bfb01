"""The pages on grants files: the workflow for GitHub Actions runs, as far as a machine without GitHub can."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from tests.cli.command import Command, Ended
from tests.cli.grants_files import write_file

PAGES = Path(__file__).parents[2] / "docs" / "howto"


def block(page: str, language: str) -> str:
    """Return the first block of a language on a page."""
    found = re.search(rf"^```{language}\n(.*?)^```$", (PAGES / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def run(command: Command, line: str) -> Ended:
    """Run a line of a workflow as GitHub does, where `xacct` is installed."""
    program = command.folder / "xacct"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m xacct "$@"\n')
    program.chmod(0o755)
    environment = command.environment
    path = f"{command.folder}:{environment['PATH']}"
    ended = subprocess.run(
        ["bash", "-e", "-c", line],
        cwd=command.folder,
        env={**environment, "PATH": path, "GITHUB_STEP_SUMMARY": str(command.folder / "summary.md")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def test_the_workflow_plans_on_a_pull_request_and_applies_on_the_main_branch(command: Command) -> None:
    workflow: dict[Any, Any] = yaml.safe_load(block("ci.md", "yaml"))
    # In YAML 1.1, `on` is true.
    assert workflow[True] == {"pull_request": None, "push": {"branches": ["main"]}}
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    (job,) = workflow["jobs"].values()
    lines = {step["if"]: step["run"] for step in job["steps"] if "if" in step}
    write_file(command)
    planned = run(command, lines["github.event_name == 'pull_request'"])
    assert (planned.code, planned.out) == (0, "")
    assert (command.folder / "summary.md").read_text().startswith("**xacct: 3 to create, 0 to change, 0 to remove**")
    applied = run(command, lines["github.event_name == 'push'"])
    assert applied.code == 0
    assert command("plan", "grants.toml").code == 0
    (command.folder / "grants.toml").write_text("[[grants]\n")
    assert run(command, lines["github.event_name == 'pull_request'"]).code == 1


def test_the_page_runs_the_file_that_it_shows() -> None:
    page = (PAGES / "grants-file.md").read_text("utf-8")
    hidden = "\n".join(line.removeprefix("%").removeprefix(" ") for line in page.splitlines() if line.startswith("%"))
    assert block("grants-file.md", "toml") in f"{hidden}\n"
