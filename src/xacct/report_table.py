"""Checks and their results, printed as a table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from attrs import frozen

__all__ = ["Check", "CheckTable", "aligned", "one_line", "undecided_check"]

_NOT_DECIDED = "not decided"


@frozen(kw_only=True)
class Check:
    """One check with its result.

    Attributes:
        name: what was checked.
        expected: ``allowed`` or ``refused`` for a request; ``yes`` for a statement about the role.
        observed: ``allowed``, ``refused``, ``failed`` (by another error) or ``not tried``; ``not decided`` if a proof
            cannot tell; ``missing`` for a policy that does not exist; ``yes`` or ``no`` for a statement about the role.
        ok: whether the observed result is the expected one; None if the check is not decided, was not tried, or only
            informs.
        why: AWS's message, or the reason why the check has no result.
    """

    name: str
    expected: str
    observed: str
    ok: bool | None
    why: str = ""

    @property
    def is_undecided(self) -> bool:
        """Whether a proof cannot tell the result. The table marks such a check with ``?``."""
        return self.observed == _NOT_DECIDED

    @property
    def _mark(self) -> str:
        return "?" if self.is_undecided else {True: "ok", False: "FAIL", None: "-"}[self.ok]


def undecided_check(name: str, expected: str, why: str) -> Check:
    """Return a check that a proof cannot decide.

    Args:
        name: what was to be checked. Callers accept the check by this name.
        expected: what was expected.
        why: the reason why it is not decided, and what to do.
    """
    return Check(name=name, expected=expected, observed=_NOT_DECIDED, ok=None, why=why)


@frozen
class CheckTable:
    """A sequence of checks. Prints as a table."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether at least one check succeeded and none failed."""
        return any(check.ok for check in self.checks) and not any(check.ok is False for check in self.checks)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table's cells: the head, and a row for each check."""
        rows = [(c._mark, c.name, c.expected, c.observed, c.why) for c in self.checks]
        return [("", "check", "expected", "observed", "why"), *rows]

    def __str__(self) -> str:
        return aligned(self.rows)

    def _repr_html_(self) -> str:
        head, *rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self.rows)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def to_dict(self) -> dict[str, object]:
        """Return the checks as a dict that JSON can hold."""
        checks = [
            {"name": c.name, "expected": c.expected, "observed": c.observed, "ok": c.ok, "why": c.why}
            for c in self.checks
        ]
        return {"ok": self.ok, "checks": checks}


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a table of text, whose columns are as wide as they need to be.

    >>> print(aligned([("name", "side"), ("reports", "trusting")]))
    name     side
    reports  trusting
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def one_line(cell: str) -> str:
    """Return a cell in which control characters are escaped, so that a name cannot add lines or change a terminal.

    >>> one_line("role/a" + chr(27) + "[2J")
    'role/a\\\\x1b[2J'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cell)
