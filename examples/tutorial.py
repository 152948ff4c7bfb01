"""The whole cross-account tutorial on two AWS accounts inside this process: no AWS, no credentials, no network.

The accounts are moto's. It keeps their state and enforces identity policies here, so that the refused write below is a
real refusal. It ignores trust policies, so that assuming the role proves nothing here about who may.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from unittest.mock import patch

# Whatever this machine knows of real accounts stays out of it, before boto3 looks.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

import boto3  # noqa: E402
from botocore.awsrequest import AWSPreparedRequest  # noqa: E402
from moto import mock_aws  # noqa: E402
from moto.core.authorization import enable_iam_authentication  # noqa: E402
from moto.core.botocore_stubber import BotocoreStubber  # noqa: E402

from xacct import ConsoleUser, Event, grant_cross_account_read  # noqa: E402

PRODUCTION, DEVELOPMENT = "111111111111", "222222222222"
BUCKET = "production-reports"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def administrator(account: str) -> boto3.Session:
    """A session of a new administrator of an account."""
    anybody = boto3.Session("AKIAIOSFODNN7EXAMPLE", "any", region_name="eu-central-1")
    sts = anybody.client("sts")
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/Founder", RoleSessionName="tutorial")["Credentials"]
    founder = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    iam = founder.client("iam")
    iam.create_user(UserName="Administrator")
    iam.attach_user_policy(UserName="Administrator", PolicyArn=ADMINISTRATOR)
    key = iam.create_access_key(UserName="Administrator")["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="eu-central-1")


@contextmanager
def one_request_at_a_time() -> Iterator[None]:
    """Moto keeps its state in plain dictionaries, and xacct calls from several threads."""
    answer, lock = BotocoreStubber.__call__, RLock()

    def answer_alone(stubber: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **_: object) -> object:
        with lock:
            return answer(stubber, event_name, request)

    with patch.object(BotocoreStubber, "__call__", answer_alone):
        yield


@contextmanager
def two_accounts() -> Iterator[tuple[boto3.Session, boto3.Session]]:
    """Administrators of production and development, in accounts that enforce identity policies from here on."""
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}), one_request_at_a_time():
        sessions = administrator(PRODUCTION), administrator(DEVELOPMENT)
        with enable_iam_authentication():
            yield sessions


def inventory(session: boto3.Session) -> set[str]:
    """What an account has: its users, roles, policies and buckets."""
    iam = session.client("iam")
    return {
        *(f"user {user['UserName']}" for user in iam.list_users()["Users"]),
        *(f"role {role['RoleName']}" for role in iam.list_roles()["Roles"]),
        *(f"policy {policy['PolicyName']}" for policy in iam.list_policies(Scope="Local")["Policies"]),
        *(f"bucket {bucket['Name']}" for bucket in session.client("s3").list_buckets()["Buckets"]),
    }


def step(number: int, text: str) -> None:
    """Say what comes next."""
    print(f"\n{number}. {text}")


def show(event: Event) -> None:
    """Print what ended."""
    if event.kind != "started":
        print(f"   {event}")


def tour(production: boto3.Session, development: boto3.Session) -> bool:
    """The tutorial, step by step.

    Returns:
        Whether everything went as it should.
    """
    before = inventory(production), inventory(development)
    step(1, f"In production ({PRODUCTION}) there is a bucket with an object.")
    s3 = production.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=BUCKET, Key="2026/january.csv", Body=b"region,revenue\nnorth,42\n")
    print(f"   s3://{BUCKET}/2026/january.csv")

    step(2, f"One call lets development ({DEVELOPMENT}) read S3 there, and makes a console user for it.")
    user = ConsoleUser("EC2UserForCrossAccount", managed_policy_arns=["arn:aws:iam::aws:policy/AmazonEC2FullAccess"])
    access = grant_cross_account_read(production, development, console_user=user, on_event=show)
    password = access.console_user.password if access.console_user else None
    print(f"   role         {access.role_arn}")
    print(f"   switch role  {access.switch_role_link.url}")
    print(f"   user         {user.name}, with a generated password of {len(password or '')} characters")

    step(3, "The same call again changes nothing.")
    again = grant_cross_account_read(production, development, console_user=user)
    print(f"   {len(again.changes)} changes")

    step(4, "As development, in the role: what is in the bucket?")
    reader = access.session().client("s3")
    print(f"   {reader.get_object(Bucket=BUCKET, Key='2026/january.csv')['Body'].read().decode()!r}")

    step(5, "Verify: what should work works, and what should be refused is refused.")
    verification = access.verify()
    print("\n".join(f"   {line}" for line in str(verification).splitlines()))
    print("   (These accounts ignore trust policies: who may assume the role is not proven here.)")

    step(6, "Take it all away: the grant, the user, the object and the bucket.")
    access.revoke()
    s3.delete_object(Bucket=BUCKET, Key="2026/january.csv")
    s3.delete_bucket(Bucket=BUCKET)
    after = inventory(production), inventory(development)
    print(f"   Both accounts are as they were: {after == before}")
    return verification.ok and not again.changes and after == before


def main() -> int:
    """Run the tutorial; 0 if everything went as it should."""
    print("Cross-account S3 access through an IAM role, on two AWS accounts inside this process.")
    with two_accounts() as (production, development):
        return 0 if tour(production, development) else 1


if __name__ == "__main__":
    sys.exit(main())
