"""What was looked at and what came of it, as a table."""

from __future__ import annotations

from html import escape

from attrs import frozen

__all__ = ["Check", "CheckTable"]


@frozen(kw_only=True)
class Check:
    """One thing that was tried.

    Attributes:
        name: what was tried.
        expected: ``allowed`` or ``refused``.
        observed: ``allowed``, ``refused``, ``failed``, or ``not tried``.
        ok: whether what was seen is what was expected; None where it could not be tried.
        why: what AWS said, or why it was not tried.
    """

    name: str
    expected: str
    observed: str
    ok: bool | None
    why: str = ""


@frozen
class CheckTable:
    """Several checks. Print as a table."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing went otherwise than expected, and something was tried at all."""
        return any(check.ok for check in self.checks) and not any(check.ok is False for check in self.checks)

    @property
    def _rows(self) -> list[tuple[str, ...]]:
        signs = {True: "ok", False: "NO", None: "-"}
        rows = [(signs[c.ok], c.name, c.expected, c.observed, c.why) for c in self.checks]
        return [("", "check", "expected", "observed", "why"), *rows]

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self._rows)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in self._rows
        )

    def _repr_html_(self) -> str:
        head, *rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self._rows)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def to_dict(self) -> dict[str, object]:
        """The checks for a program."""
        checks = [
            {"name": c.name, "expected": c.expected, "observed": c.observed, "ok": c.ok, "why": c.why}
            for c in self.checks
        ]
        return {"ok": self.ok, "checks": checks}
