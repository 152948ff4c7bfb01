"""Many grants in one plan: the accounts are listed instead of reading each resource, with the same result."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from xacct import ConsoleUser, DevAccessGrant, PolicyDocument, TrustGrant
from xacct.errors import GrantConflict, NotOurs, PermissionMissing
from xacct.grant_account import MAX_CONCURRENT_CALLS, GrantAccount, connect
from xacct.reconcile import Plan, plan
from xacct.resources import account_listing
from xacct.resources.account_listing import AccountListing, list_policies, list_roles
from xacct.resources.managed_policy import ManagedPolicy
from xacct.resources.passwords import Passwords
from xacct.resources.resource import Purpose
from xacct.resources.role import Role
from xacct.resources.user import User
from xacct.retry import Patience
from xacct.testing import Sandbox
from xacct.testing.error_responses import Refused

from .accounts import TRUSTED, TRUSTING, Accounts, CallLog
from .conftest import POLICY_OF_OTHERS, TRUST_OF_OTHERS

Grant = TrustGrant | DevAccessGrant

DENIED = Refused("AccessDenied", "User is not authorized to perform this", 403)
MOST_CALLS = 60
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
EC2_READ = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
READ_REPORTS = PolicyDocument.parse(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
)
PATIENCE = Patience(deadline=20, first=0.0001, longest=0.001)


def team(number: int) -> tuple[TrustGrant, DevAccessGrant]:
    """The role and the policy of one team."""
    trust = TrustGrant(
        account=TRUSTING, role_name=f"Team{number}", principals=TRUSTED, managed_policy_arns=[S3_READ, EC2_READ]
    )
    return trust, DevAccessGrant(account=TRUSTED, policy_name=f"Team{number}", role_arns=[trust.role_arn])


@cache
def teams(count: int) -> tuple[Grant, ...]:
    return tuple(grant for number in range(count) for grant in team(number))


def plan_of(accounts: Accounts, grants: Sequence[Grant], **options: Any) -> Plan:
    return plan(*grants, trusting=accounts.trusting, trusted=accounts.trusted, patience=PATIENCE, **options)


def operations(accounts: Accounts) -> set[str]:
    return {call.split()[1] for call in accounts.log.calls}


# The number of calls


def test_25_grants_are_planned_applied_planned_again_and_destroyed(
    accounts: Accounts, untouched: dict[str, Any]
) -> None:
    first = plan_of(accounts, teams(25))
    assert len(accounts.log.calls) <= MOST_CALLS
    assert len(first.changes) == 100
    assert len(first.apply()) == 100

    accounts.log.clear()
    again = plan_of(accounts, teams(25))
    assert len(accounts.log.calls) <= MOST_CALLS
    assert accounts.log.writes == []
    assert again.is_empty
    assert again.apply() == ()

    accounts.log.clear()
    assert again.drift == ()
    assert len(accounts.log.calls) <= MOST_CALLS

    assert len(again.destroy()) == 100
    assert accounts.snapshot() == untouched


def test_4_grants_are_read_one_by_one(accounts: Accounts) -> None:
    plan_of(accounts, teams(4))
    assert operations(accounts) == {"GetCallerIdentity", "GetRole", "GetPolicy"}


def test_5_grants_are_listed(accounts: Accounts) -> None:
    plan_of(accounts, teams(5))
    assert sorted(accounts.log.calls) == sorted(
        [
            "trusting GetCallerIdentity",
            "trusted GetCallerIdentity",
            "trusting GetAccountAuthorizationDetails",
            "trusting ListRoles",
            "trusted GetAccountAuthorizationDetails",
        ]
    )


def test_only_the_side_with_many_resources_is_listed(accounts: Accounts) -> None:
    roles = [grant for grant in teams(5) if isinstance(grant, TrustGrant)]
    policies = [grant for grant in teams(2) if isinstance(grant, DevAccessGrant)]
    plan_of(accounts, [*roles, *policies])
    assert "trusting GetAccountAuthorizationDetails" in accounts.log.calls
    assert "trusted GetAccountAuthorizationDetails" not in accounts.log.calls


class BusyLog(CallLog):
    """A log that also measures how many calls are in flight at the same time. Each call takes a millisecond."""

    def __init__(self) -> None:
        super().__init__()
        self.in_flight = self.most = 0
        self.measuring = threading.Lock()

    def before(self, call: str, request: Any) -> str:
        with self.measuring:
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
        time.sleep(0.001)
        return super().before(call, request)

    def after(self, numbered: str) -> None:
        super().after(numbered)
        with self.measuring:
            self.in_flight -= 1


def test_at_most_8_calls_are_made_at_the_same_time(accounts: Accounts) -> None:
    busy = BusyLog()
    accounts.trusting.log = accounts.trusted.log = busy
    for _ in range(2):
        plan_of(accounts, teams(12)).apply()
    plan_of(accounts, teams(12)).destroy()
    assert busy.in_flight == 0
    assert busy.most == MAX_CONCURRENT_CALLS == 8


def test_many_policies_with_several_versions_are_destroyed_at_the_same_time(
    accounts: Accounts, untouched: dict[str, Any]
) -> None:
    # The handling of a refused deletion makes calls, while as many deletions as calls are allowed wait for it.
    applied = plan_of(accounts, teams(12))
    applied.apply()
    for number in range(12):
        accounts.trusted.iam.create_policy_version(
            PolicyArn=f"arn:aws:iam::{TRUSTED}:policy/Team{number}",
            PolicyDocument=POLICY_OF_OTHERS,
            SetAsDefault=True,
        )
    accounts.trusting.log = accounts.trusted.log = BusyLog()
    applied.destroy()
    assert accounts.snapshot() == untouched


# The states are those of the single reads

names = st.sampled_from(["reports", "invoices"])
grant_options = st.fixed_dictionaries(
    {
        "description": st.sampled_from(["", "Read the reports", "Berichte für alle"]),
        "max_session_duration": st.sampled_from([3600, 7200]),
        "path": st.sampled_from(["/", "/teams/data/"]),
        "permissions_boundary": st.sampled_from([None, BOUNDARY]),
        "managed_policy_arns": st.lists(st.sampled_from([S3_READ, EC2_READ]), unique=True, min_size=1),
        "policies": st.dictionaries(names, st.just(READ_REPORTS), max_size=2),
        "tags": st.dictionaries(names, st.sampled_from(["", "yes"]), max_size=2),
        "user": st.sampled_from([None, "shared", "own"]),
        "group": st.booleans(),
    }
)


def varied(number: int, options: dict[str, Any]) -> tuple[TrustGrant, DevAccessGrant]:
    options = dict(options)
    user, group = options.pop("user"), options.pop("group")
    trust = TrustGrant(account=TRUSTING, role_name=f"Team{number}", principals=TRUSTED, **options)
    access = DevAccessGrant(
        account=TRUSTED,
        policy_name=f"Team{number}",
        role_arns=[trust.role_arn],
        description=options["description"],
        path=options["path"],
        tags=options["tags"],
        groups=["others"] if group else [],
        console_user=None if user is None else ConsoleUser(f"{user}{number if user == 'own' else ''}"),
    )
    return trust, access


def change_by_hand(accounts: Accounts, number: int) -> None:
    """Add what no grant wants to a team's role and policy."""
    trusting, trusted = accounts.trusting.iam, accounts.trusted.iam
    role, policy = f"Team{number}", f"arn:aws:iam::{TRUSTED}:policy"
    trusting.put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=POLICY_OF_OTHERS)
    trusting.attach_role_policy(RoleName=role, PolicyArn=f"arn:aws:iam::{TRUSTING}:policy/Others")
    trusting.tag_role(RoleName=role, Tags=[{"Key": "cost", "Value": "50"}])
    trusting.update_assume_role_policy(RoleName=role, PolicyDocument=TRUST_OF_OTHERS)
    arns = [found["Arn"] for found in trusted.list_policies(Scope="Local")["Policies"]]
    policy = next(arn for arn in arns if arn.endswith(f"/{role}"))
    trusted.create_policy_version(PolicyArn=policy, PolicyDocument=POLICY_OF_OTHERS, SetAsDefault=True)
    trusted.attach_user_policy(UserName="others", PolicyArn=policy)
    trusted.attach_role_policy(RoleName="Others", PolicyArn=policy)


