"""One function in many accounts."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from attrs import frozen

from xacct import FanOut, InvalidValue, assume_role, fan_out
from xacct.errors import AssumeRoleDenied, AwsError
from xacct.testing import Sandbox

HOME = "999999999999"
ACCOUNTS = [f"{number:012}" for number in range(111111111111, 111111111119)]
ROLES = [f"arn:aws:iam::{account}:role/Reader" for account in ACCOUNTS]
TRUST = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": '
    '{"AWS": "%s"}}}'
)


@frozen
class Many:
    """The sandbox with many accounts that have a role, and the session that may assume them."""

    aws: Sandbox
    base: boto3.Session

    def calls(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.aws.calls)


@pytest.fixture
def many() -> Iterator[Many]:
    with Sandbox([HOME, *ACCOUNTS]) as aws:
        for account in ACCOUNTS:
            iam = aws.account(account).session.client("iam")
            iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=TRUST % HOME)
            iam.attach_role_policy(RoleName="Reader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
        aws.calls.clear()
        yield Many(aws, aws.account(HOME).session)


def who(session: boto3.Session) -> str:
    return session.client("sts").get_caller_identity()["Arn"]


def buckets(session: boto3.Session) -> int:
    return len(session.client("s3").list_buckets()["Buckets"])


def test_each_account_gets_a_session_of_its_own_in_its_role(many: Many) -> None:
    found = fan_out(ROLES, who, base=many.base, session_name="audit")
    assert found.ok
    assert found.results == {account: f"arn:aws:sts::{account}:assumed-role/Reader/audit" for account in ACCOUNTS}


def test_results_are_in_the_order_of_the_roles(many: Many) -> None:
    backwards = [*reversed(ROLES)]
    assert list(fan_out(backwards, buckets, base=many.base).results) == [*reversed(ACCOUNTS)]


def test_the_callers_own_name_is_learnt_once(many: Many) -> None:
    found = fan_out(ROLES, who, base=many.base)
    assert {arn.rsplit("/", 1)[1] for arn in found.results.values()} == {"Administrator"}
    assert many.calls("GetCallerIdentity") == 1 + len(ROLES)
    assert many.calls("AssumeRole") == len(ROLES)


def test_errors_are_kept_beside_the_results(many: Many) -> None:
    many.aws.account(ACCOUNTS[2]).session.client("iam").update_assume_role_policy(
        RoleName="Reader", PolicyDocument=TRUST % ACCOUNTS[0]
    )

    def fussy(session: boto3.Session) -> int:
        if ACCOUNTS[5] in who(session):
            raise RuntimeError("not here")
        return 42

    found = fan_out(ROLES, fussy, base=many.base, session_name="audit")
    assert not found.ok
    assert list(found.results) == [account for account in ACCOUNTS if account not in (ACCOUNTS[2], ACCOUNTS[5])]
    assert {account: type(error) for account, error in found.errors.items()} == {
        ACCOUNTS[2]: AssumeRoleDenied,
        ACCOUNTS[5]: RuntimeError,
    }
    lines = str(found).splitlines()
    assert lines[0] == f"ok  {ACCOUNTS[0]}  42"
    assert lines[5] == f"NO  {ACCOUNTS[5]}  RuntimeError: not here"
    assert repr(found) == "<FanOut: 6 accounts done, 2 failed>"
    assert "<td>RuntimeError: not here</td>" in found._repr_html_()


def test_the_first_error_can_end_it_all(many: Many) -> None:
    begun = []

    def fail(session: boto3.Session) -> None:
        begun.append(session)
        raise RuntimeError("no further")

    with pytest.raises(RuntimeError, match="no further"):
        fan_out(ROLES, fail, base=many.base, session_name="audit", max_workers=1, on_error="raise")
    assert len(begun) < len(ROLES)


def test_after_an_interrupt_no_further_account_is_begun_and_those_under_way_end(
    many: Many, caplog: pytest.LogCaptureFixture
) -> None:
    begun, ended = [], []

    def work(session: boto3.Session) -> None:
        begun.append(session)
        who(session)
        ended.append(session)

    def interrupt(done: int, total: int, account: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fan_out(ROLES, work, base=many.base, session_name="audit", max_workers=2, progress=interrupt)
    assert len(begun) == len(ended) < len(ROLES)
    assert f"of {len(ROLES)} accounts were not begun" in caplog.text


def test_no_more_accounts_are_under_way_than_there_are_workers(many: Many) -> None:
    free = threading.Semaphore(3)

    def work(_: boto3.Session) -> bool:
        had = free.acquire(blocking=False)
        try:
            return had
        finally:
            free.release()

    assert set(fan_out(ROLES, work, base=many.base, session_name="audit", max_workers=3).results.values()) == {True}


def test_progress_is_told_after_each_account(many: Many) -> None:
    told: list[tuple[int, int, str]] = []
    fan_out(ROLES, who, base=many.base, session_name="audit", progress=lambda *what: told.append(what))
    assert [(done, total) for done, total, _ in told] == [(n, len(ROLES)) for n in range(1, len(ROLES) + 1)]
    assert {account for _, _, account in told} == set(ACCOUNTS)


def test_a_bar_is_shown_where_it_is_wanted_and_not_without_a_terminal(
    many: Many, capsys: pytest.CaptureFixture[str]
) -> None:
    fan_out(ROLES, who, base=many.base, session_name="audit")
    assert capsys.readouterr().err == ""
    fan_out(ROLES, who, base=many.base, session_name="audit", progress=True)
    assert f"{len(ROLES)}/{len(ROLES)} accounts" in capsys.readouterr().err


def test_sessions_may_be_given_as_they_are_and_beside_roles(many: Many) -> None:
    theirs = many.aws.account(ACCOUNTS[0]).session
    assumed = assume_role(many.base, ROLES[1], session_name="mine", validate=False)
    found = fan_out([theirs, assumed, ROLES[2]], who, base=many.base, session_name="audit")
    assert found.results == {
        ACCOUNTS[0]: f"arn:aws:iam::{ACCOUNTS[0]}:user/Administrator",
        ACCOUNTS[1]: f"arn:aws:sts::{ACCOUNTS[1]}:assumed-role/Reader/mine",
        ACCOUNTS[2]: f"arn:aws:sts::{ACCOUNTS[2]}:assumed-role/Reader/audit",
    }


def test_a_role_may_be_the_base_of_others(many: Many) -> None:
    hub = assume_role(many.base, ROLES[0], session_name="hub")
    for account in ACCOUNTS[1:]:
        iam = many.aws.account(account).session.client("iam")
        iam.update_assume_role_policy(RoleName="Reader", PolicyDocument=TRUST % ROLES[0])
    many.aws.account(ACCOUNTS[0]).session.client("iam").attach_role_policy(
        RoleName="Reader", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    found = fan_out(ROLES[1:], who, base=hub)
    assert {arn.rsplit("/", 1)[1] for arn in found.results.values()} == {"hub"}


def test_what_roles_demand_and_policies_leave_is_passed_on(many: Many) -> None:
    for account in ACCOUNTS:
        trust = TRUST[:-2] + ', "Condition": {"StringEquals": {"sts:ExternalId": "acme-42"}}}}'
        iam = many.aws.account(account).session.client("iam")
        iam.update_assume_role_policy(RoleName="Reader", PolicyDocument=trust % HOME)
    nothing = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}
    without = fan_out(ROLES, buckets, base=many.base, session_name="audit")
    assert {type(error) for error in without.errors.values()} == {AssumeRoleDenied}
    within = fan_out(
        ROLES, buckets, base=many.base, session_name="audit", external_id="acme-42", policy=nothing, region="eu-west-3"
    )
    assert all("explicit deny in a session policy" in str(error) for error in within.errors.values())


def test_sessions_are_forgotten_though_their_errors_are_kept(many: Many) -> None:
    seen: list[weakref.ref[boto3.Session]] = []

    def fail(session: boto3.Session) -> None:
        seen.append(weakref.ref(session))
        buckets(session)
        session.client("s3").get_object(Bucket="missing", Key="k")

    found = fan_out(ROLES, fail, base=many.base, session_name="audit")
    gc.collect()
    assert len(found.errors) == len(seen) == len(ROLES)
    assert [session for session in seen if session() is not None] == []


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sessions_or_role_arns": [ROLES[0], ROLES[0]]}, "one session or role for each account"),
        ({"sessions_or_role_arns": ["Reader"]}, "role_arn"),
        ({"session_name": "a b"}, "session_name"),
        ({"max_workers": 0}, "at least 1"),
        ({"on_error": "ignore"}, "'collect' or 'raise'"),
        ({"region": "cn-north-1"}, "a region of aws, the role.s partition"),
    ],
)
def test_bad_input_is_refused_before_any_call(many: Many, options: dict[str, Any], text: str) -> None:
    wanted: Any = {"sessions_or_role_arns": ROLES, "function": who, "base": many.base, "session_name": "audit"}
    with pytest.raises(InvalidValue, match=text):
        fan_out(**{**wanted, **options})
    assert many.aws.calls == []


def test_nothing_to_do_is_done_at_once(many: Many) -> None:
    found: FanOut[str] = fan_out([], who)
    assert (found.ok, found.results, str(found)) == (True, {}, "")


def test_a_session_whose_account_cannot_be_learnt_is_refused_before_any_function_is_called(many: Many) -> None:
    stranger = boto3.Session("AKIASTRANGER", "secret", region_name="eu-central-1")
    called: list[boto3.Session] = []
    with pytest.raises(AwsError, match=r"asking who the session belongs to: .*InvalidClientTokenId"):
        fan_out([*ROLES, stranger], called.append, base=many.base, session_name="audit")
    assert called == []


def test_throttling_is_waited_out(many: Many) -> None:
    many.aws.faults.add("throttled", operation="AssumeRole", at=1)
    assert fan_out(ROLES[:2], who, base=many.base, session_name="audit").ok


def test_an_error_that_is_no_exception_is_raised(many: Many) -> None:
    def leave(_: boto3.Session) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        fan_out(ROLES, leave, base=many.base, session_name="audit")


def test_the_default_session_is_the_base(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    key = many.aws.account(HOME).key
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert fan_out(ROLES[:2], who).results == {
        account: f"arn:aws:sts::{account}:assumed-role/Reader/Administrator" for account in ACCOUNTS[:2]
    }
