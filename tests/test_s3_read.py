"""The permissions to read exactly some buckets and prefixes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from xacct import Condition, InvalidValue, PolicyDocument, s3_read_policy

KEY = "arn:aws:kms:eu-central-1:111111111111:key/1234abcd"
prefixes = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1, max_size=40).filter(
    lambda text: not text.startswith("/")
)


def test_without_prefixes_whole_buckets_are_read_and_nothing_else() -> None:
    locate, listing, reading = s3_read_policy(["reports", "logs"]).statements
    buckets = ("arn:aws:s3:::reports", "arn:aws:s3:::logs")
    assert (locate.actions, locate.resources) == (("s3:GetBucketLocation",), buckets)
    assert (listing.actions, listing.resources, listing.conditions) == (("s3:ListBucket",), buckets, ())
    assert (reading.actions, reading.resources) == (("s3:GetObject",), tuple(f"{b}/*" for b in buckets))


def test_prefixes_narrow_listing_and_reading_in_each_bucket() -> None:
    _, listing, reading = s3_read_policy(["reports"], ["2025/", "2026/"]).statements
    assert listing.conditions == (Condition("StringLike", "s3:prefix", ["2025/*", "2026/*"]),)
    assert reading.resources == ("arn:aws:s3:::reports/2025/*", "arn:aws:s3:::reports/2026/*")


@given(prefixes)
def test_a_prefix_stands_for_itself_whatever_characters_it_has(prefix: str) -> None:
    (pattern,) = s3_read_policy(["reports"], [prefix]).statements[2].resources
    body = pattern.removeprefix("arn:aws:s3:::reports/").removesuffix("*")
    for character in "*?":
        body = body.replace(f"${{{character}}}", "\0")
        assert character not in body
    assert PolicyDocument.parse(s3_read_policy(["reports"], [prefix]).to_json()) == s3_read_policy(
        ["reports"], [prefix]
    )


def test_decryption_is_for_the_buckets_own_keys_through_s3_in_their_region() -> None:
    other = KEY.replace("eu-central-1", "us-east-1")
    *_, first, second = s3_read_policy(
        ["a-b", "c-d", "e-f"], kms_keys={"a-b": KEY, "c-d": KEY, "e-f": other}
    ).statements
    assert (first.actions, first.resources) == (("kms:Decrypt",), (KEY,))
    assert first.conditions == (Condition("StringEquals", "kms:ViaService", "s3.eu-central-1.amazonaws.com"),)
    assert second.resources == (other,)


def test_names_follow_the_partition() -> None:
    policy = s3_read_policy(
        ["reports"], kms_keys={"reports": "arn:aws-cn:kms:cn-north-1:111111111111:key/1"}, partition="aws-cn"
    )
    assert "s3.cn-north-1.amazonaws.com.cn" in policy.to_json()
    assert "arn:aws:" not in policy.to_json()


@pytest.mark.parametrize(
    "name", ["ab", "Upper", "arn:aws:s3:::reports", "a..b", "10.0.0.1", "-a-", "xn--abc", "x" * 64, "", 7]
)
def test_what_is_no_buckets_name_is_refused(name: Any) -> None:
    with pytest.raises(InvalidValue, match="a bucket's name, not its ARN"):
        s3_read_policy([name])


@pytest.mark.parametrize("prefix", ["", "/2026", "x" * 1025, None])
def test_what_is_no_prefix_is_refused(prefix: Any) -> None:
    with pytest.raises(InvalidValue, match="how the keys begin"):
        s3_read_policy(["reports"], [prefix])


@pytest.mark.parametrize(
    "key",
    [
        KEY.replace("key/", "alias/"),
        "arn:aws:s3:::reports",
        KEY.replace("1234abcd", "*"),
        "1234",
        KEY.replace("arn:aws:", "arn:aws-cn:"),
    ],
)
def test_what_is_not_one_key_of_the_partition_is_refused(key: str) -> None:
    with pytest.raises(InvalidValue):
        s3_read_policy(["reports"], kms_keys={"reports": key})


def test_no_bucket_is_not_every_bucket() -> None:
    with pytest.raises(InvalidValue, match="at least one bucket"):
        s3_read_policy([])
