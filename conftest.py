"""For every test, docstring and page: none of the machine's credentials, configuration or network."""

from __future__ import annotations

import os
import socket
from configparser import ConfigParser
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from threading import RLock
from typing import TYPE_CHECKING, Any

import botocore.loaders
import botocore.session
import hypothesis
import pytest
from moto.core.botocore_stubber import BotocoreStubber
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

from xacct.testing import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

# Whatever this machine knows of real accounts stays out of it, before boto3 looks.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection that leaves the machine."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise PermissionError(f"a test tried to connect to {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        yield


@pytest.fixture(autouse=True, scope="session")
def whole_answers() -> Iterator[None]:
    """Let moto answer one thread at a time: its dictionaries do not stand two."""
    answer, lock = BotocoreStubber.__call__, RLock()

    def answer_alone(*args: Any, **options: Any) -> Any:
        with lock:
            return answer(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", answer_alone)
        yield


@pytest.fixture(autouse=True, scope="session")
def models_read_once() -> Iterator[None]:
    """Let every session share what botocore reads of the services, which is half of what making a client costs."""
    loader = botocore.loaders.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda *_: loader, raising=False)
        patch.setattr(botocore.loaders, "create_loader", lambda *_: loader)
        yield


@pytest.fixture(scope="module")
def aws_accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The accounts of the pages, with one administrator's profile each: production, development and staging."""
    accounts = {"production": "111111111111", "development": "222222222222", "staging": "333333333333"}
    with Sandbox(accounts.values()) as aws, pytest.MonkeyPatch.context() as patch:
        profiles = ConfigParser()
        for profile, account in accounts.items():
            session = aws.account(account).session
            credentials = session.get_credentials()
            profiles[profile] = {
                "aws_access_key_id": credentials.access_key,
                "aws_secret_access_key": credentials.secret_key,
                "region": session.region_name,
            }
        file = tmp_path_factory.mktemp("aws") / "credentials"
        with file.open("w") as handle:
            profiles.write(handle)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
        yield


collect_ignore = ["docs/_build", "docs/conf.py", "tests/typing"]

# Machines are noisy: what is slow is for the benchmarks to say.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

_python = PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE)
# The examples on this page open sandboxes of their own, and a process can have only one at a time.
_WITH_OWN_SANDBOX = ["docs/testing.md"]
_pages = Sybil(parsers=[_python], patterns=["*.md"], excludes=_WITH_OWN_SANDBOX, fixtures=["aws_accounts"])
pytest_collect_file = (_pages + Sybil(parsers=[_python], patterns=_WITH_OWN_SANDBOX)).pytest()
