"""AWS's cross-account tutorial, on accounts inside this process: no AWS account, no credentials, no network.

The accounts are those of `xacct.testing`. They enforce IAM policies as AWS does, so every denial below is a real one.
"""

from __future__ import annotations

import sys

import boto3

from xacct import AssumeRoleDenied, ConsoleUser, Event, assume_role, grant_cross_account_read
from xacct.testing import Sandbox

PRODUCTION, DEVELOPMENT, OTHER = "111111111111", "222222222222", "333333333333"
BUCKET = "production-reports"


def inventory(session: boto3.Session) -> set[str]:
    """Return the users, roles, policies and buckets of an account."""
    iam = session.client("iam")
    return {
        *(f"user {user['UserName']}" for user in iam.list_users()["Users"]),
        *(f"role {role['RoleName']}" for role in iam.list_roles()["Roles"]),
        *(f"policy {policy['PolicyName']}" for policy in iam.list_policies(Scope="Local")["Policies"]),
        *(f"bucket {bucket['Name']}" for bucket in session.client("s3").list_buckets()["Buckets"]),
    }


def step(number: int, text: str) -> None:
    """Print the heading of a step."""
    print(f"\n{number}. {text}")


def show(event: Event) -> None:
    """Print the event of a step that ended."""
    if event.kind != "started":
        print(f"   {event}")


def tour(aws: Sandbox) -> bool:
    """Run the tutorial, and return whether every step had the expected result."""
    production, development = aws.account(PRODUCTION).session, aws.account(DEVELOPMENT).session
    before = inventory(production), inventory(development)
    step(1, f"The production account ({PRODUCTION}) has a bucket with an object.")
    s3 = production.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=BUCKET, Key="2026/january.csv", Body=b"region,revenue\nnorth,42\n")
    print(f"   s3://{BUCKET}/2026/january.csv")

    step(2, f"One call gives the development account ({DEVELOPMENT}) read access, and creates a console user there.")
    user = ConsoleUser("EC2UserForCrossAccount", managed_policy_arns=["arn:aws:iam::aws:policy/AmazonEC2FullAccess"])
    access = grant_cross_account_read(production, development, console_user=user, on_event=show)
    password = access.console_user.password if access.console_user else None
    print(f"   role         {access.role_arn}")
    print(f"   switch role  {access.switch_role_link.url}")
    print(f"   user         {user.name}, with a generated password of {len(password or '')} characters")

    step(3, "The same call again changes nothing, because both accounts are up to date.")
    again = grant_cross_account_read(production, development, console_user=user)
    print(f"   changes      {len(again.changes)}")

    step(4, f"{user.name} assumes the role and reads the object.")
    signed_in = aws.sign_in(f"arn:aws:iam::{DEVELOPMENT}:user/{user.name}")
    reader = assume_role(signed_in, access.role_arn).client("s3")
    text = reader.get_object(Bucket=BUCKET, Key="2026/january.csv")["Body"].read().decode()
    print("\n".join(f"   {line}" for line in text.splitlines()))

    step(5, "Verification: reading works, and writing is refused.")
    verification = access.verify()
    print("\n".join(f"   {line}" for line in str(verification).splitlines()))

    step(6, f"A user of a third account ({OTHER}) cannot assume the role. The sandbox shows why:")
    refused = False
    try:
        assume_role(aws.account(OTHER).session, access.role_arn)
    except AssumeRoleDenied:
        refused = True
        print("\n".join(f"   {line}" for line in str(aws.calls[-1]).splitlines()))

    step(7, "Clean up: revoke the grant, and delete the object and the bucket.")
    access.revoke()
    s3.delete_object(Bucket=BUCKET, Key="2026/january.csv")
    s3.delete_bucket(Bucket=BUCKET)
    after = inventory(production), inventory(development)
    print(f"   Both accounts are as they were before step 1: {after == before}")
    return verification.ok and not again.changes and refused and after == before


def main() -> int:
    """Run the tutorial; return the exit status."""
    print("Cross-account read access to S3 through an IAM role, on AWS accounts inside this process.")
    with Sandbox([PRODUCTION, DEVELOPMENT, OTHER]) as aws:
        return 0 if tour(aws) else 1


if __name__ == "__main__":
    sys.exit(main())
