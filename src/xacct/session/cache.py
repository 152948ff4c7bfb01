"""Credentials on disk, in the format and folder of the AWS CLI's cache, so that both can use the same entries."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from xacct.session.atomic_file import write_atomically
from xacct.session.file_lock import locked
from xacct.session.role_request import RoleRequest

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleResponseTypeDef

__all__ = ["CachedCredentials", "CliCache"]

log = logging.getLogger("xacct")


@frozen(kw_only=True)
class CachedCredentials:
    """The credentials in one file of the cache."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    expires: datetime


class CliCache:
    """A folder with one file per request, with the AWS CLI's file names and format.

    As in the AWS CLI, the file name depends on the request and not on the caller. Files are replaced atomically, so
    that several processes can use them at the same time. Only their owner can read them. A lock for each request, which
    the AWS CLI does not know, lets one process of xacct call STS while the others wait for what it stores.

    Args:
        folder: the path of the folder; None for the AWS CLI's ``~/.aws/cli/cache``.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._folder = Path("~/.aws/cli/cache" if folder is None else folder).expanduser()

    def read(self, request: RoleRequest) -> CachedCredentials | None:
        """Return the stored credentials of a request; None if there are none, or if the file cannot be read."""
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
        """Store the credentials of a response. If that fails, a warning is logged and nothing is raised."""
        content = {
            "Credentials": {
                **answer["Credentials"],
                "Expiration": answer["Credentials"]["Expiration"].astimezone(timezone.utc).isoformat(),
                "AccountId": request.role_arn.account,
            },
            "AssumedRoleUser": answer.get("AssumedRoleUser", {}),
        }
        try:
            write_atomically(self._file(request), json.dumps(content), keep_mode=False)
        except OSError as error:
            log.warning("could not cache the credentials of %s: %s", request.role_arn, error)

    @contextmanager
    def lock(self, request: RoleRequest, *, timeout: float) -> Iterator[None]:
        """Exclude other processes and threads that want the credentials of the same request.

        If that is not possible, or another process takes too long, a message is logged, and nothing is excluded.

        Args:
            request: the request.
            timeout: seconds to wait for another process.
        """
        file = self._file(request)
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(file.with_name(f".{file.stem}.lock"), timeout=timeout))
            except TimeoutError:
                log.warning(
                    "another process has been assuming %s for %g s; assuming it as well", request.role_arn, timeout
                )
            except OSError as error:
                log.debug("the cache of %s could not be locked: %s", request.role_arn, error)
            yield

    def _file(self, request: RoleRequest) -> Path:
        """Return the file of a request, with the name that botocore's AssumeRoleCredentialFetcher gives it."""
        parameters: dict[str, object] = dict(request.parameters(""))
        if request.session_name is None:
            del parameters["RoleSessionName"]
        if request.policy is not None:
            parameters["Policy"] = json.loads(request.policy)
        name = hashlib.sha1(json.dumps(parameters, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        return self._folder / f"{name}.json"


def _text(found: Mapping[str, object], name: str) -> str:
    value = found[name]
    if not isinstance(value, str) or not value:
        raise ValueError(name)
    return value


def _time(text: str) -> datetime:
    # Python 3.10 parses neither Z, which version 1 of the AWS CLI writes, nor UTC, which botocore writes.
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("UTC", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
