"""Grants as plain data: the round trip, the refused data, and the schema."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from tests.grant_strategies import conditions, console_users, dev_access_grants, principals, trust_grants

from xacct.console_user import ConsoleUser
from xacct.errors import InvalidValue, PolicyError
from xacct.grant_data import grant_from_dict, grant_schema
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.policy import Condition, PolicyDocument, Principal, Statement

TRUSTING, TRUSTED = "111111111111", "222222222222"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ROLE = f"arn:aws:iam::{TRUSTING}:role/Reader"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST: dict[str, Any] = {
    "kind": "trust",
    "account": TRUSTING,
    "principals": [TRUSTED],
    "managed_policy_arns": [S3_READ],
    "policies": {"read": {"Version": "2012-10-17", "Statement": [READ]}},
}
DEV: dict[str, Any] = {"kind": "dev-access", "account": TRUSTED, "role_arns": [ROLE], "console_user": {"name": "ada"}}
VALIDATOR = Draft202012Validator(grant_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def in_json(data: dict[str, object]) -> dict[str, object]:
    """Return data after a round trip through JSON, which also checks that it is plain."""
    return json.loads(json.dumps(data, allow_nan=False))


# The round trip ------------------------------------------------------------------------------------------------------


@given(trust_grants())
def test_a_trust_grant_equals_the_grant_from_its_data(grant: TrustGrant) -> None:
    data = in_json(grant.to_dict())
    read = TrustGrant.from_dict(data)
    assert read == grant == grant_from_dict(data)
    assert read.trust_policy == grant.trust_policy
    assert [principal.value for principal in read.principals] == [principal.value for principal in grant.principals]
    assert list(read.to_dict().items()) == list(grant.to_dict().items())
    assert grant.to_dict() == data
    VALIDATOR.validate(data)


@given(dev_access_grants())
def test_a_dev_access_grant_equals_the_grant_from_its_data(grant: DevAccessGrant) -> None:
    data = in_json(grant.to_dict())
    assert DevAccessGrant.from_dict(data) == grant == grant_from_dict(data)
    assert grant.to_dict() == data
    VALIDATOR.validate(data)


@given(console_users(TRUSTED, "aws"))
def test_a_console_user_equals_the_user_from_its_data(user: ConsoleUser) -> None:
    assert ConsoleUser.from_dict(in_json(user.to_dict())) == user


def test_only_fields_that_differ_from_their_defaults_are_in_the_data() -> None:
    grant = TrustGrant(account=TRUSTING, principals=TRUSTED, managed_policy_arns=S3_READ, description="Read reports")
    assert list(grant.to_dict().items()) == [
        ("kind", "trust"),
        ("account", TRUSTING),
        ("principals", [TRUSTED]),
        ("managed_policy_arns", [S3_READ]),
        ("description", "Read reports"),
    ]
    assert DevAccessGrant(account=TRUSTED, role_arns=ROLE).to_dict() == {
        "kind": "dev-access",
        "account": TRUSTED,
        "role_arns": [ROLE],
    }


def test_the_name_is_in_the_data_only_if_it_is_not_that_of_the_role_or_policy() -> None:
    grant = TrustGrant.from_dict({**TRUST, "role_name": "Reader"})
    assert "name" not in grant.to_dict()
    assert attrs.evolve(grant, name="reports").to_dict()["name"] == "reports"
    dev = DevAccessGrant.from_dict({**DEV, "policy_name": "Read"})
    assert "name" not in dev.to_dict()
    assert attrs.evolve(dev, name="reports").to_dict()["name"] == "reports"


def test_the_keys_of_mappings_are_sorted() -> None:
    data = TrustGrant.from_dict({**TRUST, "tags": {"team": "data", "cost": "7"}}).to_dict()
    assert list(data["tags"].items()) == [("cost", "7"), ("team", "data")]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2027-01-01T00:00:00Z", datetime(2027, 1, 1, tzinfo=timezone.utc)),
        ("2027-01-01T01:00:00+01:00", datetime(2027, 1, 1, tzinfo=timezone.utc)),
        # Policies have no fractions of seconds.
        ("2027-01-01T00:00:00.250Z", datetime(2027, 1, 1, tzinfo=timezone.utc)),
        ("2027-01-01T00:00:00.000001Z", datetime(2027, 1, 1, tzinfo=timezone.utc)),
    ],
)
def test_times_with_a_time_zone_are_read(text: str, time: datetime) -> None:
    assert TrustGrant.from_dict({**TRUST, "expires": text}).expires == time
    VALIDATOR.validate({**TRUST, "expires": text})


def test_times_are_written_in_utc() -> None:
    grant = TrustGrant.from_dict(TRUST)
    summer = timezone(timedelta(hours=2))
    for time, text in (
        (datetime(2027, 6, 1, tzinfo=summer), "2027-05-31T22:00:00Z"),
        (datetime(2027, 6, 1, 2, microsecond=5, tzinfo=summer), "2027-06-01T00:00:00Z"),
    ):
        assert attrs.evolve(grant, expires=time).to_dict()["expires"] == text


@pytest.mark.parametrize(
    ("principal", "data"),
    [
        (Principal.parse(TRUSTED), TRUSTED),
        (Principal.account(TRUSTED), f"arn:aws:iam::{TRUSTED}:root"),
        (Principal.service("lambda.amazonaws.com"), "lambda.amazonaws.com"),
        (Principal("Service", "example"), {"kind": "Service", "value": "example"}),
        (
            Principal.organization("o-abcdefghij"),
            {"value": "*", "conditions": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}},
        ),
        (
            Principal(
                "AWS",
                TRUSTED,
                (Condition("StringLike", "aws:username", ("y", "x")), Condition("Bool", "aws:ViaAWSService", "true")),
            ),
            {
                "value": TRUSTED,
                "conditions": {"StringLike": {"aws:username": ["y", "x"]}, "Bool": {"aws:ViaAWSService": "true"}},
            },
        ),
    ],
)
def test_a_principal_is_a_text_if_the_text_says_all(principal: Principal, data: object) -> None:
    grant = TrustGrant(account=TRUSTING, principals=principal, managed_policy_arns=S3_READ)
    assert grant.to_dict()["principals"] == [data]
    (read,) = TrustGrant.from_dict(grant.to_dict()).principals
    assert (read.kind, read.value, read.conditions) == (principal.kind, principal.value, principal.conditions)


def test_an_object_needs_no_kind_of_principal_that_its_value_says() -> None:
    grant = TrustGrant.from_dict({**TRUST, "principals": [{"value": "lambda.amazonaws.com"}, {"value": TRUSTED}]})
    assert [principal.kind for principal in grant.principals] == ["Service", "AWS"]


def test_null_stands_for_a_field_without_a_value() -> None:
    data = {**TRUST, "external_id": None, "expires": None}
    assert TrustGrant.from_dict(data) == TrustGrant.from_dict(TRUST)
    assert DevAccessGrant.from_dict({**DEV, "console_user": None}).console_user is None
    VALIDATOR.validate(data)


def test_the_kind_says_which_grant_it_is() -> None:
    assert isinstance(grant_from_dict(TRUST), TrustGrant)
    assert isinstance(grant_from_dict(DEV), DevAccessGrant)
    without = {key: value for key, value in TRUST.items() if key != "kind"}
    assert TrustGrant.from_dict(without) == grant_from_dict(TRUST)
    for data, kind in (
        (without, "(missing)"),
        ({**TRUST, "kind": "role"}, "role"),
        ({**TRUST, "kind": []}, "(a list)"),
    ):
        with pytest.raises(InvalidValue, match="must be 'trust' or 'dev-access'") as caught:
            grant_from_dict(data)
        assert (caught.value.field, caught.value.value) == ("kind", kind)
    with pytest.raises(InvalidValue, match="kind: 'trust' is not valid: must be 'dev-access'"):
        DevAccessGrant.from_dict(TRUST)


# Data that is refused ------------------------------------------------------------------------------------------------


def changed(data: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {**deepcopy(data), **fields}


def with_statement(**elements: object) -> dict[str, Any]:
    return changed(TRUST, policies={"read": {"Statement": [{**READ, **elements}]}})


def with_principal(**members: object) -> dict[str, Any]:
    return changed(TRUST, principals=[TRUSTED, {"value": TRUSTED, **members}])


def with_user(**members: object) -> dict[str, Any]:
    return changed(DEV, console_user={"name": "ada", **members})


BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "trust"}, "account", "required"),
    ({"kind": "dev-access", "account": TRUSTED}, "role_arns", "required"),
    (changed(TRUST, rolename="Reader"), "rolename", "did you mean 'role_name'"),
    (changed(TRUST, colour="red"), "colour", "the keys are name, account, principals"),
    ({"kind": "trust", "acount": TRUSTING}, "acount", "did you mean 'account'"),
    (changed(TRUST, account=111111111111), "account", "must be a string"),
    (changed(TRUST, account="1"), "account", "12 digits"),
    (changed(TRUST, account=None), "account", "must be a string"),
    (changed(TRUST, principals=TRUSTED), "principals", "must be a list"),
    (changed(TRUST, principals=[]), "principals", "at least one"),
    (changed(TRUST, principals=[TRUSTED, 5]), "principals[1]", "must be a string or an object"),
    (changed(TRUST, principals=[""]), "principals[0]", "not empty"),
    (with_principal(condition={}), "principals[1].condition", "did you mean 'conditions'"),
    (with_principal(value=5), "principals[1].value", "must be a string"),
    (with_principal(kind="AW"), "principals[1]", "one of AWS, Service"),
    (with_principal(kind=None), "principals[1].kind", "must be a string"),
    (with_principal(kind="Federated"), "principals", "federated users"),
    (with_principal(conditions=[]), "principals[1].conditions", "JSON object of operators"),
    (with_principal(conditions={"Bool": {"a:b": {}}}), "principals[1].conditions.Bool.a:b", "not a string"),
    (changed(TRUST, principals=[{}]), "principals[0].value", "must be a string"),
    (changed(TRUST, managed_policy_arns=[], policies={}), "managed_policy_arns", "needs permissions"),
    (changed(TRUST, managed_policy_arns=[S3_READ, ROLE]), "managed_policy_arns", "ARN of a managed policy"),
    (changed(TRUST, managed_policy_arns=[f"{S3_READ}{i}" for i in range(11)]), "managed_policy_arns", "at most 10"),
    (changed(TRUST, policies=[]), "policies", "must be an object"),
    (changed(TRUST, policies={"read": "{}"}), "policies.read", "must be a policy as an object"),
    (changed(TRUST, policies={"re ad": TRUST["policies"]["read"]}), "policies", "1 to 128"),
    (changed(TRUST, policies={"read": {"Statement": []}}), "policies.read.Statement", "at least one"),
    (changed(TRUST, policies={"read": {"Statement": [READ, 5]}}), "policies.read.Statement[1]", "JSON object"),
    (changed(TRUST, policies={"read": {"Version": "2013", "Statement": READ}}), "policies.read.Version", "2012-10-17"),
    (with_statement(Effect="allow"), "policies.read.Statement[0].Effect", "'Allow' nor 'Deny'"),
    (with_statement(Action=[5]), "policies.read.Statement[0].Action", "list of strings"),
    (with_statement(NotAction="s3:*"), "policies.read.Statement[0].Action", "either Action or NotAction"),
    (with_statement(NotResource="*"), "policies.read.Statement[0].Resource", "both Resource and NotResource"),
    (with_statement(Efect="Allow"), "policies.read.Statement[0].Efect", "unknown element"),
    (with_statement(Sid=5), "policies.read.Statement[0].Sid", "must be a string"),
    (with_statement(Condition={"Bool": []}), "policies.read.Statement[0].Condition.Bool", "JSON object"),
    (changed(TRUST, may_write="no"), "may_write", "true or false"),
    (changed(TRUST, require_mfa=1), "require_mfa", "true or false"),
    (changed(TRUST, max_session_duration="3600"), "max_session_duration", "whole number"),
    (changed(TRUST, max_session_duration=True), "max_session_duration", "whole number"),
    (changed(TRUST, max_session_duration=3599), "max_session_duration", "3600 to 43200"),
    (changed(TRUST, max_session_duration=43201), "max_session_duration", "3600 to 43200"),
    (changed(TRUST, mfa_max_age=0), "mfa_max_age", "1 to 129600"),
    (changed(TRUST, mfa_max_age=129601), "mfa_max_age", "1 to 129600"),
    (changed(TRUST, path="team"), "path", "beginning and ending"),
    (changed(TRUST, path=f"/{'a' * 511}/"), "path", "1 to 512"),
    (changed(TRUST, name="a" * 129), "name", "1 to 128"),
    (changed(TRUST, role_name="a" * 65), "role_name", "1 to 64"),
    (changed(TRUST, role_name="a b"), "role_name", "1 to 64"),
    (changed(TRUST, description="a" * 1001), "description", "at most 1000"),
    (changed(TRUST, description="日"), "description", "Latin-1"),
    (changed(TRUST, tags={"": "x"}), "tags", "1 to 128"),
    (changed(TRUST, tags={"k" * 129: "x"}), "tags", "1 to 128"),
    (changed(TRUST, tags={"k": "x" * 257}), "tags", "at most 256"),
    (changed(TRUST, tags={"team": 5}), "tags.team", "must be a string"),
    (changed(TRUST, permissions_boundary=ROLE), "permissions_boundary", "ARN of a managed policy"),
    (changed(TRUST, external_id="a"), "external_id", "2 to 1224"),
    (changed(TRUST, external_id="a" * 1225), "external_id", "2 to 1224"),
    (changed(TRUST, organization_id="o-short"), "organization_id", "12 to 34"),
    (changed(TRUST, source_identity="dev-*"), "source_identity", "must be a list"),
    (changed(TRUST, session_tags={"team": "data"}), "session_tags.team", "must be a list"),
    (changed(TRUST, session_tags={"team": ["data", 5]}), "session_tags.team[1]", "must be a string"),
    (changed(TRUST, source_ips={}), "source_ips", "must be a list"),
    (changed(TRUST, expires="2027-01-01T00:00:00"), "expires", "with a time zone"),
    (changed(TRUST, expires="2027-01-01"), "expires", "with a time zone"),
    (changed(TRUST, expires=1798761600), "expires", "with a time zone"),
    (changed(TRUST, expires="2027-13-01T00:00:00Z"), "expires", "with a time zone"),
    (changed(TRUST, partition="gcp"), "partition", "one of aws"),
    (changed(DEV, role_arns=[]), "role_arns", "at least one"),
    (changed(DEV, role_arns=[ROLE, 5]), "role_arns[1]", "must be a string"),
    (changed(DEV, role_arns=[f"{ROLE}*"]), "role_arns", "exactly one IAM role"),
    (changed(DEV, policy_name="a" * 129), "policy_name", "1 to 128"),
    (changed(DEV, users=["a b"]), "users, groups and roles", "1 to 64"),
    (changed(DEV, users="ada"), "users", "must be a list"),
    (changed(DEV, session_tags={}), "session_tags", "true or false"),
    (changed(DEV, console_user="ada"), "console_user", "must be an object"),
    (changed(DEV, console_user={}), "console_user.name", "required"),
    (with_user(nam="x"), "console_user.nam", "did you mean 'name'"),
    (with_user(name="a b"), "console_user.name", "1 to 64"),
    (with_user(_password="correct horse 9"), "console_user._password", "did you mean 'password'"),
    (with_user(password="short"), "console_user.password", "8 to 128"),
    (with_user(password="a" * 129), "console_user.password", "8 to 128"),
    (with_user(password=12345678), "console_user.password", "must be a string"),
    (with_user(password_reset_required="yes"), "console_user.password_reset_required", "true or false"),
    (with_user(managed_policy_arns=[S3_READ, 5]), "console_user.managed_policy_arns[1]", "must be a string"),
    (with_user(managed_policy_arns=[f"{S3_READ}{i}" for i in range(10)]), "console_user.managed_policy_arns", "most 9"),
]


@pytest.mark.parametrize(("data", "field", "rule"), BROKEN)
def test_broken_data_is_refused_with_the_path_of_the_field_and_by_the_schema(
    data: dict[str, Any], field: str, rule: str
) -> None:
    before = deepcopy(data)
    with pytest.raises(InvalidValue) as caught:
        grant_from_dict(data)
    assert caught.value.field == field
    assert rule in caught.value.rule
    assert data == before
    assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize("elements", [{"Principal": "*"}, {"Resource": []}], ids=["a principal", "no resource"])
def test_an_identity_policy_that_a_role_cannot_have_is_refused_by_both(elements: dict[str, Any]) -> None:
    data = with_statement(**elements)
    with pytest.raises((InvalidValue, PolicyError), match=r"Statement\[0\]"):
        grant_from_dict(data)
    assert not VALIDATOR.is_valid(data)


def test_a_trust_policy_that_is_too_long_is_refused_as_by_the_class() -> None:
    with pytest.raises(PolicyError, match=r"trust policy.*can have at most 2048"):
        TrustGrant.from_dict({**TRUST, "session_tags": {"team": [f"{i}" * 250 for i in range(10)]}})


@pytest.mark.parametrize("data", [[], "trust", None, 5])
def test_data_that_is_no_object_is_refused(data: Any) -> None:
    for read in (grant_from_dict, TrustGrant.from_dict, DevAccessGrant.from_dict, ConsoleUser.from_dict):
        with pytest.raises(InvalidValue, match="must be an object"):
            read(data)
    assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({**TRUST, 5: "x"}, "5"),
        (changed(DEV, console_user={"name": "ada", True: "x"}), "console_user.True"),
        ({**TRUST, "tags": {True: "x"}}, "tags[True]"),
        (with_statement(Condition={"Bool": {True: "x"}}), "policies.read.Statement[0].Condition.Bool.True"),
        (with_principal(conditions={5: {"a:b": "x"}}), "principals[1].conditions.5"),
    ],
)
def test_keys_that_yaml_reads_as_numbers_and_booleans_are_refused(data: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        grant_from_dict(data)
    assert caught.value.field == field


# Passwords -----------------------------------------------------------------------------------------------------------


def test_a_password_is_read_and_never_written() -> None:
    data = with_user(password="correct horse 9")
    grant = DevAccessGrant.from_dict(data)
    VALIDATOR.validate(data)
    assert grant.console_user is not None
    assert grant.console_user.password == "correct horse 9"
    assert grant.to_dict()["console_user"] == {"name": "ada"}
    assert grant.console_user.to_dict() == {"name": "ada"}


@pytest.mark.parametrize(
    "user",
    [
        {"name": "ada", "password": ["hunter22"]},
        {"name": "ada", "password": {"text": "hunter22"}},
        {"name": "ada", "password": "hunter22日"},
        {"name": "a b", "password": "hunter22"},
        {"name": "ada", "passwd": "hunter22"},
        {"name": "ada", "password": "hunter22", "managed_policy_arns": "x"},
        ["ada", "hunter22"],
        "ada:hunter22",
    ],
)
def test_no_error_shows_a_password(user: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        DevAccessGrant.from_dict({**DEV, "console_user": user})
    error = caught.value
    assert "hunter22" not in f"{error} {error!r} {vars(error)}"
    assert error.__cause__ is None
    assert error.__context__ is None
    # The innermost frame is that of from_dict, after it has deleted its data.
    frames = list(traceback.walk_tb(error.__traceback__))
    assert "hunter22" not in repr(frames[-1][0].f_locals)


# The schema ----------------------------------------------------------------------------------------------------------


def test_the_schema_is_valid_and_plain() -> None:
    schema = grant_schema()
    Draft202012Validator.check_schema(schema)
    assert in_json(schema) == schema


def test_a_schema_that_is_changed_does_not_change_the_next() -> None:
    first = grant_schema()
    first["$defs"]["dev-access"]["properties"]["users"]["items"].clear()
    first["$defs"]["trust"]["properties"]["policies"]["propertyNames"].clear()
    assert grant_schema() != first
    assert grant_schema()["$defs"]["dev-access"]["properties"]["users"]["items"]["maxLength"] == 64


@pytest.mark.parametrize(
    ("definition", "kind"), [("trust", TrustGrant), ("dev-access", DevAccessGrant), ("console-user", ConsoleUser)]
)
def test_the_schema_describes_every_argument(definition: str, kind: type) -> None:
    properties = dict(grant_schema()["$defs"][definition]["properties"])
    properties.pop("kind", None)
    assert list(properties) == [field.alias for field in attrs.fields(kind)]
    assert all(schema["description"] for schema in properties.values())


def test_descriptions_are_those_of_the_docstring_in_plain_text() -> None:
    properties = grant_schema()["$defs"]["trust"]["properties"]
    assert properties["max_session_duration"] == {
        "type": "integer",
        "minimum": 3600,
        "maximum": 43200,
        "default": 3600,
        "description": "the maximum length of a session, 3600 to 43200 seconds.",
    }
    assert properties["principals"]["description"].startswith("the principals that can assume the role: Principal")
    assert properties["partition"]["description"] == "the account's partition."


@pytest.mark.parametrize(
    "data",
    [
        changed(TRUST, name="a" * 128, role_name="b" * 64, path=f"/{'p' * 510}/", description="é\t" * 500),
        changed(TRUST, external_id="ab", max_session_duration=43200, mfa_max_age=129600),
        changed(TRUST, external_id="a" * 1224, max_session_duration=3600, mfa_max_age=1),
        changed(TRUST, tags={"k" * 128: "v" * 256, "日": ""}, managed_policy_arns=[f"{S3_READ}{i}" for i in range(10)]),
        changed(TRUST, organization_id=f"o-{'a' * 32}", permissions_boundary=f"arn:aws:iam::{TRUSTING}:policy/p/q"),
        changed(DEV, policy_name="a" * 128, users=["u" * 64], groups=["g" * 64], roles=["r" * 64]),
        with_user(name="n" * 64, password="p" * 128, managed_policy_arns=[f"{S3_READ}{i}" for i in range(9)]),
    ],
)
def test_the_limits_themselves_are_valid_for_both(data: dict[str, Any]) -> None:
    VALIDATOR.validate(data)
    grant_from_dict(data)


# Imports and strategies ----------------------------------------------------------------------------------------------


def test_cattrs_is_imported_only_when_data_is_read_or_written() -> None:
    code = "import xacct, xacct.grants, xacct.grant_data, sys; print('cattrs' in sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


@given(principals(anyone=True), conditions())
def test_the_strategies_make_principals_that_policies_accept(principal: Principal, own: tuple[Condition, ...]) -> None:
    statement = Statement.allow("sts:AssumeRole", principals=[principal], conditions=own)
    assert PolicyDocument.parse(PolicyDocument((statement,)).to_dict()).statements
