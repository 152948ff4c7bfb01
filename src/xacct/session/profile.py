"""Profiles that assume a role, in ``~/.aws/config``, for the AWS CLI and the AWS SDKs."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.session.atomic_file import write_atomically
from xacct.session.role_request import RoleRequest

__all__ = ["profile_block", "write_profile"]

_NAME = re.compile(r"[A-Za-z0-9_.@%+:/-]+")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_PROFILE = re.compile(r"\[\s*(?:profile\s+(?P<quote>[\"']?)(?P<name>[^\"'\]]+?)(?P=quote)|(?P<default>default))\s*\]")
_REGION = re.compile(r"[A-Za-z0-9-]+")


def profile_block(
    name: str,
    role_arn: Arn | str,
    *,
    source_profile: str,
    external_id: str | None = None,
    mfa_serial: str | None = None,
    session_name: str | None = None,
    duration: int | timedelta | None = None,
    region: str | None = None,
) -> str:
    """Return the lines of a profile that assumes a role.

    Args:
        name: the profile's name: letters, digits and ``_.@%+:/-``.
        role_arn: the role's ARN with its path.
        source_profile: the profile whose credentials assume the role.
        external_id: the external ID that the trust policy requires.
        mfa_serial: the MFA device's ARN or serial number. The AWS CLI asks for its code.
        session_name: the role session name in CloudTrail logs.
        duration: the lifetime of one set of credentials in seconds or as a timedelta, 15 minutes to 12 hours.
        region: the profile's region.

    Raises:
        InvalidValue: an argument is not valid.

    >>> print(profile_block("production", "arn:aws:iam::111111111111:role/Reader", source_profile="development"))
    [profile production]
    role_arn = arn:aws:iam::111111111111:role/Reader
    source_profile = development
    <BLANKLINE>

    Source: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html
    """
    for argument, value in (("name", name), ("source_profile", source_profile)):
        if not _NAME.fullmatch(value):
            raise InvalidValue(argument, value, "letters, digits and _.@%+:/-")
    if region is not None and not _REGION.fullmatch(region):
        raise InvalidValue("region", region, "a region such as eu-west-1")
    request = RoleRequest(
        role_arn=role_arn,
        external_id=external_id,
        mfa_serial=mfa_serial,
        session_name=session_name,
        duration=duration,
    )
    settings = {
        "role_arn": request.role_arn,
        "source_profile": source_profile,
        "external_id": request.external_id,
        "mfa_serial": request.mfa_serial,
        "role_session_name": request.session_name,
        "duration_seconds": request.duration,
        "region": region,
    }
    lines = [f"{key} = {value}" for key, value in settings.items() if value is not None]
    return "\n".join([_header(name), *lines, ""])


def write_profile(block: str, *, replace: bool = False, file: str | os.PathLike[str] | None = None) -> Path:
    """Write a profile to the AWS configuration file. All other lines stay as they are.

    Args:
        block: the profile's lines, as `profile_block` returns them.
        replace: whether to replace an existing profile of this name, with all its settings.
        file: the path of the file; None for ``AWS_CONFIG_FILE``, or else ``~/.aws/config``.

    Returns:
        The path of the file, with symbolic links resolved.

    Raises:
        InvalidValue: the file has another profile of this name and ``replace`` is False. A profile with exactly these
            lines is not an error.
    """
    path = Path(file or os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser().resolve()
    text = path.read_bytes().decode("utf-8") if path.exists() else ""
    newline = "\r\n" if "\r\n" in text else "\n"
    new = block.strip().split("\n")
    if not _PROFILE.match(new[0]):
        raise InvalidValue("block", new[0], "the lines that profile_block returns")
    lines = _LINE.findall(text)
    start, end = _span(lines, new[0])
    if [line.strip() for line in lines[start:end]] == new:
        return path
    if start < end and not replace:
        raise InvalidValue(
            "block", new[0], f"{path} has another profile of this name. Choose another name, or pass replace=True"
        )
    before = "".join(lines[:start])
    if start == end and before.strip():
        before = before.rstrip("\r\n") + newline * 2
    write_atomically(path, before + newline.join([*new, ""]) + "".join(lines[end:]), keep_mode=True)
    return path


def _header(name: str) -> str:
    return "[default]" if name == "default" else f"[profile {name}]"


def _span(lines: list[str], header: str) -> tuple[int, int]:
    """Return the range of a profile, from its header to its last setting; an empty range at the end if missing."""
    headers = [number for number, line in enumerate(lines) if line.startswith("[")]
    for number in headers:
        if _canonical(lines[number]) == header:
            end = next((following for following in headers if following > number), len(lines))
            while lines[end - 1].lstrip().startswith(("#", ";")) or not lines[end - 1].strip():
                end -= 1  # comments above the next profile belong to it
            return number, end
    return len(lines), len(lines)


def _canonical(line: str) -> str:
    found = _PROFILE.match(line)
    return _header(found["name"] or "default") if found else line.strip()
