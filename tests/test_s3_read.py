"""The identity policy that allows reading exactly some buckets and prefixes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from xacct import (
    AccessRequest,
    Condition,
    InvalidValue,
    PolicyDocument,
    PolicySet,
    TrustGrant,
    evaluate,
    prove,
    s3_read_policy,
)

KEY = "arn:aws:kms:eu-central-1:111111111111:key/1234abcd"
prefixes = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1, max_size=40).filter(
    lambda text: not text.startswith("/")
)


def test_without_prefixes_whole_buckets_can_be_read_and_nothing_else() -> None:
    locate, listing, reading = s3_read_policy(["reports", "logs"]).statements
    buckets = ("arn:aws:s3:::reports", "arn:aws:s3:::logs")
    assert (locate.actions, locate.resources) == (("s3:GetBucketLocation",), buckets)
    assert (listing.actions, listing.resources, listing.conditions) == (("s3:ListBucket",), buckets, ())
    assert (reading.actions, reading.resources) == (("s3:GetObject",), tuple(f"{b}/*" for b in buckets))


def test_prefixes_limit_listing_and_reading_in_each_bucket() -> None:
    _, listing, reading = s3_read_policy(["reports"], ["2025/", "2026/"]).statements
    assert listing.conditions == (Condition("StringLike", "s3:prefix", ["2025/*", "2026/*"]),)
    assert reading.resources == ("arn:aws:s3:::reports/2025/*", "arn:aws:s3:::reports/2026/*")


@given(prefixes)
def test_wildcards_in_a_prefix_are_escaped(prefix: str) -> None:
    (pattern,) = s3_read_policy(["reports"], [prefix]).statements[2].resources
    body = pattern.removeprefix("arn:aws:s3:::reports/").removesuffix("*")
    for character in "*?":
        body = body.replace(f"${{{character}}}", "\0")
        assert character not in body
    assert PolicyDocument.parse(s3_read_policy(["reports"], [prefix]).to_json()) == s3_read_policy(
        ["reports"], [prefix]
    )


def test_a_policy_variable_in_a_prefix_is_literal() -> None:
    policy = s3_read_policy(["reports"], ["${aws:username}/"])
    assert policy.statements[1].conditions[0].values == ("${$}{aws:username}/*",)
    assert policy.statements[2].resources == ("arn:aws:s3:::reports/${$}{aws:username}/*",)

    def may_read(key: str) -> bool:
        request = AccessRequest(
            principal="arn:aws:iam::111111111111:user/alice",
            action="s3:GetObject",
            resource=f"arn:aws:s3:::reports/{key}",
            resource_account="111111111111",
            context={"aws:username": "alice"},
        )
        return evaluate(request, PolicySet(identity=[policy])).allowed

    assert may_read("${aws:username}/january.csv")
    assert not may_read("alice/january.csv")


def test_decryption_is_limited_to_the_buckets_keys_through_s3_in_their_region() -> None:
    other = KEY.replace("eu-central-1", "us-east-1")
    *_, first, second = s3_read_policy(
        ["a-b", "c-d", "e-f"], kms_keys={"a-b": KEY, "c-d": KEY, "e-f": other}
    ).statements
    assert (first.actions, first.resources) == (("kms:Decrypt",), (KEY,))
    assert first.conditions == (Condition("StringEquals", "kms:ViaService", "s3.eu-central-1.amazonaws.com"),)
    assert second.resources == (other,)


def test_arns_and_service_hosts_are_those_of_the_partition() -> None:
    policy = s3_read_policy(
        ["reports"], kms_keys={"reports": "arn:aws-cn:kms:cn-north-1:111111111111:key/1"}, partition="aws-cn"
    )
    assert "s3.cn-north-1.amazonaws.com.cn" in policy.to_json()
    assert "arn:aws:" not in policy.to_json()


@pytest.mark.parametrize(
    "name",
    ["ab", "Upper", "arn:aws:s3:::reports", "a..b", "10.0.0.1", "-a-", "xn--abc", "x" * 64, "", 7, "reports--x-s3"],
)
def test_an_invalid_bucket_name_is_refused(name: Any) -> None:
    with pytest.raises(InvalidValue, match="a bucket name, not an ARN"):
        s3_read_policy([name])


@pytest.mark.parametrize("prefix", ["", "/2026", "x" * 1025, None])
def test_an_invalid_prefix_is_refused(prefix: Any) -> None:
    with pytest.raises(InvalidValue, match="a prefix of object keys"):
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
def test_anything_but_the_arn_of_one_key_of_the_partition_is_refused(key: str) -> None:
    with pytest.raises(InvalidValue):
        s3_read_policy(["reports"], kms_keys={"reports": key})


def test_an_empty_list_of_buckets_is_refused() -> None:
    with pytest.raises(InvalidValue, match="name at least one bucket"):
        s3_read_policy([])


def test_with_versions_they_and_tags_can_be_read_under_the_same_conditions() -> None:
    current = s3_read_policy(["reports"], ["2026/"]).statements
    locate, listing, reading = s3_read_policy(["reports"], ["2026/"], versions=True).statements
    assert locate == current[0]
    assert listing.actions == ("s3:ListBucket", "s3:ListBucketVersions")
    assert reading.actions == (
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:GetObjectTagging",
        "s3:GetObjectVersionTagging",
    )
    for versions, one in zip((listing, reading), current[1:]):
        assert (versions.sid, versions.resources, versions.conditions) == (one.sid, one.resources, one.conditions)


def test_versions_of_other_prefixes_and_without_versions_cannot_be_read() -> None:
    def may(action: str, *, key: str = "", prefix: str | None = None, versions: bool = True) -> bool:
        request = AccessRequest(
            principal="arn:aws:iam::111111111111:role/Reader",
            action=action,
            resource=f"arn:aws:s3:::reports{key}",
            resource_account="111111111111",
            context={} if prefix is None else {"s3:prefix": prefix},
        )
        return evaluate(request, PolicySet(identity=[s3_read_policy(["reports"], ["a/"], versions=versions)])).allowed

    for action in ("s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"):
        assert may(action, key="/a/1")
        assert not may(action, key="/b/1")
        assert not may(action, key="/a/1", versions=False)
    assert may("s3:ListBucketVersions", prefix="a/")
    assert not may("s3:ListBucketVersions", prefix="b/")
    assert not may("s3:ListBucketVersions")
    assert not may("s3:ListBucketVersions", prefix="a/", versions=False)


def test_the_proof_accepts_a_policy_with_versions() -> None:
    trust = TrustGrant(
        account="111111111111",
        principals=["222222222222"],
        policies={"S3Read": s3_read_policy(["reports"], ["2026/"], versions=True)},
        role_name="Reader",
    )
    proof = prove(trust)
    assert proof.ok, proof
    refused = [check.name for check in proof.checks if check.expected == "refused" and check.ok]
    assert "the role reads s3://reports-neighbour/2026/example" in refused
    assert "the role does more than read" in refused
