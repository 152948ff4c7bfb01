"""Validation of the tags of users, roles and sessions."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import PROD, Two, refusal, trusting

PATTERN = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]"
TOO_MANY = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        (TOO_MANY, "at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"),
        ([{"Key": "k" * 129, "Value": "v"}], "at 'tags.1.member.key' failed to satisfy constraint: Member must have"),
        (
            [{"Key": "a", "Value": "v"}, {"Key": "b", "Value": "v" * 257}],
            "at 'tags.2.member.value' failed to satisfy constraint: Member must have length less than or equal to 256",
        ),
        ([{"Key": "k!", "Value": "v"}], "Value 'k!' at 'tags.1.member.key' failed to satisfy constraint: Member must"),
        ([{"Key": "k", "Value": "v!"}], rf"Member must satisfy regular expression pattern: {PATTERN}*"),
        ([{"Key": "k!", "Value": "v"}], rf"Member must satisfy regular expression pattern: {PATTERN}+"),
        ([{"Key": "AWS:team", "Value": "v"}], "Tag keys starting with 'aws:' are reserved for internal use."),
        ([{"Key": "aws:team", "Value": "v"}], "Tag keys starting with 'aws:' are reserved for internal use."),
        ([{"Key": "a", "Value": "v"}, {"Key": "A", "Value": "v"}], "Duplicate tag keys found. Please note that"),
    ],
)
def test_users_roles_and_sessions_have_the_same_rules_for_tags(two: Two, tags: Any, text: str) -> None:
    iam, sts = two.prod.client("iam"), two.dev.client("sts")
    iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trusting(Action=["sts:AssumeRole", "sts:TagSession"]))
    role = f"arn:aws:iam::{PROD}:role/Reader"
    for said in (
        refusal(iam.create_user, UserName="alice", Tags=tags),
        refusal(iam.tag_role, RoleName="Reader", Tags=tags),
        refusal(sts.assume_role, RoleArn=role, RoleSessionName="test", Tags=tags),
    ):
        assert said.startswith("400 ")
        assert text in said


def test_tags_may_have_letters_of_all_scripts(two: Two) -> None:
    tags = [{"Key": "équipe", "Value": "データ 1_.:/=+-@"}, {"Key": "empty", "Value": ""}]
    iam = two.prod.client("iam")
    iam.create_user(UserName="alice", Tags=tags)
    assert iam.list_user_tags(UserName="alice")["Tags"] == tags


def test_a_user_has_at_most_50_tags(two: Two) -> None:
    iam = two.prod.client("iam")
    iam.create_user(UserName="alice", Tags=TOO_MANY[:50])
    iam.tag_user(UserName="alice", Tags=[{"Key": "k0", "Value": "another"}])
    said = refusal(iam.tag_user, UserName="alice", Tags=[{"Key": "more", "Value": "v"}])
    assert said == "409 LimitExceeded: The number of tags has reached the maximum limit."


def test_a_tag_at_the_limits_is_accepted(two: Two) -> None:
    tags = [{"Key": "k" * 128, "Value": "v" * 256}]
    iam = two.prod.client("iam")
    iam.create_user(UserName="alice", Tags=tags)
    assert iam.list_user_tags(UserName="alice")["Tags"] == tags


def test_a_role_has_at_most_50_tags(two: Two) -> None:
    iam = two.prod.client("iam")
    iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trusting(), Tags=TOO_MANY[:49])
    iam.tag_role(RoleName="Reader", Tags=TOO_MANY[49:50])
    said = refusal(iam.tag_role, RoleName="Reader", Tags=TOO_MANY[50:])
    assert said == "409 LimitExceeded: The number of tags has reached the maximum limit."
