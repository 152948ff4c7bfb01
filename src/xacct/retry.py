"""Retries of AWS calls: which errors are transient, how long to retry, and what the final error says."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, frozen
from botocore.exceptions import ClientError, ConnectionError as NoConnection, HTTPClientError

from xacct.arn import Arn
from xacct.errors import AwsError, NotPropagated, PermissionMissing, SessionExpired
from xacct.validators import seconds

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = [
    "EXPIRED_CODES",
    "Patience",
    "attempt",
    "code_of",
    "creation_not_visible_yet",
    "deletion_is_stale",
    "denied_or_unknown",
    "never_transient",
    "none_if_missing",
    "not_visible_yet",
    "poll",
    "principal_not_visible_yet",
    "stop_after",
    "translate",
]

log = logging.getLogger("xacct")

T = TypeVar("T")

_RETRYABLE = frozenset(
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
# Operations whose IAM action has a different name.
_ACTION_NAMES = {"GetBucketEncryption": "GetEncryptionConfiguration"}
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})
"""AWS's error codes for credentials that have expired."""

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})


def _sleep(seconds: float) -> None:
    # Look up time.sleep at call time, so that tests can replace it.
    time.sleep(seconds)


@frozen(kw_only=True)
class Patience:
    """How long, and how often, to retry one call while IAM changes propagate.

    Calls are retried with exponential backoff and jitter: a random wait of at most `first` seconds before the second
    try, twice that before the third, and so on up to `longest`. AWS documents no upper bound for propagation; 10 to 60
    seconds are typical.

    Args:
        deadline: total seconds for one call, retries included; at least 0. With 0 there are no retries.
        first: upper bound in seconds of the wait before the second try; greater than 0.
        longest: upper bound in seconds of any wait; greater than 0.
        sleep: called with the seconds to wait; :func:`time.sleep` by default.

    Raises:
        InvalidValue: a number is out of range.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency

    >>> Patience(deadline=30).deadline
    30
    """

    deadline: float = field(default=120.0, validator=seconds(zero=True))
    first: float = field(default=0.5, validator=seconds(zero=False))
    longest: float = field(default=5.0, validator=seconds(zero=False))
    sleep: Callable[[float], None] = field(default=_sleep, repr=False, eq=False)


def code_of(error: BaseException) -> str | None:
    """Return the AWS error code of an exception, or None if it is not an AWS error response."""
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None


def is_ambiguous(error: BaseException) -> bool:
    """Return whether the call may have taken effect: the connection failed, or AWS answered with a 5xx error."""
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
    return isinstance(error, (HTTPClientError, NoConnection))


def _may_have_taken_effect(error: BaseException | None) -> bool:
    """Return whether a call may have taken effect: this one, a try of botocore before it, or one that failed before."""
    while error is not None:
        if is_ambiguous(error):
            return True
        if isinstance(error, ClientError) and error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0:
            return True
        error = error.__context__
    return False


def is_retryable(error: BaseException) -> bool:
    """Return whether the error is worth a retry for any call: throttling, a server error or a failed connection."""
    return is_ambiguous(error) or code_of(error) in _RETRYABLE


def none_if_missing(call: Callable[[], T]) -> T | None:
    """Return the result of a call, or None if IAM answers NoSuchEntity.

    Reads use it to find out whether a resource exists. Deletions use it to succeed if there is nothing to delete.
    """
    try:
        return call()
    except ClientError as error:
        if code_of(error) != "NoSuchEntity":
            raise
        return None


def never_transient(_: BaseException) -> bool:
    """Return False: no error of this call is caused by propagation."""
    return False


def not_visible_yet(error: BaseException) -> bool:
    """Return whether a resource that was just created is not visible to this call yet."""
    return code_of(error) == "NoSuchEntity"


def creation_not_visible_yet(error: BaseException) -> bool:
    """Return whether the resource exists but cannot be read yet, as after a creation whose response was lost."""
    return code_of(error) == "EntityAlreadyExists"


def principal_not_visible_yet(error: BaseException) -> bool:
    """Return whether a policy names a principal that IAM does not find.

    It is transient only if the same run creates that principal.
    """
    return code_of(error) == "MalformedPolicyDocument" and "Invalid principal in policy" in str(error)


def deletion_is_stale(error: BaseException) -> bool:
    """Return whether a deletion is refused because earlier detachments or deletions are not visible yet.

    NoSuchEntity comes from the read that follows a DeleteConflict: the deletion itself treats it as success.
    """
    return code_of(error) in ("DeleteConflict", "NoSuchEntity")


