"""The sessions of the targets of one run: their roles are assumed with one STS client, at one pace."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

import boto3
from attrs import field, frozen
from botocore.config import Config

from xacct.arn import partition_of_region
from xacct.aws_reads import caller_arn
from xacct.retry import Patience, attempt
from xacct.session.credentials import AssumedRoleCredentials
from xacct.session.derived_session import derive_session, settings_of
from xacct.session.pace import PacedSts, SharedPace
from xacct.session.role_request import RoleRequest, session_name_from
from xacct.session.sts_errors import errors_of_botocore
from xacct.session.target_threads import Job, check_job, sleep_in_job

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from botocore.configprovider import BaseProvider
    from mypy_boto3_sts import STSClient

__all__ = ["RoleSessions", "account_of", "enabled_regions", "in_region", "stopped_with_job"]

# STS answers in less than a second. A call without an answer is repeated within the time limit of the target.
_STS_CONFIG = Config(connect_timeout=10, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 1})


@frozen
class _Role:
    credentials: AssumedRoleCredentials
    can_be_assumed: threading.Event = field(factory=threading.Event, init=False)


@frozen
class RoleSessions:
    """Makes the sessions. Those of one role in several regions share its credentials."""

    base: boto3.Session
    session_name: str | None
    pace: SharedPace
    timeout: float
    sts: STSClient = field(repr=False)
    settings: Mapping[str, BaseProvider] = field(repr=False)
    _roles: dict[int, _Role] = field(factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    @classmethod
    def of(
        cls,
        base: boto3.Session,
        requests: Sequence[RoleRequest],
        *,
        region: str | None,
        workers: int,
        pace: SharedPace,
        timeout: float,
    ) -> RoleSessions:
        """Make the STS client, and find out the role session name.

        Args:
            base: the session that assumes the roles.
            requests: the requests, at least one.
            region: the region of STS if the base has none.
            workers: the number of threads.
            pace: the pace of the calls.
            timeout: how many seconds to repeat a call.
        """
        config = _STS_CONFIG.merge(Config(max_pool_connections=workers))
        sts_region = base.region_name or region or requests[0].home_region
        with errors_of_botocore("loading the credentials of the base session", base=base):
            sts = base.client("sts", region_name=sts_region, config=config)
        name = requests[0].session_name or _known_name(base) or session_name_from(caller_arn(sts, "base"))
        return cls(base, name, pace, timeout, sts, settings_of(base))

    def assume(self, request: RoleRequest, region: str | None, job: Job) -> boto3.Session:
        """Return a session in a role, whose thread ends before its next call if the job is given up.

        Args:
            request: the request. Requests are told apart by identity.
            region: the session's region; None for the base's.
            job: the job that needs the session. Its time limit starts when the role can be assumed.
        """
        with self._lock:
            is_first = id(request) not in self._roles
            if is_first:
                self._roles[id(request)] = _Role(self._unassumed(request))
            role = self._roles[id(request)]
        if is_first:
            self.pace.wait(job.sleep)
            role.can_be_assumed.set()
        while not role.can_be_assumed.wait(0.1):
            job.check()
        job.begin(f"assuming {request.role_arn}")
        role.credentials.get_frozen_credentials()
        session = derive_session(self.base, role.credentials, region, self.settings)
        session.events.register("before-sign", job.check)
        return stopped_with_job(session)

    def _unassumed(self, request: RoleRequest) -> AssumedRoleCredentials:
        paced = cast("STSClient", PacedSts(self.sts, self.pace, sleep_in_job, self.timeout))
        return AssumedRoleCredentials(request, lambda: paced, caller=self.base, session_name=self.session_name)


def _known_name(base: boto3.Session) -> str | None:
    credentials = base.get_credentials()
    return credentials.known_session_name if isinstance(credentials, AssumedRoleCredentials) else None


def account_of(session: boto3.Session) -> str:
    """Return the account of a session that is not in a role that xacct assumed: one API call."""
    doing = "loading the credentials of a target session"
    with errors_of_botocore(doing, base=session, whose="the target session's"):
        sts = stopped_with_job(session).client("sts", config=_STS_CONFIG)
    return caller_arn(sts, "target").account


def in_region(session: boto3.Session, region: str | None) -> boto3.Session:
    """Return the session, or one with its configuration and credentials in another region."""
    if region is None or region == session.region_name:
        return session
    # Only the credentials that xacct assumes have a rule of their own for pickle, which is not used here.
    return derive_session(session, cast("AssumedRoleCredentials", session.get_credentials()), region)


def stopped_with_job(session: boto3.Session) -> boto3.Session:
    """Return the session, whose calls end the thread if the job that makes them was given up.

    The session keeps the handlers for that. They do nothing outside of a job.
    """
    for event in ("before-sign", "needs-retry"):
        session.events.register(event, check_job, unique_id=f"xacct-{event}")
    return session


class _AccountClient(Protocol):
    """The call to AWS Account Management that xacct makes. The type stubs of this service are not a dependency."""

    def get_paginator(self, operation: str, /) -> _Paginator: ...


class _Paginator(Protocol):
    def paginate(self, **options: Sequence[str]) -> Iterable[Mapping[str, Sequence[Mapping[str, str]]]]: ...


def enabled_regions(session: boto3.Session, account: str, seconds: float) -> list[str]:
    """Return the regions that are enabled in a session's account, sorted.

    Args:
        session: the session.
        account: its account, for errors.
        seconds: how long to repeat a call that fails.

    Source: https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
    """
    client = cast(_AccountClient, session.client("account", config=Config(connect_timeout=10, read_timeout=15)))
    pages = client.get_paginator("list_regions")

    def names() -> list[str]:
        found = pages.paginate(RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"])
        return sorted(region["RegionName"] for page in found for region in page["Regions"])

    resource = f"arn:{partition_of_region(session.region_name or '').name}:account::{account}:account"
    patience = Patience(deadline=seconds)
    return attempt(names, doing="listing the enabled regions", account=account, resource=resource, patience=patience)
