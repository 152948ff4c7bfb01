"""Which errors are retried, for how long, and what the final error says."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import tenacity
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from xacct.errors import AwsError, InvalidValue, NotPropagated, PermissionMissing, SessionExpired
from xacct.retry import (
    Patience,
    attempt,
    code_of,
    creation_not_visible_yet,
    deletion_is_stale,
    denied_or_unknown,
    is_ambiguous,
    is_retryable,
    never_transient,
    none_if_missing,
    not_visible_yet,
    poll,
    principal_not_visible_yet,
    stop_after,
    translate,
)

URL = "https://iam.amazonaws.com"
ROLE = "arn:aws:iam::111111111111:role/R"
CODES = {
    "AccessDenied",
    "AccessDeniedException",
    "DeleteConflict",
    "EntityAlreadyExists",
    "InvalidClientTokenId",
    "LimitExceeded",
    "MalformedPolicyDocument",
    "NoSuchEntity",
    "Throttling",
    "ValidationError",
}


def error(code: str, message: str = "message", status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetRole")  # type: ignore[arg-type]


class Sleeps(list[float]):
    """Records the seconds of each sleep, and does not sleep."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.mark.parametrize(
    ("transient", "codes"),
    [
        (never_transient, set()),
        (not_visible_yet, {"NoSuchEntity"}),
        (creation_not_visible_yet, {"EntityAlreadyExists"}),
        (deletion_is_stale, {"DeleteConflict", "NoSuchEntity"}),
        (denied_or_unknown, {"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "NoSuchEntity"}),
        (is_retryable, {"Throttling"}),
    ],
)
def test_each_rule_names_its_transient_codes(transient: object, codes: set[str]) -> None:
    assert callable(transient)
    assert {code for code in CODES if transient(error(code))} == codes


def test_a_malformed_policy_is_transient_only_if_it_names_an_unknown_principal() -> None:
    assert principal_not_visible_yet(error("MalformedPolicyDocument", 'Invalid principal in policy: "AWS":"x"'))
    assert not principal_not_visible_yet(error("MalformedPolicyDocument", "Has prohibited field Resource"))
    assert not principal_not_visible_yet(error("ValidationError", 'Invalid principal in policy: "AWS":"x"'))


@pytest.mark.parametrize(
    ("failure", "ambiguous"),
    [
        (EndpointConnectionError(endpoint_url=URL), True),
        (ConnectionClosedError(endpoint_url=URL), True),
        (ReadTimeoutError(endpoint_url=URL), True),
        (error("ServiceFailure", status=500), True),
        (error("ServiceUnavailable", status=503), True),
        (error("Throttling"), False),
        (error("AccessDenied", status=403), False),
        (ClientError({"Error": {"Code": "Unknown"}, "ResponseMetadata": {}}, "GetRole"), False),  # type: ignore[typeddict-item]
        (ClientError({"Error": {"Code": "Unknown"}}, "GetRole"), False),
        (ValueError("not of AWS"), False),
    ],
    ids=lambda value: code_of(value) or type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_call_may_have_taken_effect_if_the_connection_or_the_server_failed(
    failure: Exception, ambiguous: bool
) -> None:
    assert is_ambiguous(failure) is ambiguous


def test_an_error_without_a_code_has_none() -> None:
    assert code_of(ClientError({}, "GetRole")) is None
    assert code_of(ValueError("not of AWS")) is None


def test_only_a_missing_entity_is_none() -> None:
    def fail(code: str) -> str:
        raise error(code)

    assert none_if_missing(lambda: "found") == "found"
    assert none_if_missing(lambda: fail("NoSuchEntity")) is None
    with pytest.raises(ClientError, match="AccessDenied"):
        none_if_missing(lambda: fail("AccessDenied"))


def call_failing_with(*failures: Exception, then: str = "result") -> list[str]:
    """Attempt a call that fails with each error in turn; return the result and the waits as text."""
    left, sleeps = list(failures), Sleeps()

    def call() -> str:
        if left:
            raise left.pop(0)
        return then

    patience = Patience(deadline=20, first=0.5, longest=5, sleep=sleeps)
    result = attempt(
        call,
        doing="reading role R",
        account="111111111111",
        resource=ROLE,
        patience=patience,
        transient=not_visible_yet,
    )
    assert len(sleeps) == len(failures)
    assert all(seconds <= 5 for seconds in sleeps)
    return [result]


def test_transient_errors_are_retried_until_the_call_succeeds() -> None:
    failures = error("Throttling"), error("NoSuchEntity"), ConnectionClosedError(endpoint_url=URL)

    assert call_failing_with(*failures) == ["result"]


def test_another_error_is_raised_at_once_with_operation_resource_and_account() -> None:
    with pytest.raises(
        AwsError, match=r"^reading role R in account 111111111111 failed\. AWS's message: .*limit"
    ) as failed:
        call_failing_with(error("LimitExceeded", "the limit"))

    assert (failed.value.code, failed.value.ambiguous) == ("LimitExceeded", False)


def test_a_denial_names_the_action_and_the_resource_to_allow() -> None:
    with pytest.raises(PermissionMissing) as failed:
        call_failing_with(error("AccessDenied", status=403))

    assert failed.value.statement == {"Effect": "Allow", "Action": "iam:GetRole", "Resource": ROLE}


@pytest.mark.parametrize(
    ("operation", "resource", "message", "action"),
    [
        ("GetRole", "*", "no details", "iam:GetRole"),
        ("GetRole", ROLE, "no details", "iam:GetRole"),
        ("GetBucketEncryption", "arn:aws:s3:::reports", "no details", "s3:GetEncryptionConfiguration"),
        ("AssumeRole", ROLE, "no details", "sts:AssumeRole"),
        ("GetCallerIdentity", "*", "no details", "sts:GetCallerIdentity"),
        (
            "HeadObject",
            "arn:aws:s3:::reports",
            "User: x is not authorized to perform: s3:GetObject on y",
            "s3:GetObject",
        ),
    ],
)
def test_the_denied_action_follows_from_the_message_or_from_the_operation_and_the_resource(
    operation: str, resource: str, message: str, action: str
) -> None:
    response = {"Error": {"Code": "AccessDenied", "Message": message}}
    denial = ClientError(response, operation)  # type: ignore[arg-type]
    found = translate(denial, doing="reading", account="111111111111", resource=resource)
    assert isinstance(found, PermissionMissing)
    assert (found.action, found.resource, found.doing, found.account) == (
        action,
        resource,
        "reading",
        "111111111111",
    )
    assert str(found).endswith(f"AWS's message: {message}")


def test_an_error_that_is_not_a_denial_keeps_the_operation_the_account_and_the_code() -> None:
    found = translate(error("LimitExceeded"), doing="reading", account="111111111111", resource=ROLE)
    assert (type(found), found.doing, found.account, found.code) == (
        AwsError,
        "reading",
        "111111111111",
        "LimitExceeded",
    )


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException"])
def test_an_error_of_expired_credentials_has_its_own_type(code: str) -> None:
    found = translate(error(code), doing="reading", account="111111111111", resource=ROLE)
    assert isinstance(found, SessionExpired)
    assert (found.doing, found.account, found.code) == ("reading", "111111111111", code)
    assert str(found).startswith("reading in account 111111111111 failed: the session's credentials have expired.")


def test_a_denial_without_a_message_names_the_action_of_the_operation() -> None:
    response = {"Error": {"Code": "AccessDenied"}}
    found = translate(ClientError(response, "GetRole"), doing="reading", account="1", resource=ROLE)
    assert isinstance(found, PermissionMissing)
    assert found.action == "iam:GetRole"
    assert str(found).endswith("AWS's message: ")


def test_an_error_after_a_lost_response_says_that_the_call_may_have_taken_effect() -> None:
    with pytest.raises(AwsError) as failed:
        call_failing_with(ConnectionClosedError(endpoint_url=URL), error("LimitExceeded"))

    assert failed.value.ambiguous


@pytest.mark.parametrize(
    ("metadata", "ambiguous"),
    [({"RetryAttempts": 1}, True), ({"RetryAttempts": 0}, False), ({}, False), (None, False)],
    ids=str,
)
def test_an_error_that_botocore_retried_says_that_the_call_may_have_taken_effect(
    metadata: dict[str, int] | None, ambiguous: bool
) -> None:
    response = {"Error": {"Code": "LimitExceeded"}, **({} if metadata is None else {"ResponseMetadata": metadata})}
    with pytest.raises(AwsError) as failed:
        call_failing_with(ClientError(response, "CreateRole"))  # type: ignore[arg-type]

    assert failed.value.ambiguous is ambiguous


def test_an_error_while_another_is_handled_says_that_the_call_may_have_taken_effect() -> None:
    def create_and_read() -> None:
        try:
            raise ConnectionClosedError(endpoint_url=URL)
        except ConnectionClosedError:
            raise error("LimitExceeded")  # noqa: B904 # as a read in an except block raises it

    with pytest.raises(AwsError) as failed:
        attempt(create_and_read, doing="creating role R", account="111111111111", resource=ROLE, patience=Patience())

    assert failed.value.ambiguous


def test_each_retry_is_logged_with_the_operation_and_the_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="xacct")

    call_failing_with(error("Throttling", "Rate exceeded"))

    (message,) = caplog.messages
    assert message.startswith("reading role R: retrying after ")
    assert "Rate exceeded" in message


def test_retries_stop_as_soon_as_the_waits_add_up_to_the_deadline() -> None:
    state = tenacity.RetryCallState(tenacity.Retrying(), fn=None, args=(), kwargs={})
    assert state.seconds_since_start is None
    stops = []
    for state.idle_for in (0, 19.9, 20, 20.1):
        stops.append(stop_after(20)(state))
    assert stops == [False, False, True, True]


def failing_calls(patience: Patience, call: Callable[[], None] = lambda: None) -> int:
    """Attempt a call that always fails; return how often it was made."""
    calls = []

    def fail() -> None:
        calls.append(1)
        call()
        raise error("Throttling")

    with pytest.raises(AwsError):
        attempt(fail, doing="reading role R", account="111111111111", resource=ROLE, patience=patience)
    return len(calls)


def test_the_upper_bound_of_the_waits_doubles_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, most: most)
    sleeps = Sleeps()

    failing_calls(Patience(deadline=15, first=0.5, longest=5, sleep=sleeps))

    assert sleeps == [0.5, 1, 2, 4, 5, 5]


