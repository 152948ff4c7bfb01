"""The ambient identity: plain clients of boto3 in a sandbox are those of a principal."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from moto import mock_aws

from xacct import InvalidValue, XacctError, assume_role
from xacct.testing import Sandbox

from .conftest import DEV, PROD, REGION, Two, allowing, create_role, create_user, refusal

ADMINISTRATOR, ALICE = f"arn:aws:iam::{DEV}:user/Administrator", f"arn:aws:iam::{DEV}:user/alice"


def caller() -> str:
    """Return the caller of the code under test, which makes its own client."""
    return boto3.client("sts").get_caller_identity()["Arn"]


def test_plain_clients_and_new_sessions_are_of_the_principal_within_the_block(two: Two) -> None:
    create_user(two)
    with two.aws.acting_as(ALICE) as session:
        assert caller() == ALICE
        assert boto3.Session().client("sts").get_caller_identity()["Arn"] == ALICE
        assert session.client("sts").get_caller_identity()["Arn"] == ALICE
        assert boto3.client("s3").meta.region_name == os.environ["AWS_REGION"] == REGION
    with pytest.raises(NoCredentialsError):
        caller()


def test_its_permissions_are_enforced(two: Two) -> None:
    create_user(two)
    two.dev.client("iam").put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=allowing("s3:ListAll*"))
    with two.aws.acting_as(ALICE):
        assert boto3.client("s3").list_buckets()["Buckets"] == []
        assert refusal(boto3.client("iam").list_roles).startswith(f"403 AccessDenied: User: {ALICE} is not authorized")


def test_blocks_can_be_nested_and_each_end_restores(two: Two) -> None:
    create_user(two)
    role = create_role(two)["Arn"]
    before = dict(os.environ)
    with two.aws.acting_as(ALICE):
        outer = boto3.DEFAULT_SESSION
        with two.aws.acting_as(role):
            assert caller() == f"arn:aws:sts::{PROD}:assumed-role/Reader/sign-in"
        assert caller() == ALICE
        assert outer is None
        with pytest.raises(ValueError, match="in the block"), two.aws.acting_as(two.prod):
            raise ValueError("in the block")
        assert caller() == ALICE
    assert dict(os.environ) == before
    assert boto3.DEFAULT_SESSION is None


def test_the_credentials_and_the_region_of_a_session_are_used_as_they_are(two: Two) -> None:
    role = create_role(two)["Arn"]
    session = boto3.Session(
        two.aws.account(DEV).key.access_key_id, two.aws.account(DEV).key.secret_access_key, region_name="us-west-2"
    )
    with two.aws.acting_as(session):
        assert caller() == ADMINISTRATOR
        assert "AWS_SESSION_TOKEN" not in os.environ
        assert boto3.client("s3").meta.region_name == "us-west-2"
        with two.aws.acting_as(assume_role(two.dev, role, session_name="reports")):
            assert caller() == f"arn:aws:sts::{PROD}:assumed-role/Reader/reports"
        assert "AWS_SESSION_TOKEN" not in os.environ


def test_a_session_without_a_region_gets_that_of_the_sandbox(two: Two) -> None:
    key = two.aws.account(DEV).key
    with two.aws.acting_as(boto3.Session(key.access_key_id, key.secret_access_key)):
        assert boto3.client("s3").meta.region_name == REGION


def test_threads_of_the_code_under_test_have_the_identity(two: Two) -> None:
    barrier = threading.Barrier(2, timeout=20)

    def call(_: int) -> str:
        session = boto3.Session()
        barrier.wait()
        return session.client("sts").get_caller_identity()["Arn"]

    with two.aws.acting_as(ADMINISTRATOR), ThreadPoolExecutor(2) as threads:
        assert [*threads.map(call, range(2))] == [ADMINISTRATOR] * 2


@mock_aws
def as_decorated_by_the_project() -> str:
    return caller()


def test_mock_aws_within_the_block_keeps_the_identity(two: Two) -> None:
    create_user(two)
    with two.aws.acting_as(ALICE):
        assert as_decorated_by_the_project() == ALICE
        with mock_aws():
            assert caller() == ALICE
        assert caller() == ALICE


def test_mock_aws_of_the_project_may_be_around_the_sandbox_or_around_the_block() -> None:
    with mock_aws():
        ours = boto3.client("sts", region_name=REGION).get_caller_identity()["Account"]
        with Sandbox([PROD, DEV], region=REGION) as aws:
            with mock_aws(), aws.acting_as(ADMINISTRATOR):
                assert caller() == ADMINISTRATOR
            with aws.acting_as(ADMINISTRATOR):
                assert caller() == ADMINISTRATOR
        assert boto3.client("sts", region_name=REGION).get_caller_identity()["Account"] == ours


def test_an_unknown_principal_cannot_act(two: Two) -> None:
    with pytest.raises(InvalidValue, match="the ARN of an existing user, role or root user"), two.aws.acting_as(ALICE):
        pass


def test_a_session_without_credentials_cannot_act(two: Two) -> None:
    with pytest.raises(InvalidValue, match="a session with credentials"), two.aws.acting_as(boto3.Session()):
        pass


def test_nobody_acts_in_a_closed_sandbox() -> None:
    def act(who: Any) -> None:
        with pytest.raises(XacctError, match="is not open"), aws.acting_as(who):
            pass

    aws = Sandbox([PROD, DEV])
    act(ADMINISTRATOR)
    with aws:
        session = aws.account(DEV).session
    act(session)
    act(ADMINISTRATOR)
