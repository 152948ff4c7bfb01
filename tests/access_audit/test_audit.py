"""The audit as a whole: its arguments, its executors, and what it does not decide."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest
from tests.access_audit.accounts import (
    OUTSIDE,
    A,
    B,
    document,
    organization,
    role,
    root,
    snapshot,
    statement,
    trust,
    user,
)

from xacct.access_audit import audit
from xacct.access_audit.subject import KnownAccount
from xacct.errors import InvalidValue
from xacct.snapshot import Snapshot

NOW = datetime(2026, 11, 26, tzinfo=timezone.utc)
READER = role(A, "Reader", trust(root(B), root(OUTSIDE)))
ACCOUNTS = (snapshot(A, READER), snapshot(B, user(B, "dev", may_assume=["*"])))


def test_an_audit_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue, match="at least one snapshot"):
        audit()


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidValue, match="time zone"):
        audit(*ACCOUNTS, now=datetime(2026, 1, 1))  # noqa: DTZ001 on purpose


def test_snapshots_of_one_account_are_merged() -> None:
    parts = (snapshot(A, READER), snapshot(A, user(A, "boss")))
    report = audit(*parts, ACCOUNTS[1], now=NOW)
    assert report.roles == 1
    assert list(report.accounts) == [A, B]


def test_an_account_that_the_user_owns_is_trusted() -> None:
    own = [KnownAccount(OUTSIDE, "Sandbox", "own")]
    report = audit(*ACCOUNTS, known_accounts=own, now=NOW)
    assert {finding.kind for finding in report.findings} == {"whole-account"}
    assert {finding.principal_name for finding in report.findings} == {"", "Sandbox"}


def test_progress_is_reported_after_each_account() -> None:
    reported: list[tuple[int, int, str]] = []
    audit(*ACCOUNTS, now=NOW, progress=lambda *given: reported.append(given))
    assert reported == [(1, 2, A), (2, 2, B)]


def test_other_processes_find_the_same() -> None:
    alone = audit(*ACCOUNTS, organization=organization(A, B), now=NOW)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        assert audit(*ACCOUNTS, organization=organization(A, B), now=NOW, executor=executor) == alone
    assert alone.findings


def test_what_the_data_lacks_and_what_cannot_be_read_is_said() -> None:
    details: dict[str, Any] = {
        "RoleDetailList": [
            {"Arn": "arn:aws:iam::111111111111:role/NoTrust"},
            {"Arn": "arn:aws:iam::111111111111:role/Broken", "AssumeRolePolicyDocument": {"Statement": 5}},
        ]
    }
    report = audit(Snapshot.from_authorization_details(details), now=NOW)
    assert any("NoTrust" in text for text in report.undecided)
    assert any("Broken" in text for text in report.undecided)


def test_what_is_too_much_to_decide_is_said() -> None:
    provider = f"arn:aws:iam::{A}:oidc-provider/token.actions.githubusercontent.com"
    conditions = {f"token.actions.githubusercontent.com:claim{i}": f"*{i}*" for i in range(12)}
    subjects = [f"repo:*a{i}*b{i}*:*" for i in range(6)]
    many = statement(
        action="sts:AssumeRoleWithWebIdentity",
        Principal={"Federated": provider},
        Condition={"StringLike": {**conditions, "token.actions.githubusercontent.com:sub": subjects}},
    )
    report = audit(snapshot(A, role(A, "Deploy", document(many))), now=NOW)
    assert any(text.startswith(f"oidc-stranger of {provider} on ") for text in report.undecided)
