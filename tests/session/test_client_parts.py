"""Clients share the parts that do not depend on their session, and nothing else.

The tests' own conftest.py lets all clients share more than that, so most tests replace what it replaces.
"""

from __future__ import annotations

import gc
import os
import weakref
from types import SimpleNamespace
from typing import Any, cast

import boto3
import botocore.client
import botocore.regions
import pytest
from botocore.client import ClientCreator
from botocore.config import Config
from botocore.endpoint import EndpointCreator
from botocore.exceptions import UnknownServiceError
from botocore.hooks import BaseEventHooks
from botocore.loaders import Loader

from xacct import assume_role
from xacct.session import client_parts
from xacct.session.client_parts import shared_client_parts

ROLE = "arn:aws:iam::111111111111:role/Reader"
NAMES = [
    (botocore.client, "ServiceModel"),
    (botocore.regions, "EndpointProvider"),
    (ClientCreator, "_create_methods"),
    (EndpointCreator, "create_endpoint"),
]


class Part:
    """A part that a test makes, with the arguments that it was made from."""

    def __init__(self, *args: object, **options: object) -> None:
        self.made_from = args, options


def names_of_botocore() -> list[object]:
    return [vars(owner)[name] for owner, name in NAMES]


def in_role(base: boto3.Session, region: str | None = None) -> boto3.Session:
    return assume_role(base, ROLE, session_name="nightly", region=region)


def test_a_model_is_made_once_for_each_data_and_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.client, "ServiceModel", Part)

    def make(loader: Loader, data: object) -> Part:
        with shared_client_parts(loader):
            replaced: Any = vars(botocore.client)["ServiceModel"]
            return cast(Part, replaced(data, service_name="s3"))

    loader, data, equal = Loader(), {"version": "1"}, {"version": "1"}
    assert make(loader, data) is make(loader, data)
    assert make(loader, equal) is not make(loader, data)
    assert make(Loader(), data) is not make(loader, data)
    assert make(loader, data).made_from == ((data,), {"service_name": "s3"})


def test_endpoint_rules_are_made_once_for_each_data_and_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.regions, "EndpointProvider", Part)

    def make(loader: Loader, data: object, partitions: object) -> Part:
        with shared_client_parts(loader):
            replaced: Any = vars(botocore.regions)["EndpointProvider"]
            return cast(Part, replaced(ruleset_data=data, partition_data=partitions))

    loader, data, equal = Loader(), {"version": "1"}, {"version": "1"}
    assert make(loader, data, data) is make(loader, data, data)
    assert make(loader, data, equal) is not make(loader, data, data)
    assert make(loader, equal, data) is not make(loader, data, data)
    assert make(Loader(), data, data) is not make(loader, data, data)
    assert make(loader, data, equal).made_from == ((), {"ruleset_data": data, "partition_data": equal})


def test_the_parts_are_released_with_the_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.client, "ServiceModel", Part)
    loader = Loader()
    with shared_client_parts(loader):
        alive = weakref.ref(vars(botocore.client)["ServiceModel"]({}))
    gc.collect()
    assert alive() is not None
    del loader
    gc.collect()
    assert alive() is None


def test_a_loader_that_does_not_keep_its_data_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_parts, "_MOST_PARTS", 3)
    monkeypatch.setattr(botocore.client, "ServiceModel", Part)
    with shared_client_parts(loader := Loader()):
        replaced: Any = vars(botocore.client)["ServiceModel"]
        made = [weakref.ref(replaced({"version": str(number)})) for number in range(10)]
    gc.collect()
    assert sum(part() is not None for part in made) <= 3
    assert loader is not None


