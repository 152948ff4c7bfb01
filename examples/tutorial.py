"""The whole cross-account tutorial on two AWS accounts inside this process: no AWS, no credentials, no network.

The accounts are those of `xacct.testing`, which enforce IAM as AWS does: what is refused below is really refused.
"""

from __future__ import annotations

import sys

import boto3

from xacct import AssumeRoleDenied, ConsoleUser, Event, assume_role, grant_cross_account_read
from xacct.testing import Sandbox

PRODUCTION, DEVELOPMENT, STRANGERS = "111111111111", "222222222222", "333333333333"
BUCKET = "production-reports"


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


def tour(aws: Sandbox) -> bool:
    """The tutorial, step by step.

    Returns:
        Whether everything went as it should.
    """
    production, development = aws.account(PRODUCTION).session, aws.account(DEVELOPMENT).session
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

    step(4, f"{user.name} switches into the role and reads.")
    signed_in = aws.sign_in(f"arn:aws:iam::{DEVELOPMENT}:user/{user.name}")
    reader = assume_role(signed_in, access.role_arn).client("s3")
    print(f"   {reader.get_object(Bucket=BUCKET, Key='2026/january.csv')['Body'].read().decode()!r}")

    step(5, "Verify: what should work works, and what should be refused is refused.")
    verification = access.verify()
    print("\n".join(f"   {line}" for line in str(verification).splitlines()))

    step(6, f"Somebody of a third account ({STRANGERS}) tries the same.")
    refused = False
    try:
        assume_role(aws.account(STRANGERS).session, access.role_arn)
    except AssumeRoleDenied:
        refused = True
        print("\n".join(f"   {line}" for line in str(aws.calls[-1]).splitlines()))

    step(7, "Take it all away: the grant, the user, the object and the bucket.")
    access.revoke()
    s3.delete_object(Bucket=BUCKET, Key="2026/january.csv")
    s3.delete_bucket(Bucket=BUCKET)
    after = inventory(production), inventory(development)
    print(f"   Both accounts are as they were: {after == before}")
    return verification.ok and not again.changes and refused and after == before


def main() -> int:
    """Run the tutorial; 0 if everything went as it should."""
    print("Cross-account S3 access through an IAM role, on two AWS accounts inside this process.")
    with Sandbox([PRODUCTION, DEVELOPMENT, STRANGERS]) as aws:
        return 0 if tour(aws) else 1


if __name__ == "__main__":
    sys.exit(main())
