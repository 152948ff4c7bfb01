"""Documents of one statement, and the findings of a rule in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xacct.linter import LintFinding, PolicyKind, lint

__all__ = ["document", "findings", "of_rule", "places", "right_documents", "rules"]

BUCKET, OBJECTS = "arn:aws:s3:::reports", "arn:aws:s3:::reports/*"


def right_documents() -> dict[PolicyKind, dict[str, Any]]:
    """Return a document of each kind in which nothing is wrong."""
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECTS}
    return {
        "identity": _of(read),
        "session": _of(read),
        "boundary": _of(read),
        "scp": _of({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}),
        "rcp": _of({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}),
        "resource": _of({**read, "Principal": {"AWS": "222222222222"}}),
        "trust": _of({"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"}),
    }


def document(kind: PolicyKind = "identity", **elements: object) -> dict[str, Any]:
    """Return the right document of a kind with other elements; None leaves an element out."""
    right = right_documents()[kind]
    statement = {**right["Statement"], **elements}
    return right | {"Statement": {name: value for name, value in statement.items() if value is not None}}


def findings(source: object, kind: PolicyKind = "identity") -> tuple[LintFinding, ...]:
    """Return the findings of a document, which can be of any type."""
    return lint(source, kind)  # type: ignore[arg-type]  # documents that AWS rejects


def of_rule(rule: str, source: object, kind: PolicyKind = "identity") -> list[LintFinding]:
    """Return the findings of one rule."""
    return [finding for finding in findings(source, kind) if finding.rule == rule]


def rules(source: object, kind: PolicyKind = "identity") -> list[str]:
    """Return the rules of the findings in order."""
    return [finding.rule for finding in findings(source, kind)]


def places(rule: str, source: object, kind: PolicyKind = "identity") -> list[str]:
    """Return the elements in which a rule found something."""
    return [finding.element for finding in of_rule(rule, source, kind)]


def _of(statement: Mapping[str, object]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": dict(statement)}
