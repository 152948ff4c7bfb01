"""Every kind of finding is planted 50 times beside decoys that look alike: the audit finds what was planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache

import pytest
from tests.access_audit.planted import KINDS, NOW, Planted, Triple, plant

from xacct.access_audit import audit, policies_for
from xacct.access_audit.finding import FINDING_KINDS, Finding
from xacct.access_audit.report import AuditReport
from xacct.authz import evaluate

# How often each kind is planted, by the seed. There are up to 15 shapes of a kind.
TIMES = {1: 50, 2: 10, 3: 10}
# Findings whose witness is a request that is denied.
DENIED = ("dead-trust", "dead-permission", "expired", "self-lockout")


@cache
def planted_and_audited(seed: int) -> tuple[Planted, AuditReport]:
    planted = plant(seed, times=TIMES[seed])
    report = audit(
        *planted.snapshots, organization=planted.organization, known_accounts=planted.known_accounts, now=NOW
    )
    return planted, report


def triples(findings: Iterable[Finding]) -> Counter[Triple]:
    return Counter(Triple(finding.kind, finding.resource, finding.principal) for finding in findings)


@pytest.mark.every_case
@pytest.mark.parametrize("seed", TIMES)
def test_the_audit_finds_what_was_planted_and_nothing_else(seed: int) -> None:
    """Precision and recall are 1.0, for each kind. A finding that is reported twice is one too many."""
    planted, report = planted_and_audited(seed)
    found = triples(report.findings)
    assert planted.expected - found == Counter(), "was not found"
    assert found - planted.expected == Counter(), "was found, and was not planted"
    assert triples(report.quiet) == planted.quiet
    assert report.undecided == ()
    count = Counter(triple.kind for triple in planted.expected.elements())
    assert all(count[kind] >= TIMES[seed] for kind in KINDS)
    assert len({finding.id for finding in report.findings}) == len(report.findings)


@pytest.mark.parametrize("seed", TIMES)
def test_every_witness_is_decided_again_as_the_finding_says(seed: int) -> None:
    """With the policies of the snapshots, evaluate() allows the witness, or denies it where the finding says that."""
    planted, report = planted_and_audited(seed)
    decided = Counter[str]()
    for finding in (*report.findings, *report.quiet):
        if finding.witness is not None:
            accounts = {finding.account, finding.witness.caller.account, finding.witness.resource_account}
            sides = [snapshot for snapshot in planted.snapshots if snapshot.account in accounts]
            policies = policies_for(finding.witness, *sides, organization=planted.organization)
            decision = evaluate(finding.witness, policies)
            assert decision.allowed == (finding.kind not in DENIED), f"{finding.id}: {finding.why}\n{decision}"
            decided[finding.kind] += 1
    assert {kind for kind in KINDS if not decided[kind]} == {
        "stale-principal", "unused-role", "drift", "policy-problem"
    }  # fmt: skip


def test_each_kind_of_finding_is_planted() -> None:
    assert {*KINDS} == {*FINDING_KINDS}


def test_the_same_seed_plants_the_same() -> None:
    assert plant(5, accounts=5, times=3) == plant(5, accounts=5, times=3)
