"""The estimate of PackedPolicySize, and the limits of session policies and session tags."""

from __future__ import annotations

import math
from typing import Any

import boto3

from .conftest import PROD, REGION, Two, allowing, refusal, trusting

READER: Any = {"RoleArn": f"arn:aws:iam::{PROD}:role/Reader", "RoleSessionName": "test"}


def reader(two: Two) -> Any:
    trust = trusting(Action=["sts:AssumeRole", "sts:TagSession"])
    two.prod.client("iam").create_role(RoleName="Reader", AssumeRolePolicyDocument=trust)
    return two.dev.client("sts").assume_role


def test_assume_role_returns_the_packed_policy_size(two: Two) -> None:
    assume = reader(two)
    assert "PackedPolicySize" not in assume(**READER)
    policy = assume(Policy=allowing("s3:*"), **READER)["PackedPolicySize"]
    both = assume(Policy=allowing("s3:*"), Tags=[{"Key": "team", "Value": "data"}], **READER)["PackedPolicySize"]
    assert 0 < policy < both < 100


def test_a_long_session_policy_is_too_large(two: Two) -> None:
    policy = allowing("s3:GetObject", f"arn:aws:s3:::reports/{'a' * 1900}")
    said = refusal(reader(two), Policy=policy, **READER)
    assert said.startswith("400 PackedPolicyTooLarge: Packed policy consumes 1")
    assert said.endswith("% of allotted space, please use smaller policy.")


def test_many_session_tags_are_too_large(two: Two) -> None:
    tags = [{"Key": f"key-{number:02}", "Value": "some value"} for number in range(50)]
    said = refusal(reader(two), Tags=tags, **READER)
    assert said == "400 PackedPolicyTooLarge: Packed size of session tags consumes 200% of allotted space."


def test_inherited_session_tags_count_too(two: Two) -> None:
    tags = [{"Key": f"key-{number:02}", "Value": "some value"} for number in range(24)]
    role = {"AWS": READER["RoleArn"]}
    assume = reader(two)
    two.prod.client("iam").create_role(
        RoleName="Next", AssumeRolePolicyDocument=trusting(role, Action=["sts:AssumeRole", "sts:TagSession"])
    )
    keys = assume(Tags=tags, TransitiveTagKeys=[tag["Key"] for tag in tags], **READER)["Credentials"]
    chained = boto3.client(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=REGION,
    )
    said = refusal(
        chained.assume_role,
        RoleArn=READER["RoleArn"].replace("Reader", "Next"),
        RoleSessionName="test",
        Tags=[{"Key": "more", "Value": "v" * 40}],
    )
    assert "400 PackedPolicyTooLarge" in said


def test_a_session_policy_and_policy_arns_have_at_most_2048_characters_together(two: Two) -> None:
    policy = allowing("s3:*")
    arns = [{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    assume = reader(two)
    said = refusal(assume, Policy=policy + " " * (2048 - len(policy)), PolicyArns=arns, **READER)
    assert said.startswith("400 ValidationError: ")
    assert "at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2002" in said
    fits = assume(Policy=policy + " " * (2002 - len(policy)), PolicyArns=arns, **READER)
    assert fits["PackedPolicySize"] == math.ceil(0.06 * (len(policy.replace(" ", "")) + 46))


def test_the_packed_size_may_be_100_percent(two: Two) -> None:
    assume = reader(two)
    # Each character of a tag takes a quarter of a percent.
    tags = [{"Key": "k", "Value": "v" * 199}, {"Key": "l", "Value": "v" * 199}]
    assert assume(Tags=tags, **READER)["PackedPolicySize"] == 100
    said = refusal(assume, Tags=[*tags, {"Key": "m", "Value": ""}], **READER)
    assert said == "400 PackedPolicyTooLarge: Packed size of session tags consumes 101% of allotted space."
