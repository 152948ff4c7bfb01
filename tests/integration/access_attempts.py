"""Calls that AWS denies by its documentation, for two accounts of any fake of AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from attrs import frozen
from botocore.exceptions import ClientError

PROD, DEV, REGION = "111111111111", "222222222222", "us-east-1"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@frozen
class Accounts:
    prod: boto3.Session
    dev: boto3.Session


def administrator(account: str) -> boto3.Session:
    """Create a user who may do everything, as the root user of an account, whose access key is the account id."""
    iam = boto3.Session(account, "root", region_name=REGION).client("iam")
    iam.create_user(UserName="Administrator")
    return user_session(iam, "Administrator")


def user_session(iam: Any, name: str) -> boto3.Session:
    """Allow a user everything, and sign in as the user."""
    iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)


def trust(principal: str = DEV, condition: Mapping[str, object] | None = None) -> str:
    statement: dict[str, object] = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def make_role(accounts: Accounts, name: str, policy: str) -> object:
    return accounts.prod.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)


def assume(session: boto3.Session, name: str, **options: Any) -> object:
    role = f"arn:aws:iam::{PROD}:role/{name}"
    return session.client("sts").assume_role(RoleArn=role, RoleSessionName="test", **options)


def without_external_id(accounts: Accounts) -> object:
    make_role(accounts, "ExternalId", trust(condition={"StringEquals": {"sts:ExternalId": "acme-42"}}))
    return assume(accounts.dev, "ExternalId")


def a_role_that_is_not_there(accounts: Accounts) -> object:
    return assume(accounts.dev, "Missing")


def longer_than_the_role_allows(accounts: Accounts) -> object:
    make_role(accounts, "Short", trust())
    return assume(accounts.dev, "Short", DurationSeconds=7200)


def a_principal_that_is_not_there(accounts: Accounts) -> object:
    return make_role(accounts, "Nobody", trust(f"arn:aws:iam::{DEV}:user/nobody"))


def a_source_identity_without_permission(accounts: Accounts) -> object:
    make_role(accounts, "Identity", trust())
    return assume(accounts.dev, "Identity", SourceIdentity="somebody")


def a_recreated_user(accounts: Accounts) -> object:
    iam = accounts.dev.client("iam")
    iam.create_user(UserName="carol")
    make_role(accounts, "Recreated", trust(f"arn:aws:iam::{DEV}:user/carol"))
    iam.delete_user(UserName="carol")
    iam.create_user(UserName="carol")
    return assume(user_session(iam, "carol"), "Recreated")


def two_hours_in_a_chain(accounts: Accounts) -> object:
    accounts.prod.client("iam").create_role(
        RoleName="Last", AssumeRolePolicyDocument=trust(PROD), MaxSessionDuration=7200
    )
    make_role(accounts, "First", trust())
    everything = json.dumps(EVERYTHING)
    accounts.prod.client("iam").put_role_policy(RoleName="First", PolicyName="everything", PolicyDocument=everything)
    keys: Any = assume(accounts.dev, "First")
    keys = keys["Credentials"]
    first = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    return assume(first, "Last", DurationSeconds=7200)


def a_third_access_key(accounts: Accounts) -> object:
    iam = accounts.prod.client("iam")
    iam.create_user(UserName="keys")
    return [iam.create_access_key(UserName="keys") for _ in range(3)]


def a_policy_with_an_action_of_no_service(accounts: Accounts) -> object:
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "nothing", "Resource": "*"}}
    return accounts.prod.client("iam").create_policy(PolicyName="Malformed", PolicyDocument=json.dumps(policy))


def a_bucket_of_another_owner_than_expected(accounts: Accounts) -> object:
    s3 = accounts.prod.client("s3")
    s3.create_bucket(Bucket="bucket-of-production")
    return s3.list_objects_v2(Bucket="bucket-of-production", ExpectedBucketOwner=DEV)


Attempt = Callable[[Accounts], object]


@frozen
class Answers:
    """The error codes of AWS, by its documentation, of MiniStack and of moto with access control; None is allowed."""

    aws: str
    ministack: str | None
    moto: str | None


ATTEMPTS: dict[Attempt, Answers] = {
    without_external_id: Answers("AccessDenied", "AccessDenied", None),
    a_role_that_is_not_there: Answers("AccessDenied", "AccessDenied", None),
    longer_than_the_role_allows: Answers("ValidationError", None, None),
    two_hours_in_a_chain: Answers("ValidationError", None, "AccessDenied"),
    a_principal_that_is_not_there: Answers("MalformedPolicyDocument", None, None),
    a_source_identity_without_permission: Answers("AccessDenied", None, None),
    a_recreated_user: Answers("AccessDenied", None, None),
    a_third_access_key: Answers("LimitExceeded", None, "LimitExceeded"),
    a_policy_with_an_action_of_no_service: Answers("MalformedPolicyDocument", None, "MalformedPolicyDocument"),
    a_bucket_of_another_owner_than_expected: Answers("AccessDenied", None, None),
}


def answer(attempt: Attempt, accounts: Accounts) -> str | None:
    try:
        attempt(accounts)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def in_words(value: object) -> str:
    return getattr(value, "__name__", str(value)).replace("_", " ")
