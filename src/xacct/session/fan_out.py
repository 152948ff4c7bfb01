"""fan_out: one function run in many accounts, with a session for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import cache, partial
from inspect import isasyncgenfunction, isawaitable, iscoroutinefunction
from traceback import clear_frames
from typing import TYPE_CHECKING, Literal, TypeVar

import boto3
from attrs import field, frozen
from botocore.config import Config

from xacct.arn import Arn
from xacct.aws_reads import caller_arn
from xacct.errors import InvalidValue
from xacct.policy import PolicyDocument
from xacct.progress_bar import Progress, account_progress
from xacct.session.credentials import AssumedRoleCredentials
from xacct.session.derived_session import derive_session
from xacct.session.fan_out_result import FanOut
from xacct.session.role_request import RoleRequest, check_region, session_name_from

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

__all__ = ["fan_out"]

log = logging.getLogger("xacct")

T = TypeVar("T")

_MAX_WORKERS = 48
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
    progress: Progress | bool | None = None,
    on_error: Literal["collect", "raise"] = "collect",
) -> FanOut[T]:
    """Run a function in many accounts at once, with a session for each account.

    The roles are assumed with one STS client that slows down when STS throttles. Each session is an ordinary
    ``boto3.Session`` like those of :func:`assume_role`, and is released when the function returns: return results, not
    clients. Creating clients takes most of the time, so create few in the function.

    After Ctrl-C no further account is started, running ones finish, and KeyboardInterrupt is raised.

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
    assumer = cache(lambda: _Assumer.of(base or boto3.Session(), roles, region, workers))
    if roles:
        assumer()

    def in_account(target: boto3.Session | RoleRequest) -> T:
        try:
            result = function(assumer().assume(target) if isinstance(target, RoleRequest) else target)
            if isawaitable(result):
                if isinstance(result, Coroutine):
                    result.close()  # otherwise Python warns that it was never awaited
                raise InvalidValue("function", function, _NOT_ASYNC)
            return result
        except Exception as error:
            _clear_frames(error)
            raise

    return _run(in_account, targets, workers=workers, progress=progress, stop_at_error=on_error == "raise")


def _is_async(function: Callable[..., object]) -> bool:
    """Return whether a function, a partial of it or an object with ``__call__`` is asynchronous."""
    while isinstance(function, partial):
        function = function.func
    calls = (function, getattr(type(function), "__call__", None))  # noqa: B004 # it is not tested, but looked into
    return any(test(call) for call in calls for test in _ASYNC_KINDS)


def _run(
    in_account: Callable[[boto3.Session | RoleRequest], T],
    targets: list[boto3.Session | RoleRequest],
    *,
    workers: int,
    progress: Progress | bool | None,
    stop_at_error: bool,
) -> FanOut[T]:
    running: dict[Future[T], str] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="xacct") as threads:
        accounts = list(threads.map(_account_of, targets))
        _check_distinct(accounts)
        try:
            for account, target in zip(accounts, targets):
                running[threads.submit(partial(in_account, target))] = account
            with account_progress(progress, len(targets)) as report:
                for number, future in enumerate(as_completed(running), start=1):
                    report(number, len(targets), running[future])
                    if stop_at_error:
                        future.result()
        except BaseException:
            skipped = sum(future.cancel() for future in running)
            log.warning("%d of %d accounts were not started", skipped, len(targets))
            raise
    return _outcome(running)


@frozen
class _Assumer:
    """Assumes the roles for all threads with one STS client."""

    base: boto3.Session
    sts: STSClient = field(repr=False)
    session_name: str | None
    region: str | None

    @classmethod
    def of(cls, base: boto3.Session, roles: list[RoleRequest], region: str | None, workers: int) -> _Assumer:
        for role in roles:
            check_region(role, region, base.region_name)
        # The threads share one token bucket, which botocore fills more slowly when STS throttles.
        config = Config(max_pool_connections=workers, retries={"mode": "adaptive", "total_max_attempts": 8})
        sts = base.client("sts", region_name=base.region_name or region or roles[0].home_region, config=config)
        named = roles[0].session_name or _known_name(base) or session_name_from(caller_arn(sts, "base"))
        return cls(base, sts, named, region)

    def assume(self, request: RoleRequest) -> boto3.Session:
        credentials = AssumedRoleCredentials(
            request, lambda: self.sts, caller=self.base, session_name=self.session_name
        )
        credentials.get_frozen_credentials()
        return derive_session(self.base, credentials, self.region)


def _known_name(base: boto3.Session) -> str | None:
    credentials = base.get_credentials()
    return credentials.known_session_name if isinstance(credentials, AssumedRoleCredentials) else None


def _account_of(target: boto3.Session | RoleRequest) -> str:
    if isinstance(target, RoleRequest):
        return target.role_arn.account
    credentials = target.get_credentials()
    if isinstance(credentials, AssumedRoleCredentials):
        return credentials.request.role_arn.account
    return caller_arn(target.client("sts"), "target").account


def _check_distinct(accounts: list[str]) -> None:
    repeated = next((account for place, account in enumerate(accounts) if account in accounts[:place]), None)
    if repeated is not None:
        raise InvalidValue("sessions_or_role_arns", repeated, "at most one session or role per account")


def _clear_frames(error: BaseException | None) -> None:
    """Release what the frames of an error reference: the session and the clients of a failed account."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__


def _outcome(running: Mapping[Future[T], str]) -> FanOut[T]:
    results: dict[str, T] = {}
    errors: dict[str, Exception] = {}
    for future, account in running.items():
        error = future.exception()
        if error is None:
            results[account] = future.result()
        elif isinstance(error, Exception):
            errors[account] = error
        else:
            raise error
    return FanOut(results, errors, order=tuple(running.values()))
