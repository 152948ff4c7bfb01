"""Snapshot.from_authorization_details: what is in the details is read, and what is not is named."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from xacct import InvalidValue
from xacct.snapshot import Snapshot

ACCOUNT = "111111111111"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Reader"
USER = f"arn:aws:iam::{ACCOUNT}:user/dev/alice"
GROUP = f"arn:aws:iam::{ACCOUNT}:group/Developers"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/Assume"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
TRUST_TEXT = json.dumps(TRUST, sort_keys=True, separators=(",", ":"))
CREATED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)


def version(document: object = TRUST, **options: object) -> dict[str, object]:
    return {"Document": document, "VersionId": "v1", "IsDefaultVersion": True, "CreateDate": CREATED, **options}


def details(**changes: object) -> dict[str, Any]:
    """Return the details of an account as boto3 returns them."""
    return {
        "UserDetailList": [
            {
                "Path": "/dev/",
                "UserName": "alice",
                "UserId": "AIDAEXAMPLEALICE",
                "Arn": USER,
                "CreateDate": CREATED,
                "UserPolicyList": [{"PolicyName": "Own", "PolicyDocument": TRUST}],
                "GroupList": ["Developers"],
                "AttachedManagedPolicies": [{"PolicyName": "Assume", "PolicyArn": POLICY}],
                "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": READ_ONLY},
                "Tags": [{"Key": "team", "Value": "data"}],
            }
        ],
        "GroupDetailList": [
            {
                "GroupName": "Developers",
                "GroupId": "AGPAEXAMPLEGROUP",
                "Arn": GROUP,
                "CreateDate": CREATED,
                "GroupPolicyList": [],
                "AttachedManagedPolicies": [],
            }
        ],
        "RoleDetailList": [role()],
        "Policies": [
            {"Arn": POLICY, "DefaultVersionId": "v1", "PolicyVersionList": [version()]},
            {"Arn": READ_ONLY, "DefaultVersionId": "v1", "PolicyVersionList": [version()]},
        ],
        "IsTruncated": False,
        "ResponseMetadata": {"HTTPStatusCode": 200},
        **changes,
    }


def role(**changes: object) -> dict[str, object]:
    return {
        "Path": "/",
        "RoleName": "Reader",
        "RoleId": "AROAEXAMPLEREADER",
        "Arn": ROLE,
        "CreateDate": CREATED,
        "AssumeRolePolicyDocument": TRUST,
        "InstanceProfileList": [],
        "RolePolicyList": [],
        "AttachedManagedPolicies": [],
        "Tags": [],
        "RoleLastUsed": {"LastUsedDate": CREATED, "Region": "eu-central-1"},
        **changes,
    }


def with_role(**changes: object) -> Snapshot:
    """Return a snapshot whose one role differs. A change to None removes the key."""
    changed = {key: value for key, value in role(**changes).items() if value is not ...}
    return Snapshot.from_authorization_details(details(RoleDetailList=[changed]))


def test_everything_that_boto3_returns_is_read() -> None:
    snapshot = Snapshot.from_authorization_details(details(), taken=CREATED)
    assert (snapshot.account, snapshot.partition, snapshot.taken) == (ACCOUNT, "aws", CREATED)
    (user,), (group,), (read_role,) = snapshot.users, snapshot.groups, snapshot.roles
    assert (user.arn, user.unique_id, user.created) == (USER, "AIDAEXAMPLEALICE", CREATED)
    assert (user.inline, user.attached, user.groups) == ({"Own": TRUST_TEXT}, (POLICY,), ("Developers",))
    assert (user.boundary, user.tags) == (READ_ONLY, {"team": "data"})
    assert (group.arn, group.unique_id, group.created) == (GROUP, "AGPAEXAMPLEGROUP", CREATED)
    assert (read_role.arn, read_role.unique_id, read_role.trust_policy) == (ROLE, "AROAEXAMPLEREADER", TRUST_TEXT)
    assert (read_role.last_used, read_role.knows_last_use) == (CREATED, True)
    assert [(policy.arn, policy.document) for policy in snapshot.policies] == [
        (POLICY, TRUST_TEXT),
        (READ_ONLY, TRUST_TEXT),
    ]
    assert snapshot.missing == ()
    assert repr(snapshot) == "Snapshot('111111111111', 1 user, 1 role, 2 policies)"


def as_text(value: object) -> str:
    """Write a time as the AWS CLI does, for json.dumps."""
    assert isinstance(value, datetime)
    return value.isoformat()


def test_a_list_of_one_may_be_that_one() -> None:
    """So has AWS's own example of the command, and so writes PowerShell."""
    one = {"AttachedManagedPolicies": {"PolicyName": "Assume", "PolicyArn": POLICY}}
    assert with_role(**one) == with_role(AttachedManagedPolicies=[one["AttachedManagedPolicies"]])
    assert Snapshot.from_authorization_details(details(RoleDetailList=role())).roles == with_role().roles


