from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from xacct.errors import AwsError, InvalidCredentials, InvalidValue
from xacct.session.assume import assume_role
from xacct.session.console import _signin_token, console_url
from xacct.testing import Sandbox

PROD, DEV = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{PROD}:role/Reader"
NEXT = f"arn:aws:iam::{PROD}:role/Auditor"
FEDERATION = "https://signin.aws.amazon.com/federation"


@pytest.fixture
def aws() -> Iterator[Sandbox]:
    with Sandbox([PROD, DEV]) as aws:
        iam = aws.account(PROD).session.client("iam")
        for name, trusted in (("Reader", DEV), ("Auditor", PROD)):
            trust = {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}
            iam.create_role(
                RoleName=name,
                AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
                MaxSessionDuration=43_200,
            )
        allowed = {"Effect": "Allow", "Action": ["sts:AssumeRole", "s3:ListAllMyBuckets"], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName="Reader", PolicyName="read", PolicyDocument=document)
        yield aws


@pytest.fixture
def role(aws: Sandbox) -> boto3.Session:
    return assume_role(aws.account(DEV).session, ROLE, session_name="alice")


def parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def caller(session: boto3.Session) -> str:
    return session.client("sts").get_caller_identity()["Arn"]


def test_the_link_signs_in_as_the_role_session(aws: Sandbox, role: boto3.Session) -> None:
    url = console_url(role)
    assert url.startswith(f"{FEDERATION}?Action=login&")
    console = aws.open_console(url)
    assert caller(console) == f"arn:aws:sts::{PROD}:assumed-role/Reader/alice"
    assert console.client("s3").list_buckets()["Buckets"] == []


@pytest.mark.parametrize(
    ("destination", "page"),
    [
        ("", "https://console.aws.amazon.com/"),
        ("s3", "https://console.aws.amazon.com/s3/home?region=eu-central-1"),
        ("s3/buckets/reports?tab=objects", "https://console.aws.amazon.com/s3/buckets/reports?tab=objects"),
        ("https://eu-west-1.console.aws.amazon.com/ec2/", "https://eu-west-1.console.aws.amazon.com/ec2/"),
    ],
)
def test_the_destination_is_a_service_a_path_or_a_url_of_the_console(
    role: boto3.Session, destination: str, page: str
) -> None:
    assert parameters(console_url(role, destination))["Destination"] == page


@pytest.mark.parametrize(
    "destination",
    [
        "https://example.com/",
        "https://console.aws.amazon.com.example.com/",
        "https://console.aws.amazon.com@example.com/",
        "http://console.aws.amazon.com/",
        "//example.com",
        "/s3",
        "S3 buckets",
        "javascript:alert(1)",
    ],
)
def test_another_site_is_no_destination(aws: Sandbox, role: boto3.Session, destination: str) -> None:
    with pytest.raises(InvalidValue, match=r"destination: .*a service such as s3"):
        console_url(role, destination)


def test_the_issuer_is_sent(role: boto3.Session) -> None:
    assert "Issuer" not in parameters(console_url(role))
    assert parameters(console_url(role, issuer="https://login.example.com"))["Issuer"] == "https://login.example.com"
    with pytest.raises(InvalidValue, match="issuer"):
        console_url(role, issuer="login.example.com")


class TestDuration:
    def test_is_that_of_the_credentials_by_default(self, aws: Sandbox, role: boto3.Session) -> None:
        console = aws.open_console(console_url(role))
        aws.clock.advance(3595)
        caller(console)
        aws.clock.advance(10)
        with pytest.raises(ClientError, match="ExpiredToken"):
            caller(console)

    @pytest.mark.parametrize("duration", [7200, timedelta(hours=2)])
    def test_can_be_longer_than_that_of_the_credentials(
        self, aws: Sandbox, role: boto3.Session, duration: int | timedelta
    ) -> None:
        console = aws.open_console(console_url(role, duration=duration))
        aws.clock.advance(7195)
        caller(console)

    @pytest.mark.parametrize("duration", [899, 43_201, timedelta(minutes=14), True, 3600.5, "3600"])
    def test_is_15_minutes_to_12_hours(self, role: boto3.Session, duration: Any) -> None:
        with pytest.raises(InvalidValue, match="duration"):
            console_url(role, duration=duration)

    def test_is_rejected_for_a_session_of_role_chaining(self, aws: Sandbox, role: boto3.Session) -> None:
        second = assume_role(role, NEXT)
        with pytest.raises(InvalidValue, match=r"duration: .*role chaining. Leave it out"):
            console_url(second, duration=3600)
        assert caller(aws.open_console(console_url(second))) == f"arn:aws:sts::{PROD}:assumed-role/Auditor/alice"

    def test_is_rejected_by_aws_if_only_aws_knows_of_the_chaining(self, aws: Sandbox, role: boto3.Session) -> None:
        keys = role.client("sts").assume_role(RoleArn=NEXT, RoleSessionName="alice")["Credentials"]
        chained = boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="eu-central-1"
        )
        console_url(chained)
        with pytest.raises(AwsError, match=r"HTTP status 400. .*leave duration out") as caught:
            console_url(chained, duration=3600)
        assert caught.value.account == PROD


