"""Which resources are read for some grants, from where, and what follows from what was read."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from attrs import evolve

from xacct import ConsoleUser, DevAccessGrant, TrustGrant
from xacct.reconcile.grant_reads import read_grants
from xacct.reconcile.observation import ObservedGrants
from xacct.resources.account_listing import AccountListing

from .accounts import TRUSTED, TRUSTING
from .known_accounts import KnownAccounts, Read, policy_state, role_detail, role_state, user_state
from .tutorial import S3_READ

ADA, BOB = (f"arn:aws:iam::{TRUSTED}:user/{name}" for name in ("ada", "bob"))
PASSWORDS: Any = "the passwords"


def role(name: str, principals: Any = TRUSTED) -> TrustGrant:
    return TrustGrant(name=name, account=TRUSTING, role_name=name, principals=principals, managed_policy_arns=S3_READ)


def access(name: str, user: str | None = None, **arguments: Any) -> DevAccessGrant:
    arguments = {"policy_name": name, "role_arns": f"arn:aws:iam::{TRUSTING}:role/{name}"} | arguments
    console_user = None if user is None else ConsoleUser(user)
    return DevAccessGrant(name=name, account=TRUSTED, console_user=console_user, **arguments)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> KnownAccounts:
    known = KnownAccounts()
    known.take_over(monkeypatch)
    return known


def read(known: KnownAccounts, *grants: TrustGrant | DevAccessGrant, purpose: Any = "plan") -> ObservedGrants:
    return read_grants(grants, trusting=known.trusting, trusted=known.trusted, passwords=PASSWORDS, purpose=purpose)


def test_each_grant_has_its_resources_in_its_account(known: KnownAccounts) -> None:
    trust, dev_access = role("A"), access("A", "ada")
    known.states = {
        trust.role_arn: role_state(trust),
        dev_access.policy_arn: policy_state(dev_access),
        ADA: user_state("A"),
    }
    observed = read(known, trust, dev_access, purpose="drift")
    resources: list[Any] = [o.resource for o in (*observed.roles, *observed.policies, *observed.users)]

    assert [(r.label, r.account, r.grant) for r in resources] == [
        ("role A", known.trusting, trust),
        ("policy A", known.trusted, dev_access),
        ("user ada", known.trusted, dev_access),
    ]
    assert [o.state for o in (*observed.roles, *observed.policies, *observed.users)] == list(known.states.values())
    assert not any(o.unwanted or o.contested for o in observed.all)
    assert sorted(known.reads) == sorted(Read(resource.arn, "drift", None) for resource in resources)
    assert resources[2].passwords is PASSWORDS
    assert resources[2].policy_key == resources[1].key


def reads_of_roles_and_others(known: KnownAccounts) -> tuple[list[Read], list[Read]]:
    roles = [read for read in known.reads if ":role/" in read.arn]
    return roles, [read for read in known.reads if read not in roles]


@pytest.mark.parametrize("number", [4, 5])
def test_from_five_resources_of_a_kind_on_an_account_is_listed(known: KnownAccounts, number: int) -> None:
    known.role_listing, known.policy_listing = AccountListing(), AccountListing()
    many, few = [role(str(index)) for index in range(number)], [access(str(index), "ada") for index in range(4)]
    read(known, *many, *few)
    roles, others = reads_of_roles_and_others(known)

    assert known.listed == ([("roles", known.trusting, 5)] if number == 5 else [])
    assert {id(read.listing) for read in roles} == {id(known.role_listing if number == 5 else None)}
    assert {id(read.listing) for read in others} == {id(None)}


@pytest.mark.parametrize("number", [4, 5])
def test_the_listing_of_the_policies_has_the_users_too(known: KnownAccounts, number: int) -> None:
    known.role_listing, known.policy_listing = AccountListing(), AccountListing()
    few, many = [role(str(index)) for index in range(4)], [access(str(index), "ada") for index in range(number)]
    read(known, *few, *many)
    roles, others = reads_of_roles_and_others(known)

    assert known.listed == ([("policies", known.trusted, 5)] if number == 5 else [])
    assert {id(read.listing) for read in roles} == {id(None)}
    assert {id(read.listing) for read in others} == {id(known.policy_listing if number == 5 else None)}
    assert len(others) == 2 * number


def test_the_first_grant_that_names_a_user_creates_it(known: KnownAccounts) -> None:
    observed = read(known, access("a", "ada"), access("b"), access("c", "ada"), access("d", "bob"), access("e", "ada"))
    users: list[Any] = [o.resource for o in observed.users]

    assert [(u.user.name, u.grant.name, u.created_by_other, u.others_in_plan) for u in users] == [
        ("ada", "a", False, {"c", "e"}),
        ("ada", "c", True, {"a", "e"}),
        ("bob", "d", False, set()),
        ("ada", "e", True, {"a", "c"}),
    ]


def test_a_role_comes_after_the_users_that_it_trusts(known: KnownAccounts) -> None:
    observed = read(known, role("A", [ADA, TRUSTED]), role("B", [BOB]), access("a", "ada"))
    roles: list[Any] = [o.resource for o in observed.roles]

    assert [set(role.after) for role in roles] == [{"trusted user ada"}, set()]


# The principals of a policy


@pytest.mark.parametrize(
    ("count", "on_user", "is_read"),
    [(0, False, False), (1, False, True), (0, True, True), (1, True, False), (2, True, True)],
)
def test_the_principals_are_read_unless_the_user_is_known_to_be_the_only_one(
    known: KnownAccounts, count: int, on_user: bool, is_read: bool
) -> None:
    grant = access("a", "ada")
    known.states = {
        grant.policy_arn: policy_state(grant, principals=None, count=count),
        ADA: user_state("a", attached=[grant.policy_arn if on_user else S3_READ]),
    }
    known.principals = {grant.policy_arn: [("group", "others")]}
    (policy,) = read(known, grant).policies

    assert policy.state is not None
    assert policy.state.principals == ({("group", "others")} if is_read else None)
    assert known.calls == (["reading the attachments of policy a"] if is_read else [])


def test_principals_that_are_known_are_not_read_again(known: KnownAccounts) -> None:
    grant = access("a")
    known.states = {grant.policy_arn: policy_state(grant, principals=[("user", "others")], count=1)}
    (policy,) = read(known, grant).policies

    assert policy.state == known.states[grant.policy_arn]
    assert known.calls == []


# What a grant had before


def test_a_user_that_left_the_grant_detaches_the_policy_itself(known: KnownAccounts) -> None:
    left, kept = access("a"), access("b")
    principals = [("user", "ada")]
    known.states = {
        left.policy_arn: policy_state(left, attached=["user ada"], principals=principals, count=1),
        ADA: user_state("a"),
    }
    known.principals = {left.policy_arn: principals}
    observed = read(known, left, kept, access("c", "bob"), purpose="remove")
    policies: list[Any] = [o.resource for o in observed.policies]

    assert [(o.resource.label, o.unwanted) for o in observed.users] == [("user bob", False), ("user ada", True)]
    assert {policy.removed_users for policy in policies} == {frozenset({"ada"})}
    assert [o.state for o in observed.policies] == [known.states[left.policy_arn], None, None]
    assert {read.purpose for read in known.reads} == {"remove"}
    assert observed.users[1].resource.passwords is PASSWORDS  # type: ignore[attr-defined] # a user


def test_without_former_users_the_policies_stay_as_they_are(known: KnownAccounts) -> None:
    (policy,) = read(known, access("a", "ada")).policies

    assert policy.resource.removed_users == frozenset()  # type: ignore[attr-defined] # a policy


def test_what_was_renamed_is_read_like_the_rest(known: KnownAccounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("xacct.reconcile.grant_reads"), "_MANY", 1)
    trust, dev_access = role("new"), access("new")
    trust, dev_access = evolve(trust, name="reports"), evolve(dev_access, name="reports")
    old_role, old_policy = (f"arn:aws:iam::{account}/old" for account in (f"{TRUSTING}:role", f"{TRUSTED}:policy"))
    known.role_listing = AccountListing(roles={"old": role_detail(old_role, trust)})
    known.policy_listing = AccountListing(policy_versions={old_policy: {"v1": trust.role_arn}})
    read(known, trust, dev_access, purpose="drift")

    assert {read.purpose for read in known.reads} == {"drift"}
    assert [id(read.listing) for read in known.reads if read.arn == old_role] == [id(known.role_listing)]
    assert [read.arn for read in known.reads][-1] == old_policy
    # Nothing is listed a second time.
    assert sorted(kind for kind, *_ in known.listed) == ["policies", "roles"]


def test_what_was_renamed_is_unwanted_and_its_user_detaches_it(known: KnownAccounts) -> None:
    trust, dev_access = role("old", [TRUSTED]), access("old", "ada")
    new_trust = evolve(trust, name="reports", role_name="new")
    new_access = evolve(dev_access, name="reports", policy_name="new", role_arns=new_trust.role_arn)
    old_access = evolve(new_access, policy_name="old", role_arns=trust.role_arn)
    known.states = {
        trust.role_arn: role_state(new_trust),
        old_access.policy_arn: policy_state(old_access, attached=["user bob"], principals=None, count=2),
        ADA: user_state("old", attached=[old_access.policy_arn]),
        BOB: user_state("old", attached=[old_access.policy_arn]),
    }
    known.principals = {old_access.policy_arn: [("user", "ada"), ("user", "bob")]}
    known.role_listing = AccountListing(roles={"old": role_detail(trust.role_arn, new_trust)})
    known.policy_listing = AccountListing(policy_versions={old_access.policy_arn: {"v1": trust.role_arn}})
    other = access("other", "eve")
    observed = read(known, new_trust, new_access, other)
    users: list[Any] = [o.resource for o in observed.users]
    policies: list[Any] = [o.resource for o in observed.policies]

    assert [(o.resource.label, o.unwanted) for o in observed.all] == [
        ("policy new", False),
        ("policy other", False),
        ("policy old", True),
        ("user ada", False),
        ("user eve", False),
        ("user bob", True),
        ("role new", False),
        ("role old", True),
    ]
    assert [user.former_policies for user in users] == [{"old"}, set(), set()]
    assert {policy.removed_users for policy in policies} == {frozenset({"bob"})}
