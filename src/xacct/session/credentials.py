"""Credentials of an assumed role that refresh themselves before they expire."""

from __future__ import annotations

import logging
import os
import threading
import warnings
import weakref
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NoReturn, SupportsIndex, cast

from attrs import evolve, field, frozen
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError

from xacct.aws_reads import caller_arn
from xacct.errors import AwsError
from xacct.limits import CHAINED_SESSION_SECONDS, DEFAULT_SESSION_SECONDS
from xacct.retry import stop_after
from xacct.session.cache import CliCache
from xacct.session.role_request import RoleRequest, session_name_from
from xacct.session.sts_errors import TransientDenial, errors_of_botocore, is_chaining_limit, translate_sts_error

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
# Seconds after which a process no longer waits for another one that assumes the same role.
_LONGEST_CALL = 60
_LONGEST_PROMPT = 240


def _now() -> datetime:
    return datetime.now(timezone.utc)


@frozen(kw_only=True)
class Lease:
    """The credentials of one response of sts:AssumeRole. Its times are by this machine's clock."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    account: str
    renew_at: datetime
    expires: datetime

    def metadata(self) -> dict[str, str]:
        """Return the credentials in the form that botocore expects from a refresh."""
        return {
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "token": self.token,
            "account_id": self.account,
            "expiry_time": self.expires.isoformat(),
        }


class AssumedRoleCredentials(RefreshableCredentials):
    """botocore's refreshable credentials, refreshed by sts:AssumeRole.

    botocore decides when to refresh: from a quarter of the lifetime (at most 15 minutes) before expiry, one thread
    refreshes while the others use the old credentials; in the last minute all threads wait. botocore calls `_renew`,
    which checks whether a call to STS is due, so that any number of threads cause one call.

    Args:
        request: the request to send.
        sts: returns the STS client.
        caller: the session that assumes the role. Its policies tell whether a denial is final.
        session_name: the role session name for a request without one; None to derive it from the caller identity.
        mfa: the source of MFA codes, for a request with a serial number.
        cache: the cache on disk.
        wait: seconds for which to retry the first call while STS denies it.
    """

    def __init__(
        self,
        request: RoleRequest,
        sts: Callable[[], STSClient],
        *,
        caller: boto3.Session,
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
        # A user is asked for a code as late as possible, not 15 minutes before expiry.
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
            "A session of an assumed role cannot be pickled: its secret keys would leave the process, and the copy "
            "could not refresh them. Pass the role's ARN, and call assume_role in the other process"
        )

    @property
    def known_session_name(self) -> str | None:
        """The role session name; None if it is derived from the caller identity and that has not been read yet."""
        return self._session_name

    @property
    def source_identity(self) -> str | None:
        """The source identity of the session: its own, or that of the role session that assumed the role."""
        if self.request.source_identity is not None:
            return self.request.source_identity
        caller = self._caller.get_credentials()
        return caller.source_identity if isinstance(caller, AssumedRoleCredentials) else None

    @property
    def is_chained(self) -> bool:
        """Whether the caller is known to be a role session itself."""
        return isinstance(self._caller.get_credentials(), AssumedRoleCredentials)

    def lease(self) -> Lease:
        """Return the current credentials with their expiry time, refreshed if necessary."""
        self.get_frozen_credentials()
        return cast(Lease, self._lease)

    @property
    def _duration(self) -> int:
        return self.request.duration or DEFAULT_SESSION_SECONDS

    def _renew(self) -> dict[str, str]:
        lease, now = self._lease, _now()
        if lease is not None and now < max(lease.renew_at, self._not_before):
            return lease.metadata()
        try:
            lease = self._cached() or self._assume_alone(lease)
        except Exception as error:
            if lease is None or _now() >= lease.expires:
                raise
            self._not_before = min(_now() + _PAUSE_AFTER_FAILURE, lease.expires)
            log.warning(
                "assuming %s again failed; its current credentials are valid until %s and stay in use: %s",
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
            raise self._translated(error) from error
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

    def _assume_alone(self, lease: Lease | None) -> Lease:
        """Call STS, or use what another process stores in the cache while this one waits for it."""
        if self._cache is None:
            return self._assume() if lease else self._assume_when_known()
        patience = _LONGEST_CALL + self._wait + (_LONGEST_PROMPT if self._mfa else 0)
        with self._cache.lock(self.request, timeout=patience):
            return self._cached() or (self._assume() if lease else self._assume_when_known())

    def _assume_when_known(self) -> Lease:
        if not self._wait:
            return self._assume()
        import tenacity  # takes time that `xacct credentials` does not have

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(TransientDenial(self._caller)),
            stop=stop_after(self._wait),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=5),
            before_sleep=lambda _: log.debug(
                "assuming %s was denied; retrying, because the role may be new", self.request.role_arn
            ),
            reraise=True,
        )
        return retrying(self._assume)

    def _call(self) -> AssumeRoleResponseTypeDef:
        role = self.request.role_arn
        with errors_of_botocore(f"assuming {role}", account=role.account, base=self._caller):
            sts = self._sts()
            if self._session_name is None:
                self._session_name = session_name_from(caller_arn(sts, "base"))
        code = self._mfa.next(self.request.mfa_serial) if self._mfa else None
        try:
            with errors_of_botocore(f"assuming {role}", account=role.account, base=self._caller):
                return sts.assume_role(**self.request.parameters(self._session_name, code))
        except ClientError as error:
            if not is_chaining_limit(error):
                raise
            self.request = cap_to_one_hour(self.request)
            return self._call()

    def _translated(self, error: ClientError) -> AwsError:
        return translate_sts_error(error, self.request, self._session_name or "unknown")

    def _reset_lock(self) -> None:
        # The thread that held botocore's lock does not exist in the child process.
        self._refresh_lock = threading.Lock()


_alive: weakref.WeakSet[AssumedRoleCredentials] = weakref.WeakSet()


def _after_fork() -> None:
    for credentials in _alive:
        credentials._reset_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def cap_to_one_hour(request: RoleRequest) -> RoleRequest:
    """Return the request with the one hour that STS grants at most with role chaining, and warn about it."""
    warnings.warn(
        f"{request.role_arn}: AWS limits role chaining to one hour; the duration is {CHAINED_SESSION_SECONDS} s "
        f"instead of {request.duration} s",
        stacklevel=3,
    )
    return evolve(request, duration=CHAINED_SESSION_SECONDS)


def _by_own_clock(answer: AssumeRoleResponseTypeDef, before: datetime, duration: int) -> datetime:
    """Return when the credentials expire by this machine's clock, which may be wrong.

    STS reports the expiry by its own clock. If the response has a Date header, the lifetime is the difference.
    """
    expires = answer["Credentials"]["Expiration"]
    try:
        dated = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        lifetime, skew = expires - dated, abs(dated - before)
    except (KeyError, TypeError, ValueError):
        return expires  # no Date header, or one without a time zone
    if skew > _TOLERATED_SKEW and timedelta(0) < lifetime <= timedelta(seconds=duration + 5):
        return before + lifetime
    return expires