def url_encoded(data: dict[str, Any]) -> dict[str, Any]:
    """Return the details with policies as URL-encoded text, as IAM's API returns them."""
    text = quote(json.dumps(TRUST))
    return json.loads(json.dumps(data, default=as_text).replace(json.dumps(TRUST), json.dumps(text)))


@pytest.mark.parametrize(
    "form",
    [
        lambda data: json.dumps(data, default=as_text),
        lambda data: "\ufeff" + json.dumps(data, default=as_text),
        lambda data: json.dumps(data, default=as_text).encode(),
        lambda data: json.dumps(data, default=as_text).encode("utf-16"),  # Windows PowerShell
        lambda data: json.dumps(data, default=str),  # "2024-05-06 07:08:09+00:00"
        lambda data: json.dumps(data, default=lambda time: time.isoformat().replace("+00:00", "Z")),
        lambda data: json.dumps(data, default=lambda time: time.replace(tzinfo=None).isoformat()),
        lambda data: json.dumps(data, default=lambda time: time.timestamp()),
        lambda data: json.dumps([data], default=as_text),
        lambda data: iter([data]),
        lambda data: [{**data, "Policies": None, "IsTruncated": True}, {"Policies": data["Policies"]}],
        lambda data: [{key: data[key]} for key in reversed(data)],
        lambda data: [data, data],
        url_encoded,
    ],
)
def test_the_form_in_which_details_are_stored_does_not_matter(form: Any) -> None:
    assert Snapshot.from_authorization_details(form(details())) == Snapshot.from_authorization_details(details())


def test_the_order_of_the_details_does_not_matter() -> None:
    roles = [role(Arn=f"{ROLE}{number}", RoleName=f"Reader{number}") for number in range(5)]
    forward, back = details(RoleDetailList=roles), details(RoleDetailList=roles[::-1])
    assert Snapshot.from_authorization_details(forward) == Snapshot.from_authorization_details(back)


def test_null_values_and_missing_keys_are_empty() -> None:
    bare = Snapshot.from_authorization_details(
        {
            "UserDetailList": [{"Arn": USER, "UserId": None, "Tags": None, "GroupList": None, "CreateDate": None}],
            "GroupDetailList": [{"Arn": GROUP}],
            "RoleDetailList": [{"Arn": ROLE, "AssumeRolePolicyDocument": TRUST}],
            "Policies": [],
        }
    )
    assert (bare.users[0].unique_id, bare.users[0].created, bare.users[0].tags) == ("", None, {})
    assert (bare.groups[0].arn, bare.roles[0].boundary, bare.roles[0].knows_last_use) == (GROUP, None, False)
    assert bare.missing == ()


def test_lists_that_are_not_there_are_named() -> None:
    assert Snapshot.from_authorization_details({"RoleDetailList": [role()], "Policies": None}).missing == (
        "groups (the details have no GroupDetailList)",
        "managed policies (the details have no Policies)",
        "users (the details have no UserDetailList)",
    )


