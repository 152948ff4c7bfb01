"""Templates of CloudFormation: parsing them, and resolving their functions for one stack.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from typing import Any

from attrs import frozen

from xacct.testing.error_responses import Refused

__all__ = ["Resolver", "Resource", "TemplateError", "check_template", "parse_template", "resources_in_order"]

_VARIABLE = re.compile(r"\$\{(!?[^}]+)\}")


class TemplateError(Exception):
    """A stack cannot be deployed: its template, or one of its resources, is not valid."""


@frozen
class Resource:
    """A resource of a template: its logical ID, its type, and its properties with functions."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]


def parse_template(text: str) -> Mapping[str, Any]:
    """Return a template, which is JSON or YAML.

    Raises:
        Refused: it is neither, or has no resources.
    """
    yaml: Any = import_module("yaml")
    try:
        template: object = yaml.load(text, Loader=_loader())
    except yaml.YAMLError:
        raise Refused("ValidationError", "Template format error: JSON not well-formed.") from None
    if not isinstance(template, dict):
        raise Refused("ValidationError", "Template format error: unsupported structure.")
    if not isinstance(template.get("Resources"), dict) or not template["Resources"]:
        raise Refused("ValidationError", "Template format error: At least one Resources member must be defined.")
    return template


@cache
def _loader() -> Any:
    """Return a loader of YAML that knows the short forms of functions, such as ``!Sub``."""
    yaml: Any = import_module("yaml")
    loader_class: Any = type("Loader", (yaml.SafeLoader,), {})

    def function(loader: Any, tag: str, node: Any) -> dict[str, Any]:
        if isinstance(node, yaml.ScalarNode):
            value: Any = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)
        return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}

    loader_class.add_multi_constructor("!", function)
    # The version of a policy is a text, not a date.
    loader_class.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return loader_class


def check_template(template: Mapping[str, Any], parameters: Mapping[str, str], capabilities: set[str]) -> None:
    """Check what CloudFormation checks before it deploys a template.

    Args:
        template: the template.
        parameters: the values of its parameters.
        capabilities: the capabilities that the caller acknowledged.

    Raises:
        Refused: a parameter has no value, or IAM resources were not acknowledged.
    """
    declared = template.get("Parameters") or {}
    missing = [name for name, one in declared.items() if name not in parameters and "Default" not in one]
    if missing:
        raise Refused("ValidationError", f"Parameters: [{', '.join(missing)}] must have values")
    unknown = [name for name in parameters if name not in declared]
    if unknown:
        raise Refused("ValidationError", f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    resources = [entry for entry in template["Resources"].values() if entry.get("Type", "").startswith("AWS::IAM::")]
    named = any({"RoleName", "ManagedPolicyName"} & (entry.get("Properties") or {}).keys() for entry in resources)
    sufficient = {"CAPABILITY_NAMED_IAM"} if named else {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"}
    if resources and not sufficient & capabilities:
        text = f"Requires capabilities : [{'CAPABILITY_NAMED_IAM' if named else 'CAPABILITY_IAM'}]"
        raise Refused("InsufficientCapabilitiesException", text)


def resources_in_order(template: Mapping[str, Any], resolver: Resolver) -> list[Resource]:
    """Return the resources of a template whose conditions are met, each after those that it refers to.

    Raises:
        TemplateError: resources refer to each other in a circle, or a condition cannot be decided.
    """
    entries = {
        name: entry
        for name, entry in template["Resources"].items()
        if "Condition" not in entry or resolver.condition(entry["Condition"])
    }
    graph: dict[str, set[str]] = {}
    for name, entry in entries.items():
        depends = entry.get("DependsOn") or []
        above = {depends} if isinstance(depends, str) else set(depends)
        graph[name] = (above | set(_references(entry.get("Properties")))) & entries.keys()
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise TemplateError(f"Circular dependency between resources: {error.args[1]}") from None
    return [Resource(name, entries[name].get("Type", ""), entries[name].get("Properties") or {}) for name in order]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _references(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key == "Ref" and isinstance(entry, str):
                yield entry
            elif key == "Fn::GetAtt":
                yield (entry.split(".") if isinstance(entry, str) else entry)[0]
            elif key == "Fn::Sub":
                text = entry if isinstance(entry, str) else entry[0]
                yield from (name.partition(".")[0] for name in _VARIABLE.findall(text))
            yield from _references(entry)


class Resolver:
    """Resolves the functions of a template for one stack.

    Args:
        template: the template.
        values: the parameters and pseudo parameters, such as ``AWS::AccountId``.
        attribute: returns the attribute of a deployed resource, by its logical ID; ``Ref`` for what Ref returns.
    """

    def __init__(
        self, template: Mapping[str, Any], values: Mapping[str, Any], attribute: Callable[[str, str], str | None]
    ) -> None:
        defaults = {
            name: one["Default"] for name, one in (template.get("Parameters") or {}).items() if "Default" in one
        }
        self._template, self._values, self._attribute = template, {**defaults, **values}, attribute

    def condition(self, name: str) -> bool:
        """Return whether a condition of the template is met.

        Raises:
            TemplateError: the template has no such condition.
        """
        conditions = self._template.get("Conditions") or {}
        if name not in conditions:
            raise TemplateError(f"Unresolved condition {name}")
        return bool(self.resolve(conditions[name]))

    def resolve(self, value: Any) -> Any:
        """Return a value without functions. What refers to ``AWS::NoValue`` is left out.

        Raises:
            TemplateError: a function is not implemented in the sandbox, or refers to nothing.
        """
        if isinstance(value, list):
            return [found for found in map(self.resolve, value) if found is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._call(name, argument)
        resolved = {key: self.resolve(entry) for key, entry in value.items()}
        return {key: entry for key, entry in resolved.items() if entry is not None}

    def _call(self, function: str, argument: Any) -> Any:
        if function == "Ref":
            return self._reference(argument)
        if function == "Condition":
            return self.condition(argument) if isinstance(argument, str) else {"Condition": self.resolve(argument)}
        if function == "Fn::GetAtt":
            name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
            return self._found(self._attribute(name, attribute), f"{name}.{attribute}")
        if function == "Fn::If":
            met, otherwise = argument[1], argument[2]
            return self.resolve(met if self.condition(argument[0]) else otherwise)
        if function == "Fn::Sub":
            return self._substitute(argument)
        implemented = _FUNCTIONS.get(function)
        if implemented is None:
            raise TemplateError(f"The sandbox does not implement {function} of CloudFormation's templates")
        return implemented(self.resolve(argument))

    def _substitute(self, argument: Any) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else (argument[0], self.resolve(argument[1]))

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in values:
                return str(values[name])
            return str(self._call("Fn::GetAtt", name) if "." in name else self._reference(name))

        return _VARIABLE.sub(replace, text)

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return None
        return self._values[name] if name in self._values else self._found(self._attribute(name, "Ref"), name)

    @staticmethod
    def _found(value: str | None, name: str) -> str:
        if value is None:
            raise TemplateError(f"Unresolved resource dependency {name}")
        return value


_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "Fn::And": all,
    "Fn::Equals": lambda values: str(values[0]) == str(values[1]),
    "Fn::Join": lambda values: values[0].join(map(str, values[1])),
    "Fn::Not": lambda values: not values[0],
    "Fn::Or": any,
    "Fn::Select": lambda values: values[1][int(values[0])],
    "Fn::Split": lambda values: values[1].split(values[0]),
}
