"""One stack of a stack set: the resources of its template in one account and region.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacks.html
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from attrs import define, field
from botocore.exceptions import BotoCoreError, ClientError

from xacct.testing.stack_sets.iam_resources import Deployed, create, delete, is_replaced, update
from xacct.testing.stack_sets.template import Resolver, TemplateError, resources_in_order

__all__ = ["DeploymentFailed", "Stack"]


class DeploymentFailed(Exception):
    """A stack could not be created, changed or deleted."""


@define
class Stack:
    """A stack, and what it has deployed.

    Attributes:
        name: the name of the stack.
        resources: the deployed resources, by their logical ID, in the order in which they were made.
        replaced: those that were replaced, and are deleted once nothing refers to them.
    """

    name: str
    resources: dict[str, Deployed] = field(factory=dict)
    replaced: list[Deployed] = field(factory=list)

    def deploy(
        self,
        iam: Any,
        template: Mapping[str, Any],
        values: Mapping[str, Any],
        tags: Iterable[Mapping[str, str]],
        *,
        at_most: int | None = None,
    ) -> None:
        """Make the resources of a template, change those that exist, and delete those that it no longer has.

        What a failed creation has made is deleted again.

        Args:
            iam: a client of IAM of the account.
            template: the template.
            values: the parameters and pseudo parameters.
            tags: the tags of the stack, which its resources have too.
            at_most: the number of resources after which the deployment is interrupted, and leaves what it has made.

        Raises:
            DeploymentFailed: a resource could not be made.
        """
        before = set(self.resources)
        resolver = Resolver(template, values, self._attribute)
        try:
            resources = resources_in_order(template, resolver)
            for number, resource in enumerate(resources):
                if number == at_most:
                    raise DeploymentFailed(f"The deployment was interrupted before {resource.logical_id}")
                properties = _with_tags(resource.type, resolver.resolve(resource.properties), tags)
                self._deploy_one(iam, resource.logical_id, resource.type, properties)
            kept = {resource.logical_id for resource in resources}
            self._delete(iam, [name for name in self.resources if name not in kept])
            while self.replaced:
                delete(iam, self.replaced[-1])
                self.replaced.pop()
        except (TemplateError, ClientError, BotoCoreError, KeyError, TypeError, ValueError) as error:
            self._roll_back(iam, before)
            text = f"Properties validation failed: {error!r}" if isinstance(error, LookupError) else str(error)
            raise DeploymentFailed(text) from None

    def remove(self, iam: Any, *, at_most: int | None = None) -> None:
        """Delete the resources, the last one first.

        Args:
            iam: a client of IAM of the account.
            at_most: the number of resources after which the deletion is interrupted.

        Raises:
            DeploymentFailed: a resource could not be deleted.
        """
        names = [*self.resources]
        try:
            self._delete(iam, names if at_most is None else names[len(names) - at_most :])
        except (ClientError, BotoCoreError) as error:
            raise DeploymentFailed(str(error)) from None
        if self.resources:
            raise DeploymentFailed(f"The deletion was interrupted before {[*self.resources][-1]}")

    def _deploy_one(self, iam: Any, logical_id: str, kind: str, properties: Mapping[str, Any]) -> None:
        deployed = self.resources.get(logical_id)
        if deployed is not None and not is_replaced(deployed, properties):
            if deployed.properties != properties:
                self.resources[logical_id] = update(iam, deployed, properties)
            return
        random = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
        created = create(iam, logical_id, kind, properties, f"{self.name[:24]}-{logical_id[:24]}-{random}")
        if deployed is not None:
            self.replaced.append(deployed)
        self.resources[logical_id] = created

    def _delete(self, iam: Any, names: list[str]) -> None:
        for name in reversed(names):
            delete(iam, self.resources[name])
            del self.resources[name]

    def _roll_back(self, iam: Any, before: set[str]) -> None:
        # If this fails, the stack is in the state ROLLBACK_FAILED.
        with suppress(ClientError, BotoCoreError):
            self._delete(iam, [name for name in self.resources if name not in before])

    def _attribute(self, logical_id: str, attribute: str) -> str | None:
        deployed = self.resources.get(logical_id)
        return None if deployed is None else deployed.attributes.get(attribute)


def _with_tags(kind: str, properties: Mapping[str, Any], tags: Iterable[Mapping[str, str]]) -> Mapping[str, Any]:
    """Return the properties of a resource with the tags of its stack, as far as its type has tags."""
    own = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or ()}
    together = {**{tag["Key"]: tag["Value"] for tag in tags}, **own}
    if not together or kind == "AWS::IAM::Policy":
        return properties
    return {**properties, "Tags": [{"Key": key, "Value": value} for key, value in together.items()]}
