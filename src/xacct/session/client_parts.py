"""What the clients of one service have in common, made once instead of for each client."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any, TypeVar, cast

import botocore.client
import botocore.regions
import urllib3
from botocore.endpoint import EndpointCreator
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader

from xacct.session.event_handlers import EventHandlers

__all__ = ["shared_client_parts"]

# For each client botocore builds objects for all operations and endpoint rules of the service: about 500 for S3. With
# the garbage collections that they cause, this is half of the CPU time that fan_out needs for an account. Each client
# also opens a connection of its own, for which it loads all CA certificates: with TLS this takes longer than the rest.
# botocore has no public way to share them. The private names that this takes are all in this module. They are replaced
# only while a session of xacct creates a client; what a version of botocore does not have is not shared.

T = TypeVar("T")

# More than all services have. A loader that does not keep its data would fill the memory.
_MOST_PARTS = 2000
# The idle connections to keep open for each host. urllib3 logs a warning if there are more.
_MAX_IDLE_CONNECTIONS = 100
# Before version 2, urllib3 closes the connections of a host while they are used, if clients call more than 10 hosts.
_CAN_SHARE_CONNECTIONS = not str(getattr(urllib3, "__version__", "1.")).startswith("1.")


class _Parts:
    """Parts made from data that botocore's loader keeps, by the identity of the data."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], tuple[object, object]] = {}
        self.connections: weakref.WeakValueDictionary[str, URLLib3Session] = weakref.WeakValueDictionary()

    def service_model(self, make: Callable[..., object], data: object, **options: str) -> object:
        """Return the model of a service."""
        return self._once(("model", id(data), *options.items()), data, partial(make, data, **options))

    def endpoint_provider(self, make: Callable[..., object], **data: object) -> object:
        """Return the endpoint rules of a service, with the endpoints that were found so far."""
        key = ("rules", *((name, id(value)) for name, value in data.items()))
        return self._once(key, data, partial(make, **data))

    def methods(self, make: Callable[..., dict[str, object]], creator: Any, model: object) -> dict[str, object]:
        """Return the methods of a client class. The event handlers of a session can add others to this copy."""

        def of_no_session() -> dict[str, object]:
            # The documentation of a method refers to event handlers. Those of a session must not live as long.
            independent = copy(creator)
            independent._event_emitter = EventHandlers()
            return make(independent, model)

        return self._once(("methods", id(model)), model, of_no_session).copy()

    def endpoint(self, make: Callable[..., object], creator: object, *args: object, **options: object) -> object:
        """Return an endpoint for a client, whose connections it shares with the clients that have the same settings.

        They are closed with the last of these clients.
        """
        if _CAN_SHARE_CONNECTIONS:
            options.setdefault("http_session_cls", self._connections_with)
        return make(creator, *args, **options)

    def _connections_with(self, max_pool_connections: int, **settings: Any) -> URLLib3Session:
        size = max(max_pool_connections, _MAX_IDLE_CONNECTIONS)
        key = repr((size, sorted(settings.items())))
        connections = self.connections.get(key)
        if connections is None:
            connections = self.connections[key] = URLLib3Session(max_pool_connections=size, **settings)
        return connections

    def _once(self, key: tuple[object, ...], source: object, make: Callable[[], T]) -> T:
        """Return what was made for a key. The source is kept, so that no other object gets its ID."""
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= _MOST_PARTS:
                self._made.clear()
            found = self._made[key] = make(), source
        return cast(T, found[0])


_parts_of: weakref.WeakKeyDictionary[Loader, _Parts] = weakref.WeakKeyDictionary()


def _forget_connections() -> None:
    # After a fork they belong to the parent process.
    for parts in [*_parts_of.values()]:
        parts.connections.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_connections)


@contextmanager
def shared_client_parts(loader: Loader) -> Iterator[None]:
    """Share parts between the clients that are created in such blocks, one block at a time.

    A client that another thread creates meanwhile in its own way may share them too. They depend on nothing but the
    service, botocore's data and the settings of connections, and clients do not change them.

    Args:
        loader: the loader of the session. The parts are released with it.
    """
    parts = _parts_of.get(loader)
    if parts is None:
        parts = _parts_of[loader] = _Parts()
    with (
        _replaced(botocore.client, "ServiceModel", parts.service_model),
        _replaced(botocore.regions, "EndpointProvider", parts.endpoint_provider),
        _replaced(botocore.client.ClientCreator, "_create_methods", parts.methods),
        _replaced(EndpointCreator, "create_endpoint", parts.endpoint),
    ):
        yield


@contextmanager
def _replaced(owner: object, name: str, make: Callable[..., object]) -> Iterator[None]:
    """Replace a function or a class in the block, if there is one with this name.

    Args:
        owner: the module or class that has it.
        name: its name.
        make: called in its place, with it as an additional first argument.
    """
    original = getattr(owner, name, None)
    if original is None:
        yield
        return

    def replacement(*args: object, **options: object) -> object:
        return make(original, *args, **options)

    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, original)
