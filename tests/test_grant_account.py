"""Connecting to the accounts of two sessions: what is refused, what errors say, and how many calls run at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
    UnknownServiceError,
)

from xacct import ConsoleUser, DevAccessGrant, TrustGrant, plan
from xacct.concurrency import run_concurrently
from xacct.errors import AwsError, InvalidCredentials, InvalidValue, NotPropagated, PermissionMissing, SessionExpired
from xacct.grant_account import MAX_CONCURRENT_CALLS, GrantAccount, connect, connect_one
from xacct.retry import Patience, denied_or_unknown
from xacct.testing import Sandbox
from xacct.testing.error_responses import Refused

TRUSTING, TRUSTED = "111111111111", "222222222222"
NO_WAIT = Patience(deadline=0)


@pytest.fixture
def aws() -> Iterator[Sandbox]:
    with Sandbox([TRUSTING, TRUSTED], region="eu-central-1") as sandbox:
        yield sandbox


@pytest.fixture
def sessions(aws: Sandbox) -> tuple[boto3.Session, boto3.Session]:
    return aws.account(TRUSTING).session, aws.account(TRUSTED).session


class Calls(list[str]):
    """Records the operation of each call of some sessions."""

    def __init__(self, *sessions: boto3.Session) -> None:
        for session in sessions:
            session.events.register("before-call.*.*", lambda model, **_: self.append(model.name))


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "refused"}}, "GetRole")


def failing(error: Exception) -> Callable[[], Any]:
    def call() -> None:
        raise error

    return call


# What is no session


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("prod", "'prod' is not valid: a boto3.Session, such as boto3.Session(profile_name='prod')"),
        ("staging", "'staging' is not valid: a boto3.Session, such as boto3.Session(profile_name='staging')"),
        ("", "'' is not valid: a boto3.Session, such as boto3.Session(profile_name='prod')"),
        (TRUSTING, f"'{TRUSTING}' is not valid: a boto3.Session, such as boto3.Session(profile_name='prod')"),
        (111111111111, "111111111111 is not valid: a boto3.Session, such as boto3.Session(profile_name='prod')"),
        (None, "None is not valid: a boto3.Session, such as boto3.Session(profile_name='prod')"),
    ],
)
@pytest.mark.parametrize("name", ["trusting", "trusted", "session"])
def test_a_value_that_is_no_session_is_refused_before_any_call(
    sessions: tuple[boto3.Session, boto3.Session], name: str, value: Any, message: str
) -> None:
    calls = Calls(*sessions)
    given: Any = {"trusting": sessions[0], "trusted": sessions[1], name: value}
    with pytest.raises(InvalidValue) as refused:
        connect_one(value, name) if name == "session" else connect(given["trusting"], given["trusted"], NO_WAIT)
    assert str(refused.value) == f"{name}: {message}"
    assert calls == []


def test_credentials_that_are_passed_instead_of_a_session_are_not_shown() -> None:
    credentials: Any = {"AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "hidden text"}
    with pytest.raises(InvalidValue, match=r"^session: <class 'dict'> is not valid: a boto3\.Session") as refused:
        connect_one(credentials, "session")
    assert refused.value.value is dict


# Sessions whose credentials do not work


def test_a_session_without_credentials_is_refused_before_any_call(
    sessions: tuple[boto3.Session, boto3.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(*sessions)
    monkeypatch.setattr(sessions[1], "get_credentials", lambda: None)
    with pytest.raises(
        InvalidCredentials, match=r"the trusted session failed: its credentials were not found\. Pass a session"
    ):
        connect(*sessions, NO_WAIT)
    assert calls == []


UNUSABLE: list[tuple[BotoCoreError | RuntimeError, type[AwsError], str]] = [
    (NoCredentialsError(), InvalidCredentials, "were not found. Pass a session with a profile that has some"),
    (
        PartialCredentialsError(provider="env", cred_var="x"),
        InvalidCredentials,
        "could not be loaded. Check the profile",
    ),
    (
        CredentialRetrievalError(provider="p", error_msg="x"),
        InvalidCredentials,
        "could not be loaded. Check the profile",
    ),
    (ProfileNotFound(profile="prod"), InvalidCredentials, "could not be loaded. Check the profile"),
    (SSOTokenLoadError(error_msg="x"), SessionExpired, "has expired. Run aws sso login"),
    (UnauthorizedSSOTokenError(), SessionExpired, "has expired. Run aws sso login"),
    (TokenRetrievalError(provider="sso", error_msg="x"), SessionExpired, "has expired. Run aws sso login"),
    (
        RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."),
        SessionExpired,
        "have expired. Sign in again, such as with aws sso login",
    ),
]


unusable = pytest.mark.parametrize(("error", "kind", "message"), UNUSABLE, ids=lambda value: type(value).__name__)


@pytest.mark.parametrize("stage", ["when boto3 looks for them", "when the first call is signed"])
@unusable
def test_unusable_credentials_are_named_with_what_to_do(
    sessions: tuple[boto3.Session, boto3.Session],
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    error: Exception,
    kind: type[AwsError],
    message: str,
) -> None:
    # boto3 refreshes credentials only to sign a call, and this is how it reports that it could not.
    if stage == "when the first call is signed" or isinstance(error, RuntimeError):
        sessions[1].events.register("before-sign.*.*", lambda **_: failing(error)())
    else:
        monkeypatch.setattr(sessions[1], "get_credentials", failing(error))
    with pytest.raises(kind, match="the trusted session failed: ") as failed:
        connect(*sessions, NO_WAIT)
    assert type(failed.value) is kind
    assert message in str(failed.value)


@pytest.mark.parametrize("stage", ["get_credentials", "client"])
def test_other_errors_of_a_session_name_it_too(
    sessions: tuple[boto3.Session, boto3.Session], monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setattr(
        sessions[0], stage, lambda *_: failing(UnknownServiceError(service_name="s", known_service_names="n"))()
    )
    with pytest.raises(AwsError, match="the trusting session failed: Unknown service"):
        connect(*sessions, NO_WAIT)


@unusable
def test_credentials_that_become_unusable_later_are_named_with_what_to_do(
    sessions: tuple[boto3.Session, boto3.Session], error: Exception, kind: type[AwsError], message: str
) -> None:
    _, trusted = connect(*sessions, NO_WAIT)
    with pytest.raises(kind, match=f"^reading role R in account {TRUSTED} failed: .*the trusted session's") as failed:
        trusted.attempt(failing(error), doing="reading role R")
    assert type(failed.value) is kind
    assert message in str(failed.value)
    assert (failed.value.doing, failed.value.account) == ("reading role R", TRUSTED)


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("ExpiredToken", SessionExpired, "credentials have expired. Sign in again, such as with aws sso login"),
        (
            "ExpiredTokenException",
            SessionExpired,
            "credentials have expired. Sign in again, such as with aws sso login",
        ),
        ("InvalidClientTokenId", InvalidCredentials, "Check that the access key exists, is active"),
        ("SignatureDoesNotMatch", InvalidCredentials, "the clock of this computer is right"),
    ],
)
def test_credentials_that_aws_rejects_are_named_at_the_first_call_and_at_any_later_one(
    aws: Sandbox, sessions: tuple[boto3.Session, boto3.Session], code: str, kind: type[AwsError], message: str
) -> None:
    account = connect_one(sessions[0], "trusting", patience=NO_WAIT)
    aws.faults.add(Refused(code, "The security token included in the request is not valid", 403))
    with pytest.raises(kind) as first:
        connect(*sessions, NO_WAIT)
    with pytest.raises(kind) as later:
        account.attempt(lambda: account.iam.get_role(RoleName="R"), doing="reading role R")

    for error, doing in (
        (first.value, "reading the caller identity of the trusting session"),
        (later.value, "reading role R"),
    ):
        assert str(error).startswith(doing)
        assert "the trusting session" in str(error)
        assert message in str(error)
        assert str(error).count("The security token included in the request is not valid") == 1
        assert (error.code, error.doing) == (code, doing)
    assert (first.value.account, later.value.account) == (None, TRUSTING)


def test_the_command_that_renews_the_credentials_names_the_profile(
    sessions: tuple[boto3.Session, boto3.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    account = connect_one(sessions[0], "session", patience=NO_WAIT)
    monkeypatch.setattr(boto3.Session, "profile_name", "prod")
    with pytest.raises(
        SessionExpired, match=r"the session's credentials has expired\. Run aws sso login --profile prod"
    ):
        account.attempt(failing(UnauthorizedSSOTokenError()), doing="reading role R")
    with pytest.raises(InvalidCredentials, match="Check the profile prod"):
        account.attempt(failing(CredentialRetrievalError(provider="p", error_msg="x")), doing="reading role R")


def test_a_key_that_is_still_unknown_at_the_deadline_is_not_called_invalid(
    sessions: tuple[boto3.Session, boto3.Session],
) -> None:
    account = connect_one(sessions[0], "session", patience=NO_WAIT)
    with pytest.raises(NotPropagated):
        account.attempt(
            failing(client_error("InvalidClientTokenId")), doing="assuming role R", transient=denied_or_unknown
        )


def test_other_errors_of_a_call_are_not_about_credentials(sessions: tuple[boto3.Session, boto3.Session]) -> None:
    account = connect_one(sessions[0], "session", patience=NO_WAIT)
    with pytest.raises(PermissionMissing):
        account.attempt(failing(client_error("AccessDenied")), doing="reading role R")
    with pytest.raises(AwsError, match="NoSuchEntity") as missing:
        account.attempt(failing(client_error("NoSuchEntity")), doing="reading role R")
    assert type(missing.value) is AwsError
    with pytest.raises(ParamValidationError):
        account.attempt(failing(ParamValidationError(report="x")), doing="reading role R")


def test_an_expiry_after_a_lost_response_may_have_taken_effect(sessions: tuple[boto3.Session, boto3.Session]) -> None:
    patience = Patience(deadline=20, sleep=lambda _: None)
    account = connect_one(sessions[0], "session", patience=patience)
    errors = [client_error("ExpiredToken"), EndpointConnectionError(endpoint_url="https://iam.amazonaws.com")]

    def call() -> None:
        raise errors.pop()

    with pytest.raises(SessionExpired) as expired:
        account.attempt(call, doing="creating role R")
    assert expired.value.ambiguous


def test_a_connection_that_fails_is_reported_after_half_a_minute(
    sessions: tuple[boto3.Session, boto3.Session],
) -> None:
    waits: list[float] = []

    def lose(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://sts.eu-central-1.amazonaws.com")

    sessions[0].events.register("before-send.sts.*", lose)
    with pytest.raises(
        AwsError, match="the trusting session failed: AWS could not be reached at https://sts"
    ) as failed:
        connect(*sessions, Patience(deadline=600, sleep=waits.append))
    assert "Check the network, the proxy and the session's region" in str(failed.value)
    assert 30 <= sum(waits) < 40


def test_a_session_without_a_region_is_refused(
    sessions: tuple[boto3.Session, boto3.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions[0], "client", lambda name: failing(NoRegionError())())
    with pytest.raises(InvalidValue, match=r"^trusting: 'a session without a region' is not valid: .* region_name="):
        connect(*sessions, NO_WAIT)


# One account as both sides


def test_one_session_can_be_both_sides(sessions: tuple[boto3.Session, boto3.Session]) -> None:
    calls = Calls(*sessions)
    first, second = connect(sessions[0], sessions[0], NO_WAIT)
    assert [(account.side, account.name, account.id) for account in (first, second)] == [
        ("trusting", "trusting", TRUSTING),
        ("trusted", "trusted", TRUSTING),
    ]
    assert calls == ["GetCallerIdentity"]


@pytest.mark.parametrize("same", [True, False])
def test_a_grant_within_one_account_is_applied_and_removed(aws: Sandbox, same: bool) -> None:
    session, key = aws.account(TRUSTING).session, aws.account(TRUSTING).key
    other = session if same else boto3.Session(key.access_key_id, key.secret_access_key, region_name="eu-central-1")
    trust = TrustGrant(
        account=TRUSTING, principals=TRUSTING, managed_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]
    )
    dev = DevAccessGrant(account=TRUSTING, role_arns=trust.role_arn, console_user=ConsoleUser("dev"))
    made = plan(trust, dev, trusting=session, trusted=other, patience=Patience(sleep=lambda _: None))
    assert {change.side for change in made.apply()} == {"trusting", "trusted"}
    made.destroy()
    assert session.client("iam").list_roles()["Roles"] == []


def test_one_account_can_be_connected_with_either_side(sessions: tuple[boto3.Session, boto3.Session]) -> None:
    assert connect_one(sessions[0], "session").side == "trusting"
    account = connect_one(sessions[1], "session", side="trusted", patience=NO_WAIT)
    assert (account.side, account.id, account.patience) == ("trusted", TRUSTED, NO_WAIT)


# Concurrency


class InFlight:
    """Counts the calls that run at the same time."""

    def __init__(self, wanted: int) -> None:
        self.now, self.most, self._wanted = 0, 0, wanted
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.now += 1
            self.most = max(self.most, self.now)
            self._changed.notify_all()
            # Each call stays until as many as possible have been seen together.
            self._changed.wait_for(lambda: self.most >= self._wanted, timeout=5)
        # A call too many gets a chance to start.
        threading.Event().wait(0.002)
        with self._changed:
            self.now -= 1


def test_at_most_eight_calls_run_at_a_time_over_both_accounts(sessions: tuple[boto3.Session, boto3.Session]) -> None:
    both = connect(*sessions, NO_WAIT)
    running = InFlight(MAX_CONCURRENT_CALLS)

    def attempt_with(account: GrantAccount) -> Callable[[], None]:
        return lambda: account.attempt(running, doing="reading")

    run_concurrently(*(attempt_with(both[number % 2]) for number in range(30)))
    assert running.most == MAX_CONCURRENT_CALLS == 8


def test_a_call_that_waits_for_its_next_try_does_not_keep_others_from_running(
    sessions: tuple[boto3.Session, boto3.Session],
) -> None:
    everyone_waits = threading.Barrier(2 * MAX_CONCURRENT_CALLS)
    patience = Patience(deadline=20, sleep=lambda _: everyone_waits.wait(5) and None)
    account, _ = connect(*sessions, patience)

    def throttled_once() -> Callable[[], None]:
        errors = [client_error("Throttling")]

        def call() -> None:
            if errors:
                raise errors.pop()

        return lambda: account.attempt(call, doing="reading")

    run_concurrently(*(throttled_once() for _ in range(2 * MAX_CONCURRENT_CALLS)))
    assert not everyone_waits.broken


def test_a_call_inside_a_call_does_not_wait_for_itself(sessions: tuple[boto3.Session, boto3.Session]) -> None:
    account, other = connect(*sessions, NO_WAIT)
    together = threading.Barrier(MAX_CONCURRENT_CALLS)

    def outer() -> str:
        together.wait(5)
        return other.attempt(lambda: "inner", doing="reading")

    found = run_concurrently(*(lambda: account.attempt(outer, doing="deleting") for _ in range(MAX_CONCURRENT_CALLS)))
    assert found == ["inner"] * MAX_CONCURRENT_CALLS


def test_a_failed_call_makes_room_for_the_next(sessions: tuple[boto3.Session, boto3.Session]) -> None:
    account, _ = connect(*sessions, NO_WAIT)
    for _ in range(2 * MAX_CONCURRENT_CALLS):
        with pytest.raises(AwsError):
            account.attempt(failing(client_error("NoSuchEntity")), doing="reading")
    together = threading.Barrier(MAX_CONCURRENT_CALLS)
    run_concurrently(
        *(lambda: account.attempt(lambda: together.wait(5), doing="reading") for _ in range(MAX_CONCURRENT_CALLS))
    )
