"""What the parameters of a call of stack sets mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call
from xacct.testing.stack_sets.operation import Operation
from xacct.testing.stack_sets.stack_set import StackSet

__all__ = ["accounts_of", "operation_of", "overrides_of", "page", "regions_of", "settings_of"]

# The parameters of CreateStackSet and UpdateStackSet that describe the stack set.
_SETTINGS = (
    "AdministrationRoleARN",
    "AutoDeployment",
    "Capabilities",
    "Description",
    "ExecutionRoleName",
    "Parameters",
    "PermissionModel",
    "Tags",
    "TemplateBody",
)


def settings_of(call: Call) -> dict[str, Any]:
    """Return the parameters of CreateStackSet or UpdateStackSet that describe the stack set."""
    return {name: call.params[name] for name in _SETTINGS if name in call.params}


def overrides_of(call: Call) -> dict[str, str]:
    """Return the parameters of the template that are different in the instances of the call."""
    given: Iterable[Mapping[str, str]] = call.params.get("ParameterOverrides") or ()
    return {one["ParameterKey"]: one.get("ParameterValue", "") for one in given}


def accounts_of(call: Call) -> list[str]:
    """Return the accounts that a call names, in either of the two parameters."""
    targets: Mapping[str, Any] = call.params.get("DeploymentTargets") or {}
    return [*(call.params.get("Accounts") or ()), *(targets.get("Accounts") or ())]


def regions_of(call: Call) -> list[str]:
    """Return the regions of a call, each once."""
    return list(dict.fromkeys(call.params.get("Regions") or ()))


def operation_of(stack_set: StackSet, call: Call) -> Operation:
    """Return the operation of a stack set that a call names.

    Raises:
        Refused: the stack set has none.
    """
    for operation in stack_set.operations:
        if operation.id == call.text("OperationId"):
            return operation
    text = f"Operation {call.text('OperationId')} not found for StackSet {stack_set.name}"
    raise Refused("OperationNotFoundException", text, 404)


def page(found: Sequence[Mapping[str, Any]], call: Call) -> dict[str, Any]:
    """Return the part of a list that a call asks for."""
    start, most = int(call.text("NextToken") or 0), int(call.params.get("MaxResults") or 100)
    more = {"NextToken": str(start + most)} if len(found) > start + most else {}
    return {"Summaries": found[start : start + most], **more}
