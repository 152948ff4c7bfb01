"""fan_out: one function run in many accounts, with a session for each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from inspect import isasyncgenfunction, isawaitable, iscoroutinefunction
from traceback import clear_frames
from typing import Generic, Literal, TypeVar, overload

import boto3
from attrs import frozen

from xacct.arn import partition_of_region
from xacct.errors import InvalidValue, TargetTimedOut
from xacct.policy import PolicyDocument
from xacct.progress_bar import Progress, account_progress
from xacct.session.fan_out_result import FanOut, TargetOutcome
from xacct.session.pace import Pace, SharedPace
from xacct.session.role_request import RoleRequest, check_region
from xacct.session.role_sessions import RoleSessions, account_of, enabled_regions, in_region, stopped_with_job
from xacct.session.target import Target
from xacct.session.target_threads import Finished, Job, JobTimeout, TargetThreads
from xacct.session.work_item import TargetLike, WorkItem, keyed, work_items

__all__ = ["fan_out"]

log = logging.getLogger("xacct")

T = TypeVar("T")
V = TypeVar("V")

_MAX_WORKERS = 48
_ASYNC_KINDS = (iscoroutinefunction, isasyncgenfunction)
_NOT_ASYNC = (
    "it is asynchronous, and fan_out calls functions in threads. Pass a function that runs it, such as "
    "lambda session: asyncio.run(function(session))"
)


@overload
def fan_out(
    targets: Iterable[TargetLike] | Mapping[str, TargetLike],
    function: Callable[[boto3.Session], T],
    *,
    base: boto3.Session | None = None,
    role_names: str | Iterable[str] = (),
    regions: Literal["all"] | Iterable[str] | None = None,
    session_name: str | None = None,
    external_id: str | None = None,
    policy: PolicyDocument | Mapping[str, object] | str | None = None,
    region: str | None = None,
    stream: Literal[False] = False,
    max_workers: int | None = None,
    max_rate: float | None = None,
    timeout: float = 60,
    progress: Progress | bool | None = None,
    on_error: Literal["collect", "raise"] = "collect",
) -> FanOut[T]: ...


@overload
def fan_out(
    targets: Iterable[TargetLike] | Mapping[str, TargetLike],
    function: Callable[[boto3.Session], T],
    *,
    base: boto3.Session | None = None,
    role_names: str | Iterable[str] = (),
    regions: Literal["all"] | Iterable[str] | None = None,
    session_name: str | None = None,
    external_id: str | None = None,
    policy: PolicyDocument | Mapping[str, object] | str | None = None,
    region: str | None = None,
    stream: Literal[True],
    max_workers: int | None = None,
    max_rate: float | None = None,
    timeout: float = 60,
    progress: Progress | bool | None = None,
    on_error: Literal["collect", "raise"] = "collect",
) -> Iterator[TargetOutcome[T]]: ...


def fan_out(
    targets: Iterable[TargetLike] | Mapping[str, TargetLike],
    function: Callable[[boto3.Session], T],
    *,
    base: boto3.Session | None = None,
    role_names: str | Iterable[str] = (),
    regions: Literal["all"] | Iterable[str] | None = None,
    session_name: str | None = None,
    external_id: str | None = None,
    policy: PolicyDocument | Mapping[str, object] | str | None = None,
    region: str | None = None,
    stream: bool = False,
    max_workers: int | None = None,
    max_rate: float | None = None,
    timeout: float = 60,
    progress: Progress | bool | None = None,
    on_error: Literal["collect", "raise"] = "collect",
) -> FanOut[T] | Iterator[TargetOutcome[T]]:
    """Run a function in many accounts at once, with a session for each account, or for each role and region.

    The roles are assumed with one STS client. When STS throttles, calls are repeated, and all threads slow down to the
    rate that STS accepts. Each session is an ordinary ``boto3.Session`` like those of :func:`assume_role`, and is
    released when the function returns: return results, not clients. The base's configuration is read once for all of
    them. Creating a client takes more CPU time than a call, so create few in the function.

    A target that takes longer than ``timeout`` is abandoned, and its error is `TargetTimedOut`. The call that it waits
    for fails at once, and it makes no further call with a client that was created in the function, so its thread ends.
    Python cannot end a thread that waits for anything else, such as ``time.sleep``, the lookup of a name in DNS or a
    program. It does not keep the interpreter alive.

    After Ctrl-C no further target is started, and KeyboardInterrupt is raised as soon as the running ones have ended.
    Those that have not ended after a second are abandoned in the same way. It takes two seconds at the most. The same
    holds if a stream is closed.

    Args:
        targets: roles to assume, as ARNs or `Target`; accounts, as IDs or `Account`, with ``role_names``; or sessions
            of the accounts. A mapping gives each target its key in the result.
        function: called with a session, in a thread. Its return value or exception is stored.
        base: the session that assumes the roles; None for boto3's default session.
        role_names: the name of the role to assume in each target without a role, with its path, such as
            ``team/Reader``; or several names.
        regions: run the function in each of these regions. ``all`` for the regions that are enabled in the account,
            which takes one API call and the permission account:ListRegions in each account. None for one region. A
            target with a region of its own is run only there.
        session_name: the role session name in the accounts' CloudTrail logs; None for the caller's name, which takes
            one API call.
        external_id: the external ID that the roles' trust policies require.
        policy: a session policy. The sessions can do what both this policy and the role's policies allow.
        region: the sessions' region; None for the base's.
        stream: True to return an iterator of `TargetOutcome`, in the order in which they end, instead of a `FanOut`.
            The work starts with the first.
        max_workers: the maximum number of targets at the same time; None for 48.
        max_rate: the maximum number of roles to assume per second, on average; None for no limit but STS's own.
        timeout: the maximum number of seconds for one target: to assume the role and to run the function. Waiting for
            a free thread and for ``max_rate`` does not count.
        progress: called in this thread after each target. True for a progress bar of the library rich, False for none,
            None for a bar if standard error is a terminal and rich is installed (``pip install 'xacct[progress]'``).
        on_error: ``collect`` stores errors next to the results; ``raise`` starts no further target after the first
            error, and raises it.

    Raises:
        InvalidValue: an argument is not valid, such as an ``async def`` function, or two targets have the same key;
            the function was not called.
        AwsError: the caller's name, or the account of a session, could not be read; the function was not called.
        TargetTimedOut: the account of a session could not be read in time; the function was not called.
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
    if isinstance(targets, str):
        raise InvalidValue("targets", targets, "a sequence of targets, not a single one")
    wanted = _wanted_regions(regions)
    names = (role_names,) if isinstance(role_names, str) else tuple(role_names)
    base = base or boto3.Session()
    workers = max_workers or _MAX_WORKERS

    def request(target: Target) -> RoleRequest:
        found = target.request(session_name, external_id, policy)
        in_each = wanted if isinstance(wanted, tuple) else (region,)
        for each in (target.region,) if target.region is not None else in_each:
            check_region(found, each, base.region_name)
        return found

    items = work_items(
        targets,
        role_names=names,
        partition=partition_of_region(base.region_name or region or "").name,
        request=request,
        accounts_of=partial(_accounts_of, workers=workers, timeout=timeout),
    )
    if isinstance(wanted, tuple):
        items = [each for item in items for each in _in_regions(item, wanted)]
    if wanted != "all":
        keyed(items, with_region=wanted is not None)
    requests = [item.request for item in items if item.request is not None]
    pace = SharedPace(Pace(max_rate))
    run = _Run(
        function=function,
        timeout=timeout,
        workers=workers,
        region=region,
        progress=progress,
        stop_at_error=on_error == "raise",
        roles=RoleSessions.of(base, requests, region=region, workers=workers, pace=pace, timeout=timeout)
        if requests
        else None,
    )
    outcomes = run.outcomes(items, with_region=wanted is not None, in_all_regions=wanted == "all")
    if stream:
        return _streamed(outcomes)
    with closing(outcomes):
        return FanOut.of(outcome for _, outcome in sorted(outcomes, key=lambda pair: pair[0]))


