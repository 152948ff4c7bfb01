"""Checks of decisions, and example values that match policy patterns."""

from __future__ import annotations

import re

from xacct.authz import AccessRequest, Decision
from xacct.proof.access_search import AccessSearch
from xacct.proof.key_control import control_of
from xacct.report_table import Check, undecided_check

__all__ = ["decision_check", "described", "example_match", "search_check"]


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


def search_check(name: str, found: AccessSearch) -> Check:
    """Return the check that a search found no request that is allowed and should not be."""
    if found.witness is not None:
        why = f"{found.statement} allows {described(found.witness)}"
        return Check(name=name, expected="refused", observed="allowed", ok=False, why=why)
    if found.undecided:
        return undecided_check(name, "refused", "; ".join(found.undecided))
    why = f"no counterexample in {found.cases} cases"
    return Check(name=name, expected="refused", observed="refused", ok=True, why=why)


def example_match(pattern: str) -> str:
    """Return a text that matches a pattern."""
    return re.sub(r"\$\{([*?$])\}", r"\1", re.sub(r"(?<!\{)[*?](?!\})", "x", pattern))


def described(request: AccessRequest) -> str:
    """Return a text of a request: the action, the resource, the caller, and the context keys that it needs.

    >>> described(AccessRequest(principal="*", action="s3:GetObject", resource="arn:aws:s3:::b/k",
    ...     resource_account="111111111111", context={"aws:SecureTransport": "true"}))
    "s3:GetObject on arn:aws:s3:::b/k for an anonymous caller with aws:securetransport 'true'"
    """
    caller = "an anonymous caller" if request.principal == "*" else request.principal
    sent = {key: values for key, values in request.context.items() if control_of(key).controller != "request"}
    keys = ", ".join(f"{key} {' and '.join(map(repr, values))}" for key, values in sorted(sent.items()))
    return f"{request.action} on {request.resource} for {caller}" + (f" with {keys}" if keys else "")
