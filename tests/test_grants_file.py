"""Grants in a file: the values, the errors with their lines, the schema, and the plans."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import boto3
import pytest
import yaml
from hypothesis import given, settings, strategies as st
from jsonschema import Draft202012Validator
from tests import grant_strategies as drawn
from tests.test_data_file import toml

from xacct import (
    AccountEntry,
    ConsoleUser,
    DevAccessGrant,
    Event,
    GrantConflict,
    GrantEntry,
    GrantsFailed,
    GrantsFile,
    InvalidCredentials,
    InvalidValue,
    NotOurs,
    ReadGrant,
    StalePlan,
    TrustGrant,
    grant_cross_account_read,
    grants_file_schema,
)
from xacct.testing import Sandbox

PRODUCTION, DEVELOPMENT, STAGING = "111111111111", "222222222222", "333333333333"
VALIDATOR = Draft202012Validator(grants_file_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
WRITERS = {
    "grants.toml": toml,
    "grants.json": lambda data: json.dumps(data, indent=2),
    "grants.yaml": lambda data: yaml.safe_dump(data, allow_unicode=True),
}
GRANT = {"trusting": "production", "trusted": "development"}


def contents(*grants: dict[str, Any], **accounts: Any) -> dict[str, Any]:
    """Return the data of a grants file between production and development."""
    named = {name: {"profile": name} for name in ("production", "development")}
    return {"accounts": {**named, **accounts}, "grants": [{**GRANT, **grant} for grant in grants]}


def refused(data: Any) -> str:
    with pytest.raises(InvalidValue) as caught:
        GrantsFile.from_dict(data)
    return str(caught.value)


# Values --------------------------------------------------------------------------------------------------------------


def test_the_defaults_of_a_read_grant_are_those_of_the_call() -> None:
    arguments = inspect.signature(grant_cross_account_read).parameters
    call = {name: argument.default for name, argument in arguments.items()}
    grant = ReadGrant()
    for field in attrs.fields(ReadGrant):
        expected = call[field.name]
        assert getattr(grant, field.name) == ({} if field.name == "tags" else expected)
    only_of_the_call = {"trusting", "trusted", "adopt", "accept", "dry_run", "on_event"}
    assert {*call} - only_of_the_call == {field.name for field in attrs.fields(ReadGrant)}


def test_a_file_in_each_format_is_read(tmp_path: Path) -> None:
    text = """
[accounts.production]
profile = "production"
id = "111111111111"

[accounts.development]
role_arn = "arn:aws:iam::222222222222:role/Deploy"
region = "eu-central-1"

