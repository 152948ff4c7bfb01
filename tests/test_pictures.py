"""The pictures of the README show what the commands show now."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parent.parent / "docs"


def _load() -> ModuleType:
    specification = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


PICTURES = _load()


def words_in(svg: str) -> list[str]:
    """Return the words of a picture."""
    return re.sub(r"&#160;", " ", " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))).split()


@pytest.mark.skipif(sys.platform == "win32", reason="files are named with backslashes")
@pytest.mark.parametrize("name", PICTURES.COMMANDS)
def test_a_picture_shows_what_its_command_shows_now(name: str) -> None:
    drawn = PICTURES.picture(name)
    assert len(words_in(drawn)) > 50
    assert words_in(drawn) == words_in((DOCS / "_static" / f"command-{name}.svg").read_text("utf-8")), (
        "draw the pictures again: python docs/pictures.py"
    )


def test_the_readme_shows_every_picture_but_the_long_one() -> None:
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    assert [name for name in PICTURES.COMMANDS if f"docs/_static/command-{name}.svg" not in readme] == ["demo"]
