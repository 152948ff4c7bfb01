"""The actions of every service, with their access levels, resource types, condition keys and dependent actions."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Literal

from attrs import field, frozen

from xacct.reference.level_exceptions import LEVEL_EXCEPTIONS
from xacct.reference.resource_formats import split_formats
from xacct.reference.service_data import ActionEntry, action_entries, resource_type_entries, services

__all__ = ["AccessLevel", "Action", "ResourceType", "actions_matching", "find_action"]

AccessLevel = Literal["List", "Read", "Write", "Tagging", "Permissions management"]

# Every level that the data has. AWS lists an action that tags, or that manages permissions, as writing too.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html#actions_table
_LEVELS: Mapping[str, frozenset[AccessLevel]] = {
    "List": frozenset({"List"}),
    "Read": frozenset({"Read"}),
    "Write": frozenset({"Write"}),
    "Tagging": frozenset({"Tagging", "Write"}),
    "Tagging, Write": frozenset({"Tagging", "Write"}),
    "Permissions management": frozenset({"Permissions management", "Write"}),
    "Permissions management, Write": frozenset({"Permissions management", "Write"}),
}
# A level that AWS adds one day is no reading until it is written down above.
_UNKNOWN_LEVEL: frozenset[AccessLevel] = frozenset({"Write"})


@frozen
class ResourceType:
    """A type of resource that an action can name.

    Attributes:
        service: the prefix of the service that defines it.
        name: the type's name in the reference, such as ``bucket``.
        arn_format: the format of its ARNs, with placeholders such as ``${BucketName}``.
        condition_keys: the condition keys that a request on such a resource has.
    """

    service: str
    name: str
    arn_format: str
    condition_keys: tuple[str, ...]


@frozen
class Action:
    """An action of AWS's reference.

    Attributes:
        service: the service's prefix, such as ``s3``.
        name: the action's name, as AWS writes it, such as ``GetObject``.
        levels: the access levels.

    >>> tag = find_action("s3:putobjecttagging")
    >>> str(tag), sorted(tag.levels), tag.only_reads
    ('s3:PutObjectTagging', ['Tagging', 'Write'], False)
    """

    service: str
    name: str
    levels: frozenset[AccessLevel]
    _entry: ActionEntry = field(eq=False, repr=False)

    @property
    def only_reads(self) -> bool:
        """Whether the action changes nothing and gives no other access: by its level, or by the written exceptions.

        >>> find_action("kms:Decrypt").only_reads
        True
        >>> find_action("cognito-identity:GetCredentialsForIdentity").only_reads
        False
        """
        exception = LEVEL_EXCEPTIONS.get(str(self).lower())
        return self.levels <= {"List", "Read"} if exception is None else exception[0] == "reads"

    @property
    def resource_types(self) -> tuple[ResourceType, ...]:
        """The types of resources that the action takes. Without any, a policy must have the resource ``*``.

        A type that has two formats of ARNs is there twice.

        >>> [type.arn_format for type in find_action("kms:Decrypt").resource_types]
        ['arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}']
        """
        names = (resource["name"] for resource in self._entry["resourceTypes"])
        return tuple(kind for name in names for kind in _resource_types(self.service, name))

    @property
    def required_resource_types(self) -> tuple[ResourceType, ...]:
        """The types of which each request has a resource. Of the others, a request has one or none."""
        names = (resource["name"] for resource in self._entry["resourceTypes"] if resource["required"])
        return tuple(kind for name in names for kind in _resource_types(self.service, name))

    @property
    def condition_keys(self) -> tuple[str, ...]:
        """The condition keys of the action and of its resource types. Global condition keys are not among them.

        A key can have a placeholder, as in ``aws:ResourceTag/${TagKey}``.
        """
        return _condition_keys(self)

    @property
    def dependent_actions(self) -> tuple[str, ...] | None:
        """The actions that a caller needs in addition; None if the data does not say.

        The data of 2026 says so for no action, although AWS's pages have such a column.
        """
        own = self._entry["dependentActions"]
        by_resource = (resource["dependentActions"] for resource in self._entry["resourceTypes"])
        return tuple(dict.fromkeys((*own, *(action for actions in by_resource for action in actions)))) or None

    def __str__(self) -> str:
        return f"{self.service}:{self.name}"


def find_action(name: str) -> Action | None:
    """Return the action with this name, in any letter case; None if the reference has no such action.

    >>> str(find_action("S3:getobject"))
    's3:GetObject'
    >>> print(find_action("s3:ReadObject"))
    None
    """
    service, _, own_name = name.lower().partition(":")
    return _actions_of(service).get(own_name)


def actions_matching(pattern: str) -> Iterator[Action]:
    """Yield the actions that a pattern of a policy matches, in any letter case.

    The data of a service is read when its actions are reached, so the first of many actions come at once.

    Args:
        pattern: an action, with the wildcards ``*`` and ``?``; ``*`` alone is every action.

    >>> [str(action) for action in actions_matching("sts:Assume*")]
    ['sts:AssumeRole', 'sts:AssumeRoleWithSAML', 'sts:AssumeRoleWithWebIdentity', 'sts:AssumeRoot']
    >>> sum(1 for _ in actions_matching("*")) > 20_000
    True
    """
    prefix, colon, name = pattern.lower().partition(":")
    if not colon:
        prefix, name = (prefix, "*") if prefix == "*" else ("", "")
    for service in _matching(prefix, tuple(sorted(services()))) if _is_pattern(prefix) else (prefix,):
        yield from _matching_actions(service, name)


@cache
def _actions_of(service: str) -> Mapping[str, Action]:
    return {
        name: Action(service, entry["name"], _LEVELS.get(entry["accessLevel"], _UNKNOWN_LEVEL), entry)
        for name, entry in action_entries(service).items()
    }


@lru_cache(maxsize=4096)
def _matching_actions(service: str, pattern: str) -> tuple[Action, ...]:
    actions = _actions_of(service)
    if not _is_pattern(pattern):
        return (actions[pattern],) if pattern in actions else ()
    if pattern == "*":
        return tuple(actions.values())
    return tuple(actions[name] for name in _matching(pattern, tuple(actions)))


def _matching(pattern: str, names: tuple[str, ...]) -> list[str]:
    matches = _matcher(pattern)
    return [name for name in names if matches(name)]


def _matcher(pattern: str) -> Callable[[str], object]:
    # Square brackets mean nothing in a policy. The result of translate() does not backtrack.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


@cache
def _resource_types(service: str, name: str) -> tuple[ResourceType, ...]:
    entry = resource_type_entries(service)[name.lower()]
    keys = tuple(entry.get("conditionKeys", ()))
    return tuple(ResourceType(service, entry["key"], arn_format, keys) for arn_format in split_formats(entry["arn"]))


@lru_cache(maxsize=4096)
def _condition_keys(action: Action) -> tuple[str, ...]:
    entry = action._entry
    own = (*entry["conditionKeys"], *(key for resource in entry["resourceTypes"] for key in resource["conditionKeys"]))
    of_types = (key for resource_type in action.resource_types for key in resource_type.condition_keys)
    return tuple(dict.fromkeys((*own, *of_types)))