def resources_of(
    grants: Sequence[Grant], trusting: GrantAccount, trusted: GrantAccount
) -> tuple[list[Role], list[ManagedPolicy], list[User]]:
    accesses = [grant for grant in grants if isinstance(grant, DevAccessGrant)]
    return (
        [Role(account=trusting, grant=grant) for grant in grants if isinstance(grant, TrustGrant)],
        [ManagedPolicy(account=trusted, grant=grant) for grant in accesses],
        [
            User(
                account=trusted,
                grant=grant,
                user=grant.console_user,
                policy_key="policy",
                passwords=Passwords(account=trusted),
            )
            for grant in accesses
            if grant.console_user is not None
        ],
    )


def listings(trusting: GrantAccount, trusted: GrantAccount) -> tuple[AccountListing, AccountListing]:
    roles, policies = list_roles(trusting, most_pages=9), list_policies(trusted, most_pages=9)
    assert roles is not None
    assert policies is not None
    return roles, policies


# An example takes a second, so a failing one is not made smaller.
@settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(grant_options, min_size=2, max_size=4), st.booleans())
def test_what_a_listing_has_is_what_single_reads_return(options: list[dict[str, Any]], changed: bool) -> None:
    with Sandbox([TRUSTING, TRUSTED]) as aws:
        accounts = Accounts.sign_in(aws)
        for iam in (accounts.trusting.iam, accounts.trusted.iam):
            iam.create_role(RoleName="Others", AssumeRolePolicyDocument=TRUST_OF_OTHERS)
            iam.create_user(UserName="others")
            iam.create_group(GroupName="others")
            iam.create_policy(PolicyName="Others", PolicyDocument=POLICY_OF_OTHERS)
        pairs = [varied(number, chosen) for number, chosen in enumerate(options)]
        for pair in pairs:
            plan_of(accounts, pair).apply()
        grants = [grant for pair in pairs for grant in pair]
        if changed:
            change_by_hand(accounts, 0)
        absent = varied(9, {**options[0], "user": "own"})
        sides = connect(accounts.trusting, accounts.trusted, PATIENCE)
        roles, policies, users = resources_of([*grants, *absent], *sides)
        role_listing, policy_listing = listings(*sides)
        purposes: tuple[Purpose, ...] = ("plan", "drift", "remove")
        for purpose in purposes:
            for role in roles:
                assert role.read_listed(role_listing, purpose) == role.read(purpose)
            for policy in policies:
                state = policy.read(purpose)
                # A single read leaves out the principals until they are needed.
                full = state if state is None or state.principals is not None else policy.read_principals(state)
                assert policy.read_listed(policy_listing, purpose) == full
            for user in users:
                assert user.read_listed(policy_listing, purpose) == user.read(purpose)


