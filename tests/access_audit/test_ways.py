"""who_can and what_can: who gets to an action on a resource, and where a principal gets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.access_audit.accounts import (
    ORGANIZATION_ID,
    OUTSIDE,
    A,
    B,
    C,
    document,
    organization,
    role,
    role_arn,
    root,
    snapshot,
    statement,
    trust,
    trusting,
    user,
    user_arn,
)

from xacct.access_audit.ways import what_can, who_can
from xacct.authz import PolicySet, evaluate
from xacct.errors import InvalidValue
from xacct.snapshot import ResourcePolicy

READER, BUCKET = role_arn(A, "Reader"), "arn:aws:s3:::reports"
READ = {"read": document(statement(action="s3:Get*", Resource=f"{BUCKET}/*"))}
ACCOUNTS = (
    snapshot(A, role(A, "Reader", trust(root(B)), inline=READ), user(A, "root-like", may_assume=["*"])),
    snapshot(
        B, role(B, "Hop", trust(root(C)), may_assume=[READER]), user(B, "dev", may_assume=[READER]), user(B, "idle")
    ),
    snapshot(C, user(C, "far", may_assume=[role_arn(B, "Hop")])),
)


def starts(*accounts: Any, action: str = "s3:GetObject", resource: str = f"{BUCKET}/k", **more: Any) -> dict[str, int]:
    """Who can do the action, with the number of hops."""
    ways = who_can(action, resource, accounts or ACCOUNTS, **{"resource_account": A, **more})
    return {way.principal: len(way.hops) for way in ways}


def test_everybody_is_found_with_the_shortest_way_chains_included() -> None:
    assert starts() == {READER: 1, role_arn(B, "Hop"): 2, user_arn(B, "dev"): 2, user_arn(C, "far"): 3}


def test_each_hop_has_a_witness_that_is_allowed_and_its_conditions() -> None:
    trusts = trust(root(B), StringEquals={"sts:ExternalId": "x"})
    accounts = (snapshot(A, role(A, "Reader", trusts, inline=READ)), snapshot(B, user(B, "dev", may_assume=[READER])))
    (_, way) = who_can("s3:GetObject", f"{BUCKET}/k", accounts, resource_account=A)
    assert (way.principal, way.answer, way.conditions) == (
        user_arn(B, "dev"),
        "depends",
        ("StringEquals sts:ExternalId",),
    )
    assume, read = (hop.witness for hop in way.hops)
    assert assume is not None
    assert read is not None
    identity = [document(statement(Resource=READER))]
    assert evaluate(assume, PolicySet(identity=identity, resource=trusts)).allowed
    assert evaluate(read, PolicySet(identity=READ.values())).allowed


def test_who_can_assume_a_role_includes_its_own_account() -> None:
    role_a = role(A, "Reader", trust(root(A), root(B)))
    accounts = (snapshot(A, role_a, user(A, "boss", may_assume=["*"])), ACCOUNTS[1])
    found = starts(*accounts, action="sts:AssumeRole", resource=READER)
    # Of account C, which was not read, anybody can get to the role Hop.
    assert found == {user_arn(A, "boss"): 1, user_arn(B, "dev"): 1, role_arn(B, "Hop"): 1, C: 2}


def test_a_resource_policy_lets_principals_in_and_keeps_them_out() -> None:
    opened = document({**statement(action="s3:GetObject", Resource=f"{BUCKET}/*"), "Principal": {"AWS": [C, OUTSIDE]}})
    closed = document({**statement("Deny", action="s3:*", Resource=f"{BUCKET}/*"), "Principal": "*"})
    far = snapshot(C, user(C, "far", inline=READ), user(C, "idle"))

    def home(policy: str) -> Any:
        reader = role(A, "Reader", inline=READ)
        return snapshot(A, reader, resources=(ResourcePolicy(arn=BUCKET, service="s3", policy=policy),))

    assert starts(home(opened), far, resource_account="") == {READER: 1, user_arn(C, "far"): 1, OUTSIDE: 1}
    assert starts(home(closed), far, resource_account="") == {}


def test_a_way_through_an_outsider_is_found() -> None:
    accounts = (snapshot(A, role(A, "Reader", trust(root(OUTSIDE)), inline=READ)),)
    assert starts(*accounts) == {READER: 1, OUTSIDE: 2}


def test_an_outsider_has_no_id_of_our_organization() -> None:
    reader = role(A, "Reader", trust(root(OUTSIDE), StringEquals={"aws:PrincipalOrgID": ORGANIZATION_ID}), inline=READ)
    assert starts(snapshot(A, reader), organization=organization(A)) == {READER: 1}


def test_a_resource_without_a_known_account_is_refused() -> None:
    with pytest.raises(InvalidValue, match="resource_account"):
        who_can("s3:GetObject", f"{BUCKET}/k", ACCOUNTS)


def test_what_a_principal_can_reach() -> None:
    ways = what_can(user_arn(C, "far"), ACCOUNTS)
    assert [(way.resource, len(way.hops)) for way in ways] == [(role_arn(B, "Hop"), 1), (READER, 2)]
    assert [way.resource for way in what_can(user_arn(B, "idle"), ACCOUNTS)] == []


def test_what_a_principal_can_do_with_resources_that_were_read() -> None:
    policy = document({**statement(action="s3:*", Resource=[BUCKET, f"{BUCKET}/*"]), "Principal": {"AWS": READER}})
    home = snapshot(
        A,
        role(A, "Reader", document(trusting(user_arn(B, "dev")))),
        resources=(ResourcePolicy(arn=BUCKET, service="s3", policy=policy),),
    )
    ways = what_can(
        user_arn(B, "dev"), [home, ACCOUNTS[1]], actions=["s3:GetObject", "s3:ListBucket", "sqs:SendMessage"]
    )
    assert [(way.hops[-1].action, way.resource, len(way.hops)) for way in ways] == [
        ("sts:AssumeRole", READER, 1),
        ("s3:GetObject", BUCKET, 2),
        ("s3:ListBucket", BUCKET, 2),
        ("s3:GetObject", f"{BUCKET}/*", 2),
        ("s3:ListBucket", f"{BUCKET}/*", 2),
    ]


def test_an_unknown_principal_is_refused() -> None:
    with pytest.raises(InvalidValue, match="no snapshot has this user or role"):
        what_can(user_arn(C, "nobody"), ACCOUNTS)


def test_a_way_is_plain_data_with_each_step() -> None:
    (way,) = (way for way in who_can("s3:GetObject", f"{BUCKET}/k", ACCOUNTS, resource_account=A) if len(way.hops) == 3)
    data = json.loads(json.dumps(way.to_dict()))
    assert (data["principal"], data["resource"], data["answer"]) == (user_arn(C, "far"), f"{BUCKET}/k", "yes")
    assert [(hop["caller"], hop["action"]) for hop in data["hops"]] == [
        (user_arn(C, "far"), "sts:AssumeRole"), (role_arn(B, "Hop"), "sts:AssumeRole"), (READER, "s3:GetObject"),
    ]  # fmt: skip
    assert set(data["hops"][0]["witness"]) == {"principal", "action", "resource", "resource_account", "context"}
    assert data["hops"][0]["statements"][0]["owner"] in (role_arn(B, "Hop"), user_arn(C, "far"))


def test_who_may_have_a_policy_that_was_not_read_is_listed_as_not_decided() -> None:
    unread = role(A, "Unread", attached=("arn:aws:iam::111111111111:policy/unread",))
    (way,) = who_can("s3:GetObject", f"{BUCKET}/k", [snapshot(A, unread)], resource_account=A)
    assert (way.principal, way.answer) == (role_arn(A, "Unread"), "depends")
    assert way.undecided == (f"policy arn:aws:iam::111111111111:policy/unread of {role_arn(A, 'Unread')} was not read",)
