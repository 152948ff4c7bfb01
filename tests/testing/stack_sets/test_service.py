"""CloudFormation's stack sets, which deploy IAM resources into accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve, frozen
from botocore.exceptions import ClientError

from xacct import InvalidValue
from xacct.testing import Propagation, Sandbox, SandboxOrganization

HOME, PROD, DEV, TEST, OUTSIDE = "111111111111", "222222222222", "333333333333", "444444444444", "555555555555"
REGION = "eu-central-1"
TEMPLATE = """
Parameters:
  Trusted: {Type: String}
  Duration: {Type: Number, Default: 7200}
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: ReadReports
      PolicyDocument:
        Version: 2012-10-17
        Statement: {Effect: Allow, Action: s3:GetObject, Resource: !Sub "arn:${AWS::Partition}:s3:::reports/*"}
      Roles: [!Ref Role]
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: Reader
      Description: !Join [" ", [of, !Ref AWS::AccountId]]
      MaxSessionDuration: !Ref Duration
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          Effect: Allow
          Principal: {AWS: !Sub "arn:aws:iam::${Trusted}:root"}
          Action: sts:AssumeRole
      Policies:
        - PolicyName: Own
          PolicyDocument: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:ListBucket", Resource: "*"}}
"""


@frozen
class StackSets:
    """A sandbox with an organization, and stack sets that may deploy into it."""

    aws: Sandbox
    organization: SandboxOrganization
    client: Any

    def create(self, template: str = TEMPLATE, **options: Any) -> None:
        parameters = [{"ParameterKey": "Trusted", "ParameterValue": HOME}] if template == TEMPLATE else []
        standard = {"PermissionModel": "SERVICE_MANAGED", "Capabilities": ["CAPABILITY_NAMED_IAM"]}
        options = {**standard, "Parameters": parameters, **options}
        self.client.create_stack_set(StackSetName="reports", TemplateBody=template, **options)

    def deploy(self, *units: str, regions: tuple[str, ...] = (REGION,), **options: Any) -> str:
        targets = {"OrganizationalUnitIds": [self.organization.units.get(one, self.organization.root) for one in units]}
        more = {"DeploymentTargets": {**targets, **options.pop("targets", {})}, "Regions": list(regions), **options}
        return str(self.client.create_stack_instances(StackSetName="reports", **more)["OperationId"])

    def delete(self, *units: str, **options: Any) -> str:
        targets = {"OrganizationalUnitIds": [self.organization.units[one] for one in units]}
        more = {"DeploymentTargets": targets, "Regions": [REGION], "RetainStacks": False, **options}
        return str(self.client.delete_stack_instances(StackSetName="reports", **more)["OperationId"])

    def status(self, operation: str) -> str:
        described = self.client.describe_stack_set_operation(StackSetName="reports", OperationId=operation)
        return str(described["StackSetOperation"]["Status"])

    def results(self, operation: str) -> dict[str, str]:
        found = self.client.list_stack_set_operation_results(StackSetName="reports", OperationId=operation)
        return {entry["Account"]: entry["Status"] for entry in found["Summaries"]}

    def reasons(self, operation: str) -> dict[str, str]:
        found = self.client.list_stack_set_operation_results(StackSetName="reports", OperationId=operation)
        return {entry["Account"]: entry.get("StatusReason", "") for entry in found["Summaries"]}

    def instances(self) -> dict[str, tuple[str, str]]:
        found = self.client.list_stack_instances(StackSetName="reports")["Summaries"]
        return {entry["Account"]: (entry["Status"], entry["StackInstanceStatus"]["DetailedStatus"]) for entry in found}

    def iam(self, account: str) -> Any:
        return self.aws.account(account).session.client("iam")

    def roles(self, account: str) -> set[str]:
        """Return the names of the roles of an account without those that AWS makes."""
        names = {role["RoleName"] for role in self.iam(account).list_roles()["Roles"]}
        return {name for name in names if not name.startswith(("stacksets-exec-", "OrganizationAccount"))}


def stack_sets_in(aws: Sandbox) -> StackSets:
    organization = aws.organization({"Workloads/Production": [PROD], "Workloads": [DEV, TEST]})
    client = aws.account(HOME).session.client("cloudformation")
    client.activate_organizations_access()
    return StackSets(aws, organization, client)


@pytest.fixture
def stack_sets() -> Iterator[StackSets]:
    with Sandbox([HOME, PROD, DEV, TEST, OUTSIDE]) as aws:
        yield stack_sets_in(aws)


def error(function: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        function(**parameters)
    found = caught.value.response["Error"]
    return str(found["Code"]), str(found["Message"])


def test_a_stack_set_makes_the_role_in_each_account_of_the_units(stack_sets: StackSets) -> None:
    stack_sets.create()
    operation = stack_sets.deploy("Workloads")
    assert stack_sets.status(operation) == "SUCCEEDED"
    assert stack_sets.results(operation) == dict.fromkeys([PROD, DEV, TEST], "SUCCEEDED")
    assert stack_sets.instances() == dict.fromkeys([PROD, DEV, TEST], ("CURRENT", "SUCCEEDED"))
    role = stack_sets.iam(PROD).get_role(RoleName="Reader")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == (f"of {PROD}", 7200)
    attached = stack_sets.iam(PROD).list_attached_role_policies(RoleName="Reader")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["ReadReports"]
    arn = f"arn:aws:iam::{PROD}:role/Reader"
    stack_sets.aws.account(HOME).session.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")
    assert stack_sets.roles(OUTSIDE) == stack_sets.roles(HOME) == set()


def test_the_management_account_is_skipped(stack_sets: StackSets) -> None:
    stack_sets.create()
    assert set(stack_sets.results(stack_sets.deploy("Root"))) == {PROD, DEV, TEST}


@pytest.mark.parametrize(
    ("filter_type", "expected"),
    [("NONE", {PROD, DEV, TEST}), ("INTERSECTION", {DEV}), ("DIFFERENCE", {PROD, TEST}), ("UNION", {PROD, DEV, TEST})],
)
def test_accounts_of_units_are_chosen(stack_sets: StackSets, filter_type: str, expected: set[str]) -> None:
    stack_sets.create()
    chosen = {"Accounts": [DEV], "AccountFilterType": filter_type}
    assert set(stack_sets.results(stack_sets.deploy("Workloads", targets=chosen))) == expected


def test_an_account_outside_the_units_is_added(stack_sets: StackSets) -> None:
    stack_sets.create()
    chosen = {"Accounts": [DEV], "AccountFilterType": "UNION"}
    assert set(stack_sets.results(stack_sets.deploy("Workloads/Production", targets=chosen))) == {PROD, DEV}


def test_deleting_the_instances_deletes_what_they_made(stack_sets: StackSets) -> None:
    stack_sets.create()
    stack_sets.deploy("Workloads")
    assert error(stack_sets.client.delete_stack_set, StackSetName="reports")[0] == "StackSetNotEmptyException"
    assert stack_sets.status(stack_sets.delete("Workloads/Production")) == "SUCCEEDED"
    assert (stack_sets.roles(PROD), stack_sets.roles(DEV)) == (set(), {"Reader"})
    stack_sets.delete("Workloads", RetainStacks=True)
    assert (stack_sets.instances(), stack_sets.roles(DEV)) == ({}, {"Reader"})
    stack_sets.client.delete_stack_set(StackSetName="reports")
    assert stack_sets.client.list_stack_sets()["Summaries"] == []


def test_an_update_changes_what_was_made(stack_sets: StackSets) -> None:
    stack_sets.create()
    stack_sets.deploy("Workloads")
    changed = TEMPLATE.replace("s3:ListBucket", "s3:GetBucketLocation").replace("7200", "3600")
    updated = stack_sets.client.update_stack_set(StackSetName="reports", TemplateBody=changed)
    assert stack_sets.status(updated["OperationId"]) == "SUCCEEDED"
    policy = stack_sets.iam(DEV).get_role_policy(RoleName="Reader", PolicyName="Own")["PolicyDocument"]
    assert policy["Statement"]["Action"] == "s3:GetBucketLocation"
    assert stack_sets.iam(DEV).get_role(RoleName="Reader")["Role"]["MaxSessionDuration"] == 3600


def test_resources_that_leave_the_template_are_deleted_and_renamed_ones_replaced(stack_sets: StackSets) -> None:
    stack_sets.create()
    stack_sets.deploy("Workloads/Production")
    renamed = TEMPLATE.replace("RoleName: Reader", "RoleName: Other")
    stack_sets.client.update_stack_set(StackSetName="reports", TemplateBody=renamed)
    assert stack_sets.roles(PROD) == {"Other"}
    without_policy = {"Resources": {"Role": json_role("Other")}}
    stack_sets.client.update_stack_set(StackSetName="reports", TemplateBody=json.dumps(without_policy), Parameters=[])
    assert stack_sets.iam(PROD).list_policies(Scope="Local")["Policies"] == []
    assert stack_sets.iam(PROD).list_role_policies(RoleName="Other")["PolicyNames"] == []


def json_role(name: str, **properties: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": statement}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": name, "AssumeRolePolicyDocument": trust, **properties},
    }


def test_parameters_can_be_overridden(stack_sets: StackSets) -> None:
    stack_sets.create()
    overrides = [{"ParameterKey": "Duration", "ParameterValue": "3600"}]
    stack_sets.deploy("Workloads/Production", ParameterOverrides=overrides)
    assert stack_sets.iam(PROD).get_role(RoleName="Reader")["Role"]["MaxSessionDuration"] == 3600
    found = stack_sets.client.describe_stack_instance(
        StackSetName="reports", StackInstanceAccount=PROD, StackInstanceRegion=REGION
    )["StackInstance"]
    assert found["ParameterOverrides"] == overrides
    assert found["OrganizationalUnitId"] == stack_sets.organization.units["Workloads/Production"]


AUTOMATIC = {"Enabled": True, "RetainStacksOnAccountRemoval": False}


def test_automatic_deployment_follows_accounts(stack_sets: StackSets) -> None:
    stack_sets.create(AutoDeployment=AUTOMATIC)
    # It ignores the preferences of this operation.
    stack_sets.deploy("Workloads/Production")
    stack_sets.organization.move(DEV, "Workloads/Production")
    assert stack_sets.roles(DEV) == {"Reader"}
    stack_sets.organization.move(PROD, "/")
    assert (stack_sets.roles(PROD), stack_sets.roles(DEV)) == (set(), {"Reader"})
    assert stack_sets.instances() == {DEV: ("CURRENT", "SUCCEEDED")}
    organizations = stack_sets.aws.account(HOME).session.client("organizations")
    organizations.create_account(AccountName="new", Email="new@example.com")
    assert len(stack_sets.instances()) == 1
    created = next(one["Id"] for one in organizations.list_accounts()["Accounts"] if one["Name"] == "new")
    stack_sets.organization.move(created, "Workloads/Production")
    assert stack_sets.roles(created) == {"Reader"}


def test_stacks_in_accounts_that_left_are_retained_if_asked_for(stack_sets: StackSets) -> None:
    stack_sets.create(AutoDeployment={**AUTOMATIC, "RetainStacksOnAccountRemoval": True})
    stack_sets.deploy("Workloads/Production")
    stack_sets.organization.move(PROD, "/")
    assert (stack_sets.roles(PROD), stack_sets.instances()) == ({"Reader"}, {})


@pytest.mark.parametrize("case", ["not automatic", "deleted", "chosen"])
def test_without_automatic_deployment_nothing_follows(stack_sets: StackSets, case: str) -> None:
    stack_sets.create(AutoDeployment=AUTOMATIC if case != "not automatic" else {"Enabled": False})
    chosen = {"AccountFilterType": "INTERSECTION", "Accounts": [PROD]} if case == "chosen" else {}
    stack_sets.deploy("Workloads/Production", targets=chosen)
    if case == "deleted":
        stack_sets.delete("Workloads/Production")
    stack_sets.organization.move(DEV, "Workloads/Production")
    assert stack_sets.roles(DEV) == set()


def test_automatic_deployment_waits_for_the_running_operation(stack_sets: StackSets) -> None:
    stack_sets.create(AutoDeployment=AUTOMATIC)
    stack_sets.aws.faults.add_deployment(PROD, "slow", seconds=60)
    stack_sets.deploy("Workloads/Production")
    stack_sets.organization.move(DEV, "Workloads/Production")
    assert stack_sets.roles(DEV) == set()
    stack_sets.aws.clock.advance(61)
    assert stack_sets.roles(DEV) == {"Reader"}


# Failures


def test_a_failed_account_cancels_those_that_were_not_begun(stack_sets: StackSets) -> None:
    stack_sets.create()
    stack_sets.aws.faults.add_deployment(DEV, "failed", reason="No capacity")
    operation = stack_sets.deploy("Workloads")
    assert stack_sets.status(operation) == "FAILED"
    assert stack_sets.results(operation) == {PROD: "SUCCEEDED", DEV: "FAILED", TEST: "CANCELLED"}
    reason = "Cancelled since failure tolerance has exceeded"
    assert stack_sets.reasons(operation) == {PROD: "", DEV: "No capacity", TEST: reason}
    assert stack_sets.instances() == {
        PROD: ("CURRENT", "SUCCEEDED"),
        DEV: ("OUTDATED", "FAILED"),
        TEST: ("OUTDATED", "CANCELLED"),
    }
    assert stack_sets.roles(DEV) == stack_sets.roles(TEST) == set()
    # It goes on once the cause is gone.
    stack_sets.aws.faults.clear()
    assert stack_sets.status(stack_sets.deploy("Workloads")) == "SUCCEEDED"
    assert stack_sets.roles(TEST) == {"Reader"}


@pytest.mark.parametrize("preference", [{"FailureToleranceCount": 1}, {"FailureTolerancePercentage": 34}])
def test_an_operation_with_tolerance_succeeds_in_part(stack_sets: StackSets, preference: dict[str, int]) -> None:
    stack_sets.create()
    stack_sets.aws.faults.add_deployment(DEV, "failed")
    operation = stack_sets.deploy("Workloads", OperationPreferences=preference)
    assert stack_sets.status(operation) == "SUCCEEDED"
    assert stack_sets.results(operation) == {PROD: "SUCCEEDED", DEV: "FAILED", TEST: "SUCCEEDED"}
    described = stack_sets.client.describe_stack_set_operation(StackSetName="reports", OperationId=operation)
    assert described["StackSetOperation"]["StatusDetails"] == {"FailedStackInstancesCount": 1}


def test_a_partial_deployment_leaves_its_first_resource(stack_sets: StackSets) -> None:
    stack_sets.create()
    stack_sets.aws.faults.add_deployment(PROD, "partial")
    operation = stack_sets.deploy("Workloads/Production")
    assert stack_sets.results(operation) == {PROD: "FAILED"}
    assert "interrupted before Policy" in stack_sets.reasons(operation)[PROD]
    assert stack_sets.roles(PROD) == {"Reader"}
    assert stack_sets.iam(PROD).list_policies(Scope="Local")["Policies"] == []
    stack_sets.aws.faults.clear()
    assert stack_sets.status(stack_sets.deploy("Workloads/Production")) == "SUCCEEDED"
    assert len(stack_sets.iam(PROD).list_policies(Scope="Local")["Policies"]) == 1


def test_a_deletion_that_fails_leaves_an_instance_that_is_inoperable(stack_sets: StackSets) -> None:
    stack_sets.create()
    stack_sets.deploy("Workloads/Production")
    # Somebody attached another policy to the role.
    stack_sets.iam(PROD).attach_role_policy(RoleName="Reader", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    operation = stack_sets.delete("Workloads/Production")
    assert stack_sets.status(operation) == "FAILED"
    assert "DeleteConflict" in stack_sets.reasons(operation)[PROD]
    assert stack_sets.instances() == {PROD: ("INOPERABLE", "FAILED")}


def test_what_exists_already_is_not_taken_over(stack_sets: StackSets) -> None:
    trust = json.dumps(json_role("Reader")["Properties"]["AssumeRolePolicyDocument"])
    stack_sets.iam(PROD).create_role(RoleName="Reader", AssumeRolePolicyDocument=trust)
    stack_sets.create()
    operation = stack_sets.deploy("Workloads/Production")
    assert "EntityAlreadyExists" in stack_sets.reasons(operation)[PROD]
    assert stack_sets.iam(PROD).list_attached_role_policies(RoleName="Reader")["AttachedPolicies"] == []


def test_an_scp_binds_the_deployment(stack_sets: StackSets) -> None:
    deny = {"Effect": "Deny", "Action": "iam:CreateRole", "Resource": "*"}
    stack_sets.organization.attach_scp("Workloads/Production", {"Version": "2012-10-17", "Statement": deny})
    stack_sets.create()
    operation = stack_sets.deploy("Workloads/Production")
    assert "with an explicit deny in a service control policy" in stack_sets.reasons(operation)[PROD]


def test_a_failed_creation_is_rolled_back(stack_sets: StackSets) -> None:
    template = {"Resources": {"First": json_role("First"), "Queue": {"Type": "AWS::SQS::Queue", "DependsOn": "First"}}}
    stack_sets.create(json.dumps(template))
    operation = stack_sets.deploy("Workloads/Production")
    assert "The sandbox does not deploy resources of type AWS::SQS::Queue" in stack_sets.reasons(operation)[PROD]
    assert stack_sets.roles(PROD) == set()


# Time


def test_a_slow_deployment_takes_its_time(stack_sets: StackSets) -> None:
    stack_sets.create()
    stack_sets.aws.faults.add_deployment(DEV, "slow", seconds=600)
    operation = stack_sets.deploy("Workloads")
    assert stack_sets.status(operation) == "RUNNING"
    assert stack_sets.results(operation) == {PROD: "SUCCEEDED", DEV: "RUNNING", TEST: "PENDING"}
    assert stack_sets.instances()[TEST] == ("OUTDATED", "PENDING")
    assert error(lambda: stack_sets.deploy("Workloads"))[0] == "OperationInProgressException"
    stack_sets.aws.clock.advance(601)
    # Any call sees what was done in the meantime.
    assert stack_sets.roles(DEV) == stack_sets.roles(TEST) == {"Reader"}
    assert stack_sets.status(operation) == "SUCCEEDED"
    described = stack_sets.client.describe_stack_set_operation(StackSetName="reports", OperationId=operation)
    took = described["StackSetOperation"]["EndTimestamp"] - described["StackSetOperation"]["CreationTimestamp"]
    assert took.total_seconds() == pytest.approx(600, abs=1)


@pytest.mark.parametrize(
    ("preferences", "running"),
    [
        ({}, 1),
        ({"MaxConcurrentCount": 3}, 1),
        ({"MaxConcurrentCount": 3, "FailureToleranceCount": 1}, 2),
        ({"MaxConcurrentCount": 2, "FailureToleranceCount": 2}, 2),
        ({"MaxConcurrentPercentage": 100, "FailureToleranceCount": 2}, 3),
        ({"MaxConcurrentCount": 3, "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"}, 3),
    ],
)
def test_as_many_accounts_at_a_time_as_may_fail(
    stack_sets: StackSets, preferences: dict[str, Any], running: int
) -> None:
    for account in (PROD, DEV, TEST):
        stack_sets.aws.faults.add_deployment(account, "slow")
    stack_sets.create()
    operation = stack_sets.deploy("Workloads", OperationPreferences=preferences)
    assert list(stack_sets.results(operation).values()).count("RUNNING") == running


def test_an_operation_can_be_stopped(stack_sets: StackSets) -> None:
    stack_sets.create()
    stack_sets.aws.faults.add_deployment(PROD, "slow", seconds=60)
    operation = stack_sets.deploy("Workloads")
    stack_sets.client.stop_stack_set_operation(StackSetName="reports", OperationId=operation)
    assert stack_sets.status(operation) == "STOPPING"
    stack_sets.aws.clock.advance(61)
    assert stack_sets.status(operation) == "STOPPED"
    assert stack_sets.results(operation) == {PROD: "SUCCEEDED", DEV: "CANCELLED", TEST: "CANCELLED"}
    stop = error(stack_sets.client.stop_stack_set_operation, StackSetName="reports", OperationId=operation)
    assert stop[0] == "InvalidOperationException"


def test_regions_are_deployed_to_in_their_order(stack_sets: StackSets) -> None:
    stack_sets.create(json.dumps({"Resources": {"Role": {**json_role("x"), "Properties": unnamed("x")}}}))
    stack_sets.aws.faults.add_deployment(PROD, "slow", seconds=60)
    order = {"RegionOrder": ["us-east-1", REGION]}
    operation = stack_sets.deploy("Workloads/Production", regions=(REGION, "us-east-1"), OperationPreferences=order)
    found = stack_sets.client.list_stack_set_operation_results(StackSetName="reports", OperationId=operation)
    assert [(one["Region"], one["Status"]) for one in found["Summaries"]] == [
        ("us-east-1", "RUNNING"),
        (REGION, "PENDING"),
    ]
    stack_sets.aws.clock.advance(121)
    names = stack_sets.roles(PROD)
    assert len(names) == 2
    assert all(name.startswith("StackSet-reports-") for name in names)


def unnamed(name: str) -> dict[str, Any]:
    return {key: value for key, value in json_role(name)["Properties"].items() if key != "RoleName"}


def test_deployments_work_while_changes_propagate() -> None:
    with Sandbox([HOME, PROD, DEV, TEST], propagation=Propagation(seconds=(5, 15), seed=3)) as aws:
        stack_sets = stack_sets_in(aws)
        stack_sets.create()
        assert stack_sets.status(stack_sets.deploy("Workloads")) == "SUCCEEDED"


@pytest.mark.parametrize("model", ["SERVICE_MANAGED", "SELF_MANAGED"])
def test_deployments_work_through_the_server(
    stack_sets: StackSets, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stack_sets.aws.serve() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        client = stack_sets.aws.account(HOME).session.client("cloudformation")
        served = evolve(stack_sets, client=client)
        served.create(PermissionModel=model)
        if model == "SERVICE_MANAGED":
            assert served.status(served.deploy("Workloads")) == "SUCCEEDED"
        else:
            create_roles(stack_sets)
            started = served.client.create_stack_instances(StackSetName="reports", Accounts=[OUTSIDE], Regions=[REGION])
            assert served.status(started["OperationId"]) == "SUCCEEDED"


# Permissions


def test_without_trusted_access_no_stack_set_is_service_managed() -> None:
    with Sandbox([HOME, PROD, DEV, TEST, OUTSIDE]) as aws:
        stack_sets = stack_sets_in(aws)
        stack_sets.client.deactivate_organizations_access()
        assert stack_sets.client.describe_organizations_access()["Status"] == "DISABLED"
        text = "You must enable organizations access to operate a service managed stack set"
        assert error(stack_sets.create) == ("ValidationError", text)


def test_a_self_managed_stack_set_needs_its_two_roles(stack_sets: StackSets) -> None:
    stack_sets.create(PermissionModel="SELF_MANAGED")
    deploy: Any = stack_sets.client.create_stack_instances
    first = deploy(StackSetName="reports", Accounts=[OUTSIDE], Regions=[REGION])["OperationId"]
    expected = "should have 'AWSCloudFormationStackSetExecutionRole' role with trust relationship to Role"
    assert expected in stack_sets.reasons(first)[OUTSIDE]
    create_roles(stack_sets)
    second = deploy(StackSetName="reports", Accounts=[OUTSIDE], Regions=[REGION])["OperationId"]
    assert stack_sets.results(second) == {OUTSIDE: "SUCCEEDED"}
    assert "Reader" in stack_sets.roles(OUTSIDE)


def create_roles(stack_sets: StackSets) -> None:
    """Create the two roles of self-managed stack sets."""
    administration = f"arn:aws:iam::{HOME}:role/AWSCloudFormationStackSetAdministrationRole"
    for account, principal in ((HOME, {"Service": "cloudformation.amazonaws.com"}), (OUTSIDE, {"AWS": administration})):
        kind = "Administration" if account == HOME else "Execution"
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
        name = f"AWSCloudFormationStackSet{kind}Role"
        stack_sets.iam(account).create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        stack_sets.iam(account).attach_role_policy(
            RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )


def test_callers_need_the_permission_on_the_stack_set(stack_sets: StackSets) -> None:
    stack_sets.create()
    stack_sets.iam(HOME).create_user(UserName="alice")
    alice: Any = stack_sets.aws.sign_in(f"arn:aws:iam::{HOME}:user/alice").client("cloudformation")
    code, text = error(alice.describe_stack_set, StackSetName="reports")
    assert code == "AccessDenied"
    assert f"on resource: arn:aws:cloudformation:{REGION}:{HOME}:stackset/reports:*" in text


def test_a_strict_sandbox_knows_what_organizations_and_stack_sets_require() -> None:
    with Sandbox([HOME, PROD, DEV, TEST], strict=True) as aws:
        stack_sets = stack_sets_in(aws)
        stack_sets.create()
        assert stack_sets.status(stack_sets.deploy("Workloads")) == "SUCCEEDED"
        unknown = "The sandbox does not know the permissions that cloudformation:CreateStack requires"
        assert unknown in error(stack_sets.client.create_stack, StackName="x")[1]
        # An operation without resources needs its action only.
        stack_sets.iam(HOME).create_user(UserName="alice")
        alice: Any = aws.sign_in(f"arn:aws:iam::{HOME}:user/alice").client("cloudformation")
        assert "no identity-based policy allows the cloudformation:ListStacks action" in error(alice.list_stacks)[1]


# What is refused


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"Capabilities": []}, "InsufficientCapabilitiesException"),
        ({"Capabilities": ["CAPABILITY_IAM"]}, "InsufficientCapabilitiesException"),
        ({"Parameters": []}, "ValidationError"),
        ({"template": "Resources: {"}, "ValidationError"),
        ({"template": "[]"}, "ValidationError"),
        ({"template": "Resources: {}"}, "ValidationError"),
        ({"Parameters": [{"ParameterKey": "Other", "ParameterValue": "1"}]}, "ValidationError"),
        ({"TemplateURL": "https://example.com"}, "ValidationError"),
    ],
)
def test_a_stack_set_that_is_not_valid_is_refused(stack_sets: StackSets, options: dict[str, Any], code: str) -> None:
    if "TemplateURL" in options:
        create = stack_sets.client.create_stack_set
        assert error(create, StackSetName="reports", **options)[0] == code
    else:
        assert error(stack_sets.create, **options)[0] == code


def test_what_does_not_exist_is_named(stack_sets: StackSets) -> None:
    client = stack_sets.client
    assert error(client.describe_stack_set, StackSetName="x") == ("StackSetNotFoundException", "StackSet x not found")
    stack_sets.create()
    assert error(stack_sets.create)[0] == "NameAlreadyExistsException"
    operation = {"StackSetName": "reports", "OperationId": "x"}
    assert error(client.describe_stack_set_operation, **operation)[0] == "OperationNotFoundException"
    place = {"StackSetName": "reports", "StackInstanceAccount": DEV, "StackInstanceRegion": REGION}
    assert error(client.describe_stack_instance, **place)[0] == "StackInstanceNotFoundException"
    unit = {"OrganizationalUnitIds": ["ou-abcd-12345678"]}
    create = {"StackSetName": "reports", "DeploymentTargets": unit, "Regions": [REGION]}
    assert error(client.create_stack_instances, **create)[0] == "ValidationError"
    accounts = {"StackSetName": "reports", "Accounts": [DEV], "Regions": [REGION]}
    assert error(client.create_stack_instances, **accounts)[0] == "ValidationError"
    delete = {**accounts, "RetainStacks": False}
    assert error(client.delete_stack_instances, **delete)[0] == "StackInstanceNotFoundException"
    assert error(client.detect_stack_set_drift, StackSetName="reports")[0] == "NotImplemented"


def test_an_unknown_fault_of_a_deployment_is_refused(stack_sets: StackSets) -> None:
    with pytest.raises(InvalidValue, match="one of failed, slow, partial"):
        stack_sets.aws.faults.add_deployment(PROD, "broken")  # type: ignore[arg-type]
