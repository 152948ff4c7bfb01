from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from xacct.errors import AssumeRoleDenied, InvalidValue
from xacct.session.assume import assume_role
from xacct.session.credentials_endpoint import credentials_endpoint

# The package has a function of this name.
MODULE = import_module("xacct.session.credentials_endpoint")
ROLE = "arn:aws:iam::111111111111:role/Reader"
URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
# Prints the access key of botocore's default credentials for each line of its input.
PRINT_KEYS = """
import sys, botocore.session
session = botocore.session.Session()
credentials = session.get_credentials()
for line in sys.stdin:
    frozen = credentials.get_frozen_credentials()
    print(credentials.method, frozen.access_key, frozen.secret_key, frozen.token, frozen.account_id, flush=True)
"""


@pytest.fixture
def session(base: boto3.Session) -> boto3.Session:
    return assume_role(base, ROLE)


@pytest.fixture
def variables(session: boto3.Session) -> Iterator[dict[str, str]]:
    with credentials_endpoint(session) as variables:
        yield variables


def ask(
    variables: Mapping[str, str],
    *,
    method: str = "GET",
    path: str | None = None,
    token: str | None = "right",
    host: str | None = None,
) -> tuple[int, Any]:
    """Send a request, the right one by default, and return the status and the JSON of the answer."""
    uri = urlsplit(variables[URI])
    headers = {"Host": host or uri.netloc}
    if token is not None:
        headers["Authorization"] = variables[TOKEN] if token == "right" else token
    connection = HTTPConnection("127.0.0.1", uri.port or 0, timeout=10)
    try:
        connection.request(method, uri.path if path is None else path, headers=headers)
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status, json.loads(answer.read() or "null")
    finally:
        connection.close()