def denied_or_unknown(error: BaseException) -> bool:
    """Return whether STS refuses a new role or a new access key because it is not visible on all hosts yet."""
    return code_of(error) in _DENIED | {"InvalidClientTokenId", "NoSuchEntity"}


def attempt(
    call: Callable[[], T],
    *,
    doing: str,
    account: str,
    resource: str,
    patience: Patience,
    transient: Callable[[BaseException], bool] = never_transient,
) -> T:
    """Make a call and return its result. Retry while the error is transient.

    Args:
        call: makes the call.
        doing: the operation and the resource's name, for errors, such as ``creating role CrossAccountRoleS3``.
        account: the account whose credentials make the call, for errors.
        resource: the ARN of the resource, for errors.
        patience: how long to retry.
        transient: returns whether an error is caused by propagation. Throttling, server errors and failed connections
            are always retried.

    Raises:
        PermissionMissing: the caller lacks a permission.
        NotPropagated: the error was still transient at the deadline.
        SessionExpired: the caller's credentials have expired.
        AwsError: any other error.
    """
    import tenacity  # takes time that `xacct credentials` does not have

    ambiguous = False

    def once() -> T:
        nonlocal ambiguous
        try:
            return call()
        except (ClientError, HTTPClientError, NoConnection) as error:
            ambiguous = ambiguous or _may_have_taken_effect(error)
            raise

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: is_retryable(error) or transient(error)),
        stop=stop_after(patience.deadline),
        wait=tenacity.wait_random_exponential(multiplier=patience.first, max=patience.longest),
        sleep=patience.sleep,
        before_sleep=lambda state: log.debug(
            "%s: retrying after %s", doing, state.outcome and repr(state.outcome.exception())
        ),
        reraise=True,
    )
    try:
        return retrying(once)
    except (ClientError, HTTPClientError, NoConnection) as error:
        if transient(error):
            raise NotPropagated(
                f"{doing} in account {account} failed after {patience.deadline:g} s of retries. IAM changes may need "
                "more time to propagate: run again. If the error does not go away, propagation is not the cause. "
                f"AWS's message: {error}",
                doing=doing,
                account=account,
                code=code_of(error),
                ambiguous=ambiguous,
            ) from error
        failure = translate(error, doing=doing, account=account, resource=resource)
        # An earlier try may have taken effect even if the last one was refused.
        failure.ambiguous = ambiguous
        raise failure from error


def poll(read: Callable[[], T], is_final: Callable[[T], bool], patience: Patience) -> T:
    """Read until a result is final or the deadline has passed, and return the last result.

    Args:
        read: reads once.
        is_final: returns whether a result is what the caller waits for.
        patience: how long to wait, and how often to read.
    """
    import tenacity

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_not_result(is_final),
        stop=stop_after(patience.deadline),
        wait=tenacity.wait_random_exponential(multiplier=patience.first, max=patience.longest),
        sleep=patience.sleep,
        retry_error_callback=_last_result,
    )
    return retrying(read)


def _last_result(state: RetryCallState) -> Any:
    if state.outcome is None:
        raise AssertionError("tenacity stops only after a try")
    return state.outcome.result()


def stop_after(seconds: float) -> Callable[[RetryCallState], bool]:
    """Return the condition of tenacity to stop after a time, on the clock or asleep.

    With a replaced ``time.sleep`` no real time passes, so that a deadline on the clock is never reached.
    """
    return lambda state: max(state.seconds_since_start or 0, state.idle_for) >= seconds


def _service_of(resource: str) -> str:
    return Arn.parse(resource).service if resource.startswith("arn:") else "iam"


def translate(
    error: ClientError | HTTPClientError | NoConnection, *, doing: str, account: str, resource: str
) -> AwsError:
    """Return the xacct error for an error of boto3."""
    code = code_of(error)
    if isinstance(error, ClientError) and code in _DENIED:
        name, message = error.operation_name, error.response.get("Error", {}).get("Message", "")
        service = "sts" if name.startswith(("Assume", "GetCallerIdentity")) else _service_of(resource)
        stated = re.search(r"not authorized to perform: ([\w-]+:\w+)", message)
        return PermissionMissing(
            doing=doing,
            account=account,
            action=stated[1] if stated else f"{service}:{_ACTION_NAMES.get(name, name)}",
            resource=resource,
            message=message,
        )
    if code in EXPIRED_CODES:
        return SessionExpired(
            f"{doing} in account {account} failed: the session's credentials have expired. Sign in again, such as with "
            f"aws sso login, and run again. AWS's message: {error}",
            doing=doing,
            account=account,
            code=code,
        )
    return AwsError(
        f"{doing} in account {account} failed. AWS's message: {error}",
        doing=doing,
        account=account,
        code=code,
    )
