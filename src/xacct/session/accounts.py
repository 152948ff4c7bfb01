"""Lists of account ids: from AWS Organizations, or from a text file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from xacct.aws_reads import caller_arn
from xacct.errors import InvalidValue
from xacct.organizations_client import Listing, organizations_client
from xacct.retry import Patience, attempt

if TYPE_CHECKING:
    import boto3

__all__ = ["accounts_in_file", "accounts_in_organization"]

_UNIT = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}")


def accounts_in_organization(session: boto3.Session, unit: str | None = None) -> tuple[str, ...]:
    """Return the ids of the active accounts of an AWS organization.

    Args:
        session: a session of the management account or of a delegated administrator.
        unit: the id of an organizational unit (``ou-…``) or of the root (``r-…``), to return the accounts in it and in
            the units below it; None for all accounts.

    Raises:
        InvalidValue: ``unit`` is not the id of a unit or root; nothing was called.
        PermissionMissing: the caller is not allowed to list accounts; the message contains the statement to add.
        AwsError: any other error response.

    Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    """
    if unit is not None and not _UNIT.fullmatch(unit):
        raise InvalidValue(
            "unit", unit, "the id of an organizational unit, such as ou-ab12-34cd56ef0, or of a root, such as r-ab12"
        )
    organizations = organizations_client(session)
    patience = Patience(deadline=30)
    account = caller_arn(session.client("sts"), "organization", patience=patience).account

    def read(operation: Listing, member: str, **options: str) -> list[Mapping[str, str]]:
        pages = organizations.get_paginator(operation)
        return attempt(
            lambda: [entry for page in pages.paginate(**options) for entry in page[member]],
            doing="listing the organization's accounts",
            account=account,
            resource="*",
            patience=patience,
        )

    def below(parent: str) -> Iterator[Mapping[str, str]]:
        yield from read("list_accounts_for_parent", "Accounts", ParentId=parent)
        for child in read("list_organizational_units_for_parent", "OrganizationalUnits", ParentId=parent):
            yield from below(child["Id"])

    entries = read("list_accounts", "Accounts") if unit is None else below(unit)
    # AWS is replacing Status by State. A response has one of them or both.
    return tuple(entry["Id"] for entry in entries if entry.get("State", entry.get("Status")) == "ACTIVE")


def accounts_in_file(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the account ids in a text file. Each line starts with an account id; any text can follow it.

    Empty lines, and text after a ``#``, are ignored.

    Args:
        path: the path of the file.

    Raises:
        InvalidValue: a line does not start with an account id; the message contains its number.
        OSError: the file cannot be read.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "accounts.txt"
    ...     _ = path.write_text("# production\\n111111111111 web\\n222222222222, data\\n")
    ...     accounts_in_file(path)
    ('111111111111', '222222222222')
    """
    accounts = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8-sig").splitlines(), start=1):
        text = line.partition("#")[0].strip()
        found = re.match(r"([0-9]{12})(?![0-9])", text)
        if found:
            accounts.append(found[1])
        elif text:
            raise InvalidValue(
                f"{os.fspath(path)}, line {number}", text, "a line must start with an account id of 12 digits"
            )
    return tuple(dict.fromkeys(accounts))
