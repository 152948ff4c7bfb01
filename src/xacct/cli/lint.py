"""``xacct lint``: what AWS rejects, ignores or reads in another way than it looks in a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import attrs

from xacct import LintFinding, lint
from xacct.cli.exit_codes import CHANGES, FINE
from xacct.cli.standard_input import FileOrStandardInput, read_bytes
from xacct.cli.terminal import print_json, print_table, say
from xacct.linter import PolicyKind

__all__ = ["command"]

_HEAD = ("file", "severity", "element", "rule", "message", "source")


def command(
    file: Annotated[list[Path], FileOrStandardInput],
    /,
    *,
    kind: PolicyKind,
    fail_on: Literal["error", "warning"] = "warning",
    format: Literal["table", "json"] = "table",
) -> int:
    """Find what AWS rejects, ignores or reads in another way than it looks in policies.

    Needs no access to AWS. The exit code is 3 if there are findings.

    Example: xacct lint trust.json --kind trust

    Args:
        file: A file with a policy as JSON; - for standard input. Several can be given.
        kind: What the policies are used as.
        fail_on: What makes the exit code 3: errors only, or warnings too.
        format: How to print the findings.
    """
    found = [(str(path), finding) for path in file for finding in lint(read_bytes(path), kind)]
    if format == "json":
        print_json([{"file": path, **attrs.asdict(finding)} for path, finding in found])
    elif found:
        print_table(_HEAD, [_row(path, finding) for path, finding in found])
    else:
        say("No findings.")
    return CHANGES if any(fail_on == "warning" or finding.severity == "error" for _, finding in found) else FINE


def _row(path: str, finding: LintFinding) -> tuple[str, ...]:
    return path, finding.severity, finding.element or "-", finding.rule, finding.message, finding.source
