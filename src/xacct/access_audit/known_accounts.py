"""Known accounts: those of AWS services and of third parties, by ID, and those in a file of the user.

The facts were collected by fwd:cloudsec (https://github.com/fwdcloudsec/known_aws_accounts, Apache-2.0). The data file
says as of when.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast, get_args

from xacct.access_audit.subject import KnownAccount
from xacct.errors import InvalidValue
from xacct.limits import ACCOUNT_ID

__all__ = ["known_accounts", "known_accounts_in_file"]

Kind = Literal["aws", "vendor", "own"]
_COLUMNS = ("account", "name", "kind", "source")


@cache
def known_accounts() -> Mapping[str, KnownAccount]:
    """Return the accounts whose owners are public, by ID. The data is read on the first call.

    Source: https://github.com/fwdcloudsec/known_aws_accounts

    >>> known_accounts()["464622532012"].name
    'Datadog'
    """
    text = files("xacct.access_audit").joinpath("known_accounts.csv").read_text("utf-8")
    return MappingProxyType({row["account"]: _account(row) for row in _csv_rows(text)})


def known_accounts_in_file(path: str | os.PathLike[str]) -> tuple[KnownAccount, ...]:
    """Return the known accounts of a file, for the argument ``known_accounts`` of :func:`xacct.audit`.

    A CSV file starts with a line that names its columns: ``account`` and ``name``, and if you like ``kind`` and
    ``source``. Lines that start with ``#`` are ignored. A JSON file has a list of objects with these keys, or one
    object with the names by account ID. The kind is that of :class:`~xacct.KnownAccount`; without one, it is
    ``vendor``.

    Args:
        path: the path of the file.

    Raises:
        InvalidValue: the file has another form. The error has the path and the number of the entry.
        OSError: the file cannot be read.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "known.csv"
    ...     _ = path.write_text("account,name,kind\\n333333333333,Our auditor,vendor\\n444444444444,Old payer,own\\n")
    ...     [(account.name, account.kind) for account in known_accounts_in_file(path)]
    [('Our auditor', 'vendor'), ('Old payer', 'own')]
    """
    text = Path(path).read_text(encoding="utf-8-sig")
    rows = _json_rows(path, text) if text.lstrip()[:1] in ("{", "[") else _csv_rows(text)
    return tuple(_checked(f"{os.fspath(path)}, entry {number}", row) for number, row in enumerate(rows, start=1))


def _csv_rows(text: str) -> Iterator[Mapping[str, str]]:
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


def _json_rows(path: str | os.PathLike[str], text: str) -> Iterable[object]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InvalidValue(os.fspath(path), text[:40], f"must be JSON: {error}") from None
    return [{"account": account, "name": name} for account, name in data.items()] if isinstance(data, dict) else data


def _checked(place: str, row: object) -> KnownAccount:
    if not isinstance(row, Mapping):
        raise InvalidValue(place, row, f"an object with the keys {', '.join(_COLUMNS)}")
    for column, value in row.items():
        if column not in _COLUMNS:
            raise InvalidValue(place, column, f"the columns are {', '.join(_COLUMNS)}")
        if value is not None and not isinstance(value, str):
            raise InvalidValue(f"{place}: {column}", f"(of type {type(value).__name__})", "must be a string")
    account, name, kind = row.get("account") or "", row.get("name") or "", row.get("kind") or "vendor"
    if not ACCOUNT_ID.allows(account):
        raise InvalidValue(f"{place}: account", account, "an account ID of 12 digits")
    if not name:
        raise InvalidValue(f"{place}: name", name, "say whose account it is")
    if kind not in get_args(Kind):
        raise InvalidValue(f"{place}: kind", kind, f"one of {', '.join(get_args(Kind))}")
    return KnownAccount(account, name, cast(Kind, kind), row.get("source") or "")


def _account(row: Mapping[str, str]) -> KnownAccount:
    # A test checks the values of the file.
    return KnownAccount(row["account"], row["name"], cast(Kind, row["kind"]), row["source"])
