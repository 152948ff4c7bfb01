"""What an installed xacct promises about itself."""

from __future__ import annotations

import re
from importlib import metadata, resources
from pathlib import Path

import pytest

import xacct

ROOT = Path(__file__).parents[1]


def test_the_version_is_the_one_of_the_installed_distribution() -> None:
    assert xacct.__version__ == metadata.version("xacct")


def test_type_checkers_are_told_that_the_package_is_typed() -> None:
    assert resources.files("xacct").joinpath("py.typed").is_file()


def test_it_needs_boto3_attrs_and_tenacity_and_nothing_else() -> None:
    required = [line for line in metadata.requires("xacct") or () if "extra ==" not in line]
    assert [line.split(">=")[0] for line in required] == ["attrs", "boto3", "tenacity"]


@pytest.mark.parametrize("name", xacct.__all__)
def test_every_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    assert getattr(xacct, name).__doc__


def test_an_unknown_name_is_an_attribute_error_like_in_any_module() -> None:
    with pytest.raises(AttributeError, match="no attribute 'grant_everything'"):
        getattr(xacct, "grant_everything")  # noqa: B009


def test_dir_lists_the_public_names_before_they_are_loaded() -> None:
    assert set(xacct.__all__) <= set(dir(xacct))


@pytest.mark.parametrize("name", sorted({*xacct.__all__} - {"__version__"}))
def test_every_public_name_is_in_the_api_reference(name: str) -> None:
    page = (ROOT / "docs" / "api.rst").read_text()
    assert f":: xacct.{name}\n" in page or xacct._HOME["xacct.errors"].count(name)


def test_continuous_integration_runs_the_readmes_own_test_command() -> None:
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [command.rsplit("/bin/", 1)[1] for command in commands] == [
        "python examples/tutorial.py",
        "python -m pytest",
    ]
    assert "grep 'python -m pytest$' README.md" in (ROOT / ".ci" / "run").read_text()
