"""The examples run, and print what they should."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parent.parent / "examples" / "tutorial.py"


def test_the_tutorial_ends_with_a_verified_grant_and_clean_accounts(capsys: pytest.CaptureFixture[str]) -> None:
    specification = importlib.util.spec_from_file_location("tutorial", TUTORIAL)
    assert specification is not None
    assert specification.loader is not None
    tutorial = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tutorial)

    assert tutorial.main() == 0
    output = capsys.readouterr().out
    assert "arn:aws:iam::111111111111:role/CrossAccountRoleS3" in output
    assert "changes      0" in output
    assert "refused   refused   User: arn:aws:sts::111111111111:assumed-role/CrossAccountRoleS3/" in output
    assert "EC2UserForCrossAccount assumes the role and reads the object" in output
    assert "trust policy of role CrossAccountRoleS3" in output
    assert "Both accounts are as they were before step 1: True" in output


@pytest.mark.parametrize("removed", [False, True], ids=["unchanged", "without the external ID"])
def test_the_project_in_the_docs_passes_and_fails_as_the_page_shows(tmp_path: Path, removed: bool) -> None:
    for name in ("reports.py", "test_reports.py"):
        text = (TUTORIAL.parent / "testing" / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace(', ExternalId="acme-42"', "") if removed else text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    page = (TUTORIAL.parent.parent / "docs" / "howto" / "testing.md").read_text("utf-8")
    report = page.split("```text\n")[1].split("\n```\n")[0]
    assert ("1 failed, 1 passed" if removed else "2 passed") in ran.stdout, ran.stdout
    assert (report in ran.stdout) == removed, ran.stdout


def test_the_tests_of_a_workflow_in_the_docs_pass(tmp_path: Path) -> None:
    example = TUTORIAL.parent / "testing" / "test_workflow.py"
    (tmp_path / example.name).write_text(example.read_text("utf-8"))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert "5 passed" in ran.stdout, ran.stdout
