"""lambda_session_name, with the environment variables that AWS documents."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from xacct.session.assume import assume_role
from xacct.session.lambda_session_name import lambda_session_name

ROLE = "arn:aws:iam::111111111111:role/Reader"
STREAM = "2030/01/31/[$LATEST]0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def outside_of_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FUNCTION_NAME", "FUNCTION_VERSION", "LOG_STREAM_NAME"):
        monkeypatch.delenv(f"AWS_LAMBDA_{name}", raising=False)


@pytest.mark.parametrize(
    ("function", "version", "stream", "name"),
    [
        ("report", "$LATEST", STREAM, "report.0123456789abcdef0123456789abcdef"),
        ("report", "7", STREAM.replace("$LATEST", "7"), "report.7.0123456789abcdef0123456789abcdef"),
        ("report", "7", "2030/01/31/report[7]0123456789abcdef", "report.7.0123456789abcdef"),
        ("report", "7", None, "report.7"),  # with SnapStart
        ("report", None, None, "report"),
        ("r" * 50, "$LATEST", STREAM, "r" * 50 + ".0123456789abc"),
        ("r" * 64, "7", STREAM, "r" * 64),
        ("report", "$LATEST", "another stream", "report"),
        ("r", "$LATEST", None, None),
        ("", "7", STREAM, None),
        (None, "7", STREAM, None),
    ],
)
def test_the_name_has_the_function_its_version_and_its_instance_and_is_valid(
    monkeypatch: pytest.MonkeyPatch, function: str | None, version: str | None, stream: str | None, name: str | None
) -> None:
    given = {"FUNCTION_NAME": function, "FUNCTION_VERSION": version, "LOG_STREAM_NAME": stream}
    for variable, value in given.items():
        if value is not None:
            monkeypatch.setenv(f"AWS_LAMBDA_{variable}", value)
    assert lambda_session_name() == name


def test_outside_of_lambda_the_session_is_named_after_the_caller(base: boto3.Session, sts: Any) -> None:
    assume_role(base, ROLE, session_name=lambda_session_name())
    assert sts.assumed[0]["RoleSessionName"] == "alice"


def test_a_function_assumes_a_role_under_its_own_name_without_being_asked(
    base: boto3.Session, sts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sts.caller = "arn:aws:sts::222222222222:assumed-role/ReportRole/report"
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "other")
    assume_role(base, ROLE)
    assert sts.assumed[0]["RoleSessionName"] == "report"


def test_the_name_is_sent(base: boto3.Session, sts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "report")
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", STREAM)
    assume_role(base, ROLE, session_name=lambda_session_name())
    assert sts.assumed[0]["RoleSessionName"] == "report.0123456789abcdef0123456789abcdef"