def _streamed(outcomes: Generator[tuple[int, TargetOutcome[T]], None, None]) -> Iterator[TargetOutcome[T]]:
    with closing(outcomes):
        for _, outcome in outcomes:
            yield outcome


def _wanted_regions(regions: str | Iterable[str] | None) -> tuple[str, ...] | Literal["all"] | None:
    if regions is None:
        return None
    if regions == "all":
        return "all"
    if isinstance(regions, str):
        raise InvalidValue("regions", regions, "'all', or a sequence of regions")
    wanted = tuple(dict.fromkeys(regions))
    if not wanted:
        raise InvalidValue("regions", [], "at least one region, or None for the base's")
    return wanted


def _is_async(function: Callable[..., object]) -> bool:
    """Return whether a function, a partial of it or an object with ``__call__`` is asynchronous."""
    while isinstance(function, partial):
        function = function.func
    calls = (function, getattr(type(function), "__call__", None))  # noqa: B004 # it is not tested, but looked into
    return any(test(call) for call in calls for test in _ASYNC_KINDS)


def _in_regions(item: WorkItem, regions: Iterable[str]) -> list[WorkItem]:
    return [item] if item.target.region is not None else [item.in_region(region) for region in regions]


@frozen(kw_only=True)
class _Run(Generic[T]):
    """Runs the function for items, in threads."""

    function: Callable[[boto3.Session], T]
    timeout: float
    workers: int
    region: str | None
    progress: Progress | bool | None
    stop_at_error: bool
    roles: RoleSessions | None

    def outcomes(
        self, items: list[WorkItem], *, with_region: bool, in_all_regions: bool
    ) -> Generator[tuple[int, TargetOutcome[T]], None, None]:
        """Yield each outcome and its place in the order of the targets."""
        failures: dict[int, Exception] = {}
        if in_all_regions:
            items, failures = self._expanded(items)
        keys = keyed(items, with_region=with_region)
        places = [place for place in range(len(items)) if place not in failures]
        done = 0
        jobs = self._threads(self._call, [items[place] for place in places])
        with account_progress(self.progress, len(items)) as report, jobs as threads:
            for place, failure in failures.items():
                done += 1
                report(done, len(items), items[place].target.account)
                yield place, TargetOutcome(key=keys[place], target=items[place].target, error=failure)
            for finished in threads:
                place = places[finished.place]
                done += 1
                report(done, len(items), items[place].target.account)
                error = self._error_of(finished, items[place])
                yield (
                    place,
                    TargetOutcome(key=keys[place], target=items[place].target, result=finished.result, error=error),
                )

    @contextmanager
    def _threads(
        self, function: Callable[[Job, WorkItem], V], items: list[WorkItem]
    ) -> Iterator[TargetThreads[WorkItem, V]]:
        with TargetThreads(function, items, workers=self.workers, timeout=self.timeout) as threads:
            try:
                yield threads
            except BaseException:
                log.warning("%d of %d targets were not started", threads.not_started, len(items))
                raise

    def _expanded(self, items: list[WorkItem]) -> tuple[list[WorkItem], dict[int, Exception]]:
        """Return the items in all enabled regions, and by their place the errors of those whose regions are unknown."""
        found: dict[int, list[str] | Exception] = {}
        unknown = [place for place, item in enumerate(items) if item.target.region is None]
        with self._threads(self._regions, [items[place] for place in unknown]) as threads:
            for finished in threads:
                place = unknown[finished.place]
                error = self._error_of(finished, items[place])
                found[place] = finished.result or [] if error is None else error
        expanded: list[WorkItem] = []
        failures: dict[int, Exception] = {}
        for place, item in enumerate(items):
            regions = found.get(place, [])
            if isinstance(regions, Exception):
                failures[len(expanded)] = regions
                expanded.append(item)
            else:
                expanded += _in_regions(item, regions)
        return expanded, failures

    def _session(self, job: Job, item: WorkItem) -> boto3.Session:
        region = item.target.region or self.region
        if item.session is not None:
            return stopped_with_job(in_region(item.session, region if item.target.region else None))
        if self.roles is None or item.request is None:
            raise AssertionError("an item without a session has a request")
        return self.roles.assume(item.request, region, job)

    def _regions(self, job: Job, item: WorkItem) -> list[str]:
        session = self._session(job, item)
        job.begin("listing the enabled regions")
        return enabled_regions(session, item.target.account, self.timeout)

    def _call(self, job: Job, item: WorkItem) -> T:
        session = self._session(job, item)
        job.begin("the function")
        result = self.function(session)
        if isawaitable(result):
            if isinstance(result, Coroutine):
                result.close()  # otherwise Python warns that it was never awaited
            raise InvalidValue("function", self.function, _NOT_ASYNC)
        return result

    def _error_of(self, finished: Finished[V], item: WorkItem) -> Exception | None:
        error = _named_error(finished, item.target.account, self.timeout)
        if error is not None and (self.stop_at_error or not isinstance(error, Exception)):
            raise error
        return error if isinstance(error, Exception) else None


def _named_error(finished: Finished[V], account: str, timeout: float) -> BaseException | None:
    error = finished.error
    if isinstance(error, JobTimeout):
        return TargetTimedOut(account, doing=error.doing, seconds=timeout)
    _clear_frames(error)
    return error


def _clear_frames(error: BaseException | None) -> None:
    """Release what the frames of an error reference: the session and the clients of a failed account."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__


def _accounts_of(sessions: Sequence[boto3.Session], *, workers: int, timeout: float) -> list[str]:
    def read(job: Job, session: boto3.Session) -> str:
        job.begin("reading the account of a session")
        return account_of(session)

    accounts = [""] * len(sessions)
    with TargetThreads(read, sessions, workers=workers, timeout=timeout) as threads:
        for finished in threads:
            error = _named_error(finished, "(unknown)", timeout)
            if error is not None:
                raise error
            accounts[finished.place] = finished.result or ""
    return accounts
