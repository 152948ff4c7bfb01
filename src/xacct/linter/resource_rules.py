"""Rules about resources: ARNs that are not complete or not valid, and types that no action takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from xacct.arn import partition
from xacct.errors import InvalidValue
from xacct.linter.action_rules import hint, is_known_action
from xacct.linter.arn_overlap import arns_overlap
from xacct.linter.finding import LintFinding, PolicyKind, Source, error, warning
from xacct.linter.source_document import Place, SourceStatement
from xacct.reference import (
    actions_matching,
    arn_formats,
    arn_services,
    nearest_arn_format,
    nearest_arn_service,
    services,
)

__all__ = ["COMPLETE_ARN", "VARIABLE", "arn_findings", "is_complete_arn", "resource_findings"]

VARIABLE = re.compile(r"\$\{[^}]*\}")
"""A policy variable, whose text can have colons."""

COMPLETE_ARN = "Write all six parts: arn:partition:service:region:account:resource"


def resource_findings(statement: SourceStatement, kind: PolicyKind) -> Iterator[LintFinding]:
    """Find resources that are no ARNs, and those that do not fit the statement's actions."""
    for element in ("Resource", "NotResource"):
        for place in statement.strings(element):
            yield from arn_findings(*place, kind)
    if kind != "trust":
        yield from _type_findings(statement)


def arn_findings(place: str, value: str, kind: PolicyKind) -> Iterator[LintFinding]:
    """Find what is wrong with an ARN of a policy."""
    if value in ("", "*"):
        return
    if not is_complete_arn(value):
        if kind == "resource":
            message = f"{value!r} is not a complete ARN, which only some services accept. {COMPLETE_ARN}"
            yield warning(place, "incomplete-arn", message, Source.ARN, value)
        else:
            message = f"{value!r} is not a complete ARN, and AWS completes it with wildcards. {COMPLETE_ARN}"
            yield error(place, "incomplete-arn", message, Source.ARN, value)
        return
    _, name, service, _, account, resource = value.split(":", 5)
    if _is_literal(name):
        try:
            partition(name)
        except InvalidValue as invalid:
            yield error(place, "arn", f"{name!r} is no partition: it is {invalid.rule}", Source.ARN, value)
    if "*" in service or "?" in service:
        message = f"the service {service!r} has wildcards, which AWS rejects. Name the service"
        yield error(place, "arn", message, Source.RESOURCE, value)
    elif not _is_service(service):
        message = f"AWS's reference has no resources of {service}{hint(nearest_arn_service(service))}"
        yield error(place, "unknown-resource", message, Source.REFERENCE, value)
    elif resource and not is_known_resource(value):
        yield error(place, "unknown-resource", _unknown_resource(value, service), Source.REFERENCE, value)
    if account.isdigit() and len(account) != 12:
        yield error(place, "arn", f"the account id {account!r} does not have 12 digits", Source.ARN, value)
    if not resource:
        yield warning(place, "arn", "the ARN names no resource after its last colon", Source.ARN, value)


def is_complete_arn(value: str) -> bool:
    """Return whether a value has the six parts of an ARN. The text of policy variables does not count.

    >>> is_complete_arn("arn:aws:s3:::reports/${aws:username}/*"), is_complete_arn("arn:aws:sqs")
    (True, False)
    """
    return value.startswith("arn:") and VARIABLE.sub("", value).count(":") >= 5


@lru_cache(maxsize=4096)
def is_known_resource(arn: str) -> bool:
    """Return whether an ARN can be one of a resource that AWS's reference has.

    Args:
        arn: an ARN with six parts, wildcards and policy variables. If they are in the service, it can be.

    >>> is_known_resource("arn:aws:dynamodb:*:*:tab*"), is_known_resource("arn:aws:dynamodb:*:*:tabel/x")
    (True, False)
    """
    service = arn.split(":")[2]
    return not _is_literal(service) or any(arns_overlap(arn_format, arn) for arn_format in arn_formats(service))


def _is_service(name: str) -> bool:
    return not _is_literal(name) or name in services() or name in arn_services()


def _unknown_resource(arn: str, service: str) -> str:
    nearest = nearest_arn_format(arn)
    if nearest is None:
        formats = list(arn_formats(service))
        has = f". It has {_some_of(formats)}" if formats else ", whose actions take only the resource '*'"
        return f"AWS's reference has no such resource of {service}{has}{hint(None)}"
    return f"AWS's reference has no such resource of {service}{hint(nearest)}"


def _is_literal(text: str) -> bool:
    return not any(character in text for character in "*?$")


def _type_findings(statement: SourceStatement) -> Iterator[LintFinding]:
    actions = [place for place in statement.strings("Action") if place[1]]
    resources = statement.strings("Resource")
    patterns = [action.lower() for _, action in actions]
    if "*" in patterns or not actions or not resources or not all(map(is_known_action, patterns)):
        return
    complete = [place for place in resources if is_complete_arn(place[1]) and is_known_resource(place[1])]
    taken = [value for _, value in complete if any(_takes(pattern, value) for pattern in patterns)]
    for place, value in complete:
        if value not in taken:
            message = f"no action of the statement takes this resource. {_expected(patterns, 'The actions take')}"
            yield warning(place, "resource-type", message, Source.REFERENCE, value)
    if taken and len(complete) == len(resources):
        yield from _actions_without_resource(actions, taken)


def _actions_without_resource(actions: Sequence[Place], arns: Sequence[str]) -> Iterator[LintFinding]:
    for place, action in actions:
        if not any(_takes(action.lower(), arn) for arn in arns):
            message = f"{action} takes none of the statement's resources. {_expected([action.lower()], 'It takes')}"
            yield warning(place, "resource-type", message, Source.REFERENCE, action)


def _expected(patterns: Sequence[str], verb: str) -> str:
    formats = dict.fromkeys(arn_format for pattern in patterns for arn_format in _arn_formats(pattern))
    shown = _some_of(list(formats)) or "only the resource '*'"
    return f"{verb} {shown}"


def _some_of(formats: Sequence[str]) -> str:
    return f"{', '.join(formats[:3])}{' and others' if len(formats) > 3 else ''}"


def _takes(pattern: str, arn: str) -> bool:
    return any(arns_overlap(arn_format, arn) for arn_format in _arn_formats(pattern))


@lru_cache(maxsize=1024)
def _arn_formats(pattern: str) -> tuple[str, ...]:
    """Return the formats of the ARNs that the actions of a pattern take."""
    return tuple(
        dict.fromkeys(
            resource_type.arn_format for action in actions_matching(pattern) for resource_type in action.resource_types
        )
    )
