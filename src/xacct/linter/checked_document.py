"""Documents of grants: what AWS does not know is refused when the grant is constructed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from xacct.errors import InvalidValue
from xacct.linter.finding import PolicyKind
from xacct.linter.linter import lint
from xacct.policy import PolicyDocument

__all__ = ["check_document", "documents_of_aws"]

_OF_AWS = ContextVar("_OF_AWS", default=False)


def check_document(document: PolicyDocument, kind: PolicyKind, name: str) -> None:
    """Check that the linter finds no error in a document of a grant.

    Args:
        document: the document.
        kind: what it is used as.
        name: the name of the grant's field, for the error.

    Raises:
        InvalidValue: it finds one. The error has the path of the element, such as
            ``policies.read.Statement[0].Action``.
    """
    if _OF_AWS.get():
        return
    for finding in lint(document, kind):
        if finding.severity == "error":
            raise InvalidValue(f"{name}.{finding.element}", finding.value, finding.message)


@contextmanager
def documents_of_aws() -> Iterator[None]:
    """Accept what AWS has stored: it retires actions, and a grant that has one must still be readable and revocable."""
    token = _OF_AWS.set(True)
    try:
        yield
    finally:
        _OF_AWS.reset(token)
