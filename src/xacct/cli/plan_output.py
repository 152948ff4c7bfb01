"""Plans on standard output."""

from __future__ import annotations

from typing import Literal

from xacct.cli.terminal import print_json, print_shown, print_text
from xacct.reconcile import Plan

__all__ = ["PlanFormat", "plan_markdown", "print_plan"]

PlanFormat = Literal["table", "json", "markdown"]

_STYLES = {"+": "green", "-": "red", "~": "yellow", "=": "dim"}


def print_plan(plan: Plan, format: PlanFormat) -> None:
    """Print a plan to standard output.

    Args:
        plan: the plan.
        format: how.
    """
    if format == "json":
        print_json(plan.to_dict())
    elif format == "markdown":
        print_text(plan_markdown(plan))
    else:
        from rich.text import Text

        lines = [Text(line, _STYLES.get(line[:1], "")) for line in str(plan).splitlines()]
        print_shown(Text("\n").join(lines), str(plan))


def plan_markdown(plan: Plan) -> str:
    """Return a plan as Markdown, for a comment on a pull request."""
    return f"```diff\n{plan}\n```"
