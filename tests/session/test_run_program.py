from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from xacct.errors import AssumeRoleDenied, InvalidValue
from xacct.session.assume import assume_role
from xacct.session.run_program import run_with_role

ROLE = "arn:aws:iam::111111111111:role/Reader"
WRITE_ENVIRONMENT = "import json, os, sys; json.dump([dict(os.environ), sys.argv], open(sys.argv[1], 'w'))"
WRITE_KEYS = """
import json, sys, botocore.session
session = botocore.session.Session()
credentials = session.get_credentials()
found = [credentials.method, *credentials.get_frozen_credentials()[:3], session.get_config_variable("region")]
json.dump(found, open(sys.argv[1], "w"))
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@pytest.fixture
def session(base: boto3.Session) -> boto3.Session:
    return assume_role(base, ROLE)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


def run(session: boto3.Session, code: str, output: Path, *, renew: bool = False) -> int:
    return run_with_role(session, [sys.executable, "-c", code, output], renew=renew)


def aws_variables(output: Path) -> dict[str, str]:
    environment, _ = json.loads(output.read_text())
    return {name: value for name, value in environment.items() if name.startswith(("AWS_", "BOTO_"))}


@pytest.mark.parametrize("renew", [False, True])
def test_a_programs_botocore_acts_as_the_role(session: boto3.Session, output: Path, renew: bool) -> None:
    assert run(session, WRITE_KEYS, output, renew=renew) == 0
    method = "container-role" if renew else "env"
    assert json.loads(output.read_text()) == [method, "ASIA0", "hush-0", "token-0", "eu-west-1"]


@pytest.mark.parametrize("renew", [False, True])
def test_a_default_profile_does_not_take_precedence(
    session: boto3.Session, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renew: bool
) -> None:
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        (tmp_path / name).write_text("[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = s\n")
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "boto").write_text("[Credentials]\naws_access_key_id = AKIABOTO\naws_secret_access_key = s\n")
    monkeypatch.setenv("BOTO_CONFIG", str(tmp_path / "boto"))
    assert run(session, WRITE_KEYS, output, renew=renew) == 0
    assert json.loads(output.read_text())[1] == "ASIA0"


@pytest.mark.parametrize("renew", [False, True])
def test_the_environment_has_no_other_credentials(
    session: boto3.Session, output: Path, monkeypatch: pytest.MonkeyPatch, renew: bool
) -> None:
    others = {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE", "AWS_ACCOUNT_ID", "AWS_CREDENTIAL_EXPIRATION", "AWS_CREDENTIAL_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    }  # fmt: skip
    for name in [*others, "AWS_REGION", "AWS_DEFAULT_REGION"]:
        monkeypatch.setenv(name, "other")
    kept = {"AWS_CA_BUNDLE": "/ca.pem", "AWS_RETRY_MODE": "standard"}
    for name, value in kept.items():
        monkeypatch.setenv(name, value)
    assert run(session, WRITE_ENVIRONMENT, output, renew=renew) == 0
    found = aws_variables(output)
    assert "other" not in found.values()
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert kept.items() <= found.items()
    own = others & found.keys()
    if renew:
        assert own == {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"}
        assert {found[name] for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")} == {os.devnull}
        assert "ASIA0" not in str(found)
    else:
        assert own == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"}


def test_without_a_region_the_programs_region_stays(sts: Any, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = assume_role(boto3.Session("AKIA", "s"), ROLE)
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert run(session, WRITE_ENVIRONMENT, output) == 0
    assert aws_variables(output)["AWS_REGION"] == "eu-north-1"


@pytest.mark.parametrize("renew", [False, True])
def test_no_secret_is_in_the_command_line_or_in_this_processs_environment(
    session: boto3.Session, output: Path, renew: bool
) -> None:
    before = dict(os.environ)
    assert run(session, WRITE_ENVIRONMENT, output, renew=renew) == 0
    _, arguments = json.loads(output.read_text())
    assert arguments == ["-c", str(output)]
    assert dict(os.environ) == before
    assert not [name for name, value in os.environ.items() if "hush-0" in value]


def test_the_endpoint_is_gone_after_the_program(session: boto3.Session, output: Path) -> None:
    assert run(session, WRITE_ENVIRONMENT, output, renew=True) == 0
    port = re.search(r":([0-9]+)/", aws_variables(output)["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    assert port is not None
    connect = f"import socket; socket.create_connection(('127.0.0.1', {port[1]}))"
    done = subprocess.run([sys.executable, "-c", connect], capture_output=True, text=True, check=False, timeout=60)
    assert "ConnectionRefusedError" in done.stderr


@posix
@pytest.mark.parametrize(
    ("code", "expected"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_the_exit_code_is_that_of_the_program(session: boto3.Session, output: Path, code: str, expected: int) -> None:
    assert run(session, code, output) == expected


@pytest.mark.parametrize("renew", [False, True])
def test_a_program_that_does_not_exist_is_an_error_that_says_so(session: boto3.Session, renew: bool) -> None:
    with pytest.raises(InvalidValue) as caught:
        run_with_role(session, ["terrafrom", "-var=password=hush"], renew=renew)
    assert "command: 'terrafrom'" in str(caught.value)
    assert "No such file or directory. Check its name, that its folder is in PATH" in str(caught.value)
    assert "hush" not in str(caught.value)


@posix
def test_a_file_that_is_not_a_program_is_an_error(session: boto3.Session, output: Path) -> None:
    output.write_text("#!/bin/sh\n")
    with pytest.raises(InvalidValue, match=r"Permission denied\. .* executable"):
        run_with_role(session, [output])


@pytest.mark.parametrize("command", ["terraform apply", b"x", Path("x"), [], [""], ["x", "a\0b"]], ids=repr)
def test_a_command_must_be_a_list_of_words(session: boto3.Session, command: Any) -> None:
    with pytest.raises(InvalidValue, match=r"^command: "):
        run_with_role(session, command)


def test_a_denied_role_starts_no_program(base: boto3.Session, sts: Any, output: Path) -> None:
    sts.deny()
    with pytest.raises(AssumeRoleDenied):
        run(assume_role(base, ROLE, validate=False), WRITE_ENVIRONMENT, output)
    assert not output.exists()


# Signals are sent to processes of their own: this one would end of a signal that is not passed on.
# A shell's background jobs ignore SIGINT, and a run of the tests can be one.
CALLER = """
import signal, sys, boto3
signal.signal(signal.SIGINT, signal.default_int_handler)
from xacct.session.assume import assume_role
from xacct.session.run_program import run_with_role
cache, program, output = sys.argv[1:]
base = boto3.Session("AKIA", "s", region_name="eu-west-1")
session = assume_role(base, "arn:aws:iam::111111111111:role/Reader", session_name="nightly", cache=cache)
try:
    print("returned", run_with_role(session, [sys.executable, "-c", program, output], renew=True), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
# Counts SIGINT and SIGTERM, which the caller gets from it or from the test, for a moment after the first.
COUNT = """
import os, signal, sys, time
counted = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: counted.append(number))
{start}
deadline = time.monotonic() + 30
while not counted and time.monotonic() < deadline:
    time.sleep(0.02)
time.sleep(0.3)
open(sys.argv[1], "w").write(" ".join(signal.Signals(number).name for number in counted))
sys.exit(5)
"""
DIE = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.kill(os.getppid(), signal.{name})
time.sleep(30)
"""


@pytest.fixture
def stored(base: boto3.Session, tmp_path: Path) -> Path:
    """A cache that has credentials until 2030, so that another process calls no STS."""
    assume_role(base, ROLE, session_name="nightly", cache=tmp_path / "cache")
    return tmp_path / "cache"


def call(stored: Path, program: str, output: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CALLER, stored, program, output],
        capture_output=True, text=True, check=False, timeout=60, start_new_session=True,
    )  # fmt: skip


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_is_passed_on_once(stored: Path, output: Path, name: str) -> None:
    done = call(stored, COUNT.format(start=f"os.kill(os.getppid(), signal.{name})"), output)
    assert done.stdout == "returned 5\n", done.stderr
    assert output.read_text() == name


@posix
def test_a_keyboard_interrupt_that_ends_the_program_is_raised_here(stored: Path, output: Path) -> None:
    done = call(stored, DIE.format(name="SIGINT"), output)
    assert (done.stdout, done.returncode) == ("interrupted\n", 0), done.stderr


@posix
def test_a_sigterm_that_ends_the_program_ends_the_caller(stored: Path, output: Path) -> None:
    done = call(stored, DIE.format(name="SIGTERM"), output)
    assert (done.stdout, done.returncode) == ("", -signal.SIGTERM), done.stderr


# A session leader gets the first terminal that it opens as its controlling terminal.
AT_A_TERMINAL = """
import os
os.open({terminal!r}, os.O_RDWR)
"""
IN_THE_BACKGROUND = """
if pid := os.fork():
    os._exit(os.waitpid(pid, 0)[1])
os.setpgid(0, 0)
"""


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A terminal: the descriptor of its keyboard, and its name."""
    keyboard, terminal = os.openpty()
    yield keyboard, os.ttyname(terminal)
    os.close(keyboard)
    os.close(terminal)


@posix
def test_ctrl_c_at_a_terminal_reaches_the_program_once(stored: Path, output: Path, terminal: tuple[int, str]) -> None:
    keyboard, name = terminal
    program = COUNT.format(start='print("ready", flush=True)')
    with subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL.format(terminal=name) + CALLER, stored, program, output],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as caller:  # fmt: skip
        try:
            assert caller.stdout is not None
            assert caller.stdout.readline() == "ready\n"
            os.write(keyboard, b"\x03")
            assert caller.stdout.readline() == "returned 5\n"
        finally:
            caller.kill()
    assert output.read_text() == "SIGINT"


@posix
def test_an_interrupt_of_a_background_job_is_passed_on(stored: Path, output: Path, terminal: tuple[int, str]) -> None:
    caller = AT_A_TERMINAL.format(terminal=terminal[1]) + IN_THE_BACKGROUND + CALLER
    program = COUNT.format(start="os.kill(os.getppid(), signal.SIGINT)")
    done = subprocess.run(
        [sys.executable, "-c", caller, stored, program, output],
        capture_output=True, text=True, check=False, timeout=60, start_new_session=True,
    )  # fmt: skip
    assert done.stdout == "returned 5\n", done.stderr
    assert output.read_text() == "SIGINT"


@posix
def test_the_handlers_of_signals_are_restored(session: boto3.Session, output: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert run(session, "", output) == 0
    with pytest.raises(InvalidValue):
        run_with_role(session, ["/nonexistent"])
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
