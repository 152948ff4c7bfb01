"""fan_out: sessions, results, errors, progress and interrupts."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from attrs import frozen

from xacct import FanOut, InvalidValue, assume_role, fan_out
from xacct.errors import AssumeRoleDenied, AwsError, InvalidCredentials, TargetTimedOut
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
    """A sandbox with a role in each of many accounts, and the session that is allowed to assume the roles."""

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


async def wait_for_it(session: boto3.Session) -> str:
    return who(session)


class Waiter:
    async def __call__(self, session: boto3.Session) -> str:
        return who(session)


def test_each_account_gets_a_session_of_its_own_in_its_role(many: Many) -> None:
    found = fan_out(ROLES, who, base=many.base, session_name="audit")
    assert found.ok
    assert found.results == {account: f"arn:aws:sts::{account}:assumed-role/Reader/audit" for account in ACCOUNTS}


def test_results_are_in_the_order_of_the_roles(many: Many) -> None:
    backwards = [*reversed(ROLES)]
    assert list(fan_out(backwards, buckets, base=many.base).results) == [*reversed(ACCOUNTS)]


def test_the_callers_name_is_read_once(many: Many) -> None:
    found = fan_out(ROLES, who, base=many.base)
    assert {arn.rsplit("/", 1)[1] for arn in found.results.values()} == {"Administrator"}
    assert many.calls("GetCallerIdentity") == 1 + len(ROLES)
    assert many.calls("AssumeRole") == len(ROLES)


def test_errors_are_stored_next_to_the_results(many: Many) -> None:
    many.aws.account(ACCOUNTS[2]).session.client("iam").update_assume_role_policy(
        RoleName="Reader", PolicyDocument=TRUST % ACCOUNTS[0]
    )

    def fail_in_one_account(session: boto3.Session) -> int:
        if ACCOUNTS[5] in who(session):
            raise RuntimeError("not here")
        return 42

    found = fan_out(ROLES, fail_in_one_account, base=many.base, session_name="audit")
    assert not found.ok
    assert list(found.results) == [account for account in ACCOUNTS if account not in (ACCOUNTS[2], ACCOUNTS[5])]
    assert {account: type(error) for account, error in found.errors.items()} == {
        ACCOUNTS[2]: AssumeRoleDenied,
        ACCOUNTS[5]: RuntimeError,
    }
    lines = str(found).splitlines()
    assert lines[0] == f"ok    {ACCOUNTS[0]}  42"
    assert lines[5] == f"FAIL  {ACCOUNTS[5]}  RuntimeError: not here"
    assert repr(found) == "<FanOut: 6 accounts succeeded, 2 failed>"
    assert "<td>RuntimeError: not here</td>" in found._repr_html_()


def test_on_error_raise_stops_after_the_first_error(many: Many) -> None:
    started = []

    def fail(session: boto3.Session) -> None:
        started.append(session)
        raise RuntimeError("no further")

    with pytest.raises(RuntimeError, match="no further"):
        fan_out(ROLES, fail, base=many.base, session_name="audit", max_workers=1, on_error="raise")
    assert len(started) < len(ROLES)


def test_after_an_interrupt_no_account_is_started_and_running_ones_finish(
    many: Many, caplog: pytest.LogCaptureFixture
) -> None:
    started, ended = [], []

    def work(session: boto3.Session) -> None:
        started.append(session)
        who(session)
        ended.append(session)

    def interrupt(done: int, total: int, account: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fan_out(ROLES, work, base=many.base, session_name="audit", max_workers=2, progress=interrupt)
    assert len(started) == len(ended) < len(ROLES)
    assert f"of {len(ROLES)} targets were not started" in caplog.text


def test_at_most_max_workers_accounts_run_at_the_same_time(many: Many) -> None:
    free = threading.Semaphore(3)

    def work(_: boto3.Session) -> bool:
        had = free.acquire(blocking=False)
        try:
            return had
        finally:
            free.release()

    assert set(fan_out(ROLES, work, base=many.base, session_name="audit", max_workers=3).results.values()) == {True}


def test_progress_is_called_after_each_account(many: Many) -> None:
    told: list[tuple[int, int, str]] = []
    fan_out(ROLES, who, base=many.base, session_name="audit", progress=lambda *what: told.append(what))
    assert [(done, total) for done, total, _ in told] == [(n, len(ROLES)) for n in range(1, len(ROLES) + 1)]
    assert {account for _, _, account in told} == set(ACCOUNTS)


def test_a_progress_bar_is_shown_on_request_and_not_without_a_terminal(
    many: Many, capsys: pytest.CaptureFixture[str]
) -> None:
    fan_out(ROLES, who, base=many.base, session_name="audit")
    assert capsys.readouterr().err == ""
    fan_out(ROLES, who, base=many.base, session_name="audit", progress=True)
    assert f"{len(ROLES)}/{len(ROLES)} accounts" in capsys.readouterr().err


def test_targets_can_be_sessions_and_roles(many: Many) -> None:
    theirs = many.aws.account(ACCOUNTS[0]).session
    assumed = assume_role(many.base, ROLES[1], session_name="mine", validate=False)
    found = fan_out([theirs, assumed, ROLES[2]], who, base=many.base, session_name="audit")
    assert found.results == {
        ACCOUNTS[0]: f"arn:aws:iam::{ACCOUNTS[0]}:user/Administrator",
        ACCOUNTS[1]: f"arn:aws:sts::{ACCOUNTS[1]}:assumed-role/Reader/mine",
        ACCOUNTS[2]: f"arn:aws:sts::{ACCOUNTS[2]}:assumed-role/Reader/audit",
    }


def test_a_role_session_can_be_the_base(many: Many) -> None:
    hub = assume_role(many.base, ROLES[0], session_name="hub")
    for account in ACCOUNTS[1:]:
        iam = many.aws.account(account).session.client("iam")
        iam.update_assume_role_policy(RoleName="Reader", PolicyDocument=TRUST % ROLES[0])
    many.aws.account(ACCOUNTS[0]).session.client("iam").attach_role_policy(
        RoleName="Reader", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    found = fan_out(ROLES[1:], who, base=hub)
    assert {arn.rsplit("/", 1)[1] for arn in found.results.values()} == {"hub"}


def test_the_external_id_and_the_session_policy_are_sent(many: Many) -> None:
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


def test_sessions_are_released_although_their_errors_are_stored(many: Many) -> None:
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
        ({"targets": [ROLES[0], ROLES[0]]}, "two targets have this key"),
        ({"targets": ["Reader"]}, "role_arn"),
        ({"session_name": "a b"}, "session_name"),
        ({"max_workers": 0}, "at least 1"),
        ({"max_rate": 0}, "max_rate: 0 is not valid: a finite number of roles per second, greater than 0"),
        ({"timeout": float("inf")}, "timeout: inf is not valid: a finite number of seconds"),
        ({"function": wait_for_it}, r"function: .*asyncio.run\(function\(session\)\)"),
        ({"function": partial(wait_for_it)}, "it is asynchronous"),
        ({"function": Waiter()}, "it is asynchronous"),
        ({"on_error": "ignore"}, "'collect' or 'raise'"),
        ({"region": "cn-north-1"}, "a region of aws, the role.s partition"),
    ],
)
def test_invalid_arguments_are_rejected_before_any_call(many: Many, options: dict[str, Any], text: str) -> None:
    wanted: Any = {"targets": ROLES, "function": who, "base": many.base, "session_name": "audit"}
    with pytest.raises(InvalidValue, match=text):
        fan_out(**{**wanted, **options})
    assert many.aws.calls == []


def test_a_function_that_returns_a_coroutine_fails_in_each_account(many: Many) -> None:
    found = fan_out(ROLES[:2], lambda session: wait_for_it(session), base=many.base, session_name="audit")
    assert [type(error) for error in found.errors.values()] == [InvalidValue] * 2


def test_without_targets_the_result_is_empty(many: Many) -> None:
    found: FanOut[str] = fan_out([], who)
    assert (found.ok, found.results, str(found)) == (True, {}, "")


def test_a_session_with_invalid_credentials_is_rejected_before_the_function_is_called(many: Many) -> None:
    stranger = boto3.Session("AKIASTRANGER", "secret", region_name="eu-central-1")
    called: list[boto3.Session] = []
    with pytest.raises(AwsError, match=r"reading the caller identity of .*InvalidClientTokenId"):
        fan_out([*ROLES, stranger], called.append, base=many.base, session_name="audit")
    assert called == []


def test_throttling_is_retried(many: Many) -> None:
    many.aws.faults.add("throttled", operation="AssumeRole", at=1)
    assert fan_out(ROLES[:2], who, base=many.base, session_name="audit").ok


def test_throttling_is_retried_more_often_than_botocore_does(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xacct.session.target_threads.Job.sleep", lambda *_: None)
    for _ in range(9):
        many.aws.faults.add("throttled", operation="AssumeRole", at=1)
    assert fan_out(ROLES[:1], who, base=many.base, session_name="audit").ok


def test_an_account_that_takes_too_long_is_abandoned_and_makes_no_further_call(many: Many) -> None:
    hang, ended = threading.Event(), threading.Event()

    def work(session: boto3.Session) -> str:
        s3 = session.client("s3")
        if session.get_credentials().account_id != ACCOUNTS[1]:
            return who(session)
        try:
            hang.wait()
            s3.list_buckets()
        finally:
            ended.set()
        return "the call before ends the thread"

    found = fan_out(ROLES[:4], work, base=many.base, session_name="audit", timeout=2)
    assert [*found.results] == [ACCOUNTS[0], ACCOUNTS[2], ACCOUNTS[3]]
    error = found.errors[ACCOUNTS[1]]
    assert isinstance(error, TargetTimedOut)
    assert (error.account, error.doing, error.seconds) == (ACCOUNTS[1], "the function", 2)
    hang.set()
    assert ended.wait(30)
    assert many.calls("ListBuckets") == 0


def test_a_role_that_sts_does_not_answer_for_is_named(many: Many) -> None:
    hang = threading.Event()

    def wait_for_one(request: Any, **_: object) -> None:
        if ACCOUNTS[1] in str(request.body):
            hang.wait()

    many.base.events.register_first("before-send.sts.AssumeRole", wait_for_one)
    found = fan_out(ROLES[:3], buckets, base=many.base, session_name="audit", timeout=2)
    hang.set()
    assert [*found.results] == [ACCOUNTS[0], ACCOUNTS[2]]
    expected = f"assuming {ROLES[1]} in account {ACCOUNTS[1]} did not end: after 2 s the account was abandoned"
    assert expected in str(found.errors[ACCOUNTS[1]])


def test_an_account_that_does_not_answer_in_time_leaves_no_thread(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.enumerate()
    session = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-central-1")
    monkeypatch.setattr("xacct.session.fan_out.account_of", lambda _: ACCOUNTS[0])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = "http://{}:{}".format(*silent.getsockname())
        found = fan_out([session], lambda it: it.client("s3", endpoint_url=url).list_buckets(), timeout=0.5)
        assert [thread for thread in threading.enumerate() if thread not in before] == []
    assert [type(error) for error in found.errors.values()] == [TargetTimedOut]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("hung", ["sts", "account", "s3", "session", "retries"])
def test_ctrl_c_ends_what_hangs_and_leaves_no_thread(hung: str) -> None:
    script = [sys.executable, str(Path(__file__).with_name("interrupted_run.py")), hung]
    ran = subprocess.run(script, capture_output=True, text=True, timeout=40, check=True)
    seconds, *threads = ran.stdout.split()
    assert (float(seconds) < 2, threads) == (True, []), (ran.stdout, ran.stderr)


def test_a_base_exception_is_raised(many: Many) -> None:
    def leave(_: boto3.Session) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        fan_out(ROLES, leave, base=many.base, session_name="audit")


def test_credentials_that_cannot_be_loaded_are_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text("[profile broken]\nregion = eu-central-1\ncredential_process = /missing/program\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(InvalidCredentials, match="the base session's credentials could not be loaded"):
        fan_out(ROLES, lambda _: None, base=boto3.Session(profile_name="broken"))
    with pytest.raises(InvalidCredentials, match="the target session's credentials could not be loaded"):
        fan_out([boto3.Session(profile_name="broken")], lambda _: None)


def test_the_default_session_is_the_base(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    key = many.aws.account(HOME).key
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert fan_out(ROLES[:2], who).results == {
        account: f"arn:aws:sts::{account}:assumed-role/Reader/Administrator" for account in ACCOUNTS[:2]
    }
