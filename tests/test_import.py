"""Imports: `import xacct` loads no AWS client, and modules import each other in one direction only."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import xacct

HEAVY = ("boto3", "botocore", "moto", "tenacity")


def loaded_after(statement: str) -> set[str]:
    """Return the modules that a new interpreter has loaded after running `statement`."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_xacct_does_not_import_boto3() -> None:
    assert not loaded_after("import xacct").intersection(HEAVY)


@pytest.mark.parametrize(
    "room", ["errors", "arn", "policy", "authz", "grants", "s3_read", "switch_role", "proof", "snapshot"]
)
def test_modules_without_io_do_not_import_boto3(room: str) -> None:
    assert not loaded_after(f"import xacct.{room}").intersection({"boto3", "botocore", "moto"})


PACKAGE = Path(xacct.__file__).parent


def _module_name(path: Path) -> str:
    return ".".join(("xacct", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


# The lazy public names of xacct/__init__.py import every room, and are not counted.
SOURCES = {
    _module_name(path): ast.parse(path.read_text("utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
    if path != PACKAGE / "__init__.py"
}


def imported_modules(module: str) -> set[str]:
    """Return the modules of xacct that a module imports: at its top, in functions and below TYPE_CHECKING."""
    found = set()
    for node in ast.walk(SOURCES[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            # `from package import module` does not need the package's own names.
            found |= submodules if submodules <= set(SOURCES) else {node.module, *submodules}
    return found & set(SOURCES)


def import_cycle(imports: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of a cycle in order; empty if there is none."""
    finished: set[str] = set()

    def search(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        for imported in sorted(imports[module]) if module not in finished else ():
            if cycle := search(imported, [*path, module]):
                return cycle
        finished.add(module)
        return []

    return next((cycle for module in imports if (cycle := search(module, []))), [])


def test_no_two_modules_import_each_other() -> None:
    cycle = import_cycle({module: imported_modules(module) for module in SOURCES})
    assert not cycle, " imports ".join(cycle)


@pytest.mark.parametrize(
    ("imports", "cycle"),
    [
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
        ({"a": {"a"}}, ["a", "a"]),
    ],
)
def test_an_import_cycle_is_found(imports: dict[str, set[str]], cycle: list[str]) -> None:
    assert import_cycle(imports) == cycle


# The rooms in order: each imports only from its own level and from those above it in this list.
# docs/architecture.md has a picture.
LEVELS = (
    {"_lazy_names", "_version", "errors", "limits", "concurrency", "garbage_collection"},
    {"arn", "data_file", "events", "progress_bar", "report_table"},
    {"validators"},
    {"policy", "reference"},
    {"authz", "linter", "retry"},
    {"aws_reads", "iam_records", "organizations_client", "plain_data", "s3_locations", "trust_fields"},
    {"console_user", "grants", "s3_read", "switch_role"},
    {"proof"},
    {"grant_account", "grant_data"},
    {"organization", "read_grant", "resources"},
    {"access_denied", "inventory", "reconcile", "record_reader", "revoked_sessions", "verification"},
    {"recorded_grants", "session"},
    {"snapshot"},
    {"access_audit"},
    {"access", "expired_grants", "grants_file", "grants_file_entries", "grants_file_schema", "grants_plan"},
    {"testing"},
    {"cli", "pytest_plugin"},
    {"__main__"},
)
LEVEL_OF = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}


@pytest.mark.parametrize("module", SOURCES)
def test_no_module_imports_from_a_higher_level(module: str) -> None:
    level = LEVEL_OF[module.split(".")[1]]
    assert [name for name in imported_modules(module) if LEVEL_OF[name.split(".")[1]] > level] == []
