"""The main job against MiniStack, an independent server that enforces IAM, over HTTP.

`nox -s integration` installs and runs it. Where MiniStack differs from AWS, the test compares it with the sandbox.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from attrs import frozen
from botocore.exceptions import ClientError

from xacct import ConsoleUser, grant_cross_account_read
from xacct.testing import Sandbox

PROD, DEV, REGION = "111111111111", "222222222222", "us-east-1"
SERVER = shutil.which("ministack", path=str(Path(sys.executable).parent))

pytestmark = pytest.mark.skipif(SERVER is None, reason="MiniStack is not installed: nox -s integration")


@frozen
class Accounts:
    prod: boto3.Session
    dev: boto3.Session


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, folder = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("ministack")
    settings = {"AUTH": "true", "GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1"}
    with (folder / "log").open("w") as log, pytest.MonkeyPatch.context() as patch:
        server = subprocess.Popen([SERVER or ""], env={**os.environ, **settings}, stdout=log, stderr=log, cwd=folder)
        try:
            wait_for(f"{url}/_ministack/health")
            patch.setenv("AWS_ENDPOINT_URL", url)
            yield Accounts(administrator(PROD), administrator(DEV))
        finally:
            server.terminate()
            server.wait(timeout=20)


def wait_for(url: str) -> None:
    until = time.monotonic() + 60
    while not answers(url):
        if time.monotonic() > until:
            raise TimeoutError(f"nothing answers at {url}")
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True


def administrator(account: str) -> boto3.Session:
    """In MiniStack, the account id is the access key of the account's root user."""
    iam = boto3.Session(account, "root", region_name=REGION).client("iam")
    iam.create_user(UserName="Administrator")
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.put_user_policy(UserName="Administrator", PolicyName="everything", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="Administrator")["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)


def names(accounts: Accounts) -> list[str]:
    trusting, trusted = accounts.prod.client("iam"), accounts.dev.client("iam")
    return [
        *(role["RoleName"] for role in trusting.list_roles()["Roles"]),
        *(user["UserName"] for user in trusted.list_users()["Users"]),
        *(policy["PolicyName"] for policy in trusted.list_policies(Scope="Local")["Policies"]),
    ]


def test_the_main_job_verify_and_revoke(ministack: Accounts) -> None:
    before = names(ministack)
    s3 = ministack.prod.client("s3")
    s3.create_bucket(Bucket="production-reports")
    s3.put_object(Bucket="production-reports", Key="2026/january.csv", Body=b"42")

    # In MiniStack each account is the only one of an organization of its own.
    options: Any = {"console_user": ConsoleUser("ada"), "third_party": False}
    access = grant_cross_account_read(ministack.prod, ministack.dev, **options)
    reader = access.session().client("s3")
    assert reader.get_object(Bucket="production-reports", Key="2026/january.csv")["Body"].read() == b"42"
    assert [(check.expected, check.observed) for check in access.verify().checks] == [("allowed", "allowed")] * 4 + [
        ("refused", "refused"),
        ("yes", "yes"),
    ]
    again = grant_cross_account_read(ministack.prod, ministack.dev, **options)
    assert again.changes == ()
    access.revoke()
    assert names(ministack) == before


def trust(principal: str = DEV, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def make_role(accounts: Accounts, name: str, policy: str) -> None:
    accounts.prod.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)


def assume(session: boto3.Session, name: str, **options: Any) -> object:
    role = f"arn:aws:iam::{PROD}:role/{name}"
    return session.client("sts").assume_role(RoleArn=role, RoleSessionName="test", **options)


def without_external_id(accounts: Accounts) -> object:
    demanded = {"Condition": {"StringEquals": {"sts:ExternalId": "acme-42"}}}
    make_role(accounts, "ExternalId", trust(**demanded))
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
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.put_user_policy(UserName="carol", PolicyName="everything", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="carol")["AccessKey"]
    return assume(boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION), "Recreated")


Attempt = Callable[[Accounts], object]

# What AWS answers by its documentation, and what MiniStack does.
SAME: list[tuple[Attempt, str]] = [
    (without_external_id, "AccessDenied"),
    (a_role_that_is_not_there, "AccessDenied"),
]
OTHERWISE: list[tuple[Attempt, str, str | None]] = [
    (longer_than_the_role_allows, "ValidationError", None),
    (a_principal_that_is_not_there, "MalformedPolicyDocument", None),
    (a_source_identity_without_permission, "AccessDenied", None),
    (a_recreated_user, "AccessDenied", None),
]


def answer(attempt: Attempt, accounts: Accounts) -> str | None:
    try:
        attempt(accounts)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


@pytest.fixture
def sandbox() -> Iterator[Accounts]:
    with Sandbox([PROD, DEV], region=REGION) as aws:
        yield Accounts(aws.account(PROD).session, aws.account(DEV).session)


def in_words(attempt: object) -> str:
    return getattr(attempt, "__name__", str(attempt)).replace("_", " ")


@pytest.mark.parametrize(("attempt", "aws"), SAME, ids=in_words)
def test_ministack_refuses_as_aws_does(ministack: Accounts, attempt: Attempt, aws: str) -> None:
    assert answer(attempt, ministack) == aws


@pytest.mark.parametrize(("attempt", "aws", "theirs"), OTHERWISE, ids=in_words)
def test_ministack_lets_through_what_aws_refuses(
    ministack: Accounts, attempt: Attempt, aws: str, theirs: str | None
) -> None:
    assert answer(attempt, ministack) == theirs


@pytest.mark.parametrize(("attempt", "aws"), [*SAME, *((row[0], row[1]) for row in OTHERWISE)], ids=in_words)
def test_the_sandbox_refuses_all_of_it(sandbox: Accounts, attempt: Attempt, aws: str) -> None:
    assert answer(attempt, sandbox) == aws
