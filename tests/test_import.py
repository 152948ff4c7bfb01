"""`import xacct` is cheap, and no room imports one above it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import xacct

HEAVY = ("boto3", "botocore", "moto", "tenacity")


def loaded_after(statement: str) -> set[str]:
    """The modules that a new interpreter has loaded once it has run `statement`."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_xacct_does_not_import_boto3() -> None:
    assert not loaded_after("import xacct").intersection(HEAVY)


@pytest.mark.parametrize("room", ["errors", "arn", "policy", "authz", "grants", "s3_read", "switch_role", "proof"])
def test_modules_without_io_do_not_import_boto3(room: str) -> None:
    assert not loaded_after(f"import xacct.{room}").intersection({"boto3", "botocore", "moto"})


# From the bottom up; docs/architecture.md has the picture.
FLOORS = (
    {"_lazy_names", "errors", "limits", "concurrency"},
    {"arn", "events", "report_table"},
    {"validators"},
    {"policy"},
    {"authz", "retry"},
    {"aws_reads"},
    {"console_user", "grants", "s3_read", "switch_role"},
    {"proof"},
    {"grant_account"},
    {"resources"},
    {"reconcile", "access_denied", "verification"},
    {"session"},
    {"access"},
    {"testing"},
    {"pytest_plugin", "__main__"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
PACKAGE = Path(xacct.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_room_imports_one_above_it(module: Path) -> None:
    room = module.relative_to(PACKAGE).parts[0].removesuffix(".py")
    imported = {
        node.module.split(".")[1]
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("xacct.")
    }
    assert [name for name in imported if FLOOR_OF[name] > FLOOR_OF[room]] == []