@pytest.mark.parametrize(
    ("last_use", "expected"),
    [({}, (None, True)), ({"LastUsedDate": None}, (None, True)), (None, (None, False)), (..., (None, False))],
)
def test_a_role_that_was_never_used_is_told_apart_from_one_of_which_that_is_not_known(
    last_use: object, expected: tuple[object, bool]
) -> None:
    read = with_role(RoleLastUsed=last_use)
    assert (read.roles[0].last_used, read.roles[0].knows_last_use) == expected
    assert read.missing == ()


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"AssumeRolePolicyDocument": ...}, f"trust policy of role {ROLE} (its document is not in the details)"),
        ({"AssumeRolePolicyDocument": None}, f"trust policy of role {ROLE} (its document is not in the details)"),
        (
            {"AssumeRolePolicyDocument": 5},
            f"trust policy of role {ROLE} (its document is no object, but a number)",
        ),
        ({"AssumeRolePolicyDocument": {"a": {1}}}, f"trust policy of role {ROLE} (its document is not JSON)"),
        ({"AssumeRolePolicyDocument": "{x"}, f"trust policy of role {ROLE} (its document is not a JSON object)"),
        ({"AssumeRolePolicyDocument": "[]"}, f"trust policy of role {ROLE} (its document is not a JSON object)"),
        (
            {"AttachedManagedPolicies": [{"PolicyArn": f"{POLICY}2"}]},
            f"policy {POLICY}2 (its document is not in the details, and role {ROLE} has it)",
        ),
        (
            {"PermissionsBoundary": {"PermissionsBoundaryArn": f"{POLICY}2"}},
            f"policy {POLICY}2 (its document is not in the details, and role {ROLE} has it)",
        ),
        ({"PermissionsBoundary": "x"}, f"permissions boundary of role {ROLE} (it has no PermissionsBoundaryArn)"),
        ({"AttachedManagedPolicies": [{}]}, f"managed policies of role {ROLE} (one has no PolicyArn)"),
        (
            {"AttachedManagedPolicies": 5},
            f"managed policies of role {ROLE} (AttachedManagedPolicies is no list, but a number)",
        ),
        (
            {"RolePolicyList": ["x"]},
            f"inline policies of role {ROLE} (RolePolicyList has a text where an object is expected)",
        ),
        ({"RolePolicyList": [{"PolicyDocument": TRUST}]}, f"inline policies of role {ROLE} (one has no PolicyName)"),
        (
            {"RolePolicyList": [{"PolicyName": "P"}]},
            f"inline policy P of role {ROLE} (its document is not in the details)",
        ),
        ({"Tags": [{"Key": "team"}]}, f"tags of role {ROLE} (one has no Key or no Value)"),
        ({"RoleId": 5}, f"RoleId of role {ROLE} (it is no text, but a number)"),
        ({"CreateDate": "yesterday"}, f"CreateDate of role {ROLE} (it is no time, but 'yesterday')"),
        ({"CreateDate": -1}, f"CreateDate of role {ROLE} (it is no time, but a number)"),
        ({"CreateDate": float("nan")}, f"CreateDate of role {ROLE} (it is no time, but a number)"),
        (
            {"CreateDate": "0001-01-01T00:00:00+05:00"},
            f"CreateDate of role {ROLE} (it is no time, but '0001-01-01T00:00:00+05:00')",
        ),
        ({"RoleLastUsed": 5}, f"RoleLastUsed of role {ROLE} (it is no object, but a number)"),
        ({"RoleLastUsed": {"LastUsedDate": True}}, f"LastUsedDate of role {ROLE} (it is no time, but true or false)"),
        ({"Arn": ...}, "role Reader (it has no ARN)"),
        ({"Arn": ..., "RoleName": ...}, "role RoleDetailList[0] (it has no ARN)"),
        ({"Arn": USER}, f"role Reader (its ARN is not that of a role: '{USER}')"),
        ({"Arn": "Reader"}, "role Reader (its ARN is not that of a role: 'Reader')"),
        (
            {"Arn": "arn:aws:iam::aws:role/Reader"},
            "role Reader (its ARN is not that of a role: 'arn:aws:iam::aws:role/Reader')",
        ),
    ],
)
def test_what_cannot_be_read_is_named(changes: dict[str, object], missing: str) -> None:
    assert with_role(**changes).missing == (missing,)


def test_a_policy_that_is_not_json_is_kept_as_it_is() -> None:
    twice = '{"Version": "2012-10-17", "Version": "2008-10-17"}'
    read = with_role(AssumeRolePolicyDocument=twice, RolePolicyList=[{"PolicyName": "P", "PolicyDocument": "{x"}])
    assert (read.roles[0].trust_policy, read.roles[0].inline) == (twice, {"P": "{x"})
    assert len(read.missing) == 2


