"""One account of a grant, as a session sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeVar

from attrs import field, frozen

from xacct.arn import Arn
from xacct.concurrency import run_concurrently
from xacct.retry import Patience, attempt, never

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sts import STSClient

__all__ = ["GrantAccount", "Side", "connect"]

Side = Literal["trusting", "trusted"]

T = TypeVar("T")


@frozen(kw_only=True)
class GrantAccount:
    """A session's account, with the clients that every step shares.

    Attributes:
        side: which side of the grant it is.
        caller: the ARN of whoever the session's credentials belong to.
        session: the session itself.
        patience: how long to wait for eventual consistency.
    """

    side: Side
    caller: Arn
    session: boto3.Session = field(repr=False)
    iam: IAMClient = field(repr=False)
    sts: STSClient = field(repr=False)
    patience: Patience = field(repr=False)

    @property
    def id(self) -> str:
        """The account's id."""
        return self.caller.account

    @property
    def partition(self) -> str:
        """The account's partition."""
        return self.caller.partition

    def attempt(
        self,
        call: Callable[[], T],
        *,
        doing: str,
        resource: str = "*",
        transient: Callable[[BaseException], bool] = never,
    ) -> T:
        """The result of a call to this account, with the retries and the errors of :func:`xacct.retry.attempt`."""
        return attempt(call, doing=doing, account=self.id, resource=resource, patience=self.patience, transient=transient)


def connect(trusting: boto3.Session, trusted: boto3.Session, patience: Patience) -> tuple[GrantAccount, GrantAccount]:
    """Both sides, after asking both accounts at once who the caller is.

    Raises:
        AwsError: the credentials of a side do not work.
    """
    # Making clients from one session is not thread-safe, so they are made here, before any thread starts.
    clients = [(s.client("iam"), s.client("sts")) for s in (trusting, trusted)]

    def who(sts: STSClient, name: str) -> Arn:
        identity = attempt(
            sts.get_caller_identity,
            doing=f"asking who the {name} session belongs to",
            account="(unknown)",
            resource="*",
            patience=patience,
        )
        return Arn.parse(identity["Arn"])

    names: tuple[Side, Side] = ("trusting", "trusted")
    callers = run_concurrently(*(lambda s=sts, n=name: who(s, n) for (_, sts), name in zip(clients, names)))
    first, second = (
        GrantAccount(side=name, caller=caller, session=session, iam=iam, sts=sts, patience=patience)
        for name, caller, session, (iam, sts) in zip(names, callers, (trusting, trusted), clients)
    )
    return first, second
