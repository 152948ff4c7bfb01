"""The end of sessions: what was started before is denied, what is started later works."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from botocore.exceptions import ClientError
from tests.two_accounts import TwoAccounts, two_accounts

from xacct import InvalidValue, load_access, plan


@pytest.fixture
def accounts() -> Iterator[TwoAccounts]:
    with two_accounts() as accounts:
        accounts.bucket("reports", "k")
        yield accounts


def test_sessions_that_were_started_before_are_denied_and_new_ones_work(accounts: TwoAccounts) -> None:
    access = accounts.grant(buckets=["reports"])
    old = access.session().client("s3")
    assert old.list_objects_v2(Bucket="reports")["KeyCount"] == 1
    accounts.aws.clock.advance(10)
    change = access.end_sessions(now=accounts.aws.clock.now())
    assert (change.action, change.account) == ("attach", "111111111111")
    assert change.resource == "inline policy AWSRevokeOlderSessions to role CrossAccountRoleS3"
    with pytest.raises(ClientError, match="AccessDenied"):
        old.list_objects_v2(Bucket="reports")
    accounts.aws.clock.advance(10)
    assert access.session().client("s3").list_objects_v2(Bucket="reports")["KeyCount"] == 1
    assert access.verify().ok


def test_only_sessions_from_before_the_time_are_ended(accounts: TwoAccounts) -> None:
    access = accounts.grant(buckets=["reports"])
    before = accounts.in_hours(-1)
    session = access.session().client("s3")
    access.end_sessions(now=before)
    assert session.list_objects_v2(Bucket="reports")["KeyCount"] == 1


def test_sessions_can_be_ended_again_later(accounts: TwoAccounts) -> None:
    access = accounts.grant(buckets=["reports"])
    access.end_sessions(now=accounts.in_hours(-1))
    session = access.session().client("s3")
    accounts.aws.clock.advance(10)
    access.end_sessions(now=accounts.aws.clock.now())
    with pytest.raises(ClientError, match="AccessDenied"):
        session.list_objects_v2(Bucket="reports")


def test_afterwards_nothing_is_to_be_changed_and_all_can_be_removed(accounts: TwoAccounts) -> None:
    access = accounts.grant(buckets=["reports"], name="reports")
    access.end_sessions()
    again = plan(access.trust, access.dev_access, trusting=accounts.production, trusted=accounts.development)
    assert again.is_empty
    assert access.drift == ()
    assert load_access(accounts.production, accounts.development, "reports").trust == access.trust
    access.revoke()
    assert accounts.production.client("iam").list_roles()["Roles"] == []


def test_a_time_without_a_time_zone_is_refused_before_any_call(accounts: TwoAccounts) -> None:
    access = accounts.grant(buckets=["reports"])
    accounts.aws.calls.clear()
    with pytest.raises(InvalidValue, match="time zone"):
        access.end_sessions(now=datetime(2099, 1, 31))  # noqa: DTZ001
    assert accounts.aws.calls == []
