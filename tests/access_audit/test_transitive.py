"""Chains of roles through a third account."""

from __future__ import annotations

from typing import Any

import pytest
from tests.access_audit.accounts import (
    DATADOG,
    A,
    B,
    C,
    assume,
    document,
    organization,
    role,
    role_arn,
    root,
    snapshot,
    trust,
    trusting,
    user,
    user_arn,
)

from xacct.access_audit import audit
from xacct.access_audit.finding import Finding

HOP, TARGET = role_arn(B, "Hop"), role_arn(A, "Target")


def chains(*accounts: Any) -> list[Finding]:
    report = audit(*accounts, organization=organization(A, B, C))
    return [finding for finding in report.findings if finding.kind == "transitive"]


def production(*principals: str, **conditions: Any) -> Any:
    return snapshot(A, role(A, "Target", trust(*principals, **conditions)))


def between(trust_policy: str = trust(root(C)), **more: Any) -> Any:
    return snapshot(B, role(B, "Hop", trust_policy, **{"may_assume": [TARGET], **more}))


DEVELOPMENT = snapshot(C, user(C, "dev", may_assume=[HOP]))


def test_a_chain_through_a_third_account_is_found_with_the_conditions_of_each_hop() -> None:
    mfa, external_id = {"aws:MultiFactorAuthPresent": "true"}, {"sts:ExternalId": "x"}
    (finding,) = chains(production(HOP, StringEquals=external_id), between(trust(root(C), Bool=mfa)), DEVELOPMENT)
    assert (finding.account, finding.resource, finding.principal) == (A, TARGET, C)
    assert (finding.answer, finding.conditions) == (
        "depends", ("Bool aws:MultiFactorAuthPresent", "StringEquals sts:ExternalId")
    )  # fmt: skip
    assert user_arn(C, "dev") in finding.why
    assert f"through {HOP}" in finding.why
    assert [source.account for source in finding.statements] == [B, C, A, B]
    assert finding.witness is not None
    assert (finding.witness.principal, finding.witness.resource) == (HOP, TARGET)


def test_an_account_that_is_trusted_itself_needs_no_chain() -> None:
    both = snapshot(C, user(C, "dev", may_assume=[HOP]), user(C, "boss", may_assume=[TARGET]))
    assert chains(production(HOP, root(C)), between(), both) == []


def test_a_chain_that_breaks_is_none() -> None:
    assert chains(production(HOP), between(may_assume=[]), DEVELOPMENT) == []
    assert chains(production(root(B)), between(trust(root(B))), DEVELOPMENT) == []
    assert chains(production(HOP), between(), snapshot(C, user(C, "dev"))) == []


@pytest.mark.parametrize("inner_trust", [trust(HOP), trust(root(B)), trust("*")])
def test_a_step_within_the_account_in_the_middle_belongs_to_the_chain(inner_trust: str) -> None:
    inner = role_arn(B, "Inner")
    hop, target = role(B, "Hop", trust(root(C)), may_assume=[inner]), role(A, "Target", trust(inner))
    middle = snapshot(B, hop, role(B, "Inner", inner_trust, may_assume=[TARGET]), role(B, "Other", trust(root(B))))
    found = chains(snapshot(A, target), middle, DEVELOPMENT)
    assert [(one.principal, one.resource) for one in found] == [(C, TARGET)]
    assert f"through {HOP}, then {inner}" in found[0].why
    closed = snapshot(B, hop, role(B, "Inner", trust(root(B)), inline={}))
    assert chains(snapshot(A, target), closed, DEVELOPMENT) == []


def test_a_chain_that_comes_back_to_its_account_is_none() -> None:
    home = snapshot(C, role(C, "Home", trust(HOP)), user(C, "dev", may_assume=[HOP]))
    assert chains(between(may_assume=[role_arn(C, "Home")]), home) == []


def test_roles_that_everybody_can_assume_need_no_chain() -> None:
    assert chains(production("*"), between(), DEVELOPMENT) == []


def test_an_outsider_that_gets_further_than_the_role_that_trusts_it_is_found() -> None:
    (finding,) = chains(production(HOP), between(trust(root(DATADOG), StringEquals={"sts:ExternalId": "x"})))
    assert (finding.principal, finding.principal_name, finding.resource) == (DATADOG, "Datadog", TARGET)


def test_the_shortest_of_two_chains_is_reported_and_longer_chains_are_found() -> None:
    far = "444444444444"
    last = snapshot(far, role(far, "Last", trust(TARGET)))
    middle = snapshot(A, role(A, "Target", document(trusting(HOP)), inline=assume(role_arn(far, "Last"))))
    found = chains(middle, between(), DEVELOPMENT, last)
    assert {(one.principal, one.resource) for one in found} == {
        (C, TARGET), (C, role_arn(far, "Last")), (B, role_arn(far, "Last"))
    }  # fmt: skip
    (longest,) = [one for one in found if (one.principal, one.resource) == (C, role_arn(far, "Last"))]
    assert f"through {HOP}, then {TARGET}" in longest.why
