"""``python -m xacct.testing``: serve simulated AWS accounts that enforce IAM over HTTP, for the AWS CLI."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

from xacct.errors import XacctError
from xacct.testing.sandbox import Sandbox

DEFAULT_ACCOUNTS = ("111111111111", "222222222222")
PROFILES = ("production", "development")
"""The names of the profiles of the first two accounts."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xacct.testing",
        description="Serve simulated AWS accounts that enforce IAM on 127.0.0.1, until Ctrl-C.",
    )
    parser.add_argument("--port", type=int, default=5000, help="port to listen on; 0 for a free one (default: 5000)")
    parser.add_argument(
        "--account",
        action="append",
        metavar="ID",
        help="an account id; repeat for more accounts (default: 111111111111 and 222222222222)",
    )
    parser.add_argument("--region", help="region of the accounts (default: eu-central-1)")
    parser.add_argument("--strict", action="store_true", help="deny calls whose required permissions are not known")
    parser.add_argument(
        "--aws-config", type=Path, metavar="FILE", help="write a profile for each account to FILE, for AWS_CONFIG_FILE"
    )
    return parser


def _wait() -> None:
    Event().wait()


def serve(
    accounts: Sequence[str],
    *,
    port: int,
    region: str | None = None,
    strict: bool = False,
    aws_config: Path | None = None,
    wait: Callable[[], None] = _wait,
) -> None:
    """Serve accounts until interrupted, and print how to use them.

    Args:
        accounts: the account ids.
        port: the port; 0 for a free one.
        region: the region of the accounts; None for the sandbox's default.
        strict: whether to deny calls to services whose requests the sandbox does not know.
        aws_config: a file to write profiles to: ``production`` and ``development`` for the first two accounts, and
            the account id for others.
        wait: blocks until the server should stop.

    Raises:
        InvalidValue: an account id or the region is not valid.
        OSError: the port is in use, or the file cannot be written.
    """
    with Sandbox(accounts, region=region, strict=strict) as aws, aws.serve(port) as server:
        _say(f"Serving AWS accounts that enforce IAM at {server.url} until Ctrl-C.")
        if aws_config is not None:
            names = dict(zip(accounts, PROFILES))
            aws_config.write_text(aws.aws_config(server, names))
            _say("\n# Profiles " + ", ".join(names.get(account, account) for account in accounts))
            _say(f"export AWS_CONFIG_FILE={shlex.quote(str(aws_config.resolve()))}")
        for account in accounts:
            _say(f"\n# Administrator of account {account}")
            for name, value in aws.environment(account, server).items():
                _say(f"export {name}={value}")
        _say(f"\nOpen switch-role links at {server.url}/switchrole")
        try:
            wait()
        except KeyboardInterrupt:
            return


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def main(arguments: Sequence[str] | None = None, *, wait: Callable[[], None] = _wait) -> int:
    """Serve until interrupted.

    Args:
        arguments: the command-line arguments; None for those of this process.
        wait: blocks until the server should stop.

    Returns:
        The exit code: 0, or 1 after an error, which is printed to standard error.
    """
    options = _parser().parse_args(arguments)
    try:
        serve(
            options.account or DEFAULT_ACCOUNTS,
            port=options.port,
            region=options.region,
            strict=options.strict,
            aws_config=options.aws_config,
            wait=wait,
        )
    except KeyboardInterrupt:  # before the server waits
        return 0
    except (XacctError, OSError) as error:
        print(f"xacct: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
