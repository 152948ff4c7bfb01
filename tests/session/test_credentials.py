"""Renewal: when, by whom, how often, and what happens when it fails."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest

from xacct.errors import AssumeRoleDenied
from xacct.session.assume import assume_role

ROLE = "arn:aws:iam::111111111111:role/Reader"


@pytest.fixture
def session(base: boto3.Session) -> boto3.Session:
    return assume_role(base, ROLE)


def key_of(session: boto3.Session) -> str:
    return session.get_credentials().get_frozen_credentials().access_key


def test_credentials_stay_until_a_quarter_of_an_hour_before_expiry(session: boto3.Session, clock: Any) -> None:
    clock.forward(minutes=44)
    assert key_of(session) == "ASIA0"
    clock.forward(minutes=2)
    assert key_of(session) == "ASIA1"


def test_the_shortest_session_is_not_renewed_at_every_call(base: boto3.Session, sts: Any, clock: Any) -> None:
    session = assume_role(base, ROLE, duration=900)
    clock.forward(minutes=10)
    assert key_of(session) == "ASIA0"
    clock.forward(minutes=2)
    assert key_of(session) == "ASIA1"


def test_a_client_made_earlier_signs_with_the_renewed_credentials(session: boto3.Session, sts: Any, clock: Any) -> None:
    signed: list[str] = []
    session.events.register_first(
        "before-send.sts", lambda request, **_: signed.append(request.headers["Authorization"].decode())
    )
    client = session.client("sts")
    client.get_caller_identity()
    clock.forward(hours=5)
    client.get_caller_identity()
    assert ["Credential=ASIA0" in signed[0], "Credential=ASIA1" in signed[1]] == [True, True]


@pytest.mark.parametrize("lifetime", [timedelta(hours=1), timedelta(seconds=3)])
def test_sixteen_threads_at_expiry_cause_one_call(
    base: boto3.Session, sts: Any, clock: Any, lifetime: timedelta
) -> None:
    sts.lifetime = lifetime
    session = assume_role(base, ROLE)
    clock.forward(hours=2)
    gate = threading.Barrier(16)

    def use(_: int) -> list[str]:
        gate.wait()
        return [key_of(session) for _ in range(10)]

    with ThreadPoolExecutor(16) as pool:
        keys = {key for keys in pool.map(use, range(16)) for key in keys}
    assert keys == {"ASIA1"}
    assert len(sts.assumed) == 2


def test_a_fresh_session_used_by_sixteen_threads_makes_one_call(base: boto3.Session, sts: Any) -> None:
    session = assume_role(base, ROLE, validate=False)
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: key_of(session), range(160))) == {"ASIA0"}
    assert len(sts.assumed) == 1


def test_ahead_of_expiry_the_others_go_on_while_one_renews(session: boto3.Session, sts: Any, clock: Any) -> None:
    asked, answer = threading.Event(), threading.Event()
    sts.before_answer = lambda: (asked.set(), answer.wait(30))
    clock.forward(minutes=50)
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(key_of, session)
        assert asked.wait(30)
        assert key_of(session) == "ASIA0"
        answer.set()
        assert renewing.result(30) == "ASIA1"


class TestFailure:
    def test_is_logged_while_the_old_credentials_are_valid(
        self, session: boto3.Session, sts: Any, clock: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        clock.forward(minutes=50)
        sts.deny()
        assert key_of(session) == "ASIA0"
        [record] = [r for r in caplog.records if r.name == "xacct"]
        assert record.levelno == logging.WARNING
        assert (
            f"assuming {ROLE} again failed; its current credentials are valid until 2030-01-01T01:00:00"
            in record.message
        )

    def test_does_not_reach_the_caller_in_the_last_minute_either(
        self, session: boto3.Session, sts: Any, clock: Any
    ) -> None:
        clock.forward(minutes=59, seconds=30)
        sts.deny()
        assert key_of(session) == "ASIA0"

    def test_is_retried_soon_but_not_at_every_call(self, session: boto3.Session, sts: Any, clock: Any) -> None:
        clock.forward(minutes=50)
        sts.deny()
        for _ in range(10):
            assert key_of(session) == "ASIA0"
        assert len(sts.assumed) == 2
        clock.forward(seconds=11)
        assert key_of(session) == "ASIA2"

    def test_is_raised_once_the_old_credentials_have_expired(
        self, session: boto3.Session, sts: Any, clock: Any
    ) -> None:
        clock.forward(minutes=59, seconds=55)
        sts.deny()
        assert key_of(session) == "ASIA0"
        clock.forward(seconds=5)
        sts.deny()
        with pytest.raises(AssumeRoleDenied):
            key_of(session)
        assert key_of(session) == "ASIA3"


class TestClockSkew:
    @pytest.mark.parametrize("skew", [timedelta(hours=3), timedelta(hours=-3)])
    def test_does_not_shorten_or_stretch_the_lifetime(
        self, base: boto3.Session, sts: Any, clock: Any, skew: timedelta
    ) -> None:
        sts.skew = skew
        session = assume_role(base, ROLE)
        clock.forward(minutes=40)
        assert key_of(session) == "ASIA0"
        clock.forward(minutes=10)
        assert key_of(session) == "ASIA1"

    @pytest.mark.parametrize("date", [None, "yesterday", "Tue, 01 Jan 2030 05:00:00 -0000"])
    def test_is_not_inferred_where_the_answer_has_no_date(
        self, base: boto3.Session, sts: Any, clock: Any, date: str | None
    ) -> None:
        sts.date = lambda: date
        session = assume_role(base, ROLE)
        clock.forward(minutes=50)
        assert key_of(session) == "ASIA1"

    def test_is_not_inferred_from_a_date_that_cannot_be(self, base: boto3.Session, sts: Any, clock: Any) -> None:
        sts.skew, sts.lifetime = timedelta(hours=-3), timedelta(hours=4)
        session = assume_role(base, ROLE)
        clock.forward(minutes=50)
        assert key_of(session) == "ASIA1"


class TestSecrets:
    def test_are_in_no_repr_and_no_log(
        self, base: boto3.Session, sts: Any, clock: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "xacct")
        session = assume_role(base, ROLE)
        clock.forward(minutes=50)
        sts.deny()
        key_of(session)
        credentials = session.get_credentials()
        shown = repr(session) + repr(credentials) + repr(credentials._lease) + caplog.text
        assert ROLE in shown
        assert "hush" not in shown
        assert "token-0" not in shown

    @pytest.mark.parametrize("dump", [pickle.dumps, copy.deepcopy])
    def test_cannot_be_pickled_and_the_error_says_why(self, session: boto3.Session, dump: Any) -> None:
        for value in (session, session.get_credentials()):
            with pytest.raises(TypeError, match="cannot be pickled: its secret keys would leave the process"):
                dump(value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_renewal_leaves_the_child_working(
    session: boto3.Session, sts: Any, clock: Any
) -> None:
    parents_client = session.get_credentials()._sts()
    asked, answer = threading.Event(), threading.Event()
    sts.before_answer = lambda: (asked.set(), answer.wait(30))
    clock.forward(hours=2)
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(key_of, session)
        assert asked.wait(30)
        child = os.fork()
        if child == 0:
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(20)
                answer.set()
                works = key_of(session) == "ASIA1" and session.get_credentials()._sts() is not parents_client
            finally:
                os._exit(0 if works else 1)
        answer.set()
        assert renewing.result(30) == "ASIA1"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
