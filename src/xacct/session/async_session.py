"""aio_session: a session of aiobotocore with the credentials of a boto3 session, for asyncio, s3fs and pandas."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import boto3
from botocore.credentials import Credentials, RefreshableCredentials

from xacct.errors import InvalidValue
from xacct.session.derived_session import inherit_settings

if TYPE_CHECKING:
    from aiobotocore.session import AioSession  # pyright: ignore[reportMissingImports] # an optional library
    from botocore.credentials import ReadOnlyCredentials

__all__ = ["aio_session"]


def aio_session(session: boto3.Session) -> AioSession:
    """Return a session of aiobotocore that acts as a boto3 session. Requires the extra ``xacct[async]``.

    It has the credentials, the region, the profile and the client configuration of the boto3 session, but not its event
    handlers. If the boto3 session comes from `xacct.assume_role`, the clients keep working after the credentials
    expire: xacct renews them in a thread, while the event loop goes on. Any number of such sessions, and the boto3
    session itself, share the credentials, so that one call to STS renews them all.

    aioboto3, s3fs, and pandas through s3fs, take the session as well.

    Args:
        session: a boto3 session, such as one that `xacct.assume_role` returned.

    Raises:
        InvalidValue: it is no boto3 session.
        ImportError: aiobotocore is not installed.

    A call of a client raises what `xacct.assume_role` raises if the role has to be assumed again and AWS refuses.

    .. code-block:: python

        async with aio_session(session).create_client("s3") as s3:
            answer = await s3.get_object(Bucket="reports", Key="november.csv")

    Source: https://aiobotocore.aio-libs.org/
    """
    if not isinstance(session, boto3.Session):
        raise InvalidValue("session", type(session).__name__, "a boto3.Session, such as one that assume_role returned")
    try:
        from aiobotocore.config import AioConfig  # pyright: ignore[reportMissingImports]
        from aiobotocore.session import AioSession  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(
            "aio_session() requires aiobotocore, which is not installed: pip install 'xacct[async]'", name="aiobotocore"
        ) from error
    # boto3 has no public attribute for the botocore session that holds the configuration.
    parent, child = session._session, AioSession()
    inherit_settings(child, parent)
    config = parent.get_default_client_config()
    if config is not None:
        child.set_default_client_config(AioConfig().merge(config))
    # The loader caches botocore's models, the largest part of a client's cost.
    child.register_component("data_loader", parent.get_component("data_loader"))
    child.register_component("credential_provider", _Provider(session))
    return child


class _Provider:
    """The component of a session of aiobotocore that loads its credentials: those of a boto3 session."""

    def __init__(self, session: boto3.Session) -> None:
        self._session = session

    async def load_credentials(self) -> _AioCredentials | None:
        # May run a program or call a service, for example with a profile of IAM Identity Center.
        credentials = await asyncio.to_thread(self._session.get_credentials)
        return None if credentials is None else _AioCredentials(credentials)


class _AioCredentials(Credentials):
    """The credentials of a boto3 session, with the methods of aiobotocore's. They have no attributes with the keys."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.method = credentials.method

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:  # type: ignore[override] # aiobotocore awaits it
        current = self._credentials
        if isinstance(current, RefreshableCredentials) and current.refresh_needed():
            return await asyncio.to_thread(current.get_frozen_credentials)
        return current.get_frozen_credentials()

    async def get_account_id(self) -> str | None:
        return (await self.get_frozen_credentials()).account_id
