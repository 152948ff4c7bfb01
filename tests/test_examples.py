"""The examples run, and say what they should."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parent.parent / "examples" / "tutorial.py"


def test_the_tutorial_ends_with_a_verified_grant_and_clean_accounts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # It takes the machine's own settings out of the environment for good.
    monkeypatch.setattr(os, "environ", os.environ.copy())
    specification = importlib.util.spec_from_file_location("tutorial", TUTORIAL)
    assert specification is not None
    assert specification.loader is not None
    tutorial = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tutorial)

    assert tutorial.main() == 0
    output = capsys.readouterr().out
    assert "arn:aws:iam::111111111111:role/CrossAccountRoleS3" in output
    assert "0 changes" in output
    assert "refused   refused   Access Denied" in output
    assert "Both accounts are as they were: True" in output
