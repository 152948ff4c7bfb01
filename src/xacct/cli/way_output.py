"""Ways on standard output, as ``who-can`` and ``what-can`` print them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from xacct import Way
from xacct.cli.exit_codes import FAILED, FINE
from xacct.cli.snapshot_sources import Accounts, say_gaps
from xacct.cli.terminal import print_json, print_table, say

__all__ = ["WayFormat", "print_ways"]

WayFormat = Literal["table", "json"]

_HEAD = ("who", "how", "if")


def print_ways(ways: Sequence[Way], accounts: Accounts, format: WayFormat, *, none: str) -> int:
    """Print ways, and what the data lacks, and return the exit code.

    Args:
        ways: the ways.
        accounts: what was read.
        format: how to print them.
        none: what to say if there is none.

    Returns:
        0; 1 if an account could not be read.
    """
    if format == "json":
        print_json([way.to_dict() for way in ways])
    elif ways:
        print_table(_HEAD, [_row(way) for way in ways])
    else:
        say(none)
    say_gaps(accounts.missing)
    return FINE if accounts.complete else FAILED


def _row(way: Way) -> tuple[str, ...]:
    needs = [*way.conditions, *(f"not decided: {text}" for text in way.undecided)]
    how = " -> ".join(f"{hop.action} {hop.resource}" for hop in way.hops)
    return way.principal, how, ", ".join(needs) or "-"
