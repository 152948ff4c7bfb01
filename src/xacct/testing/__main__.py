"""``python -m xacct.testing``: AWS accounts that enforce IAM, on a port of this machine, for the AWS CLI."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from threading import Event

from xacct.errors import XacctError
from xacct.testing.sandbox import Sandbox


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xacct.testing",
        description="AWS accounts that enforce IAM, on a port of this machine, until Ctrl-C.",
    )
    parser.add_argument("--port", type=int, default=5000, help="to listen on, on 127.0.0.1; 0 for a free one; 5000")
    parser.add_argument(
        "--account",
        action="append",
        metavar="ID",
        help="an account id, once for each account; 111111111111 and 222222222222 if not given",
    )
    parser.add_argument("--region", default="eu-central-1", help="eu-central-1 if not given")
    parser.add_argument(
        "--strict", action="store_true", help="refuse calls to services whose permissions are not known"
    )
    return parser


def _wait() -> None:
    Event().wait()


def main(arguments: Sequence[str] | None = None, *, wait: Callable[[], None] = _wait) -> int:
    """Serve until interrupted.

    Args:
        arguments: what follows the program's name; None for those of this process.
        wait: returns when it is time to end.

    Returns:
        The exit code: 0, or 1 after an error, which is on standard error.
    """
    asked = _parser().parse_args(arguments)
    accounts = asked.account or ["111111111111", "222222222222"]
    try:
        with Sandbox(accounts, region=asked.region, strict=asked.strict) as aws, aws.serve(asked.port) as server:
            print(f"AWS accounts that enforce IAM, at {server.url} until Ctrl-C.", flush=True)  # noqa: T201
            for account in accounts:
                print(f"\n# The administrator of {account}", flush=True)  # noqa: T201
                for name, value in aws.environment(account, server).items():
                    print(f"export {name}={value}", flush=True)  # noqa: T201
            print(f"\nLinks to switch roles open at {server.url}/switchrole", flush=True)  # noqa: T201
            wait()
    except KeyboardInterrupt:
        return 0
    except (XacctError, OSError) as error:
        print(f"xacct: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
