"""Plans on standard output, and what is said about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from xacct import GrantsPlan, Plan
from xacct.cli.terminal import print_json, print_shown, print_text, say
from xacct.errors import InvalidValue

__all__ = ["PlanFormat", "plan_markdown", "print_plan", "refuse_lost_password", "say_summary"]

PlanFormat = Literal["table", "json", "markdown"]

_STYLES = {"+": "green", "-": "red", "~": "yellow", "=": "dim", "!": "bold red", "T": "bold"}
_COUNTED = {"create": "create", "attach": "create", "update": "change", "detach": "remove", "delete": "remove"}

# The longest comment on a pull request that GitHub accepts.
# https://docs.github.com/en/rest/issues/comments
_LONGEST_COMMENT = 65_536


def print_plan(plan: Plan | GrantsPlan, format: PlanFormat) -> None:
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


def say_summary(plan: Plan | GrantsPlan) -> None:
    """Print how many changes a plan has to standard error."""
    say(_summary(plan))


def _summary(plan: Plan | GrantsPlan) -> str:
    counted = [_COUNTED[change.action] for change in plan.changes if change.action in _COUNTED]
    return ", ".join(f"{counted.count(kind)} to {kind}" for kind in ("create", "change", "remove"))


def plan_markdown(plan: Plan | GrantsPlan) -> str:
    """Return a plan as Markdown, for a comment on a pull request. A plan that is too long for one is cut."""
    # A policy or a description could have backticks. They must not end the block.
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", str(plan))), default=0))
    text = "\n".join([f"**xacct: {_summary(plan)}**", *_sections(plan, fence)])
    if len(text) <= _LONGEST_COMMENT:
        return text
    end = f"\n{fence}\n\nThe plan is too long for a comment. Run `xacct plan` to see all of it."
    cut = text[: _LONGEST_COMMENT - len(end)].rpartition("\n")[0]
    is_open = sum(line.startswith(fence) for line in cut.splitlines()) % 2 == 1
    return cut + (end if is_open else end.removeprefix(f"\n{fence}"))


def _sections(plan: Plan | GrantsPlan, fence: str) -> Iterator[str]:
    if isinstance(plan, Plan):
        yield from ("", *_diff(str(plan), fence))
        return
    for pair in plan.pairs:
        title, _, changes = str(pair).partition("\n")
        yield from ("", f"#### {title.removesuffix(':')}", "", *_diff(changes, fence))
    for name, error in plan.failures.items():
        yield from ("", f"#### {name} cannot be planned", "", *_diff(str(error), fence))


def _diff(text: str, fence: str) -> list[str]:
    # A diff shows lines with an exclamation mark as changed.
    lines = [f"!{line[1:]}" if line.startswith("~") else line for line in text.splitlines()]
    return [f"{fence}diff", *lines, fence]


def refuse_lost_password(plan: Plan | GrantsPlan, name: str, *, show_password: bool) -> None:
    """Refuse a plan that would generate a password which is not printed.

    Args:
        plan: the plan.
        name: what the user calls the console user, for the error.
        show_password: whether passwords are printed.

    Raises:
        InvalidValue: the plan creates a console user, and passwords are not printed.
    """
    new = {change.resource for change in plan.changes if change.action == "create"}
    for user in () if show_password else plan.console_users:
        if f"user {user.name}" in new:
            rule = "its generated password would be lost, because it is stored nowhere: add --show-password to print it"
            raise InvalidValue(name, user.name, rule)
