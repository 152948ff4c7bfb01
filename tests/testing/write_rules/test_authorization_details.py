"""GetAccountAuthorizationDetails: the members that AWS returns, filters and pages."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config
from tests.testing.conftest import Two, allowing, create_role, refusal, trusting

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
LISTS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
}


@pytest.fixture
def iam(two: Two) -> Any:
    """A client of an account that has an entity of each kind, all with a customer managed policy."""
    iam = two.prod.client("iam")
    policy = iam.create_policy(
        PolicyName="Read", PolicyDocument=allowing("s3:Get*"), Description="Reads", Tags=[{"Key": "a", "Value": "b"}]
    )["Policy"]["Arn"]
    create_role(two)
    iam.tag_role(RoleName="Reader", Tags=[{"Key": "k", "Value": "v"}])
    iam.put_role_permissions_boundary(RoleName="Reader", PermissionsBoundary=policy)
    iam.create_user(UserName="alice", PermissionsBoundary=policy, Tags=[{"Key": "k", "Value": "v"}])
    iam.create_group(GroupName="developers")
    iam.add_user_to_group(GroupName="developers", UserName="alice")
    for kind, name in (("Role", "Reader"), ("User", "alice"), ("Group", "developers")):
        entity = {f"{kind}Name": name}
        getattr(iam, f"attach_{kind.lower()}_policy")(PolicyArn=policy, **entity)
        getattr(iam, f"put_{kind.lower()}_policy")(PolicyName="in", PolicyDocument=allowing("s3:Put*"), **entity)
    iam.attach_role_policy(RoleName="Reader", PolicyArn=READ_ONLY)
    return iam


def test_the_details_of_a_role_have_its_tags_boundary_and_policies(iam: Any) -> None:
    [role] = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    read = iam.get_role(RoleName="Reader")["Role"]
    for member in ("Arn", "RoleId", "CreateDate", "AssumeRolePolicyDocument", "Tags", "PermissionsBoundary", "Path"):
        assert role[member] == read[member]
    assert "Description" not in role
    assert "MaxSessionDuration" not in role
    assert {policy["PolicyName"] for policy in role["AttachedManagedPolicies"]} == {"Read", "AmazonS3ReadOnlyAccess"}
    document = iam.get_role_policy(RoleName="Reader", PolicyName="in")["PolicyDocument"]
    assert role["RolePolicyList"] == [{"PolicyName": "in", "PolicyDocument": document}]


def test_the_details_of_a_role_without_boundary_have_none(iam: Any) -> None:
    iam.delete_role_permissions_boundary(RoleName="Reader")
    [role] = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    assert "PermissionsBoundary" not in role


def test_a_trust_policy_with_a_percent_sign_reads_back(two: Two, iam: Any) -> None:
    trust = trusting(Condition={"StringEquals": {"aws:PrincipalTag/share": "50%25"}})
    iam.update_assume_role_policy(RoleName="Reader", PolicyDocument=trust)
    [role] = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    assert role["AssumeRolePolicyDocument"] == iam.get_role(RoleName="Reader")["Role"]["AssumeRolePolicyDocument"]


def test_the_details_of_a_user_and_a_group_have_their_policies(iam: Any) -> None:
    details = iam.get_account_authorization_details(Filter=["User", "Group"])
    user = next(user for user in details["UserDetailList"] if user["UserName"] == "alice")
    [group] = details["GroupDetailList"]
    assert user["GroupList"] == ["developers"]
    assert user["Tags"] == [{"Key": "k", "Value": "v"}]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/Read")
    for found, inline in ((user, "UserPolicyList"), (group, "GroupPolicyList")):
        assert [policy["PolicyName"] for policy in found["AttachedManagedPolicies"]] == ["Read"]
        assert [policy["PolicyName"] for policy in found[inline]] == ["in"]


def test_the_details_of_a_policy_have_every_version_and_neither_description_nor_tags(iam: Any) -> None:
    [policy] = iam.get_account_authorization_details(Filter=["LocalManagedPolicy"])["Policies"]
    read = iam.get_policy(PolicyArn=policy["Arn"])["Policy"]
    iam.create_policy_version(PolicyArn=policy["Arn"], PolicyDocument=allowing("s3:List*"))
    [changed] = iam.get_account_authorization_details(Filter=["LocalManagedPolicy"])["Policies"]
    assert {key: policy[key] for key in read if key not in ("Description", "Tags")} == {
        key: value for key, value in read.items() if key not in ("Description", "Tags")
    }
    assert read["Description"] == "Reads"
    assert "Description" not in policy
    assert "Tags" not in policy
    assert [version["VersionId"] for version in changed["PolicyVersionList"]] == ["v1", "v2"]
    assert changed["PolicyVersionList"][0]["Document"]["Statement"][0]["Action"] == "s3:Get*"


def test_only_aws_managed_policies_that_are_attached_are_in_the_details(two: Two, iam: Any) -> None:
    # Loads all of them into moto.
    iam.list_policies(Scope="AWS")
    policies = iam.get_account_authorization_details(Filter=["AWSManagedPolicy"])["Policies"]
    assert {policy["PolicyName"] for policy in policies} == {"AdministratorAccess", "AmazonS3ReadOnlyAccess"}


@pytest.mark.parametrize("kind", LISTS)
def test_a_filter_leaves_out_other_kinds(iam: Any, kind: str) -> None:
    details = iam.get_account_authorization_details(Filter=[kind])
    assert {name for name in LISTS.values() if details[name]} == {LISTS[kind]}


def test_all_kinds_are_returned_in_pages_of_100_by_default(iam: Any) -> None:
    for number in range(100):
        iam.create_group(GroupName=f"g{number}")
    first = iam.get_account_authorization_details()
    assert sum(len(first[name]) for name in set(LISTS.values())) == 100
    assert first["IsTruncated"]
    second = iam.get_account_authorization_details(Marker=first["Marker"])
    assert not second["IsTruncated"]
    assert "Marker" not in second
    names = [group["GroupName"] for page in (first, second) for group in page["GroupDetailList"]]
    assert sorted(names) == sorted(["developers", *(f"g{number}" for number in range(100))])
    whole = iam.get_account_authorization_details(MaxItems=1000)
    assert [group["GroupName"] for group in whole["GroupDetailList"]] == names


@pytest.mark.parametrize("wrong", [{"MaxItems": 1001}, {"MaxItems": 0}, {"Filter": ["Policy"]}, {"Marker": "2x"}])
def test_invalid_parameters_are_refused(two: Two, wrong: dict[str, Any]) -> None:
    unchecked = Config(parameter_validation=False)
    iam = two.prod.client("iam", config=unchecked)
    assert refusal(iam.get_account_authorization_details, **wrong).startswith("400 ValidationError")
