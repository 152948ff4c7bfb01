"""Sessions and STS clients derived from a base session, with its configuration."""

from __future__ import annotations

import os
import threading
import weakref
from copy import copy, deepcopy
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

import boto3
import botocore.handlers
import botocore.session
from botocore.configprovider import (
    BaseProvider,
    ChainProvider,
    ConfigValueStore,
    InstanceVarProvider,
    create_botocore_default_config_mapping,
)
from botocore.hooks import first_non_none_response

from xacct.session.client_parts import shared_client_parts
from xacct.session.credentials import AssumedRoleCredentials
from xacct.session.event_handlers import EventHandlers
from xacct.session.target_threads import sleep_in_job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.client import BaseClient
    from mypy_boto3_sts import STSClient

__all__ = ["builtin_event_handlers", "derive_session", "inherit_settings", "settings_of", "sts_client"]


class _EventHandlers(EventHandlers):
    """Waits before the next attempt of a call itself, because a wait of botocore cannot be ended."""

    def emit(self, event_name: str, **kwargs: Any) -> list[tuple[Callable[..., Any], Any]]:
        responses = super().emit(event_name, **kwargs)
        if event_name.startswith("needs-retry."):
            delay = first_non_none_response(responses)
            if delay is not None and delay is not False:
                sleep_in_job(delay)
                return [(sleep_in_job, 0)]
        return responses


class _Factory:
    """Creates clients and sessions, in one thread at a time, because botocore requires it.

    Each base session has one STS client per region for all roles that it assumes: clients are expensive to create, and
    safe to share between threads.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.sts_clients: weakref.WeakKeyDictionary[boto3.Session, dict[str | None, STSClient]]
        self.sts_clients = weakref.WeakKeyDictionary()
        self._emitter = _EventHandlers()
        self._handlers: list[tuple[Any, ...]] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        # After a fork, the thread that held the lock may not exist, and the connections belong to the parent process.
        self.lock = threading.RLock()
        self.sts_clients.clear()

    def event_emitter(self) -> EventHandlers:
        builtin = botocore.handlers.BUILTIN_HANDLERS
        if self._handlers != builtin:  # moto and other test tools add handlers when they are imported
            self._emitter, self._handlers = _EventHandlers(), [*builtin]
            botocore.session.Session(event_hooks=self._emitter)
        return copy(self._emitter)


_factory = _Factory()


def builtin_event_handlers() -> EventHandlers:
    """Return botocore's built-in event handlers for one new session. Registering them is slow, so they are copied."""
    with _factory.lock:
        return _factory.event_emitter()


def sts_client(base: boto3.Session, region: str | None) -> STSClient:
    """Return a session's shared STS client in a region; None for botocore's default region."""
    with _factory.lock:
        clients = _factory.sts_clients.setdefault(base, {})
        if region not in clients:
            clients[region] = base.client("sts", region_name=region)
        return clients[region]


class _ReadOnce(ChainProvider):
    """Provides what another provider says when it is first asked.

    botocore changes deep copies of providers for its modes of defaults. They are copies of the other provider.
    """

    def __init__(self, original: BaseProvider) -> None:
        super().__init__()
        self._original = original
        self._read: list[Any] = []

    def provide(self) -> Any:
        if not self._read:
            self._read.append(self._original.provide())
        return copy(self._read[0])  # sections are dictionaries

    def __deepcopy__(self, memo: Any) -> Any:
        return deepcopy(self._original, memo)


def settings_of(base: boto3.Session) -> Mapping[str, BaseProvider]:
    """Return the configuration of a session for many derived sessions, for which each value is read once.

    For each client, botocore looks for some thirty values in the environment and in the profile.

    Args:
        base: the session.
    """
    mapping = create_botocore_default_config_mapping(base._session)
    return {name: _ReadOnce(provider) for name, provider in mapping.items()}


class _RoleSession(botocore.session.Session):
    """A botocore session with the credentials of a role. It ignores those of the profile and the environment."""

    def __init__(
        self,
        parent: botocore.session.Session,
        credentials: AssumedRoleCredentials,
        emitter: EventHandlers,
        settings: Mapping[str, BaseProvider] | None,
    ) -> None:
        super().__init__(event_hooks=emitter, include_builtin_handlers=False)
        self.register_component("event_emitter", emitter)
        if settings is not None:
            self.register_component("config_store", ConfigValueStore(settings))
        self._parent = parent
        self._role = credentials

    @property
    def full_config(self) -> dict[str, Any]:
        # The configuration file can have hundreds of profiles. It is parsed once for all roles.
        config: dict[str, Any] = self._parent.full_config
        return config

    def register(self, *args: Any, **options: Any) -> None:
        self.get_component("event_emitter").register(*args, **options)

    def get_credentials(self) -> AssumedRoleCredentials:
        return self._role

    def create_client(self, *args: Any, **options: Any) -> BaseClient:
        # Creating a client takes CPU time only, and the first one of a service loads models that the others share.
        with _factory.lock, shared_client_parts(self.get_component("data_loader")):
            return super().create_client(*args, **options)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        self._role.__reduce_ex__(protocol)


class _RegionOf(BaseProvider):
    """Provides the current region of a session to another one."""

    def __init__(self, parent: botocore.session.Session) -> None:
        self._parent = parent

    def provide(self) -> str | None:
        region: str | None = self._parent.get_config_variable("region")
        return region


def inherit_settings(child: botocore.session.Session, parent: botocore.session.Session) -> None:
    """Give a session the settings of another, and its region for as long as the child has none of its own."""
    for name, value in parent.instance_variables().items():
        if name != "region":
            child.set_config_variable(name, value)
    region = ChainProvider([InstanceVarProvider("region", child), _RegionOf(parent)])
    child.get_component("config_store").set_config_provider("region", region)


def derive_session(
    base: boto3.Session,
    credentials: AssumedRoleCredentials,
    region: str | None,
    settings: Mapping[str, BaseProvider] | None = None,
) -> boto3.Session:
    """Return a session with the configuration of another session and its own credentials.

    Args:
        base: the other session. Its event handlers are not copied.
        credentials: the new session's credentials.
        region: the new session's region; None for the base's, also if the base's changes.
        settings: the result of `settings_of` for the base; None to read the configuration again.
    """
    # boto3 has no public attribute for the botocore session that holds the configuration.
    parent = base._session
    child = _RoleSession(parent, credentials, builtin_event_handlers(), settings)
    inherit_settings(child, parent)
    child.set_default_client_config(parent.get_default_client_config())
    child.user_agent_name = parent.user_agent_name
    child.user_agent_version = parent.user_agent_version
    child.user_agent_extra = parent.user_agent_extra

    with _factory.lock:
        # The loader caches botocore's models. Loading them is the largest part of a session's cost.
        loader = parent.get_component("data_loader")
        child.register_component("data_loader", loader)
        paths = len(loader.search_paths)
        session = boto3.Session(botocore_session=child, region_name=region)
        # boto3 appends its data folder for each session, although the base has added it.
        del loader.search_paths[paths:]
    return session
