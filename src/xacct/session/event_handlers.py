"""botocore's event handlers, which all sessions share until one of them changes its own."""

from __future__ import annotations

from typing import Any

from botocore.hooks import HierarchicalEmitter, NodeList, _PrefixTrie  # type: ignore[attr-defined] # private

__all__ = ["share_handlers"]


class _SharedTrie(_PrefixTrie):  # type: ignore[misc] # its stubs do not have the class
    """botocore's trie of event names, whose copies share its nodes.

    botocore copies several hundred handlers for each session and each client, and changes a few. Here a change replaces
    the nodes on the way from the root to the event, and leaves the nodes of the other copies alone.
    """

    def __init__(self, root: dict[str, Any] | None = None) -> None:
        super().__init__()
        if root is not None:
            self._root = root

    def append_item(self, key: str, value: object, *args: Any, **options: Any) -> None:
        self._replace_path(key)
        super().append_item(key, value, *args, **options)

    def remove_item(self, key: str, value: object) -> None:
        self._replace_path(key)
        super().remove_item(key, value)

    def __copy__(self) -> _SharedTrie:
        return _SharedTrie(self._root)

    def _replace_path(self, key: str) -> None:
        node = self._root = _replaced(self._root)
        for part in key.split("."):
            child = node["children"].get(part)
            if child is None:
                return
            node["children"][part] = node = _replaced(child)


def _replaced(node: dict[str, Any]) -> dict[str, Any]:
    values = node["values"] and NodeList(*(handlers[:] for handlers in node["values"]))
    return {"chunk": node["chunk"], "children": node["children"].copy(), "values": values}


def share_handlers(emitter: HierarchicalEmitter) -> None:
    """Let the copies of an emitter share its handlers. Their order and their effect stay the same.

    Args:
        emitter: the emitter. Its own handlers must not change any more.
    """
    # botocore has no public way to change how handlers are stored.
    vars(emitter)["_handlers"] = _SharedTrie(vars(vars(emitter)["_handlers"])["_root"])
