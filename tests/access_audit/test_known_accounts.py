"""Known accounts: the data file is well formed and is read once."""

from __future__ import annotations

import csv
from importlib.resources import files

from xacct.access_audit.known_accounts import known_accounts
from xacct.limits import ACCOUNT_ID

LINES = files("xacct.access_audit").joinpath("known_accounts.csv").read_text("utf-8").splitlines()
ROWS = list(csv.reader(line for line in LINES if not line.startswith("#")))


def test_every_line_has_an_account_a_name_a_kind_and_a_source() -> None:
    for account, name, kind, source in ROWS[1:]:
        assert ACCOUNT_ID.allows(account)
        assert name, account
        assert name == name.strip(), account
        assert kind in ("aws", "vendor"), account
        assert source == source.strip(), account


def test_no_account_has_two_lines() -> None:
    accounts = [row[0] for row in ROWS[1:]]
    assert len(set(accounts)) == len(accounts) == len(known_accounts())


def test_the_file_says_where_its_facts_are_from_and_of_when_they_are() -> None:
    head = "\n".join(line for line in LINES if line.startswith("#"))
    assert "https://github.com/fwdcloudsec/known_aws_accounts (Apache-2.0), as of 2025-09-17" in head


def test_a_vendor_and_an_account_of_aws_are_told_apart() -> None:
    assert known_accounts()["464622532012"].kind == "vendor"
    assert known_accounts()["127311923021"].kind == "aws"


def test_the_data_is_read_once() -> None:
    assert known_accounts() is known_accounts()
