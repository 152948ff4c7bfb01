"""Authentication with access keys of users and with session tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config

from .conftest import DEV, REGION, Two, create_user, refusal
from .test_signature import error_of


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


def test_a_wrong_session_token_is_refused(two: Two) -> None:
    keys = two.dev.client("sts").get_session_token()["Credentials"]
    user = two.aws.account(DEV).key
    for access_key, secret in (
        (keys["AccessKeyId"], keys["SecretAccessKey"]),
        (user.access_key_id, user.secret_access_key),
    ):
        session = boto3.Session(access_key, secret, "garbage", region_name=REGION)
        assert [refusal(call) for call in first_calls(session)] == [
            "400 InvalidToken: The provided token is malformed or otherwise invalid.",
            "403 InvalidClientTokenId: The security token included in the request is invalid.",
            "403 InvalidClientTokenId: The security token included in the request is invalid.",
            "400 UnrecognizedClientException: The security token included in the request is invalid.",
        ]


def test_only_s3_answers_calls_without_credentials(two: Two) -> None:
    anonymous = Config(signature_version=UNSIGNED)
    session = boto3.Session(region_name=REGION)
    missing = "Request is missing Authentication Token"
    assert [refusal(call) for call in first_calls(session, config=anonymous)] == [
        "403 AccessDenied: Access Denied",
        f"403 MissingAuthenticationToken: {missing}",
        f"403 MissingAuthenticationToken: {missing}",
        f"400 MissingAuthenticationTokenException: {missing}",
    ]
    assume = session.client("sts", config=anonymous).assume_role
    role = {"RoleArn": f"arn:aws:iam::{DEV}:role/Reader", "RoleSessionName": "me"}
    assert refusal(assume, **role) == f"403 MissingAuthenticationToken: {missing}"


def test_an_unknown_kind_of_authorization_is_refused(two: Two) -> None:
    headers = {"Authorization": "Basic YTpi"}
    hosts = {"s3": "400 InvalidArgument: Unsupported", "iam": "400 IncompleteSignature: ", "sts": "400 Incomplete"}
    for service, error in hosts.items():
        response = requests.post(f"https://{service}.amazonaws.com/", headers=headers, timeout=5)
        assert error_of(response).startswith(error)


def first_calls(session: boto3.Session, **options: Any) -> list[Callable[[], object]]:
    """Return a call of each service."""
    services: Any = {"s3": "list_buckets", "iam": "list_users", "sts": "get_caller_identity", "kms": "list_keys"}
    return [getattr(session.client(service, **options), name) for service, name in services.items()]
