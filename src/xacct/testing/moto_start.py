"""Starting moto for a sandbox, without the work that it does again for each start and for each request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from string import ascii_letters, digits
from typing import cast
from unittest.mock import patch
from weakref import WeakSet

import moto.core.serialize
from moto import backend_index, mock_aws
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.common_models import BaseModel
from moto.core.models import MockAWS
from moto.core.request import Request
from moto.core.serialize import ResponseSerializer
from moto.core.utils import method_names_from_class
from moto.moto_api._internal.moto_random import MotoRandom
from moto.s3.models import FakeKey
from moto.s3.responses import S3Response

from xacct.testing import xml_document
from xacct.testing.endpoints import aws_url_pattern
from xacct.testing.response_members import value_of_member

__all__ = ["moto_started"]

_compute_urls = cast("Callable[[BaseBackend], object]", vars(BaseBackend)["urls"].fget)
_has_bucket_in_host = S3Response.subdomain_based_buckets
_create_account: Callable[[BackendDict[BaseBackend], str], None] = vars(BackendDict)["_create_account_specific_backend"]


@contextmanager
def moto_started() -> Iterator[None]:
    """Start moto with empty accounts, and stop it when the block ends."""
    # Moto registers the URL patterns of all services for the library `requests`: most of the time of a start.
    with patch.object(backend_index, "backend_url_patterns", [("aws", aws_url_pattern())]):
        started = mock_aws(config={"core": {"mock_credentials": False}})
        started.start()
    # Each request compares its URL with these patterns in order.
    patterns = sorted(backend_index.backend_url_patterns, key=lambda pattern: pattern[0] not in ("iam", "sts"))
    try:
        with (
            patch.object(backend_index, "backend_url_patterns", patterns),
            # Each request computes these of its service. They depend on the environment of the start only.
            patch.object(BaseBackend, "urls", property(_once_for_each_class(_compute_urls))),
            # A mock of the project that starts within the sandbox keeps the credentials of the environment.
            patch.object(MockAWS, "_mock_env_variables", _do_nothing),
            patch.object(MockAWS, "_unmock_env_variables", _do_nothing),
            patch("moto.core.responses.method_names_from_class", cache(method_names_from_class)),
            # Each request to S3 compares its host with the patterns of other hosts, several times.
            patch.object(S3Response, "subdomain_based_buckets", staticmethod(_once_for_each_host(_has_bucket_in_host))),
            patch.object(ResponseSerializer, "get_value", value_of_member),
            patch.object(moto.core.serialize, "xmltodict", xml_document),
            # Each response has a random id of 52 characters.
            patch.object(MotoRandom, "get_random_string", _random_string),
            _objects_that_are_not_kept(),
            # Each access to the state of a service makes a list of all accounts, several times for each request.
            patch.object(BackendDict, "_create_account_specific_backend", _create_missing_account),
        ):
            yield
    finally:
        started.stop()
        organizations = sys.modules.get("moto.organizations.models")
        if organizations is not None:
            # Moto does not reset which accounts are in an organization.
            organizations.organizations_backends.master_accounts.clear()


def _do_nothing(_: MockAWS) -> None:
    pass


@contextmanager
def _objects_that_are_not_kept() -> Iterator[None]:
    """Let moto forget what was deleted or overwritten, until the block ends: it keeps all objects that it ever made."""
    objects_in_s3: WeakSet[FakeKey] = WeakSet()

    def new_object(kind: type[BaseModel], *_: object, **__: object) -> BaseModel:
        created: BaseModel = object.__new__(kind)
        if isinstance(created, FakeKey):
            objects_in_s3.add(created)
        return created

    with (
        patch.object(BaseModel, "__new__", staticmethod(new_object)),
        # Moto would warn that it did not close the object's file before.
        patch.object(FakeKey, "__del__", FakeKey.dispose),
    ):
        yield
    for found in list(objects_in_s3):
        found.dispose()


def _random_string(random: MotoRandom, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    text = "".join(random.choices(ascii_letters + digits * include_digits, k=length))
    return text.lower() if lower_case else text


def _create_missing_account(backends: BackendDict[BaseBackend], account: str) -> None:
    if backends.get(account) is None:
        _create_account(backends, account)


def _once_for_each_host(compute: Callable[[Request], bool]) -> Callable[[Request], bool]:
    results: dict[str, bool] = {}

    def result(request: Request) -> bool:
        host = request.headers.get("Host")
        if host is None:
            return compute(request)
        if host not in results:
            results[host] = compute(request)
        return results[host]

    return result


def _once_for_each_class(compute: Callable[[BaseBackend], object]) -> Callable[[BaseBackend], object]:
    results: dict[type, object] = {}

    def result(backend: BaseBackend) -> object:
        kind = type(backend)
        if kind not in results:
            results[kind] = compute(backend)
        return results[kind]

    return result
