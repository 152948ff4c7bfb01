"""Calls that fail when a test says so."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from xacct import InvalidValue
from xacct.testing import Fault, Faults

from .conftest import Two

ONCE = Config(retries={"total_max_attempts": 1})


def make(two: Two, name: str) -> str | None:
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
        ("denied", "kms", "list_keys", "AccessDeniedException", 403),
    ],
)
def test_a_fault_has_awss_code_and_status(
    two: Two, fault: Fault, service: Any, operation: str, code: str, status: int
) -> None:
    two.aws.faults.add(fault)
    client = two.prod.client(service, config=ONCE)
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)()
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_a_call_fails_at_its_number_and_only_then(two: Two) -> None:
    two.aws.faults.add("server error", operation="CreateUser", at=2)
    assert [make(two, name) for name in ("a", "b", "c")] == [None, "ServiceFailure", None]


def test_a_named_operation_leaves_the_others(two: Two) -> None:
    two.aws.faults.add("denied", operation="CreateRole")
    assert make(two, "a") is None


def test_what_failed_has_not_happened(two: Two) -> None:
    two.aws.faults.add("server error", operation="CreateUser", at=1)
    assert [make(two, "a"), make(two, "a")] == ["ServiceFailure", None]


def test_a_lost_answer_has_happened(two: Two) -> None:
    two.aws.faults.add("lost answer", operation="CreateUser", at=1)
    with pytest.raises(ConnectionClosedError):
        make(two, "a")
    assert str(two.aws.calls[-1]).endswith("The answer was lost.")
    assert make(two, "a") == "EntityAlreadyExists"


def test_a_rate_is_the_same_for_the_same_seed(two: Two) -> None:
    two.aws.faults.add("server error", operation="CreateUser", rate=0.5, seed=7)
    first = [make(two, f"a{number}") for number in range(20)]
    two.aws.faults.clear()
    two.aws.faults.add("server error", operation="CreateUser", rate=0.5, seed=7)
    assert [make(two, f"b{number}") for number in range(20)] == first
    assert 0 < first.count(None) < 20


@pytest.mark.parametrize(
    ("fault", "options", "wanted"),
    [
        ("slow", {}, "one of throttled, server error, lost answer, denied"),
        ("denied", {"at": 0}, "1 or more"),
        ("denied", {"rate": 1.5}, "from 0 to 1"),
    ],
)
def test_what_cannot_happen_is_refused(fault: Any, options: Any, wanted: str) -> None:
    with pytest.raises(InvalidValue, match=wanted):
        Faults().add(fault, **options)
