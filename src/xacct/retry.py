"""What passes by itself, what does not, and how long to wait for it."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import TypeVar

import tenacity
from attrs import field, frozen
from attrs.validators import ge, gt
from botocore.exceptions import ClientError, ConnectionError as NoConnection, HTTPClientError

from xacct.arn import Arn
from xacct.errors import AwsError, NotPropagated, PermissionMissing

__all__ = [
    "Patience",
    "attempt",
    "code_of",
    "deletion_is_stale",
    "denied_or_unknown",
    "made_but_not_visible_yet",
    "never",
    "not_visible_yet",
    "principal_not_visible_yet",
    "stop_after_sleeping",
    "translate",
]

log = logging.getLogger("xacct")

T = TypeVar("T")

_BUSY = frozenset(
    {
        "ConcurrentModification",
        "EntityTemporarilyUnmodifiable",
        "InternalFailure",
        "InternalError",
        "RequestLimitExceeded",
        "ServiceFailure",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# Where the action that a call needs has another name than the call.
_ACTIONS = {"GetBucketEncryption": "GetEncryptionConfiguration", "HeadBucket": "ListBucket"}
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})


def _sleep(seconds: float) -> None:
    # Looked up when it is called, so that a test's clock can stand in.
    time.sleep(seconds)


@frozen(kw_only=True)
class Patience:
    """How long to wait for IAM's writes to become visible everywhere.

    AWS promises no bound; what has been seen is 10 to 60 seconds.

    Args:
        deadline: seconds in all for one step, at least 0.
        first: seconds before the second try.
        longest: seconds between tries at most.
        sleep: called with the seconds to wait.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
    """

    deadline: float = field(default=120.0, validator=ge(0))
    first: float = field(default=0.5, validator=gt(0))
    longest: float = field(default=5.0, validator=gt(0))
    sleep: Callable[[float], None] = field(default=_sleep, repr=False, eq=False)


def code_of(error: BaseException) -> str | None:
    """AWS's code for an error; None for anything that AWS did not say."""
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None


def is_ambiguous(error: BaseException) -> bool:
    """Whether the call may have taken effect although it failed: the answer was lost, or the server broke."""
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
    return isinstance(error, (HTTPClientError, NoConnection))


def _may_have_taken_effect(error: BaseException | None) -> bool:
    """Whether this try, or one that botocore made before it, may have taken effect, even if another call followed."""
    while error is not None:
        if is_ambiguous(error):
            return True
        if isinstance(error, ClientError) and error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0:
            return True
        error = error.__context__
    return False


def is_retryable(error: BaseException) -> bool:
    """Whether AWS was too is_retryable, or the answer was lost: trying again is right whatever the call."""
    return is_ambiguous(error) or code_of(error) in _BUSY


def never(_: BaseException) -> bool:
    """No refusal passes by itself."""
    return False


def not_visible_yet(error: BaseException) -> bool:
    """Right after a write of ours: what was written is not seen everywhere yet."""
    return code_of(error) == "NoSuchEntity"


def made_but_not_visible_yet(error: BaseException) -> bool:
    """Right after a creation whose answer was lost: IAM knows the name, and a read does not find it yet."""
    return code_of(error) == "EntityAlreadyExists"


def principal_not_visible_yet(error: BaseException) -> bool:
    """Right after we made a principal: a trust policy cannot name it yet. Otherwise it is simply wrong."""
    return code_of(error) == "MalformedPolicyDocument" and "Invalid principal in policy" in str(error)


def deletion_is_stale(error: BaseException) -> bool:
    """Right after we detached what was in the way: the delete does not see it yet.

    A delete that finds nothing is done, so that what is not found is what a read after a conflict looked for.
    """
    return code_of(error) in ("DeleteConflict", "NoSuchEntity")


def denied_or_unknown(error: BaseException) -> bool:
    """Right after we made a role: STS does not know it yet, or knows it on some of its hosts only."""
    return code_of(error) in _DENIED | {"InvalidClientTokenId", "NoSuchEntity"}


def attempt(
    call: Callable[[], T],
    *,
    doing: str,
    account: str,
    resource: str,
    patience: Patience,
    transient: Callable[[BaseException], bool] = never,
) -> T:
    """The result of a call, retried while it fails for a transient reason.

    Args:
        call: makes the call.
        doing: what is being done, for errors.
        account: whose credentials make the call.
        resource: the ARN that the call is about, for errors.
        patience: how long to try.
        transient: refusals that are eventual consistency here.

    Raises:
        PermissionMissing: the caller may not make the call.
        NotPropagated: the deadline passed while the refusal was one that passes by itself.
        AwsError: any other refusal.
    """
    doubtful = False

    def once() -> T:
        nonlocal doubtful
        try:
            return call()
        except (ClientError, HTTPClientError, NoConnection) as error:
            doubtful = doubtful or _may_have_taken_effect(error)
            raise

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: is_retryable(error) or transient(error)),
        stop=tenacity.stop_any(tenacity.stop_after_delay(patience.deadline), stop_after_sleeping(patience.deadline)),
        wait=tenacity.wait_random_exponential(multiplier=patience.first, max=patience.longest),
        sleep=patience.sleep,
        before_sleep=lambda state: log.debug(
            "%s: trying again after %s", doing, code_of(_failure(state)) or "an error"
        ),
        reraise=True,
    )
    try:
        return retrying(once)
    except (ClientError, HTTPClientError, NoConnection) as error:
        if transient(error):
            raise NotPropagated(
                f"{doing} in account {account}: still refused after {patience.deadline:g} s. Either AWS needs longer, "
                f"or the refusal is real. AWS said: {error}",
                doing=doing,
                account=account,
                code=code_of(error),
                ambiguous=doubtful,
            ) from error
        refusal = translate(error, doing=doing, account=account, resource=resource)
        # A refusal tells of its own try only: one before it may have taken effect.
        refusal.ambiguous = doubtful
        raise refusal from error


class stop_after_sleeping(tenacity.stop.stop_base):  # noqa: N801 # named like tenacity's own
    """Stop when so many seconds were slept: on a clock that only a test moves, no other time passes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        """Whether to stop."""
        return retry_state.idle_for >= self._seconds


def _failure(state: tenacity.RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or RuntimeError("no outcome")


def _service_of(resource: str) -> str:
    return Arn.parse(resource).service if resource.startswith("arn:") else "iam"


def translate(
    error: ClientError | HTTPClientError | NoConnection, *, doing: str, account: str, resource: str
) -> AwsError:
    """What AWS's refusal means for the caller of xacct."""
    code = code_of(error)
    if isinstance(error, ClientError) and code in _DENIED:
        name, message = error.operation_name, error.response.get("Error", {}).get("Message", "")
        service = "sts" if name.startswith(("Assume", "GetCallerIdentity")) else _service_of(resource)
        said = re.search(r"not authorized to perform: ([\w-]+:\w+)", message)
        return PermissionMissing(
            doing=doing,
            account=account,
            action=said[1] if said else f"{service}:{_ACTIONS.get(name, name)}",
            resource=resource,
            message=message,
        )
    return AwsError(
        f"{doing} in account {account} failed. AWS said: {error}",
        doing=doing,
        account=account,
        code=code,
    )
