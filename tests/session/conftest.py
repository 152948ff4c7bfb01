"""A fake STS in this process, and a clock that tests can set."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from urllib.parse import parse_qs

import boto3
import botocore.handlers
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

ALICE = "arn:aws:iam::222222222222:user/dev/alice"


class Clock:
    """A replacement for the local clock."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


class FakeSts:
    """Answers all requests of all sessions to STS.

    `refuse` and `deny` queue an error response for the next call of AssumeRole. `skew` is the difference between AWS's
    clock and the local one. `lifetime` overrides the requested duration. Call n of AssumeRole, counted from 0, returns
    the access key ASIAn.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.calls: list[dict[str, str]] = []
        self.urls: list[str] = []
        self.caller = ALICE
        self.skew = timedelta(0)
        self.lifetime: timedelta | None = None
        self.date: Callable[[], str | None] = lambda: format_datetime(self.clock() + self.skew, usegmt=True)
        self.before_answer: Callable[[], object] = lambda: None
        self._answers: list[tuple[int, str]] = []
        self._lock = threading.Lock()

    def refuse(self, status: int, code: str, message: str) -> None:
        error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        self._answers.append((status, f"<ErrorResponse>{error}</ErrorResponse>"))

    def deny(self, because: str = "") -> None:
        self.refuse(403, "AccessDenied", f"User: {ALICE} is not authorized to perform: sts:AssumeRole{because}")

    @property
    def assumed(self) -> list[dict[str, str]]:
        return [call for call in self.calls if call["Action"] == "AssumeRole"]

    def answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        call = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        self.before_answer()
        with self._lock:
            self.calls.append(call)
            self.urls.append(request.url)
            if call["Action"] == "AssumeRole":
                status, text = self._answers.pop(0) if self._answers else (200, self._assume(call))
            else:
                status, text = 200, _IDENTITY.format(arn=self.caller, account=self.caller.split(":")[4])
        headers = {"Content-Type": "text/xml"}
        if date := self.date():
            headers["Date"] = date
        return AWSResponse(request.url, status, headers, _Raw(text.encode()))

    def refuse_reading(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Deny reading policies: the caller has no permission for it."""
        text = b'{"__type": "AccessDeniedException"}' if "organizations" in request.url else _UNREADABLE.encode()
        return AWSResponse(request.url, 403, {}, _Raw(text))

    def _assume(self, call: dict[str, str]) -> str:
        lifetime = self.lifetime or timedelta(seconds=int(call.get("DurationSeconds", 3600)))
        expires = self.clock() + self.skew + lifetime
        return _ASSUMED.format(number=len(self.assumed) - 1, expires=expires.strftime("%Y-%m-%dT%H:%M:%SZ"))


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


_ASSUMED = """<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA{number}</AccessKeyId>
<SecretAccessKey>hush-{number}</SecretAccessKey><SessionToken>token-{number}</SessionToken>
<Expiration>{expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
_UNREADABLE = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
_IDENTITY = """<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>AIDAEXAMPLE</UserId>
<Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("xacct.session.credentials._now", clock)
    return clock


@pytest.fixture
def sts(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> FakeSts:
    sts = FakeSts(clock)
    unreadable = [(f"before-send.{service}", sts.refuse_reading) for service in ("iam", "organizations")]
    handlers = [*botocore.handlers.BUILTIN_HANDLERS, ("before-send.sts", sts.answer), *unreadable]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
    return sts


@pytest.fixture
def base(sts: FakeSts) -> boto3.Session:
    return boto3.Session("AKIAALICE", "alices-secret", region_name="eu-west-1")
