"""Configuration of all tests, doctests and pages. None uses the machine's credentials, AWS configuration or network."""

from __future__ import annotations

import gc
import io
import os
import re
import shlex
import socket
from configparser import ConfigParser
from contextlib import redirect_stderr, redirect_stdout
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from inspect import CO_VARKEYWORDS
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any

import botocore.client
import botocore.hooks
import botocore.loaders
import botocore.regions
import botocore.session
import hypothesis
import pytest
from moto.core.botocore_stubber import BotocoreStubber
from sybil import Sybil
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser

from xacct.__main__ import main as xacct
from xacct.testing import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sybil import Example

# Remove the configuration of real accounts before boto3 reads it.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection to another machine."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise PermissionError(f"a test tried to connect to {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        yield


@pytest.fixture(autouse=True, scope="session")
def moto_lock() -> Iterator[None]:
    """Let moto process one request at a time, because its state is not thread-safe."""
    answer, lock = BotocoreStubber.__call__, RLock()

    def answer_locked(*args: Any, **options: Any) -> Any:
        with lock:
            return answer(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", answer_locked)
        yield


def once_for_each_model(create: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that creates a value once for each of botocore's service models, its first argument."""
    created: dict[int, tuple[Any, Any]] = {}

    def get_or_create(model: Any, *args: Any, **options: Any) -> Any:
        if id(model) not in created:
            # Keep the model, because another one could get its id.
            created[id(model)] = model, create(model, *args, **options)
        return created[id(model)][1]

    return get_or_create


@pytest.fixture(autouse=True, scope="session")
def shared_service_models() -> Iterator[None]:
    """Let all clients share botocore's service models and their classes: most of the time to create a client."""
    loader = botocore.loaders.create_loader()
    creator: Any = botocore.client.ClientCreator
    create_class = creator._create_client_class
    client_class = once_for_each_model(lambda model, self, name: create_class(self, name, model))
    resolver = once_for_each_model(botocore.regions.EndpointProvider)

    def endpoints(ruleset_data: object, **options: object) -> Any:
        return resolver(ruleset_data, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda *_: loader, raising=False)
        patch.setattr(botocore.loaders, "create_loader", lambda *_: loader)
        patch.setattr(botocore.client, "ServiceModel", once_for_each_model(botocore.client.ServiceModel))
        patch.setattr(botocore.regions, "EndpointProvider", endpoints)
        patch.setattr(creator, "_create_client_class", lambda self, name, model: client_class(model, self, name))
        yield


@pytest.fixture(autouse=True, scope="session")
def quick_event_handlers() -> Iterator[None]:
    """Register, copy and find botocore's event handlers with less work: most of the time to create a session."""
    hooks: Any = botocore.hooks
    alias, inspect_handler = hooks.EventAliaser._alias_event_name, hooks.accepts_kwargs
    aliases: dict[str, str] = {}

    def accepts_kwargs(handler: Any) -> bool:
        code = getattr(handler, "__code__", None)
        return bool(inspect_handler(handler) if code is None else code.co_flags & CO_VARKEYWORDS)

    def alias_once(self: object, name: str) -> str:
        if name not in aliases:
            aliases[name] = alias(self, name)
        return aliases[name]

    def copied(self: object, node: dict[str, Any]) -> dict[str, Any]:
        children = {name: copied(self, child) for name, child in node["children"].items()}
        values = node["values"] and hooks.NodeList(*(handlers[:] for handlers in node["values"]))
        return {"chunk": node["chunk"], "children": children, "values": values}

    def copy_handlers(self: Any) -> Any:
        new = type(self)()
        new._root = copied(self, self._root)
        return new

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hooks.EventAliaser, "_alias_event_name", alias_once)
        patch.setattr(hooks, "accepts_kwargs", accepts_kwargs)
        patch.setattr(hooks._PrefixTrie, "__copy__", copy_handlers)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that say how many cases of a test with several run."""
    parser.addoption("--every-case", action="store_true", help="run all cases, also of the tests marked every_case")
    parser.addoption("--few-cases", action="store_true", help="run every third case of each test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep every seventh case of the tests marked ``every_case``, and with ``--few-cases`` every third of the others.

    Seven is prime, so that the values of several parameters take turns.
    """
    numbers: dict[str, Iterator[int]] = {}
    left_out = set()
    for item in items:
        step = 7 if item.get_closest_marker("every_case") else 3 if config.getoption("few_cases") else 1
        if next(numbers.setdefault(item.nodeid.partition("[")[0], count())) % step:
            left_out.add(item)
    if left_out and not config.getoption("every_case"):
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what is imported, and run less often: it takes a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="module")
def aws_accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The accounts of the pages, with one administrator's profile each: production, development and staging."""
    accounts = {"production": "111111111111", "development": "222222222222", "staging": "333333333333"}
    with Sandbox(accounts.values()) as aws, pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda _: None)  # a grant with a console user waits for other runs
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


collect_ignore = ["docs/_build", "docs/conf.py", "docs/pictures.py", "tests/typing"]

# Durations vary between machines. The benchmarks measure speed; the tests do not.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
# For Pythons beside the one on which all examples run.
hypothesis.settings.register_profile("few", hypothesis.settings.get_profile("untimed"), max_examples=10)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="module")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run in a folder of its own, for a page that writes files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        yield


def run_commands(example: Example) -> None:
    """Run the commands ``$ xacct ...`` of a block, and compare what they print; ``$ echo $?`` is the exit code."""
    code = 0
    for part in re.split(r"^\$ ", example.parsed.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        line, _, wanted = part.partition("\n")
        printed = io.StringIO()
        if line == "echo $?":
            printed.write(f"{code}\n")
        else:
            program, *words = shlex.split(line)
            assert program == "xacct", line
            with redirect_stdout(printed), redirect_stderr(printed):
                code = xacct(words)
        checker, options = OutputChecker(), ELLIPSIS | NORMALIZE_WHITESPACE
        assert checker.check_output(wanted, printed.getvalue(), options), f"$ {line}\n{printed.getvalue()}"


_python = PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE)
# The examples on these pages open sandboxes of their own, and a process can have only one at a time.
_WITH_OWN_SANDBOX = ["docs/testing.md", "docs/howto/testing.md", "docs/howto/sandbox-traps.md"]
_pages = Sybil(
    parsers=[_python, CodeBlockParser("console", run_commands)],
    patterns=["*.md"],
    excludes=_WITH_OWN_SANDBOX,
    fixtures=["aws_accounts", "empty_folder"],
)
pytest_collect_file = (_pages + Sybil(parsers=[_python], patterns=_WITH_OWN_SANDBOX)).pytest()
