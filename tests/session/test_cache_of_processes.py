"""Many processes that start at once with the same cache, against the server of the sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from xacct.testing import Sandbox

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PROCESSES = 20
# Forked after the imports, which would take most of the time.
START = """
import os, sys, warnings
import boto3
from pathlib import Path
from xacct import assume_role

role, serial, folder, codes, count = sys.argv[1:]

def code():
    with Path(codes).open("a") as prompts:
        prompts.write(f"{os.getpid()}\\n")
    return os.environ["MFA_CODE"]

children = []
start, release = os.pipe()
for _ in range(int(count)):
    child = os.fork()
    if child == 0:
        os.close(release)
        os.read(start, 1)  # until all of them are there
        session = assume_role(
            boto3.Session(), role, session_name="nightly", cache=folder, mfa_serial=serial or None,
            mfa_token=code if serial else None,
        )
        os.write(1, f"{session.get_credentials().access_key}\\n".encode())
        os._exit(0)
    children.append(child)
os.close(release)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


@pytest.fixture
def aws() -> Iterator[Sandbox]:
    with Sandbox(["111111111111", "222222222222"]) as aws:
        trust = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [trust]}
        aws.account("111111111111").session.client("iam").create_role(
            RoleName="Reader", AssumeRolePolicyDocument=json.dumps(document)
        )
        yield aws


ROLE = "arn:aws:iam::111111111111:role/Reader"


def run(aws: Sandbox, tmp_path: Path, *, serial: str = "", count: int = PROCESSES) -> list[str]:
    """Start the processes at once, and return the access key that each has."""
    with aws.serve() as server:
        environment = {**os.environ, **aws.environment("222222222222", server)}
        if serial:
            environment["MFA_CODE"] = aws.mfa_code(serial)
        arguments = [ROLE, serial, str(tmp_path / "cache"), str(tmp_path / "codes"), str(count)]
        done = subprocess.run(
            [sys.executable, "-c", START, *arguments],
            env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=True,
        )  # fmt: skip
    return done.stdout.split()


def assumed(aws: Sandbox) -> int:
    return sum(call.operation == "AssumeRole" for call in aws.calls)


def test_twenty_processes_assume_the_role_once(aws: Sandbox, tmp_path: Path) -> None:
    keys = run(aws, tmp_path)
    assert len(keys) == PROCESSES
    assert len({*keys}) == 1
    assert assumed(aws) == 1
    assert [file.suffix for file in (tmp_path / "cache").iterdir()] == [".json"]


def test_twenty_processes_ask_for_one_mfa_code(aws: Sandbox, tmp_path: Path) -> None:
    iam = aws.account("222222222222").session.client("iam")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    first = aws.mfa_code(serial)
    aws.clock.advance(30)
    second = aws.mfa_code(serial)
    iam.enable_mfa_device(
        UserName="Administrator", SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second
    )
    keys = run(aws, tmp_path, serial=serial)
    assert (len(keys), len({*keys}), assumed(aws)) == (PROCESSES, 1, 1)
    assert len((tmp_path / "codes").read_text().split()) == 1


HOLD = """
import sys
from pathlib import Path
from xacct.session.cache import CliCache
from xacct.session.role_request import RoleRequest
with CliCache(sys.argv[2]).lock(RoleRequest(role_arn=sys.argv[1], session_name="nightly"), timeout=10):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_process_that_is_killed_while_it_assumes_the_role_does_not_hold_up_the_others(
    aws: Sandbox, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, ROLE, str(tmp_path / "cache")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert len(run(aws, tmp_path, count=3)) == 3
    assert assumed(aws) == 1
