"""Stale principals: policies that name a user or role that was deleted."""

from __future__ import annotations

from collections.abc import Iterator

from xacct.access_audit.finding import FINDING_KINDS, Finding, Fix
from xacct.access_audit.subject import Subject, Surroundings
from xacct.policy import Statement

__all__ = ["stale_principal"]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_KINDS = {"AIDA": "user", "AROA": "role", "AGPA": "group"}


def stale_principal(subject: Subject, surroundings: Surroundings) -> Iterator[Finding]:  # noqa: ARG001 - every check has it
    """Find the unique IDs that AWS shows in place of deleted principals, in Principal and NotPrincipal.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    found: dict[str, list[int]] = {}
    for index, statement in enumerate(subject.statements):
        for principal in (*statement.principals, *statement.not_principals):
            if principal.is_deleted:
                found.setdefault(principal.value, []).append(index)
    if not found or subject.side.resource is None:
        return
    compiled = {matcher.index: matcher for matcher in subject.side.resource.statements}
    for value, indexes in found.items():
        statements = [compiled[index] for index in indexes]
        kind = _KINDS.get(value[:4], "principal")
        yield Finding(
            kind="stale-principal",
            severity=FINDING_KINDS["stale-principal"].severity,
            account=subject.account,
            resource=subject.arn,
            principal=value,
            statements=tuple(map(subject.source_of, statements)),
            why=f"{value} is the unique ID of a {kind} that was deleted. {_effect([m.statement for m in statements])}",
            fix=Fix(text=f"Remove {value} from the {subject.policy_name}, or replace it with the ARN of the {kind} "
                         "that needs access now."),
            owner=subject.owner,
        )  # fmt: skip


def _effect(statements: list[Statement]) -> str:
    if any(statement.not_principals for statement in statements):
        return (
            "NotPrincipal no longer excludes anybody by this ID, and a new principal of the same name is not excluded."
        )
    if all(statement.effect == "Deny" for statement in statements):
        return (
            "The Deny no longer applies to anybody by this ID, and does not apply to a new principal of the same name."
        )
    return "The ID gives access to nobody, and a new principal of the same name does not get it."
