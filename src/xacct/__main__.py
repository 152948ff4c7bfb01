"""``python -m xacct credentials``: the credentials of a role, for tools that are not written in Python.

In ``~/.aws/config``::

    [profile production]
    credential_process = python -m xacct credentials --profile development arn:aws:iam::111111111111:role/Reader
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from xacct.errors import XacctError
from xacct.session import assume_role
from xacct.session.export import credential_process, environment_variables


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xacct", description="Cross-account access on AWS.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    credentials = commands.add_parser(
        "credentials",
        help="assume a role and print its credentials",
        description="Assume a role and print its credentials, for credential_process in ~/.aws/config or for a shell.",
    )
    credentials.add_argument("role_arn", nargs="+", metavar="ROLE_ARN", help="the role; several make a chain")
    credentials.add_argument("--profile", help="whose credentials assume the role; the default profile's if not given")
    credentials.add_argument("--region", help="of the credentials' user; the profile's if not given")
    credentials.add_argument("--session-name", help="what audits call the session; the caller's name if not given")
    credentials.add_argument("--external-id", help="what the role's trust policy demands")
    credentials.add_argument("--duration", type=int, metavar="SECONDS", help="900 to 43200; 3600 if not given")
    credentials.add_argument("--mfa-serial", help="the MFA device; its code is asked for at the terminal")
    credentials.add_argument(
        "--cache", action="store_true", help="keep the credentials where the AWS CLI keeps its own"
    )
    credentials.add_argument(
        "--env", action="store_true", help="print export statements for a shell, not JSON for credential_process"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows the program's name; None for those of this process.

    Returns:
        The exit code: 0, or 1 after an error, which is on standard error.
    """
    asked = _parser().parse_args(arguments)
    try:
        session = assume_role(
            boto3.Session(profile_name=asked.profile),
            asked.role_arn,
            session_name=asked.session_name,
            external_id=asked.external_id,
            duration=asked.duration,
            mfa_serial=asked.mfa_serial,
            region=asked.region,
            cache=asked.cache,
        )
        text = _exports(environment_variables(session)) if asked.env else credential_process(session)
    except (XacctError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"xacct: {error}\n")
        return 1
    sys.stdout.write(f"{text}\n")
    return 0


def _exports(variables: dict[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


if __name__ == "__main__":
    sys.exit(main())
