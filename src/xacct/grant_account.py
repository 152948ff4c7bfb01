"""One side of a grant: an AWS account with the session, the clients and the caller that act in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

import boto3
from attrs import evolve, field, frozen
from botocore.exceptions import BotoCoreError, NoRegionError

from xacct.arn import Arn
from xacct.aws_reads import caller_arn, credentials_error, no_credentials, session_label
from xacct.concurrency import run_concurrently
from xacct.errors import AwsError, InvalidValue
from xacct.retry import Patience, attempt, never_transient

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sts import STSClient

__all__ = ["MAX_CONCURRENT_CALLS", "GrantAccount", "Side", "connect", "connect_one"]

Side = Literal["trusting", "trusted"]

T = TypeVar("T")

MAX_CONCURRENT_CALLS = 8
"""How many calls both accounts of a grant make at a time at most: IAM throttles the calls of an account."""

# Seconds to retry the first call. Nothing was written that could still propagate, and a user waits for the answer.
_FIRST_CALL_DEADLINE = 30.0


class _CallLimit:
    """Lets a number of calls run at a time, over all threads.

    A call that is made inside another call of the same thread is not counted, because the outer call waits for it.

    Args:
        most: the number of calls.
    """

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._thread = threading.local()

    @contextmanager
    def one_call(self) -> Iterator[None]:
        """Wait until a call may run, and count it while the block runs."""
        if getattr(self._thread, "in_call", False):
            yield
            return
        with self._free:
            self._thread.in_call = True
            try:
                yield
            finally:
                self._thread.in_call = False


@frozen(kw_only=True)
class GrantAccount:
    """The account of one side of a grant, with the clients that every step shares.

    Attributes:
        side: ``trusting`` or ``trusted``.
        caller: the ARN of the session's caller.
        session: the session.
        iam: the session's IAM client.
        sts: the session's STS client.
        patience: how long to retry each call while IAM changes propagate.
        name: what errors call the session; its side if not given.
    """

    side: Side
    caller: Arn
    session: boto3.Session = field(repr=False)
    iam: IAMClient = field(repr=False)
    sts: STSClient = field(repr=False)
    patience: Patience = field(repr=False)
    name: str = field(repr=False, eq=False)
    _limit: _CallLimit = field(alias="limit", repr=False, eq=False)

    @property
    def id(self) -> str:
        """The account's ID."""
        return self.caller.account

    @property
    def partition(self) -> str:
        """The account's partition, such as ``aws``."""
        return self.caller.partition

    def attempt(
        self,
        call: Callable[[], T],
        *,
        doing: str,
        resource: str = "*",
        transient: Callable[[BaseException], bool] = never_transient,
    ) -> T:
        """Make a call to this account and return its result, as :func:`xacct.retry.attempt` does.

        At most ``MAX_CONCURRENT_CALLS`` calls run at a time, over both accounts of a grant. The waits between the tries
        of a call do not count.

        Raises:
            SessionExpired: the session's credentials have expired.
            InvalidCredentials: the session's credentials could not be loaded, or AWS rejects them.
            AwsError: the call failed.
        """

        def once() -> T:
            with self._limit.one_call():
                return call()

        try:
            return attempt(
                once, doing=doing, account=self.id, resource=resource, patience=self.patience, transient=transient
            )
        except Exception as error:
            explained = credentials_error(
                error,
                doing=f"{doing} in account {self.id}",
                whose=f"{session_label(self.name)}'s",
                profile=_profile_of(self.session),
                account=self.id,
            )
            if explained is None:
                raise
            explained.doing = doing
            raise explained from error


