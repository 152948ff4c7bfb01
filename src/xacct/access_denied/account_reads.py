"""Reads in several accounts that go on if a call is refused: what could not be read is recorded, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from xacct.authz.policy_set import LayerName
from xacct.aws_reads import caller_arn
from xacct.concurrency import run_concurrently
from xacct.errors import PolicyError
from xacct.retry import code_of

if TYPE_CHECKING:
    import boto3

__all__ = ["AccountReads", "Unread"]

T = TypeVar("T")


@frozen
class Unread:
    """Something that could not be read, so that the cause of a denial may be there.

    Attributes:
        layer: the kind of policy, such as ``identity``.
        what: what it is, such as ``inline policies of user alice``.
        why: AWS's error code, or why no call was made.

    >>> print(Unread("identity", "inline policies of user alice", "AccessDenied"))
    inline policies of user alice (AccessDenied)
    """

    layer: LayerName
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what} ({self.why})"


@define
class AccountReads:
    """Calls with a session for each account. A call that is refused is recorded and raises no error.

    Attributes:
        sessions: the sessions by account id.
        unread: what could not be read.
    """

    sessions: dict[str, boto3.Session]
    unread: list[Unread] = field(factory=list)
    _clients: dict[tuple[str, str, str | None], object] = field(factory=dict, init=False, repr=False)
    _client_lock: Lock = field(factory=Lock, init=False)

    @classmethod
    def connect(cls, trusting: boto3.Session, trusted: boto3.Session) -> AccountReads:
        """Return the reads for the accounts of two sessions, which may be the same.

        Raises:
            AwsError: the credentials of a session do not work; the message says of which.
        """
        sessions = {trusting: "trusting", trusted: "trusted"} if trusting is not trusted else {trusted: "trusted"}
        # Clients are created in this thread, because creating them from one session is not thread-safe.
        reads = [partial(caller_arn, session.client("sts"), name) for session, name in sessions.items()]
        return cls(dict(zip((arn.account for arn in run_concurrently(*reads)), sessions)))

    def client(self, layer: LayerName, service: str, account: str, what: str, region: str | None = None) -> object:
        """Return a client for an account; None, recorded as unread, if no session belongs to it.

        Args:
            layer: the kind of policy to read.
            service: the service, such as ``iam``.
            account: the account id.
            what: what the client is for, if it has to be recorded as unread.
            region: the region; None for the session's.
        """
        if account not in self.sessions:
            self.unread.append(Unread(layer, what, f"no session of account {account}"))
            return None
        with self._client_lock:
            key = (service, account, region)
            if key not in self._clients:
                # The stubs know literal service names only.
                self._clients[key] = self.sessions[account].client(service, region_name=region)  # type: ignore[call-overload]
            return self._clients[key]

    def read(self, layer: LayerName, what: str, call: Callable[[], T], *, absent: Sequence[str] = ()) -> T | None:
        """Return the result of a call; None if there is no such thing, or, recorded as unread, if the call failed.

        A policy that is not well formed is recorded as well, because AWS may store what xacct does not understand.

        Args:
            layer: the kind of policy to read.
            what: what the call reads.
            call: the call.
            absent: AWS's error codes for a thing that does not exist.
        """
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            if code_of(error) not in absent:
                self.record(layer, what, error)
        except PolicyError as error:
            self.unread.append(Unread(layer, what, f"not understood: {error}"))
        return None

    def record(self, layer: LayerName, what: str, error: ClientError | BotoCoreError) -> None:
        """Record what could not be read because of an error."""
        self.unread.append(Unread(layer, what, code_of(error) or str(error)))
