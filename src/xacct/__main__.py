"""The command ``python -m xacct credentials``, which prints a role's credentials for other programs.

In ``~/.aws/config``::

    [profile production]
    credential_process = python -m xacct credentials --profile development arn:aws:iam::111111111111:role/Reader
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import boto3

from xacct.errors import InvalidValue, XacctError
from xacct.session.assume import assume_role
from xacct.session.export import credential_process, environment_variables
from xacct.session.sts_errors import errors_of_botocore

_PROFILES_IN_USE = "XACCT_PROFILES_IN_USE"
"""The environment variable in which this command tells the programs that it starts whose credentials it waits for."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xacct", description="Cross-account access on AWS.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    credentials = commands.add_parser(
        "credentials",
        help="assume a role and print its credentials",
        description="Assume a role and print its credentials, for credential_process in ~/.aws/config or for a shell.",
    )
    credentials.add_argument(
        "role_arn",
        nargs="+",
        metavar="ROLE_ARN",
        help="the role to assume; several ARNs are assumed in order (role chaining)",
    )
    credentials.add_argument(
        "--profile", help="the profile whose credentials assume the role; default: the default profile"
    )
    credentials.add_argument("--region", help="the region for the credentials; default: the profile's")
    credentials.add_argument(
        "--session-name", help="the role session name in CloudTrail logs; default: the caller's name"
    )
    credentials.add_argument("--external-id", help="the external ID that the role's trust policy requires")
    credentials.add_argument("--duration", type=int, metavar="SECONDS", help="900 to 43200; default: 3600")
    credentials.add_argument(
        "--mfa-serial", help="the MFA device's ARN or serial number; its code is requested at the terminal"
    )
    credentials.add_argument("--cache", action="store_true", help="store the credentials in the AWS CLI's cache")
    credentials.add_argument(
        "--env", action="store_true", help="print export statements for a shell instead of JSON for credential_process"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command-line arguments without the program's name; None for those of this process.

    Returns:
        The exit code: 0, or 1 after an error, which is printed to standard error.
    """
    options = _parser().parse_args(arguments)
    try:
        with _base(options.profile) as base:
            session = assume_role(
                base,
                options.role_arn,
                session_name=options.session_name,
                external_id=options.external_id,
                duration=options.duration,
                mfa_serial=options.mfa_serial,
                region=options.region,
                cache=options.cache,
            )
        text = _exports(environment_variables(session)) if options.env else credential_process(session)
    except XacctError as error:
        # Other programs show it in a line of their own, and the message of a credential_process can have several.
        sys.stderr.write(f"xacct: {' '.join(str(error).split())}\n")
        return 1
    sys.stdout.write(f"{text}\n")
    return 0


@contextmanager
def _base(profile: str | None) -> Iterator[boto3.Session]:
    """Open the session that assumes the role.

    A profile can run this command to get its own credentials: the default profile with a ``credential_process`` without
    ``--profile``, or two profiles that name each other. Such a run would start the next one without end.

    Raises:
        InvalidValue: this command was started to get the credentials of the profile that it would use.
    """
    with errors_of_botocore(f"opening profile {profile or 'default'}"):
        base = boto3.Session(profile_name=profile)
    if profile is None and "AWS_ACCESS_KEY_ID" in os.environ:
        yield base  # botocore uses no profile
        return
    before = os.environ.get(_PROFILES_IN_USE)
    this = [base._session.get_config_variable("config_file"), base.profile_name]
    in_use = json.loads(before) if before else []
    if this in in_use:
        rule = (
            "this profile runs the command to get its own credentials, without end. Name the profile whose credentials "
            "assume the role: credential_process = python -m xacct credentials --profile NAME ROLE_ARN"
        )
        raise InvalidValue("profile", base.profile_name, rule)
    os.environ[_PROFILES_IN_USE] = json.dumps([*in_use, this])
    try:
        yield base
    finally:
        del os.environ[_PROFILES_IN_USE]
        if before:
            os.environ[_PROFILES_IN_USE] = before


def _exports(variables: dict[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


if __name__ == "__main__":
    sys.exit(main())
