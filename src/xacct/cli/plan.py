"""``xacct plan``: what the grants in a file would change."""

from __future__ import annotations

import json
from pathlib import Path

from xacct import GrantsFile
from xacct.cli.exit_codes import CHANGES, FINE
from xacct.cli.options import Adopt
from xacct.cli.plan_output import PlanFormat, print_plan, say_summary

__all__ = ["command"]


def command(
    file: Path,
    /,
    *,
    out: Path | None = None,
    adopt: Adopt = False,
    format: PlanFormat = "table",
) -> int:
    """Show what the grants in a file would change. Nothing is changed.

    The exit code is 3 if there are changes, and 0 if there is nothing to do.

    Example: xacct plan grants.toml --out plan.json

    Args:
        file: The grants file, in TOML, JSON or YAML; xacct schema describes it.
        out: A file to save the plan to, as JSON, for xacct apply --plan. It has external IDs, and no password.
        format: How to print the plan; markdown is for a comment on a pull request.
    """
    plan = GrantsFile.read(file).plan(adopt=adopt)
    print_plan(plan, format)
    if out is not None:
        out.write_text(json.dumps(plan.to_dict(), indent=2), encoding="utf-8")
    say_summary(plan)
    return FINE if plan.is_empty else CHANGES
