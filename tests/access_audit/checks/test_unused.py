"""Unused roles: by RoleLastUsed and the date of creation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.access_audit.checks.policies import NOW, OTHER, ROLE, SURROUNDINGS, subject

from xacct.access_audit.checks.unused import unused_role
from xacct.access_audit.finding import Finding
from xacct.snapshot import RoleDetail

TRUST = subject({"Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"})


def found(*, created: int | None, used: int | None, known: bool = True) -> list[Finding]:
    """Return the findings about a role that was created and last used so many days ago."""
    days = [None if number is None else NOW - timedelta(days=number) for number in (created, used)]
    role = RoleDetail(arn=ROLE, created=days[0], last_used=days[1], knows_last_use=known)
    return list(unused_role(role, TRUST, SURROUNDINGS))


@pytest.mark.parametrize(
    ("created", "used", "detail", "why"),
    [
        (900, 101, "no longer used", "last used on 2026-08-17, 101 days ago"),
        (101, None, "never used", "has never been used"),
        (500, None, "not used in 400 days", "has not been used in 400 days"),
        (None, 200, "no longer used", "200 days ago"),
    ],
)
def test_a_role_that_nobody_uses_is_found(created: int | None, used: int | None, detail: str, why: str) -> None:
    (finding,) = found(created=created, used=used)
    assert finding.detail == detail
    assert why in finding.why
    assert finding.witness is None


@pytest.mark.parametrize(
    ("created", "used"), [(900, 92), (900, 100), (900, 0), (10, None), (100, None), (10, 5), (None, None)]
)
def test_a_quarterly_job_and_a_new_role_are_not_found(created: int | None, used: int | None) -> None:
    assert not found(created=created, used=used)


def test_a_role_whose_last_use_is_not_in_the_data_is_not_found() -> None:
    assert not found(created=900, used=None, known=False)


def test_never_used_and_no_longer_used_are_different_findings() -> None:
    assert found(created=200, used=None)[0].id != found(created=200, used=150)[0].id
