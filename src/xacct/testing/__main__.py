"""``python -m xacct.testing``: serve simulated AWS accounts that enforce IAM over HTTP, for the AWS CLI."""

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
    parser.add_argument("--strict", action="store_true", help="deny calls to services other than IAM, STS, S3 and KMS")
    return parser


def _wait() -> None:
    Event().wait()


def main(arguments: Sequence[str] | None = None, *, wait: Callable[[], None] = _wait) -> int:
    """Serve until interrupted.

    Args:
        arguments: the command-line arguments; None for those of this process.
        wait: blocks until the server should stop.

    Returns:
        The exit code: 0, or 1 after an error, which is printed to standard error.
    """
    options = _parser().parse_args(arguments)
    accounts = options.account or ["111111111111", "222222222222"]
    try:
        with Sandbox(accounts, region=options.region, strict=options.strict) as aws, aws.serve(options.port) as server:
            print(f"Serving AWS accounts that enforce IAM at {server.url} until Ctrl-C.", flush=True)  # noqa: T201
            for account in accounts:
                print(f"\n# Administrator of account {account}", flush=True)  # noqa: T201
                for name, value in aws.environment(account, server).items():
                    print(f"export {name}={value}", flush=True)  # noqa: T201
            print(f"\nOpen switch-role links at {server.url}/switchrole", flush=True)  # noqa: T201
            wait()
    except KeyboardInterrupt:
        return 0
    except (XacctError, OSError) as error:
        print(f"xacct: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
