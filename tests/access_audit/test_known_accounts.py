"""Known accounts: the data file is well formed and is read once, and a user's file is read or refused."""

from __future__ import annotations

import csv
import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from xacct import InvalidValue, KnownAccount
from xacct.access_audit.known_accounts import known_accounts, known_accounts_in_file
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


OWN = [KnownAccount("333333333333", "Our auditor", "vendor"), KnownAccount("444444444444", "Old payer", "own", "wiki")]


@pytest.mark.parametrize(
    "text",
    [
        "# ours\naccount,name,kind,source\n333333333333,Our auditor,,\n444444444444,Old payer,own,wiki\n",
        '\ufeffname,account,source,kind\nOur auditor,333333333333\n"Old payer",444444444444,wiki,own\n',
        json.dumps([
            {"account": "333333333333", "name": "Our auditor"},
            {"account": "444444444444", "name": "Old payer", "kind": "own", "source": "wiki"},
        ]),
    ],
)  # fmt: skip
def test_known_accounts_are_read_from_csv_and_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "known").write_text(text, encoding="utf-8")
    assert list(known_accounts_in_file(tmp_path / "known")) == OWN


def test_a_json_object_has_names_by_account(tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text('{"333333333333": "Our auditor"}')
    assert list(known_accounts_in_file(tmp_path / "known.json")) == OWN[:1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("account,name\n33333,Auditor", "known, entry 1: account: '33333' is not valid: an account ID of 12 digits"),
        ("account,name\n333333333333,", "entry 1: name: '' is not valid: say whose account it is"),
        ("account,name,kind\n333333333333,x,customer", "entry 1: kind: 'customer' is not valid: one of aws, vendor, o"),
        ("account,name\n333333333333,Auditor,a,b", "entry 1: None is not valid: the columns are account, name, kind"),
        ("id,name\n333333333333,Auditor", "entry 1: 'id' is not valid: the columns are account, name, kind, source"),
        ("[5]", "entry 1: 5 is not valid: an object with the keys account"),
        ('[{"account": 3, "name": "x"}]', "entry 1: account: '(of type int)' is not valid: must be a string"),
        ("{", "known: '{' is not valid: must be JSON: "),
    ],
)
def test_another_file_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "known").write_text(text)
    with pytest.raises(InvalidValue, match=re.escape(message)):
        known_accounts_in_file(tmp_path / "known")
