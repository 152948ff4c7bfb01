"""Measure opening a sandbox: the first one, the next ones, and those with many accounts that are loaded with roles.

The budgets of CPU time: 60 ms for the first sandbox of a process, 15 ms for the next ones, and 20 s for 1,000 accounts
with 50 roles each.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from moto import mock_aws

from xacct import Snapshot
from xacct.snapshot import PolicyDetail, RoleDetail
from xacct.snapshot.details import document_text
from xacct.testing import Sandbox

ROLES, NEXT, FIRST = 50, 40, 3
FIRST_BUDGET, NEXT_BUDGET, MANY_BUDGET = 0.060, 0.015, 20

FIRST_SANDBOX = """
import time
from xacct.testing import Sandbox
begin = time.process_time()
with Sandbox():
    print(time.process_time() - begin)
"""


def open_and_close() -> float:
    """Return the seconds to open a sandbox with two accounts and to close it."""
    begin = time.process_time()
    with Sandbox():
        pass
    return time.process_time() - begin


def start_and_stop() -> float:
    """Return the seconds to start and to stop moto."""
    begin = time.process_time()
    with mock_aws():
        pass
    return time.process_time() - begin


def allow(**statement: object) -> str:
    """Return a policy that allows something."""
    return document_text({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def snapshot(account: str, trusted: list[str]) -> Snapshot:
    """Return an account with 50 roles, each with policies of its own, and trusted by another account."""
    policy = f"arn:aws:iam::{account}:policy/Reports"
    roles = [
        RoleDetail(
            arn=f"arn:aws:iam::{account}:role/Role{number}",
            trust_policy=allow(
                Principal={"AWS": f"arn:aws:iam::{trusted[number % len(trusted)]}:role/Role{number}"},
                Action="sts:AssumeRole",
                Condition={"StringEquals": {"sts:ExternalId": f"{account}-{number}"}},
            ),
            inline={"own": allow(Action="s3:GetObject", Resource=f"arn:aws:s3:::{account}-{number}/*")},
            attached=(policy, "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        )
        for number in range(ROLES)
    ]
    document = allow(Action="s3:List*", Resource=f"arn:aws:s3:::{account}-*")
    return Snapshot(account=account, roles=tuple(roles), policies=(PolicyDetail(arn=policy, document=document),))


def open_loaded(number: int) -> tuple[float, float]:
    """Return the seconds to open and load a sandbox with many accounts, and those of a call in it."""
    accounts = [str(100_000_000_000 + position) for position in range(number)]
    snapshots = [snapshot(account, accounts) for account in accounts]
    begin = time.process_time()
    with Sandbox(accounts) as aws:
        aws.load(*snapshots)
        opened = time.process_time() - begin
        sts = aws.sign_in(f"arn:aws:iam::{accounts[-1]}:role/Role0").client("sts")
        iam = aws.account(accounts[-1]).session.client("iam")
        calls = []
        for _ in range(20):
            begin = time.process_time()
            sts.get_caller_identity()
            iam.get_role(RoleName="Role7")
            calls.append((time.process_time() - begin) / 2)
    return opened, statistics.median(calls)


def main() -> int:
    """Measure, and return 0 if all are within their budgets."""
    command = [sys.executable, "-c", FIRST_SANDBOX]
    first = min(float(subprocess.check_output(command, text=True)) for _ in range(FIRST))
    open_and_close()
    start_and_stop()
    pairs = [(start_and_stop(), open_and_close()) for _ in range(NEXT)]
    moto, following = (statistics.median(column) for column in zip(*pairs))
    print(f"opening the first sandbox: {first * 1000:.0f} ms; budget: {FIRST_BUDGET * 1000:.0f} ms")
    print(f"opening and closing the next: {following * 1000:.1f} ms, moto {moto * 1000:.1f} ms; budget: 15 ms")
    opened = 0.0
    for number in (10, 100, 1000):
        opened, call = open_loaded(number)
        print(
            f"opening {number} accounts with {ROLES} roles each: {opened:.2f} s, then {call * 1000:.1f} ms for a call"
        )
    print(f"budget for 1000 accounts: {MANY_BUDGET} s")
    return 0 if first <= FIRST_BUDGET and following <= NEXT_BUDGET and opened <= MANY_BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
