"""Policy problems: what the linter finds in the policies that an account or an organization wrote itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from attrs import frozen

from xacct.access_audit.finding import Finding, Fix, Severity
from xacct.access_audit.identities import document_of
from xacct.access_audit.way import StatementSource
from xacct.linter import LintFinding, PolicyKind, lint
from xacct.policy import Statement
from xacct.snapshot import Organization, Snapshot

__all__ = ["control_policy_problems", "policy_problems"]

# The warnings about conditions that are met, or not met, in another way than it looks. What the others are about has no
# effect on access, or is common in policies that do what they should.
_WARNINGS = frozenset({"null-check", "operator-type", "service-without-rcps", "version"})

# Documents that differ in nothing but accounts have the same problems.
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_ANY_ACCOUNT = "1" * 12

_INDEX = re.compile(r"Statement(?:\[(\d+)\])?")

# The most problems, and the most other holders of a policy, that a text names.
_MOST = 3


@frozen(kw_only=True)
class _Policy:
    """A policy as it is written.

    Attributes:
        holder: the ARN of what has it; its own, if it is a managed policy.
        name: what it is called, such as ``trust policy``.
        text: the document as JSON text.
        kind: what it is used as.
    """

    holder: str
    name: str
    text: str
    kind: PolicyKind


def policy_problems(snapshot: Snapshot, owners: Mapping[str, str]) -> Iterator[Finding]:
    """Find elements of an account's own policies that AWS rejects, never matches or reads in another way than it looks.

    A document that several roles or users have is one finding, about the first of them. The policies that AWS wrote are
    not looked at: AWS managed policies, those of service-linked roles, and the trust policies of other roles of AWS.

    Args:
        snapshot: the account.
        owners: who made each role that AWS made, by the role's ARN.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    yield from _findings(snapshot.account, _policies_of(snapshot, owners))


def control_policy_problems(organization: Organization, partition: str) -> Iterator[Finding]:
    """Find such elements of the service and resource control policies of an organization.

    Args:
        organization: the organization.
        partition: the partition of its accounts.

    Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html
    """
    account = organization.management_account
    prefix = f"arn:{partition}:organizations::{account}:policy/{organization.id}"
    kinds: tuple[tuple[PolicyKind, str], ...] = (("scp", "service_control_policy"), ("rcp", "resource_control_policy"))
    found = [
        _Policy(holder=f"{prefix}/{kind_of_aws}/{one.id}", name=one.name, text=one.document, kind=kind)
        for kind, kind_of_aws in kinds
        for policies in (organization.scps if kind == "scp" else organization.rcps).values()
        for one in policies
    ]
    yield from _findings(account, dict.fromkeys(found))


def _policies_of(snapshot: Snapshot, owners: Mapping[str, str]) -> Iterator[_Policy]:
    for policy in snapshot.policies:
        if ":aws:policy/" not in policy.arn:
            yield _Policy(holder=policy.arn, name="", text=policy.document, kind="identity")
    for role in snapshot.roles:
        owner = owners.get(role.arn, "")
        if role.trust_policy is not None and not owner:
            yield _Policy(holder=role.arn, name="trust policy", text=role.trust_policy, kind="trust")
        if owner != "service-linked role":
            yield from _inline(role.arn, role.inline)
    for user in snapshot.users:
        yield from _inline(user.arn, user.inline)
    for group in snapshot.groups:
        yield from _inline(group.arn, group.inline)
    for resource in snapshot.resources:
        yield _Policy(holder=resource.arn, name="resource policy", text=resource.policy, kind="resource")


def _inline(holder: str, policies: Mapping[str, str]) -> Iterator[_Policy]:
    for name, text in policies.items():
        yield _Policy(holder=holder, name=name, text=text, kind="identity")


def _findings(account: str, policies: Iterable[_Policy]) -> Iterator[Finding]:
    of_document: dict[tuple[str, PolicyKind], list[_Policy]] = {}
    for policy in policies:
        # What was not examined for that reason is said elsewhere.
        if policy.kind in ("trust", "resource") and document_of(policy.text) is None:
            continue
        if _problems(policy.text, policy.kind):
            of_document.setdefault((policy.text, policy.kind), []).append(policy)
    for found in of_document.values():
        first, *others = sorted(found, key=lambda policy: (policy.holder, policy.name))
        yield _finding(account, first, others)


@lru_cache(maxsize=16_384)
def _problems(text: str, kind: PolicyKind) -> tuple[LintFinding, ...]:
    """Return the problems of a document that concern access."""
    any_account = _ACCOUNT.sub(_ANY_ACCOUNT, text)
    if any_account != text and not _problems(any_account, kind):
        return ()
    # AWS has stored the policy, so that its size is within the quotas.
    return tuple(
        finding
        for finding in lint(text, kind)
        if finding.rule != "size" and (finding.severity == "error" or _is_about_access(finding))
    )


def _is_about_access(finding: LintFinding) -> bool:
    # A single value can be compared with ForAnyValue as well as without it, but ForAllValues is met without the key.
    return finding.rule in _WARNINGS or (finding.rule == "set-operator" and ".forallvalues:" in finding.element.lower())


def _finding(account: str, policy: _Policy, others: list[_Policy]) -> Finding:
    problems = sorted(_problems(policy.text, policy.kind), key=lambda problem: problem.severity != "error")
    statements = _statements(policy, problems)
    texts = [f"{problem.element}: {problem.message}" if problem.element else problem.message for problem in problems]
    what = "; ".join(texts[:_MOST]) + (f"; and {len(texts) - _MOST} more" if len(texts) > _MOST else "")
    severity, effect = _effect(problems, statements)
    return Finding(
        kind="policy-problem",
        severity=severity,
        account=account,
        resource=policy.holder,
        principal="",
        statements=tuple(
            StatementSource.of(
                statement, account=account, owner=policy.holder, policy=policy.name or policy.holder, index=index
            )
            for index, statement in statements.items()
        ),
        why=f"{what}{'' if what.endswith('?') else '.'} {effect}{_of_others(others)}",
        fix=Fix(text=f"Correct the policy{f' {policy.name}' if policy.name else ''}: {problems[0].source}"),
        detail=policy.name,
    )


def _statements(policy: _Policy, problems: Iterable[LintFinding]) -> dict[int, Statement]:
    """Return the statements that the problems are in, by index; none if the policy cannot be parsed."""
    document = document_of(policy.text)
    matches = (_INDEX.match(problem.element) for problem in problems)
    indexes = dict.fromkeys(int(match[1] or 0) for match in matches if match is not None)
    return {} if document is None else {index: document.statements[index] for index in indexes}


def _effect(problems: Iterable[LintFinding], statements: Mapping[int, Statement]) -> tuple[Severity, str]:
    """Return how bad the problems are, and what follows from them."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if not errors:
        return "low", "The policy may allow or deny something else than it seems to."
    denies = any(
        statements[int(match[1] or 0)].effect == "Deny"
        for problem in errors
        if (match := _INDEX.match(problem.element)) and statements
    )
    if denies:
        return "medium", "A Deny with such an element may not deny what it is meant to."
    return "low", "AWS rejects such an element or never matches it, so the policy does not allow what it seems to."


def _of_others(others: list[_Policy]) -> str:
    if not others:
        return ""
    names = ", ".join(policy.holder for policy in others[:_MOST])
    more = f" and {len(others) - _MOST} more" if len(others) > _MOST else ""
    return f" The same document is a policy of {names}{more}."
