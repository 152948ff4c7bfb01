"""``xacct console``: the AWS console with a role's session."""

from __future__ import annotations

import webbrowser
from typing import Annotated

from cyclopts import Parameter

from xacct import assume_role, console_url
from xacct.cli.exit_codes import FAILED, FINE
from xacct.cli.options import Profile, Region
from xacct.cli.sessions import open_session
from xacct.cli.terminal import print_text, say

__all__ = ["command"]


def command(
    role_arn: str | None = None,
    /,
    *,
    profile: Profile = None,
    region: Region = None,
    destination: str = "",
    duration: int | None = None,
    session_name: str | None = None,
    external_id: str | None = None,
    mfa_serial: Annotated[str | None, Parameter(name="--mfa-serial")] = None,
    print_: Annotated[bool, Parameter(name="--print", negative="", show_default=False)] = False,
) -> int:
    """Open the AWS console with a role's session.

    The browser opens a link that signs in without a password. The link is a
    secret for 15 minutes: whoever opens it acts as the role.

    Example: xacct console arn:aws:iam::111111111111:role/Reader --profile development --destination s3

    Args:
        role_arn: The role to assume first; without it, the profile itself must be a role's.
        destination: What the console shows: a service such as s3, a path such as s3/buckets/reports, or a URL of the
            console; default: its home page.
        duration: How long the console session lasts: 900 to 43200 seconds; default: as long as the credentials.
        session_name: The role session name in CloudTrail logs; default: the caller's name.
        external_id: The external ID that the role's trust policy requires.
        mfa_serial: The ARN or serial number of the MFA device; its code is requested at the terminal.
        print_: Print the link instead of opening it.
    """
    session = open_session(profile, region)
    if role_arn is not None:
        session = assume_role(
            session, role_arn, session_name=session_name, external_id=external_id, mfa_serial=mfa_serial
        )
    link = console_url(session, destination, duration=duration)
    if print_:
        print_text(link)
        return FINE
    if webbrowser.open(link):
        say("The console opens in your browser.")
        return FINE
    say("No browser could be opened. Add --print to get the link, which is a secret for 15 minutes.")
    return FAILED
