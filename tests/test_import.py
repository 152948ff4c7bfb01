"""`import xacct` is cheap: what talks to AWS is loaded when it is first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("boto3", "botocore", "moto", "tenacity")


def loaded_after(statement: str) -> set[str]:
    """The modules that a new interpreter has loaded once it has run `statement`."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_xacct_loads_no_aws_client() -> None:
    assert not loaded_after("import xacct").intersection(HEAVY)


@pytest.mark.parametrize("room", ["errors", "arn", "policy", "authz", "grants", "switch_role"])
def test_rooms_without_io_never_load_an_aws_client(room: str) -> None:
    assert not loaded_after(f"import xacct.{room}").intersection({"boto3", "botocore", "moto"})