def test_methods_are_made_once_without_the_handlers_of_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: list[BaseEventHooks] = []

    def create_methods(creator: Any, model: object) -> dict[str, object]:
        handlers.append(creator._event_emitter)
        return {"method": model}

    monkeypatch.setattr(ClientCreator, "_create_methods", create_methods)
    creator, model = SimpleNamespace(_event_emitter=BaseEventHooks()), object()
    with shared_client_parts(Loader()):
        replaced: Any = vars(ClientCreator)["_create_methods"]
        first, second = replaced(creator, model), replaced(creator, model)
        first["added"] = "by the event handler of a session"
        assert second == {"method": model}
        assert replaced(creator, other := object()) == {"method": other}
    assert len(handlers) == 2
    assert creator._event_emitter not in handlers


def test_each_client_has_the_endpoint_of_its_region_and_its_own_events(base: boto3.Session, sts: Any) -> None:
    clients = [in_role(base, region).client("sts") for region in (None, "us-west-2", None)]
    sts.urls.clear()
    for client in clients:
        client.get_caller_identity()
    assert sts.urls == [f"https://sts.{region}.amazonaws.com/" for region in ("eu-west-1", "us-west-2", "eu-west-1")]
    assert len({id(client.meta.events) for client in clients}) == 3
    assert len({id(client.meta.service_model) for client in clients}) == 1


def connections_of(session: boto3.Session, **options: Any) -> object:
    client: Any = session.client("sts", **options)
    return client._endpoint.http_session


can_share_connections = pytest.mark.skipif(not client_parts._CAN_SHARE_CONNECTIONS, reason="needs urllib3 2")


@can_share_connections
def test_clients_with_the_same_settings_share_their_connections(base: boto3.Session) -> None:
    first, second = in_role(base), in_role(base, "us-west-2")
    connections = connections_of(first)
    assert connections_of(second) is connections
    assert connections_of(second, config=Config(max_pool_connections=20)) is connections


def test_with_an_old_urllib3_connections_are_not_shared(base: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_parts, "_CAN_SHARE_CONNECTIONS", False)
    session = in_role(base)
    assert connections_of(session) is not connections_of(session)


@can_share_connections
@pytest.mark.parametrize(
    "options",
    [
        {"verify": False},
        {"verify": "/other/certificates.pem"},
        {"config": Config(read_timeout=1)},
        {"config": Config(proxies={"https": "http://proxy.example"})},
        {"config": Config(client_cert="/certificate.pem")},
        {"config": Config(max_pool_connections=200)},
    ],
)
def test_clients_with_other_settings_do_not_share_connections(base: boto3.Session, options: dict[str, Any]) -> None:
    session = in_role(base)
    usual, other = connections_of(session), connections_of(session, **options)
    assert usual is not other
    assert connections_of(session, **options) is other
    assert connections_of(session) is usual


def test_connections_are_closed_with_the_last_client(base: boto3.Session) -> None:
    settings = Config(read_timeout=77)  # no client of another test has it
    clients: list[Any] = [in_role(base).client("sts", config=settings) for _ in range(2)]
    connections = weakref.ref(clients[0]._endpoint.http_session)
    clients.pop()
    gc.collect()
    assert connections() is not None
    clients.pop()
    gc.collect()
    assert connections() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_does_not_share_the_connections_of_its_parent(base: boto3.Session) -> None:
    session = in_role(base)
    connections = connections_of(session)
    child = os.fork()
    if not child:
        shares = True
        try:
            shares = connections_of(session) is connections
        finally:
            os._exit(shares)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_botocores_names_are_restored_after_a_client_and_after_an_error(base: boto3.Session) -> None:
    before = names_of_botocore()
    session: Any = in_role(base)
    session.client("sts")
    assert names_of_botocore() == before
    with pytest.raises(UnknownServiceError):
        session.client("none")
    assert names_of_botocore() == before


@pytest.mark.parametrize(("owner", "name"), NAMES)
def test_a_name_that_botocore_does_not_have_is_not_added(
    owner: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(owner, name)
    with shared_client_parts(Loader()):
        assert not hasattr(owner, name)
    assert not hasattr(owner, name)
