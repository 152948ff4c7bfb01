"""Authentication with access keys of users."""

from __future__ import annotations

import boto3

from .conftest import REGION, Two, create_user, refusal


def test_an_inactive_access_key_does_not_work_until_it_is_active_again(two: Two) -> None:
    create_user(two)
    iam = two.dev.client("iam")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    sts, s3 = alice.client("sts"), alice.client("s3")
    assert sts.get_caller_identity()["Arn"].endswith(":user/alice")

    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refusal(sts.get_caller_identity).startswith("403 InvalidClientTokenId: ")
    assert refusal(s3.list_buckets).startswith("403 InvalidAccessKeyId: ")

    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert sts.get_caller_identity()["Arn"].endswith(":user/alice")


def test_a_deleted_access_key_does_not_work(two: Two) -> None:
    create_user(two)
    iam = two.dev.client("iam")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    alice = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    assert refusal(alice.client("sts").get_caller_identity).startswith("403 InvalidClientTokenId: ")
