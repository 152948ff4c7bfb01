"""Which grants of a plan fail or succeed together, and which resources belong to them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from xacct import ConsoleUser, DevAccessGrant, TrustGrant
from xacct.reconcile.observation import Observation, ObservedGrants
from xacct.reconcile.parts import Grant, Part, merged, parts_of

from .accounts import TRUSTED, TRUSTING
from .tutorial import S3_READ

NOTHING = ObservedGrants(roles=(), policies=(), users=())


def role(name: str) -> TrustGrant:
    return TrustGrant(name=name, account=TRUSTING, role_name=name, principals=TRUSTED, managed_policy_arns=S3_READ)


def access(name: str, *roles: str, user: str | None = None) -> DevAccessGrant:
    arns = [f"arn:aws:iam::{TRUSTING}:role/{role}" for role in roles]
    console_user = None if user is None else ConsoleUser(user)
    return DevAccessGrant(name=name, account=TRUSTED, policy_name=name, role_arns=arns, console_user=console_user)


def observation(grant: Grant | None) -> Observation[Any]:
    resource: Any = SimpleNamespace() if grant is None else SimpleNamespace(grant=grant)
    return Observation(resource, None)


A, B, C = role("A"), role("B"), role("C")


@pytest.mark.parametrize(
    ("grants", "names"),
    [
        ([], []),
        ([A, B], ["A", "B"]),
        ([A, access("a", "A")], ["A, a"]),
        ([access("a", "A"), A], ["a, A"]),
        ([A, access("a", "Other")], ["A", "a"]),
        ([access("a", "Other"), A], ["a", "A"]),
        ([access("a", "A"), access("b", "A")], ["a", "b"]),
        ([access("a", "A", user="ada"), access("b", "B", user="ada")], ["a, b"]),
        ([access("a", "A", user="ada"), access("b", "B", user="bob")], ["a", "b"]),
        ([access("a", "A", user="ada"), access("b", "B")], ["a", "b"]),
        ([access("a", "A"), access("b", "B", user="ada")], ["a", "b"]),
        ([A, C, B, access("ab", "A", "B")], ["C", "A, B, ab"]),
        ([A, access("a", "A", user="ada"), C, B, access("b", "B", user="ada")], ["C", "A, a, B, b"]),
        ([A, access("A", "A")], ["A"]),
    ],
    ids=lambda value: "; ".join(grant if isinstance(grant, str) else grant.name for grant in value),
)
def test_grants_are_one_part_if_a_policy_allows_a_role_or_if_they_share_a_user(
    grants: list[Grant], names: list[str]
) -> None:
    parts = parts_of(grants, NOTHING)

    assert [part.name for part in parts] == names
    assert sorted(map(str, (grant for part in parts for grant in part.grants))) == sorted(map(str, grants))


def test_each_part_has_the_resources_of_its_grants() -> None:
    # The names are equal, but they are the names of a role and of a policy.
    mine, other = role("same"), access("same", "Other", user="ada")
    roles = (observation(mine),)
    policies, users = (observation(other), observation(None)), (observation(other),)
    parts = parts_of([mine, other], ObservedGrants(roles=roles, policies=policies, users=users))

    assert parts == [
        Part(grants=(mine,), observed=ObservedGrants(roles=roles, policies=(), users=())),
        Part(grants=(other,), observed=ObservedGrants(roles=(), policies=policies[:1], users=users)),
    ]


def test_merged_parts_have_all_grants_and_resources_in_order() -> None:
    grants = [A, access("a", "Other", user="ada"), B]
    observed = ObservedGrants(
        roles=(observation(A), observation(B)), policies=(observation(grants[1]),), users=(observation(grants[1]),)
    )

    assert merged(parts_of(grants, observed)) == Part(grants=tuple(grants), observed=observed)
