"""The IAM resources of one stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen

from xacct.testing import Sandbox
from xacct.testing.stack_sets.stack import DeploymentFailed, Stack

ACCOUNT = "111111111111"
READ_ONLY, BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/PowerUserAccess"


def policy(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def role(**properties: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    standard = {"RoleName": "Reader", "AssumeRolePolicyDocument": trust}
    return {"Type": "AWS::IAM::Role", "Properties": {**standard, **properties}}


@frozen
class Deployment:
    iam: Any
    stack: Stack

    def deploy(self, *, tags: dict[str, str] | None = None, **resources: Any) -> None:
        given = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        self.stack.deploy(self.iam, {"Resources": resources}, {"AWS::AccountId": ACCOUNT}, given)


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with Sandbox([ACCOUNT]) as aws:
        yield Deployment(aws.account(ACCOUNT).session.client("iam"), Stack("StackSet-x"))


def test_a_role_is_changed_in_place(deployment: Deployment) -> None:
    iam = deployment.iam
    inline = [{"PolicyName": name, "PolicyDocument": policy("s3:GetObject")} for name in ("First", "Second")]
    own = {"Tags": [{"Key": "team", "Value": "data"}, {"Key": "cost", "Value": "1"}]}
    deployment.deploy(
        Role=role(Policies=inline, ManagedPolicyArns=[READ_ONLY], PermissionsBoundary=BOUNDARY, **own),
        tags={"stage": "test", "cost": "2"},
    )
    made = iam.get_role(RoleName="Reader")["Role"]
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    # Its own tags win over those of the stack.
    assert {tag["Key"]: tag["Value"] for tag in made["Tags"]} == {"team": "data", "cost": "1", "stage": "test"}
    deployment.deploy(Role=role(Policies=inline[1:], Description="new", MaxSessionDuration="7200"))
    changed = iam.get_role(RoleName="Reader")["Role"]
    assert changed["RoleId"] == made["RoleId"]
    assert (changed["Description"], changed["MaxSessionDuration"]) == ("new", 7200)
    assert "PermissionsBoundary" not in changed
    assert changed.get("Tags", []) == []
    assert iam.list_role_policies(RoleName="Reader")["PolicyNames"] == ["Second"]
    assert iam.list_attached_role_policies(RoleName="Reader")["AttachedPolicies"] == []


def test_what_is_not_of_the_stack_stays_on_a_role(deployment: Deployment) -> None:
    deployment.deploy(Role=role())
    deployment.iam.attach_role_policy(RoleName="Reader", PolicyArn=READ_ONLY)
    deployment.deploy(Role=role(Description="new"))
    assert deployment.iam.list_attached_role_policies(RoleName="Reader")["AttachedPolicies"]


def test_a_managed_policy_gets_new_versions_and_attachments(deployment: Deployment) -> None:
    iam = deployment.iam
    for name in ("alice", "bob"):
        iam.create_user(UserName=name)
    for number in range(7):  # IAM keeps five versions
        properties = {"PolicyDocument": policy(f"s3:Get{number}*"), "Users": ["alice" if number % 2 else "bob"]}
        deployment.deploy(Policy={"Type": "AWS::IAM::ManagedPolicy", "Properties": properties})
    (found,) = iam.list_policies(Scope="Local")["Policies"]
    version = iam.get_policy_version(PolicyArn=found["Arn"], VersionId=found["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"] == policy("s3:Get6*")
    assert [user["UserName"] for user in iam.list_entities_for_policy(PolicyArn=found["Arn"])["PolicyUsers"]] == ["bob"]
    deployment.stack.remove(iam)
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_an_inline_policy_is_written_to_roles_users_and_groups(deployment: Deployment) -> None:
    iam = deployment.iam
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="readers")
    properties = {"PolicyName": "Own", "PolicyDocument": policy("s3:*"), "Roles": [{"Ref": "Role"}], "Users": ["alice"]}
    own = {"Type": "AWS::IAM::Policy", "Properties": {**properties, "Groups": ["readers"]}}
    deployment.deploy(Role=role(), Own=own)
    assert iam.get_role_policy(RoleName="Reader", PolicyName="Own")["PolicyDocument"] == policy("s3:*")
    assert iam.get_group_policy(GroupName="readers", PolicyName="Own")["PolicyDocument"] == policy("s3:*")
    deployment.deploy(Role=role(), Own={"Type": "AWS::IAM::Policy", "Properties": properties})
    assert iam.list_group_policies(GroupName="readers")["PolicyNames"] == []
    deployment.deploy(Role=role())
    assert iam.list_user_policies(UserName="alice")["PolicyNames"] == []
    deployment.stack.remove(iam)
    assert iam.list_roles()["Roles"] == []


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        (role(ManagedPolicyArns=[READ_ONLY, "arn:aws:iam::111111111111:policy/Missing"]), "NoSuchEntity"),
        (role(Policies=[{"PolicyName": "A", "PolicyDocument": policy("s3:*")}, {"PolicyName": "B"}]), "PolicyDocument"),
        (
            {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"PolicyDocument": policy("s3:*"), "Roles": ["First", "Missing"]},
            },
            "NoSuchEntity",
        ),
        (role(MaxSessionDuration="soon"), "invalid literal"),
        ({"Type": "AWS::IAM::Policy", "Properties": {}}, "PolicyName"),
        ({"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Ref": "Nothing"}}}, "Unresolved resource dependency"),
    ],
)
def test_a_resource_that_cannot_be_made_is_explained(deployment: Deployment, resource: Any, problem: str) -> None:
    with pytest.raises(DeploymentFailed, match=problem):
        deployment.deploy(First=role(RoleName="First"), Second={**resource, "DependsOn": "First"})
    assert deployment.iam.list_roles()["Roles"] == []
    assert deployment.iam.list_policies(Scope="Local")["Policies"] == []