def test_a_listing_in_pages_is_the_same(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    plan_of(accounts, teams(3)).apply()
    sides = connect(accounts.trusting, accounts.trusted, PATIENCE)
    whole = listings(*sides)
    monkeypatch.setattr(account_listing, "_PAGE_SIZE", 2)
    accounts.log.clear()
    assert listings(*sides) == whole
    assert "trusting ListRoles #2" in accounts.log.calls
    assert "trusted GetAccountAuthorizationDetails #3" in accounts.log.calls


def test_an_account_of_more_pages_than_resources_is_read_one_by_one(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "xacct")
    expected = str(plan_of(accounts, teams(5)))
    monkeypatch.setattr(account_listing, "_PAGE_SIZE", 1)
    plan_of(accounts, teams(5)).apply()
    accounts.log.clear()
    assert plan_of(accounts, teams(5)).is_empty
    assert "trusting GetRole Team4" in accounts.log.calls
    assert "trusted GetPolicy Team4" in accounts.log.calls
    assert f"account {TRUSTED} are read one by one, and not listed: it has more than 5 pages" in caplog.text
    assert "create role Team4" in expected


# What the caller may not read


@pytest.mark.parametrize(
    ("call", "fallback"),
    [
        ("trusting GetAccountAuthorizationDetails", "trusting GetRole Team0"),
        ("trusting ListRoles", "trusting GetRole Team0"),
        ("trusted GetAccountAuthorizationDetails", "trusted GetPolicyVersion Team0"),
    ],
)
def test_a_caller_who_may_not_list_reads_one_by_one(
    accounts: Accounts, caplog: pytest.LogCaptureFixture, call: str, fallback: str
) -> None:
    plan_of(accounts, teams(5)).apply()
    accounts.fail_always(call, DENIED)
    caplog.set_level(logging.INFO, "xacct")
    accounts.log.clear()
    assert plan_of(accounts, teams(5)).is_empty
    assert fallback in accounts.log.calls
    [record] = [record for record in caplog.records if "read one by one" in record.getMessage()]
    assert record.levelno == logging.INFO
    assert f"iam:{call.split()[1]}" in record.getMessage()


def test_another_error_of_the_listing_is_raised(accounts: Accounts) -> None:
    accounts.fail_always("trusted GetAccountAuthorizationDetails", Refused("ValidationError", "no"))
    with pytest.raises(Exception, match="listing IAM's resources in account 222222222222 failed"):
        plan_of(accounts, teams(5))


def test_a_missing_permission_to_read_a_policys_tags_is_named(accounts: Accounts) -> None:
    plan_of(accounts, teams(5)).apply()
    accounts.fail_always("trusted GetPolicy Team3", DENIED)
    with pytest.raises(PermissionMissing, match="iam:GetPolicy") as caught:
        plan_of(accounts, teams(5))
    assert caught.value.resource == f"arn:aws:iam::{TRUSTED}:policy/Team3"


# What changes while the account is listed


def test_a_role_that_was_replaced_meanwhile_is_read_again(accounts: Accounts) -> None:
    plan_of(accounts, teams(1)).apply()
    sides = connect(accounts.trusting, accounts.trusted, PATIENCE)
    [role], _, _ = resources_of(teams(1), *sides)
    listing, _ = listings(*sides)
    settings_of_other: dict[str, Any] = {
        "Team0": {**listing.role_settings["Team0"], "RoleId": "AROAOTHER", "Description": "stale"}
    }
    for changed in ({}, settings_of_other):
        assert role.read_listed(evolve(listing, role_settings=changed)) == role.read()


def test_a_policy_that_was_changed_meanwhile_is_read_again(accounts: Accounts) -> None:
    plan_of(accounts, teams(1)).apply()
    sides = connect(accounts.trusting, accounts.trusted, PATIENCE)
    _, [policy], _ = resources_of(teams(1), *sides)
    _, listing = listings(*sides)
    accounts.trusted.iam.create_policy_version(PolicyArn=policy.arn, PolicyDocument=POLICY_OF_OTHERS, SetAsDefault=True)
    assert policy.read_listed(listing) == policy.read()
    _, listing = listings(*sides)
    accounts.trusted.iam.attach_user_policy(UserName="others", PolicyArn=policy.arn)
    assert policy.read_listed(listing, "drift") == policy.read("drift")
    accounts.trusted.iam.detach_user_policy(UserName="others", PolicyArn=policy.arn)
    plan_of(accounts, teams(1)).destroy()
    assert policy.read_listed(listing) is None


# Plans of listed accounts


def test_only_what_differs_is_planned_and_what_others_added_is_named(accounts: Accounts) -> None:
    plan_of(accounts, teams(6)).apply()
    accounts.trusting.iam.detach_role_policy(RoleName="Team2", PolicyArn=S3_READ)
    accounts.trusting.iam.update_role(RoleName="Team3", Description="changed", MaxSessionDuration=7200)
    accounts.trusting.iam.put_role_policy(RoleName="Team4", PolicyName="by-hand", PolicyDocument=POLICY_OF_OTHERS)
    accounts.trusted.iam.attach_user_policy(UserName="others", PolicyArn=f"arn:aws:iam::{TRUSTED}:policy/Team5")

    changed = plan_of(accounts, teams(6))
    assert sorted((change.action, change.resource) for change in changed.changes) == [
        ("attach", "AmazonS3ReadOnlyAccess to role Team2"),
        ("leave", "inline policy by-hand on role Team4"),
        ("leave", "policy Team5 on user others"),
        ("update", "role Team3"),
    ]
    assert len(changed.apply()) == 2
    assert not plan_of(accounts, teams(6)).apply()


def test_a_role_that_was_not_created_by_xacct_is_refused(accounts: Accounts) -> None:
    accounts.trusting.iam.create_role(RoleName="Team3", AssumeRolePolicyDocument=TRUST_OF_OTHERS)
    with pytest.raises(NotOurs, match="role Team3"):
        plan_of(accounts, teams(6))
    adopted = plan_of(accounts, teams(6), adopt=True)
    adopted.apply()
    assert plan_of(accounts, teams(6)).is_empty


def test_a_policy_of_another_grant_is_refused(accounts: Accounts) -> None:
    plan_of(accounts, teams(6)).apply()
    others = [evolve(grant, name=f"other-{number}") for number, grant in enumerate(teams(6))]
    with pytest.raises(GrantConflict):
        plan_of(accounts, others)


@pytest.mark.parametrize("resource", ["*", f"arn:aws:iam::{TRUSTING}:role/*", "arn:aws:iam::*:role/${aws:username}"])
def test_a_policy_that_allows_more_by_hand_is_set_back(accounts: Accounts, resource: str) -> None:
    applied = plan_of(accounts, teams(1))
    applied.apply()
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": resource}
    accounts.trusted.iam.create_policy_version(
        PolicyArn=f"arn:aws:iam::{TRUSTED}:policy/Team0",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        SetAsDefault=True,
    )
    changed = plan_of(accounts, teams(1))
    assert [str(change) for change in changed.changes] == [f"update policy Team0 in the trusted account {TRUSTED}"]
    changed.apply()
    assert plan_of(accounts, teams(1)).is_empty


def test_renamed_roles_are_replaced(accounts: Accounts) -> None:
    def grants(prefix: str) -> list[Grant]:
        return [
            evolve(grant, name=f"team-{number}", role_name=f"{prefix}{number}")
            if isinstance(grant, TrustGrant)
            else evolve(grant, role_arns=[f"arn:aws:iam::{TRUSTING}:role/{prefix}{number}"])
            for number in range(5)
            for grant in team(number)
        ]

    plan_of(accounts, grants("Team")).apply()
    accounts.log.clear()
    renamed = plan_of(accounts, grants("Group"))
    assert len(accounts.log.calls) <= MOST_CALLS
    renamed.apply()
    roles = {role["RoleName"] for role in accounts.trusting.iam.list_roles()["Roles"]}
    assert roles == {"Others", *(f"Group{number}" for number in range(5))}


def test_the_plan_of_a_listed_account_is_not_taken_for_stale(accounts: Accounts) -> None:
    users = [
        evolve(grant, console_user=ConsoleUser(f"dev-{number}", managed_policy_arns=[S3_READ, EC2_READ]))
        if isinstance(grant, DevAccessGrant)
        else grant
        for number, grant in enumerate(teams(5))
    ]
    plan_of(accounts, users).apply()
    tagged = [evolve(grant, tags={"cost": "1"}) for grant in users]
    changed = plan_of(accounts, tagged)
    assert {change.action for change in changed.changes} == {"update"}
    changed.apply()
    assert plan_of(accounts, tagged).is_empty


def test_document_texts_are_decoded_once(accounts: Accounts) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": []}).replace("[]", json.dumps([TEAM_TAG]))
    accounts.trusting.iam.create_role(RoleName="Team0", AssumeRolePolicyDocument=text)
    sides = connect(accounts.trusting, accounts.trusted, PATIENCE)
    [role], _, _ = resources_of(teams(1), *sides)
    state = role.read_listed(listings(*sides)[0])
    assert state is not None
    assert state == role.read()
    assert "50%25" in state.trust.to_json()


TEAM_TAG = {
    "Effect": "Allow",
    "Principal": {"AWS": TRUSTED},
    "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"aws:PrincipalTag/share": "50%25"}},
}
