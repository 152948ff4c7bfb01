"""What is made from a session: one like it with credentials of a role, and the client that asks STS for them."""

from __future__ import annotations

import os
import threading
import weakref
from copy import copy
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

import boto3
import botocore.handlers
import botocore.session
from botocore.hooks import HierarchicalEmitter

from xacct.session.credentials import AssumedRoleCredentials

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_sts import STSClient

__all__ = ["session_like", "sts_client"]


class _Workshop:
    """Where clients and sessions are made, by one thread at a time, as botocore wants it.

    A session has one STS client for all roles that it assumes. Clients are dear, and safe to share between threads.
    """

    def __init__(self) -> None:
        self.busy = threading.RLock()
        self.clients: weakref.WeakKeyDictionary[boto3.Session, dict[str | None, STSClient]]
        self.clients = weakref.WeakKeyDictionary()
        self.hooks = HierarchicalEmitter()
        self.handlers: list[tuple[Any, ...]] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._start_anew)

    def _start_anew(self) -> None:
        # The thread that was busy, and the parent's connections, are not this process's.
        self.busy = threading.RLock()
        self.clients.clear()

    def new_hooks(self) -> HierarchicalEmitter:
        """Botocore's own event handlers, for one session: registering them anew would be most of a session's cost."""
        builtin = botocore.handlers.BUILTIN_HANDLERS
        if self.handlers != builtin:  # test kits such as moto add theirs when they are imported
            self.hooks, self.handlers = HierarchicalEmitter(), [*builtin]
            botocore.session.Session(event_hooks=self.hooks)
        return copy(self.hooks)


_workshop = _Workshop()


def sts_client(base: boto3.Session, region: str | None) -> STSClient:
    """The client with which a session asks STS in a region; None for botocore's choice."""
    with _workshop.busy:
        clients = _workshop.clients.setdefault(base, {})
        if region not in clients:
            clients[region] = base.client("sts", region_name=region)
        return clients[region]


class _SessionOfRole(botocore.session.Session):
    """A botocore session that has the credentials of a role, whatever profile and environment say."""

    def __init__(self, credentials: AssumedRoleCredentials, hooks: HierarchicalEmitter) -> None:
        super().__init__(event_hooks=hooks, include_builtin_handlers=False)
        self._role = credentials

    def get_credentials(self) -> AssumedRoleCredentials:
        return self._role

    def create_client(self, *args: Any, **options: Any) -> BaseClient:
        # Making a client is all work and no waiting, and the first of a service reads what the others share.
        with _workshop.busy:
            return super().create_client(*args, **options)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        self._role.__reduce_ex__(protocol)


def session_like(base: boto3.Session, credentials: AssumedRoleCredentials, region: str | None) -> boto3.Session:
    """A session with the settings of another one, and with credentials of its own.

    Args:
        base: the other one. Its event handlers stay its own.
        credentials: of the new session.
        region: of the new session; None for that of the other one.
    """
    # boto3 has no public way to the botocore session that holds its settings.
    parent = base._session
    with _workshop.busy:
        hooks = _workshop.new_hooks()
    child = _SessionOfRole(credentials, hooks)
    for name, value in parent.instance_variables().items():
        child.set_config_variable(name, value)
    child.set_default_client_config(parent.get_default_client_config())
    child.user_agent_name = parent.user_agent_name
    child.user_agent_version = parent.user_agent_version
    child.user_agent_extra = parent.user_agent_extra

    with _workshop.busy:
        # The loader keeps what it read of botocore's models, which are most of a session's cost.
        loader = parent.get_component("data_loader")
        child.register_component("data_loader", loader)
        paths = len(loader.search_paths)
        session = boto3.Session(botocore_session=child, region_name=region)
        del loader.search_paths[paths:]  # boto3 appends its own folder for each session; it is there already
    return session
