"""Permissions to assume roles that do not exist or do not let the principal in."""

from __future__ import annotations

from typing import Any

import pytest
from tests.access_audit.accounts import (
    A,
    B,
    assume,
    document,
    role,
    role_arn,
    root,
    snapshot,
    statement,
    trust,
    user,
    user_arn,
)

from xacct.access_audit import audit
from xacct.authz import PolicySet, evaluate
from xacct.snapshot import GroupDetail

READER = role_arn(A, "Reader")


def dead(resource: str, trust_policy: str = trust(root(B)), **more: Any) -> list[tuple[str, str]]:
    """The detail and the fix of each dead permission of a user of B for roles of A, which has the role Reader."""
    dev = user(B, "dev", may_assume=[resource])
    report = audit(snapshot(A, role(A, "Reader", trust_policy, **more)), snapshot(B, dev))
    return [(one.detail, one.fix.text) for one in report.findings if one.kind == "dead-permission"]


@pytest.mark.parametrize(
    ("resource", "detail", "fix"),
    [
        (role_arn(A, "Gone"), "missing", f"Remove {role_arn(A, 'Gone')} from the statement, or correct it."),
        (role_arn(A, "reader"), "other name", f"Correct the ARN to {READER}."),
        (role_arn(A, "team/Reader"), "other name", f"Correct the ARN to {READER}."),
        (role_arn(A, "App-*"), "no match", f"Remove {role_arn(A, 'App-*')} from the statement, or correct it."),
    ],
)
def test_a_permission_for_a_role_that_does_not_exist_is_dead(resource: str, detail: str, fix: str) -> None:
    assert dead(resource) == [(detail, fix)]


@pytest.mark.parametrize(
    "resource", [READER, role_arn(A, "*"), "*", "arn:aws:iam::*:role/Gone", role_arn("4" * 12, "Gone")]
)
def test_a_permission_that_could_be_used_or_whose_account_was_not_read_is_not_dead(resource: str) -> None:
    assert dead(resource) == []


def test_a_permission_for_a_role_that_does_not_trust_the_principal_is_dead() -> None:
    ((detail, fix),) = dead(READER, trust(root(A)))
    assert detail == "not trusted"
    assert (
        fix == f"Remove {READER} from the statement; if the principal is to use the role, its trust policy must say so."
    )


def test_a_permission_that_other_policies_of_the_principal_deny_is_dead_for_that_reason() -> None:
    deny = {"no": document(statement("Deny", action="*", Resource="*"))}
    dev = user(B, "dev", inline={**assume(READER), **deny})
    report = audit(snapshot(A, role(A, "Reader", trust(root(B)))), snapshot(B, dev))
    (finding,) = [one for one in report.findings if one.kind == "dead-permission"]
    assert finding.detail == "denied"
    assert "but other policies on its own side deny it" in finding.why
    assert "no Deny" in finding.fix.text


def test_a_role_whose_trust_policy_was_not_read_makes_no_permission_dead() -> None:
    report = audit(snapshot(A, role(A, "Reader", "not JSON")), snapshot(B, user(B, "dev", may_assume=[READER])))
    assert [one.kind for one in report.findings] == []
    assert any(READER in text for text in report.undecided)


def test_a_permission_within_one_account_is_alive_if_the_role_trusts_the_account() -> None:
    dev = user(A, "dev", may_assume=[READER])
    assert [f.kind for f in audit(snapshot(A, dev, role(A, "Reader", trust(root(A))))).findings] == []
    (finding,) = audit(
        snapshot(A, dev, role(A, "Reader", trust(user_arn(A, "other")), tags={"x": "y"}), user(A, "other"))
    ).findings
    assert (finding.kind, finding.principal, finding.detail) == ("dead-permission", user_arn(A, "dev"), "not trusted")


def test_a_condition_that_can_be_met_keeps_a_permission_alive() -> None:
    dev = user(B, "dev", inline=assume(READER, Bool={"aws:MultiFactorAuthPresent": "true"}))
    report = audit(snapshot(A, role(A, "Reader", trust(root(B)))), snapshot(B, dev))
    assert [one.kind for one in report.findings] == ["whole-account"]


def test_the_witness_is_denied_and_the_statement_is_that_of_the_group() -> None:
    inline = {"p": document(statement(action="s3:*", Resource="*"), statement(Sid="Go", Resource=READER))}
    group = GroupDetail(arn=f"arn:aws:iam::{B}:group/g", inline=inline)
    report = audit(
        snapshot(A, role(A, "Reader", trust(root(A)))), snapshot(B, user(B, "dev", groups=("g",)), groups=(group,))
    )
    (finding,) = report.findings
    assert finding.account == B
    ((source),) = finding.statements
    assert (source.owner, source.policy, source.index, source.sid) == (user_arn(B, "dev"), "p", 1, "Go")
    assert finding.witness is not None
    assert not evaluate(finding.witness, PolicySet(identity=inline.values(), resource=trust(root(A)))).allowed
