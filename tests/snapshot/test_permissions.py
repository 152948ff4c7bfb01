"""The policies in ``docs/permissions`` for snapshots and organizations allow every call, and no other action."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from tests.snapshot.resources import create_in_each_service

from xacct import Organization, PolicyDocument, Snapshot
from xacct.testing import Sandbox

PERMISSIONS = Path(__file__).parents[2] / "docs" / "permissions"
HOME = "111111111111"
# Calls whose action has another name, or that need no permission.
ACTIONS = {"s3:ListBuckets": "s3:ListAllMyBuckets", "sts:GetCallerIdentity": None}


def documented(name: str) -> set[str]:
    document = PolicyDocument.parse((PERMISSIONS / f"{name}.json").read_text())
    return {action for statement in document.statements for action in statement.actions}


def actions_of(read: Callable[[boto3.Session], object]) -> set[str]:
    """Return the actions that reading an account with resources in each service needs."""
    with mock_aws():
        session = boto3.Session("any", "any", region_name="eu-central-1")
        create_in_each_service(session)
        s3, organizations = session.client("s3"), session.client("organizations")
        s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        session.client("kms").create_key()
        organizations.create_organization(FeatureSet="ALL")
        calls: set[str] = set()

        def note(model: Any, **_: object) -> None:
            calls.add(f"{model.service_model.service_name}:{model.name}")

        session.events.register("before-parameter-build.*.*", note)
        read(session)
        return {action for call in calls if (action := ACTIONS.get(call, call)) is not None}


def test_the_documented_actions_of_a_snapshot_are_those_that_it_calls() -> None:
    assert actions_of(lambda session: Snapshot.read(session, "all")) == documented("snapshot")


def test_the_documented_actions_of_an_organization_are_those_that_it_calls() -> None:
    assert actions_of(Organization.read) == documented("organization")


@pytest.mark.parametrize("denied", [None, "s3:GetBucketPolicy"])
def test_with_the_documented_policy_nothing_is_missing(denied: str | None) -> None:
    with Sandbox([HOME]) as aws:
        session = aws.account(HOME).session
        s3, iam = session.client("s3"), session.client("iam")
        s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": session.region_name})  # type: ignore[typeddict-item]
        session.client("kms").create_key()
        iam.create_user(UserName="auditor")
        document = json.loads((PERMISSIONS / "snapshot.json").read_text())
        if denied is not None:
            document["Statement"].append({"Effect": "Deny", "Action": denied, "Resource": "*"})
        iam.put_user_policy(UserName="auditor", PolicyName="Read", PolicyDocument=json.dumps(document))
        snapshot = Snapshot.read(aws.sign_in(f"arn:aws:iam::{HOME}:user/auditor"), ["s3", "kms"])
    assert snapshot.missing == (
        () if denied is None else (f"resource policy of arn:aws:s3:::reports (the caller may not {denied})",)
    )
