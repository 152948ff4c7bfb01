"""Fault injection."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from xacct import InvalidValue
from xacct.testing import Fault, Faults
from xacct.testing.error_responses import Refused

from .conftest import Two

ONCE = Config(retries={"total_max_attempts": 1})


def create_user(two: Two, name: str) -> str | None:
    try:
        two.prod.client("iam", config=ONCE).create_user(UserName=name)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


@pytest.mark.parametrize(
    ("fault", "service", "operation", "code", "status"),
    [
        ("throttled", "iam", "list_users", "Throttling", 400),
        ("throttled", "s3", "list_buckets", "SlowDown", 503),
        ("throttled", "kms", "list_keys", "ThrottlingException", 400),
        ("server error", "iam", "list_users", "ServiceFailure", 500),
        ("server error", "sts", "get_caller_identity", "InternalFailure", 500),
        ("denied", "s3", "list_buckets", "AccessDenied", 403),
        ("denied", "kms", "list_keys", "AccessDeniedException", 400),
    ],
)
def test_a_fault_returns_awss_code_and_status(
    two: Two, fault: Fault, service: Any, operation: str, code: str, status: int
) -> None:
    two.aws.faults.add(fault)
    client = two.prod.client(service, config=ONCE)
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)()
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_at_fails_only_that_matching_call(two: Two) -> None:
    two.aws.faults.add("server error", operation="CreateUser", at=2)
    assert [create_user(two, name) for name in ("a", "b", "c")] == [None, "ServiceFailure", None]


def test_a_fault_of_one_operation_does_not_affect_others(two: Two) -> None:
    two.aws.faults.add("denied", operation="CreateRole")
    assert create_user(two, "a") is None


def test_a_call_with_a_server_error_has_no_effect(two: Two) -> None:
    two.aws.faults.add("server error", operation="CreateUser", at=1)
    assert [create_user(two, "a"), create_user(two, "a")] == ["ServiceFailure", None]


def test_a_call_with_a_lost_answer_takes_effect(two: Two) -> None:
    two.aws.faults.add("lost answer", operation="CreateUser", at=1)
    with pytest.raises(ConnectionClosedError):
        create_user(two, "a")
    assert str(two.aws.calls[-1]).endswith("The answer was lost.")
    assert create_user(two, "a") == "EntityAlreadyExists"


def test_an_error_response_can_be_lost_too(two: Two) -> None:
    create_user(two, "a")
    two.aws.faults.add("lost answer", operation="CreateUser", at=1)
    with pytest.raises(ConnectionClosedError):
        create_user(two, "a")
    assert two.aws.calls[-1].code == ""


def test_an_error_response_is_lost_as_well(two: Two) -> None:
    create_user(two, "a")
    two.aws.faults.add("lost answer", operation="CreateUser")
    with pytest.raises(ConnectionClosedError):
        create_user(two, "a")


def test_any_error_response_can_be_injected_into_the_calls_that_match(two: Two) -> None:
    two.aws.faults.add(
        Refused("ConcurrentModification", "Modified.", 409), matching=lambda call: call.params.get("UserName") == "b"
    )
    assert [create_user(two, name) for name in ("a", "b", "c")] == [None, "ConcurrentModification", None]


def test_a_rate_with_the_same_seed_fails_the_same_calls(two: Two) -> None:
    two.aws.faults.add("server error", operation="CreateUser", rate=0.5, seed=7)
    first = [create_user(two, f"a{number}") for number in range(20)]
    two.aws.faults.clear()
    two.aws.faults.add("server error", operation="CreateUser", rate=0.5, seed=7)
    assert [create_user(two, f"b{number}") for number in range(20)] == first
    assert 0 < first.count(None) < 20


@pytest.mark.parametrize(
    ("fault", "options", "expected"),
    [
        ("slow", {}, "one of throttled, server error, lost answer, denied"),
        ("denied", {"at": 0}, "1 or more"),
        ("denied", {"rate": 1.5}, "from 0 to 1"),
    ],
)
def test_invalid_faults_are_refused(fault: Any, options: Any, expected: str) -> None:
    with pytest.raises(InvalidValue, match=expected):
        Faults().add(fault, **options)