def test_a_role_whose_last_use_cannot_be_read_is_not_said_to_be_unused() -> None:
    assert not with_role(RoleLastUsed={"LastUsedDate": "soon"}).roles[0].knows_last_use


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ({"PolicyVersionList": [version(IsDefaultVersion=None, VersionId=None)]}, True),
        ({"PolicyVersionList": [version(IsDefaultVersion=None)], "DefaultVersionId": "v1"}, True),
        (
            {
                "PolicyVersionList": [version({"old": 1}, IsDefaultVersion=False), version(VersionId="v2")],
                "DefaultVersionId": "v2",
            },
            True,
        ),
        (
            {
                "PolicyVersionList": [
                    version({"old": 1}, IsDefaultVersion=None),
                    version(IsDefaultVersion=None, VersionId="v2"),
                ],
                "DefaultVersionId": "v2",
            },
            True,
        ),
        ({"PolicyVersionList": [version(IsDefaultVersion=None)], "DefaultVersionId": "v2"}, False),
        ({"PolicyVersionList": [version(IsDefaultVersion=False)]}, False),
        ({"PolicyVersionList": [version(IsDefaultVersion=None), version({}, IsDefaultVersion=None)]}, False),
        ({"PolicyVersionList": []}, False),
        ({"PolicyVersionList": None}, False),
        ({}, False),
    ],
)
def test_the_default_version_of_a_policy_is_read_if_it_is_there(policy: dict[str, object], found: bool) -> None:
    snapshot = Snapshot.from_authorization_details(details(Policies=[{"Arn": POLICY, **policy}], UserDetailList=[]))
    assert [read.document for read in snapshot.policies] == ([TRUST_TEXT] if found else [])
    assert snapshot.missing == (() if found else (f"policy {POLICY} (its default version is not in the details)",))


def test_policies_of_aws_that_nobody_has_are_left_out() -> None:
    snapshot = Snapshot.from_authorization_details(details(UserDetailList=[]))
    assert [policy.arn for policy in snapshot.policies] == [POLICY]


def test_a_policy_that_many_have_is_named_once() -> None:
    attached = {"AttachedManagedPolicies": [{"PolicyArn": READ_ONLY}]}
    roles = [role(Arn=f"{ROLE}{number}", **attached) for number in range(3)]
    snapshot = Snapshot.from_authorization_details({**details(Policies=[], UserDetailList=[]), "RoleDetailList": roles})
    assert snapshot.missing == (
        f"policy {READ_ONLY} (its document is not in the details, and role {ROLE}0 and 2 more has it)",
    )


@pytest.mark.parametrize(
    "truncated",
    [
        details(IsTruncated=True, Marker="next"),
        details(IsTruncated="true"),
        {**details(IsTruncated=None), "NextToken": "eyJ"},
        [details(IsTruncated=True), details(IsTruncated=True)],
    ],
)
def test_truncated_details_say_so(truncated: Any) -> None:
    assert Snapshot.from_authorization_details(truncated).missing == (
        "the rest of the users, groups, roles and policies (the details are truncated: read all pages)",
    )


def test_the_account_can_be_given_and_must_agree() -> None:
    assert Snapshot.from_authorization_details(details(), ACCOUNT).account == ACCOUNT
    with pytest.raises(InvalidValue, match="account: '222222222222' is not valid: the details are of account 1111"):
        Snapshot.from_authorization_details(details(), "222222222222")
    with pytest.raises(InvalidValue, match="account: 'prod' is not valid"):
        Snapshot.from_authorization_details(details(), "prod")


def test_details_without_arns_need_an_account() -> None:
    empty = {"RoleDetailList": [], "UserDetailList": [], "GroupDetailList": [], "Policies": []}
    assert Snapshot.from_authorization_details(empty, ACCOUNT) == Snapshot(account=ACCOUNT)
    with pytest.raises(InvalidValue, match="account: None is not valid: must be given"):
        Snapshot.from_authorization_details(empty)
    with pytest.raises(InvalidValue, match="must be given"):
        Snapshot.from_authorization_details(details(UserDetailList=[], GroupDetailList=[], RoleDetailList=[], Policies=[
            {"Arn": READ_ONLY, "PolicyVersionList": [version()]}]))  # fmt: skip


def test_the_partition_comes_from_the_arns() -> None:
    china = json.loads(json.dumps(details(), default=as_text).replace("arn:aws:", "arn:aws-cn:"))
    assert Snapshot.from_authorization_details(china).partition == "aws-cn"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("dump.json", "details: 'dump.json' is not valid: must be JSON: .* Pass the text of a file, not its name"),
        ("{" * 100, "must be JSON"),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\xfa", "must be JSON"),
        ("5", r"details: '\(a number\)' is not valid: must be an object"),
        ('"text"', "must be an object"),
        (None, r"details: '\(null\)' is not valid: must be an object"),
        (5, "must be an object"),
        ([5], r"details\[0\]: '\(a number\)' is not valid"),
        ([], r"details: '\(empty\)' is not valid: must have UserDetailList"),
        ({}, "must have UserDetailList"),
        ({"Roles": []}, "details: 'Roles' is not valid: must have UserDetailList"),
        ({"RoleDetailList": [role(), role(Arn="arn:aws:iam::222222222222:role/R")]}, "accounts 1{12}, 2{12}"),
    ],
)
def test_other_data_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Snapshot.from_authorization_details(data)