class TestSessions:
    def test_of_the_console_are_accepted(self, aws: Sandbox) -> None:
        signed_in = aws.sign_in(ROLE)
        assert caller(aws.open_console(console_url(signed_in))) == f"arn:aws:sts::{PROD}:assumed-role/Reader/sign-in"

    def test_of_a_user_are_rejected(self, aws: Sandbox) -> None:
        user = aws.account(DEV).session
        keys = user.client("sts").get_session_token()["Credentials"]
        temporary = boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="eu-central-1"
        )
        for session in (user, temporary):
            with pytest.raises(
                InvalidValue, match=r"user/Administrator' is not valid: the console accepts role sessions"
            ):
                console_url(session)

    @pytest.mark.parametrize("session", [None, ROLE])
    def test_of_another_type_are_rejected(self, session: Any) -> None:
        with pytest.raises(InvalidValue, match="session"):
            console_url(session)

    def test_without_credentials_are_rejected(self, monkeypatch: pytest.MonkeyPatch, aws: Sandbox) -> None:
        with pytest.raises(InvalidCredentials):
            console_url(boto3.Session(region_name="eu-central-1"))

    def test_that_have_ended_are_refused_by_aws(self, aws: Sandbox, role: boto3.Session) -> None:
        console_url(role)
        aws.account(PROD).session.client("iam").delete_role_policy(RoleName="Reader", PolicyName="read")
        aws.account(PROD).session.client("iam").delete_role(RoleName="Reader")
        with pytest.raises(AwsError, match="HTTP status 400"):
            console_url(role)


@pytest.mark.parametrize(
    ("partition", "host", "page"),
    [
        ("aws-cn", "signin.amazonaws.cn", "https://console.amazonaws.cn/s3/home?region=cn-north-1"),
        (
            "aws-us-gov",
            "signin.amazonaws-us-gov.com",
            "https://console.amazonaws-us-gov.com/s3/home?region=us-gov-west-1",
        ),
    ],
)
def test_the_endpoint_is_that_of_the_partition(partition: str, host: str, page: str) -> None:
    with Sandbox([PROD], partition=partition) as aws:
        role = f"arn:{partition}:iam::{PROD}:role/Reader"
        trust = {"Effect": "Allow", "Principal": {"AWS": PROD}, "Action": "sts:AssumeRole"}
        aws.account(PROD).session.client("iam").create_role(
            RoleName="Reader",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        url = console_url(aws.sign_in(role), "s3")
        assert url.startswith(f"https://{host}/federation?Action=login")
        assert parameters(url)["Destination"] == page
        assert ":assumed-role/Reader/" in caller(aws.open_console(url))


def test_a_partition_whose_console_is_not_published_is_rejected(base: boto3.Session, sts: Any) -> None:
    other = boto3.Session("AKIAALICE", "alices-secret", region_name="us-iso-east-1")
    session = assume_role(other, "arn:aws-iso:iam::111111111111:role/Reader", session_name="nightly")
    with pytest.raises(InvalidValue, match="does not publish"):
        console_url(session)


class Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


@pytest.mark.parametrize("body", ["<html>", "[]", "{}"])
def test_an_answer_without_a_token_is_an_error_that_does_not_show_it(base: boto3.Session, sts: Any, body: str) -> None:
    session = assume_role(base, ROLE, session_name="nightly")
    session.events.register(
        "before-send.signin", lambda request, **_: AWSResponse(request.url, 200, {}, Raw(body.encode()))
    )
    with pytest.raises(AwsError, match="answered with HTTP status 200") as caught:
        console_url(session)
    assert body not in str(caught.value)


class TestHttp:
    """The request itself, to a server on this machine."""

    @pytest.fixture
    def server(self) -> Iterator[Any]:
        class Handler(BaseHTTPRequestHandler):
            paths: list[str] = []  # noqa: RUF012
            status = 200

            def do_GET(self) -> None:
                self.paths.append(self.path)
                self.send_response(self.status)
                self.end_headers()
                self.wfile.write(b'{"SigninToken": "token-of-the-console"}')

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield Handler, f"http://127.0.0.1:{server.server_port}/federation"
            server.shutdown()
            thread.join()

    @pytest.fixture
    def session(self, base: boto3.Session) -> boto3.Session:
        return assume_role(base, ROLE, session_name="nightly")

    def test_sends_the_credentials_and_shows_them_nowhere(
        self, session: boto3.Session, server: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "")
        handler, endpoint = server
        assert _signin_token(session, endpoint, 900, PROD) == "token-of-the-console"
        sent = parameters(handler.paths[0])
        assert json.loads(sent.pop("Session")) == {
            "sessionId": "ASIA0", "sessionKey": "hush-0", "sessionToken": "token-0",
        }  # fmt: skip
        assert sent == {"Action": "getSigninToken", "SessionDuration": "900"}
        handler.status = 400
        with pytest.raises(AwsError, match="HTTP status 400") as refused:
            _signin_token(session, endpoint, None, PROD)
        assert "duration" not in str(refused.value)
        shown = caplog.text + repr(refused.value) + repr(refused.value.__context__)
        for secret in ("hush-0", "token-0", "token-of-the-console"):
            assert secret not in shown

    def test_that_does_not_arrive_is_reported_without_the_credentials(self, session: boto3.Session) -> None:
        with pytest.raises(AwsError, match=r"http://127.0.0.1:9/federation could not be reached") as caught:
            _signin_token(session, "http://127.0.0.1:9/federation", None, PROD)
        assert "hush-0" not in repr(caught.value)
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
