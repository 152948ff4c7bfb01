"""``xacct who-can`` and ``what-can``: ways through files, as a table and as data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import DEVELOPMENT, PRODUCTION, Command
from tests.cli.here import Here, here

from xacct import ResourcePolicy, Snapshot

__all__ = ["here"]

READER, DEV = f"arn:aws:iam::{PRODUCTION}:role/Reader", f"arn:aws:iam::{DEVELOPMENT}:user/dev"
OBJECT = "arn:aws:s3:::reports/2026.csv"
FILES = ("production.json", "development.json")
CHAIN = f"sts:AssumeRole {READER} -> s3:GetObject {OBJECT}"
WHO_CAN = f"""\
{"who":<{len(READER)}}  {"how":<{len(CHAIN)}}  if
{READER}  {f"s3:GetObject {OBJECT}":<{len(CHAIN)}}  -
{DEV:<{len(READER)}}  {CHAIN}  StringEquals sts:ExternalId
"""
ASSUME = f"sts:AssumeRole {READER}"
WHAT_CAN = f"""\
{"who":<{len(DEV)}}  {"how":<{len(ASSUME)}}  if
{DEV}  {ASSUME}  StringEquals sts:ExternalId
"""


def document(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "acme-42"}}
    trust = document(Action="sts:AssumeRole", Principal={"AWS": DEVELOPMENT}, Condition=condition)
    read = [{"PolicyName": "read", "PolicyDocument": document(Action="s3:Get*", Resource="*")}]
    assume = [{"PolicyName": "assume", "PolicyDocument": document(Action="sts:AssumeRole", Resource=READER)}]
    role = {"Arn": READER, "AssumeRolePolicyDocument": trust, "RolePolicyList": read}
    empty: dict[str, Any] = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    (tmp_path / FILES[0]).write_text(json.dumps({**empty, "RoleDetailList": [role]}))
    user = {"Arn": DEV, "UserPolicyList": assume}
    (tmp_path / FILES[1]).write_text(json.dumps({**empty, "UserDetailList": [user]}))


def test_everybody_who_can_is_listed_with_the_way_and_its_conditions(command: Command) -> None:
    ended = command("who-can", "s3:GetObject", OBJECT, *FILES, "--resource-account", PRODUCTION)
    assert (ended.code, ended.out, ended.err) == (0, WHO_CAN, "")


def test_ways_are_data(here: Here) -> None:
    ended = here("who-can", "s3:GetObject", OBJECT, *FILES, "--resource-account", PRODUCTION, "--format", "json")
    ways = json.loads(ended.out)
    assert [(way["principal"], way["answer"], len(way["hops"])) for way in ways] == [
        (READER, "yes", 1),
        (DEV, "depends", 2),
    ]


def test_nobody_is_exit_code_0_and_an_empty_list(here: Here) -> None:
    words = ("who-can", "s3:PutObject", OBJECT, *FILES, "--resource-account", PRODUCTION)
    ended = here(*words)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"Nobody can s3:PutObject on {OBJECT}, by the policies that were read.\n"
    assert here(*words, "--format", "json").out == "[]\n"


def test_the_account_of_a_bucket_has_to_be_known(here: Here) -> None:
    ended = here("who-can", "s3:GetObject", OBJECT, *FILES)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: resource_account: '' is not valid\n")


def test_a_policy_that_was_not_read_is_named_in_the_row_and_counted(here: Here) -> None:
    details = json.loads((here.folder / FILES[0]).read_text())
    arn = f"arn:aws:iam::{PRODUCTION}:policy/read"
    del details["RoleDetailList"][0]["RolePolicyList"]
    details["RoleDetailList"][0]["AttachedManagedPolicies"] = [{"PolicyName": "read", "PolicyArn": arn}]
    (here.folder / FILES[0]).write_text(json.dumps(details))
    ended = here("who-can", "s3:GetObject", OBJECT, FILES[0], "--resource-account", PRODUCTION)
    assert ended.code == 0
    assert ended.out.splitlines()[1].endswith(f"not decided: policy {arn} of {READER} was not read")
    assert ended.err == "Incomplete: 1 thing was not read or not decided; -v lists them.\n"


def test_what_a_user_can_assume_is_listed(here: Here) -> None:
    ended = here("what-can", DEV, *FILES)
    assert (ended.code, ended.out, ended.err) == (0, WHAT_CAN, "")


def test_actions_are_tried_on_the_resources_that_were_read(here: Here) -> None:
    policy = json.dumps(document(Action="s3:GetObject", Principal={"AWS": DEV}, Resource="arn:aws:s3:::reports/*"))
    bucket = ResourcePolicy(service="s3", arn="arn:aws:s3:::reports", policy=policy)
    snapshot = Snapshot(account=PRODUCTION, services=("s3",), regions=("eu-central-1",), resources=(bucket,))
    (here.folder / "buckets.json").write_text(json.dumps(snapshot.to_dict()))
    ended = here("what-can", DEV, *FILES, "buckets.json", "--action", "s3:GetObject", "--format", "json")
    ways = [[hop["action"] for hop in way["hops"]] for way in json.loads(ended.out)]
    assert ["sts:AssumeRole", "s3:GetObject"] in ways
    assert here("what-can", DEV, *FILES, "buckets.json").out == WHAT_CAN


def test_a_principal_that_gets_nowhere_is_exit_code_0(here: Here) -> None:
    ended = here("what-can", READER, *FILES)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"{READER} gets nowhere, by the policies that were read.\n"


def test_a_principal_that_no_file_has_is_a_usage_error(here: Here) -> None:
    ended = here("what-can", f"{DEV}x", *FILES)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Error: principal: '{DEV}x' is not valid\nWhy:   no snapshot has this user or role\n")
