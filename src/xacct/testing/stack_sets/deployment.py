"""How a stack set gets into an account: the role with which it makes the resources, and the faults that were asked for.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs.html
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from xacct.arn import Arn, partition as partition_named
from xacct.testing.account import create_administrator_role
from xacct.testing.sessions import new_session
from xacct.testing.stack_sets.operation import Operation, Target
from xacct.testing.stack_sets.stack import DeploymentFailed
from xacct.testing.stack_sets.stack_set import Instance, StackSet

if TYPE_CHECKING:
    import boto3

    from xacct.testing.credential_store import CredentialStore
    from xacct.testing.faults import Faults
    from xacct.testing.moto_state import MotoState

__all__ = ["Deployer"]

# A call to the sandbox's server would wait for the call that is being answered. The stubs do not have this option.
_OPTIONS: Any = {"ignore_configured_endpoint_urls": True}
_IN_PROCESS = Config(**_OPTIONS)
_SERVICE = "member.org.stacksets.cloudformation.amazonaws.com"


class Deployer:
    """Deploys stacks into accounts, with calls to IAM as the role that CloudFormation uses there.

    Args:
        state: the accounts.
        credentials: where the sessions of the roles are opened.
        faults: the faults to inject.
    """

    def __init__(self, state: MotoState, credentials: CredentialStore, faults: Faults) -> None:
        self._state, self._credentials, self._faults = state, credentials, faults

    def seconds(self, target: Target) -> float:
        """Return how long the deployment to a target takes."""
        fault = self._faults.deployment(target.account)
        return fault.seconds if fault is not None and fault.kind == "slow" else 0

    def deploy(self, stack_set: StackSet, operation: Operation, target: Target) -> None:
        """Do what an operation does in a target, and set the status of the target and of its instance."""
        instance = stack_set.instances[target.account, target.region]
        instance.last_operation = operation.id
        try:
            self._deploy(stack_set, operation, instance)
        except DeploymentFailed as error:
            target.status, target.reason = "FAILED", str(error)
            instance.status = "INOPERABLE" if operation.action == "DELETE" else "OUTDATED"
            instance.detailed_status, instance.reason = "FAILED", str(error)
            return
        target.status = "SUCCEEDED"
        instance.status, instance.detailed_status, instance.reason = "CURRENT", "SUCCEEDED", ""
        if operation.action == "DELETE":
            del stack_set.instances[target.account, target.region]

    def _deploy(self, stack_set: StackSet, operation: Operation, instance: Instance) -> None:
        if operation.action == "DELETE" and operation.retain_stacks:
            return
        fault = self._faults.deployment(instance.target.account)
        if fault is not None and fault.kind == "failed":
            raise DeploymentFailed(fault.reason)
        at_most = 1 if fault is not None and fault.kind == "partial" else None
        iam: Any = self._session(stack_set, instance.target).client("iam", config=_IN_PROCESS)
        if operation.action == "DELETE":
            instance.stack.remove(iam, at_most=at_most)
        else:
            values = {**stack_set.parameters, **instance.overrides, **self._pseudo_parameters(instance)}
            instance.stack.deploy(iam, stack_set.template, values, stack_set.tags, at_most=at_most)

    def _pseudo_parameters(self, instance: Instance) -> dict[str, Any]:
        """Return what the template can refer to.

        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html
        """
        return {
            "AWS::AccountId": instance.target.account,
            "AWS::NotificationARNs": [],
            "AWS::Partition": self._state.partition,
            "AWS::Region": instance.target.region,
            "AWS::StackId": instance.stack_id,
            "AWS::StackName": instance.stack.name,
            "AWS::URLSuffix": partition_named(self._state.partition).dns_suffix,
        }

    def _session(self, stack_set: StackSet, target: Target) -> boto3.Session:
        if stack_set.is_service_managed:
            name = self._create_execution_role(stack_set, target.account)
            return self._open(str(Arn.role(target.account, name, partition=self._state.partition)), target.region)
        roles = stack_set.roles()
        administration = Arn.parse(roles["AdministrationRoleARN"])
        execution = Arn.role(target.account, roles["ExecutionRoleName"], partition=self._state.partition)
        text = f"Account {target.account} should have '{execution.name}' role with trust relationship to Role "
        try:
            sts: Any = self._open(str(administration), target.region).client("sts", config=_IN_PROCESS)
            keys = sts.assume_role(RoleArn=str(execution), RoleSessionName=stack_set.name[:64])["Credentials"]
        except (ClientError, LookupError):
            raise DeploymentFailed(f"{text}'{administration.name}'.") from None
        token = keys["SessionToken"]
        return new_session(keys["AccessKeyId"], keys["SecretAccessKey"], token, region=target.region)

    def _open(self, role_arn: str, region: str) -> boto3.Session:
        """Return a session of a role, as CloudFormation has it.

        Raises:
            LookupError: the role does not exist.
        """
        role = self._state.role_of(role_arn)
        if role is None:
            raise LookupError(role_arn)
        arn = Arn.parse(role_arn)
        session = self._credentials.open_session(
            arn=f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{arn.name}/AWSCloudFormation",
            account=arn.account,
            user_id=f"{role.id}:AWSCloudFormation",
            seconds=3600,
            entity=role,
            assumed=True,
        )
        return new_session(session.access_key, session.secret_key, session.token, region=region)

    def _create_execution_role(self, stack_set: StackSet, account: str) -> str:
        """Make the role that trusted access with AWS Organizations makes in an account, and return its name."""
        name = f"stacksets-exec-{hashlib.sha256(stack_set.account.encode()).hexdigest()[:32]}"
        if self._state.role(account, name) is None:
            create_administrator_role(account, name, {"Service": _SERVICE}, self._state)
        return name
