"""Known accounts: those of AWS services and of third parties, by ID.

The facts were collected by fwd:cloudsec (https://github.com/fwdcloudsec/known_aws_accounts, Apache-2.0). The data file
says as of when.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, cast

from xacct.access_audit.subject import KnownAccount

__all__ = ["known_accounts"]


@cache
def known_accounts() -> Mapping[str, KnownAccount]:
    """Return the accounts whose owners are public, by ID. The data is read on the first call.

    Source: https://github.com/fwdcloudsec/known_aws_accounts

    >>> known_accounts()["464622532012"].name
    'Datadog'
    """
    text = files("xacct.access_audit").joinpath("known_accounts.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return MappingProxyType({row["account"]: _account(row) for row in rows})


def _account(row: Mapping[str, str]) -> KnownAccount:
    kind = cast(Literal["aws", "vendor"], row["kind"])  # a test checks the values of the file
    return KnownAccount(row["account"], row["name"], kind, row["source"])
