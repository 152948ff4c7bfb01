"""``xacct exec``: a program that runs with a role's credentials."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from xacct.cli.role_options import add_role_options, role_session
from xacct.session.run_program import run_with_role

__all__ = ["command"]


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program} exec",
        usage="%(prog)s [options] ROLE_ARN -- PROGRAM [ARGUMENT ...]",
        description="Run a program with a role's credentials in its environment, and exit with its exit code.",
        epilog="example: xacct exec --profile development arn:aws:iam::111111111111:role/Reader -- aws s3 ls",
    )
    parser.add_argument("role_arn", metavar="ROLE_ARN", help="the role to assume")
    add_role_options(parser)
    parser.add_argument(
        "--renew", action="store_true", help="renew the credentials for as long as the program runs, over the loopback"
        " interface; for programs that use an AWS SDK and run longer than the session",
    )  # fmt: skip
    return parser


def command(words: Sequence[str], program: str = "xacct") -> int:
    """Run a program with a role's credentials, and return its exit code.

    Args:
        words: the words after ``exec``.
        program: the program's name, for ``--help``.

    Raises:
        XacctError: the role could not be assumed, or the program could not be started.
    """
    parser = _parser(program)
    end = words.index("--") if "--" in words else len(words)
    options, run = parser.parse_args(words[:end]), words[end + 1 :]
    if not run:
        parser.error("name the program after the role and --, such as: -- aws s3 ls")
    with role_session(options, [options.role_arn]) as session:
        return run_with_role(session, run, renew=options.renew)
