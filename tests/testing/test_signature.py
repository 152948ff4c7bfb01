"""Signatures of both versions, in headers, presigned URLs and forms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from xacct.testing import Sandbox

from .conftest import DEV, PROD, REGION, allowing, refusal, trusting

ADMINISTRATOR = f"arn:aws:iam::{PROD}:user/Administrator"
VERSIONS = pytest.mark.parametrize("version", ["s3", "s3v4"])


@pytest.fixture
def aws() -> Iterator[Sandbox]:
    with Sandbox([PROD, DEV]) as aws:
        s3 = aws.account(PROD).session.client("s3")
        s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="reports", Key="a b/ü", Body=b"42")
        yield aws


def s3_client(session: boto3.Session, version: str, style: Any = "auto", region: str = REGION) -> Any:
    config = Config(s3={"addressing_style": style}, signature_version=version)
    return session.client("s3", config=config, region_name=region)


def presigned(client: Any, method: str = "get_object", **options: Any) -> str:
    return str(client.generate_presigned_url(method, Params={"Bucket": "reports", "Key": "a b/ü"}, **options))


def error_of(response: requests.Response) -> str:
    code, _, rest = response.text.partition("<Code>")[2].partition("</Code>")
    return f"{response.status_code} {code}: {rest.partition('<Message>')[2].partition('</Message>')[0]}"


def test_the_urls_that_boto3_presigns_by_default_are_those_of_their_signer(aws: Sandbox) -> None:
    s3 = aws.account(PROD).session.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="default")
    s3.put_object(Bucket="default", Key="k", Body=b"42")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "default", "Key": "k"})
    assert requests.get(url, timeout=5).content == b"42"
    assert aws.calls[-1].caller == ADMINISTRATOR


@VERSIONS
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_a_presigned_url_reads_and_writes_as_its_signer(aws: Sandbox, version: str, style: str) -> None:
    s3 = s3_client(aws.account(PROD).session, version, style)
    assert requests.put(presigned(s3, "put_object"), data=b"43", timeout=5).status_code == 200
    assert requests.get(presigned(s3), timeout=5).content == b"43"
    assert aws.calls[-1].caller == ADMINISTRATOR


@VERSIONS
def test_a_presigned_url_of_a_session_carries_its_token(aws: Sandbox, version: str) -> None:
    iam = aws.account(PROD).session.client("iam")
    iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trusting(PROD))
    iam.put_role_policy(RoleName="Reader", PolicyName="read", PolicyDocument=allowing("s3:GetObject"))
    url = presigned(s3_client(aws.sign_in(f"arn:aws:iam::{PROD}:role/Reader"), version))
    assert requests.get(url, timeout=5).content == b"42"
    aws.clock.advance(3601)
    assert error_of(requests.get(url, timeout=5)).startswith(("400 ExpiredToken", "403 AccessDenied"))


@VERSIONS
def test_a_changed_presigned_url_does_not_match_its_signature(aws: Sandbox, version: str) -> None:
    url = presigned(s3_client(aws.account(PROD).session, version, "path"))
    expected = (
        "403 SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )
    assert error_of(requests.get(url.replace("/reports/", "/others/"), timeout=5)) == expected
    assert error_of(requests.put(url, data=b"1", timeout=5)) == expected


@VERSIONS
def test_a_presigned_url_expires(aws: Sandbox, version: str) -> None:
    s3 = s3_client(aws.account(PROD).session, version)
    url = presigned(s3, ExpiresIn=60)
    aws.clock.advance(58)
    assert requests.get(url, timeout=5).content == b"42"
    aws.clock.advance(2)
    assert error_of(requests.get(url, timeout=5)) == "403 AccessDenied: Request has expired"
    assert requests.get(presigned(s3, ExpiresIn=60), timeout=5).content == b"42"


def test_a_presigned_url_is_valid_for_a_week_at_most(aws: Sandbox) -> None:
    s3 = s3_client(aws.account(PROD).session, "s3v4")
    assert requests.get(presigned(s3, ExpiresIn=604800), timeout=5).status_code == 200
    for seconds, rule in ((604801, "must be less than a week"), (-1, "must be non-negative")):
        text = error_of(requests.get(presigned(s3, ExpiresIn=seconds), timeout=5))
        assert text.startswith("400 AuthorizationQueryParametersError: X-Amz-Expires")
        assert rule in text


def test_a_request_with_a_signature_of_version_2_in_its_header_is_verified(aws: Sandbox) -> None:
    s3 = s3_client(aws.account(PROD).session, "s3")
    assert s3.get_object(Bucket="reports", Key="a b/ü")["Body"].read() == b"42"
    wrong = boto3.Session(aws.account(PROD).key.access_key_id, "wrong", region_name=REGION)
    assert refusal(s3_client(wrong, "s3").list_buckets).startswith("403 SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("service", "method", "old", "new"),
    [
        ("s3", "list_buckets", "403 RequestTimeTooSkewed: The difference between the request time and the current", ""),
        ("iam", "list_users", "403 SignatureDoesNotMatch: Signature expired: ", "Signature not yet current: "),
        ("kms", "list_keys", "400 InvalidSignatureException: Signature expired: ", "Signature not yet current: "),
    ],
)
def test_a_request_that_was_signed_at_another_time_is_refused(
    aws: Sandbox, monkeypatch: pytest.MonkeyPatch, service: Any, method: str, old: str, new: str
) -> None:
    call = getattr(aws.account(PROD).session.client(service), method)
    now = aws.clock.now()
    for minutes, text in ((-16, old), (16, new), (-14, None)):
        signed = (now + timedelta(minutes=minutes)).replace(tzinfo=None)
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda time=signed: time)
        if text is None:
            call()
        else:
            assert text in refusal(call)


def test_requests_of_clients_are_accepted_after_the_clock_was_advanced(aws: Sandbox) -> None:
    aws.clock.advance(24 * 3600)
    assert aws.account(PROD).session.client("s3").list_buckets()["Buckets"]


@pytest.mark.parametrize(
    ("service", "method", "error"),
    [
        (
            "s3",
            "list_buckets",
            (
                "400 AuthorizationHeaderMalformed: The authorization header is malformed; the region 'nowhere-1' is "
                "wrong; expecting 'us-east-1'"
            ),
        ),
        ("sts", "get_caller_identity", "403 SignatureDoesNotMatch: Credential should be scoped to a valid region. "),
        ("kms", "list_keys", "400 InvalidSignatureException: Credential should be scoped to a valid region. "),
    ],
)
def test_a_request_for_a_region_that_does_not_exist_is_refused(
    aws: Sandbox, service: Any, method: str, error: str
) -> None:
    client: Any = aws.account(PROD).session.client(service, region_name="nowhere-1")
    assert refusal(getattr(client, method)) == error


def test_a_client_finds_the_region_of_a_bucket_by_itself(aws: Sandbox) -> None:
    s3 = aws.account(PROD).session.client("s3", region_name="nowhere-1")
    assert s3.get_object(Bucket="reports", Key="a b/ü")["Body"].read() == b"42"
