"""Credentials on disk, in the format and the place of the AWS CLI: either finds what the other has left there."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from xacct.session.atomic_file import write_atomically
from xacct.session.role_request import RoleRequest

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleResponseTypeDef

__all__ = ["CachedCredentials", "CliCache"]

log = logging.getLogger("xacct")


@frozen(kw_only=True)
class CachedCredentials:
    """What a file of the cache holds."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    expires: datetime


class CliCache:
    """A folder with one file for each request, named and written as the AWS CLI does.

    As with the CLI, the file's name says what was asked for and not who asked. Files are replaced whole, so that any
    number of processes may use them at once, and only their owner can read them.

    Args:
        folder: where; None for the CLI's own ``~/.aws/cli/cache``.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._folder = Path("~/.aws/cli/cache" if folder is None else folder).expanduser()

    def read(self, request: RoleRequest) -> CachedCredentials | None:
        """The credentials that are there; None where there are none, or what is there cannot be read."""
        try:
            found = json.loads(self._file(request).read_text("utf-8"))["Credentials"]
            return CachedCredentials(
                access_key=_text(found, "AccessKeyId"),
                secret_key=_text(found, "SecretAccessKey"),
                token=_text(found, "SessionToken"),
                expires=_time(_text(found, "Expiration")),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, request: RoleRequest, answer: AssumeRoleResponseTypeDef) -> None:
        """Keep what STS answered. Where that is not possible a warning is logged: it does not stop the work."""
        kept = {
            "Credentials": {
                **answer["Credentials"],
                "Expiration": answer["Credentials"]["Expiration"].astimezone(timezone.utc).isoformat(),
                "AccountId": request.role_arn.account,
            },
            "AssumedRoleUser": answer.get("AssumedRoleUser", {}),
        }
        try:
            write_atomically(self._file(request), json.dumps(kept), keep_mode=False)
        except OSError as error:
            log.warning("the credentials of %s could not be cached: %s", request.role_arn, error)

    def _file(self, request: RoleRequest) -> Path:
        """The file for a request, named as botocore's AssumeRoleCredentialFetcher names it."""
        asked: dict[str, object] = dict(request.parameters(""))
        if request.session_name is None:
            del asked["RoleSessionName"]
        if request.policy is not None:
            asked["Policy"] = json.loads(request.policy)
        name = hashlib.sha1(json.dumps(asked, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        return self._folder / f"{name}.json"


def _text(found: Mapping[str, object], name: str) -> str:
    value = found[name]
    if not isinstance(value, str) or not value:
        raise ValueError(name)
    return value


def _time(text: str) -> datetime:
    # Python 3.10 reads neither Z, which the CLI's first version writes, nor UTC, which botocore does.
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("UTC", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
