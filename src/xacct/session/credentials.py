"""Credentials that assume the role again before they expire."""

from __future__ import annotations

import logging
import os
import threading
import warnings
import weakref
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, NoReturn, SupportsIndex, cast

import tenacity
from attrs import evolve, field, frozen
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError, SSOError, TokenRetrievalError

from xacct.arn import Arn
from xacct.errors import AssumeRoleDenied, AwsError
from xacct.retry import stop_after_sleeping
from xacct.session.cache import CliCache
from xacct.session.role_request import DEFAULT_DURATION, LONGEST_CHAINED, RoleRequest, session_name_from
from xacct.session.sts_errors import MayPass, explanation, is_chaining_limit, refusal, signed_out

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleResponseTypeDef

    from xacct.session.mfa_codes import TokenCodes

__all__ = ["AssumedRoleCredentials", "Lease", "cap_to_one_hour"]

log = logging.getLogger("xacct")

_NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TOLERATED_SKEW = timedelta(minutes=1)
_PAUSE_AFTER_FAILURE = timedelta(seconds=10)


def _now() -> datetime:
    return datetime.now(timezone.utc)


@frozen(kw_only=True)
class Lease:
    """One answer of sts:AssumeRole, with its times by this machine's clock."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    account: str
    renew_at: datetime
    expires: datetime

    def metadata(self) -> dict[str, str]:
        """The form in which botocore takes refreshed credentials."""
        return {
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "token": self.token,
            "account_id": self.account,
            "expiry_time": self.expires.isoformat(),
        }


class AssumedRoleCredentials(RefreshableCredentials):
    """botocore's refreshable credentials, fed by sts:AssumeRole.

    botocore decides when to ask: from a quarter of the lifetime (at most 15 minutes) before expiry one thread refreshes
    while the others go on, in the last minute all of them wait for it. What it asks is `_renew`, which knows better
    than a count of seconds whether a call is due, so that any number of threads cause one.

    Args:
        request: what to ask for.
        sts: gives the client that asks.
        caller: the session that asks, by which a denial can be explained.
        session_name: for a request that has none; None to ask STS who the caller is.
        mfa: where the codes come from, for a request that has a serial number.
        cache: where credentials are kept between processes.
        wait: seconds for which the first call is tried again while it is denied.
    """

    def __init__(
        self,
        request: RoleRequest,
        sts: Callable[[], STSClient],
        *,
        caller: boto3.Session | None = None,
        session_name: str | None = None,
        mfa: TokenCodes | None = None,
        cache: CliCache | None = None,
        wait: float = 0,
    ) -> None:
        self.request = request
        self._mfa = mfa
        self._cache = cache
        self._wait = wait
        self._sts = sts
        self._caller = caller
        self._session_name = request.session_name or session_name
        self._lease: Lease | None = None
        self._not_before = _NEVER
        # A person is asked for a code when it cannot be put off, and not a quarter of an hour before.
        self._margin = timedelta(minutes=1 if mfa else 15)
        super().__init__(
            access_key="",
            secret_key="",
            token="",
            expiry_time=_NEVER,
            refresh_using=self._renew,
            method="assume-role",
            time_fetcher=_now,
            advisory_timeout=min(int(self._margin.total_seconds()), self._duration // 4),
            mandatory_timeout=60,
        )
        _alive.add(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.request.role_arn}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            "a session of an assumed role is not pickled: its secret keys would leave the process, and could not be "
            "refreshed where they arrive. Pass the role's ARN and call assume_role there"
        )

    @property
    def known_session_name(self) -> str | None:
        """The role session's name; None before the first call that has to learn it."""
        return self._session_name

    def lease(self) -> Lease:
        """The credentials with the time at which they expire, renewed if it is time to."""
        self.get_frozen_credentials()
        return cast(Lease, self._lease)

    @property
    def _duration(self) -> int:
        return self.request.duration or DEFAULT_DURATION

    def _renew(self) -> dict[str, str]:
        lease, now = self._lease, _now()
        if lease is not None and now < max(lease.renew_at, self._not_before):
            return lease.metadata()
        try:
            lease = self._cached() or (self._assume() if lease else self._assume_when_known())
        except Exception as error:
            if lease is None or _now() >= lease.expires:
                raise
            self._not_before = min(_now() + _PAUSE_AFTER_FAILURE, lease.expires)
            log.warning(
                "%s could not be assumed again; its credentials are good until %s and are used until then: %s",
                self.request.role_arn,
                lease.expires.isoformat(timespec="seconds"),
                error,
            )
        self._lease = lease
        return lease.metadata()

    def _assume(self) -> Lease:
        before = _now()
        try:
            answer = self._call()
        except ClientError as error:
            raise self._refusal(error) from error
        except (SSOError, TokenRetrievalError) as error:
            raise signed_out(error, self.request) from error
        if self._cache is not None:
            self._cache.write(self.request, answer)
        credentials = answer["Credentials"]
        expires = _by_own_clock(answer, before, self._duration)
        log.debug("assumed %s until %s", self.request.role_arn, expires.isoformat(timespec="seconds"))
        return Lease(
            access_key=credentials["AccessKeyId"],
            secret_key=credentials["SecretAccessKey"],
            token=credentials["SessionToken"],
            account=self.request.role_arn.account,
            renew_at=expires - min(self._margin, (expires - before) / 4),
            expires=expires,
        )

    def _refusal(self, error: ClientError) -> AwsError:
        found = refusal(error, self.request)
        if isinstance(found, AssumeRoleDenied) and self._caller is not None:
            name = self._session_name or "unknown"
            found.explained_by(partial(explanation, error, self.request, name, self._caller))
        return found

    def _cached(self) -> Lease | None:
        found = self._cache.read(self.request) if self._cache is not None else None
        if found is None:
            return None
        renew_at = found.expires - min(self._margin, timedelta(seconds=self._duration / 4))
        if renew_at <= _now():
            return None
        return Lease(
            access_key=found.access_key,
            secret_key=found.secret_key,
            token=found.token,
            account=self.request.role_arn.account,
            renew_at=renew_at,
            expires=found.expires,
        )

    def _assume_when_known(self) -> Lease:
        if not self._wait:
            return self._assume()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(MayPass()),
            stop=tenacity.stop_after_delay(self._wait) | stop_after_sleeping(self._wait),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=5),
            before_sleep=lambda _: log.debug("%s: denied; trying again, as it may be new", self.request.role_arn),
            reraise=True,
        )
        return retrying(self._assume)

    def _call(self) -> AssumeRoleResponseTypeDef:
        if self._session_name is None:
            self._session_name = session_name_from(Arn.parse(self._sts().get_caller_identity()["Arn"]))
        code = self._mfa.next(self.request.mfa_serial) if self._mfa else None
        try:
            return self._sts().assume_role(**self.request.parameters(self._session_name, code))
        except ClientError as error:
            if not is_chaining_limit(error):
                raise
            self.request = cap_to_one_hour(self.request)
            return self._call()

    def _forget_lock(self) -> None:
        # The thread that held botocore's lock may not be there.
        self._refresh_lock = threading.Lock()


_alive: weakref.WeakSet[AssumedRoleCredentials] = weakref.WeakSet()


def _after_fork() -> None:
    for credentials in _alive:
        credentials._forget_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def cap_to_one_hour(request: RoleRequest) -> RoleRequest:
    """The same request with the one hour that STS grants at most in role chaining, and a warning that says so."""
    warnings.warn(
        f"{request.role_arn}: role chaining is limited to one hour by AWS; duration is "
        f"{LONGEST_CHAINED} instead of {request.duration}",
        stacklevel=3,
    )
    return evolve(request, duration=LONGEST_CHAINED)


def _by_own_clock(answer: AssumeRoleResponseTypeDef, before: datetime, duration: int) -> datetime:
    """When the credentials expire by this machine's clock, which may be wrong.

    STS says when by its own clock; where its answer is dated by that clock too, the lifetime is the difference.
    """
    expires = answer["Credentials"]["Expiration"]
    try:
        dated = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        lifetime, skew = expires - dated, abs(dated - before)
    except (KeyError, TypeError, ValueError):
        return expires  # no date, or none with a time zone
    if skew > _TOLERATED_SKEW and timedelta(0) < lifetime <= timedelta(seconds=duration + 5):
        return before + lifetime
    return expires
