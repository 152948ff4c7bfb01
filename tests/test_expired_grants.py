"""The end of access in time: by IAM's clock, by extension, and by the removal of what has expired."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.two_accounts import EC2_FULL, TRUSTED, TRUSTING, TwoAccounts, two_accounts

from xacct import ConsoleUser, Event, GrantsFailed, InvalidValue, grants_in, sweep


@pytest.fixture
def accounts() -> Iterator[TwoAccounts]:
    with two_accounts() as accounts:
        yield accounts


def assume(session: boto3.Session, role_arn: str) -> str:
    """Assume a role; return ``ok`` or the error code."""
    try:
        session.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


def names(session: boto3.Session) -> list[str]:
    return [record.name for record in grants_in(session)]


def test_after_the_end_the_trust_policy_allows_nobody(accounts: TwoAccounts) -> None:
    access = accounts.grant(expires=accounts.in_hours(2))
    assert assume(accounts.development, access.role_arn) == "ok"
    accounts.aws.clock.advance(2 * 3600 + 1)
    accounts.aws.calls.clear()
    assert assume(accounts.development, access.role_arn) == "AccessDenied"
    (decision,) = accounts.aws.calls[-1].decisions
    assert not decision.allowed


def test_after_the_end_the_policy_of_the_trusted_account_allows_nothing(accounts: TwoAccounts) -> None:
    access = accounts.grant(expires=accounts.in_hours(2), console_user=ConsoleUser("dev"))
    # The role without an end: only the policy of the user denies.
    trust = {"Effect": "Allow", "Principal": {"AWS": TRUSTED}, "Action": "sts:AssumeRole"}
    accounts.foreign_role("Other")
    user = accounts.aws.sign_in(f"arn:aws:iam::{TRUSTED}:user/dev", duration=36000)
    assert assume(user, access.role_arn) == "ok"
    role = accounts.production.client("iam")
    role.update_assume_role_policy(
        RoleName="CrossAccountRoleS3",
        PolicyDocument=str({"Version": "2012-10-17", "Statement": [trust]}).replace("'", '"'),
    )
    accounts.aws.clock.advance(2 * 3600 - 60)
    assert assume(user, access.role_arn) == "ok"
    accounts.aws.clock.advance(61)
    assert assume(user, access.role_arn) == "AccessDenied"
    assert assume(accounts.development, access.role_arn) == "ok"


def test_a_second_lease_that_ends_later_extends_the_first(accounts: TwoAccounts) -> None:
    first = accounts.grant(expires=accounts.in_hours(2))
    later = accounts.in_hours(5)
    assert accounts.grant(expires=later).expires == later
    accounts.aws.clock.advance(3 * 3600)
    assert assume(accounts.development, first.role_arn) == "ok"


def test_a_second_lease_that_ends_earlier_keeps_the_later_end(
    accounts: TwoAccounts, caplog: pytest.LogCaptureFixture
) -> None:
    later = accounts.in_hours(5)
    accounts.grant(expires=later)
    with caplog.at_level("INFO", "xacct"):
        second = accounts.grant(expires=accounts.in_hours(2))
    assert (second.expires, second.dev_access.expires, second.changes) == (later, later, ())
    assert f"already ends at {later}, which is later than asked: it keeps that end" in caplog.text
    accounts.aws.clock.advance(3 * 3600)
    assert assume(accounts.development, second.role_arn) == "ok"
    accounts.aws.clock.advance(2 * 3600 + 1)
    assert assume(accounts.development, second.role_arn) == "AccessDenied"


def test_the_end_of_the_first_of_two_leases_removes_nothing(accounts: TwoAccounts) -> None:
    ends = [accounts.in_hours(2), accounts.in_hours(5)]
    for end in ends:
        accounts.grant(expires=end)
    for session in (accounts.production, accounts.development):
        assert sweep(session, ends[0] + timedelta(seconds=1)) == ()
        assert len(sweep(session, ends[1] + timedelta(seconds=1))) >= 1


def test_extended_access_ends_later_in_both_accounts(accounts: TwoAccounts) -> None:
    access = accounts.grant(expires=accounts.in_hours(2), console_user=ConsoleUser("dev"))
    later = accounts.in_hours(5)
    extended = access.extend(later)
    assert (extended.expires, extended.dev_access.expires) == (later, later)
    assert [change.action for change in extended.changes] == ["update", "update"]
    accounts.aws.clock.advance(4 * 3600)
    user = accounts.aws.sign_in(f"arn:aws:iam::{TRUSTED}:user/dev", duration=36000)
    assert assume(user, access.role_arn) == "ok"
    now = accounts.aws.clock.now()
    assert (sweep(accounts.production, now), sweep(accounts.development, now)) == ((), ())
    assert extended.drift == ()
    assert len(extended.revoke()) >= 4


def test_an_extension_keeps_the_later_end_of_another_lease(accounts: TwoAccounts) -> None:
    first = accounts.grant(expires=accounts.in_hours(2))
    later = accounts.in_hours(9)
    accounts.grant(expires=later)
    extended = first.extend(accounts.in_hours(5))
    assert (extended.expires, extended.dev_access.expires, extended.changes) == (later, later, ())
    assert {record.expires for record in grants_in(accounts.production)} == {later}


@pytest.mark.parametrize("hours", [1, 2])
def test_an_end_that_is_not_later_is_refused_and_nothing_changes(accounts: TwoAccounts, hours: int) -> None:
    access = accounts.grant(expires=accounts.in_hours(2))
    earlier = access.expires - timedelta(hours=2 - hours) if access.expires else None
    assert earlier is not None
    accounts.aws.calls.clear()
    with pytest.raises(InvalidValue, match=r"later than the present end, .*; to end access early, call revoke\(\)"):
        access.extend(earlier)
    assert accounts.aws.calls == []


def test_access_without_an_end_cannot_be_extended(accounts: TwoAccounts) -> None:
    access = accounts.grant()
    with pytest.raises(InvalidValue, match="this access has no end, so it cannot be extended"):
        access.extend(accounts.in_hours(5))


def test_an_end_without_a_time_zone_is_refused(accounts: TwoAccounts) -> None:
    access = accounts.grant(expires=accounts.in_hours(2))
    with pytest.raises(InvalidValue, match="time zone"):
        access.extend(datetime(2099, 1, 31))  # noqa: DTZ001
    with pytest.raises(InvalidValue, match="time zone"):
        sweep(accounts.production, datetime(2099, 1, 31))  # noqa: DTZ001


def test_a_sweep_removes_expired_grants_only_and_in_its_own_account_only(accounts: TwoAccounts) -> None:
    accounts.grant(name="short", role_name="Short", policy_name="Short", expires=accounts.in_hours(2))
    accounts.grant(name="long", role_name="Long", policy_name="Long", expires=accounts.in_hours(9))
    accounts.grant(name="forever", role_name="Forever", policy_name="Forever")
    accounts.foreign_role("Theirs")
    now = accounts.in_hours(3)
    removed = sweep(accounts.production, now)
    assert {(change.account, change.action) for change in removed} == {(TRUSTING, "delete"), (TRUSTING, "detach")}
    assert names(accounts.production) == ["forever", "long"]
    assert names(accounts.development) == ["forever", "long", "short"]
    assert [change.resource for change in sweep(accounts.development, now)] == ["policy Short"]
    assert names(accounts.development) == ["forever", "long"]
    assert sweep(accounts.production, now) == ()
    assert accounts.production.client("iam").get_role(RoleName="Theirs")


def test_a_sweep_at_the_current_time_keeps_what_has_not_ended(accounts: TwoAccounts) -> None:
    accounts.grant(expires=accounts.in_hours(1))
    assert sweep(accounts.production) == ()


def test_a_sweep_removes_the_console_user_with_its_policies(accounts: TwoAccounts) -> None:
    user = ConsoleUser("dev", managed_policy_arns=[EC2_FULL])
    accounts.grant(expires=accounts.in_hours(2), console_user=user)
    removed = {change.resource for change in sweep(accounts.development, accounts.in_hours(3))}
    assert "user dev" in removed
    assert accounts.development.client("iam").list_users()["Users"][0]["UserName"] == "Administrator"
    assert len(accounts.development.client("iam").list_users()["Users"]) == 1


def test_a_sweep_leaves_a_shared_console_user_to_the_other_grant(
    accounts: TwoAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    user = ConsoleUser("dev")
    accounts.grant(role_name="A", policy_name="A", expires=accounts.in_hours(2), console_user=user)
    accounts.grant(role_name="B", policy_name="B", expires=accounts.in_hours(9), console_user=user)
    sweep(accounts.development, accounts.in_hours(3))
    attached = accounts.development.client("iam").list_attached_user_policies(UserName="dev")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["B"]


def test_what_cannot_be_removed_is_reported_after_the_others_are_removed(accounts: TwoAccounts) -> None:
    for name in ("A", "B", "C"):
        accounts.grant(name=name, role_name=name, policy_name=name, expires=accounts.in_hours(2))
    accounts.production.client("iam").attach_role_policy(RoleName="B", PolicyArn=EC2_FULL)
    with pytest.raises(GrantsFailed, match="AmazonEC2FullAccess") as failed:
        sweep(accounts.production, accounts.in_hours(3))
    assert [*failed.value.failures] == ["B (trusting)"]
    assert failed.value.succeeded == ("A", "C")
    assert names(accounts.production) == ["B"]


def test_each_removal_is_reported_to_the_callback_and_to_the_log(
    accounts: TwoAccounts, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Event] = []
    accounts.grant(name="reports", expires=accounts.in_hours(2))
    with caplog.at_level("INFO", "xacct"):
        sweep(accounts.production, accounts.in_hours(3), on_event=events.append)
    assert "done deleting role CrossAccountRoleS3" in [f"{event.kind} {event.what}" for event in events]
    assert "of grant 'reports', which ended at" in caplog.text
