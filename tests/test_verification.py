"""verify_read_access: the requests that it sends, and how it judges AWS's answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, strategies as st

from xacct import (
    AssumeRoleDenied,
    Check,
    Condition,
    InvalidValue,
    MfaRejected,
    PolicyDocument,
    Principal,
    Statement,
    Verification,
    assume_role,
    s3_read_policy,
)
from xacct.testing import Sandbox
from xacct.verification import _neighbours, verify_read_access

TRUSTING, TRUSTED = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{TRUSTING}:role/Reader"
NAMES = [f"reports-{number}" for number in range(12)]
PREFIXES = ["2025/", "2026/"]


class Accounts:
    """A role Reader of the trusting account, and the buckets that it reads."""

    def __init__(self, aws: Sandbox, *conditions: Condition) -> None:
        self.aws, self.production = aws, aws.account(TRUSTING).session
        self.s3, self.iam = self.production.client("s3"), self.production.client("iam")
        trust = Statement.allow("sts:AssumeRole", principals=[Principal.account(TRUSTED)], conditions=list(conditions))
        self.iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=PolicyDocument([trust]).to_json())
        self.hooks: list[tuple[str, Callable[..., Any]]] = []

    def create_buckets(self, *names: str, keys: Sequence[str] = ("2025/a", "2026/a")) -> None:
        for name in names:
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
            for key in keys:
                self.s3.put_object(Bucket=name, Key=key, Body=b"42")

    def allow(self, policy: PolicyDocument | Statement) -> None:
        document = PolicyDocument([policy]) if isinstance(policy, Statement) else policy
        name = f"p{len(self.iam.list_role_policies(RoleName='Reader')['PolicyNames'])}"
        self.iam.put_role_policy(RoleName="Reader", PolicyName=name, PolicyDocument=document.to_json())

    def assume(self) -> boto3.Session:
        session = assume_role(self.aws.account(TRUSTED).session, ROLE)
        for event, hook in self.hooks:
            session.events.register(event, hook)
        return session

    def verify(self, **options: Any) -> Verification:
        return verify_read_access(self.assume, **options)

    def calls(self, *operations: str) -> list[Any]:
        return [call for call in self.aws.calls if call.operation in operations and "assumed-role" in call.caller]


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    with Sandbox([TRUSTING, TRUSTED]) as aws:
        yield Accounts(aws)


@pytest.fixture
def reports(accounts: Accounts) -> Accounts:
    accounts.create_buckets("reports")
    return accounts


def answering(code: str | None) -> Callable[..., Any]:
    """Return a hook that answers a request of S3 itself, with an error or, if ``code`` is None, with success."""
    text = f"<Error><Code>{code}</Code><Message>Message of {code}</Message></Error>" if code else ""

    def answer(**_: object) -> Any:
        headers: Any = {}
        response: Any = AWSResponse("https://s3", 403 if code else 200, headers, None)
        response._content = text.encode()
        return response

    return answer


def refuse_with(error: Exception) -> Callable[[], Any]:
    def refuse() -> Any:
        raise error

    return refuse


def observed(verification: Verification) -> list[tuple[str, str, bool | None]]:
    return [(check.name, check.observed, check.ok) for check in verification.checks]


def named(verification: Verification, start: str) -> list[Check]:
    return [check for check in verification.checks if check.name.startswith(start)]


def failed(verification: Verification) -> list[str]:
    return [check.name for check in verification.checks if check.ok is False]


def denied_assumption(**context: str) -> AssumeRoleDenied:
    return AssumeRoleDenied("STS denied it", role_arn=ROLE, context=context, doing="assuming")


# Assuming the role


def test_a_role_that_cannot_be_assumed_is_the_only_check() -> None:
    result = verify_read_access(refuse_with(denied_assumption()))
    assert not result.ok
    assert observed(result) == [("assume the role", "failed", False)]
    assert result.checks[0].why == "STS denied it"


def test_a_role_that_requires_mfa_fails_without_it_and_says_how_to_go_on() -> None:
    with Sandbox([TRUSTING, TRUSTED]) as aws:
        accounts = Accounts(aws, Condition("Bool", "aws:MultiFactorAuthPresent", "true"))
        (check,) = accounts.verify(buckets=["reports"], needs_mfa=True).checks
    assert check.ok is False
    assert check.why.startswith("The role requires MFA, and the request to assume it carried no MFA code. ")
    assert "access.verify(session=access.session(mfa_token=...)). assuming" in check.why
    assert "AWS's message: " in check.why


@pytest.mark.parametrize(
    ("error", "needs_mfa"),
    [
        (denied_assumption(), False),
        (denied_assumption(**{"aws:MultiFactorAuthPresent": "true"}), True),
        (MfaRejected("the MFA code was rejected", doing="assuming"), True),
    ],
)
def test_mfa_is_not_suggested_if_it_was_sent_or_is_not_required(error: Exception, needs_mfa: bool) -> None:
    (check,) = verify_read_access(refuse_with(error), needs_mfa=needs_mfa).checks
    assert check.why == str(error)


# What the grant allows


def test_every_named_bucket_is_listed_read_and_written_to_in_order(accounts: Accounts) -> None:
    accounts.create_buckets(*NAMES)
    accounts.allow(s3_read_policy(NAMES))
    result = accounts.verify(buckets=NAMES)
    assert result.ok
    assert [check.name for check in result.checks[1:-1]] == [
        name
        for bucket in NAMES
        for name in (
            f"list s3://{bucket}/",
            f"read s3://{bucket}/2025/a",
            f"write to s3://{bucket}/",
            f"list versions of s3://{bucket}/",
        )
    ]


@pytest.mark.parametrize("action", ["s3:ListBucket", "s3:GetObject"])
def test_it_is_not_ok_if_the_twelfth_named_bucket_is_denied(accounts: Accounts, action: str) -> None:
    accounts.create_buckets(*NAMES)
    accounts.allow(s3_read_policy(NAMES))
    accounts.allow(Statement.deny(action, [f"arn:aws:s3:::{NAMES[11]}*"]))
    result = accounts.verify(buckets=NAMES)
    assert not result.ok
    assert failed(result) == [
        f"{'list' if action == 's3:ListBucket' else 'read'} s3://{NAMES[11]}/"
        + ("" if action == "s3:ListBucket" else "2025/a")
    ]


def test_every_prefix_of_every_bucket_is_listed_read_and_written_to(accounts: Accounts) -> None:
    accounts.create_buckets("reports", "invoices")
    accounts.allow(s3_read_policy(["reports", "invoices"], PREFIXES))
    result = accounts.verify(buckets=["reports", "invoices", "reports"], prefixes=[*PREFIXES, "2025/"])
    assert result.ok
    locations = [f"s3://{bucket}/{prefix}" for bucket in ("reports", "invoices") for prefix in PREFIXES]
    assert [check.name for check in named(result, "read s3://")] == [f"read {location}a" for location in locations]
    assert [check.name for check in named(result, "write to ")] == [f"write to {location}" for location in locations]
    assert [check.name for check in named(result, "list s3://") if check.expected == "allowed"] == [
        f"list {location}" for location in locations
    ]


def test_the_write_is_refused_by_the_permission_to_put_the_object(reports: Accounts) -> None:
    reports.allow(s3_read_policy(["reports"], PREFIXES))
    reports.verify(buckets=["reports"], prefixes=PREFIXES)
    writes = reports.calls("UploadPart", "PutObject")
    assert {call.code for call in writes} == {"AccessDenied"}
    assert {(call.decisions[0].action, call.decisions[0].request.resource) for call in writes} == {
        ("s3:PutObject", f"arn:aws:s3:::reports/{prefix}xacct-write-check") for prefix in PREFIXES
    }


def test_of_all_buckets_the_first_ten_are_tried_and_the_check_says_so(accounts: Accounts) -> None:
    accounts.create_buckets(*NAMES, keys=["a"])
    accounts.allow(Statement.allow(["s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetObject"], "*"))
    result = accounts.verify()
    assert result.ok
    tried = [check.name for check in named(result, "write to ")]
    assert len(tried) == len(named(result, "read s3://")) == len(named(result, "list s3://")) == 10
    listing = result.checks[1]
    assert listing.name == "list the buckets"
    assert listing.why.endswith(" and 7 more; the first 10 of 12 are tried")


def test_of_ten_buckets_all_are_tried(accounts: Accounts) -> None:
    accounts.create_buckets(*NAMES[:10], keys=[])
    accounts.allow(Statement.allow(["s3:ListAllMyBuckets", "s3:ListBucket"], "*"))
    result = accounts.verify()
    assert result.checks[1].why == "reports-0, reports-1, reports-2, reports-3, reports-4 and 5 more"
    assert len(named(result, "write to ")) == 10


def test_a_grant_of_all_buckets_has_no_other_buckets_and_may_read_versions(reports: Accounts) -> None:
    reports.allow(Statement.allow(["s3:Get*", "s3:List*"], "*"))
    result = reports.verify(other_buckets=refuse_with(AssertionError("not called")))
    assert result.ok
    assert [check.name for check in result.checks[1:]] == [
        "list the buckets",
        "list s3://reports/",
        "read s3://reports/2025/a",
        "write to s3://reports/",
    ]


def test_without_buckets_reading_and_writing_are_not_tried(accounts: Accounts) -> None:
    accounts.allow(Statement.allow("s3:ListAllMyBuckets", "*"))
    result = accounts.verify()
    assert result.checks[1].why == "the account has no buckets"
    assert observed(result)[2:] == [("read an object", "not tried", None), ("write an object", "not tried", None)]


def test_a_refused_list_of_buckets_is_a_failed_check_with_the_message_of_aws(accounts: Accounts) -> None:
    result = accounts.verify()
    assert observed(result)[1] == ("list the buckets", "refused", False)
    assert "is not authorized to perform: s3:ListAllMyBuckets" in result.checks[1].why


def test_without_objects_reading_is_not_tried(accounts: Accounts) -> None:
    accounts.create_buckets("reports", keys=[])
    accounts.allow(s3_read_policy(["reports"]))
    (check,) = named(accounts.verify(buckets=["reports"]), "read an object in s3://reports/")
    assert (check.observed, check.ok, check.why) == ("not tried", None, "no object was found")


def test_after_a_refused_list_reading_is_not_tried(reports: Accounts) -> None:
    result = reports.verify(buckets=["reports"])
    assert ("list s3://reports/", "refused", False) in observed(result)
    assert named(result, "read an object")[0].why == "the list failed"


# Writing


@pytest.mark.parametrize(
    ("code", "seen", "ok", "why"),
    [
        ("AccessDenied", "refused", True, "Message of AccessDenied"),
        ("NoSuchUpload", "allowed", False, "permissions allow the write. Nothing was written"),
        ("SlowDown", "failed", False, "Message of SlowDown"),
        (None, "allowed", False, "permissions allow the write. Nothing was written"),
    ],
)
def test_a_write_is_refused_only_if_permissions_refuse_it(
    reports: Accounts, monkeypatch: pytest.MonkeyPatch, code: str | None, seen: str, ok: bool, why: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # botocore waits between attempts
    reports.allow(s3_read_policy(["reports"]))
    reports.hooks.append(("before-send.s3.UploadPart", answering(code)))
    result = reports.verify(buckets=["reports"])
    (check,) = named(result, "write to ")
    assert (check.observed, check.ok) == (seen, ok)
    assert check.why.startswith(why)
    assert result.ok == ok


def test_a_role_that_can_write_fails_the_write_to_every_location_and_writes_nothing(accounts: Accounts) -> None:
    accounts.create_buckets("reports", "invoices")
    accounts.allow(s3_read_policy(["reports", "invoices"], PREFIXES))
    accounts.allow(Statement.allow("s3:PutObject", "*"))
    result = accounts.verify(buckets=["reports", "invoices"], prefixes=PREFIXES)
    assert not result.ok
    assert failed(result) == [
        f"write to s3://{bucket}/{prefix}" for bucket in ("reports", "invoices") for prefix in PREFIXES
    ]
    for bucket in ("reports", "invoices"):
        keys = [entry["Key"] for entry in accounts.s3.list_objects_v2(Bucket=bucket)["Contents"]]
        assert keys == ["2025/a", "2026/a"]
        assert "Uploads" not in accounts.s3.list_multipart_uploads(Bucket=bucket)


def test_a_write_is_noticed_even_if_the_role_cannot_use_the_buckets_kms_key(reports: Accounts) -> None:
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    reports.s3.put_bucket_encryption(Bucket="reports", ServerSideEncryptionConfiguration={"Rules": [rule]})
    reports.allow(s3_read_policy(["reports"]))
    reports.allow(Statement.allow("s3:PutObject", "*"))
    assert failed(reports.verify(buckets=["reports"])) == ["write to s3://reports/"]


def test_the_write_is_empty_and_for_an_upload_that_does_not_exist(reports: Accounts) -> None:
    reports.allow(s3_read_policy(["reports"]))
    sent: list[dict[str, Any]] = []
    reports.hooks.append(("provide-client-params.s3.*", lambda params, model, **_: sent.append({model.name: params})))
    reports.verify(buckets=["reports"], versions=True, other_buckets=lambda: ["salaries"])
    assert {name for call in sent for name in call if not name.startswith(("List", "Get"))} == {"UploadPart"}
    (upload,) = [call["UploadPart"] for call in sent if "UploadPart" in call]
    assert (upload["Body"].getvalue(), upload["PartNumber"]) == (b"", 1)
    assert upload["UploadId"] == "xacct-upload-that-does-not-exist"


# What the grant does not allow


def test_listing_a_bucket_that_the_grant_does_not_name_must_be_refused(reports: Accounts) -> None:
    reports.create_buckets("salaries")
    reports.allow(s3_read_policy(["reports"]))
    result = reports.verify(buckets=["reports"], other_buckets=lambda: ["reports", "salaries"])
    assert result.ok
    assert observed(result)[-1] == ("list s3://salaries/", "refused", True)

    reports.allow(Statement.allow("s3:ListBucket", "*"))
    result = reports.verify(buckets=["reports"], other_buckets=lambda: ["reports", "salaries"])
    assert failed(result) == ["list s3://salaries/"]
    assert result.checks[-1].why == "the role can do more than the grant says"


def test_of_the_other_buckets_the_first_ten_are_tried_and_a_check_says_so(accounts: Accounts) -> None:
    accounts.create_buckets("reports", *NAMES, keys=[])
    accounts.allow(s3_read_policy(["reports"]))
    result = accounts.verify(buckets=["reports"], other_buckets=lambda: ["reports", *NAMES])
    assert result.ok
    assert [check.name for check in result.checks[-11:-1]] == [f"list s3://{name}/" for name in NAMES[:10]]
    last = result.checks[-1]
    assert (last.observed, last.ok, last.why) == ("not tried", None, "the first 10 of 12 were tried")
    result = accounts.verify(buckets=["reports"], other_buckets=lambda: NAMES[:10])
    assert result.checks[-1].name == f"list s3://{NAMES[9]}/"


NO_PERMISSION: Any = {"Error": {"Code": "AccessDenied", "Message": "no list"}}


@pytest.mark.parametrize(
    ("other_buckets", "why"),
    [
        (None, "the other buckets are not known"),
        (lambda: ["reports"], "the account has no other bucket"),
        (refuse_with(InvalidValue("x", 1, "y")), "the other buckets are not known: x: 1 is not valid: y"),
        (refuse_with(ClientError(NO_PERMISSION, "ListBuckets")), "the other buckets are not known: no list"),
    ],
)
def test_without_other_buckets_their_check_is_shown_as_not_tried(
    reports: Accounts, other_buckets: Any, why: str
) -> None:
    reports.allow(s3_read_policy(["reports"]))
    result = reports.verify(buckets=["reports"], other_buckets=other_buckets)
    assert result.ok
    check = result.checks[-1]
    assert (check.name, check.expected) == ("list other buckets of the trusting account", "refused")
    assert (check.observed, check.ok, check.why) == ("not tried", None, why)


def test_with_prefixes_other_lists_of_the_bucket_must_be_refused(reports: Accounts) -> None:
    reports.allow(s3_read_policy(["reports"], PREFIXES))
    outside = ["list s3://reports/ without a prefix", "list s3://reports/2025~", "list s3://reports/2026~"]
    result = reports.verify(buckets=["reports"], prefixes=PREFIXES)
    assert result.ok
    assert [(check.name, check.observed) for check in result.checks if check.name in outside] == [
        (name, "refused") for name in outside
    ]

    reports.allow(s3_read_policy(["reports"]))
    assert failed(reports.verify(buckets=["reports"], prefixes=PREFIXES)) == outside


def test_a_policy_that_forgot_the_end_of_a_prefix_is_noticed(reports: Accounts) -> None:
    reports.allow(s3_read_policy(["reports"], ["2026"]))
    assert failed(reports.verify(buckets=["reports"], prefixes=["2026/"])) == ["list s3://reports/2026~"]


@given(st.lists(st.text("a/~-0", min_size=1, max_size=3), min_size=1, max_size=4))
def test_a_neighbour_is_in_no_prefix_and_differs_from_one_in_its_last_character(prefixes: list[str]) -> None:
    for neighbour in _neighbours(prefixes):
        assert not neighbour.startswith(tuple(prefixes))
        assert any(prefix[:-1] == neighbour[:-1] for prefix in prefixes)
    assert _neighbours(["a/"]) == ["a~"]
    assert _neighbours(["a~", "a/"]) == ["a-"]
    assert _neighbours(["~", "-", "0"]) == []


def test_without_versions_listing_them_must_be_refused(reports: Accounts) -> None:
    reports.allow(s3_read_policy(["reports"]))
    (check,) = named(reports.verify(buckets=["reports"]), "list versions of s3://reports/")
    assert (check.expected, check.observed, check.ok) == ("refused", "refused", True)
    reports.allow(Statement.allow("s3:ListBucketVersions", "*"))
    assert failed(reports.verify(buckets=["reports"])) == ["list versions of s3://reports/"]


@pytest.mark.parametrize("versioning", [True, False])
def test_with_versions_they_and_their_tags_must_be_readable(reports: Accounts, versioning: bool) -> None:
    if versioning:
        reports.s3.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Enabled"})
        reports.s3.put_object(Bucket="reports", Key="2026/a", Body=b"43", Tagging="team=red")
    reports.allow(s3_read_policy(["reports"], ["2026/"], versions=True))
    result = reports.verify(buckets=["reports"], prefixes=["2026/"], versions=True)
    assert result.ok, result
    names = [check.name for check in result.checks if "version" in check.name]
    assert names[0] == "list versions of s3://reports/2026/"
    assert names[1].startswith("read version ")
    assert names[2].startswith("read the tags of version ")
    assert all(name.endswith("of s3://reports/2026/a") for name in names[1:])
    required = [d.action for call in reports.calls("GetObject", "GetObjectTagging") for d in call.decisions]
    assert required == ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("s3:ListBucketVersions", "list versions of s3://reports/"),
        ("s3:GetObjectVersion", "read version null of s3://reports/2025/a"),
        ("s3:GetObjectVersionTagging", "read the tags of version null of s3://reports/2025/a"),
    ],
)
def test_a_missing_permission_on_versions_is_a_failed_check(reports: Accounts, action: str, name: str) -> None:
    reports.allow(s3_read_policy(["reports"], versions=True))
    reports.allow(Statement.deny(action, "*"))
    assert failed(reports.verify(buckets=["reports"], versions=True)) == [name]


def test_each_permission_that_the_grant_does_not_want_is_a_failed_check(reports: Accounts) -> None:
    reports.allow(s3_read_policy(["reports"]))
    result = reports.verify(buckets=["reports"], extra=lambda: ["inline policy Extra", "managed policy Admin"])
    assert not result.ok
    assert [(check.name, check.ok, check.why) for check in result.checks[-2:]] == [
        ("the role has only the grant's permissions", False, "inline policy Extra"),
        ("the role has only the grant's permissions", False, "managed policy Admin"),
    ]
    result = reports.verify(buckets=["reports"], extra=list)
    assert result.ok
    assert observed(result)[-1] == ("the role has only the grant's permissions", "yes", True)
    assert not named(reports.verify(buckets=["reports"]), "the role has only")


def test_extra_permissions_that_cannot_be_read_are_shown_as_not_tried(reports: Accounts) -> None:
    reports.allow(Statement.allow(["s3:ListAllMyBuckets", "s3:ListBucket", "s3:GetObject"], "*"))
    result = reports.verify(extra=refuse_with(ClientError(NO_PERMISSION, "GetRole")))
    assert result.ok
    check = result.checks[-1]
    assert (check.observed, check.ok) == ("not tried", None)
    assert check.why == "the role's permissions could not be read: no list"


# Many requests, and none that arrive


def test_eight_requests_run_at_a_time(accounts: Accounts) -> None:
    eight, threads = threading.Barrier(8), set[int]()

    def wait_for_eight(**_: object) -> Any:
        if threading.get_ident() not in threads:
            threads.add(threading.get_ident())
            eight.wait(timeout=30)
        return answering("AccessDenied")()

    accounts.hooks.append(("before-send.s3.*", wait_for_eight))
    names = [f"bucket-{number}" for number in range(30)]
    result = accounts.verify(buckets=names)
    assert len(threads) == 8
    assert [check.name for check in named(result, "list s3://")] == [f"list s3://{name}/" for name in names]


def test_an_endpoint_that_cannot_be_reached_is_a_failed_check(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # botocore waits between attempts

    def unreachable(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3")

    accounts.hooks.append(("before-send.s3.*", unreachable))
    result = accounts.verify(buckets=["reports"])
    assert [check.observed for check in result.checks[1:4]] == ["failed", "not tried", "failed"]
    assert accounts.verify().checks[1].observed == "failed"


# The result


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
