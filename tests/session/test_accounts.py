"""Account ids from an organization and from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from attrs import frozen

from xacct import Account, AwsError, InvalidValue, PermissionMissing, accounts_in_file, accounts_in_organization
from xacct.testing import Sandbox

HOME = "999999999999"


@frozen
class Tree:
    """An organization: the ids of its root and of a unit that contains a lower unit, and the accounts in each."""

    root: str
    unit: str
    lower: str
    at_the_top: str
    above: str
    below: str


def create_organization(aws: Sandbox) -> Tree:
    organizations = aws.account(HOME).session.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="workloads")["OrganizationalUnit"]["Id"]
    lower = organizations.create_organizational_unit(ParentId=unit, Name="data")["OrganizationalUnit"]["Id"]
    accounts = []
    for name, parent in (("top", root), ("above", unit), ("below", lower), ("closed", lower)):
        asked = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
        described = organizations.describe_create_account_status(CreateAccountRequestId=asked["Id"])
        status = described["CreateAccountStatus"]
        accounts.append(status["AccountId"])
        if parent != root:
            organizations.move_account(AccountId=status["AccountId"], SourceParentId=root, DestinationParentId=parent)
    organizations.close_account(AccountId=accounts.pop())
    return Tree(root, unit, lower, *accounts)


def ids(session: boto3.Session, *args: Any, **options: Any) -> set[str]:
    return {account.id for account in accounts_in_organization(session, *args, **options)}


def test_active_accounts_of_the_organization_or_of_units_are_returned() -> None:
    with Sandbox([HOME]) as aws:
        tree, session = create_organization(aws), aws.account(HOME).session
        assert ids(session) == {HOME, tree.at_the_top, tree.above, tree.below}
        assert ids(session, tree.root) == {HOME, tree.at_the_top, tree.above, tree.below}
        found = accounts_in_organization(session, tree.unit)
        assert found == (
            Account(id=tree.above, name="above", email="above@example.com"),
            Account(id=tree.below, name="below", email="below@example.com"),
        )
        assert ids(session, [tree.lower, tree.unit]) == {tree.above, tree.below}


def test_accounts_and_units_can_be_left_out() -> None:
    with Sandbox([HOME]) as aws:
        tree, session = create_organization(aws), aws.account(HOME).session
        assert ids(session, exclude=[HOME, tree.below]) == {tree.at_the_top, tree.above}
        assert ids(session, exclude=[tree.unit]) == {HOME, tree.at_the_top}
        assert ids(session, tree.unit, exclude=[tree.lower, HOME]) == {tree.above}


def test_accounts_can_be_chosen_by_tags() -> None:
    with Sandbox([HOME]) as aws:
        tree, session = create_organization(aws), aws.account(HOME).session
        organizations = session.client("organizations")
        for account, stage in ((tree.above, "production"), (tree.below, "test")):
            tags = [{"Key": "stage", "Value": stage}, {"Key": "team", "Value": "data"}]
            organizations.tag_resource(ResourceId=account, Tags=tags)
        assert ids(session, tags={"team": "data"}) == {tree.above, tree.below}
        assert ids(session, tags={"team": "data", "stage": "test"}) == {tree.below}
        assert ids(session, tree.unit, tags={"team": "web"}) == set()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"unit": "workloads"}, "unit: 'workloads' is not valid: the id of"),
        ({"unit": ["r-ab12", "workloads"]}, "unit: 'workloads' is not valid: the id of"),
        ({"exclude": ["11111111"]}, "exclude: '11111111' is not valid: the id of"),
        ({"exclude": HOME}, "a sequence of ids, not a single string"),
    ],
)
def test_units_and_what_is_left_out_must_be_ids(options: dict[str, Any], text: str) -> None:
    with Sandbox([HOME]) as aws:
        with pytest.raises(InvalidValue, match=text):
            accounts_in_organization(aws.account(HOME).session, **options)
        assert aws.calls == []


def test_a_missing_permission_to_list_accounts_names_the_statement_to_add() -> None:
    with Sandbox([HOME]) as aws:
        aws.account(HOME).session.client("iam").create_user(UserName="alice")
        alice = aws.sign_in(f"arn:aws:iam::{HOME}:user/alice")
        with pytest.raises(PermissionMissing, match='"Action": "organizations:ListAccounts"'):
            accounts_in_organization(alice)


def test_invalid_credentials_are_reported() -> None:
    with (
        Sandbox([HOME]),
        pytest.raises(AwsError, match=r"reading the caller identity of .*InvalidClientTokenId"),
    ):
        accounts_in_organization(boto3.Session("AKIASTRANGER", "secret", region_name="eu-central-1"))


def test_each_line_of_a_file_starts_with_an_account_id(tmp_path: Path) -> None:
    path = tmp_path / "accounts.txt"
    path.write_text("\ufeff# ours\n111111111111\n\n 222222222222 web # old\n333333333333,data\n111111111111\n")
    assert accounts_in_file(path) == ("111111111111", "222222222222", "333333333333")


@pytest.mark.parametrize("line", ["web 111111111111", "11111111111", "1111111111111"])
def test_a_line_without_an_account_id_is_rejected_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "accounts.txt"
    path.write_text(f"222222222222\n{line}\n")
    with pytest.raises(
        InvalidValue, match=r"accounts.txt, line 2: '.*' is not valid: a line must start with an account id"
    ):
        accounts_in_file(str(path))
