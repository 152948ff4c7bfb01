"""The permissions of AWS Lambda, and the policies of its functions and layers.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-permissions.html
"""

from __future__ import annotations

import json
from typing import Any

from xacct.arn import Arn
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.service_rules import Needs, Reference, ResourceState, ServiceRules

__all__ = ["RULES"]

_ELEMENTS = ("Sid", "Effect", "Principal", "Action", "Resource", "Condition")


def _read(value: str) -> Reference:
    """Return the function or layer of a name, an ARN or a partial ARN: ``111111111111:function:name:alias``."""
    parts = value.split(":")
    if value.startswith("arn:") and len(parts) > 6:
        return Reference(name=":".join(parts[6:]), account=parts[4], region=parts[3])
    if len(parts) > 2 and parts[1] == "function":
        return Reference(name=":".join(parts[2:]), account=parts[0])
    return Reference(name=value)


def _find(state: MotoState, arn: Arn) -> ResourceState | None:
    backend = state.backend("lambda", arn.account, arn.region)
    kind, _, name = arn.resource.partition(":")
    if backend is None:
        return None
    if kind == "layer":
        version = backend.layers_versions_by_arn(str(arn)) if name.count(":") == 1 else None
        return None if version is None else ResourceState(policy=_policy(version.policy.statements, arn))
    versions = backend._lambdas._functions.get(name.partition(":")[0]) if kind == "function" else None
    if versions is None:
        return None
    function = versions["latest"]
    return ResourceState(policy=_policy(function.policy.statements, arn), tags=function.tags)


def _policy(statements: list[dict[str, Any]], arn: Arn) -> str | None:
    """Return a policy of moto's as JSON text. Moto keeps accounts as they were given to AddPermission."""
    if not statements:
        return None
    kept = []
    for statement in statements:
        elements = {name: statement[name] for name in _ELEMENTS if name in statement}
        principal = elements.get("Principal")
        if isinstance(principal, str) and principal != "*":
            root = f"arn:{arn.partition}:iam::{principal}:root"
            elements["Principal"] = {"AWS": root if principal.isdigit() else principal}
        kept.append(elements)
    return json.dumps({"Version": "2012-10-17", "Statement": kept})


# Service Authorization Reference: the dependent actions of CreateFunction.
_PASS_ROLE = Needs(
    action="iam:PassRole", arns="Role", when="Role", context={"iam:PassedToService": "lambda.amazonaws.com"}
)
_GET_LAYERS = Needs(action="GetLayerVersion", arns="Layers", when="Layers")

RULES = ServiceRules(
    prefix="lambda",
    operations={
        "CreateFunction": (
            Needs(action="CreateFunction"),
            Needs(action="TagResource", when="Tags"),
            _GET_LAYERS,
            _PASS_ROLE,
        ),
        "GetLayerVersionByArn": (Needs(action="GetLayerVersion", arns="Arn"),),
        "Invoke": (Needs(action="InvokeFunction"),),
        "InvokeAsync": (Needs(action="InvokeFunction"),),
        "InvokeWithResponseStream": (Needs(action="InvokeFunction"),),
        "UpdateFunctionConfiguration": (Needs(action="UpdateFunctionConfiguration"), _GET_LAYERS, _PASS_ROLE),
    },
    names={"LayerVersion": "VersionNumber"},
    # An invocation of an alias or a version needs the permission on it.
    formats={"function": "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}[:${Qualifier}]"},
    ignored=frozenset({"function alias", "function version"}),
    read=_read,
    find=_find,
    keys={"lambda:FunctionArn": "FunctionName", "lambda:Layer": "Layers"},
)
