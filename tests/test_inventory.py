"""grants_in: the grants of an account, from the tags of its roles, policies and users."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.metadata import version

import pytest
from tests.two_accounts import EC2_FULL, S3_READ, TRUSTED, TRUSTING, TwoAccounts, two_accounts

from xacct import ConsoleUser, DevAccessGrant, TrustGrant, grant_cross_account_read, grants_in, load_access, plan

ROLE = f"arn:aws:iam::{TRUSTING}:role/CrossAccountRoleS3"
POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"
POLICY = f"arn:aws:iam::{TRUSTED}:policy/CrossAccountPolicy"


@pytest.fixture
def accounts() -> Iterator[TwoAccounts]:
    with two_accounts() as accounts:
        yield accounts


def test_both_sides_of_a_grant_are_listed_with_everything_that_they_record(accounts: TwoAccounts) -> None:
    before = datetime.now(timezone.utc).replace(microsecond=0)
    end = accounts.in_hours(5)
    accounts.grant(name="reports", expires=end, console_user=ConsoleUser("dev"))
    (role,), (policy,) = grants_in(accounts.production), grants_in(accounts.development)
    assert (role.name, role.side, role.account, role.other_accounts) == ("reports", "trusting", TRUSTING, (TRUSTED,))
    assert (role.arn, role.role_arns, role.policy_arn, role.console_user) == (ROLE, (ROLE,), None, None)
    assert (policy.name, policy.side, policy.account) == ("reports", "trusted", TRUSTED)
    assert (policy.arn, policy.role_arns, policy.policy_arn) == (POLICY, (ROLE,), POLICY)
    assert (policy.other_accounts, policy.console_user) == ((TRUSTING,), "dev")
    for record in (role, policy):
        assert (record.expires, record.version, record.incomplete) == (end, version("xacct"), ())
        assert record.created is not None
        assert before <= record.created <= datetime.now(timezone.utc)


def test_grants_are_sorted_by_name_and_those_without_an_end_have_none(accounts: TwoAccounts) -> None:
    accounts.grant(name="b", role_name="First", policy_name="First")
    accounts.grant(name="a", role_name="Second", policy_name="Second")
    assert [(record.name, record.expires) for record in grants_in(accounts.production)] == [("a", None), ("b", None)]
    assert [(record.name, record.expires) for record in grants_in(accounts.development)] == [("a", None), ("b", None)]


def test_one_account_as_both_sides_has_both_records(accounts: TwoAccounts) -> None:
    grant_cross_account_read(accounts.production, accounts.production, name="own")
    assert [(record.side, record.other_accounts) for record in grants_in(accounts.production)] == [
        ("trusted", (TRUSTING,)),
        ("trusting", (TRUSTING,)),
    ]


def test_each_grant_that_shares_a_console_user_names_it(accounts: TwoAccounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    for name in ("One", "Two"):
        accounts.grant(role_name=name, policy_name=name, console_user=ConsoleUser("dev"))
    accounts.grant(role_name="Three", policy_name="Three")
    found = {record.name.split("-")[0]: record.console_user for record in grants_in(accounts.development)}
    assert found == {"One": "dev", "Two": "dev", "Three": None}


def test_roles_and_policies_of_others_are_not_listed(accounts: TwoAccounts) -> None:
    accounts.foreign_role("Theirs")
    accounts.foreign_role("Managed", **{"xacct:managed-by": "terraform"})
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}
    for name, document in (("Assume", [statement]), ("Both", [statement, statement | {"Action": "s3:*"}])):
        accounts.development.client("iam").create_policy(
            PolicyName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": document})
        )
    assert (grants_in(accounts.production), grants_in(accounts.development)) == ((), ())


def test_what_was_detached_by_hand_is_incomplete(accounts: TwoAccounts) -> None:
    accounts.grant(console_user=ConsoleUser("dev"))
    accounts.production.client("iam").detach_role_policy(RoleName="CrossAccountRoleS3", PolicyArn=S3_READ)
    accounts.development.client("iam").detach_user_policy(UserName="dev", PolicyArn=POLICY)
    ((role,), (policy,)) = grants_in(accounts.production), grants_in(accounts.development)
    assert role.incomplete == (
        "role CrossAccountRoleS3 lacks a policy that xacct attached, or its permissions boundary",
    )
    assert policy.incomplete == ("policy CrossAccountPolicy is not attached to everything that xacct attached it to",)


def test_a_removed_inline_policy_or_boundary_is_incomplete(accounts: TwoAccounts) -> None:
    accounts.bucket("reports")
    accounts.grant(name="inline", role_name="Inline", policy_name="Inline", buckets=["reports"])
    accounts.grant(name="bounded", role_name="Bounded", policy_name="Bounded", permissions_boundary=POWER_USER)
    assert [record.incomplete for record in grants_in(accounts.production)] == [(), ()]
    iam = accounts.production.client("iam")
    iam.delete_role_policy(RoleName="Inline", PolicyName="S3Read")
    iam.delete_role_permissions_boundary(RoleName="Bounded")
    assert [bool(record.incomplete) for record in grants_in(accounts.production)] == [True, True]


def as_version_1_tagged(accounts: TwoAccounts) -> None:
    """Leave only the tags that the first version of xacct set."""
    production, development = accounts.production.client("iam"), accounts.development.client("iam")
    kept = ("xacct:managed-by", "xacct:attached")
    role = production.get_role(RoleName="CrossAccountRoleS3")["Role"]["Tags"]
    production.untag_role(RoleName="CrossAccountRoleS3", TagKeys=[t["Key"] for t in role if t["Key"] not in kept])
    policy = development.get_policy(PolicyArn=POLICY)["Policy"]["Tags"]
    development.untag_policy(PolicyArn=POLICY, TagKeys=[t["Key"] for t in policy if t["Key"] not in kept])


def test_grants_of_the_version_that_recorded_no_name_have_that_of_their_role_and_policy(accounts: TwoAccounts) -> None:
    accounts.grant()
    as_version_1_tagged(accounts)
    ((role,), (policy,)) = grants_in(accounts.production), grants_in(accounts.development)
    assert (role.name, role.other_accounts, role.version) == ("CrossAccountRoleS3", (TRUSTED,), None)
    assert (policy.name, policy.other_accounts, policy.version) == ("CrossAccountPolicy", (TRUSTING,), None)
    assert role.created is not None
    assert policy.created is not None


def test_the_record_can_be_written_as_json(accounts: TwoAccounts) -> None:
    end = datetime(2099, 1, 31, tzinfo=timezone.utc)
    accounts.grant(name="reports", expires=end)
    (record,) = grants_in(accounts.development)
    data = json.loads(json.dumps(record.to_dict()))
    assert data["expires"] == "2099-01-31T00:00:00+00:00"
    assert (data["name"], data["role_arns"], data["incomplete"]) == ("reports", [ROLE], [])
    assert record.created is not None
    assert data["created"] == record.created.isoformat()


def test_listing_only_reads(accounts: TwoAccounts) -> None:
    accounts.grant()
    accounts.aws.calls.clear()
    grants_in(accounts.production)
    grants_in(accounts.development)
    assert accounts.writes() == []
    assert len(accounts.aws.calls) <= 5


def test_a_hundred_grants_are_listed_verified_and_revoked_in_seconds(accounts: TwoAccounts) -> None:
    wanted: list[TrustGrant | DevAccessGrant] = []
    for number in range(100):
        name = f"Team{number:02}"
        trust = TrustGrant(
            name=name, account=TRUSTING, role_name=name, principals=TRUSTED, managed_policy_arns=[S3_READ]
        )
        access = DevAccessGrant(name=name, account=TRUSTED, policy_name=name, role_arns=trust.role_arn)
        wanted += [trust, access]
    made = plan(*wanted, trusting=accounts.production, trusted=accounts.development)
    made.apply()
    started = time.process_time()
    names = [f"Team{number:02}" for number in range(100)]
    assert [record.name for record in grants_in(accounts.production)] == names
    assert [record.name for record in grants_in(accounts.development)] == names
    for name in ("Team00", "Team99"):
        assert load_access(accounts.production, accounts.development, name).verify().ok
    assert len(load_access(accounts.production, accounts.development, "Team50").revoke()) == 3
    assert len(grants_in(accounts.production)) == 99
    made.destroy()
    assert (grants_in(accounts.production), grants_in(accounts.development)) == ((), ())
    # The time of this process, most of which the sandbox takes: other tests run at the same time.
    assert time.process_time() - started < 40


def test_the_other_policies_of_a_console_user_are_no_grants(accounts: TwoAccounts) -> None:
    accounts.grant(console_user=ConsoleUser("dev", managed_policy_arns=[EC2_FULL]))
    assert [record.arn for record in grants_in(accounts.development)] == [POLICY]
