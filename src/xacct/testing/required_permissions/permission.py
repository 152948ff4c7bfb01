"""One question that a call puts to IAM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

__all__ = ["Context", "RequiredPermission", "requested_tags", "resource_tags"]

# What a service says of a request: context keys with a string or strings.
Context = dict[str, str | tuple[str, ...]]


@frozen(kw_only=True)
class RequiredPermission:
    """One permission that a call needs.

    Attributes:
        action: such as ``s3:GetObject``.
        resource: the ARN, or ``*``.
        account: the account that the resource belongs to.
        policy: the resource's own policy, as JSON text.
        context: the service's context keys. What follows from the caller and from the request as such is added later.
        entry: which entry of a batch it is for, where a refusal keeps the others from nothing.
    """

    action: str
    resource: str
    account: str
    policy: str | None = field(default=None, repr=False)
    context: Mapping[str, str | tuple[str, ...]] = field(factory=dict)
    entry: int | None = None


def requested_tags(tags: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value") -> Context:
    """The context keys of tags that come with a request."""
    context: Context = {f"aws:RequestTag/{tag[key]}": tag.get(value, "") for tag in tags}
    return context | ({"aws:TagKeys": tuple(tag[key] for tag in tags)} if context else {})


def resource_tags(tags: Mapping[str, str], prefixes: Iterable[str] = ("aws:ResourceTag",)) -> Context:
    """The context keys of tags that a resource carries."""
    return {f"{prefix}/{key}": value for prefix in prefixes for key, value in tags.items()}
