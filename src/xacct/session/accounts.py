"""Which accounts there are: in an organization, or in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xacct.errors import InvalidValue
from xacct.retry import Patience, attempt

if TYPE_CHECKING:
    import boto3

__all__ = ["accounts_in_file", "accounts_in_organization"]

_UNIT = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}")


def accounts_in_organization(session: boto3.Session, unit: str | None = None) -> tuple[str, ...]:
    """The ids of the active accounts of an AWS organization.

    Args:
        session: of the management account or of a delegated administrator.
        unit: the id of an organizational unit (``ou-…``) or of the root (``r-…``), for the accounts in it and in the
            units below; None for all.

    Raises:
        InvalidValue: the unit is not an id; nothing was called.
        PermissionMissing: the caller may not list accounts; says what to add.
        AwsError: any other refusal.

    Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    """
    if unit is not None and not _UNIT.fullmatch(unit):
        raise InvalidValue("unit", unit, "the id of an organizational unit, such as ou-ab12-34cd56ef, or of a root")
    organizations: Any = session.client("organizations")  # whose types are not among ours
    sts, patience = session.client("sts"), Patience(deadline=30)
    account = attempt(
        lambda: sts.get_caller_identity()["Account"],
        doing="asking who the session belongs to",
        account="(unknown)",
        resource="*",
        patience=patience,
    )

    def pages(operation: str, member: str, **options: str) -> list[Any]:
        return attempt(
            lambda: [
                entry for page in organizations.get_paginator(operation).paginate(**options) for entry in page[member]
            ],
            doing="listing the organization's accounts",
            account=account,
            resource="*",
            patience=patience,
        )

    def below(parent: str) -> Iterator[Any]:
        yield from pages("list_accounts_for_parent", "Accounts", ParentId=parent)
        for child in pages("list_organizational_units_for_parent", "OrganizationalUnits", ParentId=parent):
            yield from below(child["Id"])

    found = pages("list_accounts", "Accounts") if unit is None else below(unit)
    # AWS replaces Status by State, and answers with both or with either.
    return tuple(entry["Id"] for entry in found if entry.get("State", entry.get("Status")) == "ACTIVE")


def accounts_in_file(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The account ids in a text file: one at the beginning of each line, with a name or anything else after it.

    Empty lines, and what follows a ``#``, are left out.

    Args:
        path: the file.

    Raises:
        InvalidValue: a line begins otherwise; says which.
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
            raise InvalidValue(f"{os.fspath(path)}, line {number}", text, "the twelve digits of an account id first")
    return tuple(dict.fromkeys(accounts))
