"""run_with_role: another program that acts as a role."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING

from attrs import define, field

from xacct.errors import InvalidValue
from xacct.session.credentials_endpoint import credentials_endpoint
from xacct.session.export import environment_variables

if TYPE_CHECKING:
    import boto3

__all__ = ["run_with_role"]

# The environment variables that name credentials, of all AWS SDKs.
# https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html#EVarSettings
_CREDENTIALS = frozenset({
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION", "AWS_ACCOUNT_ID",
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CREDENTIAL_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
})  # fmt: skip
# Each service can have one, such as AWS_BEARER_TOKEN_BEDROCK.
_BEARER_TOKENS = "AWS_BEARER_TOKEN_"
# SDKs prefer credentials in these files to an endpoint.
_NO_FILES = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "BOTO_CONFIG"), os.devnull)
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def run_with_role(session: boto3.Session, command: Sequence[str | os.PathLike[str]], *, renew: bool = False) -> int:
    """Run a program that acts as the role, and wait for its end.

    The credentials are in the program's environment, never in its command line, which every user of the machine can
    read. Its environment is that of this process without other AWS credentials, and with the session's region.

    If this process gets SIGINT, SIGTERM or SIGHUP in the meantime, the program gets it; if the program dies of it, the
    signal then has its usual effect here, such as KeyboardInterrupt. This holds if the main thread calls. A SIGINT that
    was sent only to this process while it runs in the foreground of a terminal is not passed on, because the terminal's
    own Ctrl-C reaches the program already, and a second one makes some programs stop without cleaning up.

    Args:
        session: a session that `xacct.assume_role` returned.
        command: the program and its arguments. No shell is involved.
        renew: whether the program gets renewed credentials for as long as it runs, from `credentials_endpoint`. It then
            sees no AWS configuration files, whose credentials would take precedence. Without, the credentials that the
            program gets are valid for at least a quarter of the session's duration or 15 minutes.

    Returns:
        The program's exit code; 128 plus the number of the signal that ended it, as in a shell.

    Raises:
        InvalidValue: the program does not exist or cannot be started, or the session comes from somewhere else.
        AwsError: the role had to be assumed, and AWS refused.

    >>> import sys
    >>> from xacct import grant_cross_account_read, run_with_role
    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(id).session for id in ("111111111111", "222222222222"))
    ...     access = grant_cross_account_read(production, development)
    ...     run_with_role(access.session(), [sys.executable, "-c", "import sys; sys.exit(3)"])
    3

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
    """
    program, *arguments = _checked(command)
    with credentials_endpoint(session) if renew else nullcontext(environment_variables(session)) as variables:
        environment = {**_without_credentials(), **(_NO_FILES if renew else {}), **variables}
        if session.region_name:
            environment |= {"AWS_REGION": session.region_name, "AWS_DEFAULT_REGION": session.region_name}
        with _passed_on() as signals:
            code = _run([program, *arguments], environment, signals)
    if -code in signals.received:
        signal.raise_signal(-code)
    return code if code >= 0 else 128 - code


def _checked(command: Sequence[str | os.PathLike[str]]) -> list[str]:
    rule = 'the program and its arguments as a list, such as ["terraform", "apply"]'
    if isinstance(command, (str, bytes, os.PathLike)):
        raise InvalidValue("command", type(command).__name__, rule)
    words = [os.fspath(word) for word in command]
    if not words or not words[0]:
        raise InvalidValue("command", words, rule)
    if any("\0" in word for word in words):
        raise InvalidValue("command", words[0], "an argument contains a null character")
    return words


def _without_credentials() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _CREDENTIALS and not name.startswith(_BEARER_TOKENS)
    }


def _run(command: Sequence[str], environment: dict[str, str], signals: _Signals) -> int:
    try:
        process = subprocess.Popen(command, env=environment)  # noqa: S603 # to run it is what the caller asked for
    except OSError as error:
        rule = (
            f"the program could not be started: {error.strerror}. Check its name, that its folder is in PATH, and that "
            "it is executable; or pass its full path"
        )
        raise InvalidValue("command", command[0], rule) from error
    with process:
        try:
            signals.start(process)
            return process.wait()
        except BaseException:
            process.kill()
            raise


@define
class _Signals:
    """The signals that this process got while the program ran."""

    received: set[int] = field(factory=set)
    _process: subprocess.Popen[bytes] | None = None

    def start(self, process: subprocess.Popen[bytes]) -> None:
        """Pass the signals on from now, and those that came before the program ran."""
        self._process = process
        for number in sorted(self.received):
            process.send_signal(number)

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        self.received.add(number)
        if self._process is not None and not (number == signal.SIGINT and _terminal_sends_sigint()):
            self._process.send_signal(number)


@contextmanager
def _passed_on() -> Iterator[_Signals]:
    signals = _Signals()
    before = {}
    if threading.current_thread() is threading.main_thread():
        # None is a handler that Python did not set, and cannot restore. The program inherits that one is ignored.
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, signals.receive)
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminal_sends_sigint() -> bool:
    """Return whether Ctrl-C at the terminal reaches this process, and therefore also the program."""
    if sys.platform == "win32":
        return True
    try:
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    except OSError:
        return False
