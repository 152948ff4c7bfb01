from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st

from xacct.arn import Arn
from xacct.errors import InvalidValue, PolicyError
from xacct.policy import PolicyDocument
from xacct.session.role_request import RoleRequest, session_name_from

ROLE = "arn:aws:iam::111111111111:role/team/Reader"
READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}],
}


def test_unset_fields_are_not_sent() -> None:
    assert RoleRequest(role_arn=ROLE).parameters("alice") == {"RoleArn": ROLE, "RoleSessionName": "alice"}


def test_all_set_fields_are_sent() -> None:
    request = RoleRequest(
        role_arn=Arn.parse(ROLE),
        session_name="nightly",
        external_id="42:blue/x",
        duration=900,
        policy=READ,
        policy_arns=[Arn.managed_policy("ReadOnlyAccess")],
        tags={"Team": "Blue Ünit", "empty": ""},
        transitive_tag_keys=["Team"],
        source_identity="bob@example.com",
        mfa_serial="arn:aws:iam::222222222222:mfa/bob",
    )
    sent = request.parameters("alice", "012345")
    assert json.loads(sent.pop("Policy")) == PolicyDocument.parse(READ).to_dict()
    assert sent == {
        "RoleArn": ROLE,
        "RoleSessionName": "nightly",
        "ExternalId": "42:blue/x",
        "DurationSeconds": 900,
        "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
        "Tags": [{"Key": "Team", "Value": "Blue Ünit"}, {"Key": "empty", "Value": ""}],
        "TransitiveTagKeys": ("Team",),
        "SourceIdentity": "bob@example.com",
        "SerialNumber": "arn:aws:iam::222222222222:mfa/bob",
        "TokenCode": "012345",
    }


@pytest.mark.parametrize("policy", [READ, json.dumps(READ, indent=4), PolicyDocument.parse(READ)])
def test_a_session_policy_can_be_a_mapping_text_or_document(policy: Mapping[str, object]) -> None:
    assert " " not in (RoleRequest(role_arn=ROLE, policy=policy).policy or " ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role_arn", "Reader"),
        ("role_arn", "arn:aws:iam::111111111111:user/Reader"),
        ("role_arn", "arn:aws:iam:eu-west-1:111111111111:role/Reader"),
        ("role_arn", "arn:aws:iam::11111111111:role/Reader"),
        ("role_arn", "arn:aws:iam::aws:role/Reader"),
        ("role_arn", "arn:aws:iam::111111111111:role/team/"),
        ("role_arn", "arn:aws:iam::111111111111:role/Re ader"),
        ("role_arn", "arn:aws:iam::111111111111:role/" + "R" * 65),
        ("role_arn", "arn:aws-moon:iam::111111111111:role/Reader"),
        ("role_arn", None),
        ("session_name", "a"),
        ("session_name", "a" * 65),
        ("session_name", "a:b"),
        ("session_name", "jürgen"),
        ("session_name", ""),
        ("external_id", "4"),
        ("external_id", "4" * 1225),
        ("external_id", "four two"),
        ("external_id", 42),
        ("duration", 899),
        ("duration", 43201),
        ("duration", 3600.0),
        ("duration", True),
        ("duration", "3600"),
        ("policy_arns", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        ("policy_arns", [ROLE]),
        ("policy_arns", ["arn:aws:iam::aws:policy/ReadOnlyAccess"] * 11),
        ("tags", {"": "x"}),
        ("tags", {"k" * 129: "x"}),
        ("tags", {"k": "v" * 257}),
        ("tags", {"k": 1}),
        ("tags", {"aws:k": "x"}),
        ("tags", {"k!": "x"}),
        ("tags", {"Team": "x", "team": "y"}),
        ("tags", {str(i): "x" for i in range(51)}),
        ("transitive_tag_keys", ["Team"]),
        ("transitive_tag_keys", "Team"),
        ("source_identity", "b"),
        ("source_identity", "aws:bob"),
        ("source_identity", "b" * 257),
        ("mfa_serial", "GAHT1234"),
        ("mfa_serial", "GAHT 12345678"),
    ],
)
def test_a_field_that_breaks_a_rule_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        RoleRequest(**{"role_arn": ROLE, field: value})  # type: ignore[arg-type]
    assert caught.value.field == field
    assert caught.value.rule


def test_the_arn_of_a_role_session_is_rejected() -> None:
    with pytest.raises(InvalidValue, match=r"role_arn: .*the ARN of a role session; pass the role's ARN with its path"):
        RoleRequest(role_arn="arn:aws:sts::111111111111:assumed-role/Reader/alice")


def test_a_session_policy_that_is_too_long_is_rejected() -> None:
    resources = [f"arn:aws:s3:::reports/{i:0>40}/*" for i in range(40)]
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": resources}}
    with pytest.raises(InvalidValue, match=r"policy: '\d+ characters'.*at most 2048"):
        RoleRequest(role_arn=ROLE, policy=policy)


def test_a_session_policy_has_no_principal() -> None:
    policy = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*"}}
    with pytest.raises(PolicyError, match="Principal"):
        RoleRequest(role_arn=ROLE, policy=policy)


@pytest.mark.parametrize(
    ("caller", "name"),
    [
        ("arn:aws:iam::222222222222:user/a", "a@222222222222"),
        ("arn:aws:iam::222222222222:root", "root@222222222222"),
        ("arn:aws:sts::222222222222:federated-user/carol", "carol"),
        ("arn:aws-cn:sts::222222222222:assumed-role/lambda/function-1", "function-1"),
        ("arn:aws:iam::222222222222:user/" + "n" * 64, "n" * 64),
    ],
)
def test_the_default_session_name_is_the_callers(caller: str, name: str) -> None:
    assert session_name_from(Arn.parse(caller)) == name


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_callers_name_becomes_a_valid_session_name(name: str) -> None:
    session_name = session_name_from(Arn("aws", "sts", "", "222222222222", f"federated-user/{name}"))
    assert RoleRequest(role_arn=ROLE, session_name=session_name).session_name == session_name


def test_session_tags_can_be_aws_s_list() -> None:
    listed = [{"Key": "Team", "Value": "Blue"}, {"Key": "CostCenter", "Value": ""}]
    request = RoleRequest(role_arn=ROLE, tags=listed, transitive_tag_keys=["Team"])
    assert request.tags == {"Team": "Blue", "CostCenter": ""}
    assert request.parameters("alice")["Tags"] == listed


@pytest.mark.parametrize(
    "tags",
    [
        "Team=Blue",
        ["Team"],
        [{"Key": "Team"}],
        [{"Key": "Team", "Value": 7}],
        [{"key": "Team", "value": "Blue"}],
        [{"Key": "Team", "Value": "Blue", "Transitive": True}],
        [{"Key": "Team", "Value": "Blue"}, {"Key": "Team", "Value": "Red"}],
        7,
    ],
)
def test_a_list_of_tags_in_another_form_is_rejected(tags: Any) -> None:
    with pytest.raises(InvalidValue, match="tags: "):
        RoleRequest(role_arn=ROLE, tags=tags)
