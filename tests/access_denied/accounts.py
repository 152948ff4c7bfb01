"""Two accounts with a role, and calls that are denied in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import boto3
import pytest
from attrs import frozen
from botocore.exceptions import ClientError

from xacct import AssumeRoleDenied, Explanation, assume_role, explain
from xacct.testing import Sandbox

PROD, DEV, OTHER = "111111111111", "222222222222", "333333333333"
REGION: Literal["eu-central-1"] = "eu-central-1"
ROLE, ALICE = f"arn:aws:iam::{PROD}:role/Reader", f"arn:aws:iam::{DEV}:user/alice"
EVE = f"arn:aws:iam::{OTHER}:user/eve"
BUCKET = "arn:aws:s3:::prod-reports"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(action: str, resource: str | None = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, **({"Resource": resource} if resource else {}), **more}


def deny(action: str, resource: str | None = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def trusting(*principals: str, **more: Any) -> dict[str, Any]:
    """Return the statement of a trust policy."""
    return allow("sts:AssumeRole", None, Principal={"AWS": list(principals)}, **more)


@frozen
class Both:
    """A role in PROD that trusts Alice in DEV, who has no permissions, and Eve in a third account."""

    aws: Sandbox
    prod: boto3.Session
    dev: boto3.Session

    @classmethod
    def set_up(cls, aws: Sandbox) -> Both:
        both = cls(aws, aws.account(PROD).session, aws.account(DEV).session)
        both.dev.client("iam").create_user(UserName="alice")
        both.prod.client("iam").create_role(RoleName="Reader", AssumeRolePolicyDocument=document(trusting(ALICE)))
        return both

    def give(self, *statements: dict[str, Any], user: str = "alice") -> None:
        iam = self.aws.account(DEV if user == "alice" else OTHER).session.client("iam")
        iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=document(*statements))

    def let_role(self, *statements: dict[str, Any]) -> None:
        policy = document(*statements)
        self.prod.client("iam").put_role_policy(RoleName="Reader", PolicyName="own", PolicyDocument=policy)

    def trust(self, *statements: dict[str, Any]) -> None:
        policy = document(*statements)
        self.prod.client("iam").update_assume_role_policy(RoleName="Reader", PolicyDocument=policy)

    def refusal(self, call: Callable[..., object], **options: Any) -> ClientError:
        with pytest.raises(ClientError) as caught:
            call(**options)
        return caught.value

    def assuming(self, role: str = ROLE, caller: str = ALICE, **options: Any) -> ClientError:
        sts = self.aws.sign_in(caller).client("sts")
        return self.refusal(sts.assume_role, RoleArn=role, RoleSessionName="test", **options)

    def denied(self, role: str = ROLE, **options: Any) -> AssumeRoleDenied:
        with pytest.raises(AssumeRoleDenied) as caught:
            assume_role(self.aws.sign_in(ALICE), role, session_name="test", **options)
        return caught.value

    def explain(self, error: ClientError | AssumeRoleDenied | str, **options: Any) -> Explanation:
        return explain(error, self.prod, self.dev, **options)

    def bucket(self, *statements: dict[str, Any], **encryption: Any) -> None:
        """Create the bucket prod-reports with an object k."""
        s3 = self.prod.client("s3")
        s3.create_bucket(Bucket="prod-reports", CreateBucketConfiguration={"LocationConstraint": REGION})
        if encryption:
            rules: Any = [{"ApplyServerSideEncryptionByDefault": encryption}]
            s3.put_bucket_encryption(Bucket="prod-reports", ServerSideEncryptionConfiguration={"Rules": rules})
        s3.put_object(Bucket="prod-reports", Key="k", Body=b"42")
        if statements:
            s3.put_bucket_policy(Bucket="prod-reports", Policy=document(*statements))

    def getting(self, caller: str | boto3.Session = ROLE) -> ClientError:
        """Return the error of reading the object, by the role unless another caller is given."""
        session = self.aws.sign_in(caller) if isinstance(caller, str) else caller
        return self.refusal(session.client("s3").get_object, Bucket="prod-reports", Key="k")


def join_organization(both: Both, account: str, *, management: str) -> boto3.Session:
    """Put an account into a new organization, and return a session of the management account."""
    both.aws.organization({"/": [account]}, management=management, access_role=None)
    return both.aws.account(management).session


def attach(management: boto3.Session, account: str, kind: Any, *statements: dict[str, Any]) -> str:
    """Attach a control policy to an account, and return its ID."""
    organizations = management.client("organizations")
    policy = organizations.create_policy(Content=document(*statements), Description="", Name="Guard", Type=kind)
    policy_id = str(policy["Policy"]["PolicySummary"].get("Id"))
    organizations.attach_policy(PolicyId=policy_id, TargetId=account)
    return policy_id
