"""Snapshot: order, plain data and back, and two snapshots of one account together."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from xacct import InvalidValue
from xacct.snapshot import GroupDetail, PolicyDetail, ResourcePolicy, RoleDetail, Snapshot, UserDetail
from xacct.snapshot.details import document_text

ACCOUNT = "111111111111"
NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Reader"
BUCKET = "arn:aws:s3:::reports"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ALLOW = document_text({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def snapshot(*roles: RoleDetail, **fields: Any) -> Snapshot:
    return Snapshot(account=ACCOUNT, roles=roles, **fields)


def role(name: str = "Reader", **fields: Any) -> RoleDetail:
    return RoleDetail(arn=f"arn:aws:iam::{ACCOUNT}:role/{name}", **fields)


# Values


def test_everything_is_sorted_whatever_the_order() -> None:
    one = snapshot(
        role("B"), role("A"), services=("sqs", "s3"), regions=("eu-west-1", "eu-central-1"), missing=("b", "a")
    )
    other = snapshot(
        role("A"), role("B"), services=("s3", "sqs"), regions=("eu-central-1", "eu-west-1"), missing=("a", "b")
    )
    assert one == other
    assert json.dumps(one.to_dict()) == json.dumps(other.to_dict())
    assert [found.arn for found in one.roles] == [role("A").arn, role("B").arn]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"account": "prod"}, "account: 'prod' is not valid"),
        ({"account": ACCOUNT, "partition": "azure"}, "partition: 'azure' is not valid"),
        ({"account": ACCOUNT, "taken": datetime(2026, 1, 1)}, "taken: .* a datetime with a time zone"),  # noqa: DTZ001
    ],
)
def test_fields_that_are_not_valid_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Snapshot(**fields)


def test_it_prints_as_one_line() -> None:
    many = snapshot(
        *(role(f"R{number}") for number in range(78)), policies=(PolicyDetail(arn=READ_ONLY, document=ALLOW),)
    )
    assert str(many) == repr(many) == f"Snapshot('{ACCOUNT}', 0 users, 78 roles, 1 policy)"
    full = snapshot(
        services=("s3",),
        resources=(ResourcePolicy(arn=BUCKET, service="s3", policy=ALLOW),),
        missing=("kms (AccessDenied)",),
    )
    assert repr(full) == f"Snapshot('{ACCOUNT}', 0 users, 0 roles, 0 policies, 1 resource policy, 1 missing)"


def test_equal_documents_and_arns_are_kept_once() -> None:
    data = {"roles": [{"arn": ROLE, "trust_policy": json.loads(ALLOW), "attached": [f"arn:{ACCOUNT}"]}]}
    one, other = (Snapshot.from_dict({"account": account, **data}) for account in (ACCOUNT, "222222222222"))
    assert one.roles[0].trust_policy is other.roles[0].trust_policy
    assert one.roles[0].attached[0] is other.roles[0].attached[0]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"b": 1, "a": [True, None, "é"]}, '{"a":[true,null,"\\u00e9"],"b":1}'),
        ("%7B%22b%22%3A1%7D", '{"b":1}'),
        ("\ufeff {}", "{}"),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ('{"a": NaN}', '{"a": NaN}'),
        ('{"a": 1e400}', '{"a": 1e400}'),
        ("[" * 100_000, "[" * 100_000),
        ("%ff", "%ff"),
    ],
)
def test_a_document_has_one_text(document: object, text: str) -> None:
    assert document_text(document) == text
    assert document_text(document_text(document)) == text


def endless() -> dict[str, object]:
    document: dict[str, object] = {}
    document["Statement"] = document
    return document


@pytest.mark.parametrize("document", [{"a": {1}}, {"a": float("nan")}, endless(), {1: 1, "a": 1}, object()])
def test_a_document_that_json_cannot_express_is_refused(document: object) -> None:
    with pytest.raises(InvalidValue, match=r"document: .* must be a policy in JSON"):
        document_text(document)


# Plain data

TEXT = st.text(max_size=6)
NAMES = st.dictionaries(TEXT, TEXT, max_size=2)
TIMES = st.none() | st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(timezone.utc))  # noqa: DTZ001
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = (st.dictionaries(TEXT, JSON, max_size=3) | TEXT | JSON.map(json.dumps)).map(document_text)
INLINE = st.dictionaries(TEXT, DOCUMENTS, max_size=2)
ARNS = st.lists(TEXT, max_size=2).map(tuple)
SNAPSHOTS = st.builds(
    Snapshot,
    account=st.sampled_from([ACCOUNT, "222222222222"]),
    partition=st.sampled_from(["aws", "aws-cn"]),
    taken=TIMES,
    users=st.lists(
        st.builds(
            UserDetail, arn=TEXT, unique_id=TEXT, created=TIMES, inline=INLINE, attached=ARNS, groups=ARNS,
            boundary=st.none() | TEXT, tags=NAMES,
        ), max_size=2, unique_by=lambda user: user.arn,
    ),
    groups=st.lists(
        st.builds(GroupDetail, arn=TEXT, created=TIMES, inline=INLINE, attached=ARNS), max_size=1,
    ),
    roles=st.lists(
        st.builds(
            RoleDetail, arn=TEXT, unique_id=TEXT, created=TIMES, trust_policy=st.none() | DOCUMENTS, inline=INLINE,
            attached=ARNS, boundary=st.none() | TEXT, tags=NAMES, last_used=TIMES, knows_last_use=st.booleans(),
        ), max_size=3, unique_by=lambda role: role.arn,
    ),
    policies=st.lists(st.builds(PolicyDetail, arn=TEXT, document=DOCUMENTS), max_size=1),
    services=ARNS,
    regions=ARNS,
    resources=st.lists(st.builds(ResourcePolicy, arn=TEXT, service=TEXT, policy=DOCUMENTS), max_size=1),
    missing=ARNS,
)  # fmt: skip


@given(SNAPSHOTS)
def test_a_snapshot_survives_json(taken: Snapshot) -> None:
    text = json.dumps(taken.to_dict())
    read = Snapshot.from_dict(json.loads(text))
    assert read == taken
    assert json.dumps(read.to_dict()) == text
    assert pickle.loads(pickle.dumps(taken)) == taken


def test_policies_are_objects_in_plain_data() -> None:
    full = snapshot(
        role(trust_policy=ALLOW, inline={"Own": ALLOW, "Broken": "{x"}, created=NOON, tags={"b": "2", "a": "1"}),
        users=(UserDetail(arn="user", inline={"Own": ALLOW}),),
        groups=(GroupDetail(arn="group", inline={"Own": ALLOW}),),
        policies=(PolicyDetail(arn=READ_ONLY, document=ALLOW),),
        resources=(ResourcePolicy(arn=BUCKET, service="s3", policy=ALLOW),),
    )
    document = json.loads(ALLOW)
    assert full.to_dict() == {
        "account": ACCOUNT,
        "users": [{"arn": "user", "inline": {"Own": document}}],
        "groups": [{"arn": "group", "inline": {"Own": document}}],
        "roles": [
            {
                "arn": ROLE,
                "created": "2026-01-01T12:00:00Z",
                "trust_policy": document,
                "inline": {"Broken": "{x", "Own": document},
                "tags": {"a": "1", "b": "2"},
            }
        ],
        "policies": [{"arn": READ_ONLY, "document": document}],
        "resources": [{"arn": BUCKET, "service": "s3", "policy": document}],
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "account: '.missing.' is not valid: this key is required"),
        ({"account": 111111111111}, "account: 111111111111 is not valid: must be a string"),
        ({"account": ACCOUNT, "role": []}, "role: '.unknown key.' is not valid: did you mean 'roles'"),
        ({"account": ACCOUNT, "roles": {}}, "roles: '.an object.' is not valid: must be a list"),
        ({"account": ACCOUNT, "roles": [{}]}, r"roles\[0\].arn: '.missing.'"),
        ({"account": ACCOUNT, "roles": [{"arn": ROLE, "trust_policy": 5}]}, r"roles\[0\].trust_policy"),
        (
            {"account": ACCOUNT, "roles": [{"arn": ROLE, "trust_policy": {"a": {1}}}]},
            r"roles\[0\].trust_policy: .*JSON",
        ),
        ({"account": ACCOUNT, "roles": [{"arn": ROLE, "inline": ["x"]}]}, r"roles\[0\].inline"),
        ({"account": ACCOUNT, "roles": [{"arn": ROLE, "created": "now"}]}, r"roles\[0\].created: 'now' is not valid"),
        ([], "must be an object"),
    ],
)
def test_other_data_is_refused_with_the_path(data: Any, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Snapshot.from_dict(data)


FIELDS = st.sampled_from(
    ["account", "roles", "users", "policies", "resources", "trust_policy", "inline", "document", "policy", "arn"]
)


@given(st.recursive(JSON, lambda inner: st.dictionaries(FIELDS, inner) | st.lists(inner, max_size=2)))
def test_any_data_is_read_or_refused(data: Any) -> None:
    with suppress(InvalidValue):
        Snapshot.from_dict({"account": ACCOUNT, **data} if isinstance(data, Mapping) else data)


# Two snapshots of one account


def test_both_are_there_after_a_merge() -> None:
    iam = snapshot(role(trust_policy=ALLOW), users=(UserDetail(arn="alice"),))
    others = snapshot(
        role("Writer"), services=("s3",), resources=(ResourcePolicy(arn=BUCKET, service="s3", policy=ALLOW),)
    )
    merged = iam.merge(others)
    assert merged == others.merge(iam)
    assert [found.arn for found in merged.roles] == [ROLE, role("Writer").arn]
    assert (len(merged.users), merged.services, len(merged.resources)) == (1, ("s3",), 1)


@pytest.mark.parametrize(
    ("first", "second", "newer_counts"),
    [
        (NOON, NOON + timedelta(1), True),
        (NOON + timedelta(1), NOON, False),
        (None, NOON, True),
        (NOON, None, False),
        (None, None, False),
    ],
)
def test_what_was_taken_later_counts(first: datetime | None, second: datetime | None, newer_counts: bool) -> None:
    one, other = snapshot(role(unique_id="one"), taken=first), snapshot(role(unique_id="other"), taken=second)
    merged = one.merge(other)
    assert merged.roles == ((other if newer_counts else one).roles)
    assert merged.taken == (second if newer_counts else first)


def test_a_snapshot_of_another_account_is_refused() -> None:
    with pytest.raises(InvalidValue, match="other: '222222222222' is not valid: must be a snapshot of account 1111"):
        snapshot().merge(Snapshot(account="222222222222"))
    with pytest.raises(InvalidValue, match="must be a snapshot of account"):
        snapshot().merge(Snapshot(account=ACCOUNT, partition="aws-cn"))


S3 = {"services": ("s3",), "regions": ("eu-central-1",)}
SQS = {"services": ("sqs",), "regions": ("eu-central-1",)}
DENIED = "the caller may not"


@pytest.mark.parametrize(
    ("entry", "other", "still_missing"),
    [
        (f"policy {READ_ONLY} (no)", snapshot(policies=(PolicyDetail(arn=READ_ONLY, document=ALLOW),)), False),
        (f"policy {READ_ONLY} (no)", snapshot(), True),
        ("users (no)", snapshot(), False),
        ("users (no)", snapshot(missing=("users (it too)",)), True),
        ("role Reader (it has no ARN)", snapshot(), True),
        (f"tags of role {ROLE} (no)", snapshot(role(), taken=NOON), False),
        (f"tags of role {ROLE} (no)", snapshot(role()), True),
        (f"tags of role {ROLE} (no)", snapshot(), True),
        ("s3 (no)", snapshot(**S3), False),
        ("s3 (no)", snapshot(missing=("s3 (it too)",), **S3), True),
        ("s3 (no)", snapshot(**SQS), True),
        (f"resource policy of {BUCKET} (no)", snapshot(**S3), False),
        (f"resource policy of {BUCKET} (no)", snapshot(**SQS), True),
        (f"resource policy of {BUCKET} (no)", snapshot(missing=(f"resource policy of {BUCKET} (no)",), **S3), True),
        ("sqs in eu-central-1 (no)", snapshot(**SQS), False),
        ("sqs in eu-west-1 (no)", snapshot(**SQS), True),
        ("resource policy of arn:aws:sqs:eu-central-1:111111111111:q (no)", snapshot(**SQS), False),
        ("resource policy of arn:aws:sqs:eu-west-1:111111111111:q (no)", snapshot(**SQS), True),
    ],
)
def test_what_the_other_one_has_is_not_missing(entry: str, other: Snapshot, still_missing: bool) -> None:
    merged = snapshot(role(), missing=(entry,)).merge(other)
    assert (entry in merged.missing) is still_missing


def test_two_snapshots_of_different_times_can_be_merged_in_any_order() -> None:
    one = snapshot(role(unique_id="one"), missing=(f"tags of role {ROLE} (no)", f"policy {READ_ONLY} (no)"), **S3)
    other = snapshot(role(unique_id="other"), taken=NOON, missing=(f"policy {READ_ONLY} (no)",), **SQS)
    merged = one.merge(other)
    assert merged == other.merge(one)
    assert merged.missing == (f"policy {READ_ONLY} (no)",)


def test_what_neither_read_is_missing_after_a_merge() -> None:
    merged = snapshot(**SQS).merge(snapshot(services=("sns", "s3"), regions=("eu-west-1",)))
    assert merged.missing == ("sns in eu-central-1 (it was not read)", "sqs in eu-west-1 (it was not read)")
    assert merged.merge(snapshot(services=("sns",), regions=("eu-central-1",))).missing == (
        "sqs in eu-west-1 (it was not read)",
    )


@given(SNAPSHOTS, SNAPSHOTS)
def test_a_merge_loses_nothing(one: Snapshot, other: Snapshot) -> None:
    one, other = (evolve(each, account=ACCOUNT, partition="aws") for each in (one, other))
    merged = one.merge(other)
    for name in ("users", "groups", "roles", "policies", "resources"):
        arns = {entity.arn for each in (one, other) for entity in getattr(each, name)}
        assert [entity.arn for entity in getattr(merged, name)] == sorted(arns)
    assert one.merge(one) == one


DETAILS = {"RoleDetailList": [{"Arn": "arn:aws:iam::111111111111:role/Reader"}]}


@pytest.mark.parametrize("text", [json.dumps(DETAILS), json.dumps([DETAILS]), json.dumps(DETAILS).encode("utf-16")])
def test_a_file_of_authorization_details_is_recognized(text: str | bytes) -> None:
    assert Snapshot.from_json(text) == Snapshot.from_authorization_details(DETAILS)


def test_a_file_of_another_tool_that_adds_the_account_is_recognized() -> None:
    assert Snapshot.from_json(json.dumps({**DETAILS, "account": "111111111111"})).roles


def test_a_saved_snapshot_is_recognized() -> None:
    snapshot = Snapshot(account="111111111111", roles=(RoleDetail(arn="arn:aws:iam::111111111111:role/Reader"),))
    assert Snapshot.from_json(json.dumps(snapshot.to_dict())) == snapshot


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "details: .* must be JSON: [^.]*$"),
        ("5", r"details: '\(a number\)' is not valid: must be an object"),
        ('{"Statement": []}', "details: 'Statement' is not valid: must have UserDetailList"),
        ('{"account": "1"}', "account: '1' is not valid"),
    ],
)
def test_another_file_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Snapshot.from_json(text)
