"""A sandbox with two accounts for each test, and short ways to write policies and calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from attrs import frozen
from botocore.exceptions import ClientError

from xacct.testing import Sandbox

PROD, DEV = "111111111111", "222222222222"
REGION = "eu-central-1"


@frozen
class Two:
    """A sandbox with a production and a development account, and the sessions of their administrators."""

    aws: Sandbox
    prod: boto3.Session
    dev: boto3.Session


@pytest.fixture
def two() -> Iterator[Two]:
    with Sandbox([PROD, DEV], region=REGION) as aws:
        yield Two(aws, aws.account(PROD).session, aws.account(DEV).session)


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def trusting(principal: Any = DEV, **more: Any) -> str:
    """Return a trust policy for AWS principals, or with this Principal element."""
    element = principal if isinstance(principal, dict) or principal == "*" else {"AWS": principal}
    return document({"Effect": "Allow", "Principal": element, "Action": "sts:AssumeRole", **more})


def allowing(action: str | list[str], resource: str = "*") -> str:
    return document({"Effect": "Allow", "Action": action, "Resource": resource})


def refusal(call: Callable[..., object], **options: Any) -> str:
    """Return the status, code and message of the error of a call."""
    with pytest.raises(ClientError) as caught:
        call(**options)
    error = caught.value.response
    return f"{error['ResponseMetadata']['HTTPStatusCode']} {error['Error']['Code']}: {error['Error']['Message']}"


def create_role(two: Two, trust: str | None = None, **options: Any) -> Any:
    parameters = {"RoleName": "Reader", "AssumeRolePolicyDocument": trust or trusting(), **options}
    return two.prod.client("iam").create_role(**parameters)["Role"]


def create_user(two: Two, name: str = "alice", **options: Any) -> Any:
    return two.dev.client("iam").create_user(UserName=name, **options)["User"]
