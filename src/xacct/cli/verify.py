"""``xacct verify``: see that a grant works."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from xacct import load_access
from xacct.cli.exit_codes import FAILED, FINE
from xacct.cli.options import Region, TrustedProfile, TrustingProfile
from xacct.cli.sessions import open_session
from xacct.cli.terminal import print_checks, print_json

__all__ = ["command"]


def command(
    name: str,
    /,
    *,
    trusting_profile: TrustingProfile,
    trusted_profile: TrustedProfile,
    region: Region = None,
    mfa_serial: Annotated[str | None, Parameter(name="--mfa-serial")] = None,
    format: Literal["table", "json"] = "table",
) -> int:
    """Use a grant: check that reads work and that writes are denied.

    Assumes the role as the trusted profile, reads in each bucket, and tries a
    write, which would not take effect. The exit code is 1 if a check fails.

    Example: xacct verify reports --trusting-profile production --trusted-profile development

    Args:
        name: The grant's name, as xacct list shows it.
        mfa_serial: The ARN or serial number of the caller's MFA device, if the role requires MFA. Its code is requested
            at the terminal.
        format: How to print the checks.
    """
    access = load_access(open_session(trusting_profile, region), open_session(trusted_profile, region), name)
    verification = access.verify(None if mfa_serial is None else access.session(mfa_serial=mfa_serial))
    if format == "json":
        print_json(verification.to_dict())
    else:
        print_checks(verification)
    return FINE if verification.ok else FAILED
