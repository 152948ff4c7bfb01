"""Measure how many calls a second a sandbox's server answers to 20 clients in another process, and its memory.

The server must answer 500 mixed calls in each second of its CPU time, none with status 500 or more, and its memory must
not grow by more than 5 % in the second half of the time. Other programs on the machine change the calls a second of
the clock, but not much those of the CPU time. The clients share the machine, so they send prepared bytes and read no
more of an answer than its status and its length. ``--seconds 60`` measures for a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest

CLIENTS, ACCOUNT, REGION = 20, "111111111111", "eu-central-1"


def allow(**statement: object) -> str:
    """Return a policy that allows something."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


class Captured(Exception):
    """The request was captured, and not sent."""


def requests_of(session: Any, url: str, key: str) -> list[AWSPreparedRequest]:
    """Return a signed request of each kind of call."""
    sts, iam, s3, kms = (session.client(name, endpoint_url=url) for name in ("sts", "iam", "s3", "kms"))
    captured: list[AWSPreparedRequest] = []

    def capture(request: AWSPreparedRequest, **_: Any) -> None:
        captured.append(request)
        raise Captured

    for client in (sts, iam, s3, kms):
        client.meta.events.register("before-send", capture)
    role = f"arn:aws:iam::{ACCOUNT}:role/Reader0"
    calls: list[tuple[Any, dict[str, Any]]] = [
        (sts.get_caller_identity, {}),
        (sts.assume_role, {"RoleArn": role, "RoleSessionName": "load"}),
        (iam.get_role, {"RoleName": "Reader0"}),
        (iam.list_roles, {}),
        (iam.get_role_policy, {"RoleName": "Reader0", "PolicyName": "read"}),
        (s3.get_object, {"Bucket": "reports", "Key": "a"}),
        (s3.head_object, {"Bucket": "reports", "Key": "a"}),
        (s3.put_object, {"Bucket": "reports", "Key": "b", "Body": b"x" * 1000}),
        (s3.list_objects_v2, {"Bucket": "reports"}),
        (kms.encrypt, {"KeyId": key, "Plaintext": b"secret"}),
    ]
    for call, parameters in calls:
        with suppress(Captured):
            call(**parameters)
    return captured


def prepare(url: str, session: Any) -> list[tuple[str, bytes]]:
    """Create what the calls need, and return the method and the bytes of each."""
    iam, s3, kms = (session.client(name, endpoint_url=url) for name in ("iam", "s3", "kms"))
    for number in range(10):
        iam.create_role(
            RoleName=f"Reader{number}",
            AssumeRolePolicyDocument=allow(Principal={"AWS": ACCOUNT}, Action="sts:AssumeRole"),
        )
    iam.put_role_policy(RoleName="Reader0", PolicyName="read", PolicyDocument=allow(Action="s3:*", Resource="*"))
    iam.create_user(UserName="nobody")
    key_of_nobody = iam.create_access_key(UserName="nobody")["AccessKey"]
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="reports", Key="a", Body=b"x" * 1000)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    nobody = boto3.Session(key_of_nobody["AccessKeyId"], key_of_nobody["SecretAccessKey"], region_name=REGION)
    return [bytes_of(request) for request in [*requests_of(session, url, key), *requests_of(nobody, url, key)[2::4]]]


def bytes_of(request: AWSPreparedRequest) -> tuple[str, bytes]:
    """Return the method and the bytes of a request."""
    body: Any = request.body or b""
    body = body.read() if hasattr(body, "read") else body.encode() if isinstance(body, str) else body
    url = urlsplit(request.url)
    fields = {"Host": url.netloc, **dict(request.headers.items()), "Content-Length": str(len(body))}
    lines = [f"{request.method} {urlunsplit(('', '', url.path or '/', url.query, ''))} HTTP/1.1"]
    lines += [f"{name}: {_text(value)}" for name, value in fields.items() if name != "Transfer-Encoding"]
    return request.method, "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@contextmanager
def served() -> Iterator[tuple[int, str, Any]]:
    """Start the server in a process of its own, and yield its process id, its URL and its administrator's session."""
    command = [sys.executable, "-m", "xacct.testing", "--port", "0", "--account", ACCOUNT, "--region", REGION]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        exports = {}
        for line in server.stdout:
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                exports[name] = value
            if line.startswith("Open "):
                break
        try:
            keys = exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"]
            yield server.pid, exports["AWS_ENDPOINT_URL"], boto3.Session(*keys, region_name=REGION)
        finally:
            server.terminate()


def usage(process: int) -> tuple[float, float]:
    """Return the seconds of CPU time and the megabytes of memory that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pages * resource.getpagesize() / 1e6


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def send(
    address: tuple[str, int],
    requests: list[tuple[str, bytes]],
    end: float,
    statuses: Counter[int],
    seconds: list[float],
) -> None:
    """Send the requests in turn on one connection, until the end."""
    with socket.create_connection(address) as connection, connection.makefile("rb") as answers:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.monotonic() < end:
            for method, request in requests:
                start = time.perf_counter()
                connection.sendall(request)
                status, length = read_head(answers)
                while status == 100:
                    status, length = read_head(answers)
                if method != "HEAD":
                    answers.read(length)
                seconds.append(time.perf_counter() - start)
                statuses[status] += 1


def read_head(answers: BinaryIO) -> tuple[int, int]:
    """Read the head of an answer, and return its status and the length of its body."""
    status, length = int(answers.readline().split()[1]), 0
    while (line := answers.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return status, length


def run_clients(
    url: str, requests: list[tuple[str, bytes]], seconds: float, statuses: Counter[int], latencies: list[float]
) -> None:
    """Send the requests with all clients, each of which begins with another one."""
    threads, end = [], time.monotonic() + seconds
    address = "127.0.0.1", urlsplit(url).port or 80
    for client in range(CLIENTS):
        position = client % len(requests)
        arguments = address, requests[position:] + requests[:position], end, statuses, latencies
        threads.append(Thread(target=send, args=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> int:
    """Measure, and return 0 if the server keeps to its budgets."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    with served() as (process, url, session):
        requests = prepare(url, session)
        statuses, latencies = Counter[int](), list[float]()
        # First, the sandbox fills its record of calls.
        while len(latencies) < 6000:
            run_clients(url, requests, 1, statuses, latencies)
        statuses.clear()
        latencies.clear()
        cpu, begin, memory = usage(process)[0], time.monotonic(), list[float]()
        for _ in range(2):
            run_clients(url, requests, options.seconds / 2, statuses, latencies)
            memory.append(usage(process)[1])
        seconds, cpu_seconds = time.monotonic() - begin, usage(process)[0] - cpu
    calls = len(latencies)
    failed = sum(number for status, number in statuses.items() if status >= 500)
    growth = memory[1] / memory[0] - 1
    worst = statistics.quantiles(latencies, n=100)[98]
    print(f"{calls} calls of {CLIENTS} clients in {seconds:.0f} s: {calls / seconds:.0f} calls a second")
    print(f"{calls / cpu_seconds:.0f} calls in a second of CPU time; budget: at least 500")
    print(f"time of a call: median {statistics.median(latencies) * 1000:.0f} ms, 99 % below {worst * 1000:.0f} ms")
    print(f"{failed} with status 500 or more; budget: none ({dict(sorted(statuses.items()))})")
    print(f"memory {memory[0]:.0f} MB, then {memory[1]:.0f} MB: {growth:+.1%}; budget: at most +5 %")
    return 0 if calls / cpu_seconds >= 500 and not failed and growth <= 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
