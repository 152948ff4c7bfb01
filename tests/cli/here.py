"""The command in this process, which is quicker than a process of its own."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from attrs import frozen
from tests.cli.command import Command, Ended

from xacct.__main__ import main


@frozen
class Here:
    """Runs ``xacct`` in this process, in a folder of the test.

    Attributes:
        folder: the folder.
    """

    folder: Path
    _monkeypatch: pytest.MonkeyPatch
    _capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str, stdin: str = "") -> Ended:
        """Run the command to its end."""
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main(words)
        return Ended(code, *self._capsys.readouterr())

    def use_profiles_of(self, command: Command) -> None:
        """Use the profiles of a command's sandbox."""
        for name, value in command.environment.items():
            if name.startswith("AWS_"):
                self._monkeypatch.setenv(name, value)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_PROFILE", "XACCT_TRUSTING_PROFILE", "XACCT_TRUSTED_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return Here(tmp_path, monkeypatch, capsys)
