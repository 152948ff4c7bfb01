"""The permissions of AWS Systems Manager: its parameters, documents and other resources.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
"""

from __future__ import annotations

from xacct.arn import Arn
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.service_rules import (
    Needs,
    Reference,
    ResourceState,
    ServiceRules,
    read_reference,
)

__all__ = ["RULES"]

# The types of the tagged resources in requests and in moto, by their types in ARNs.
_TAGGED_TYPES = {
    "document": "Document",
    "maintenancewindow": "MaintenanceWindow",
    "parameter": "Parameter",
    "patchbaseline": "PatchBaseline",
}


def _read(value: str) -> Reference:
    """Return the parameter or document of a name or an ARN, without the version or label of a parameter."""
    reference = read_reference(value)
    return Reference(
        name=reference.name.lstrip("/").partition(":")[0], account=reference.account, region=reference.region
    )


def _find(state: MotoState, arn: Arn) -> ResourceState | None:
    backend = state.backend("ssm", arn.account, arn.region)
    kind, _, name = arn.resource.partition("/")
    if backend is None or kind not in _TAGGED_TYPES:
        return None
    names = (name, f"/{name}") if kind == "parameter" else (name,)
    of_type = backend._resource_tags.get(_TAGGED_TYPES[kind], {})
    tags = next((dict(of_type[one]) for one in names if one in of_type), {})
    key = ""
    if kind == "parameter":
        parameter = next((backend._parameters[one][-1] for one in names if backend._parameters.get(one)), None)
        key = parameter.keyid or "" if parameter is not None and parameter.parameter_type == "SecureString" else ""
    return ResourceState(tags=tags, kms_key=key)


def _of_type(kind: str) -> str:
    return f"ResourceType == '{kind}' && ResourceId"


RULES = ServiceRules(
    prefix="ssm",
    operations={
        "PutParameter": (Needs(action="PutParameter"), Needs(action="AddTagsToResource", when="Tags")),
    },
    names={
        "AutomationExecutionId": f"AutomationExecutionId || {_of_type('Automation')}",
        "DocumentName": f"DocumentName || Name || {_of_type('Document')}",
        "InstanceId": f"InstanceIds || InstanceId || {_of_type('ManagedInstance')}",
        "ParameterNameWithoutLeadingSlash": f"Name || Names || Path || {_of_type('Parameter')}",
        "PatchBaselineIdResourceId": f"BaselineId || {_of_type('PatchBaseline')}",
        "ResourceId": f"WindowId || {_of_type('MaintenanceWindow')}",
    },
    read=_read,
    find=_find,
    tag_keys=("aws:ResourceTag", "ssm:resourceTag"),
    kms_service="ssm",
    kms_context="PARAMETER_ARN",
    kms_when="WithDecryption",
    kms_actions=dict.fromkeys(("ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParameters"), ("kms:Decrypt",)),
)
