"""The sandbox's sessions. They share botocore's service models and event handlers, which are slow to load."""

from __future__ import annotations

from functools import cache
from threading import Lock

import boto3
import botocore.session
from botocore.loaders import Loader, create_loader

from xacct.session.derived_session import builtin_event_handlers

__all__ = ["new_session"]

# The sessions share a loader, which boto3 changes.
_lock = Lock()


def new_session(access_key: str, secret_key: str, token: str | None = None, *, region: str) -> boto3.Session:
    """Return a session with an access key, or with temporary credentials.

    Args:
        access_key: the access key ID.
        secret_key: the secret access key.
        token: the session token of temporary credentials.
        region: the session's region.
    """
    with _lock:
        child = botocore.session.Session(event_hooks=builtin_event_handlers(), include_builtin_handlers=False)
        child.register_component("data_loader", _loader())
        session = boto3.Session(access_key, secret_key, token, region_name=region, botocore_session=child)
        # boto3 appends its data folder for each session.
        *others, added = _loader().search_paths
        if added in others:
            _loader().search_paths.pop()
        return session


@cache
def _loader() -> Loader:
    return create_loader()
