"""aio_session with aiobotocore, aioboto3, s3fs and pandas, against the sandbox's server.

`nox -s async` installs and runs it.
"""

from __future__ import annotations

import asyncio
import io
import json
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from attrs import frozen
from botocore.config import Config
from botocore.exceptions import ClientError

from xacct import AssumeRoleDenied, aio_session, assume_role
from xacct.testing import Sandbox

pytest.importorskip("aiobotocore", reason="aiobotocore is not installed: nox -s async")

PROD, DEV = "111111111111", "222222222222"
READER = f"arn:aws:iam::{PROD}:role/Reader"
CSV = b"fruit,count\napple,3\nplum,4\n"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@frozen
class Served:
    """A role of production that may read a bucket, and a session in it."""

    aws: Sandbox
    session: boto3.Session

    @property
    def assumed(self) -> int:
        return sum(call.operation == "AssumeRole" for call in self.aws.calls)

    def refuse(self) -> None:
        self.aws.account(PROD).session.client("iam").update_assume_role_policy(
            RoleName="Reader",
            PolicyDocument=document({"Effect": "Deny", "Principal": {"AWS": DEV}, "Action": "sts:AssumeRole"}),
        )


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with Sandbox([PROD, DEV]) as aws, aws.serve() as server:
        production = aws.account(PROD).session
        iam, s3 = production.client("iam"), production.client("s3")
        trust = {"Effect": "Allow", "Principal": {"AWS": DEV}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=document(trust))
        reads = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
        iam.put_role_policy(RoleName="Reader", PolicyName="read", PolicyDocument=document(reads))
        s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": aws.region})
        s3.put_object(Bucket="reports", Key="fruit.csv", Body=CSV)
        monkeypatch.setattr("xacct.session.credentials._now", aws.clock.now)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        session = assume_role(aws.account(DEV).session, READER, session_name="nightly")
        aws.calls.clear()
        yield Served(aws, session)


async def caller(session: Any) -> str:
    async with session.create_client("sts") as sts:
        return str((await sts.get_caller_identity())["Arn"])


def test_a_client_of_aiobotocore_acts_as_the_role(served: Served) -> None:
    async def read() -> bytes:
        async with aio_session(served.session).create_client("s3") as s3:
            answer = await s3.get_object(Bucket="reports", Key="fruit.csv")
            async with answer["Body"] as body:
                content: bytes = await body.read()
            with pytest.raises(ClientError, match="s3:PutObject"):
                await s3.put_object(Bucket="reports", Key="new", Body=b"")
        return content

    assert asyncio.run(read()) == CSV
    assert asyncio.run(caller(aio_session(served.session))).endswith(":assumed-role/Reader/nightly")
    assert served.assumed == 0


def test_the_credentials_of_an_open_client_are_renewed(served: Served) -> None:
    async def read() -> None:
        async with aio_session(served.session).create_client("s3") as s3:
            await s3.list_objects_v2(Bucket="reports")
            for _ in range(2):
                served.aws.clock.advance(4000)
                await asyncio.gather(*(s3.list_objects_v2(Bucket="reports") for _ in range(20)))

    asyncio.run(read())
    assert served.assumed == 2


def test_both_sessions_share_a_renewal(served: Served) -> None:
    served.aws.clock.advance(4000)
    served.session.client("s3").list_objects_v2(Bucket="reports")
    asyncio.run(caller(aio_session(served.session)))
    assert served.assumed == 1


def test_the_event_loop_goes_on_during_a_renewal(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials: Any = served.session.get_credentials()
    renew, begun, allowed = credentials._refresh_using, threading.Event(), threading.Event()

    def renew_when_allowed() -> Any:
        begun.set()
        assert allowed.wait(timeout=20), "the event loop did not go on"
        return renew()

    monkeypatch.setattr(credentials, "_refresh_using", renew_when_allowed)
    served.aws.clock.advance(4000)

    async def call_and_go_on() -> str:
        call = asyncio.create_task(caller(aio_session(served.session)))
        await asyncio.to_thread(begun.wait, timeout=20)
        allowed.set()
        return await call

    assert asyncio.run(call_and_go_on()).endswith(":assumed-role/Reader/nightly")
    assert served.assumed == 1


def test_a_failed_renewal_raises_xaccts_error(served: Served) -> None:
    served.refuse()
    served.aws.clock.advance(4000)
    with pytest.raises(AssumeRoleDenied, match=f"assuming {READER} failed"):
        asyncio.run(caller(aio_session(served.session)))


def test_region_and_client_configuration_are_kept(served: Served) -> None:
    core = served.session._session
    core.set_default_client_config(Config(connect_timeout=3, user_agent_extra="nightly/1", max_pool_connections=77))

    async def configuration() -> tuple[str, Any]:
        async with aio_session(served.session).create_client("s3") as s3:
            return s3.meta.region_name, s3.meta.config

    region, config = asyncio.run(configuration())
    assert region == served.aws.region
    assert (config.connect_timeout, config.max_pool_connections) == (3, 77)
    assert config.user_agent_extra == "nightly/1"


def test_a_session_with_access_keys_works_too(served: Served) -> None:
    session = aio_session(served.aws.account(DEV).session)
    assert asyncio.run(caller(session)) == f"arn:aws:iam::{DEV}:user/Administrator"


def test_a_presigned_url_is_signed_as_the_role(served: Served) -> None:
    async def sign() -> str:
        async with aio_session(served.session).create_client("s3") as s3:
            return str(await s3.generate_presigned_url("get_object", Params={"Bucket": "reports", "Key": "fruit.csv"}))

    assert served.session.get_credentials().get_frozen_credentials().access_key in asyncio.run(sign())


def test_no_secret_is_shown_or_pickled(served: Served) -> None:
    session = aio_session(served.session)
    asyncio.run(caller(session))
    credentials = asyncio.run(session.get_credentials())
    frozen = served.session.get_credentials().get_frozen_credentials()
    shown = f"{session!r} {vars(session)!r} {credentials!r} {vars(credentials)!r}"
    assert not [secret for secret in frozen[1:3] if secret in shown]
    for value in (session, credentials):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(value)


def test_a_client_and_a_resource_of_aioboto3_act_as_the_role(served: Served) -> None:
    aioboto3 = pytest.importorskip("aioboto3", reason="aioboto3 is not installed: nox -s async")
    session = aioboto3.Session(botocore_session=aio_session(served.session))

    async def read() -> list[str]:
        downloaded = io.BytesIO()
        async with session.client("s3") as s3:
            await s3.download_fileobj("reports", "fruit.csv", downloaded)
        assert downloaded.getvalue() == CSV
        served.aws.clock.advance(4000)
        async with session.resource("s3") as s3:
            bucket = await s3.Bucket("reports")
            return [found.key async for found in bucket.objects.all()]

    assert asyncio.run(read()) == ["fruit.csv"]
    assert (session.region_name, served.assumed) == (served.aws.region, 1)


def test_s3fs_reads_as_the_role_and_goes_on_after_the_credentials_expire(served: Served) -> None:
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: nox -s async")
    files = s3fs.S3FileSystem(session=aio_session(served.session))
    assert files.ls("reports") == ["reports/fruit.csv"]
    served.aws.clock.advance(4000)
    assert files.cat("reports/fruit.csv") == CSV
    with pytest.raises(PermissionError):
        files.pipe("reports/new", b"42")
    assert served.assumed == 1


def test_pandas_reads_as_the_role(served: Served) -> None:
    pytest.importorskip("s3fs", reason="s3fs is not installed: nox -s async")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: nox -s async")
    options = {"session": aio_session(served.session)}
    for _ in range(2):
        frame = pandas.read_csv("s3://reports/fruit.csv", storage_options=options)
        assert frame["count"].sum() == 7
        served.aws.clock.advance(4000)
    assert served.assumed == 1
