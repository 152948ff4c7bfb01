"""Checks of decisions, and example values that match policy patterns."""

from __future__ import annotations

import re

from xacct.authz import Decision
from xacct.report_table import Check

__all__ = ["decision_check", "example_match"]


def decision_check(name: str, expected: str, decision: Decision, *, grant_decides: bool = False) -> Check:
    """Compare a decision with the expected one.

    Args:
        name: the check's name.
        expected: ``allowed`` or ``refused``.
        decision: the decision.
        grant_decides: whether a policy of the user's own may decide otherwise without failing the proof.
    """
    observed = "allowed" if decision.allowed else "refused"
    if observed == expected:
        return Check(name=name, expected=expected, observed=observed, ok=True)
    if grant_decides:
        return Check(
            name=name, expected=expected, observed=observed, ok=None, why="defined by the grant's own policies"
        )
    why = str(decision).splitlines()[1].strip()
    return Check(name=name, expected=expected, observed=observed, ok=False, why=why)


def example_match(pattern: str) -> str:
    """Return a text that matches a pattern."""
    return re.sub(r"\$\{([*?$])\}", r"\1", re.sub(r"(?<!\{)[*?](?!\})", "x", pattern))
