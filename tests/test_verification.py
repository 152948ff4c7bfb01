"""What verify() tries, and how it reads what came of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from xacct import AssumeRoleDenied, Check, Verification
from xacct.verification import verify_read_access


@pytest.fixture
def session() -> Iterator[boto3.Session]:
    with mock_aws():
        yield boto3.Session("any", "any", region_name="us-east-1")


class Scripted:
    """A session whose S3 client answers as scripted."""

    def __init__(self, *answers: tuple[str, dict[str, Any] | str]) -> None:
        self.s3 = boto3.Session("any", "any", region_name="us-east-1").client("s3")
        self.stubber = Stubber(self.s3)
        for method, answer in answers:
            if isinstance(answer, str):
                self.stubber.add_client_error(method, answer, f"{answer} it is", 403)
            else:
                self.stubber.add_response(method, answer)
        self.stubber.activate()

    def client(self, _: str) -> Any:
        return self.s3


def verify(*answers: tuple[str, dict[str, Any] | str], **options: Any) -> Verification:
    scripted: Any = Scripted(*answers)
    result = verify_read_access(lambda: scripted, **options)
    scripted.stubber.assert_no_pending_responses()
    return result


def observed(verification: Verification) -> list[tuple[str, str, bool | None]]:
    return [(check.name, check.observed, check.ok) for check in verification.checks]


BUCKETS: tuple[str, dict[str, Any]] = ("list_buckets", {"Buckets": [{"Name": "reports"}]})
EMPTY: tuple[str, dict[str, Any]] = ("list_objects_v2", {})
REFUSED_WRITE = ("put_object", "AccessDenied")


def test_a_role_that_cannot_be_assumed_ends_it_with_the_reason() -> None:
    def refuse() -> boto3.Session:
        raise AssumeRoleDenied("STS said no", doing="assuming the role")

    result = verify_read_access(refuse)
    assert not result.ok
    assert observed(result) == [("assume the role", "failed", False)]
    assert result.checks[0].why == "STS said no"


def test_a_bucket_without_objects_leaves_reading_untried_and_says_so() -> None:
    result = verify(BUCKETS, EMPTY, REFUSED_WRITE)
    assert result.ok
    assert ("read an object", "not tried", None) in observed(result)


def test_no_bucket_at_all_leaves_reading_and_writing_untried() -> None:
    result = verify(("list_buckets", {"Buckets": []}))
    assert observed(result)[-2:] == [("read an object", "not tried", None), ("write an object", "not tried", None)]


def test_a_refused_list_is_a_failed_check_with_what_aws_said() -> None:
    result = verify(("list_buckets", "AccessDenied"))
    assert not result.ok
    assert observed(result)[1] == ("list the buckets", "refused", False)
    assert result.checks[1].why == "AccessDenied it is"


def test_given_buckets_and_prefixes_are_tried_instead_of_all_buckets() -> None:
    result = verify(EMPTY, EMPTY, REFUSED_WRITE, buckets=["reports"], prefixes=["2025/", "2026/"])
    names = [check.name for check in result.checks]
    assert names[1:3] == ["list s3://reports/2025/", "list s3://reports/2026/"]
    assert names[-1] == "write to s3://reports/2025/"


def test_a_refused_read_is_a_failed_check() -> None:
    contents = {"Contents": [{"Key": "a.csv"}]}
    result = verify(("list_objects_v2", contents), ("get_object", "AccessDenied"), REFUSED_WRITE, buckets=["reports"])
    assert ("read s3://reports/a.csv", "refused", False) in observed(result)


def test_a_refused_list_of_a_bucket_is_a_failed_check() -> None:
    result = verify(("list_objects_v2", "AccessDenied"), REFUSED_WRITE, buckets=["reports"])
    assert ("list s3://reports/", "refused", False) in observed(result)


@pytest.mark.parametrize(
    ("answer", "seen", "ok"),
    [
        ("AccessDenied", "refused", True),
        ("BadDigest", "allowed", False),
        ("InvalidDigest", "allowed", False),
        ("SlowDown", "failed", False),
        ({}, "allowed", False),
    ],
)
def test_a_write_counts_as_refused_only_if_permissions_refuse_it(answer: Any, seen: str, ok: bool) -> None:
    result = verify(EMPTY, ("put_object", answer), buckets=["reports"])
    assert (result.checks[-1].observed, result.checks[-1].ok) == (seen, ok)


def test_where_s3_checks_the_content_nothing_is_written(session: boto3.Session) -> None:
    sent: dict[str, Any] = {}
    s3 = session.client("s3")
    s3.create_bucket(Bucket="reports")
    session.events.register("provide-client-params.s3.PutObject", lambda params, **_: sent.update(params))
    verify_read_access(lambda: session, buckets=["reports"])
    assert base64.b64encode(hashlib.md5(sent["Body"], usedforsecurity=False).digest()).decode() != sent["ContentMD5"]


def test_an_endpoint_that_cannot_be_reached_is_a_failed_check() -> None:
    session = boto3.Session("any", "any", region_name="us-east-1")
    session.events.register("before-send.s3.*", _unreachable)
    result = verify_read_access(lambda: session, buckets=["reports"])
    assert [check.observed for check in result.checks[1:]] == ["failed", "not tried", "failed"]
    result = verify_read_access(lambda: session)
    assert result.checks[1].observed == "failed"


def _unreachable(**_: object) -> None:
    raise EndpointConnectionError(endpoint_url="https://s3")


def test_it_is_ok_only_if_something_went_as_expected_and_nothing_went_otherwise() -> None:
    good = Check(name="a", expected="allowed", observed="allowed", ok=True)
    bad = Check(name="b", expected="refused", observed="allowed", ok=False)
    untried = Check(name="c", expected="allowed", observed="not tried", ok=None)
    assert Verification((good, untried)).ok
    assert not Verification((good, bad)).ok
    assert not Verification((untried,)).ok


def test_it_is_a_table_for_people_and_a_dict_for_programs() -> None:
    check = Check(name="read <b>", expected="allowed", observed="refused", ok=False, why="Access Denied")
    verification = Verification((check,))
    assert str(verification).splitlines() == [
        "      check     expected  observed  why",
        "FAIL  read <b>  allowed   refused   Access Denied",
    ]
    assert "read &lt;b&gt;" in verification._repr_html_()
    row = {"name": "read <b>", "expected": "allowed", "observed": "refused", "ok": False, "why": "Access Denied"}
    assert verification.to_dict() == {"ok": False, "checks": [row]}
