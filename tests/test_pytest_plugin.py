"""The fixtures of the pytest plugin, in projects with and without moto fixtures of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from xacct import grant_cross_account_read
from xacct.testing import Sandbox

REFUSED = """
import pytest
from botocore.exceptions import ClientError

@pytest.mark.parametrize("number", range(4))
def test_an_untrusted_caller_is_refused(trusting_session, trusted_session, number):
    trusting_session.client("iam").create_user(UserName="new-in-every-test")
    with pytest.raises(ClientError, match="AccessDenied"):
        trusted_session.client("sts").assume_role(
            RoleArn="arn:aws:iam::111111111111:role/Reader", RoleSessionName="test")
"""
WITH_MOTO = """
import boto3
import pytest
from moto import mock_aws

@pytest.fixture(autouse=True)
def our_own_aws():
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="our-own")
        yield

def test_moto_outside_the_sandbox(xacct_sandbox, trusting_session):
    assert trusting_session.client("sts").get_caller_identity()["Account"] == "111111111111"

def test_moto_alone():
    assert boto3.client("s3").list_buckets()["Buckets"][0]["Name"] == "our-own"
"""
WITH_PLAIN_CLIENTS = """
import boto3
import pytest
from moto import mock_aws

ALICE = "arn:aws:iam::222222222222:user/alice"

def caller():
    return boto3.client("sts").get_caller_identity()["Arn"]

@pytest.mark.usefixtures("trusted_identity")
class TestWithAnAmbientIdentity:
    def test_the_administrator(self):
        assert caller() == "arn:aws:iam::222222222222:user/Administrator"

    @mock_aws
    def test_with_the_decorator_of_moto(self):
        assert caller() == "arn:aws:iam::222222222222:user/Administrator"

    def test_somebody_else(self, xacct_sandbox):
        boto3.client("iam").create_user(UserName="alice")
        with xacct_sandbox.acting_as(ALICE):
            assert caller() == ALICE
        assert caller() == "arn:aws:iam::222222222222:user/Administrator"

@mock_aws
def test_moto_afterwards():
    assert boto3.client("sts", region_name="us-east-1").get_caller_identity()["Account"] == "123456789012"
"""


def run(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_project.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "test_project.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)


def test_the_fixtures_provide_two_accounts(
    xacct_sandbox: Sandbox, trusting_session: boto3.Session, trusted_session: boto3.Session
) -> None:
    access = grant_cross_account_read(trusting_session, trusted_session)
    assert access.verify().ok
    assert "AssumeRole" in {call.operation for call in xacct_sandbox.calls}


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["in turn", "with xdist"])
def test_each_test_of_a_project_gets_new_accounts(tmp_path: Path, options: tuple[str, ...]) -> None:
    ran = run(tmp_path, REFUSED, *options)
    assert "4 passed" in ran.stdout, ran.stdout + ran.stderr


def test_moto_fixtures_of_the_project_keep_working(tmp_path: Path) -> None:
    ran = run(tmp_path, WITH_MOTO)
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr


def test_code_that_makes_its_own_clients_has_the_ambient_identity(tmp_path: Path) -> None:
    ran = run(tmp_path, WITH_PLAIN_CLIENTS)
    assert "4 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_plugin_does_not_import_boto3_before_a_fixture_is_used(tmp_path: Path) -> None:
    ran = run(tmp_path, "import sys\n\ndef test_it(): assert not {'boto3', 'moto'} & set(sys.modules)\n")
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr
