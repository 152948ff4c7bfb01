"""aio_session, with a fake of aiobotocore. tests/integration has the real libraries."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config

from xacct.errors import AssumeRoleDenied, InvalidValue
from xacct.session.assume import assume_role
from xacct.session.async_session import aio_session

from .conftest import Clock, FakeSts

ROLE = "arn:aws:iam::111111111111:role/Reader"


class FakeAioSession(botocore.session.Session):
    """Finds its credentials as aiobotocore's session does."""

    async def get_credentials(self) -> Any:
        if self._credentials is None:
            self._credentials = await self.get_component("credential_provider").load_credentials()
        return self._credentials


@pytest.fixture
def aiobotocore(monkeypatch: pytest.MonkeyPatch) -> None:
    session, config = SimpleNamespace(AioSession=FakeAioSession), SimpleNamespace(AioConfig=Config)
    monkeypatch.setitem(sys.modules, "aiobotocore", SimpleNamespace(session=session, config=config))
    monkeypatch.setitem(sys.modules, "aiobotocore.session", session)
    monkeypatch.setitem(sys.modules, "aiobotocore.config", config)


async def keys(session: Any) -> Any:
    """Return a session's current credentials, as aiobotocore reads them."""
    return await (await session.get_credentials()).get_frozen_credentials()


def test_without_aiobotocore_the_extra_is_named(base: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiobotocore", None)
    with pytest.raises(ImportError, match=r"aio_session\(\) requires aiobotocore.*: pip install 'xacct\[async\]'$"):
        aio_session(base)


@pytest.mark.parametrize("session", [None, "production", botocore.session.Session()])
def test_something_else_than_a_boto3_session_is_rejected(session: Any) -> None:
    with pytest.raises(InvalidValue, match=r"session: .* a boto3\.Session, such as one that assume_role returned"):
        aio_session(session)


@pytest.mark.usefixtures("aiobotocore")
class TestCredentials:
    def test_are_those_of_the_role_with_its_account(self, base: boto3.Session, sts: FakeSts) -> None:
        session = assume_role(base, ROLE)
        assert tuple(asyncio.run(keys(aio_session(session)))) == ("ASIA0", "hush-0", "token-0", "111111111111")
        assert len(sts.assumed) == 1

    def test_are_used_in_the_region_of_the_session_also_if_it_changes(self, base: boto3.Session) -> None:
        session = aio_session(assume_role(base, ROLE))
        assert session.get_config_variable("region") == "eu-west-1"
        base._session.set_config_variable("region", "eu-south-1")
        assert session.get_config_variable("region") == "eu-south-1"

    def test_are_not_read_before_they_are_used(self, base: boto3.Session, sts: FakeSts) -> None:
        session = aio_session(assume_role(base, ROLE, validate=False))
        assert sts.calls == []
        assert asyncio.run(keys(session)).access_key == "ASIA0"

    def test_are_renewed_in_a_thread_when_they_expire(self, base: boto3.Session, sts: FakeSts, clock: Clock) -> None:
        session = aio_session(assume_role(base, ROLE))
        threads = []
        sts.before_answer = lambda: threads.append(threading.current_thread())

        async def read() -> list[str]:
            found = [await keys(session)]
            for _ in range(2):
                clock.forward(minutes=61)
                found += await asyncio.gather(*(keys(session) for _ in range(5)))
            return [key.access_key for key in found]

        assert asyncio.run(read()) == ["ASIA0", *["ASIA1"] * 5, *["ASIA2"] * 5]
        assert len(threads) == 2
        assert threading.current_thread() not in threads

    def test_are_read_without_a_thread_while_they_are_valid(
        self, base: boto3.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def read() -> Any:
            credentials = await aio_session(assume_role(base, ROLE)).get_credentials()
            monkeypatch.setattr(asyncio, "to_thread", None)
            return await credentials.get_frozen_credentials()

        assert asyncio.run(read()).access_key == "ASIA0"

    def test_are_shared_by_all_sessions(self, base: boto3.Session, sts: FakeSts, clock: Clock) -> None:
        session = assume_role(base, ROLE)
        first, second = aio_session(session), aio_session(session)
        clock.forward(hours=2)
        assert session.get_credentials().access_key == "ASIA1"
        assert [asyncio.run(keys(each)).access_key for each in (first, second, first)] == ["ASIA1"] * 3
        assert len(sts.assumed) == 2

    def test_that_cannot_be_renewed_raise_xaccts_error(self, base: boto3.Session, sts: FakeSts, clock: Clock) -> None:
        session = aio_session(assume_role(base, ROLE))
        clock.forward(hours=2)
        sts.deny()
        with pytest.raises(AssumeRoleDenied, match=ROLE):
            asyncio.run(keys(session))

    def test_can_be_access_keys(self, base: boto3.Session) -> None:
        assert asyncio.run(keys(aio_session(base)))[:2] == ("AKIAALICE", "alices-secret")

    def test_can_be_absent(self) -> None:
        assert asyncio.run(aio_session(boto3.Session()).get_credentials()) is None

    def test_have_an_account(self, base: boto3.Session) -> None:
        async def account() -> str:
            return await (await aio_session(assume_role(base, ROLE)).get_credentials()).get_account_id()

        assert asyncio.run(account()) == "111111111111"

    def test_show_no_secret_and_have_no_keys_that_may_have_expired(self, base: boto3.Session) -> None:
        session = aio_session(assume_role(base, ROLE))
        credentials: Any = asyncio.run(session.get_credentials())
        assert "hush" not in f"{session!r} {vars(session)!r} {credentials!r} {vars(credentials)!r}"
        assert not [name for name in ("access_key", "secret_key", "token") if hasattr(credentials, name)]


@pytest.mark.usefixtures("aiobotocore")
def test_configuration_of_the_session_is_kept(sts: FakeSts) -> None:
    core = botocore.session.Session()
    core.set_default_client_config(Config(connect_timeout=3))
    base = boto3.Session("AKIA", "s", region_name="eu-west-1", botocore_session=core)
    session = aio_session(assume_role(base, ROLE, region="eu-west-3"))
    assert session.get_config_variable("region") == "eu-west-3"
    assert session.get_default_client_config().connect_timeout == 3
    assert session.get_component("data_loader") is core.get_component("data_loader")
    assert aio_session(boto3.Session("AKIA", "s")).get_default_client_config() is None
