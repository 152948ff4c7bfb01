"""A permission that a call requires, and the condition context keys of tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from xacct.testing.error_responses import Refused

__all__ = ["Context", "RequiredPermission", "requested_tags", "resource_tags"]

# Condition context keys, each with one value or several.
Context = dict[str, str | tuple[str, ...]]


@frozen(kw_only=True)
class RequiredPermission:
    """A permission that a call requires.

    Attributes:
        action: the action, such as ``s3:GetObject``.
        resource: the resource's ARN, or ``*``.
        account: the id of the account that owns the resource.
        policy: the resource's policy, as JSON text; None if it has none.
        context: the service's condition context keys. The pipeline adds the global keys.
        entry: the index of the batch entry that requires the permission; None if the whole call requires it. If the
            permission is denied, only this entry fails.
        missing: the error that the call gets once all permissions before this one are allowed, because the resource
            does not exist; None if it exists, or if the service decides that later.
        shown: how AWS's error message names the resource, if not by its ARN.
    """

    action: str
    resource: str
    account: str
    policy: str | None = field(default=None, repr=False)
    context: Mapping[str, str | tuple[str, ...]] = field(factory=dict)
    entry: int | None = None
    missing: Refused | None = None
    shown: str = ""


def requested_tags(tags: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value") -> Context:
    """Return the context keys of the tags in a request: ``aws:RequestTag/…`` and ``aws:TagKeys``.

    Args:
        tags: the tags, in the form of the API's parameter.
        key: the name of a tag's key in it.
        value: the name of a tag's value in it.
    """
    context: Context = {f"aws:RequestTag/{tag[key]}": tag.get(value, "") for tag in tags}
    return context | ({"aws:TagKeys": tuple(tag[key] for tag in tags)} if context else {})


def resource_tags(tags: Mapping[str, str], prefixes: Iterable[str] = ("aws:ResourceTag",)) -> Context:
    """Return the context keys of a resource's tags: ``aws:ResourceTag/…``.

    Args:
        tags: the resource's tags.
        prefixes: the names of the context keys, without the tag's key.
    """
    return {f"{prefix}/{key}": value for prefix in prefixes for key, value in tags.items()}
