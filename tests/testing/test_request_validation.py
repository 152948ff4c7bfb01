"""Requests that clients of boto3 do not send: unknown operations, missing parameters, bodies of another form."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from attrs import frozen
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from xacct.testing import Sandbox, Server

from .conftest import PROD, REGION
from .test_signature import error_of

QUERY = {"Content-Type": "application/x-www-form-urlencoded"}
MALFORMED_XML = (
    "400 MalformedXML: The XML you provided was not well-formed or did not validate against our published schema"
)
FIRST_BYTE = "400 MalformedPolicy: Policies must be valid JSON and the first byte must be '{'"
ROLE = f"RoleArn=arn:aws:iam::{PROD}:role/Reader&RoleSessionName=me"


class _ChunksAuth(S3SigV4Auth):
    """Signs a body in chunks as one that is not signed."""

    def payload(self, request: Any) -> str:
        return "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@frozen
class Served:
    aws: Sandbox
    server: Server

    def send(self, service: str, body: bytes, method: str = "POST", path: str = "/", **headers: str) -> str:
        """Send a signed request, and return the error of its response."""
        key = self.aws.account(PROD).key
        credentials = Credentials(key.access_key_id, key.secret_access_key)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method=method, url=self.server.url + path, data=body, headers=sent)
        kinds: dict[str, type[SigV4Auth]] = {"s3": _ChunksAuth if "Content_Encoding" in headers else S3SigV4Auth}
        kinds.get(service, SigV4Auth)(credentials, service, REGION).add_auth(request)
        prepared = request.prepare()
        response = requests.request(method, prepared.url, data=body, headers=dict(prepared.headers.items()), timeout=5)
        if "json" in response.headers.get("content-type", ""):
            answer = response.json()
            return f"{response.status_code} {answer['__type']}: {answer['message']}"
        return error_of(response)

    def query(self, service: str, body: str) -> str:
        return self.send(service, body.encode(), Content_Type="application/x-www-form-urlencoded")

    def kms(self, operation: str, body: bytes) -> str:
        target = f"TrentService.{operation}"
        return self.send("kms", body, Content_Type="application/x-amz-json-1.1", X_Amz_Target=target)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Sandbox([PROD]) as aws, aws.serve() as server:
        s3 = aws.account(PROD).session.client("s3")
        s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
        yield Served(aws, server)


@pytest.mark.parametrize(
    ("service", "body", "error"),
    [
        ("iam", "", "400 MissingAction: "),
        ("iam", "Action=Nope&Version=2010-05-08", "400 InvalidAction: Could not find operation Nope for version 2010"),
        ("iam", "Action=ListUsers&MaxItems=abc", "400 MalformedInput: "),
        ("sts", f"Action=AssumeRole&{ROLE}&DurationSeconds=abc", "400 MalformedInput: "),
        ("sts", "Action=GetSessionToken&DurationSeconds=1e3", "400 MalformedInput: "),
        (
            "iam",
            "Action=CreateUser",
            (
                "400 ValidationError: 1 validation error detected: Value null at 'userName' failed to satisfy "
                "constraint: Member must not be null"
            ),
        ),
        ("iam", "Action=CreateRole", "400 ValidationError: 2 validation errors detected: Value null at 'roleName' "),
        ("iam", "Action=CreateServiceLinkedRole&AWSServiceName=ec2", "400 InvalidInput: "),
        ("iam", "Action=SimulatePrincipalPolicy", "400 ValidationError: 2 validation errors detected: "),
        (
            "iam",
            "Action=TagRole&RoleName=Reader&Tags.member.1.Key=team",
            "400 ValidationError: 1 validation error detected: Value null at 'tags.1.member.value' failed",
        ),
        ("sts", "Action=AssumeRole", "400 ValidationError: 2 validation errors detected: "),
        ("sts", "Action=AssumeRoleWithWebIdentity", "400 ValidationError: 3 validation errors detected: "),
    ],
)
def test_a_query_that_does_not_match_its_operation_is_refused(
    served: Served, service: str, body: str, error: str
) -> None:
    assert served.query(service, body).startswith(error)


@pytest.mark.parametrize(
    ("operation", "body", "error"),
    [
        ("Nope", b"{}", "UnknownOperationException: "),
        ("Encrypt", b"[]", "SerializationException: Start of list found where not expected"),
        ("ListKeys", b"{", "SerializationException: "),
        ("ListKeys", b"\xff", "SerializationException: "),
        ("Encrypt", b'"x"', "SerializationException: "),
        ("Encrypt", b'{"KeyId": 1, "Plaintext": "NDI="}', "SerializationException: "),
        ("Decrypt", b'{"CiphertextBlob": 1}', "SerializationException: "),
        ("GenerateRandom", b"{}", "ValidationException: "),
        ("RetireGrant", b"{}", "ValidationException: "),
        ("CreateKey", b'{"Tags": [1]}', "SerializationException: "),
        (
            "Encrypt",
            b'{"KeyId": "alias/reports"}',
            (
                "ValidationException: 1 validation error detected: Value null at 'plaintext' failed to satisfy "
                "constraint: Member must not be null"
            ),
        ),
    ],
)
def test_json_that_does_not_match_its_operation_is_refused(
    served: Served, operation: str, body: bytes, error: str
) -> None:
    assert served.kms(operation, body).startswith(f"400 {error}")


@pytest.mark.parametrize(
    "body",
    [b"<Tagging>", b"<x/>", b"\xff\xfe", b"{}", b"<Tagging/>", b"<Tagging><TagSet><Tag/></TagSet></Tagging>"],
)
def test_xml_that_does_not_match_its_operation_is_refused(served: Served, body: bytes) -> None:
    assert served.send("s3", body, "PUT", "/reports?tagging") == MALFORMED_XML


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("POST", "/reports?delete", b"<Delete/>", MALFORMED_XML),
        ("POST", "/reports?delete", b"<Delete><Object/></Delete>", MALFORMED_XML),
        ("PUT", "/reports?lifecycle", b"", "400 MissingRequestBodyError: Request Body is empty"),
        ("PUT", "/new", b"<bad", MALFORMED_XML),
        ("PUT", "/reports?policy", b"\xff\xfe", FIRST_BYTE),
        ("PUT", "/reports?policy", b"[]", FIRST_BYTE),
        ("PUT", "/reports?policy", b"", FIRST_BYTE),
        ("PUT", "/reports?policy", b"{}", "400 MalformedPolicy: Missing required field Statement"),
        ("GET", "/reports?list-type=2&max-keys=abc", b"", "400 InvalidArgument: Provided max-keys not an integer"),
        ("GET", "/reports/k?partNumber=abc", b"", "400 InvalidArgument: Part number must be an integer between 1 and"),
        ("PATCH", "/reports/k", b"", "405 MethodNotAllowed: "),
    ],
)
def test_a_request_that_s3_does_not_understand_is_refused(
    served: Served, method: str, path: str, body: bytes, error: str
) -> None:
    assert served.send("s3", body, method, path).startswith(error)


@pytest.mark.parametrize("source", ["%ff", "reports", "/reports/"])
def test_a_copy_names_a_bucket_and_a_key(served: Served, source: str) -> None:
    said = served.send("s3", b"", "PUT", "/reports/k", x_amz_copy_source=source)
    assert said.startswith("400 InvalidArgument: Invalid copy source object key")


@pytest.mark.parametrize(
    ("body", "length", "code"),
    [
        (b"5\r\nhello\r\n0\r\n\r\n", 5, ""),
        (b"zz\r\nhello\r\n0\r\n\r\n", 5, "400 IncompleteBody"),
        (b"9\r\nhello\r\n0\r\n\r\n", 5, "400 IncompleteBody"),
        (b"5\r\nhello\r\n", 5, "400 IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\n", 6, "400 IncompleteBody"),
        (b"", 0, "400 IncompleteBody"),
    ],
)
def test_chunks_have_the_lengths_that_they_name(served: Served, body: bytes, length: int, code: str) -> None:
    said = served.send(
        "s3", body, "PUT", "/reports/k", Content_Encoding="aws-chunked",
        X_Amz_Decoded_Content_Length=str(length),
    )  # fmt: skip
    assert said.startswith(code or "200 ")


def test_streams_of_clients_are_accepted(served: Served) -> None:
    session = served.aws.account(PROD).session
    options: tuple[Any, ...] = ({}, {"endpoint_url": served.server.url})
    for option in options:
        s3 = session.client("s3", **option)
        s3.put_object(Bucket="reports", Key="stream", Body=io.BytesIO(b"hello" * 1000))
        assert s3.get_object(Bucket="reports", Key="stream")["Body"].read() == b"hello" * 1000


def test_an_operation_that_moto_does_not_implement_is_an_error_with_its_name(served: Served) -> None:
    said = served.query("iam", "Action=GetMFADevice&SerialNumber=arn:aws:iam::111111111111:mfa/phone")
    assert said == "501 NotImplemented: iam:GetMFADevice is not implemented in the sandbox"
