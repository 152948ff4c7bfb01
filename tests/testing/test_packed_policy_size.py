"""How much of a session token its policies and tags take."""

from __future__ import annotations

from typing import Any

import boto3

from .conftest import PROD, REGION, Two, allowing, refusal, trusting

READER: Any = {"RoleArn": f"arn:aws:iam::{PROD}:role/Reader", "RoleSessionName": "test"}


def reader(two: Two) -> Any:
    trust = trusting(Action=["sts:AssumeRole", "sts:TagSession"])
    two.prod.client("iam").create_role(RoleName="Reader", AssumeRolePolicyDocument=trust)
    return two.dev.client("sts").assume_role


def test_an_answer_says_how_much_is_taken(two: Two) -> None:
    assume = reader(two)
    assert "PackedPolicySize" not in assume(**READER)
    policy = assume(Policy=allowing("s3:*"), **READER)["PackedPolicySize"]
    both = assume(Policy=allowing("s3:*"), Tags=[{"Key": "team", "Value": "data"}], **READER)["PackedPolicySize"]
    assert 0 < policy < both < 100


def test_a_long_policy_is_too_large_when_it_is_packed(two: Two) -> None:
    policy = allowing("s3:GetObject", f"arn:aws:s3:::reports/{'a' * 1900}")
    said = refusal(reader(two), Policy=policy, **READER)
    assert said.startswith("400 PackedPolicyTooLarge: Packed policy consumes 1")
    assert said.endswith("% of allotted space, please use smaller policy.")


def test_many_tags_are_too_large_when_they_are_packed(two: Two) -> None:
    tags = [{"Key": f"key-{number:02}", "Value": "some value"} for number in range(50)]
    said = refusal(reader(two), Tags=tags, **READER)
    assert said == "400 PackedPolicyTooLarge: Packed size of session tags consumes 200% of allotted space."


def test_tags_that_passed_on_count_too(two: Two) -> None:
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


def test_policies_and_their_arns_are_short_together(two: Two) -> None:
    policy = allowing("s3:*")
    arns = [{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    said = refusal(reader(two), Policy=policy + " " * (2048 - len(policy)), PolicyArns=arns, **READER)
    assert said.startswith("400 ValidationError: ")
    assert "at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2002" in said
