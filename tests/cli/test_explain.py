"""``xacct explain``: an AccessDenied as an argument or pasted, with both profiles."""

from __future__ import annotations

import io
import json
import sys

import pytest
from tests.cli.command import BOTH, DEVELOPMENT, PRODUCTION, Command
from tests.cli.here import Here, here

from xacct import TrustGrant, plan
from xacct.__main__ import main

__all__ = ["here"]

CALLER = f"arn:aws:iam::{DEVELOPMENT}:user/Administrator"
GRANT = TrustGrant(
    account=PRODUCTION,
    principals=DEVELOPMENT,
    external_id="acme-42",
    managed_policy_arns="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
)
DENIED = f"User: {CALLER} is not authorized to perform: sts:AssumeRole on resource: {GRANT.role_arn}"
LOG = f"""\
2026-11-26 12:00:01 INFO starting
2026-11-26 12:00:02 ERROR An error occurred (AccessDenied) when calling the AssumeRole operation: {DENIED}
2026-11-26 12:00:03 INFO done
"""
EXPLAINED = f"""\
sts:AssumeRole on {GRANT.role_arn}
denied to {CALLER}
Not known: sts:ExternalId of the request. Pass the value in context to find out.
Likely cause: an external ID is required.
  Wanted: 'acme-42'.
  Set in: trust policy of role CrossAccountRoleS3, statement 1, account {PRODUCTION}.
  Send the wanted value (ExternalId, or external_id of assume_role).
"""


@pytest.fixture(autouse=True)
def granted(here: Here, command: Command) -> None:
    production, development = (command.aws.account(id_).session for id_ in (PRODUCTION, DEVELOPMENT))
    plan(GRANT, trusting=production, trusted=development).apply()
    here.use_profiles_of(command)


def test_a_pasted_log_is_explained(command: Command) -> None:
    ended = command("explain", *BOTH, stdin=LOG)
    assert (ended.code, ended.out, ended.err) == (0, EXPLAINED, "")


def test_the_message_can_be_an_argument(here: Here) -> None:
    assert here("explain", DENIED, *BOTH).out == EXPLAINED


def test_the_context_makes_the_cause_certain(here: Here) -> None:
    ended = here("explain", DENIED, *BOTH, "--context", "sts:ExternalId=acme-41", "--format", "json")
    data = json.loads(ended.out)
    assert (ended.code, data["certain"]) == (0, True)
    assert [(cause["kind"], cause["wanted"]) for cause in data["causes"]] == [("external ID", ["acme-42"])]


def test_a_request_that_the_policies_allow_is_exit_code_3(here: Here) -> None:
    ended = here("explain", DENIED, *BOTH, "--context", "sts:ExternalId=acme-42")
    assert ended.code == 3
    assert "Cause: unknown. The policies that were read allow the request." in ended.out


def test_what_the_message_lacks_is_given_by_options(here: Here) -> None:
    named = ("--principal", CALLER, "--action", "sts:AssumeRole", "--resource", GRANT.role_arn)
    assert here("explain", "Access Denied", *BOTH, *named).out == EXPLAINED
    ended = here("explain", "Access Denied", *BOTH)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: principal: None is not valid\nWhy:   required, because the message does not ")


def test_a_context_without_a_value_is_a_usage_error(here: Here) -> None:
    ended = here("explain", DENIED, *BOTH, "--context", "sts:ExternalId")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: --context: 'sts:ExternalId' is not valid\nWhy:   KEY=VALUE, such as ")


def test_at_a_terminal_it_says_what_to_paste_and_how_to_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO(DENIED)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert main(["explain", *BOTH]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (
        EXPLAINED,
        "Paste AWS's message, or the log that has it, and press Ctrl-D on a line of its own.\n",
    )
