"""Uploads with a presigned POST."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.config import Config

from xacct.testing import Sandbox

from .conftest import DEV, PROD, REGION, allowing
from .test_signature import error_of

VERSIONS = pytest.mark.parametrize("version", ["s3", "s3v4"])
ALICE = f"arn:aws:iam::{PROD}:user/alice"


@pytest.fixture
def aws() -> Iterator[Sandbox]:
    with Sandbox([PROD, DEV]) as aws:
        session = aws.account(PROD).session
        session.client("s3").create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
        iam = session.client("iam")
        iam.create_user(UserName="alice")
        document = allowing("s3:PutObject", "arn:aws:s3:::reports/in/*")
        iam.put_user_policy(UserName="alice", PolicyName="write", PolicyDocument=document)
        yield aws


def presigned(aws: Sandbox, version: str = "s3v4", style: Any = "virtual", **options: Any) -> Any:
    config = Config(signature_version=version, s3={"addressing_style": style})
    s3 = aws.sign_in(ALICE).client("s3", config=config)
    return s3.generate_presigned_post("reports", **{"Key": "in/${filename}", **options})


def send(form: Any, content: Any = b"42", **fields: str) -> requests.Response:
    data = {**form["fields"], **fields}
    return requests.post(form["url"], data=data, files={"file": ("k", content)}, timeout=5)


@VERSIONS
@pytest.mark.parametrize("style", ["virtual", "path"])
def test_a_presigned_post_uploads_as_its_signer(aws: Sandbox, version: str, style: str) -> None:
    assert send(presigned(aws, version, style)).status_code == 204
    call = aws.calls[-1]
    assert (call.operation, call.caller) == ("PostObject", ALICE)
    assert [(decision.action, decision.request.resource) for decision in call.decisions] == [
        ("s3:PutObject", "arn:aws:s3:::reports/in/k")
    ]
    s3 = aws.account(PROD).session.client("s3")
    assert s3.get_object(Bucket="reports", Key="in/k")["Body"].read() == b"42"


@VERSIONS
def test_a_presigned_post_needs_the_permission_of_its_signer(aws: Sandbox, version: str) -> None:
    assert error_of(send(presigned(aws, version, Key="out/k"))).startswith("403 AccessDenied: User: ")
    assert aws.account(PROD).session.client("s3").list_objects_v2(Bucket="reports")["KeyCount"] == 0


@VERSIONS
def test_a_form_with_another_policy_does_not_match_its_signature(aws: Sandbox, version: str) -> None:
    other = presigned(aws, version, ExpiresIn=4000)["fields"]["policy"]
    assert error_of(send(presigned(aws, version), policy=other)).startswith("403 SignatureDoesNotMatch")


@VERSIONS
def test_a_presigned_post_expires(aws: Sandbox, version: str) -> None:
    form = presigned(aws, version, ExpiresIn=60)
    aws.clock.advance(61)
    assert error_of(send(form)) == "403 AccessDenied: Invalid according to Policy: Policy expired."


def test_the_fields_of_a_form_meet_the_conditions_of_its_policy(aws: Sandbox) -> None:
    conditions = [["starts-with", "$Content-Type", "image/"], {"x-amz-meta-team": "red"}]
    form = presigned(aws, Conditions=conditions)
    given = {"Content-Type": "image/png", "x-amz-meta-team": "red"}
    assert send(form, **given).status_code == 204
    wrong = error_of(send(form, **{**given, "Content-Type": "text/html"}))
    assert "Policy Condition failed: [" in wrong
    assert "image/" in wrong
    assert error_of(send(form, **given, acl="public-read")) == (
        "403 AccessDenied: Invalid according to Policy: Extra input fields: acl"
    )


@pytest.mark.parametrize(("content", "code"), [(b"1", "EntityTooSmall"), (b"12345", "EntityTooLarge")])
def test_a_file_has_a_permitted_length(aws: Sandbox, content: bytes, code: str) -> None:
    form = presigned(aws, Conditions=[["content-length-range", 2, 4]])
    assert send(form, b"1234").status_code == 204
    assert error_of(send(form, content)).startswith(f"400 {code}: Your proposed upload ")


def test_a_form_without_a_signature_is_anonymous(aws: Sandbox) -> None:
    form = {"url": presigned(aws)["url"], "fields": {"key": "in/k"}}
    assert error_of(send(form)) == "403 AccessDenied: Access Denied"


def test_a_presigned_post_works_over_http(aws: Sandbox) -> None:
    with aws.serve() as server:
        s3 = aws.sign_in(ALICE).client("s3", endpoint_url=server.url)
        assert send(s3.generate_presigned_post("reports", "in/k")).status_code == 204
        admin = aws.account(PROD).session.client("s3", endpoint_url=server.url)
        url = admin.generate_presigned_url("get_object", Params={"Bucket": "reports", "Key": "in/k"})
        assert requests.get(url, timeout=5).content == b"42"
