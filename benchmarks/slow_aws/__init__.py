"""A local server in another process that answers STS and S3 requests after 100 ms."""

from __future__ import annotations

import json
import multiprocessing
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LATENCY = 0.100
SHORT_LIFETIME = 4

ASSUMED = """<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>s
</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{}</Expiration></Credentials></AssumeRoleResult>
</AssumeRoleResponse>"""
ORGANIZATION = [
    {"Id": f"{number:012}", "Arn": "arn:aws:organizations::any", "Name": "any", "Email": "any", "Status": "ACTIVE"}
    for number in range(1, 201)
]
IDENTITY = """<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::999999999999:user/dev</Arn>
<UserId>AIDA</UserId><Account>999999999999</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
BUCKETS = "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"


REFUSED = "<ErrorResponse><Error><Code>{}</Code><Message>no</Message></Error></ErrorResponse>"
LIMIT = 20
HANG = 600


class Limit:
    """A token bucket of `LIMIT` calls that fills at `LIMIT` calls per second. Calls that it refuses are free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens, self._filled_at = float(LIMIT), time.monotonic()

    def allows(self) -> bool:
        """Take a token, and return whether there was one."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(LIMIT, self._tokens + (now - self._filled_at) * LIMIT)
            self._filled_at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


class Aws(BaseHTTPRequestHandler):
    """Answers STS requests (POST) and S3 requests (GET).

    The name of a role says what happens: Denied is denied; Throttled is throttled twice; STS does not answer for Hung,
    nor S3 for HungS3; all roles Limited together can be assumed `LIMIT` times per second; Short gets credentials for
    `SHORT_LIFETIME` seconds.
    """

    protocol_version = "HTTP/1.1"
    # Otherwise the body of each response but the first waits until the client has acknowledged the headers: 40 ms.
    disable_nagle_algorithm = True
    assumed: ClassVar[int] = 0
    throttled: ClassVar[dict[str, int]] = {}
    limit: ClassVar[Limit] = Limit()

    def do_POST(self) -> None:
        """Answer AssumeRole, GetCallerIdentity, and the calls of Organizations that botocove makes."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "X-Amz-Target" in self.headers:
            self._answer(json.dumps({"Accounts": ORGANIZATION, "Account": ORGANIZATION[0]}))
            return
        if "GetCallerIdentity" in body:
            self._answer(IDENTITY)
            return
        Aws.assumed += 1
        if code := self._refusal(body):
            self._answer(REFUSED.format(code), status=403 if code == "AccessDenied" else 400)
            return
        lifetime = SHORT_LIFETIME if "Short" in body else 3600
        expires = datetime.now(timezone.utc) + timedelta(seconds=lifetime)
        self._answer(ASSUMED.format("HUNG" if "HungS3" in body else "ASIA", expires.strftime("%Y-%m-%dT%H:%M:%SZ")))

    def _refusal(self, body: str) -> str | None:
        found = re.search(r"iam%3A%3A(\d+)%3Arole%2F(\w+)", body)
        account, role = found.groups() if found else ("", "")
        if role == "Hung":
            time.sleep(HANG)
        if role == "Throttled":
            Aws.throttled[account] = Aws.throttled.get(account, 0) + 1
        if (role == "Throttled" and Aws.throttled[account] <= 2) or (role == "Limited" and not self.limit.allows()):
            return "Throttling"
        return "AccessDenied" if role == "Denied" else None

    def do_GET(self) -> None:
        """Answer ListBuckets."""
        if "Credential=HUNG/" in self.headers.get("Authorization", ""):
            time.sleep(HANG)
        self._answer(BUCKETS)

    def do_HEAD(self) -> None:
        """Return the number of AssumeRole calls since the last HEAD request."""
        self.send_response(200)
        self.send_header("Assumed", str(Aws.assumed))
        self.end_headers()
        Aws.assumed = 0

    def _answer(self, text: str, status: int = 200) -> None:
        time.sleep(LATENCY)
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class's name
        """Log nothing."""


class Server(ThreadingHTTPServer):
    """A server that accepts as many simultaneous connections as the benchmarks open."""

    request_queue_size = 128
    daemon_threads = True


def serve(port: Connection) -> None:
    """Run the server, and send its port."""
    server = Server(("127.0.0.1", 0), Aws)
    port.send(server.server_port)
    server.serve_forever()


@contextmanager
def aws() -> Iterator[str]:
    """Run a server, and return its URL."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{here.recv()}"
    process.terminate()
    process.join()
