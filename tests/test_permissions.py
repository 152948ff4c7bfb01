"""The policies in ``docs/permissions`` allow every call that xacct makes, and no other action."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from attrs import evolve
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from xacct import (
    ApplyFailed,
    ConsoleUser,
    DevAccessGrant,
    Patience,
    PolicyDocument,
    Statement,
    TrustGrant,
    grant_cross_account_read,
    plan,
    s3_read_policy,
)
from xacct.testing.moto_state import MotoState

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
TRUSTING, TRUSTED = "111111111111", "222222222222"
POLICIES = {
    TRUSTING: PolicyDocument.parse((ROOT / "docs/permissions/trusting.json").read_text()),
    TRUSTED: PolicyDocument.parse((ROOT / "docs/permissions/trusted.json").read_text()),
}
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
EC2_FULL = "arn:aws:iam::aws:policy/AmazonEC2FullAccess"
USER = ConsoleUser("EC2UserForCrossAccount", managed_policy_arns=[EC2_FULL])
RENAMED = {"GetBucketEncryption": "GetEncryptionConfiguration"}
RENAMED_BACK = {f"s3:{action}": f"s3:{call}" for call, action in RENAMED.items()}

Call = tuple[str, str, str, str | None]


def resource(account: str, service: str, arguments: Mapping[str, Any]) -> str:
    """Return the ARN of the resource that AWS authorizes a call on."""
    if service == "s3":
        return f"arn:aws:s3:::{arguments['Bucket']}"
    if service == "kms":
        return f"arn:aws:kms:eu-central-1:{account}:key/any"
    if service == "sts":
        return str(arguments["RoleArn"])
    for kind in ("role", "user"):
        if name := arguments.get(f"{kind.title()}Name"):
            return f"arn:aws:iam::{account}:{kind}/{name}"
    if name := arguments.get("PolicyName"):
        return f"arn:aws:iam::{account}:policy/{name}"
    return str(arguments.get("PolicyArn", "*"))


def allowed(call: Call) -> bool:
    """Return whether a statement of the documents allows a call."""
    account, action, on, policy = call

    def matches(statement: Statement) -> bool:
        patterns = [re.escape(pattern).replace(r"\*", ".*") for pattern in statement.resources]
        policies = [value for condition in statement.conditions for value in condition.values]
        return (
            action in statement.actions
            and any(re.fullmatch(pattern, on) for pattern in patterns)
            and (not policies or policy in policies)
        )

    return any(matches(statement) for statement in POLICIES[account].statements)


@pytest.fixture
def accounts() -> Iterator[tuple[boto3.Session, boto3.Session, set[Call]]]:
    """Yield sessions of both accounts, and the set of the calls that they make."""
    calls: set[Call] = set()
    with mock_aws():
        # Loads these two AWS managed policies into moto: all of them take seconds.
        state = MotoState("aws", frozenset(POLICIES))
        for account in POLICIES:
            for policy in (S3_READ, EC2_FULL):
                state.managed_policy(account, policy)
        sts = boto3.client("sts", "eu-central-1", aws_access_key_id="any", aws_secret_access_key="any")

        def session(account: str) -> boto3.Session:
            role = f"arn:aws:iam::{account}:role/Administrator"
            keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
            made = boto3.Session(
                keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="eu-central-1"
            )

            def note(params: Mapping[str, Any], model: Any, **_: object) -> None:
                service = model.service_model.service_name
                action = f"{service}:{RENAMED.get(model.name, model.name)}"
                if action != "sts:GetCallerIdentity":  # which needs no permission
                    on = resource(account, service, params)
                    calls.add((account, action, on, params.get("PolicyArn")))

            made.events.register("before-parameter-build.*.*", note)
            return made

        yield session(TRUSTING), session(TRUSTED), calls


def test_every_call_of_the_tutorial_is_allowed(
    accounts: tuple[boto3.Session, boto3.Session, set[Call]],
) -> None:
    production, development, calls = accounts
    grant_cross_account_read(production, development, console_user=USER)
    grant_cross_account_read(production, development, console_user=USER).revoke()
    assert len(calls) > 20
    assert [call for call in calls if not allowed(call)] == []


def test_every_call_of_an_updated_grant_on_an_encrypted_bucket_is_allowed(
    accounts: tuple[boto3.Session, boto3.Session, set[Call]],
) -> None:
    production, development, calls = accounts
    key = production.client("kms").create_key()["KeyMetadata"]["KeyId"]
    s3 = production.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket="reports", ServerSideEncryptionConfiguration={"Rules": [rule]})
    calls.clear()

    grant_cross_account_read(production, development, console_user=USER)
    access = grant_cross_account_read(production, development, console_user=USER, buckets=["reports"])
    bounded = evolve(access.trust, permissions_boundary=S3_READ, description="Another", tags={"team": "data"})
    plan(bounded, access.dev_access, trusting=production, trusted=development).apply()
    # A policy has five versions at most, so that the last update deletes one.
    for year in range(2090, 2096):
        dated = evolve(access.dev_access, expires=datetime(year, 1, 1, tzinfo=timezone.utc))
        plan(access.trust, dated, trusting=production, trusted=development).apply()
    access.revoke()
    assert {action for _, action, _, _ in calls} >= {
        "kms:DescribeKey",
        "s3:GetBucketLocation",
        "iam:DeletePolicyVersion",
        "iam:UpdateRole",
    }
    assert [call for call in calls if not allowed(call)] == []


def test_every_call_of_a_roll_back_is_allowed(accounts: tuple[boto3.Session, boto3.Session, set[Call]]) -> None:
    production, development, calls = accounts
    trust = TrustGrant(account=TRUSTING, principals=[TRUSTED], policies={"Read": s3_read_policy(["reports"])})
    dev = DevAccessGrant(account=TRUSTED, role_arns=trust.role_arn, console_user=USER, tags={"team": "data"})
    plan(trust, dev, trusting=production, trusted=development).apply()
    broken = evolve(trust, managed_policy_arns=[S3_READ], tags={"team": "web"})
    changed = evolve(dev, role_arns=[f"arn:aws:iam::{TRUSTING}:role/Other"], tags={"team": "web"})
    production.events.register("before-send.iam.AttachRolePolicy", refused)
    calls.clear()
    with pytest.raises(ApplyFailed, match="AttachRolePolicy") as failed:
        plan(broken, changed, trusting=production, trusted=development, patience=Patience(deadline=0)).apply()
    assert failed.value.rolled_back
    assert failed.value.remaining == ()
    assert [call for call in calls if not allowed(call)] == []


def refused(**_: object) -> Any:
    """Return IAM's denial of a call."""
    denial = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>denied: iam:AttachRolePolicy</Message></Error>"
    response: Any = AWSResponse("https://iam", 403, HTTPHeaders(), None)
    response._content = f"{denial}</ErrorResponse>".encode()
    return response


@pytest.mark.parametrize("account", POLICIES)
def test_every_listed_action_is_used_by_xacct(account: str) -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "src/xacct").rglob("*.py"))
    operations = {
        action: RENAMED_BACK.get(action, action) for s in POLICIES[account].statements for action in s.actions
    }
    unused = [action for action, operation in operations.items() if snake_case(operation) not in source]
    assert unused == []


def snake_case(action: str) -> str:
    """Return the name of the boto3 method that requires an action."""
    name = action.split(":")[1]
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
