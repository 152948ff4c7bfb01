"""One side of a grant: an AWS account with the session, the clients and the caller that act in it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar

from attrs import field, frozen

from xacct.arn import Arn
from xacct.aws_reads import caller_arn
from xacct.concurrency import run_concurrently
from xacct.errors import InvalidValue
from xacct.retry import Patience, attempt, never_transient

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sts import STSClient

__all__ = ["MAX_CONCURRENT_CALLS", "GrantAccount", "Side", "connect", "connect_one"]

MAX_CONCURRENT_CALLS = 8
"""The most calls that a plan makes at the same time, in both accounts together."""

Side = Literal["trusting", "trusted"]

T = TypeVar("T")


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
        call_slots: limits how many calls are made at the same time; shared by both accounts.
    """

    side: Side
    caller: Arn
    session: boto3.Session = field(repr=False)
    iam: IAMClient = field(repr=False)
    sts: STSClient = field(repr=False)
    patience: Patience = field(repr=False)
    call_slots: threading.BoundedSemaphore = field(
        factory=lambda: threading.BoundedSemaphore(MAX_CONCURRENT_CALLS), repr=False, eq=False
    )

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

        Raises:
            AwsError: the call failed.
        """

        def in_slot() -> T:
            # Held during a try, and not while waiting for the next one.
            with self.call_slots:
                return call()

        return attempt(
            in_slot, doing=doing, account=self.id, resource=resource, patience=self.patience, transient=transient
        )


def connect(trusting: boto3.Session, trusted: boto3.Session, patience: Patience) -> tuple[GrantAccount, GrantAccount]:
    """Return the trusting and the trusted account of two sessions, after reading both callers concurrently.

    Raises:
        InvalidValue: an argument is not a session.
        SessionExpired: the credentials of a session have expired.
        AwsError: a session has no credentials, or they do not work.
    """
    _check_session("trusting", trusting)
    _check_session("trusted", trusted)
    slots = threading.BoundedSemaphore(MAX_CONCURRENT_CALLS)
    # boto3.Session is not thread-safe, so the clients are created before any thread starts.
    readers = [_reader("trusting", "trusting", trusting, patience, slots)]
    readers.append(_reader("trusted", "trusted", trusted, patience, slots))
    first, second = run_concurrently(*readers)
    return first, second


def connect_one(
    session: boto3.Session, name: str, *, side: Side = "trusting", patience: Patience | None = None
) -> GrantAccount:
    """Return the account of one session, after reading its caller.

    Args:
        session: the session.
        name: what errors call the session.
        side: the side of a grant that the account is on.
        patience: how long to retry each call; two minutes by default.

    Raises:
        InvalidValue: the argument is not a session.
        SessionExpired: the credentials of the session have expired.
        AwsError: the session has no credentials, or they do not work.
    """
    _check_session(name, session)
    slots = threading.BoundedSemaphore(MAX_CONCURRENT_CALLS)
    return _reader(name, side, session, patience or Patience(), slots)()


def _check_session(name: str, session: object) -> None:
    # Compared by what is used of it, because sessions that refresh themselves can be of other classes.
    if not callable(getattr(session, "client", None)):
        example = session if isinstance(session, str) and session else "production"
        raise InvalidValue(name, session, f"a boto3.Session, such as boto3.Session(profile_name={example!r})")


def _reader(
    name: str, side: Side, session: boto3.Session, patience: Patience, slots: threading.BoundedSemaphore
) -> Callable[[], GrantAccount]:
    """Return the function that reads the caller of a session and returns its account."""
    iam, sts = session.client("iam"), session.client("sts")
    return lambda: GrantAccount(
        side=side,
        caller=caller_arn(sts, name, patience=patience),
        session=session,
        iam=iam,
        sts=sts,
        patience=patience,
        call_slots=slots,
    )