def test_details_of_several_accounts_are_those_of_the_one_with_the_most_and_the_rest_is_named() -> None:
    """cloudsplaining's example has 201 entities of one account, and 10 that somebody added of another."""
    other = role(Arn="arn:aws:iam::222222222222:role/R")
    both = details(RoleDetailList=[role(), other])
    snapshot = Snapshot.from_authorization_details(both)
    assert (snapshot.account, [one.arn for one in snapshot.roles]) == (ACCOUNT, [ROLE])
    (missing,) = snapshot.missing
    assert missing.startswith("account 222222222222 (the details have it too, ")
    second = Snapshot.from_authorization_details(both, "222222222222")
    assert (second.account, [one.arn for one in second.roles]) == ("222222222222", [other["Arn"]])
    assert second.users == ()
    with pytest.raises(InvalidValue, match=r"the details are of account 1{12}, 2{12}"):
        Snapshot.from_authorization_details(both, "333333333333")


def test_a_path_is_refused_with_what_to_pass(tmp_path: Any) -> None:
    with pytest.raises(InvalidValue, match=r"pass the file's text: Path\(\.\.\.\)\.read_bytes"):
        Snapshot.from_authorization_details(tmp_path)


KEYS = st.sampled_from(
    [
        "UserDetailList", "GroupDetailList", "RoleDetailList", "Policies", "IsTruncated", "Arn", "RoleName",
        "PolicyName",
        "AssumeRolePolicyDocument", "RolePolicyList", "UserPolicyList", "PolicyDocument", "AttachedManagedPolicies",
        "PolicyArn", "GroupList", "PermissionsBoundary", "PermissionsBoundaryArn", "Tags", "Key", "Value", "CreateDate",
        "RoleLastUsed", "LastUsedDate", "PolicyVersionList", "Document", "IsDefaultVersion", "DefaultVersionId",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes()
    | st.sampled_from([ROLE, USER, GROUP, POLICY, READ_ONLY, "{}", "%7B%7D", '{"a":1,"a":2}', "2024-05-06T07:08:09Z"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


@given(st.dictionaries(KEYS, VALUES, max_size=6) | VALUES, st.sampled_from([None, ACCOUNT, "1"]))
def test_any_data_is_read_or_refused(data: Any, account: str | None) -> None:
    try:
        snapshot = Snapshot.from_authorization_details(data, account)
    except InvalidValue:
        return
    assert Snapshot.from_dict(json.loads(json.dumps(snapshot.to_dict()))) == snapshot


FIELDS = (
    "RoleName", "RoleId", "AssumeRolePolicyDocument", "RolePolicyList", "AttachedManagedPolicies",
    "PermissionsBoundary", "Tags", "CreateDate", "RoleLastUsed",
)  # fmt: skip
ENTITY = st.fixed_dictionaries({"Arn": st.just(ROLE)}, optional=dict.fromkeys(FIELDS, VALUES))
VERSIONED = st.fixed_dictionaries(
    {"Arn": st.sampled_from([POLICY, READ_ONLY])}, optional={"PolicyVersionList": VALUES, "DefaultVersionId": VALUES}
)


@given(st.lists(ENTITY | VALUES, max_size=3), st.lists(VERSIONED | VALUES, max_size=3))
def test_any_data_of_an_entity_is_read(roles: list[Any], policies: list[Any]) -> None:
    snapshot = Snapshot.from_authorization_details({"RoleDetailList": roles, "Policies": policies}, ACCOUNT)
    assert Snapshot.from_dict(json.loads(json.dumps(snapshot.to_dict()))) == snapshot


@given(st.text() | st.binary() | VALUES.filter(lambda value: "datetime" not in repr(value)).map(json.dumps))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with suppress(InvalidValue):
        Snapshot.from_authorization_details(text, ACCOUNT)


@pytest.mark.parametrize("depth", [10, 300, 900, 5000, 100_000])
def test_a_policy_that_is_nested_deeply_ends_nothing(depth: int) -> None:
    document: object = {}
    for _ in range(depth):
        document = {"Statement": document}
    nested = '{"Statement":' * depth + "{}" + "}" * depth
    for trust_policy in (document, nested, quote(nested)):
        snapshot = with_role(AssumeRolePolicyDocument=trust_policy)
        assert snapshot.roles[0].arn == ROLE
        assert Snapshot.from_dict(snapshot.to_dict()) == snapshot
