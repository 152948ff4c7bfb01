"""TrustGrant and DevAccessGrant: the documents that they build, and the fields that they refuse."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from xacct import (
    Condition,
    ConsoleUser,
    DevAccessGrant,
    InvalidValue,
    PolicyDocument,
    PolicyError,
    PolicyRecord,
    Principal,
    RoleRecord,
    Statement,
    TrustGrant,
    s3_read_policy,
)

TRUSTING, TRUSTED = "111111111111", "222222222222"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ROLE = f"arn:aws:iam::{TRUSTING}:role/Reader"


def trust(**options: Any) -> TrustGrant:
    return TrustGrant(**({"account": TRUSTING, "principals": TRUSTED, "managed_policy_arns": S3_READ} | options))


def dev(**options: Any) -> DevAccessGrant:
    return DevAccessGrant(**({"account": TRUSTED, "role_arns": ROLE} | options))


def conditions(grant: TrustGrant, statement: int = 0) -> set[Condition]:
    return set(grant.trust_policy.statements[statement].conditions)


def test_the_defaults_are_those_of_the_tutorial() -> None:
    grant = trust()
    assert grant.role_arn == f"arn:aws:iam::{TRUSTING}:role/CrossAccountRoleS3"
    assert grant.description == "A Role to delegate S3 access to another AWS account"
    assert grant.trust_policy == PolicyDocument(
        (Statement.allow("sts:AssumeRole", principals=[Principal.account(TRUSTED)]),)
    )


@pytest.mark.parametrize(
    ("field", "value", "condition"),
    [
        ("external_id", "id-7", Condition("StringEquals", "sts:ExternalId", "id-7")),
        ("require_mfa", True, Condition("Bool", "aws:MultiFactorAuthPresent", "true")),
        ("mfa_max_age", 900, Condition("NumericLessThan", "aws:MultiFactorAuthAge", "900")),
        ("organization_id", "o-abcdefghij", Condition("StringEquals", "aws:PrincipalOrgID", "o-abcdefghij")),
        (
            "source_ips",
            ["10.0.0.0/8", "2001:db8::/32"],
            Condition("IpAddress", "aws:SourceIp", ["2001:db8::/32", "10.0.0.0/8"]),
        ),
        ("source_identity", "dev-*", Condition("StringLike", "sts:SourceIdentity", "dev-*")),
        ("session_tags", {"team": ["data", "web"]}, Condition("StringLike", "aws:RequestTag/team", ["data", "web"])),
        (
            "expires",
            datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
            Condition("DateLessThan", "aws:CurrentTime", "2027-01-01T00:00:00Z"),
        ),
    ],
)
def test_each_field_adds_its_condition_to_the_trust_policy(field: str, value: Any, condition: Condition) -> None:
    assert condition in conditions(trust(**{field: value}))


def test_a_maximum_mfa_age_also_requires_mfa() -> None:
    assert Condition("Bool", "aws:MultiFactorAuthPresent", "true") in conditions(trust(mfa_max_age=900))


@pytest.mark.parametrize(
    ("options", "action"),
    [({"session_tags": {"team": "data"}}, "sts:TagSession"), ({"source_identity": ["dev"]}, "sts:SetSourceIdentity")],
)
def test_session_tags_and_source_identity_add_the_permission_that_sts_requires(
    options: dict[str, Any], action: str
) -> None:
    _, extra = trust(**options, external_id="id-7").trust_policy.statements
    assert extra.actions == (action,)
    assert "sts:ExternalId" not in {condition.key for condition in extra.conditions}


def test_the_extra_permissions_are_limited_to_the_principal_by_its_own_condition() -> None:
    developers = Principal.permission_set(TRUSTED, "Developers")
    statements = trust(
        principals=developers, session_tags={"team": "data"}, source_identity="dev-*"
    ).trust_policy.statements
    assert [statement.actions for statement in statements] == [
        ("sts:AssumeRole",),
        ("sts:TagSession",),
        ("sts:SetSourceIdentity",),
    ]
    for statement in statements:
        assert set(developers.conditions) <= set(statement.conditions)


def test_a_service_with_conditions_is_refused_instead_of_trusted_without_them() -> None:
    source = Condition("StringEquals", "aws:SourceAccount", "111111111111")
    with pytest.raises(InvalidValue, match="no conditions for services"):
        trust(principals=[Principal("Service", "lambda.amazonaws.com", (source,))])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("external_id", "x-42"),
        ("mfa_max_age", 600),
        ("require_mfa", True),
        ("organization_id", "o-exampleorg1"),
        ("session_tags", {"team": "data"}),
        ("source_identity", "dev-*"),
        ("source_ips", ["203.0.113.0/24"]),
    ],
)
def test_conditions_of_a_grant_for_services_only_are_refused_instead_of_ignored(field: str, value: object) -> None:
    service = Principal.service("lambda.amazonaws.com")
    with pytest.raises(InvalidValue, match=rf"{field}: .* is for AWS services only"):
        trust(principals=[service], **{field: value})
    assert trust(principals=[service, TRUSTED], **{field: value}).principals


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(InvalidValue, match="name: '' is not valid"):
        trust(name="")
    with pytest.raises(InvalidValue, match="name: '' is not valid"):
        dev(name="")


def test_the_end_has_whole_seconds_as_policies_do() -> None:
    end = datetime(2027, 1, 1, microsecond=5, tzinfo=timezone.utc)
    assert (trust(expires=end).expires, dev(expires=end).expires) == (datetime(2027, 1, 1, tzinfo=timezone.utc),) * 2


def test_a_grant_is_made_of_the_arn_of_a_role_or_a_policy_only() -> None:
    user = f"arn:aws:iam::{TRUSTED}:user/ada"
    with pytest.raises(InvalidValue, match="the ARN of an IAM role"):
        TrustGrant.from_role(RoleRecord(arn=user, trust=trust().trust_policy))
    with pytest.raises(InvalidValue, match="the ARN of an IAM policy"):
        DevAccessGrant.from_policy(PolicyRecord(arn=user, document=dev().assume_role_policy))


def test_services_get_a_statement_of_their_own_without_mfa() -> None:
    expires = datetime(2027, 1, 1, tzinfo=timezone.utc)
    grant = trust(principals=[TRUSTED, "lambda.amazonaws.com"], require_mfa=True, expires=expires)
    people, services = grant.trust_policy.statements
    assert [p.kind for p in people.principals + services.principals] == ["AWS", "Service"]
    assert {c.key for c in people.conditions} == {"aws:MultiFactorAuthPresent", "aws:CurrentTime"}
    assert {c.key for c in services.conditions} == {"aws:CurrentTime"}


def test_principals_with_different_conditions_get_separate_statements() -> None:
    grant = trust(principals=[Principal.permission_set(TRUSTED, name) for name in ("One", "Two")])
    assert len(grant.trust_policy.statements) == 2


def test_any_principal_is_accepted_with_an_organization() -> None:
    assert trust(principals=Principal.organization("o-abcdefghij"))
    assert trust(principals="*", organization_id="o-abcdefghij")
    assert trust(principals=Principal.organization("o-abcdefghij"), organization_id="o-abcdefghij")


@pytest.mark.parametrize(
    ("options", "field", "rule"),
    [
        ({"account": "1"}, "account", "12 digits"),
        ({"principals": []}, "principals", "at least one"),
        ({"principals": "*"}, "principals", "trusts everybody"),
        ({"principals": "*", "external_id": "id-7"}, "principals", "trusts everybody"),
        ({"principals": f"arn:aws-cn:iam::{TRUSTED}:root"}, "principals", "own partition only"),
        ({"principals": "AIDAIOSFODNN7EXAMPLE1"}, "principals", "deleted principal"),
        ({"principals": Principal.federated("cognito-identity.amazonaws.com")}, "principals", "sts:AssumeRole"),
        ({"principals": Principal("CanonicalUser", "abc")}, "principals", "cannot assume roles"),
        ({"principals": f"arn:aws:iam::{TRUSTING}:role/CrossAccountRoleS3"}, "principals", "trust itself"),
        ({"managed_policy_arns": []}, "managed_policy_arns", "needs permissions"),
        ({"managed_policy_arns": ["x"]}, "managed_policy_arns", "form arn"),
        ({"managed_policy_arns": [ROLE]}, "managed_policy_arns", "ARN of a managed policy"),
        (
            {"managed_policy_arns": [S3_READ.replace("aws:iam", "aws-cn:iam")]},
            "managed_policy_arns",
            "another partition",
        ),
        (
            {"managed_policy_arns": [f"arn:aws:iam::{TRUSTED}:policy/P"]},
            "managed_policy_arns",
            "must be AWS's or of account",
        ),
        ({"managed_policy_arns": [f"{S3_READ}{i}" for i in range(11)]}, "managed_policy_arns", "at most 10"),
        ({"permissions_boundary": ROLE}, "permissions_boundary", "ARN of a managed policy"),
        ({"role_name": "x" * 65}, "role_name", "1 to 64"),
        ({"role_name": "a b"}, "role_name", "1 to 64"),
        ({"path": "team"}, "path", "beginning and ending"),
        ({"description": "x" * 1001}, "description", "at most 1000"),
        ({"description": "→"}, "description", "Latin-1"),
        ({"max_session_duration": 3599}, "max_session_duration", "3600 to 43200"),
        ({"max_session_duration": 43201}, "max_session_duration", "3600 to 43200"),
        ({"max_session_duration": True}, "max_session_duration", "whole number"),
        ({"external_id": "x"}, "external_id", "2 to 1224"),
        ({"mfa_max_age": 0}, "mfa_max_age", "1 to 129600"),
        ({"organization_id": "mine"}, "organization_id", "o-"),
        ({"source_ips": ["10.0.0.1/8"]}, "source_ips", "CIDR"),
        ({"expires": datetime(2027, 1, 1)}, "expires", "time zone"),  # noqa: DTZ001
        ({"partition": "aws-mars"}, "partition", "one of"),
        ({"tags": {"aws:x": "y"}}, "tags", "must not start with aws:"),
        ({"tags": {"XACCT:x": "y"}}, "tags", "must not start with aws: or xacct:"),
        ({"tags": {"": "y"}}, "tags", "a key has 1 to 128"),
        ({"tags": {"x" * 129: "y"}}, "tags", "a key has 1 to 128"),
        ({"tags": {"x": "y" * 257}}, "tags", "the value of 'x' has at most 256"),
        ({"tags": {"a\tb": "y"}}, "tags", "a key has 1 to 128 letters, digits, spaces"),
        ({"tags": {"a": "x\ny"}}, "tags", "the value of 'a' has at most 256 letters, digits, spaces"),
        ({"tags": {"a\tb": "x\ny"}}, "tags", "letters, digits, spaces"),
        ({"tags": {"x": "y", "X": "y"}}, "tags", "upper and lower case"),
        ({"tags": {str(i): "y" for i in range(41)}}, "tags", "at most 40"),
        ({"policies": {"a b": s3_read_policy(["reports"])}}, "policies", "1 to 128"),
        ({"policies": {str(i): s3_read_policy(["reports"]) for i in range(26)}}, "policies", "at most 25"),
        (
            {"policies": {str(i): s3_read_policy(["reports"], [f"{n:0>500}" for n in range(5)]) for i in range(3)}},
            "policies",
            "at most 10240 characters together",
        ),
    ],
)
def test_a_trust_grant_with_an_invalid_field_is_refused(options: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(InvalidValue, match=rule) as caught:
        trust(**options)
    assert caught.value.field == field


def test_a_trust_policy_that_is_too_long_is_refused_with_its_length() -> None:
    many = [Principal.role(TRUSTED, f"{i:0>60}") for i in range(25)]
    with pytest.raises(PolicyError, match=r"trust policy: .*\d+ characters .* at most 2048"):
        trust(principals=many)


def test_an_inline_policy_must_be_an_identity_policy() -> None:
    with pytest.raises(PolicyError, match="needs Resource"):
        trust(policies={"Bad": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*"}}})


def test_the_role_arn_is_in_the_partition() -> None:
    grant = trust(partition="aws-us-gov", managed_policy_arns=S3_READ.replace("arn:aws:", "arn:aws-us-gov:"))
    assert grant.role_arn.startswith("arn:aws-us-gov:iam::")


def test_the_assume_role_policy_allows_exactly_the_roles() -> None:
    grant = dev()
    assert grant.policy_arn == f"arn:aws:iam::{TRUSTED}:policy/CrossAccountPolicy"
    assert grant.description == "Policy for Cross Account Access"
    assert grant.assume_role_policy == PolicyDocument((Statement.allow("sts:AssumeRole", ROLE),))
    assert grant.console_user_arn is None


def test_the_assume_role_policy_can_allow_session_tags_and_source_identity() -> None:
    (statement,) = dev(session_tags=True, source_identity=True).assume_role_policy.statements
    assert statement.actions == ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")


def test_the_console_user_has_an_arn() -> None:
    assert dev(console_user=ConsoleUser("dev")).console_user_arn == f"arn:aws:iam::{TRUSTED}:user/dev"


@pytest.mark.parametrize(
    ("options", "field", "rule"),
    [
        ({"account": "1"}, "account", "12 digits"),
        ({"role_arns": []}, "role_arns", "at least one"),
        ({"role_arns": S3_READ}, "role_arns", "exactly one IAM role"),
        ({"role_arns": f"arn:aws:iam::{TRUSTING}:role/*"}, "role_arns", "exactly one IAM role"),
        ({"role_arns": ROLE.replace("arn:aws:", "arn:aws-cn:")}, "role_arns", "own partition only"),
        ({"policy_name": ""}, "policy_name", "1 to 128"),
        ({"users": ["a b"]}, "users, groups and roles", "1 to 64"),
        ({"users": [f"u{i}" for i in range(36)]}, "users, groups and roles", "at most 35"),
        ({"users": ["dev"], "console_user": ConsoleUser("dev")}, "users", "attached to the console user already"),
        (
            {"console_user": ConsoleUser("dev", managed_policy_arns=[ROLE])},
            "console_user.managed_policy_arns",
            "ARN of a managed policy",
        ),
    ],
)
def test_a_dev_access_grant_with_an_invalid_field_is_refused(options: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(InvalidValue, match=rule) as caught:
        dev(**options)
    assert caught.value.field == field


def test_a_console_user_that_is_only_a_name_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"such as ConsoleUser\('ada'\)"):
        DevAccessGrant(account="222222222222", role_arns="arn:aws:iam::111111111111:role/R", console_user="ada")  # type: ignore[arg-type]


def read(**elements: Any) -> dict[str, PolicyDocument]:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*", **elements}
    return {"read": PolicyDocument.parse({"Version": "2012-10-17", "Statement": [statement]})}


@pytest.mark.parametrize(
    ("elements", "field", "rule"),
    [
        ({"Action": ["s3:ListBucket", "s3:GetObjects"]}, "Action[1]", "did you mean s3:GetObject?"),
        ({"Action": "s3:Gte*"}, "Action", "matches no action of s3"),
        ({"Action": "s33:GetObject"}, "Action", "no service s33: did you mean s3:GetObject?"),
        ({"Resource": "arn:aws:s3"}, "Resource", "not a complete ARN"),
        ({"Resource": "arn:aws:s4:::reports/*"}, "Resource", "no resources of s4"),
        (
            {"Action": "dynamodb:GetItem", "Resource": "arn:aws:dynamodb:eu-central-1:111111111111:tabel/x"},
            "Resource",
            r"did you mean arn:\$\{Partition\}:dynamodb:\$\{Region\}:\$\{Account\}:table/\$\{TableName\}\?",
        ),
        ({"Resource": "arn:aws:s3:::reports/${aws:usernme}/*"}, "Resource", r"did you mean aws:username\?"),
        (
            {"Condition": {"StringEquals": {"aws:PrincipalOrg": "o-abcdefghij"}}},
            "Condition.StringEquals.aws:PrincipalOrg",
            r"did you mean aws:PrincipalOrgID\?",
        ),
        (
            {"Condition": {"DateLessThan": {"aws:CurrentTime": "tomorrow"}}},
            "Condition.DateLessThan.aws:CurrentTime",
            "Write a date",
        ),
    ],
)
def test_what_awss_reference_does_not_know_is_refused_with_the_nearest_name(
    elements: dict[str, Any], field: str, rule: str
) -> None:
    with pytest.raises(InvalidValue, match=rule) as caught:
        trust(policies=read(**elements))
    assert caught.value.field == f"policies.read.Statement[0].{field}"


def test_an_unknown_condition_key_of_a_principal_is_refused() -> None:
    condition = Condition("StringEquals", "aws:PrincipalTags/team", "data")
    with pytest.raises(InvalidValue, match=r"did you mean aws:PrincipalTag/\$\{TagKey\}\?") as caught:
        trust(principals=Principal("AWS", TRUSTED, (condition,)))
    assert caught.value.field == "trust policy.Statement[0].Condition.StringEquals.aws:PrincipalTags/team"


def test_what_is_only_a_warning_is_accepted() -> None:
    # Listing takes the bucket, not its objects.
    assert trust(policies=read(Action=["s3:GetObject", "s3:ListBucket"]))


def test_a_role_with_an_action_that_aws_has_retired_is_still_a_grant() -> None:
    retired = read(Action=["s3:GetObject", "deeplens:GetModel"])
    with pytest.raises(InvalidValue, match="no service deeplens"):
        trust(policies=retired)
    role = RoleRecord(arn=trust().role_arn, trust=trust().trust_policy, attached=[S3_READ], inline=retired)
    assert TrustGrant.from_role(role).policies == retired
    with pytest.raises(InvalidValue, match="no service deeplens"):
        trust(policies=retired)
