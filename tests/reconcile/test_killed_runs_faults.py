"""Processes that are killed at any call: the next run completes the grant, and a removal leaves nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from xacct import ConsoleUser, DevAccessGrant, TrustGrant, s3_read_policy
from xacct.reconcile import Plan, plan
from xacct.retry import Patience
from xacct.testing import Sandbox, Server
from xacct.testing.http_messages import Call

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import EC2_READ, USER, tutorial

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is POSIX")

Grants = tuple[TrustGrant, DevAccessGrant]
# The number of kills of each kind, and the most calls that such a run makes.
APPLY, UPDATE, DESTROY = (50, 18), (25, 30), (25, 16)


@define
class Victims:
    """Processes that are killed at their n-th call to the sandbox."""

    accounts: Accounts
    program: subprocess.Popen[str]
    untouched: dict[str, Any]

    def kill(self, action: str, grants: Grants, at: int, *, takes_effect: bool) -> bool:
        """Run an action, kill its process at a call, and return whether it was killed.

        Args:
            action: apply or destroy.
            grants: the grants.
            at: the number of the call.
            takes_effect: whether the call takes effect, although its response is lost.
        """
        calls, process = count(1), int(self._send(action, grants))

        def is_lost(call: Call) -> bool:
            number = next(calls)
            if number == at:
                os.kill(process, signal.SIGKILL)
            # A process that is dead may have sent more than one call.
            return number >= at and not takes_effect

        self.accounts.aws.faults.add("server error", matching=is_lost)
        status = int(self._write("go"))
        self._wait_for_requests_in_flight()
        self.accounts.aws.faults.clear()
        return os.WIFSIGNALED(status)

    def _wait_for_requests_in_flight(self) -> None:
        """Wait until the server has no request left that the dead process sent."""
        answered = -1
        while answered != len(self.accounts.aws.calls):
            answered = len(self.accounts.aws.calls)
            time.sleep(0.05)

    def warm_up(self) -> None:
        assert self._send("plan", tutorial()) == "ready"

    def _send(self, action: str, grants: Grants) -> str:
        return self._write(json.dumps([action, *(grant.to_dict() for grant in grants)]))

    def _write(self, line: str) -> str:
        assert self.program.stdin
        assert self.program.stdout
        print(line, file=self.program.stdin, flush=True)
        return self.program.stdout.readline().strip()

    def plan(self, grants: Grants) -> Plan:
        haste = Patience(deadline=2, first=0.001, longest=0.01)
        sessions = {"trusting": self.accounts.trusting, "trusted": self.accounts.trusted}
        return plan(*grants, **sessions, patience=haste)

    def assert_a_rerun_completes(self, grants: Grants) -> None:
        self.plan(grants).apply()
        complete = self.plan(grants)
        assert complete.is_empty
        complete.destroy()
        assert self.accounts.snapshot() == self.untouched

    def assert_a_removal_leaves_nothing(self, grants: Grants) -> None:
        self.plan(grants).destroy()
        assert self.accounts.snapshot() == self.untouched


def program(aws: Sandbox, server: Server) -> subprocess.Popen[str]:
    keys = {side: aws.account(account).key for side, account in (("trusting", TRUSTING), ("trusted", TRUSTED))}
    sessions = {
        f"XACCT_TEST_{side}": f"{key.access_key_id} {key.secret_access_key} {server.url}" for side, key in keys.items()
    }
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("killed_process.py"))],
        env=os.environ | sessions,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Sandbox([TRUSTING, TRUSTED]) as aws, aws.serve() as server, program(aws, server) as running:
        accounts = Accounts.sign_in(aws)
        victims = Victims(accounts, running, accounts.snapshot())
        victims.warm_up()
        yield victims
        assert running.stdin
        running.stdin.close()


def widened() -> Grants:
    """The tutorial's grants with other arguments, so that every resource changes."""
    trust, access = tutorial(external_id="acme-42", policies={"S3Read": s3_read_policy(["reports"])}, tags={"a": "1"})
    user = ConsoleUser(USER, managed_policy_arns=EC2_READ)
    return trust, evolve(access, console_user=user, session_tags=True, tags={"a": "1"})


@pytest.mark.every_case
@pytest.mark.parametrize("seed", range(APPLY[0]))
def test_after_a_killed_apply_a_rerun_completes(victims: Victims, seed: int) -> None:
    chance = random.Random(seed)
    killed = victims.kill("apply", tutorial(), chance.randint(1, APPLY[1]), takes_effect=chance.random() < 0.5)

    assert killed
    if chance.random() < 0.5:
        victims.assert_a_removal_leaves_nothing(tutorial())
    else:
        victims.assert_a_rerun_completes(tutorial())


@pytest.mark.every_case
@pytest.mark.parametrize("seed", range(UPDATE[0]))
def test_after_a_killed_update_a_rerun_completes(victims: Victims, seed: int) -> None:
    chance = random.Random(seed)
    victims.plan(tutorial()).apply()
    killed = victims.kill("apply", widened(), chance.randint(1, UPDATE[1]), takes_effect=chance.random() < 0.5)

    assert killed
    victims.assert_a_rerun_completes(chance.choice([tutorial(), widened()]))


@pytest.mark.every_case
@pytest.mark.parametrize("seed", range(DESTROY[0]))
def test_after_a_killed_removal_the_next_one_completes(victims: Victims, seed: int) -> None:
    chance = random.Random(seed)
    victims.plan(tutorial()).apply()
    killed = victims.kill("destroy", tutorial(), chance.randint(1, DESTROY[1]), takes_effect=chance.random() < 0.5)

    assert killed
    if chance.random() < 0.5:
        victims.assert_a_rerun_completes(tutorial())
    else:
        victims.assert_a_removal_leaves_nothing(tutorial())
