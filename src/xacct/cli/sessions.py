"""Sessions of the profiles that a command names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xacct.session.sts_errors import errors_of_botocore

if TYPE_CHECKING:
    import boto3

__all__ = ["open_session"]


def open_session(profile: str | None, region: str | None = None) -> boto3.Session:
    """Return a session of a profile.

    Args:
        profile: the profile's name; None for the default profile, or for the credentials of the environment.
        region: the region; None for the profile's.

    Raises:
        InvalidCredentials: there is no such profile.
    """
    import boto3

    with errors_of_botocore(f"opening profile {profile or 'default'}"):
        return boto3.Session(profile_name=profile, region_name=region)
