"""The text of an explanation: short enough for one screen, the unknown first, then the causes by likelihood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from xacct.access_denied.account_reads import Unread
from xacct.access_denied.cause import Cause
from xacct.access_denied.sentences import listed, sentences
from xacct.authz import AccessRequest, Decision

__all__ = ["render"]

# A text fits on a screen. A name that is longer than a line is not broken.
_LINES = 24
_WIDTH = 100
# How many of each are listed before "and N more".
_MOST_NOTES = 2
_MOST_OWNERS = 2
_MOST_REASONS = 2


def render(
    decisions: Sequence[Decision], causes: Sequence[Cause], notes: Sequence[str], unread: Sequence[Unread]
) -> str:
    """Return the text of an explanation, without a line break at the end.

    Args:
        decisions: the decisions on the request.
        causes: the causes, the most likely first.
        notes: other findings.
        unread: what could not be read.
    """
    decision = next((found for found in decisions if not found.allowed), decisions[0] if decisions else None)
    request = decision.request if decision else None
    lines = _heading(decisions, decision) + _unknown(causes, unread)
    lines += [line for cause in causes[:1] for line in _cause(cause, request, number=0)]
    # What follows is shown if there is room for it: it matters after the first cause has been fixed.
    rest = [_cause(cause, request, number=number) for number, cause in enumerate(causes[1:], 1)]
    noted = [line for note in notes[:_MOST_NOTES] for line in _wrapped(f"Note: {note}.")]
    shown = 0
    for block in rest:
        if len(lines) + len(block) + len(noted) >= _LINES:
            break
        lines += block
        shown += 1
    if shown < len(rest):
        lines.append(f"And {len(rest) - shown} more.")
    return "\n".join(lines + noted)


def _cause(cause: Cause, request: AccessRequest | None, *, number: int) -> list[str]:
    """Return the lines of a cause: the first cause with everything, and the others with one detail."""
    summary, *details = sentences(cause, request)
    lines = _wrapped(f"{_label(cause, number)}: {summary}")
    lines += [line for detail in (details if number == 0 else details[:1]) for line in _wrapped(detail, indent="  ")]
    return lines + (_json_lines(cause.missing_statement) if cause.missing_statement and number == 0 else [])


def _heading(decisions: Sequence[Decision], decision: Decision | None) -> list[str]:
    if decision is None:
        return ["AWS rejected the request. No policy denied it."]
    lines = _wrapped(f"{decision.action} on {decision.request.resource}")
    lines += _wrapped(f"denied to {decision.request.principal}")
    if decision is not decisions[0]:
        first = decisions[0]
        lines += _wrapped(f"needed for {first.action} on {first.request.resource}, which the policies allow")
    return lines


def _unknown(causes: Sequence[Cause], unread: Sequence[Unread]) -> list[str]:
    """Return what is not known: policies that could not be read, and context keys of the request."""
    reasons = list(dict.fromkeys(item.why for item in unread))
    lines = []
    for why in reasons[:_MOST_REASONS]:
        lines += _wrapped(f"Not read ({why}): {_by_owner(item.what for item in unread if item.why == why)}")
    if len(reasons) > _MOST_REASONS:
        lines.append(f"Not read for other reasons: {len(reasons) - _MOST_REASONS} more")
    keys = list(dict.fromkeys(key for cause in causes for key in cause.unknown_keys))
    if keys:
        lines += _wrapped(f"Not known: {listed(keys, most=2)} of the request. Pass the value in context to find out.")
    return lines


def _by_owner(names: Iterable[str]) -> str:
    """Return names such as ``groups of user alice`` in a list that names each owner once."""
    owners: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        what, _, owner = name.partition(" of ")
        owners.setdefault(owner, []).append(what)
    groups = [f"{listed(whats, last='and')}{owner and f' of {owner}'}" for owner, whats in owners.items()]
    more = f"; and {len(groups) - _MOST_OWNERS} more" if len(groups) > _MOST_OWNERS else ""
    return f"{'; '.join(groups[:_MOST_OWNERS])}{more}"


def _label(cause: Cause, number: int) -> str:
    if number:
        return "Also" if cause.certain else "Or"
    return "Cause" if cause.certain or cause.kind in ("not read", "nothing found") else "Likely cause"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _json_lines(statement: str) -> list[str]:
    """Return a statement in as few lines as fit; it remains valid JSON."""
    line = f"    {statement}"
    return [line] if len(line) <= _WIDTH else line.replace(' "Resource"', '\n     "Resource"').split("\n")