[[grants]]
trusting = "production"
trusted = "development"
name = "reports"
buckets = ["reports"]
expires = 2027-03-31T12:00:00Z
console_user = { name = "eve" }
"""
    (tmp_path / "grants.toml").write_text(text)
    read = GrantsFile.read(tmp_path / "grants.toml")
    assert read == GrantsFile(
        accounts={
            "production": AccountEntry(profile="production", id=PRODUCTION),
            "development": AccountEntry(role_arn=f"arn:aws:iam::{DEVELOPMENT}:role/Deploy", region="eu-central-1"),
        },
        grants=[
            GrantEntry(
                trusting="production",
                trusted="development",
                grant=ReadGrant(
                    name="reports",
                    buckets=["reports"],
                    expires=drawn.datetime(2027, 3, 31, 12, tzinfo=drawn.timezone.utc),
                    console_user=ConsoleUser("eve"),
                ),
            )
        ],
    )
    for name, write in WRITERS.items():
        (tmp_path / name).write_text(write(read.to_dict()))
        assert GrantsFile.read(tmp_path / name) == read
    # YAML has times, too.
    (tmp_path / "grants.yaml").write_text(
        yaml.safe_dump(read.to_dict()).replace("'2027-03-31T12:00:00Z'", "2027-03-31T12:00:00Z")
    )
    assert GrantsFile.read(tmp_path / "grants.yaml") == read


def test_the_grants_of_one_side_are_as_their_schema_says() -> None:
    arn = f"arn:aws:iam::{PRODUCTION}:role/Reader"
    role = {"kind": "trust", "account": PRODUCTION, "principals": [DEVELOPMENT], "role_name": "Reader",
            "managed_policy_arns": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]}  # fmt: skip
    policy = {"kind": "dev-access", "account": DEVELOPMENT, "name": "Reader", "role_arns": [arn]}
    data = contents(role, policy, {"kind": "read", "role_name": "Reader2", "policy_name": "Reader2"})
    file = GrantsFile.from_dict(data)
    assert [type(entry.grant) for entry in file.grants] == [TrustGrant, DevAccessGrant, ReadGrant]
    assert [entry.name for entry in file.grants] == ["Reader", "Reader", "Reader2"]
    VALIDATOR.validate(data)
    assert GrantsFile.from_dict(file.to_dict()) == file


@st.composite
def read_grants(draw: drawn.Draw) -> dict[str, Any]:
    """Draw the data of a read grant."""
    buckets = draw(st.lists(st.sampled_from(["reports", "sales.2026", "a-b"]), max_size=2, unique=True))
    options = {
        "role_name": drawn.names,
        "policy_name": drawn.names,
        "path": drawn.paths,
        "description": drawn.descriptions,
        "policy_description": drawn.descriptions,
        "groups": st.lists(drawn.names, max_size=2),
        "external_id": drawn.external_ids,
        "versions": st.booleans(),
        "require_mfa": st.booleans(),
        "organization_id": drawn.organizations,
        "source_ips": st.lists(drawn.networks, max_size=2),
        "expires": drawn.expiries.filter(bool),
        "max_session_duration": st.integers(3600, 43_200),
        "tags": drawn.tags(),
        "color": st.sampled_from(["red", "F2B0A9"]),
        "display_name": st.just("Überall"),
        "console_user": drawn.console_users(DEVELOPMENT, "aws"),
        "principals": st.lists(st.sampled_from([DEVELOPMENT, f"arn:aws:iam::{DEVELOPMENT}:user/ada"]), max_size=2),
        **({"prefixes": st.lists(st.sampled_from(["2026/", "ä b/"]), max_size=2)} if buckets else {}),
    }
    grant = ReadGrant(buckets=buckets, **draw(st.fixed_dictionaries({}, optional=options)))
    return GrantEntry(trusting="production", trusted="development", grant=grant).to_dict()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grants")


@settings(max_examples=40)
@given(
    grants=st.lists(
        read_grants(),
        max_size=3,
        unique_by=(
            lambda grant: grant.get("role_name", "CrossAccountRoleS3").lower(),
            lambda grant: grant.get("policy_name", "CrossAccountPolicy").lower(),
        ),
    ),
    one=st.data(),
)
def test_the_three_formats_have_the_same_grants_and_the_schema_accepts_them(
    folder: Path, grants: list[dict[str, Any]], one: st.DataObject
) -> None:
    others = [one.draw(drawn.trust_grants(partition="aws")), one.draw(drawn.dev_access_grants(partition="aws"))]
    entries = [GrantEntry(trusting="development", trusted="production", grant=grant).to_dict() for grant in others]
    data = {**contents(*grants), "$schema": "grants-file.schema.json"}
    data["grants"] += entries
    VALIDATOR.validate(json.loads(json.dumps(data)))
    expected = GrantsFile.from_dict(data)
    for name, write in WRITERS.items():
        (folder / name).write_text(write(data), "utf-8")
        assert GrantsFile.read(folder / name) == expected
    assert GrantsFile.from_dict(expected.to_dict()) == expected


def test_the_published_schema_is_up_to_date() -> None:
    published = Path(__file__).parents[1] / "docs" / "_static" / "grants-file.schema.json"
    assert json.loads(published.read_text("utf-8")) == grants_file_schema()
    Draft202012Validator.check_schema(grants_file_schema())


def test_each_field_of_the_schema_is_described_and_no_password_is_there() -> None:
    definitions: Any = grants_file_schema()["$defs"]
    for kind in ("account", "read", "trust", "dev-access", "console-user"):
        properties = definitions[kind]["properties"]
        assert [name for name, field in properties.items() if "description" not in field] in (["kind"], [])
        assert "password" not in properties
    assert definitions["read"]["properties"]["policy_name"]["default"] == "CrossAccountPolicy"


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grant", "message"),
    [
        ({"bucket": ["a"]}, "grants[0].bucket: '(unknown key)' is not valid: did you mean 'buckets'?"),
        ({"buckets": ["Reports"]}, "grants[0].buckets: 'Reports' is not valid: a bucket name"),
        ({"trusting": "prodution"}, "grants[0].trusting: 'prodution' is not valid: did you mean 'production'?"),
        ({"trusted": "x"}, "grants[0].trusted: 'x' is not valid: the accounts are production, development"),
        ({"trusted": 5}, "grants[0].trusted: 'int' is not valid: the name of one of the file's accounts"),
        ({"kind": "write"}, "grants[0].kind: 'write' is not valid: must be 'read' or 'trust' or 'dev-access'"),
        ({"kind": ["read"]}, "grants[0].kind: '(a list)' is not valid: must be 'read' or"),
        ({"kind": "trust", "account": PRODUCTION}, "grants[0].principals: '(missing)' is not valid: this key"),
        ({"expires": "soon"}, "grants[0].expires: 'soon' is not valid: must be a time with a time zone"),
        ({"source_ips": ["10.0.0.0/99"]}, "grants[0].source_ips: '10.0.0.0/99' is not valid"),
        ({"organization_id": "acme"}, "grants[0].organization_id: 'acme' is not valid"),
        ({"third_party": True}, "grants[0].external_id"),
        ({"color": "pink"}, "grants[0].color: 'pink' is not valid: one of red"),
        ({"adopt": True}, "grants[0].adopt: '(unknown key)' is not valid"),
    ],
)  # fmt: skip
def test_a_grant_that_is_not_valid_is_named(grant: dict[str, Any], message: str) -> None:
    assert refused(contents(grant)).startswith(message)


@pytest.mark.parametrize(
    ("account", "message"),
    [
        ({"profil": "x"}, "accounts.new.profil: '(unknown key)' is not valid: did you mean 'profile'?"),
        ({"id": "1"}, "accounts.new.id: '1' is not valid"),
        ({"id": 111111111111}, "accounts.new.id: 111111111111 is not valid: must be a string"),
        ({"role_arn": "Deploy"}, "accounts.new.role_arn: 'Deploy' is not valid"),
        ({"role_arn": "arn:aws:iam::111111111111:user/x"}, "accounts.new.role_arn: 'arn:aws:iam::111111111111:user/x'"),
        ({"profile": "x", "role_arn": "arn:aws:iam::111111111111:role/x"}, "accounts.new.role_arn: 'arn:aws:iam"),
    ],
)
def test_an_account_that_is_not_valid_is_named(account: dict[str, Any], message: str) -> None:
    data = contents(new=account)
    assert refused(data).startswith(message)
    assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize("kind", [{}, {"kind": "dev-access", "account": DEVELOPMENT, "role_arns": []}])
def test_a_password_is_refused_and_not_shown(kind: dict[str, Any]) -> None:
    data = contents({**kind, "console_user": {"name": "eve", "password": "correct horse 9 Battery"}})
    message = refused(data)
    assert message.startswith("grants[0].console_user.password: '(not shown)' is not valid: a grants file has no")
    assert not VALIDATOR.is_valid(data)


def test_two_grants_with_one_name_between_the_same_accounts_are_refused() -> None:
    rule = "grants[0] has this name between the same accounts"
    assert rule in refused(contents({"name": "reports"}, {"name": "reports", "role_name": "Other"}))
    assert refused(contents({}, {})).startswith("grants[1].name: 'CrossAccountRoleS3' is not valid: grants[0]")
    GrantsFile.from_dict(contents({"name": "a"}, {"name": "a", "trusting": "development", "trusted": "production"}))


def test_two_roles_or_policies_of_one_name_in_an_account_are_refused() -> None:
    message = refused(contents({}, {"trusting": "staging"}, staging={}))
    assert message == (
        "grants[1].policy_name: 'CrossAccountPolicy' is not valid: grants[0] has this policy_name in account "
        "development: choose another"
    )
    message = refused(contents({"name": "a"}, {"name": "b", "role_name": "crossaccountroles3", "policy_name": "B"}))
    assert message.startswith("grants[1].role_name: 'crossaccountroles3' is not valid: grants[0] has this role_name in")


@pytest.mark.parametrize("data", [[], {}, {"accounts": {}}, {"accounts": [], "grants": []}, {**contents(), "grant": 1}])
def test_a_file_of_another_shape_is_refused(data: Any) -> None:
    assert "_Contents" not in refused(data)
    assert not VALIDATOR.is_valid(data)


TEXTS = {
    "grants.toml": """\
