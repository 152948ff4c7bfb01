"""For every test, docstring and page: none of the machine's credentials, configuration or network."""

from __future__ import annotations

import socket
from configparser import ConfigParser
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser
from tutorial import (  # importing the tutorial also forgets what this machine knows of real accounts
    one_request_at_a_time,
    two_accounts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    """Let moto answer one thread at a time."""
    with one_request_at_a_time():
        yield


@pytest.fixture(scope="module")
def aws_accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tutorial's two accounts, with the profiles ``production`` and ``development`` of their administrators."""
    with two_accounts() as sessions, pytest.MonkeyPatch.context() as patch:
        profiles = ConfigParser()
        for profile, session in zip(("production", "development"), sessions):
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


collect_ignore = ["docs/conf.py", "tests/typing"]

# Machines are noisy: what is slow is for the benchmarks to say.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE)],
    patterns=["*.md"],
    fixtures=["aws_accounts"],
).pytest()
