"""Which resources a grant had before under another name, and which of them are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from xacct import ConsoleUser, DevAccessGrant, Statement, TrustGrant
from xacct.policy import PolicyDocument
from xacct.reconcile.former_resources import dropped_users, renamed_policies, renamed_roles
from xacct.reconcile.observation import Observation
from xacct.resources.account_listing import AccountListing
from xacct.resources.managed_policy import ManagedPolicy
from xacct.resources.role import Role
from xacct.resources.user import User

from .accounts import TRUSTED, TRUSTING
from .known_accounts import KnownAccounts, Read, policy_state, role_detail, role_state, user_state
from .tutorial import S3_READ

PASSWORDS: Any = "the passwords"


def arn(kind: str, name: str, account: str = TRUSTED) -> str:
    return f"arn:aws:iam::{account}:{kind}/{name}"


OLD, NEW = arn("role", "team/OldX", TRUSTING), arn("role", "New", TRUSTING)
TRUST = TrustGrant(name="reports", account=TRUSTING, role_name="New", principals=TRUSTED, managed_policy_arns=S3_READ)
ACCESS = DevAccessGrant(name="reports", account=TRUSTED, policy_name="new", role_arns=NEW)
OTHERS = evolve(TRUST, name="others")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> KnownAccounts:
    known = KnownAccounts()
    known.take_over(monkeypatch)
    return known


def observed_role(known: KnownAccounts, grant: TrustGrant = TRUST, state: Any = None, **changes: Any) -> Any:
    return Observation(Role(account=known.trusting, grant=grant, after=frozenset({"user"})), state, **changes)


def observed_policy(known: KnownAccounts, grant: DevAccessGrant = ACCESS, state: Any = None) -> Any:
    return Observation(ManagedPolicy(account=known.trusted, grant=grant), state)


def found(observations: Sequence[Observation[Any]]) -> list[str]:
    assert all(observation.unwanted for observation in observations)
    return [observation.resource.arn for observation in observations]


# Users


def with_policy(known: KnownAccounts, *users: str, grant: DevAccessGrant = ACCESS) -> Any:
    """The policy, attached to users as its tags record."""
    names = [f"user {name}" for name in users]
    principals = [("user", name) for name in users]
    return observed_policy(known, grant, policy_state(grant, attached=names, principals=principals))


@pytest.mark.parametrize(("purpose", "read_for"), [("plan", "drift"), ("drift", "drift"), ("remove", "remove")])
def test_a_user_that_has_the_policy_and_is_not_declared_was_dropped(
    known: KnownAccounts, purpose: Any, read_for: str
) -> None:
    known.states = {arn("user", "ada"): user_state("new"), arn("user", "bob"): user_state("new", "another")}
    dropped: Any = dropped_users([with_policy(known, "ada", "bob")], [], PASSWORDS, purpose)

    assert found(dropped) == [arn("user", "ada"), arn("user", "bob")]
    assert [observation.state for observation in dropped] == list(known.states.values())
    assert known.reads == [Read(name, read_for, None) for name in found(dropped)]
    user = dropped[0].resource
    assert (user.user, user.grant, user.passwords) == (ConsoleUser("ada"), ACCESS, PASSWORDS)


def test_a_user_was_not_dropped_if_it_is_declared_or_has_no_record_of_the_grant(known: KnownAccounts) -> None:
    known.states = {
        arn("user", "declared"): user_state("new"),
        arn("user", "others"): user_state("another"),
        arn("user", "foreign"): user_state("new", managed=False),
        arn("user", "ada"): user_state("new"),
    }
    policy = with_policy(known, "declared", "others", "foreign", "missing", "ada")
    declared = User.of(policy.resource, ConsoleUser("declared"), PASSWORDS)

    assert found(dropped_users([policy, observed_policy(known)], [declared], PASSWORDS, "plan")) == [arn("user", "ada")]
    assert arn("user", "declared") not in {read.arn for read in known.reads}


# Roles


def allowing(known: KnownAccounts, *roles: str) -> Any:
    """The policy, which allows assuming roles now."""
    statements = [Statement.allow("sts:AssumeRole", role) for role in roles]
    state: Any = evolve(policy_state(ACCESS), document=PolicyDocument(statements))
    return observed_policy(known, ACCESS, state)


def test_a_role_that_the_policy_allows_and_that_belongs_to_the_grant_was_renamed(known: KnownAccounts) -> None:
    known.states = {OLD: role_state(TRUST)}
    listing = AccountListing()
    (renamed,) = renamed_roles(
        [observed_role(known, state=role_state(TRUST))], [allowing(known, NEW, OLD)], "drift", listing
    )
    resource: Any = renamed.resource

    assert found([renamed]) == [OLD]
    assert (resource.grant.role_name, resource.grant.path, resource.after) == ("OldX", "/team/", frozenset())
    assert renamed.state == known.states[OLD]
    assert known.reads == [Read(OLD, "drift", listing)]
    assert known.listed == []


@pytest.mark.parametrize(
    "allowed",
    [
        arn("role", "Old", TRUSTED),
        OLD.replace("arn:aws:", "arn:aws-cn:"),
        OLD.replace("Old", "O*"),
        OLD.replace("Old", "Ol?"),
        OLD.replace("Old", "${aws:username}"),
        arn("user", "Old", TRUSTING),
    ],
)
def test_what_the_policy_allows_besides_roles_of_the_account_is_not_read(known: KnownAccounts, allowed: str) -> None:
    role = observed_role(known, state=role_state(TRUST))

    assert renamed_roles([role], [allowing(known, allowed)], "plan", None) == []
    assert known.reads == []


@pytest.mark.parametrize("owner", [OTHERS, evolve(TRUST, principals="333333333333"), None])
def test_a_role_of_another_grant_was_not_renamed(known: KnownAccounts, owner: TrustGrant | None) -> None:
    known.states = {OLD: role_state(owner)}

    assert renamed_roles([observed_role(known, state=role_state(TRUST))], [allowing(known, OLD)], "plan", None) == []
    assert known.reads == [Read(OLD, "plan", None)]


def test_without_a_policy_there_are_no_allowed_roles(known: KnownAccounts) -> None:
    role = observed_role(known, state=role_state(TRUST))
    without_document: Any = evolve(policy_state(ACCESS), document=None)
    policies = [observed_policy(known), observed_policy(known, ACCESS, without_document)]

    assert renamed_roles([role], policies, "plan", None) == []
    assert renamed_roles([], [allowing(known, OLD)], "plan", None) == []
    assert known.reads == []


def listing_with(**owners: TrustGrant | None) -> AccountListing:
    return AccountListing(
        roles={name: role_detail(arn("role", name, TRUSTING), owner) for name, owner in owners.items()}
    )


@pytest.mark.parametrize("is_listed", [True, False])
def test_the_role_of_a_grant_without_one_is_looked_for_among_all_roles(known: KnownAccounts, is_listed: bool) -> None:
    listing = known.role_listing = listing_with(Former=TRUST, Theirs=OTHERS, Foreign=None)
    former = arn("role", "Former", TRUSTING)
    known.states = {former: role_state(TRUST)}
    renamed = renamed_roles([observed_role(known)], [], "plan", listing if is_listed else None)

    assert found(renamed) == [former]
    assert known.reads == [Read(former, "plan", listing if is_listed else None)]
    unchecked = "whether a grant had a role of another name"
    assert known.listed == ([] if is_listed else [("Role", known.trusting, unchecked)])


def test_the_roles_are_not_listed_if_each_grant_has_its_role_or_a_name_that_comes_from_it(known: KnownAccounts) -> None:
    known.role_listing = listing_with(Former=TRUST)
    present, by_default = observed_role(known, state=role_state(TRUST)), observed_role(known, evolve(TRUST, name="New"))

    assert renamed_roles([present, by_default], [], "plan", None) == []
    assert known.listed == known.reads == []


def test_a_caller_who_may_not_list_finds_no_former_roles_by_their_tags(known: KnownAccounts) -> None:
    assert renamed_roles([observed_role(known)], [], "plan", None) == []
    assert len(known.listed) == 1
    assert known.reads == []


# Policies


def policies_with(**roles: str) -> AccountListing:
    """The listing of an account that has policies, which name roles in an old version."""
    return AccountListing(
        policy_versions={arn("policy", f"team/{name}"): {"v1": "{}", "v2": text} for name, text in roles.items()}
    )


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_policy_that_names_a_role_of_the_grant_and_belongs_to_it_was_renamed(
    known: KnownAccounts, is_listed: bool
) -> None:
    old = evolve(ACCESS, policy_name="old", path="/team/")
    listing = known.policy_listing = policies_with(
        old=f"allows {NEW}", unrelated="allows nothing", theirs=f"allows {NEW}"
    )
    theirs = arn("policy", "team/theirs")
    known.states = {old.policy_arn: policy_state(old, principals=None), theirs: policy_state(evolve(ACCESS, name="x"))}
    known.principals = {old.policy_arn: [("user", "ada")]}
    renamed = renamed_policies([observed_policy(known)], [], "remove", listing if is_listed else None)

    assert found(renamed) == [old.policy_arn]
    assert renamed[0].state == evolve(known.states[old.policy_arn], principals=frozenset({("user", "ada")}))
    assert (renamed[0].resource.grant.policy_name, renamed[0].resource.grant.path) == ("old", "/team/")  # type: ignore[attr-defined] # a policy
    assert known.reads == [Read(old.policy_arn, "remove", None), Read(theirs, "remove", None)]
    unchecked = "whether a grant had a policy of another name"
    assert known.listed == ([] if is_listed else [("LocalManagedPolicy", known.trusted, unchecked)])


def test_a_policy_that_names_a_former_role_of_the_grant_was_renamed_with_it(known: KnownAccounts) -> None:
    old = evolve(ACCESS, policy_name="old", path="/team/")
    listing = policies_with(old=f"allows {OLD}", unrelated=f"allows {arn('role', 'Theirs', TRUSTING)}")
    known.states = {old.policy_arn: policy_state(old)}
    former = observed_role(known, evolve(TRUST, role_name="OldX", path="/team/"), role_state(TRUST), unwanted=True)
    present = observed_role(known, evolve(TRUST, role_name="Theirs"), role_state(TRUST))

    assert found(renamed_policies([observed_policy(known)], [former, present], "plan", listing)) == [old.policy_arn]
    assert len(known.reads) == 1


def test_a_declared_policy_was_not_renamed(known: KnownAccounts) -> None:
    other = evolve(ACCESS, name="other", policy_name="declared")
    listing = AccountListing(policy_versions={other.policy_arn: {"v1": NEW}})
    policies = [observed_policy(known), observed_policy(known, other, policy_state(ACCESS))]

    assert renamed_policies(policies, [], "plan", listing) == []
    assert known.reads == []


def test_a_policy_without_an_owner_or_that_is_gone_was_not_renamed(known: KnownAccounts) -> None:
    listing = policies_with(foreign=NEW, gone=NEW)
    known.states = {arn("policy", "team/foreign"): policy_state(None)}

    assert renamed_policies([observed_policy(known)], [], "plan", listing) == []
    assert len(known.reads) == 2


def test_the_policies_are_not_listed_if_each_grant_has_its_policy(known: KnownAccounts) -> None:
    known.policy_listing = policies_with(old=NEW)

    assert renamed_policies([observed_policy(known, ACCESS, policy_state(ACCESS))], [], "plan", None) == []
    assert known.listed == known.reads == []


def test_a_caller_who_may_not_list_finds_no_former_policies(known: KnownAccounts) -> None:
    assert renamed_policies([observed_policy(known)], [], "plan", None) == []
    assert len(known.listed) == 1


NAMED_AFTER_ROLE = evolve(TRUST, name="reports", role_name="reports")


@pytest.mark.parametrize(
    ("grant", "roles", "is_looked_for"),
    [
        (evolve(ACCESS, name="new"), [], False),
        (ACCESS, [], True),
        (ACCESS, [(OTHERS, False)], True),
        (ACCESS, [(evolve(OTHERS, role_name="others"), False)], True),
        (ACCESS, [(NAMED_AFTER_ROLE, False)], False),
        (ACCESS, [(NAMED_AFTER_ROLE, True)], True),
        (ACCESS, [(TRUST, False)], True),
        (ACCESS, [(NAMED_AFTER_ROLE, False), (TRUST, False)], True),
    ],
)
def test_a_policy_is_not_looked_for_if_its_name_or_its_role_is_new_with_the_grant(
    known: KnownAccounts, grant: DevAccessGrant, roles: list[tuple[TrustGrant, bool]], is_looked_for: bool
) -> None:
    observed = [observed_role(known, trust, role_state(trust) if exists else None) for trust, exists in roles]
    renamed_policies([observed_policy(known, grant)], observed, "plan", None)

    assert bool(known.listed) is is_looked_for
