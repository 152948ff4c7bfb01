"""The API of CloudFormation's stack sets, without moto, whose stack sets need most of its other services.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/what-is-cfnstacksets.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, Call, rendered
from xacct.testing.stack_sets.automatic_deployment import (
    PREFERENCES,
    is_automatic,
    targets_that_joined,
    targets_that_left,
)
from xacct.testing.stack_sets.call_parameters import (
    accounts_of,
    operation_of,
    overrides_of,
    page,
    regions_of,
    settings_of,
)
from xacct.testing.stack_sets.deployment import Deployer
from xacct.testing.stack_sets.operation import Action, Operation, Target
from xacct.testing.stack_sets.stack import Stack
from xacct.testing.stack_sets.stack_set import Instance, StackSet, result
from xacct.testing.stack_sets.targets import account_filter, organization_targets
from xacct.testing.stack_sets.template import check_template, parse_template
from xacct.testing.stack_sets.trusted_access import activate, check_activated, deactivate, is_activated

if TYPE_CHECKING:
    from moto.organizations.models import OrganizationsBackend

    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["StackSetService"]


class StackSetService:
    """Answers the calls that concern stack sets, and deploys their stacks.

    Args:
        state: the accounts.
        clock: the sandbox's clock.
        deployer: deploys the stacks.
    """

    def __init__(self, state: MotoState, clock: Clock, deployer: Deployer) -> None:
        self._state, self._clock, self._deployer = state, clock, deployer
        self._stack_sets: list[StackSet] = []
        self._advancing = False
        self._organization_changed = False

    def answer(self, call: Call, account: str) -> Answer:
        """Answer a permitted call.

        Args:
            call: the parsed request.
            account: the account in which it acts.

        Raises:
            Refused: CloudFormation would refuse it, or the sandbox does not implement it.
        """
        operation = _OPERATIONS.get(call.operation)
        if operation is None:
            raise Refused("NotImplemented", f"cloudformation:{call.operation} is not implemented in the sandbox", 501)
        if call.text("CallAs") == "DELEGATED_ADMIN":
            text = (
                "The sandbox does not implement delegated administrators of stack sets: call as the management account"
            )
            raise Refused("NotImplemented", text, 501)
        answer = operation(self, call, account)
        self.advance()
        return rendered("cloudformation", call.operation, answer)

    def organization_changed(self) -> None:
        """Let stack sets with automatic deployment follow the accounts, when `advance` is called next."""
        self._organization_changed = True

    def advance(self) -> None:
        """Do what the running operations have done until now."""
        if self._advancing:
            return
        self._advancing = True
        try:
            self._advance_running()
            if self._organization_changed:
                self._follow_accounts()
                self._advance_running()
        finally:
            self._advancing = False

    def _advance_running(self) -> None:
        for stack_set in self._stack_sets:
            for operation in stack_set.operations[-1:]:
                if operation.ended is None:
                    self._advance(stack_set, operation)

    def _follow_accounts(self) -> None:
        """Start the operations of automatic deployment, one at a time in a stack set."""
        self._organization_changed = False
        for stack_set in filter(is_automatic, self._stack_sets):
            backend = self._backend(stack_set.account)
            left, joined = targets_that_left(stack_set, backend), targets_that_joined(stack_set, backend)
            is_running = any(operation.ended is None for operation in stack_set.operations)
            if (left or joined) and is_running:
                self._organization_changed = True
            elif left:
                retain = bool(stack_set.settings["AutoDeployment"].get("RetainStacksOnAccountRemoval"))
                self._start(stack_set, "DELETE", left, preferences=PREFERENCES, retain_stacks=retain)
                self._organization_changed = bool(joined)
            elif joined:
                self._add_instances(stack_set, joined, {})
                self._start(stack_set, "CREATE", joined, preferences=PREFERENCES)

    def _advance(self, stack_set: StackSet, operation: Operation) -> None:
        def deploy(target: Target) -> None:
            self._deployer.deploy(stack_set, operation, target)

        operation.advance(self._clock.now(), self._deployer.seconds, deploy)
        for target in operation.targets:
            instance = stack_set.instances.get((target.account, target.region))
            if instance is not None and target.status in ("PENDING", "RUNNING", "CANCELLED"):
                instance.status, instance.detailed_status, instance.reason = "OUTDATED", target.status, target.reason

    def _create_stack_set(self, call: Call, account: str) -> dict[str, Any]:
        name = call.text("StackSetName")
        if any((one.name, one.account, one.region) == (name, account, call.region) for one in self._stack_sets):
            raise Refused("NameAlreadyExistsException", f"StackSet {name} already exists.", 409)
        stack_set_id = f"{name}:{uuid.uuid4()}"
        settings = settings_of(call)
        if "TemplateBody" not in settings:
            raise Refused("ValidationError", "The sandbox reads templates from TemplateBody only.")
        stack_set = StackSet(
            name=name,
            id=stack_set_id,
            arn=f"arn:{self._state.partition}:cloudformation:{call.region}:{account}:stackset/{stack_set_id}",
            account=account,
            region=call.region,
            settings=settings,
            template=parse_template(settings["TemplateBody"]),
        )
        check_template(stack_set.template, stack_set.parameters, set(settings.get("Capabilities") or ()))
        if stack_set.is_service_managed:
            check_activated(self._backend(account))
        self._stack_sets.append(stack_set)
        return {"StackSetId": stack_set_id}

    def _update_stack_set(self, call: Call, account: str) -> dict[str, Any]:
        stack_set = self._idle(call, account)
        settings = {**stack_set.settings, **settings_of(call)}
        template = parse_template(settings["TemplateBody"])
        updated = evolve(stack_set, settings=settings, template=template)
        check_template(template, updated.parameters, set(settings.get("Capabilities") or ()))
        stack_set.settings, stack_set.template = settings, template
        for instance in stack_set.instances.values():
            instance.status = "OUTDATED"
        targets = self._targets_of_instances(stack_set, call)
        return self._start_by(call, stack_set, "UPDATE", targets)

    def _delete_stack_set(self, call: Call, account: str) -> dict[str, Any]:
        stack_set = self._idle(call, account)
        if stack_set.instances:
            raise Refused("StackSetNotEmptyException", "StackSet is not empty", 409)
        self._stack_sets.remove(stack_set)
        return {}

    def _create_stack_instances(self, call: Call, account: str) -> dict[str, Any]:
        stack_set = self._idle(call, account)
        targets = self._targets(stack_set, call)
        self._add_instances(stack_set, targets, overrides_of(call))
        asked: Mapping[str, Any] = call.params.get("DeploymentTargets") or {}
        if asked.get("AccountFilterType", "NONE") == "NONE":
            for region in regions_of(call):
                stack_set.deployed_units.setdefault(region, set()).update(asked.get("OrganizationalUnitIds") or ())
        return self._start_by(call, stack_set, "CREATE", targets)

    def _update_stack_instances(self, call: Call, account: str) -> dict[str, Any]:
        stack_set = self._idle(call, account)
        targets = self._targets_of_instances(stack_set, call)
        for target in targets:
            stack_set.instances[target.account, target.region].overrides = overrides_of(call)
        return self._start_by(call, stack_set, "UPDATE", targets)

    def _delete_stack_instances(self, call: Call, account: str) -> dict[str, Any]:
        stack_set = self._idle(call, account)
        targets = self._targets_of_instances(stack_set, call)
        units = (call.params.get("DeploymentTargets") or {}).get("OrganizationalUnitIds") or ()
        for region in regions_of(call):
            stack_set.deployed_units.get(region, set()).difference_update(units)
        return self._start_by(call, stack_set, "DELETE", targets)

    def _add_instances(self, stack_set: StackSet, targets: Iterable[Target], overrides: Mapping[str, str]) -> None:
        for target in targets:
            # CloudFormation deploys again to an instance that exists.
            if (target.account, target.region) not in stack_set.instances:
                name = f"StackSet-{stack_set.name}-{uuid.uuid4()}"
                place = f"arn:{self._state.partition}:cloudformation:{target.region}:{target.account}"
                stack_set.instances[target.account, target.region] = Instance(
                    target=target,
                    stack_id=f"{place}:stack/{name}/{uuid.uuid4()}",
                    stack=Stack(name),
                    overrides=overrides,
                )

    def _targets(self, stack_set: StackSet, call: Call) -> list[Target]:
        """Return the targets of CreateStackInstances, in the order of the regions.

        Raises:
            Refused: they are not such as the permission model takes.
        """
        asked: Mapping[str, Any] = call.params.get("DeploymentTargets") or {}
        if not stack_set.is_service_managed:
            if asked.get("OrganizationalUnitIds"):
                text = "StackSets with SELF_MANAGED permission model can only have accounts as target"
                raise Refused("ValidationError", text)
            found = dict.fromkeys(accounts_of(call), "")
        else:
            check_activated(self._backend(stack_set.account))
            if not asked.get("OrganizationalUnitIds"):
                text = "StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target"
                raise Refused("ValidationError", text)
            found = organization_targets(asked, self._backend(stack_set.account))
        return [Target(account, region, unit) for region in regions_of(call) for account, unit in found.items()]

    def _targets_of_instances(self, stack_set: StackSet, call: Call) -> list[Target]:
        """Return the targets of an operation on existing instances; all of them if the call names none."""
        asked: Mapping[str, Any] = call.params.get("DeploymentTargets") or {}
        accounts = accounts_of(call)
        units = asked.get("OrganizationalUnitIds") or ()
        regions = regions_of(call) or sorted({region for _, region in stack_set.instances})
        if accounts and not units:
            missing = [
                (one, region) for region in regions for one in accounts if (one, region) not in stack_set.instances
            ]
            if missing:
                text = f"Stack Instances: [{', '.join(missing[0])}] not found in StackSet {stack_set.name}"
                raise Refused("StackInstanceNotFoundException", text, 404)
        is_named = account_filter(asked) if units else accounts.__contains__ if accounts else lambda _: True
        under: Mapping[str, str] = {}
        if units:
            under = organization_targets({"OrganizationalUnitIds": units}, self._backend(stack_set.account))
        return [
            Target(account, region, instance.target.unit)
            for place in regions
            for (account, region), instance in stack_set.instances.items()
            if region == place
            and is_named(account)
            # Instances also stay targets of the unit for which they were made.
            and (not units or account in under or instance.target.unit in units)
        ]

    def _start_by(self, call: Call, stack_set: StackSet, action: Action, targets: list[Target]) -> dict[str, Any]:
        operation = self._start(
            stack_set,
            action,
            targets,
            preferences=call.params.get("OperationPreferences") or {},
            retain_stacks=bool(call.params.get("RetainStacks")),
            operation_id=call.text("OperationId"),
        )
        return {"OperationId": operation.id}

    def _start(
        self,
        stack_set: StackSet,
        action: Action,
        targets: list[Target],
        *,
        preferences: Mapping[str, Any],
        retain_stacks: bool = False,
        operation_id: str = "",
    ) -> Operation:
        order = [*preferences.get("RegionOrder", ())]
        targets.sort(key=lambda target: order.index(target.region) if target.region in order else len(order))
        operation = Operation(
            id=operation_id or str(uuid.uuid4()),
            action=action,
            targets=targets,
            preferences=preferences,
            created=self._clock.now(),
            retain_stacks=retain_stacks,
        )
        stack_set.operations.append(operation)
        return operation

    def _describe_stack_set(self, call: Call, account: str) -> dict[str, Any]:
        return {"StackSet": self._find(call, account).description()}

    def _list_stack_sets(self, call: Call, account: str) -> dict[str, Any]:
        found = [one for one in self._stack_sets if (one.account, one.region) == (account, call.region)]
        active = call.text("Status", "ACTIVE") == "ACTIVE"
        return {"Summaries": [one.summary() for one in found if active]}

    def _describe_stack_instance(self, call: Call, account: str) -> dict[str, Any]:
        stack_set = self._find(call, account)
        key = call.text("StackInstanceAccount"), call.text("StackInstanceRegion")
        if key not in stack_set.instances:
            text = f"StackInstance not found for account {key[0]} and region {key[1]} in StackSet {stack_set.name}"
            raise Refused("StackInstanceNotFoundException", text, 404)
        instance = stack_set.instances[key]
        overrides = [{"ParameterKey": name, "ParameterValue": value} for name, value in instance.overrides.items()]
        return {"StackInstance": {**instance.summary(stack_set), "ParameterOverrides": overrides}}

    def _list_stack_instances(self, call: Call, account: str) -> dict[str, Any]:
        stack_set = self._find(call, account)
        wanted = call.text("StackInstanceAccount"), call.text("StackInstanceRegion")
        found = [
            instance.summary(stack_set)
            for key, instance in stack_set.instances.items()
            if all(not want or want == have for want, have in zip(wanted, key))
        ]
        return page(found, call)

    def _describe_operation(self, call: Call, account: str) -> dict[str, Any]:
        stack_set = self._find(call, account)
        return {"StackSetOperation": stack_set.operation(operation_of(stack_set, call))}

    def _list_operations(self, call: Call, account: str) -> dict[str, Any]:
        stack_set = self._find(call, account)
        return page([stack_set.operation(operation) for operation in reversed(stack_set.operations)], call)

    def _list_results(self, call: Call, account: str) -> dict[str, Any]:
        targets = operation_of(self._find(call, account), call).targets
        return page([result(target, self._state.partition) for target in targets], call)

    def _stop_operation(self, call: Call, account: str) -> dict[str, Any]:
        operation = operation_of(self._find(call, account), call)
        if operation.ended is not None:
            text = f"Operation {operation.id} is not running and cannot be stopped"
            raise Refused("InvalidOperationException", text)
        operation.stopped = True
        return {}

    def _activate(self, _: Call, account: str) -> dict[str, Any]:
        activate(self._backend(account))
        return {}

    def _deactivate(self, _: Call, account: str) -> dict[str, Any]:
        deactivate(self._backend(account))
        return {}

    def _describe_access(self, _: Call, account: str) -> dict[str, Any]:
        return {"Status": "ENABLED" if is_activated(self._backend(account)) else "DISABLED"}

    def _backend(self, account: str) -> OrganizationsBackend:
        return self._state.organizations.backend(account)

    def _find(self, call: Call, account: str) -> StackSet:
        name = call.text("StackSetName")
        for stack_set in self._stack_sets:
            is_here = (stack_set.account, stack_set.region) == (account, call.region)
            if is_here and name in (stack_set.name, stack_set.id, stack_set.arn):
                return stack_set
        raise Refused("StackSetNotFoundException", f"StackSet {name} not found", 404)

    def _idle(self, call: Call, account: str) -> StackSet:
        """Return the stack set that a call changes.

        Raises:
            Refused: it does not exist, or an operation is running.
        """
        stack_set = self._find(call, account)
        running = [operation.id for operation in stack_set.operations if operation.ended is None]
        if running:
            text = f"Another Operation on StackSet {stack_set.arn} is in progress: {running[0]}"
            raise Refused("OperationInProgressException", text, 409)
        return stack_set


_OPERATIONS: Mapping[str, Callable[[StackSetService, Call, str], dict[str, Any]]] = {
    "ActivateOrganizationsAccess": StackSetService._activate,
    "CreateStackInstances": StackSetService._create_stack_instances,
    "CreateStackSet": StackSetService._create_stack_set,
    "DeactivateOrganizationsAccess": StackSetService._deactivate,
    "DeleteStackInstances": StackSetService._delete_stack_instances,
    "DeleteStackSet": StackSetService._delete_stack_set,
    "DescribeOrganizationsAccess": StackSetService._describe_access,
    "DescribeStackInstance": StackSetService._describe_stack_instance,
    "DescribeStackSet": StackSetService._describe_stack_set,
    "DescribeStackSetOperation": StackSetService._describe_operation,
    "ListStackInstances": StackSetService._list_stack_instances,
    "ListStackSetOperationResults": StackSetService._list_results,
    "ListStackSetOperations": StackSetService._list_operations,
    "ListStackSets": StackSetService._list_stack_sets,
    "StopStackSetOperation": StackSetService._stop_operation,
    "UpdateStackInstances": StackSetService._update_stack_instances,
    "UpdateStackSet": StackSetService._update_stack_set,
}
