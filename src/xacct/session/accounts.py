"""Lists of accounts: from AWS Organizations, or from a text file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from xacct.aws_reads import caller_arn
from xacct.concurrency import run_concurrently
from xacct.errors import InvalidValue
from xacct.limits import ACCOUNT_ID
from xacct.organizations_client import Listing, organizations_client
from xacct.retry import Patience, attempt
from xacct.session.target import Account

if TYPE_CHECKING:
    import boto3

__all__ = ["accounts_in_file", "accounts_in_organization"]

_UNIT = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}")


def accounts_in_organization(
    session: boto3.Session,
    unit: str | Iterable[str] | None = None,
    *,
    exclude: Iterable[str] = (),
    tags: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Account, ...]:
    """Return the active accounts of an AWS organization, with their names and email addresses.

    Args:
        session: a session of the management account or of a delegated administrator.
        unit: the ID of an organizational unit (``ou-…``) or of the root (``r-…``), to return the accounts in it and in
            the units below it; several IDs; or None for all accounts.
        exclude: IDs of accounts and of organizational units to leave out, with the units below them.
        tags: return only the accounts that have all these tags, which takes a call for each account and the permission
            organizations:ListTagsForResource.

    Raises:
        InvalidValue: ``unit`` or ``exclude`` has something that is not an ID; nothing was called.
        PermissionMissing: the caller is not allowed to list accounts; the message contains the statement to add.
        AwsError: any other error response.

    Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    """
    units = None if unit is None else dict.fromkeys([unit] if isinstance(unit, str) else unit)
    for name in units or ():
        _check_unit("unit", name)
    excluded = _excluded(exclude)
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
        if parent in excluded:
            return
        yield from read("list_accounts_for_parent", "Accounts", ParentId=parent)
        for child in read("list_organizational_units_for_parent", "OrganizationalUnits", ParentId=parent):
            yield from below(child["Id"])

    def has_tags(entry: Mapping[str, str]) -> bool:
        found = {tag["Key"]: tag["Value"] for tag in read("list_tags_for_resource", "Tags", ResourceId=entry["Id"])}
        return tags.items() <= found.items()

    if units is None and any(_UNIT.fullmatch(name) for name in excluded):
        units = dict.fromkeys(root["Id"] for root in read("list_roots", "Roots"))
    listed = read("list_accounts", "Accounts") if units is None else [e for parent in units for e in below(parent)]
    # AWS is replacing Status by State. A response has one of them or both.
    active = {e["Id"]: e for e in listed if e.get("State", e.get("Status")) == "ACTIVE" and e["Id"] not in excluded}
    kept = run_concurrently(*(partial(has_tags, entry) for entry in active.values())) if tags else [True] * len(active)
    return tuple(
        Account(id=entry["Id"], name=entry.get("Name", ""), email=entry.get("Email", ""))
        for entry, keep in zip(active.values(), kept)
        if keep
    )


def _check_unit(argument: str, name: str) -> None:
    if not _UNIT.fullmatch(name):
        raise InvalidValue(
            argument, name, "the id of an organizational unit, such as ou-ab12-34cd56ef0, or of a root, such as r-ab12"
        )


def _excluded(names: Iterable[str]) -> frozenset[str]:
    if isinstance(names, str):
        raise InvalidValue("exclude", names, "a sequence of ids, not a single string")
    found = frozenset(str(name) for name in names)
    for name in found:
        if not ACCOUNT_ID.allows(name):
            _check_unit("exclude", name)
    return found


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