def test_the_time_of_the_calls_counts_towards_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def take_15_seconds() -> None:
        clock[0] += 15

    assert failing_calls(Patience(deadline=20, sleep=Sleeps()), take_15_seconds) == 2


def test_a_patience_waits_with_time_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = Sleeps()
    monkeypatch.setattr(time, "sleep", sleeps)

    Patience().sleep(3)

    assert sleeps == [3]


def test_at_the_deadline_a_transient_error_says_what_to_do() -> None:
    sleeps = Sleeps()

    def call() -> None:
        raise error("NoSuchEntity", "The role with name R cannot be found.", 404)

    with pytest.raises(NotPropagated) as failed:
        attempt(
            call,
            doing="reading role R",
            account="111111111111",
            resource=ROLE,
            patience=Patience(deadline=20, sleep=sleeps),
            transient=not_visible_yet,
        )

    assert sum(sleeps) >= 20
    assert str(failed.value) == (
        "reading role R in account 111111111111 failed after 20 s of retries. IAM changes may need more time to "
        "propagate: run again. If the error does not go away, propagation is not the cause. AWS's message: An error "
        "occurred (NoSuchEntity) when calling the GetRole operation: The role with name R cannot be found."
    )


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"deadline": -1}, "deadline: -1 is not valid: seconds, at least 0"),
        ({"deadline": "10"}, "deadline: '10' is not valid: seconds, at least 0"),
        ({"first": 0}, "first: 0 is not valid: seconds, more than 0"),
        ({"longest": 0}, "longest: 0 is not valid: seconds, more than 0"),
        ({"longest": True}, "longest: True is not valid: seconds, more than 0"),
    ],
    ids=str,
)
def test_a_patience_out_of_range_is_refused(wrong: dict[str, Any], rule: str) -> None:
    with pytest.raises(InvalidValue, match=f"^{re.escape(rule)}$"):
        Patience(**wrong)
    assert Patience(deadline=0, first=0.1, longest=1e9)


# Polls


def test_a_poll_ends_with_the_first_final_result() -> None:
    results, sleeps = iter(range(10)), Sleeps()

    assert poll(lambda: next(results), lambda result: result == 3, Patience(sleep=sleeps)) == 3
    assert len(sleeps) == 3


def test_a_poll_returns_the_last_result_once_its_waits_add_up_to_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, most: most)
    reads, sleeps = iter(range(10)), Sleeps()

    last = poll(lambda: next(reads), lambda _: False, Patience(deadline=15, first=0.5, longest=5, sleep=sleeps))

    assert sleeps == [0.5, 1, 2, 4, 5, 5]
    assert last == 6


def test_the_time_of_the_reads_counts_towards_the_deadline_of_a_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def take_15_seconds() -> float:
        clock[0] += 15
        return clock[0]

    assert poll(take_15_seconds, lambda _: False, Patience(deadline=20, sleep=Sleeps())) == 30


def test_an_error_ends_a_poll() -> None:
    failure, sleeps = error("Throttling"), Sleeps()

    def fail() -> None:
        raise failure

    with pytest.raises(ClientError) as failed:
        poll(fail, lambda _: False, Patience(sleep=sleeps))

    assert failed.value is failure
    assert sleeps == []
