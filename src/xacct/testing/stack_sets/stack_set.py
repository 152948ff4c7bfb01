"""A stack set and its instances, as the answers of CloudFormation describe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import define, field

from xacct.testing.stack_sets.operation import Operation, Target
from xacct.testing.stack_sets.stack import Stack

__all__ = ["Instance", "StackSet", "result"]


@define(eq=False, kw_only=True)
class Instance:
    """The stack of a stack set in one account and region.

    Attributes:
        target: the account and the region.
        stack_id: the ARN of the stack.
        stack: the stack.
        overrides: the parameters that are different in this instance.
        status: whether it is as the stack set says.
        detailed_status: how far its last deployment is.
        reason: why the last deployment failed.
        last_operation: the ID of the last operation.
    """

    target: Target
    stack_id: str
    stack: Stack
    overrides: Mapping[str, str]
    status: Literal["CURRENT", "OUTDATED", "INOPERABLE"] = "OUTDATED"
    detailed_status: str = "PENDING"
    reason: str = ""
    last_operation: str = ""

    def summary(self, stack_set: StackSet) -> dict[str, Any]:
        """Return the instance as ListStackInstances has it."""
        return {
            "StackSetId": stack_set.id,
            "Region": self.target.region,
            "Account": self.target.account,
            "StackId": self.stack_id,
            "Status": self.status,
            "StackInstanceStatus": {"DetailedStatus": self.detailed_status},
            "DriftStatus": "NOT_CHECKED",
            "LastOperationId": self.last_operation,
            **({"StatusReason": self.reason} if self.reason else {}),
            **({"OrganizationalUnitId": self.target.unit} if self.target.unit else {}),
        }


@define(eq=False, kw_only=True)
class StackSet:
    """A stack set.

    Attributes:
        name: the name.
        id: the ID: the name and a random part.
        arn: the ARN.
        account: the ID of the account in which it is.
        region: the region in which it is.
        settings: the other parameters with which it was created or updated last, such as ``TemplateBody``.
        template: the parsed template.
        instances: the instances, by account and region.
        operations: the operations, the latest at the end.
        deployed_units: the IDs of the organizational units to all of whose accounts it is deployed, by region.
    """

    name: str
    id: str
    arn: str
    account: str
    region: str
    settings: dict[str, Any]
    template: Mapping[str, Any]
    instances: dict[tuple[str, str], Instance] = field(factory=dict)
    operations: list[Operation] = field(factory=list)
    deployed_units: dict[str, set[str]] = field(factory=dict)

    @property
    def is_service_managed(self) -> bool:
        """Whether AWS Organizations gives the permissions to deploy."""
        return bool(self.settings.get("PermissionModel") == "SERVICE_MANAGED")

    @property
    def parameters(self) -> dict[str, str]:
        """The values of the parameters of the template."""
        return {one["ParameterKey"]: one.get("ParameterValue", "") for one in self.settings.get("Parameters") or ()}

    @property
    def tags(self) -> Sequence[Mapping[str, str]]:
        """The tags."""
        return self.settings.get("Tags") or ()

    def description(self) -> dict[str, Any]:
        """Return the stack set as DescribeStackSet has it."""
        units = sorted({instance.target.unit for instance in self.instances.values() if instance.target.unit})
        members = ("Description", "TemplateBody", "Parameters", "Capabilities", "Tags", "AutoDeployment")
        return {
            "StackSetName": self.name,
            "StackSetId": self.id,
            "StackSetARN": self.arn,
            "Status": "ACTIVE",
            "PermissionModel": self.settings.get("PermissionModel", "SELF_MANAGED"),
            "ManagedExecution": {"Active": False},
            "Regions": sorted({region for _, region in self.instances}),
            **{member: self.settings[member] for member in members if member in self.settings},
            **({"OrganizationalUnitIds": units} if self.is_service_managed else self.roles()),
        }

    def roles(self) -> dict[str, str]:
        """Return the role of the stack set's account, and the name of the role in the accounts of its instances."""
        partition = self.arn.split(":")[1]
        administration = f"arn:{partition}:iam::{self.account}:role/AWSCloudFormationStackSetAdministrationRole"
        execution = "AWSCloudFormationStackSetExecutionRole"
        return {
            "AdministrationRoleARN": self.settings.get("AdministrationRoleARN") or administration,
            "ExecutionRoleName": self.settings.get("ExecutionRoleName") or execution,
        }

    def summary(self) -> dict[str, Any]:
        """Return the stack set as ListStackSets has it."""
        members = ("StackSetName", "StackSetId", "Description", "Status", "PermissionModel", "AutoDeployment")
        description = self.description()
        return {member: description[member] for member in members if member in description}

    def operation(self, operation: Operation) -> dict[str, Any]:
        """Return an operation as DescribeStackSetOperation has it."""
        failed = len([target for target in operation.targets if target.status == "FAILED"])
        return {
            "OperationId": operation.id,
            "StackSetId": self.id,
            "Action": operation.action,
            "Status": operation.status,
            "OperationPreferences": {"RegionOrder": [], **operation.preferences},
            "CreationTimestamp": operation.created,
            "StatusDetails": {"FailedStackInstancesCount": failed},
            **({} if self.is_service_managed else self.roles()),
            **({"RetainStacks": operation.retain_stacks} if operation.action == "DELETE" else {}),
            **({"EndTimestamp": operation.ended} if operation.ended else {}),
        }


def result(target: Target, partition: str) -> dict[str, Any]:
    """Return the result of a deployment as ListStackSetOperationResults has it.

    Args:
        target: the account and the region.
        partition: the name of the partition.
    """
    place = f"arn:{partition}:lambda:{target.region}:{target.account}"
    gate = f"Function not found: {place}:function:AWSCloudFormationStackSetAccountGate"
    return {
        "Account": target.account,
        "Region": target.region,
        "Status": target.status,
        "AccountGateResult": {"Status": "SKIPPED", "StatusReason": gate},
        **({"StatusReason": target.reason} if target.reason else {}),
        **({"OrganizationalUnitId": target.unit} if target.unit else {}),
    }
