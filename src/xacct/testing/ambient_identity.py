"""The identity of clients that are made without credentials: from the environment, with boto3's default session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

import boto3

from xacct.errors import InvalidValue

if TYPE_CHECKING:
    from botocore.credentials import Credentials

__all__ = ["ambient_identity", "environment_without_credentials"]

_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
)


@contextmanager
def ambient_identity(session: boto3.Session, region: str) -> Iterator[boto3.Session]:
    """Make clients without credentials those of a session until the block ends.

    Args:
        session: the session. Its current credentials are used; they are not renewed.
        region: the region, if the session has none.

    Raises:
        InvalidValue: the session has no credentials.
    """
    credentials: Credentials | None = session.get_credentials()
    if credentials is None:
        raise InvalidValue("principal", session, "a session with credentials, or the ARN of a user, role or root user")
    current, used_region = credentials.get_frozen_credentials(), session.region_name or region
    identity = {
        "AWS_ACCESS_KEY_ID": current.access_key,
        "AWS_SECRET_ACCESS_KEY": current.secret_key,
        "AWS_DEFAULT_REGION": used_region,
        "AWS_REGION": used_region,
    }
    if current.token:
        identity["AWS_SESSION_TOKEN"] = current.token
    others = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    # boto3's default session keeps the credentials that it found first.
    with patch.dict(os.environ, {**others, **identity}, clear=True), patch.object(boto3, "DEFAULT_SESSION", None):
        yield session


def environment_without_credentials() -> dict[str, str]:
    """Return the environment without the credentials and configuration of real accounts."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    files = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**others, **files, "AWS_EC2_METADATA_DISABLED": "true"}
