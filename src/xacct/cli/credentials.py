"""``xacct credentials``: a role's credentials for other programs.

In ``~/.aws/config``::

    [profile production]
    credential_process = xacct credentials --profile development arn:aws:iam::111111111111:role/Reader
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from xacct.cli.role_options import add_role_options, role_session
from xacct.session.export import credential_process, environment_variables

__all__ = ["command"]


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program} credentials",
        description="Assume a role and print its credentials, for credential_process in ~/.aws/config or for a shell.",
        epilog='example: eval "$(xacct credentials --env --profile development arn:aws:iam::111111111111:role/Reader)"',
    )
    parser.add_argument(
        "role_arn",
        nargs="+",
        metavar="ROLE_ARN",
        help="the role to assume; several ARNs are assumed in order (role chaining)",
    )
    add_role_options(parser)
    parser.add_argument(
        "--env", action="store_true", help="print export statements for a shell instead of JSON for credential_process"
    )
    return parser


def command(words: Sequence[str], program: str = "xacct") -> int:
    """Print a role's credentials.

    Args:
        words: the words after ``credentials``.
        program: the program's name, for ``--help``.

    Raises:
        XacctError: the role could not be assumed.
    """
    options = _parser(program).parse_args(words)
    with role_session(options, options.role_arn) as session:
        text = _exports(environment_variables(session)) if options.env else credential_process(session)
    sys.stdout.write(f"{text}\n")
    return 0


def _exports(variables: dict[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
