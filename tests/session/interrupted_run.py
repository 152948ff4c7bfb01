"""A program that gets Ctrl-C while the target of `fan_out` hangs, and prints how long that took and what is left.

Its argument says what hangs: sts, account (STS, for the account of a session), s3, session (S3 with a session that is
passed) or retries (S3 throttles the first attempt, and the next one comes much later).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3

import xacct.session.fan_out
from xacct import fan_out

THROTTLED = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
CREDENTIALS = (
    b"<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
    b"<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
    b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)
ACCOUNT = "111111111111"
hung = sys.argv[1]
interrupted: list[float] = []


class Aws(BaseHTTPRequestHandler):
    """Answers as STS and S3 do, or not at all."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if hung in ("sts", "account"):
            interrupt_and_hang()
        self.answer(200, CREDENTIALS)

    def do_GET(self) -> None:
        if hung != "retries":
            interrupt_and_hang()
        self.answer(503, THROTTLED)
        if not interrupted:
            threading.Timer(0.3, interrupt).start()

    def answer(self, status: int, body: bytes) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def interrupt_and_hang() -> None:
    interrupt()
    threading.Event().wait()


def interrupt() -> None:
    interrupted.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)


def call_s3(session: boto3.Session) -> None:
    """Call S3. An attempt that fails is repeated after 30 seconds."""
    s3 = session.client("s3")
    s3.meta.events.register_first("needs-retry.s3", lambda **_: 30)
    s3.list_buckets()


server = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_port}"
base = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
if hung != "account":
    xacct.session.fan_out.account_of = lambda _: ACCOUNT
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore the signal
try:
    targets = [base] if hung in ("account", "session") else [f"arn:aws:iam::{ACCOUNT}:role/Reader"]
    print(fan_out(targets, call_s3, base=base, session_name="audit", progress=False))
except KeyboardInterrupt:
    print(time.monotonic() - interrupted[0], *(each.name for each in threading.enumerate() if each.name == "xacct"))
