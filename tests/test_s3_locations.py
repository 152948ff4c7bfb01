"""The buckets and prefixes of a policy of s3_read_policy are found again."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, strategies as st

from xacct import PolicyDocument, Statement, s3_read_policy
from xacct.s3_locations import S3Locations, locations_in

buckets = st.lists(st.text(string.ascii_lowercase, min_size=3, max_size=8), min_size=1, max_size=3, unique=True)
prefixes = st.lists(
    st.text("ab*?${}/", min_size=1, max_size=6).filter(lambda prefix: not prefix.startswith("/")),
    max_size=3,
    unique=True,
)


@given(buckets, prefixes, st.booleans())
def test_the_locations_of_a_policy_are_those_it_was_made_for(
    buckets: list[str], prefixes: list[str], versions: bool
) -> None:
    policy = s3_read_policy(buckets, prefixes, versions=versions)
    found = locations_in(PolicyDocument.parse(policy.to_json()))
    assert found is not None
    assert (set(found.buckets), set(found.prefixes), found.versions) == (set(buckets), set(prefixes), versions)


def test_the_locations_are_found_in_each_partition_and_with_keys() -> None:
    key = "arn:aws-cn:kms:cn-north-1:111111111111:key/1"
    policy = s3_read_policy(["reports"], kms_keys={"reports": key}, partition="aws-cn")
    assert locations_in(policy) == S3Locations(("reports",))


@pytest.mark.parametrize(
    "statement",
    [
        Statement.allow("s3:GetObject", "arn:aws:s3:::reports/*"),
        Statement.allow("s3:GetObject", "arn:aws:s3:::reports/*", sid="ReadObjects"),
        Statement.allow("s3:ListBucket", "arn:aws:s3:::reports", sid="ListBuckets"),
    ],
)
def test_another_policy_has_no_locations(statement: Statement) -> None:
    assert locations_in(PolicyDocument([statement])) is None
