"""The context keys of the tags in a request of any service."""

from __future__ import annotations

from collections.abc import Mapping

from xacct.testing.http_messages import Call
from xacct.testing.required_permissions.permission import Context, requested_tags

__all__ = ["tags_of_request"]


def tags_of_request(call: Call) -> Context:
    """Return ``aws:RequestTag/…`` and ``aws:TagKeys`` of a call. Services spell their parameters in different ways.

    Args:
        call: the call.
    """
    tags = call.params.get("Tags") or call.params.get("tags")
    if isinstance(tags, Mapping):
        tags = [{"Key": key, "Value": value} for key, value in tags.items()]
    if isinstance(tags, list) and tags and isinstance(tags[0], Mapping):
        for key, value in (("Key", "Value"), ("key", "value"), ("TagKey", "TagValue")):
            if all(isinstance(tag, Mapping) and key in tag for tag in tags):
                return requested_tags(tags, key, value)
        return {}
    keys = call.params.get("TagKeys") or call.params.get("tagKeys") or tags
    return {"aws:TagKeys": tuple(map(str, keys))} if isinstance(keys, list) and keys else {}
