"""ARNs, account ids and partitions."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from xacct import Arn, InvalidValue
from xacct.arn import account_id, partition, partition_of_region

PARTITIONS = ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"]
accounts = st.from_regex(r"[0-9]{12}", fullmatch=True)
names = st.from_regex(r"[a-zA-Z0-9+=,.@_-]{1,64}", fullmatch=True)
paths = st.one_of(st.just("/"), st.from_regex(r"/[a-z0-9]{1,9}(/[a-z0-9]{1,9})?/", fullmatch=True))


@given(st.sampled_from(PARTITIONS), accounts, names, paths)
def test_parsing_a_built_arn_returns_the_same_arn(name: str, account: str, role: str, path: str) -> None:
    built = Arn.role(account, role, path, name)
    assert Arn.parse(str(built)) == built
    assert (built.partition, built.account, built.resource_type, built.path, built.name) == (
        name,
        account,
        "role",
        path,
        role,
    )


def test_each_constructor_renders_the_form_that_aws_uses() -> None:
    assert str(Arn.user("111111111111", "dev", "/team/")) == "arn:aws:iam::111111111111:user/team/dev"
    assert str(Arn.policy("111111111111", "Read")) == "arn:aws:iam::111111111111:policy/Read"
    assert str(Arn.managed_policy("Read", "/job-function/")) == "arn:aws:iam::aws:policy/job-function/Read"
    assert str(Arn.root("111111111111", "aws-cn")) == "arn:aws-cn:iam::111111111111:root"
    assert str(Arn.bucket("reports", "aws-us-gov")) == "arn:aws-us-gov:s3:::reports"


@pytest.mark.parametrize(
    ("text", "kind", "identity"),
    [
        ("arn:aws:sts::111111111111:assumed-role/Reader/dev", "assumed-role", "Reader/dev"),
        ("arn:aws:kms:eu-west-1:111111111111:key/1234", "key", "1234"),
        ("arn:aws:sns:eu-west-1:111111111111:topic", "", "topic"),
        ("arn:aws:logs:eu-west-1:111111111111:log-group:mine", "log-group", "mine"),
    ],
)
def test_a_resource_has_a_type_and_an_id(text: str, kind: str, identity: str) -> None:
    arn = Arn.parse(text)
    assert (arn.resource_type, arn.resource_id, arn.path) == (kind, identity, arn.path)


def test_only_iam_entities_have_a_path() -> None:
    assert Arn.parse("arn:aws:s3:::reports/2026/a.csv").path == "/"
    assert Arn.parse("arn:aws:iam::111111111111:role/Reader").path == "/"


@pytest.mark.parametrize(
    "text",
    ["", "arn", "role/Reader", "arn:aws:iam::111111111111", "arn:aws:iam::111111111111:", "arn:aws:::1:x", 7, None],
)
def test_a_text_of_another_form_raises_the_expected_form(text: object) -> None:
    with pytest.raises(InvalidValue, match="has the form arn:partition:service:region:account:resource"):
        Arn.parse(text)  # type: ignore[arg-type]


def test_an_unknown_partition_or_an_invalid_account_id_raises() -> None:
    with pytest.raises(InvalidValue, match="its partition is not one of aws, aws-cn"):
        Arn.parse("arn:aws-mars:iam::111111111111:role/Reader")
    with pytest.raises(InvalidValue, match="exactly 12 digits"):
        Arn.parse("arn:aws:iam::1234:role/Reader")


@pytest.mark.parametrize("path", ["", "team", "/team", "team/", "//" + "x" * 600 + "/", "/with space/"])
def test_a_path_that_iam_does_not_accept_raises(path: str) -> None:
    with pytest.raises(InvalidValue, match="beginning and ending with '/'"):
        Arn.role("111111111111", "Reader", path)


@pytest.mark.parametrize("value", [111111111111, "11111111111", "1111111111111", "１１１１１１１１１１１１", "", None])
def test_an_account_id_must_be_a_string_of_twelve_digits(value: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        account_id(value, "trusting")
    assert (caught.value.field, caught.value.value) == ("trusting", value)


def test_an_account_id_keeps_its_leading_zeros() -> None:
    assert account_id("000000000001") == "000000000001"


@pytest.mark.parametrize("name", PARTITIONS)
def test_each_partition_has_a_global_region_and_a_dns_suffix(name: str) -> None:
    found = partition(name)
    assert found.dns_suffix
    assert partition_of_region(found.global_region) is found


def test_partitions_without_a_published_console_have_no_sign_in_host() -> None:
    assert [name for name in PARTITIONS if partition(name).signin_host is None] == PARTITIONS[4:]


@pytest.mark.parametrize("name", ["", "AWS", "aws-mars", None, ["aws"]])
def test_an_unknown_partition_raises(name: object) -> None:
    with pytest.raises(InvalidValue, match="one of aws, aws-cn"):
        partition(name)  # type: ignore[arg-type]


def test_a_region_with_an_unknown_prefix_is_in_the_aws_partition() -> None:
    assert partition_of_region("xy-new-1").name == "aws"