def raw(variables: Mapping[str, str], *parts: bytes) -> bytes:
    """Send bytes, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", urlsplit(variables[URI]).port or 0), timeout=10) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
            while received := connection.recv(65536):
                answer += received
        except ConnectionError:
            pass  # the endpoint closed the connection with unread data
        return answer


def test_the_answer_has_the_form_of_container_credentials(variables: dict[str, str]) -> None:
    assert ask(variables) == (
        200,
        {
            "RoleArn": ROLE,
            "AccessKeyId": "ASIA0",
            "SecretAccessKey": "hush-0",
            "Token": "token-0",
            "Expiration": "2030-01-01T01:00:00Z",
            "AccountId": "111111111111",
        },
    )


def test_the_environment_names_this_machine_and_has_no_credentials(variables: dict[str, str]) -> None:
    assert variables.keys() == {URI, TOKEN}
    uri = urlsplit(variables[URI])
    assert (uri.scheme, uri.hostname) == ("http", "127.0.0.1")
    assert not [secret for secret in ("ASIA0", "hush-0", "token-0") if secret in str(variables)]


def test_each_endpoint_has_another_token_and_path(session: boto3.Session) -> None:
    with credentials_endpoint(session) as first, credentials_endpoint(session) as second:
        assert first[TOKEN] != second[TOKEN]
        assert urlsplit(first[URI]).path != urlsplit(second[URI]).path
        assert ask(second, token=first[TOKEN])[0] == 403
        assert min(len(first[TOKEN]), len(urlsplit(first[URI]).path)) >= 32


def test_it_listens_on_the_loopback_address_only(variables: dict[str, str]) -> None:
    with socket.socket() as other:
        # Another process could have the port on another address.
        other.bind(("127.0.0.2", urlsplit(variables[URI]).port or 0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "guessed"}, {"token": None}, {"token": ""}, {"token": "t\u00f6ken"},
        {"path": "/"}, {"path": "/guessed"},
        {"host": "rebound.example.com"}, {"host": "localhost"}, {"host": "127.0.0.1"}, {"host": "127.0.0.1:1"},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_request_is_refused_and_learns_nothing(
    variables: dict[str, str], wrong: dict[str, str | None], caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    with caplog.at_level(logging.DEBUG):
        status, answer = ask(variables, **wrong)  # type: ignore[arg-type] # each case has one argument
    assert (status, answer["code"]) == (403, "Forbidden")
    assert answer.keys() == {"code", "message"}
    assert "Pass on both environment variables" in answer["message"]
    shown = f"{answer}{caplog.text}{capfd.readouterr()}"
    secrets = ("ASIA0", "hush-0", "token-0", variables[TOKEN], urlsplit(variables[URI]).path)
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_only_get_is_answered(variables: dict[str, str], method: str) -> None:
    status, answer = ask(variables, method=method)
    assert status == 501
    assert answer is None or answer["code"] == "NotImplemented"


def test_a_long_request_is_not_read(variables: dict[str, str]) -> None:
    uri = urlsplit(variables[URI])
    start = f"GET {uri.path} HTTP/1.1\r\nHost: {uri.netloc}\r\nAuthorization: {variables[TOKEN]}\r\n"
    assert b"ASIA0" in raw(variables, start.encode(), b"\r\n")
    assert raw(variables, start.encode(), b"X: " + b"x" * 9000 + b"\r\n\r\n") == b""


def test_a_slow_request_is_ended(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_REQUEST_SECONDS", 0.2)
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", urlsplit(variables[URI]).port or 0), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        assert connection.recv(1) == b""
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("request_line", [b"nonsense", b"GET / HTTP/9.9", b"GET /\xff\xfe HTTP/1.1", b"GET /", b""])
def test_a_malformed_request_gets_no_credentials(variables: dict[str, str], request_line: bytes, capfd: Any) -> None:
    assert b"ASIA0" not in raw(variables, request_line + b"\r\nHost: x\r\n\r\n")
    assert ask(variables)[0] == 200
    assert capfd.readouterr() == ("", "")


def test_too_many_open_connections_are_closed(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_MOST_REQUESTS", 2)
    with credentials_endpoint(session) as variables:
        address = ("127.0.0.1", urlsplit(variables[URI]).port or 0)
        with socket.create_connection(address), socket.create_connection(address):
            assert raw(variables) == b""
        deadline = time.monotonic() + 10
        while True:
            try:
                assert ask(variables)[0] == 200
                break
            except ConnectionError:
                assert time.monotonic() < deadline


def test_the_credentials_are_renewed(variables: dict[str, str], clock: Any, sts: Any) -> None:
    clock.forward(minutes=40)
    assert ask(variables)[1]["AccessKeyId"] == "ASIA0"
    clock.forward(minutes=10)
    assert ask(variables)[1]["AccessKeyId"] == "ASIA1"
    assert ask(variables)[1]["Expiration"] == "2030-01-01T01:50:00Z"
    assert len(sts.assumed) == 2


def test_a_denied_renewal_is_the_programs_error(variables: dict[str, str], clock: Any, sts: Any) -> None:
    clock.forward(hours=2)
    sts.deny()
    status, answer = ask(variables)
    assert (status, answer["code"]) == (400, "AccessDenied")
    assert ROLE in answer["message"]
    assert ask(variables)[0] == 200


def test_an_unreachable_sts_can_be_tried_again(variables: dict[str, str], clock: Any, sts: Any) -> None:
    clock.forward(hours=2)

    def lose_connection() -> None:
        raise OSError("unreachable")

    sts.before_answer = lose_connection
    # The fake fails below botocore's own retries and errors, as a credential_process that does not start.
    assert ask(variables)[0] in (400, 503)
    sts.before_answer = lambda: None
    assert ask(variables)[0] == 200


def test_what_a_callable_for_mfa_codes_raises_is_not_sent(base: boto3.Session, clock: Any) -> None:
    codes = iter(["123456"])

    def code() -> str:
        try:
            return next(codes)
        except StopIteration:
            raise RuntimeError("seed=hush") from None

    serial = "arn:aws:iam::222222222222:mfa/alice"
    with credentials_endpoint(assume_role(base, ROLE, mfa_serial=serial, mfa_token=code)) as variables:
        clock.forward(hours=2)
        status, answer = ask(variables)
    assert (status, answer["code"]) == (500, "RuntimeError")
    assert "seed" not in str(answer)


def test_a_role_that_cannot_be_assumed_is_an_error_at_once(base: boto3.Session, sts: Any) -> None:
    sts.deny()
    opened = credentials_endpoint(assume_role(base, ROLE, validate=False))
    with pytest.raises(AssumeRoleDenied):
        opened.__enter__()


def test_another_session_is_refused(base: boto3.Session) -> None:
    opened = credentials_endpoint(base)
    with pytest.raises(InvalidValue, match="assume_role returned"):
        opened.__enter__()


def test_the_endpoint_is_gone_afterwards(session: boto3.Session) -> None:
    with pytest.raises(KeyError), credentials_endpoint(session) as variables:
        raise KeyError
    with pytest.raises(ConnectionRefusedError):
        ask(variables)


def test_botocore_gets_and_renews_credentials(base: boto3.Session, clock: Any, sts: Any) -> None:
    # botocore in the other process has the real time, and asks again 15 minutes before expiry.
    now = datetime.now(timezone.utc)
    clock.now = now - timedelta(minutes=50)
    hidden = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {**hidden, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    with (
        credentials_endpoint(assume_role(base, ROLE)) as variables,
        subprocess.Popen(
            [sys.executable, "-c", PRINT_KEYS], env={**environment, **variables}, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as program,
    ):  # fmt: skip
        try:
            assert program.stdin is not None
            assert program.stdout is not None
            program.stdin.write("\n")
            assert program.stdout.readline() == "container-role ASIA0 hush-0 token-0 111111111111\n"
            clock.now = now
            program.stdin.write("\n")
            assert program.stdout.readline() == "container-role ASIA1 hush-1 token-1 111111111111\n"
        finally:
            program.kill()
    assert len(sts.assumed) == 2
