"""``xacct prove``: whether the grants in a file give the access that they should, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from xacct import GrantsFile
from xacct.cli.exit_codes import FAILED, FINE
from xacct.cli.terminal import print_checks, print_json, print_text

__all__ = ["command"]


def command(
    file: Path,
    /,
    *,
    format: Literal["table", "json"] = "table",
) -> int:
    """Prove that the grants in a file give the access that they should, and no more. Nothing is changed.

    Reads the managed policies of the roles with the sessions of the file. The exit code is 1 if a grant is not proven.

    Example: xacct prove grants.toml

    Args:
        file: The grants file, in TOML, JSON or YAML; xacct schema describes it.
        format: How to print the proofs.
    """
    proofs = GrantsFile.read(file).prove()
    ok = all(proof.ok for proof in proofs.values())
    if format == "json":
        print_json({"ok": ok, "proofs": {name: proof.to_dict() for name, proof in proofs.items()}})
    else:
        for number, (name, proof) in enumerate(proofs.items()):
            print_text(f"{chr(10) if number else ''}{name}")
            print_checks(proof)
    return FINE if ok else FAILED
