"""verify_read_access: the checks that it runs, and how it judges AWS's answers."""

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
    """A session whose S3 client returns the given answers in order."""

    def __init__(self, *answers: tuple[str, dict[str, Any] | str]) -> None:
        self.s3 = boto3.Session("any", "any", region_name="us-east-1").client("s3")
        self.stubber = Stubber(self.s3)
        for method, answer in answers:
            if isinstance(answer, str):
                self.stubber.add_client_error(method, answer, f"Message of {answer}", 403)
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


def test_a_role_that_cannot_be_assumed_is_the_only_check() -> None:
    def refuse() -> boto3.Session:
        raise AssumeRoleDenied(
            "STS denied it", role_arn="arn:aws:iam::111111111111:role/R", context={}, doing="assuming"
        )

    result = verify_read_access(refuse)
    assert not result.ok
    assert observed(result) == [("assume the role", "failed", False)]
    assert result.checks[0].why == "STS denied it"


def test_without_objects_reading_is_not_tried() -> None:
    result = verify(BUCKETS, EMPTY, REFUSED_WRITE)
    assert result.ok
    assert ("read an object", "not tried", None) in observed(result)


def test_without_buckets_reading_and_writing_are_not_tried() -> None:
    result = verify(("list_buckets", {"Buckets": []}))
    assert observed(result)[-2:] == [("read an object", "not tried", None), ("write an object", "not tried", None)]


def test_a_refused_list_of_buckets_is_a_failed_check_with_the_message_of_aws() -> None:
    result = verify(("list_buckets", "AccessDenied"))
    assert not result.ok
    assert observed(result)[1] == ("list the buckets", "refused", False)
    assert result.checks[1].why == "Message of AccessDenied"


def test_named_buckets_and_prefixes_are_listed_instead_of_all_buckets() -> None:
    result = verify(EMPTY, EMPTY, REFUSED_WRITE, buckets=["reports"], prefixes=["2025/", "2026/"])
    names = [check.name for check in result.checks]
    assert names[1:3] == ["list s3://reports/2025/", "list s3://reports/2026/"]
    assert names[-1] == "write to s3://reports/2025/"


NAMES = [f"reports-{number}" for number in range(12)]


def listed(verification: Verification) -> list[str]:
    return [check.name for check in verification.checks if check.name.startswith("list s3://")]


def test_every_named_bucket_is_listed() -> None:
    result = verify(*[EMPTY] * 12, REFUSED_WRITE, buckets=NAMES)
    assert listed(result) == [f"list s3://{name}/" for name in NAMES]


def test_of_all_buckets_the_first_ten_are_listed_and_the_others_counted() -> None:
    result = verify(("list_buckets", {"Buckets": [{"Name": name} for name in NAMES]}), *[EMPTY] * 10, REFUSED_WRITE)
    assert listed(result) == [f"list s3://{name}/" for name in NAMES[:10]]
    assert result.checks[1].why == "reports-0, reports-1, reports-2, reports-3, reports-4 and 7 more"


def test_the_object_to_read_is_looked_for_in_every_bucket() -> None:
    contents = ("list_objects_v2", {"Contents": [{"Key": "a.csv"}]})
    result = verify(EMPTY, contents, ("get_object", "AccessDenied"), REFUSED_WRITE, buckets=["empty", "reports"])
    assert ("read s3://reports/a.csv", "refused", False) in observed(result)


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
def test_a_write_is_refused_only_if_permissions_refuse_it(answer: Any, seen: str, ok: bool) -> None:
    result = verify(EMPTY, ("put_object", answer), buckets=["reports"])
    assert (result.checks[-1].observed, result.checks[-1].ok) == (seen, ok)


def test_the_checksum_of_the_write_is_wrong_so_that_nothing_is_written(session: boto3.Session) -> None:
    sent: dict[str, Any] = {}
    s3 = session.client("s3")
    s3.create_bucket(Bucket="reports")
    session.events.register("provide-client-params.s3.PutObject", lambda params, **_: sent.update(params))
    verify_read_access(lambda: session, buckets=["reports"])
    assert base64.b64encode(hashlib.md5(sent["Body"], usedforsecurity=False).digest()).decode() != sent["ContentMD5"]


def test_an_endpoint_that_cannot_be_reached_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # botocore waits between attempts
    session = boto3.Session("any", "any", region_name="us-east-1")
    session.events.register("before-send.s3.*", _unreachable)
    result = verify_read_access(lambda: session, buckets=["reports"])
    assert [check.observed for check in result.checks[1:]] == ["failed", "not tried", "failed"]
    result = verify_read_access(lambda: session)
    assert result.checks[1].observed == "failed"


def _unreachable(**_: object) -> None:
    raise EndpointConnectionError(endpoint_url="https://s3")


def test_it_is_ok_if_a_check_succeeded_and_none_failed() -> None:
    good = Check(name="a", expected="allowed", observed="allowed", ok=True)
    bad = Check(name="b", expected="refused", observed="allowed", ok=False)
    untried = Check(name="c", expected="allowed", observed="not tried", ok=None)
    assert Verification((good, untried)).ok
    assert not Verification((good, bad)).ok
    assert not Verification((untried,)).ok


def test_it_prints_as_a_table_and_converts_to_html_and_a_dict() -> None:
    check = Check(name="read <b>", expected="allowed", observed="refused", ok=False, why="Access Denied")
    verification = Verification((check,))
    assert str(verification).splitlines() == [
        "      check     expected  observed  why",
        "FAIL  read <b>  allowed   refused   Access Denied",
    ]
    assert "read &lt;b&gt;" in verification._repr_html_()
    row = {"name": "read <b>", "expected": "allowed", "observed": "refused", "ok": False, "why": "Access Denied"}
    assert verification.to_dict() == {"ok": False, "checks": [row]}