def connect(trusting: boto3.Session, trusted: boto3.Session, patience: Patience) -> tuple[GrantAccount, GrantAccount]:
    """Return the trusting and the trusted account of two sessions, after reading both callers concurrently.

    Both sessions may belong to one account, and may be the same session.

    Args:
        trusting: a session of the account that has the roles.
        trusted: a session of the account whose principals assume the roles.
        patience: how long to retry each call while IAM changes propagate.

    Raises:
        InvalidValue: an argument is not a session, such as the name of a profile. Nothing was called.
        SessionExpired: the credentials of a session have expired; says of which, and how to renew them.
        InvalidCredentials: a session has no credentials, or AWS rejects them.
        AwsError: AWS could not be reached, or refused.
    """
    sessions = {"trusting": trusting, "trusted": trusted}
    for name, session in sessions.items():
        _check_session(session, name)
    limit = _CallLimit(MAX_CONCURRENT_CALLS)
    # boto3.Session is not thread-safe, so the clients are created before any thread starts.
    first = _prepare(trusting, "trusting", patience, name="trusting", limit=limit)
    if trusted is trusting:
        account = first()
        return account, evolve(account, side="trusted", name="trusted")
    second = _prepare(trusted, "trusted", patience, name="trusted", limit=limit)
    here, there = run_concurrently(first, second)
    return here, there


def connect_one(
    session: boto3.Session, name: str, *, side: Side = "trusting", patience: Patience | None = None
) -> GrantAccount:
    """Return the account of a session, after reading its caller.

    Args:
        session: the session.
        name: the name of the argument that has the session, for errors, such as ``session`` or ``trusted``.
        side: the side that the account has in a grant, if that matters to the caller.
        patience: how long to retry each call; two minutes by default.

    Raises:
        InvalidValue: the argument is not a session, such as the name of a profile. Nothing was called.
        SessionExpired: the session's credentials have expired; says how to renew them.
        InvalidCredentials: the session has no credentials, or AWS rejects them.
        AwsError: AWS could not be reached, or refused.

    >>> connect_one("prod", "session")
    Traceback (most recent call last):
    xacct.errors.InvalidValue: session: 'prod' is not valid: a boto3.Session, such as boto3.Session(profile_name='prod')
    """
    _check_session(session, name)
    return _prepare(session, side, patience or Patience(), name=name, limit=_CallLimit(MAX_CONCURRENT_CALLS))()


def _check_session(value: object, name: str) -> None:
    if isinstance(value, boto3.Session):
        return
    is_profile = isinstance(value, str) and value and not value.isdigit()
    # A dictionary or an object may contain credentials, so only its type is shown.
    shown = value if value is None or isinstance(value, (str, int)) else type(value)
    profile = value if is_profile else "prod"
    raise InvalidValue(name, shown, f"a boto3.Session, such as boto3.Session(profile_name={profile!r})")


def _prepare(
    session: boto3.Session, side: Side, patience: Patience, *, name: str, limit: _CallLimit
) -> Callable[[], GrantAccount]:
    """Create the clients of a session, and return the function that reads its caller."""
    doing = f"reading the caller identity of {session_label(name)}"
    profile = _profile_of(session)
    try:
        if session.get_credentials() is None:
            raise no_credentials(doing, "its")
        iam, sts = session.client("iam"), session.client("sts")
    except NoRegionError as error:
        rule = "a session with a region, such as boto3.Session(profile_name='prod', region_name='eu-central-1')"
        raise InvalidValue(name, "a session without a region", rule) from error
    except BotoCoreError as error:
        explained = credentials_error(error, doing=doing, whose="its", profile=profile)
        raise explained or AwsError(f"{doing} failed: {error}", doing=doing) from error
    return partial(_read_caller, session, side, patience, name=name, limit=limit, iam=iam, sts=sts)


def _read_caller(
    session: boto3.Session,
    side: Side,
    patience: Patience,
    *,
    name: str,
    limit: _CallLimit,
    iam: IAMClient,
    sts: STSClient,
) -> GrantAccount:
    first = evolve(patience, deadline=min(patience.deadline, _FIRST_CALL_DEADLINE))
    caller = caller_arn(sts, name, patience=first, profile=_profile_of(session))
    return GrantAccount(
        side=side, caller=caller, session=session, iam=iam, sts=sts, patience=patience, name=name, limit=limit
    )


def _profile_of(session: boto3.Session) -> str | None:
    """Return the name of a session's profile; None if it uses the default one."""
    return None if session.profile_name == "default" else session.profile_name
