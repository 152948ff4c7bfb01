"""Calls, round trips and seconds of the tutorial's grant, without bucket, on a server with 100 ms added."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
}

import boto3  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

from xacct import ConsoleUser, grant_cross_account_read  # noqa: E402

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LATENCY = 0.1
BUDGETS = {"first apply": (18, 8), "re-apply": (9, 3), "destroy": (16, 5)}


class SlowServer:
    """moto behind a delay, which notes when each request came and went."""

    def __init__(self) -> None:
        self.intervals: list[tuple[float, float]] = []
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as moto does, later."""
        began = time.perf_counter()
        time.sleep(LATENCY)
        body = list(self._moto(environ, start_response))
        self.intervals.append((began, time.perf_counter()))
        return body

    @contextmanager
    def running(self) -> Iterator[str]:
        """The address, while the server runs on loopback."""
        server = make_server("127.0.0.1", 0, self, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def depth(intervals: list[tuple[float, float]]) -> int:
    """The longest chain of requests of which each came after the one before had gone."""
    chain, free = 0, float("-inf")
    for began, ended in sorted(intervals, key=lambda interval: interval[1]):
        if began >= free:
            chain, free = chain + 1, ended
    return chain


def administrator(account: str) -> boto3.Session:
    """A session in an account."""
    sts = boto3.Session("any", "any", region_name="us-east-1").client("sts")
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/Administrator", RoleSessionName="bench")["Credentials"]
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="us-east-1")


def measure(server: SlowServer, name: str, run: Callable[[], Any]) -> tuple[Any, bool]:
    """Run, print what it took, and say whether it is within its budget."""
    server.intervals.clear()
    began = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - began
    calls, deep = len(server.intervals), depth(server.intervals)
    most_calls, deepest = BUDGETS[name]
    fits = calls <= most_calls and deep <= deepest
    verdict = "ok" if fits else "OVER"
    print(f"{name:<12} {calls:>5} of {most_calls:<3} {deep:>6} of {deepest:<2} {seconds:>8.2f}   {verdict}")
    return result, fits


def main() -> int:
    """Apply, apply again, destroy."""
    server = SlowServer()
    user = ConsoleUser("EC2UserForCrossAccount", managed_policy_arns=["arn:aws:iam::aws:policy/AmazonEC2FullAccess"])
    with server.running() as url:
        os.environ["AWS_ENDPOINT_URL"] = url
        production, development = administrator("111111111111"), administrator("222222222222")
        development.client("iam").list_users()  # moto makes its backends on the first call

        def grant() -> Any:
            return grant_cross_account_read(production, development, console_user=user)

        print("                   calls  round trips deep  seconds")
        access, first = measure(server, "first apply", grant)
        again, second = measure(server, "re-apply", grant)
        removed, third = measure(server, "destroy", access.revoke)
    print("amazon.aws (Ansible), for scale: 35 calls and 7.5 s for the same apply, 27 and 7.0 s for the re-apply")
    return 0 if first and second and third and not again.changes and removed else 1


if __name__ == "__main__":
    sys.exit(main())
