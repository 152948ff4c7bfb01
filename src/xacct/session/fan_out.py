"""One function in many accounts, each with a session of its own."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import cache, partial
from html import escape
from importlib.util import find_spec
from traceback import clear_frames
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import boto3
from attrs import field, frozen
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from xacct.arn import Arn
from xacct.errors import AwsError, InvalidValue
from xacct.policy import PolicyDocument
from xacct.session.credentials import AssumedRoleCredentials
from xacct.session.derived_session import session_like
from xacct.session.role_request import RoleRequest, check_region, session_name_from

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

__all__ = ["FanOut", "Progress", "fan_out"]

log = logging.getLogger("xacct")

T = TypeVar("T")

# Called with how many accounts are done, how many there are, and the account that was done last.
Progress = Callable[[int, int, str], object]

_MOST_WORKERS = 48


@frozen(repr=False)
class FanOut(Generic[T]):
    """What became of a function in each account, in the order in which they were given. Prints as a table.

    Attributes:
        results: what it returned, by account.
        errors: what it raised, or what kept it from being called, by account.
    """

    results: Mapping[str, T]
    errors: Mapping[str, Exception]
    _order: tuple[str, ...] = field(alias="order", eq=False)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.errors

    @property
    def _rows(self) -> list[tuple[str, str, str]]:
        return [
            ("NO", account, f"{type(self.errors[account]).__name__}: {self.errors[account]}")
            if account in self.errors
            else ("ok", account, str(self.results[account]))
            for account in self._order
        ]

    def __str__(self) -> str:
        return "\n".join(f"{sign}  {account}  {what}" for sign, account, what in self._rows)

    def __repr__(self) -> str:
        return f"<FanOut: {len(self.results)} accounts done, {len(self.errors)} failed>"

    def _repr_html_(self) -> str:
        rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self._rows)
        return f"<table><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


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
    """Run a function in many accounts at once, in each with a session of its own.

    The roles are assumed by one STS client that slows down when STS throttles. Each session is an ordinary
    ``boto3.Session``, as :func:`assume_role` gives it, and is forgotten when the function returns: keep results, not
    clients. Making clients is what takes longest, so make few in the function.

    After Ctrl-C no further account is begun, those under way end, and KeyboardInterrupt is raised.

    Args:
        sessions_or_role_arns: sessions of the accounts, or roles to assume in them; at most one for each account.
        function: called with a session, in a thread. What it returns or raises is kept.
        base: whoever assumes the roles; None for boto3's default session.
        session_name: what the accounts' logs call the sessions; None for the caller's own name, which takes one call.
        external_id: what the roles' trust policies demand.
        policy: a session policy: the sessions may do what both this and the role's policies allow.
        region: of the sessions; None for the base's.
        max_workers: how many accounts at the same time; None for 48, or fewer where there are fewer.
        progress: called in this thread after each account; True for a bar of the library rich, False for nothing, None
            for a bar where standard error is a terminal and rich is installed (``pip install 'xacct[progress]'``).
        on_error: ``collect`` keeps errors beside the results; ``raise`` begins no further account after the first
            error, and raises it.

    Raises:
        InvalidValue: an argument breaks a rule, or two are of the same account; nothing was called.
        AwsError: the caller's name, or the account of a session, could not be learnt; no function was called.
        Exception: with ``on_error="raise"``, the first error.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entities

    >>> from xacct import fan_out
    >>> from xacct.testing import Sandbox
    >>> def count_buckets(session):
    ...     return len(session.client("s3").list_buckets()["Buckets"])
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     sessions = [aws.account(account).session for account in ("111111111111", "222222222222")]
    ...     print(fan_out(sessions, count_buckets))
    ok  111111111111  0
    ok  222222222222  0
    """
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
        return FanOut(MappingProxyType({}), MappingProxyType({}), order=())
    roles = [target for target in targets if isinstance(target, RoleRequest)]
    _check_distinct([role.role_arn.account for role in roles])
    workers = min(max_workers or _MOST_WORKERS, len(targets))
    assumer = cache(lambda: _Assumer.of(base or boto3.Session(), roles, region, workers))
    if roles:
        assumer()

    def in_account(target: boto3.Session | RoleRequest) -> T:
        try:
            return function(assumer().assume(target) if isinstance(target, RoleRequest) else target)
        except Exception as error:
            _let_go(error)
            raise

    with ThreadPoolExecutor(workers, thread_name_prefix="xacct") as threads:
        accounts = list(threads.map(_account_of, targets))
        _check_distinct(accounts)
        running: dict[Future[T], str] = {}
        try:
            for account, target in zip(accounts, targets):
                running[threads.submit(partial(in_account, target))] = account
            with _reported(progress, len(targets)) as report:
                for number, future in enumerate(as_completed(running), start=1):
                    report(number, len(targets), running[future])
                    if on_error == "raise":
                        future.result()
        except BaseException:
            left = sum(future.cancel() for future in running)
            log.warning("%d of %d accounts were not begun", left, len(targets))
            raise
    return _outcome(running)


@frozen
class _Assumer:
    """Assumes the roles for all threads, with one client."""

    base: boto3.Session
    sts: STSClient = field(repr=False)
    session_name: str | None
    region: str | None

    @classmethod
    def of(cls, base: boto3.Session, roles: list[RoleRequest], region: str | None, workers: int) -> _Assumer:
        for role in roles:
            check_region(role, region, base.region_name)
        # One bucket of tokens for all threads, which botocore fills more slowly when STS throttles.
        config = Config(max_pool_connections=workers, retries={"mode": "adaptive", "total_max_attempts": 8})
        sts = base.client("sts", region_name=base.region_name or region or roles[0].home_region, config=config)
        named = roles[0].session_name or _known_name(base) or session_name_from(_caller(sts))
        return cls(base, sts, named, region)

    def assume(self, request: RoleRequest) -> boto3.Session:
        credentials = AssumedRoleCredentials(
            request, lambda: self.sts, caller=self.base, session_name=self.session_name
        )
        credentials.get_frozen_credentials()
        return session_like(self.base, credentials, self.region)


def _known_name(base: boto3.Session) -> str | None:
    credentials = base.get_credentials()
    return credentials.known_session_name if isinstance(credentials, AssumedRoleCredentials) else None


def _caller(sts: STSClient) -> Arn:
    doing = "asking who the session belongs to"
    try:
        return Arn.parse(sts.get_caller_identity()["Arn"])
    except (ClientError, BotoCoreError) as error:
        raise AwsError(f"{doing}: {error}", doing=doing) from error


def _account_of(target: boto3.Session | RoleRequest) -> str:
    if isinstance(target, RoleRequest):
        return target.role_arn.account
    credentials = target.get_credentials()
    if isinstance(credentials, AssumedRoleCredentials):
        return credentials.request.role_arn.account
    return _caller(target.client("sts")).account


def _check_distinct(accounts: list[str]) -> None:
    twice = next((account for place, account in enumerate(accounts) if account in accounts[:place]), None)
    if twice is not None:
        rule = "one session or role for each account: results are by account"
        raise InvalidValue("sessions_or_role_arns", twice, rule)


def _let_go(error: BaseException | None) -> None:
    """Free what an error's frames hold: the session and its clients, of each account that failed."""
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
    return FanOut(MappingProxyType(results), MappingProxyType(errors), order=tuple(running.values()))


@contextmanager
def _reported(progress: Progress | bool | None, total: int) -> Iterator[Progress]:
    if callable(progress):
        yield progress
    elif progress or (progress is None and sys.stderr.isatty() and find_spec("rich")):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TextColumn, TimeElapsedColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("accounts"), TimeElapsedColumn())
        with Bar(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("", total=total)
            yield lambda done, _, __: bar.update(task, completed=done)
    else:
        yield lambda *_: None
