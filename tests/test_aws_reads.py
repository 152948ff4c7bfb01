"""The reads that several modules share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoRegionError, SSOTokenLoadError
from botocore.stub import Stubber

from xacct.aws_reads import bucket_kms_key, bucket_region, caller_arn, managed_policy_document, principals_of_policy
from xacct.errors import AwsError, InvalidCredentials, SessionExpired
from xacct.testing import Sandbox

ACCOUNT, REGION = "111111111111", "eu-central-1"


@pytest.fixture
def session() -> Iterator[boto3.Session]:
    with Sandbox([ACCOUNT], region=REGION) as aws:
        yield aws.account(ACCOUNT).session


@pytest.mark.parametrize(
    ("answer", "region"),
    [
        ({"LocationConstraint": None}, "us-east-1"),
        ({"LocationConstraint": "EU"}, "eu-west-1"),
        ({"LocationConstraint": REGION}, REGION),
    ],
)
def test_the_region_of_a_bucket_follows_from_its_location_constraint(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch, answer: dict[str, str | None], region: str
) -> None:
    s3 = session.client("s3")
    monkeypatch.setattr(s3, "get_bucket_location", lambda **_: answer)
    assert bucket_region(s3, "reports") == region


def test_the_default_key_of_a_bucket_is_found_only_if_it_encrypts_with_kms(session: boto3.Session) -> None:
    s3 = session.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    found = []
    for default in (
        None,
        {"SSEAlgorithm": "AES256"},
        {"SSEAlgorithm": "aws:kms"},
        {"SSEAlgorithm": "aws:kms:dsse", "KMSMasterKeyID": "alias/reports"},
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "1234"},
    ):
        if default is not None:
            rules: Any = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
            s3.put_bucket_encryption(Bucket="reports", ServerSideEncryptionConfiguration=rules)
        found.append(bucket_kms_key(s3, "reports"))
    assert found == [None, None, None, "alias/reports", "1234"]


def test_a_bucket_that_does_not_exist_is_an_error(session: boto3.Session) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        bucket_kms_key(session.client("s3"), "reports")


def test_the_default_version_of_a_managed_policy_is_read(session: boto3.Session) -> None:
    iam = session.client("iam")
    documents = [
        f'{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "s3:{a}", "Resource": "*"}}}}'
        for a in ("GetObject", "ListBucket")
    ]
    arn = iam.create_policy(PolicyName="Read", PolicyDocument=documents[0])["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=documents[1], SetAsDefault=True)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=documents[0], SetAsDefault=False)
    document = managed_policy_document(iam, arn)
    assert (document.statements[0].actions, document.name) == (("s3:ListBucket",), arn)


def test_the_principals_of_a_policy_do_not_include_those_whose_boundary_it_is(session: boto3.Session) -> None:
    iam, arn = session.client("iam"), f"arn:aws:iam::{ACCOUNT}:policy/Read"
    answer = {"PolicyGroups": [{"GroupName": "team"}], "PolicyUsers": [], "PolicyRoles": [{"RoleName": "Build"}]}
    with Stubber(iam) as stubber:
        # The sandbox never lists boundaries here, so the request is checked.
        stubber.add_response(
            "list_entities_for_policy", answer, {"PolicyArn": arn, "PolicyUsageFilter": "PermissionsPolicy"}
        )
        assert principals_of_policy(iam, arn) == {("group", "team"), ("role", "Build")}


def test_expired_credentials_are_named_with_what_to_do(session: boto3.Session) -> None:
    sts = session.client("sts")
    with Stubber(sts) as stub:
        stub.add_client_error("get_caller_identity", "ExpiredToken", "The token has expired", 403)
        with pytest.raises(SessionExpired, match=r"the trusted session failed: its credentials have expired\. Sign in"):
            caller_arn(sts, "trusted")
        stub.add_client_error("get_caller_identity", "InvalidClientTokenId", "The token is invalid", 403)
        with pytest.raises(
            InvalidCredentials, match="the trusted session failed: AWS rejects its credentials"
        ) as error:
            caller_arn(sts, "trusted")
        assert error.value.code == "InvalidClientTokenId"
        stub.add_client_error("get_caller_identity", "Unexpected", "No reason", 400)
        with pytest.raises(AwsError, match="the session") as error:
            caller_arn(sts, "session")
        assert (type(error.value), error.value.code) == (AwsError, "Unexpected")


def test_an_expired_sign_in_to_identity_center_says_which_command_renews_it(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sts = session.client("sts")

    def fail() -> None:
        raise SSOTokenLoadError(error_msg="the token has expired")

    monkeypatch.setattr(sts, "get_caller_identity", fail)
    with pytest.raises(SessionExpired, match="Run aws sso login, or"):
        caller_arn(sts, "trusting")
    with pytest.raises(SessionExpired, match="Run aws sso login --profile prod, or"):
        caller_arn(sts, "trusting", profile="prod")


def test_an_error_of_the_configuration_is_named_with_what_to_check(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sts = session.client("sts")

    def fail() -> None:
        raise NoRegionError

    monkeypatch.setattr(sts, "get_caller_identity", fail)
    with pytest.raises(AwsError, match=r"specify a region\.\. Check its profile and region"):
        caller_arn(sts, "trusting")


def test_an_error_that_is_not_about_aws_is_raised_as_it_is(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sts = session.client("sts")

    def fail() -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(sts, "get_caller_identity", fail)
    with pytest.raises(RuntimeError, match="something else"):
        caller_arn(sts, "trusting")
