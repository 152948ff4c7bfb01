"""The main job against MiniStack, an independent server that enforces IAM, over HTTP.

`nox -s integration` installs and runs it. The page docs/howto/sandbox-compared.md has its answers.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.access_attempts import ATTEMPTS, DEV, PROD, Accounts, Attempt, administrator, answer, in_words

from xacct import ConsoleUser, grant_cross_account_read

SERVER = shutil.which("ministack", path=str(Path(sys.executable).parent))

pytestmark = pytest.mark.skipif(SERVER is None, reason="MiniStack is not installed: nox -s integration")


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, folder = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("ministack")
    settings = {"AUTH": "true", "GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1"}
    with (folder / "log").open("w") as log, pytest.MonkeyPatch.context() as patch:
        server = subprocess.Popen([SERVER or ""], env={**os.environ, **settings}, stdout=log, stderr=log, cwd=folder)
        try:
            wait_for(f"{url}/_ministack/health")
            patch.setenv("AWS_ENDPOINT_URL", url)
            yield Accounts(administrator(PROD), administrator(DEV))
        finally:
            server.terminate()
            server.wait(timeout=20)


def wait_for(url: str) -> None:
    until = time.monotonic() + 60
    while not answers(url):
        if time.monotonic() > until:
            raise TimeoutError(f"nothing answers at {url}")
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True


def names(accounts: Accounts) -> list[str]:
    trusting, trusted = accounts.prod.client("iam"), accounts.dev.client("iam")
    return [
        *(role["RoleName"] for role in trusting.list_roles()["Roles"]),
        *(user["UserName"] for user in trusted.list_users()["Users"]),
        *(policy["PolicyName"] for policy in trusted.list_policies(Scope="Local")["Policies"]),
    ]


def test_the_main_job_verify_and_revoke(ministack: Accounts) -> None:
    before = names(ministack)
    s3 = ministack.prod.client("s3")
    s3.create_bucket(Bucket="production-reports")
    s3.put_object(Bucket="production-reports", Key="2026/january.csv", Body=b"42")

    # In MiniStack each account is the only one of an organization of its own.
    options: Any = {"console_user": ConsoleUser("ada"), "third_party": False}
    access = grant_cross_account_read(ministack.prod, ministack.dev, **options)
    reader = access.session().client("s3")
    assert reader.get_object(Bucket="production-reports", Key="2026/january.csv")["Body"].read() == b"42"
    assert [(check.expected, check.observed) for check in access.verify().checks] == [("allowed", "allowed")] * 4 + [
        ("refused", "refused"),
        ("yes", "yes"),
    ]
    again = grant_cross_account_read(ministack.prod, ministack.dev, **options)
    assert again.changes == ()
    access.revoke()
    assert names(ministack) == before


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=in_words)
def test_ministack_answers_as_the_documentation_says(ministack: Accounts, attempt: Attempt) -> None:
    assert answer(attempt, ministack) == ATTEMPTS[attempt].ministack
