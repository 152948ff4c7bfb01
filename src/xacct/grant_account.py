"""One side of a grant: an AWS account with the session, the clients and the caller that act in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar

from attrs import field, frozen

from xacct.arn import Arn
from xacct.aws_reads import caller_arn
from xacct.concurrency import run_concurrently
from xacct.retry import Patience, attempt, never_transient

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sts import STSClient

__all__ = ["GrantAccount", "Side", "connect"]

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
    """

    side: Side
    caller: Arn
    session: boto3.Session = field(repr=False)
    iam: IAMClient = field(repr=False)
    sts: STSClient = field(repr=False)
    patience: Patience = field(repr=False)

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
        return attempt(
            call, doing=doing, account=self.id, resource=resource, patience=self.patience, transient=transient
        )


def connect(trusting: boto3.Session, trusted: boto3.Session, patience: Patience) -> tuple[GrantAccount, GrantAccount]:
    """Return the trusting and the trusted account of two sessions, after reading both callers concurrently.

    Raises:
        AwsError: the credentials of a session do not work.
    """
    # boto3.Session is not thread-safe, so the clients are created before any thread starts.
    clients = [(session.client("iam"), session.client("sts")) for session in (trusting, trusted)]
    sides: tuple[Side, Side] = ("trusting", "trusted")
    callers = run_concurrently(
        *(lambda sts=sts, side=side: caller_arn(sts, side, patience=patience) for (_, sts), side in zip(clients, sides))
    )
    first, second = (
        GrantAccount(side=side, caller=caller, session=session, iam=iam, sts=sts, patience=patience)
        for side, caller, session, (iam, sts) in zip(sides, callers, (trusting, trusted), clients)
    )
    return first, second
