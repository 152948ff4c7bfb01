"""Calls that AWS denies, in the sandbox and in moto with access control: see docs/howto/sandbox-compared.md."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count
from tests.integration.access_attempts import (
    ATTEMPTS,
    DEV,
    PROD,
    REGION,
    Accounts,
    administrator,
    answer,
)

from xacct.testing import Sandbox


def test_the_sandbox_answers_as_aws_does() -> None:
    with Sandbox([PROD, DEV], region=REGION) as aws:
        accounts = Accounts(aws.account(PROD).session, aws.account(DEV).session)
        answers = {attempt: answer(attempt, accounts) for attempt in ATTEMPTS}
    assert answers == {attempt: answers.aws for attempt, answers in ATTEMPTS.items()}


@pytest.mark.skipif(version("moto") != "5.2.5", reason="the page is about another version of moto")
def test_moto_answers_as_the_documentation_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with mock_aws():
        accounts = []
        for account in (PROD, DEV):
            monkeypatch.setenv("MOTO_ACCOUNT_ID", account)
            accounts.append(administrator(account))
        monkeypatch.delenv("MOTO_ACCOUNT_ID")
        answers = set_initial_no_auth_action_count(0)(
            lambda: {attempt: answer(attempt, Accounts(*accounts)) for attempt in ATTEMPTS}
        )()
    assert answers == {attempt: answers.moto for attempt, answers in ATTEMPTS.items()}
