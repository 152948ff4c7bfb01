"""The rule about the size of a document: AWS's quotas by the kind of policy."""

from __future__ import annotations

import json
from collections.abc import Iterator

from xacct.limits import (
    CONTROL_POLICY_CHARACTERS,
    INLINE_POLICY_CHARACTERS,
    LARGEST_TRUST_POLICY_CHARACTERS,
    MANAGED_POLICY_CHARACTERS,
    RESOURCE_POLICY_BYTES,
    SESSION_POLICY_CHARACTERS,
    TRUST_POLICY_CHARACTERS,
)
from xacct.linter.finding import LintFinding, PolicyKind, Source, error, warning
from xacct.linter.source_document import SourceDocument

__all__ = ["size_findings"]

_USER, _GROUP = INLINE_POLICY_CHARACTERS["user"], INLINE_POLICY_CHARACTERS["group"]


def size_findings(document: SourceDocument, kind: PolicyKind) -> Iterator[LintFinding]:
    """Find that a document is larger than AWS accepts."""
    try:
        shortest = json.dumps(document.elements, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):  # not JSON, which other rules report
        return
    text = document.text or shortest
    plain = len("".join(shortest.split()))
    if kind == "identity":
        yield from _identity_findings(plain)
    elif kind == "boundary":
        yield from _too_large(plain, MANAGED_POLICY_CHARACTERS, "a managed policy", Source.QUOTAS)
    elif kind == "trust":
        yield from _trust_findings(plain)
    elif kind == "session":
        yield from _too_large(len(text), SESSION_POLICY_CHARACTERS, "a session policy", Source.QUOTAS, plain)
    elif kind == "resource":
        yield from _resource_findings(document, len(text.encode(errors="replace")))
    else:
        name = "a service control policy" if kind == "scp" else "a resource control policy"
        yield from _too_large(len(text), CONTROL_POLICY_CHARACTERS, name, Source.QUOTAS_OF_ORGANIZATIONS, len(shortest))


def _identity_findings(size: int) -> Iterator[LintFinding]:
    most = INLINE_POLICY_CHARACTERS["role"]
    yield from _too_large(size, most, "an inline policy of a role", Source.QUOTAS)
    if MANAGED_POLICY_CHARACTERS < size <= most:
        message = (
            f"the document has {size} characters without white space, and fits only in a role's inline policies "
            f"(at most {most} together). A managed policy can have at most {MANAGED_POLICY_CHARACTERS}, the inline "
            f"policies of a group {_GROUP} and those of a user {_USER}"
        )
        yield warning("", "size", message, Source.QUOTAS)


def _trust_findings(size: int) -> Iterator[LintFinding]:
    most = LARGEST_TRUST_POLICY_CHARACTERS
    yield from _too_large(size, most, "a trust policy", Source.QUOTAS)
    if TRUST_POLICY_CHARACTERS < size <= most:
        message = (
            f"the document has {size} characters without white space; a trust policy can have at most "
            f"{TRUST_POLICY_CHARACTERS}, unless the account has a higher quota (at most {most})"
        )
        yield warning("", "size", message, Source.QUOTAS)


def _resource_findings(document: SourceDocument, size: int) -> Iterator[LintFinding]:
    actions = [action for statement in document.statements for _, action in statement.strings("Action")]
    services = {action.lower().partition(":")[0] for action in actions}
    found = RESOURCE_POLICY_BYTES.get(services.pop()) if len(services) == 1 else None
    if found is None:
        return
    limit, source = found
    if size > limit:
        message = f"the document has {size} bytes; the policy of such a resource can have at most {limit} bytes"
        yield error("", "size", message, source)


def _too_large(
    size: int, limit: int, what: str, source: str, without_white_space: int | None = None
) -> Iterator[LintFinding]:
    """Find that a document has too many characters.

    Args:
        size: the number of characters that AWS counts.
        limit: the greatest number that it accepts.
        what: what the document is.
        source: the page of AWS's documentation.
        without_white_space: the number of characters of the shortest JSON, if AWS counts white space too.
    """
    if size > limit:
        counted = " without white space"
        if without_white_space is not None:
            counted = "" if without_white_space == size else f" ({without_white_space} without white space)"
        message = f"the document has {size} characters{counted}; {what} can have at most {limit}"
        yield error("", "size", message, source)
