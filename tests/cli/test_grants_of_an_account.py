"""``xacct list``, ``show``, ``verify``, ``revoke`` and ``sweep``: a grant from its making to its removal."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from tests.cli.command import BOTH, DEVELOPMENT, PRODUCTION, Command, create_bucket, without_times

from xacct import grant_cross_account_read
from xacct.__main__ import main

ROLE = f"arn:aws:iam::{PRODUCTION}:role/CrossAccountRoleS3"
END = datetime(2099, 1, 31, 12, tzinfo=timezone.utc)

LIST = [
    ["name", "side", "other account", "role or policy", "console user", "expires", "state"],
    ["reports", "trusting", "222222222222", ROLE, "-", "2099-01-31 12:00 UTC", "complete"],
]
REVOKED = """\
delete policy CrossAccountPolicy in the trusted account 222222222222
detach inline policy S3Read from role CrossAccountRoleS3 in the trusting account 111111111111
delete role CrossAccountRoleS3 in the trusting account 111111111111
"""
DRIFT = """\
Changed by somebody else:
  leave policy arn:aws:iam::aws:policy/IAMFullAccess on role CrossAccountRoleS3 in the trusting account \
111111111111
"""
SHOW = f"""\
name               reports
role               {ROLE}
trusts             arn:aws:iam::222222222222:root
permissions        inline policy S3Read
policy             arn:aws:iam::222222222222:policy/CrossAccountPolicy
expires            <time>
switch-role link   https://signin.aws.amazon.com/switchrole?account=111111111111&roleName=CrossAccountRoleS3\
&displayName=CrossAccountRoleS3&color=f2b0a9
"""


@pytest.fixture
def here(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, whose profiles also hold in this process."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, command.environment[name])
    return command


@pytest.fixture
def granted(here: Command) -> Command:
    """The command, after a grant of the bucket ``reports``."""
    create_bucket(here)
    production, development = (here.aws.account(id_).session for id_ in (PRODUCTION, DEVELOPMENT))
    grant_cross_account_read(production, development, name="reports", buckets=["reports"], expires=END)
    return here


def out(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_a_grant_is_listed_shown_verified_and_revoked(granted: Command) -> None:
    listed = granted("list", "--profile", "production")
    assert (listed.code, [re.split("  +", line) for line in listed.out.splitlines()], listed.err) == (0, LIST, "")
    shown = granted("show", "reports", *BOTH)
    assert (shown.code, without_times(shown.out), shown.err) == (0, SHOW, "")
    verified = granted("verify", "reports", *BOTH)
    assert (verified.code, verified.err) == (0, "")
    assert verified.out.splitlines()[3].split()[:4] == ["ok", "read", "s3://reports/2026/january.csv", "allowed"]
    revoked = granted("revoke", "reports", *BOTH, "--yes")
    assert (revoked.code, revoked.out) == (0, REVOKED)
    empty = granted("list", "--profile", "production")
    assert (empty.code, empty.out, empty.err) == (0, "", "The account has no grants of xacct.\n")


def test_the_list_is_data_for_programs(granted: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--profile", "development", "--format", "json"]) == 0
    [record] = json.loads(out(capsys))
    assert (record["name"], record["side"], record["expires"]) == ("reports", "trusted", END.isoformat())


def test_a_changed_role_is_shown_with_exit_code_3(granted: Command, capsys: pytest.CaptureFixture[str]) -> None:
    iam = granted.aws.account(PRODUCTION).session.client("iam")
    iam.attach_role_policy(RoleName="CrossAccountRoleS3", PolicyArn="arn:aws:iam::aws:policy/IAMFullAccess")
    assert main(["show", "reports", *BOTH]) == 3
    assert out(capsys).endswith(DRIFT)
    assert main(["show", "reports", *BOTH, "--format", "json"]) == 3
    assert [change["action"] for change in json.loads(out(capsys))["drift"]] == ["leave"]
    assert main(["verify", "reports", *BOTH]) == 1
    assert "FAIL  the role has only the grant's permissions" in out(capsys)


def test_a_verification_is_data_for_programs(granted: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "reports", *BOTH, "--format", "json"]) == 0
    assert json.loads(out(capsys))["ok"] is True


def test_an_unknown_grant_is_refused_with_the_names_that_exist(
    granted: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["revoke", "report", *BOTH, "--yes"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(
        "Error: name: 'report' is not valid\nWhy:   account 111111111111 has no trusting side"
    )
    assert "reports" in printed.err


def test_nothing_is_revoked_without_an_answer(granted: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["revoke", "reports", *BOTH]) == 1
    assert capsys.readouterr().err.startswith(f"- role {ROLE}\n- policy arn:aws:iam::222222222222:policy/")
    assert granted.aws.account(PRODUCTION).session.client("iam").get_role(RoleName="CrossAccountRoleS3")


class TestSweep:
    @pytest.fixture
    def expired(self, granted: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
        class Later(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override] # of one time zone
                return END + timedelta(days=1)

        monkeypatch.setattr("xacct.cli.sweep.datetime", Later)
        return granted

    def test_has_nothing_to_do_before_the_end(self, granted: Command) -> None:
        ended = granted("sweep", "--profile", "production", "--yes")
        assert (ended.code, ended.out, ended.err) == (0, "", "No grant of the account has expired.\n")

    def test_lists_what_has_expired(self, expired: Command, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["sweep", "--profile", "production", "--dry-run"]) == 3
        assert out(capsys) == f"reports: {ROLE}, expired 2099-01-31 12:00 UTC\n"

    def test_removes_what_has_expired(self, expired: Command, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["sweep", "--profile", "production"]) == 1
        assert "Add --yes" in capsys.readouterr().err
        assert main(["sweep", "--profile", "production", "--yes"]) == 0
        assert out(capsys).endswith("delete role CrossAccountRoleS3 in the trusting account 111111111111\n")
        assert main(["sweep", "--profile", "production", "--yes"]) == 0
