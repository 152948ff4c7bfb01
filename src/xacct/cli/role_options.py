"""The options of ``credentials`` and ``exec``, which assume a role for another program."""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3

from xacct.errors import InvalidValue
from xacct.garbage_collection import no_garbage_collection
from xacct.session.assume import assume_role
from xacct.session.sts_errors import errors_of_botocore

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["add_role_options", "role_session"]

_PROFILES_IN_USE = "XACCT_PROFILES_IN_USE"
"""The environment variable in which this command tells the programs that it starts whose credentials it waits for."""


def add_role_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how to assume a role."""
    parser.add_argument("--profile", help="the profile whose credentials assume the role; default: the default profile")
    parser.add_argument("--region", help="the region for the credentials; default: the profile's")
    parser.add_argument("--session-name", help="the role session name in CloudTrail logs; default: the caller's name")
    parser.add_argument("--external-id", help="the external ID that the role's trust policy requires")
    parser.add_argument("--duration", type=int, metavar="SECONDS", help="900 to 43200; default: 3600")
    parser.add_argument(
        "--mfa-serial", help="the MFA device's ARN or serial number; its code is requested at the terminal"
    )
    parser.add_argument("--cache", action="store_true", help="store the credentials in the AWS CLI's cache")
    parser.add_argument("-v", "--verbose", action="store_true", help="show each step")
    parser.add_argument("--debug", action="store_true", help="show where in the code an error was raised")


@contextmanager
def role_session(options: argparse.Namespace, role_arns: Sequence[str]) -> Iterator[boto3.Session]:
    """Assume the roles in order, and yield a session of the last one.

    Args:
        options: the options of `add_role_options`.
        role_arns: the roles.

    Raises:
        XacctError: a role could not be assumed.
    """
    if options.verbose or options.debug:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
    with _base(options.profile) as base:
        with no_garbage_collection(kept=True):
            session = assume_role(
                base,
                role_arns,
                session_name=options.session_name,
                external_id=options.external_id,
                duration=options.duration,
                mfa_serial=options.mfa_serial,
                region=options.region,
                cache=options.cache,
            )
        yield session


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