accounts.a = {}
accounts.b = {}

[[grants]]
trusting = "b"
trusted = "b"

[[grants]]
trusting = "a"
trusted = "a"
# the name
name = "b"
buckets = [
  "reports",
]
tags = {team = "x"}
""",
    "grants.json": """\
{"accounts":
{"a": {}, "b": {}},
"grants": [{
"trusting": "b", "trusted": "b"},
{
"trusting": "a",
"trusted": "a",
"name": "b",

"buckets": [
"reports"],

"tags": {"team": "x"}
}]}""",
    "grants.yml": """\
accounts: {a: {},
  b: {}}

grants:
- {trusting: b, trusted: b}

- trusting: a
  trusted: a

  name: b

  buckets:
  - reports

  tags:
    team: x
""",
}


@pytest.mark.parametrize(
    ("wrong", "lines", "field"),
    [
        (("name", "nam"), (12, 8, 10), "grants[1].nam"),
        (("reports", "Reports"), (13, 10, 12), "grants[1].buckets"),
        (("buckets", "bucket"), (13, 10, 12), "grants[1].bucket"),
        (("team", "aws:team"), (16, 13, 15), "grants[1].tags"),
        (("tags", "expires"), (16, 13, 15), "grants[1].expires"),
    ],
)
@pytest.mark.parametrize(("number", "name"), [*enumerate(TEXTS)])
def test_an_error_has_the_file_the_line_and_the_field(
    tmp_path: Path, number: int, name: str, wrong: tuple[str, str], lines: tuple[int, ...], field: str
) -> None:
    (tmp_path / name).write_text(TEXTS[name])
    GrantsFile.read(tmp_path / name)
    before, _, after = TEXTS[name].rpartition(wrong[0])
    text = before + wrong[1].replace("aws:team", '"aws:team"' if name != "grants.json" else "aws:team") + after
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidValue) as caught:
        GrantsFile.read(tmp_path / name)
    assert caught.value.field == f"{tmp_path / name}:{lines[number]}: {field}"


# Plans ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Accounts with a profile each, the default credentials of staging, and a grants file in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda _: None)  # a grant that joins a user waits for other runs
    names = {PRODUCTION: "production", DEVELOPMENT: "development", STAGING: "staging"}
    with Sandbox(names) as aws:
        blocks = []
        for account, name in names.items():
            key = aws.account(account).session.get_credentials()
            secret = f"aws_access_key_id = {key.access_key}\naws_secret_access_key = {key.secret_key}\n"
            blocks.append(f"[{name}]\nregion = eu-central-1\n{secret}")
            if name == "staging":
                blocks.append(f"[default]\nregion = eu-central-1\n{secret}")
        (tmp_path / "credentials").write_text("".join(blocks))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        yield aws


def file_of(*grants: dict[str, Any], **accounts: Any) -> GrantsFile:
    Path("grants.toml").write_text(toml(contents(*grants, **accounts)))
    return GrantsFile.read("grants.toml")


STAGES = {"trusting": "staging", "trusted": "development"}


def test_the_plans_of_all_accounts_are_made_and_applied(aws: Sandbox) -> None:
    file = file_of({"name": "reports"}, {**STAGES, "name": "sales", "policy_name": "Sales"}, staging={})
    plan = file.plan()
    assert str(plan).splitlines()[0] == (
        "Trusting account production (111111111111), trusted account development (222222222222):"
    )
    assert [(pair.trusting, pair.trusted, len(pair.plan.changes)) for pair in plan.pairs] == [
        ("production", "development", 3),
        ("staging", "development", 3),
    ]
    assert not plan.is_empty
    assert {change.account for change in plan.apply()} == {PRODUCTION, DEVELOPMENT, STAGING}
    assert file.plan().is_empty
    assert file.plan().apply() == ()
    link = plan.pairs[0].switch_role_links[f"arn:aws:iam::{PRODUCTION}:role/CrossAccountRoleS3"]
    assert link.role_name == "CrossAccountRoleS3"


def test_a_role_is_assumed_with_the_default_credentials(aws: Sandbox) -> None:
    production = boto3.Session(profile_name="production").client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": STAGING}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    production.create_role(RoleName="Deploy", AssumeRolePolicyDocument=document)
    production.attach_role_policy(RoleName="Deploy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    file = file_of({}, production={"role_arn": f"arn:aws:iam::{PRODUCTION}:role/Deploy", "id": PRODUCTION})
    assert len(file.plan().apply()) == 3


def test_credentials_of_another_account_are_refused(aws: Sandbox) -> None:
    with pytest.raises(InvalidValue) as caught:
        file_of({}, development={"profile": "staging", "id": DEVELOPMENT}).plan()
    assert str(caught.value).startswith(
        "grants.toml:4: accounts.development.id: '222222222222' is not valid: the credentials belong to account 3333"
    )
    with pytest.raises(InvalidValue, match=r"accounts\.development\.id: .* the same account as accounts\.production"):
        file_of({}, development={"profile": "production"}).plan()
    with pytest.raises(InvalidCredentials, match="nobody"):
        file_of({}, development={"profile": "nobody"}).plan()


def test_a_grant_that_does_not_fit_its_accounts_has_its_line(aws: Sandbox) -> None:
    with pytest.raises(InvalidValue) as caught:
        file_of({"name": "a"}, {**STAGES, "policy_name": "B", "buckets": ["sales"]}, staging={}).plan()
    assert str(caught.value).startswith("grants.toml:16: grants[1].buckets: 'sales' is not valid: a bucket of the")
    role = {"kind": "trust", "account": STAGING, "principals": [DEVELOPMENT],
            "managed_policy_arns": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]}  # fmt: skip
    with pytest.raises(InvalidValue, match=r"grants\[0\].account: '3333.*the trusting account of this grant is 1111"):
        file_of(role).plan()
    with pytest.raises(InvalidValue, match=r"^grants\[0\]\.buckets"):
        attrs.evolve(file_of({"buckets": ["sales"]})).plan()


def test_a_later_end_of_the_existing_access_stays(aws: Sandbox) -> None:
    file_of({"name": "a", "expires": "2031-01-01T00:00:00Z"}, {"name": "b", "role_name": "B", "policy_name": "B",
        "expires": "2029-01-01T00:00:00Z"}).plan().apply()  # fmt: skip
    plan = file_of({"name": "a", "expires": "2030-01-01T00:00:00Z"}, {"name": "b", "role_name": "B", "policy_name": "B",
        "expires": "2030-01-01T00:00:00Z"}).plan()  # fmt: skip
    assert {(grant.name, grant.expires.year) for grant in plan.pairs[0].plan.grants if grant.expires} == {
        ("a", 2031),
        ("b", 2030),
    }
    assert {change.resource for change in plan.changes} == {"trust policy of role B", "policy B"}


def test_a_console_user_of_several_grants_is_created_once_and_its_password_is_kept(aws: Sandbox) -> None:
    user = {"console_user": {"name": "eve"}}
    file = file_of(
        {"name": "a", "console_user": {"name": "ada"}, "role_name": "A", "policy_name": "A"},
        {"name": "b", "role_name": "B", "policy_name": "B", **user},
        {**STAGES, "name": "c", "policy_name": "C", **user},
        staging={},
    )
    plan = file.plan()
    plan.apply()
    assert [plan.password_of("development", name) is not None for name in ("ada", "eve", "bob")] == [True, True, False]
    assert plan.password_of("development", "ada") != plan.password_of("development", "eve")
    assert sorted(aws.console_users()) == [f"arn:aws:iam::{DEVELOPMENT}:user/{name}" for name in ("ada", "eve")]
    assert file.plan().is_empty


def test_a_failure_stops_and_says_what_is_in_effect(aws: Sandbox) -> None:
    third = {"trusting": "development", "trusted": "staging", "name": "third"}
    second = {**STAGES, "name": "second", "policy_name": "Second"}
    plan = file_of({"name": "first"}, second, third, staging={}).plan()
    file_of({**STAGES, "name": "other", "policy_name": "Other"}, staging={}).plan().apply()
    with pytest.raises(GrantsFailed) as caught:
        plan.apply()
    assert caught.value.succeeded == plan.in_effect == ("production/development: first",)
    assert {name: type(error).__name__ for name, error in caught.value.failures.items()} == {
        "staging/development: second": "StalePlan",
        "development/staging: third": "XacctError",
    }
    alone = file_of(second, staging={}).plan(adopt=True)
    alone.apply()
    with pytest.raises(GrantConflict, match="belongs to grant 'second'"):
        file_of({**STAGES, "name": "other", "policy_name": "Other"}, staging={}).plan()


def test_after_an_interrupt_it_says_what_is_in_effect(aws: Sandbox) -> None:
    plan = file_of({"name": "first"}, {**STAGES, "name": "second", "policy_name": "Second"}, staging={}).plan()

    def interrupt(event: Event) -> None:
        if event.account == STAGING:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan.apply(on_event=interrupt)
    assert plan.in_effect == ("production/development: first",)
    assert boto3.Session(profile_name="staging").client("iam").list_roles()["Roles"] == []


def test_with_collect_the_other_grants_are_applied(aws: Sandbox) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": PRODUCTION}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    for profile in ("production", "staging"):
        iam = boto3.Session(profile_name=profile).client("iam")
        iam.create_role(RoleName="Taken", AssumeRolePolicyDocument=document)
    file = file_of(
        {"name": "fine"},
        {"name": "taken", "role_name": "Taken", "policy_name": "Taken"},
        {"name": "lost", "buckets": ["no-such-bucket"], "role_name": "Lost", "policy_name": "Lost"},
        {**STAGES, "name": "staging", "role_name": "Taken", "policy_name": "Staging"},
        staging={},
    )
    with pytest.raises((NotOurs, InvalidValue)):
        file.plan()
    plan = file.plan(on_error="collect")
    assert list(plan.failures) == ["production/development: lost"]
    assert "! production/development: lost cannot be planned: grants.toml" in str(plan)
    assert not plan.is_empty
    with pytest.raises(GrantsFailed) as caught:
        plan.apply()
    assert {name: type(error).__name__ for name, error in caught.value.failures.items()} == {
        "production/development: lost": "InvalidValue",
        "production/development: taken": "NotOurs",
        "staging/development: staging": "NotOurs",
    }
    assert caught.value.succeeded == ("production/development: fine",)


def test_a_saved_plan_is_compared_with_the_plan_of_now(aws: Sandbox) -> None:
    file = file_of({"name": "a"}, {**STAGES, "name": "b", "policy_name": "B"}, staging={})
    saved = json.loads(json.dumps(file.plan().to_dict()))
    file.plan().check_saved(saved)
    fewer = file_of({"name": "a"})
    with pytest.raises(StalePlan, match="a grant that the file has no more"):
        fewer.plan().check_saved(saved)
    fewer.plan().apply()
    with pytest.raises(StalePlan, match=f"in account {PRODUCTION}"):
        file.plan().check_saved(saved)
    for other in ({}, {"pairs": 5}, {"pairs": ["x"]}, []):
        with pytest.raises(InvalidValue, match="the dictionary of GrantsPlan"):
            file.plan().check_saved(other)  # type: ignore[arg-type] # not the data of a plan


def test_a_shared_external_id_is_noted(aws: Sandbox) -> None:
    vendors = [
        {"name": name, "role_name": name, "policy_name": name, "external_id": "acme-4711"} for name in ("one", "two")
    ]
    file_of(vendors[0]).plan().apply()
    (pair,) = file_of(*vendors).plan().pairs
    assert [note for note in pair.plan.notes if "external ID" in note] == [
        f"role one in account {PRODUCTION} requires the same external ID: use another one for each third party"
    ]


def test_each_grant_is_proven_with_its_managed_policies(aws: Sandbox) -> None:
    role = {"kind": "trust", "account": PRODUCTION, "principals": [DEVELOPMENT], "role_name": "Admin",
            "managed_policy_arns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}  # fmt: skip
    proofs = file_of({"name": "reports"}, role).prove()
    assert {name: proof.ok for name, proof in proofs.items()} == {
        "production/development: reports: role CrossAccountRoleS3": True,
        "production/development: reports: policy CrossAccountPolicy": True,
        "production/development: Admin: role Admin": False,
    }


def test_a_file_without_grants_needs_no_credentials() -> None:
    plan = GrantsFile.from_dict(contents()).plan()
    assert plan.is_empty
    assert str(plan) == "Nothing to change: the file has no grants."
    with pytest.raises(InvalidValue, match="on_error"):
        GrantsFile.from_dict(contents()).plan(on_error="ignore")  # type: ignore[arg-type] # no such choice
