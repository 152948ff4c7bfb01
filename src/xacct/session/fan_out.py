"""fan_out: one function run in many accounts, with a session for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from inspect import isasyncgenfunction, isawaitable, iscoroutinefunction
from traceback import clear_frames
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import boto3
from attrs import field, frozen
from botocore.config import Config

from xacct.arn import Arn
from xacct.aws_reads import caller_arn
from xacct.errors import InvalidValue, TargetTimedOut
from xacct.policy import PolicyDocument
from xacct.progress_bar import Progress, account_progress
from xacct.session.credentials import AssumedRoleCredentials
from xacct.session.derived_session import derive_session
from xacct.session.fan_out_result import FanOut
from xacct.session.pace import Pace, PacedSts, SharedPace
from xacct.session.role_request import RoleRequest, check_region, session_name_from
from xacct.session.target_threads import Finished, Job, JobTimeout, TargetThreads

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

__all__ = ["fan_out"]

log = logging.getLogger("xacct")

T = TypeVar("T")
V = TypeVar("V")

_MAX_WORKERS = 48
# STS answers in less than a second. A call without an answer is repeated within the time limit of the account.
_STS_CONFIG = Config(connect_timeout=10, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 1})
_ASYNC_KINDS = (iscoroutinefunction, isasyncgenfunction)
_NOT_ASYNC = (
    "it is asynchronous, and fan_out calls functions in threads. Pass a function that runs it, such as "
    "lambda session: asyncio.run(function(session))"
)


def fan_out(
    sessions_or_role_arns: Iterable[boto3.Session | Arn | str],
    function: Callable[[boto3.Session], T],
    *,
    base: boto3.Session | None = None,
    session_name: str | None = None,
    external_id: str | None = None,
    policy: PolicyDocument | Mapping[str, object] | str | None = None,
    region: str | None = None,
    max_workers: int | None = None,
    max_rate: float | None = None,
    timeout: float = 60,
    progress: Progress | bool | None = None,
    on_error: Literal["collect", "raise"] = "collect",
) -> FanOut[T]:
    """Run a function in many accounts at once, with a session for each account.

    The roles are assumed with one STS client. When STS throttles, calls are repeated, and all threads slow down to the
    rate that STS accepts. Each session is an ordinary ``boto3.Session`` like those of :func:`assume_role`, and is
    released when the function returns: return results, not clients. Creating clients takes most of the time, so create
    few in the function.

    An account that takes longer than ``timeout`` is abandoned, and its error is `TargetTimedOut`. Python cannot end its
    thread. That thread makes no further call with the session, ends with the call that it waits for (by default
    botocore waits 60 seconds for an answer), and does not keep the interpreter alive. A session that you passed is not
    stopped in this way: your function may go on with it.

    After Ctrl-C no further account is started, and KeyboardInterrupt is raised as soon as the running ones have ended,
    after a second at the latest. Those that have not ended are abandoned in the same way.

    Args:
        sessions_or_role_arns: sessions of the accounts, or roles to assume in them; at most one per account.
        function: called with a session, in a thread. Its return value or exception is stored.
        base: the session that assumes the roles; None for boto3's default session.
        session_name: the role session name in the accounts' CloudTrail logs; None for the caller's name, which takes
            one API call.
        external_id: the external ID that the roles' trust policies require.
        policy: a session policy. The sessions can do what both this policy and the role's policies allow.
        region: the sessions' region; None for the base's.
        max_workers: the maximum number of accounts at the same time; None for 48.
        max_rate: the maximum number of roles to assume per second, on average; None for no limit but STS's own.
        timeout: the maximum number of seconds for one account: to assume the role and to run the function. Waiting for
            a free thread and for ``max_rate`` does not count.
        progress: called in this thread after each account. True for a progress bar of the library rich, False for none,
            None for a bar if standard error is a terminal and rich is installed (``pip install 'xacct[progress]'``).
        on_error: ``collect`` stores errors next to the results; ``raise`` starts no further account after the first
            error, and raises it.

    Raises:
        InvalidValue: an argument is not valid, such as an ``async def`` function, or two targets belong to the same
                account; nothing was called.
        AwsError: the caller's name, or the account of a session, could not be read; the function was not called.
        Exception: with ``on_error="raise"``, the first error.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entities

    >>> from xacct import fan_out
    >>> from xacct.testing import Sandbox
    >>> def count_buckets(session):
    ...     return len(session.client("s3").list_buckets()["Buckets"])
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     sessions = [aws.account(account).session for account in ("111111111111", "222222222222")]
    ...     print(fan_out(sessions, count_buckets))
    ok    111111111111  0
    ok    222222222222  0
    """
    if _is_async(function):
        raise InvalidValue("function", function, _NOT_ASYNC)
    if on_error not in ("collect", "raise"):
        raise InvalidValue("on_error", on_error, "'collect' or 'raise'")
    if max_workers is not None and max_workers < 1:
        raise InvalidValue("max_workers", max_workers, "at least 1")
    if max_rate is not None and not 0 < max_rate < float("inf"):
        raise InvalidValue(
            "max_rate", max_rate, "a finite number of roles per second, greater than 0; None for no limit"
        )
    if not 0 < timeout < float("inf"):
        raise InvalidValue("timeout", timeout, "a finite number of seconds, greater than 0")
    targets = [
        target
        if isinstance(target, boto3.Session)
        else RoleRequest(role_arn=target, session_name=session_name, external_id=external_id, policy=policy)
        for target in sessions_or_role_arns
    ]
    if not targets:
        return FanOut({}, {}, order=())
    roles = [target for target in targets if isinstance(target, RoleRequest)]
    _check_distinct([role.role_arn.account for role in roles])
    workers = min(max_workers or _MAX_WORKERS, len(targets))
    assumer = None
    if roles:
        assumer = _Assumer.of(
            base or boto3.Session(), roles, region, workers, pace=SharedPace(Pace(max_rate)), timeout=timeout
        )
    accounts = _accounts_of(targets, workers, timeout)

    def in_account(job: Job, target: boto3.Session | RoleRequest) -> T:
        session = target if isinstance(target, boto3.Session) else _assumed(assumer, target, job)
        job.begin("the function")
        return _called(function, session)

    found: dict[str, Finished[T]] = {}
    with TargetThreads(in_account, targets, workers=workers, timeout=timeout) as threads:
        try:
            with account_progress(progress, len(targets)) as report:
                for finished in threads:
                    account = accounts[finished.place]
                    error = _error_of(finished, account, timeout)
                    found[account] = Finished(finished.place, finished.result, error)
                    report(len(found), len(targets), account)
                    if error is not None and (on_error == "raise" or not isinstance(error, Exception)):
                        raise error
        except BaseException:
            log.warning("%d of %d accounts were not started", threads.not_started, len(targets))
            raise
    return _outcome(found, accounts)


def _assumed(assumer: _Assumer | None, request: RoleRequest, job: Job) -> boto3.Session:
    if assumer is None:
        raise AssertionError("there is an assumer if a target is a role")
    return assumer.assume(request, job)


def _error_of(finished: Finished[T], account: str, timeout: float) -> BaseException | None:
    error = finished.error
    if isinstance(error, JobTimeout):
        return TargetTimedOut(account, doing=error.doing, seconds=timeout)
    _clear_frames(error)
    return error


def _called(function: Callable[[boto3.Session], T], session: boto3.Session) -> T:
    result = function(session)
    if isawaitable(result):
        if isinstance(result, Coroutine):
            result.close()  # otherwise Python warns that it was never awaited
        raise InvalidValue("function", function, _NOT_ASYNC)
    return result


def _is_async(function: Callable[..., object]) -> bool:
    """Return whether a function, a partial of it or an object with ``__call__`` is asynchronous."""
    while isinstance(function, partial):
        function = function.func
    calls = (function, getattr(type(function), "__call__", None))  # noqa: B004 # it is not tested, but looked into
    return any(test(call) for call in calls for test in _ASYNC_KINDS)


@frozen
class _Assumer:
    """Assumes the roles for all threads with one STS client."""

    base: boto3.Session
    sts: STSClient = field(repr=False)
    session_name: str | None
    region: str | None
    pace: SharedPace
    timeout: float

    @classmethod
    def of(
        cls,
        base: boto3.Session,
        roles: list[RoleRequest],
        region: str | None,
        workers: int,
        *,
        pace: SharedPace,
        timeout: float,
    ) -> _Assumer:
        for role in roles:
            check_region(role, region, base.region_name)
        config = _STS_CONFIG.merge(Config(max_pool_connections=workers))
        sts = base.client("sts", region_name=base.region_name or region or roles[0].home_region, config=config)
        named = roles[0].session_name or _known_name(base) or session_name_from(caller_arn(sts, "base"))
        return cls(base, sts, named, region, pace, timeout)

    def assume(self, request: RoleRequest, job: Job) -> boto3.Session:
        paced = cast("STSClient", PacedSts(self.sts, self.pace, job.sleep, self.timeout))
        credentials = AssumedRoleCredentials(request, lambda: paced, caller=self.base, session_name=self.session_name)
        self.pace.wait(job.sleep)
        job.begin(f"assuming {request.role_arn}")
        credentials.get_frozen_credentials()
        session = derive_session(self.base, credentials, self.region)
        # The thread of an abandoned job ends before its next call.
        session.events.register("before-sign", job.check)
        return session


def _known_name(base: boto3.Session) -> str | None:
    credentials = base.get_credentials()
    return credentials.known_session_name if isinstance(credentials, AssumedRoleCredentials) else None


def _accounts_of(targets: list[boto3.Session | RoleRequest], workers: int, timeout: float) -> list[str]:
    accounts = [target.role_arn.account if isinstance(target, RoleRequest) else "" for target in targets]
    sessions = [(place, target) for place, target in enumerate(targets) if isinstance(target, boto3.Session)]

    def account_of(job: Job, item: tuple[int, boto3.Session]) -> str:
        job.begin("reading the account of a session")
        return _account_of(item[1])

    with TargetThreads(account_of, sessions, workers=workers, timeout=timeout) as threads:
        for finished in threads:
            place = sessions[finished.place][0]
            error = _error_of(finished, f"(unknown, target {place})", timeout)
            if error is not None:
                raise error
            accounts[place] = finished.result or ""
    _check_distinct(accounts)
    return accounts


def _account_of(session: boto3.Session) -> str:
    credentials = session.get_credentials()
    if isinstance(credentials, AssumedRoleCredentials):
        return credentials.request.role_arn.account
    return caller_arn(session.client("sts", config=_STS_CONFIG), "target").account


def _check_distinct(accounts: list[str]) -> None:
    repeated = next((account for place, account in enumerate(accounts) if account in accounts[:place]), None)
    if repeated is not None:
        raise InvalidValue("sessions_or_role_arns", repeated, "at most one session or role per account")


def _clear_frames(error: BaseException | None) -> None:
    """Release what the frames of an error reference: the session and the clients of a failed account."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__


def _outcome(found: Mapping[str, Finished[T]], accounts: list[str]) -> FanOut[T]:
    errors = {account: error for account, done in found.items() if isinstance(error := done.error, Exception)}
    results = {account: cast(T, done.result) for account, done in found.items() if done.error is None}
    return FanOut(_sorted(results, accounts), _sorted(errors, accounts), order=tuple(accounts))


def _sorted(values: Mapping[str, V], order: list[str]) -> dict[str, V]:
    return {name: values[name] for name in order if name in values}
