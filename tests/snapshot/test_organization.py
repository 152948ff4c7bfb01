"""Organization: read as far as the session may, and the control policies of each account."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import given, strategies as st

from xacct import InvalidValue, PermissionMissing, PolicyError, PolicySet
from xacct.snapshot import ControlPolicy, Organization, OrganizationAccount
from xacct.testing import Sandbox

HOME = "999999999999"
DENY: Any = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
DENY_EVERYBODY = {**DENY, "Statement": [{**DENY["Statement"][0], "Principal": "*"}]}


@frozen
class Tree:
    """An organization with a root, a unit, a unit in it, and an account in each."""

    root: str
    unit: str
    lower: str
    at_the_top: str
    above: str
    below: str


@pytest.fixture
def aws() -> Iterator[Sandbox]:
    with Sandbox([HOME]) as aws:
        yield aws


@pytest.fixture
def organizations(aws: Sandbox) -> Any:
    return aws.account(HOME).session.client("organizations")


@pytest.fixture
def tree(organizations: Any) -> Tree:
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        organizations.enable_policy_type(RootId=root, PolicyType=kind)
    unit = organizations.create_organizational_unit(ParentId=root, Name="workloads")["OrganizationalUnit"]["Id"]
    lower = organizations.create_organizational_unit(ParentId=unit, Name="data")["OrganizationalUnit"]["Id"]
    accounts = []
    for name, parent in (("top", root), ("above", unit), ("below", lower)):
        asked = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
        described = organizations.describe_create_account_status(CreateAccountRequestId=asked["Id"])
        status = described["CreateAccountStatus"]
        accounts.append(status["AccountId"])
        if parent != root:
            organizations.move_account(AccountId=status["AccountId"], SourceParentId=root, DestinationParentId=parent)
    return Tree(root, unit, lower, *accounts)


def create_policy(organizations: Any, name: str, kind: str, *targets: str) -> None:
    content = json.dumps(DENY if kind == "SERVICE_CONTROL_POLICY" else DENY_EVERYBODY)
    policy = organizations.create_policy(Content=content, Description="", Name=name, Type=kind)["Policy"]
    for target in targets:
        organizations.attach_policy(PolicyId=policy["PolicySummary"]["Id"], TargetId=target)


def test_accounts_and_units_are_read_with_their_names_and_places(aws: Sandbox, tree: Tree) -> None:
    read = Organization.read(aws.account(HOME).session)
    assert read is not None
    assert (read.id[:2], read.management_account, read.missing) == ("o-", HOME, ())
    assert read.unit_names == {tree.unit: "workloads", tree.lower: "data"}
    places = {account.id: (account.name, account.parents) for account in read.accounts}
    assert places == {
        HOME: ("master", (tree.root,)),
        tree.at_the_top: ("top", (tree.root,)),
        tree.above: ("above", (tree.root, tree.unit)),
        tree.below: ("below", (tree.root, tree.unit, tree.lower)),
    }
    assert [account.id for account in read.accounts] == sorted(places)


def test_control_policies_are_read_by_what_they_are_attached_to(aws: Sandbox, organizations: Any, tree: Tree) -> None:
    create_policy(organizations, "Top", "SERVICE_CONTROL_POLICY", tree.root, tree.below)
    create_policy(organizations, "Unit", "RESOURCE_CONTROL_POLICY", tree.unit)
    create_policy(organizations, "Unused", "SERVICE_CONTROL_POLICY")
    read = Organization.read(aws.account(HOME).session)
    assert read is not None
    names = {target: [policy.name for policy in policies] for target, policies in read.scps.items()}
    assert names[tree.root] == ["FullAWSAccess", "Top"] or names[tree.root] == ["Top", "FullAWSAccess"]
    assert sorted(names[tree.below]) == ["FullAWSAccess", "Top"]
    assert "Unused" not in {name for level in names.values() for name in level}
    assert {target: [policy.name for policy in policies] for target, policies in read.rcps.items()} == {
        tree.unit: ["Unit"]
    }
    assert json.loads(read.rcps[tree.unit][0].document) == DENY_EVERYBODY
    assert Organization.from_dict(json.loads(json.dumps(read.to_dict()))) == read


def test_the_levels_of_an_account_are_those_above_it(aws: Sandbox, organizations: Any, tree: Tree) -> None:
    create_policy(organizations, "Top", "RESOURCE_CONTROL_POLICY", tree.root)
    create_policy(organizations, "Own", "RESOURCE_CONTROL_POLICY", tree.below, tree.above)
    read = Organization.read(aws.account(HOME).session)
    assert read is not None

    def names(account: str, layer: Any) -> list[list[str | None]]:
        return [sorted(str(policy.name) for policy in level) for level in read.levels(account, layer)]

    assert names(tree.below, "rcp") == [["RCP Top"], ["RCP Own"]]
    assert names(tree.at_the_top, "rcp") == [["RCP Top"]]
    assert names(tree.below, "scp") == [["SCP FullAWSAccess"]] * 4
    assert names(HOME, "scp") == names(HOME, "rcp") == []
    assert names("123456789012", "scp") == []
    assert len(PolicySet(rcps=read.levels(tree.below, "rcp")).rcps) == 2
    assert read.levels(tree.below, "rcp")[0][0] is read.levels(tree.above, "rcp")[0][0]


def user_who_may(aws: Sandbox, *actions: str) -> Any:
    iam = aws.account(HOME).session.client("iam")
    iam.create_user(UserName="alice")
    allow = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": allow})
    iam.put_user_policy(UserName="alice", PolicyName="Own", PolicyDocument=document)
    return aws.sign_in(f"arn:aws:iam::{HOME}:user/alice")


def test_what_may_not_be_read_is_named(aws: Sandbox, tree: Tree) -> None:
    read = Organization.read(user_who_may(aws, "organizations:DescribeOrganization"))
    assert read is not None
    assert (read.management_account, read.accounts, read.scps, read.rcps) == (HOME, (), {}, {})
    assert read.missing == (
        "accounts and organizational units (the caller may not organizations:ListRoots)",
        "resource control policies (the caller may not organizations:ListPolicies)",
        "service control policies (the caller may not organizations:ListPolicies)",
    )


def test_a_policy_that_may_not_be_read_is_named(aws: Sandbox, organizations: Any, tree: Tree) -> None:
    create_policy(organizations, "Top", "SERVICE_CONTROL_POLICY", tree.root)
    allowed = [f"organizations:{name}" for name in ("DescribeOrganization", "List*")]
    read = Organization.read(user_who_may(aws, *allowed))
    assert read is not None
    assert len(read.accounts) == 4
    assert read.missing == tuple(
        f"service control policies: {name} (the caller may not organizations:DescribePolicy)"
        for name in ("FullAWSAccess", "Top")
    )


def test_an_account_without_an_organization_has_none(aws: Sandbox) -> None:
    assert Organization.read(aws.account(HOME).session) is None


def test_a_caller_who_may_not_read_the_organization_is_told(aws: Sandbox, tree: Tree) -> None:
    with pytest.raises(PermissionMissing, match="organizations:DescribeOrganization"):
        Organization.read(user_who_may(aws, "s3:ListBucket"))


def test_the_session_must_be_one() -> None:
    with pytest.raises(InvalidValue, match="session: 'prod' is not valid"):
        Organization.read("prod")  # type: ignore[arg-type]


def test_a_control_policy_that_is_not_well_formed_is_refused_by_levels() -> None:
    broken = ControlPolicy(id="p-1", name="Broken", document="{}")
    organization = Organization(
        id="o-1", accounts=(OrganizationAccount(id=HOME, parents=("r-1",)),), scps={"r-1": (broken,)}
    )
    with pytest.raises(PolicyError, match="at least one statement"):
        organization.levels(HOME, "scp")


def test_it_prints_as_one_line_and_can_be_pickled() -> None:
    organization = Organization(
        id="o-1",
        accounts=(OrganizationAccount(id=HOME),),
        scps={target: (ControlPolicy(id="p-1", name="Deny", document="{}"),) for target in ("r-1", HOME)},
        missing=("resource control policies (AccessDenied)",),
    )
    assert repr(organization) == "Organization('o-1', 1 account, 1 policy, 1 missing)"
    copy = pickle.loads(pickle.dumps(organization))
    assert copy == organization
    assert copy.levels("1", "scp") == ()


def test_the_order_of_accounts_and_policies_does_not_matter() -> None:
    accounts = tuple(OrganizationAccount(id=f"{number:012}") for number in range(3))
    policies = tuple(ControlPolicy(id=f"p-{number}", name="P", document="{}") for number in range(3))
    one = Organization(id="o-1", accounts=accounts, scps={"r-1": policies, HOME: policies})
    other = Organization(id="o-1", accounts=accounts[::-1], scps={HOME: policies[::-1], "r-1": policies})
    assert one == other
    assert json.dumps(one.to_dict()) == json.dumps(other.to_dict())
    assert evolve(one) == one


TEXT = st.text(max_size=8)
POLICIES = st.dictionaries(
    TEXT,
    st.lists(
        st.builds(ControlPolicy, id=TEXT, name=TEXT, document=st.sampled_from([json.dumps(DENY), "{}", "", "[]"])),
        max_size=2,
    ).map(tuple),
    max_size=2,
)


@given(
    st.builds(
        Organization,
        id=TEXT,
        management_account=TEXT,
        accounts=st.lists(
            st.builds(OrganizationAccount, id=TEXT, name=TEXT, parents=st.lists(TEXT, max_size=2).map(tuple)),
            max_size=3,
        ).map(tuple),
        unit_names=st.dictionaries(TEXT, TEXT, max_size=2),
        scps=POLICIES,
        rcps=POLICIES,
        missing=st.lists(TEXT, max_size=2).map(tuple),
    )
)
def test_an_organization_survives_json(organization: Organization) -> None:
    data = json.loads(json.dumps(organization.to_dict()))
    assert Organization.from_dict(data).to_dict() == organization.to_dict()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "id: '.missing.' is not valid"),
        ({"id": "o-1", "account": []}, "account: '.unknown key.' is not valid: did you mean 'accounts'"),
        ({"id": "o-1", "scps": {"r-1": [{"id": "p", "name": "P", "document": 5}]}}, r"scps.r-1\[0\].document: 5"),
        ({"id": "o-1", "accounts": [{"id": 5}]}, r"accounts\[0\].id: 5 is not valid: must be a string"),
        ([], "must be an object"),
    ],
)
def test_other_data_is_refused_with_the_path(data: Any, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Organization.from_dict(data)
