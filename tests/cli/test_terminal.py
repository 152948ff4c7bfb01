"""On a terminal: colors, a question, a bar, and Ctrl-C at any moment of a change."""

from __future__ import annotations

import random
import re
import sys
from itertools import count

import pytest
from tests.cli.command import BOTH, DEVELOPMENT, PRODUCTION, Command

pexpect = pytest.importorskip("pexpect", reason="pexpect needs a pseudo-terminal")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")

GREEN = "\x1b[32m"
QUESTION = r"Make these changes\? \[y/N\] "


def start(command: Command, *words: str, **environment: str) -> pexpect.spawn:
    """Start the command on a terminal."""
    return pexpect.spawn(
        sys.executable,
        ["-m", "xacct", *words],
        cwd=str(command.folder),
        env={**command.environment, "TERM": "xterm-256color", **environment},
        encoding="utf-8",
        timeout=60,
        dimensions=(50, 120),
    )


def end(terminal: pexpect.spawn) -> tuple[int, str]:
    """Wait for the end, and return the exit code and what was shown since the last expected text."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.exitstatus, terminal.before


def end_with_interrupt(command: Command, terminal: pexpect.spawn, at: int) -> tuple[int, str]:
    """Press Ctrl-C when the call of this number arrives, and wait for the end."""
    numbers = count(1)

    def interrupt(_: object) -> bool:
        if next(numbers) == at:
            terminal.sendintr()
        return False

    command.aws.faults.add("throttled", matching=interrupt)
    ended = end(terminal)
    command.aws.faults.clear()
    return ended


def names(command: Command) -> set[str]:
    """The roles, policies and users of both accounts, without the administrators."""
    found = set()
    for account in (PRODUCTION, DEVELOPMENT):
        iam = command.aws.account(account).session.client("iam")
        found |= {role["RoleName"] for role in iam.list_roles()["Roles"]}
        found |= {policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]}
        found |= {user["UserName"] for user in iam.list_users()["Users"]} - {"Administrator"}
    return found


@pytest.mark.parametrize(("answer", "code", "made"), [("y", 0, True), ("", 1, False), ("no", 1, False)])
def test_changes_are_made_after_a_yes_only(answer: str, code: int, made: bool, command: Command) -> None:
    terminal = start(command, "grant", *BOTH)
    terminal.expect(QUESTION)
    terminal.sendline(answer)
    assert end(terminal)[0] == code
    assert bool(names(command)) is made


def test_a_plan_is_shown_in_color_unless_no_color_is_set(command: Command) -> None:
    code, shown = end(start(command, "grant", *BOTH, "--dry-run"))
    assert code == 3
    assert f"{GREEN}+ create role" in shown
    code, shown = end(start(command, "grant", *BOTH, "--dry-run", NO_COLOR="1"))
    assert code == 3
    assert "+ create role" in shown
    assert re.search(r"\x1b\[3\dm", shown) is None


def test_a_bar_shows_the_progress_of_changes(command: Command) -> None:
    terminal = start(command, "grant", *BOTH, "--yes")
    terminal.expect("[1-3].*/3")
    assert end(terminal)[0] == 0


@pytest.mark.every_case
@pytest.mark.parametrize("seed", range(5))
def test_ctrl_c_while_a_grant_is_made_leaves_all_or_nothing(seed: int, command: Command) -> None:
    interrupted_at = random.Random(seed).randint(1, 16)
    terminal = start(command, "grant", *BOTH, "--yes")
    code, shown = end_with_interrupt(command, terminal, interrupted_at)
    complete = {"CrossAccountRoleS3", "CrossAccountPolicy"}
    if code == 0:  # it was done already
        assert names(command) == complete
    else:
        assert code == 130
        assert "Interrupted" in shown
        assert names(command) in (set(), complete)
        assert "Traceback" not in shown
    again = command("grant", *BOTH, "--yes")
    assert (again.code, names(command)) == (0, complete)
    assert command("show", "CrossAccountRoleS3-222222222222", *BOTH).code == 0


@pytest.mark.parametrize("seed", range(2))
def test_ctrl_c_while_a_grant_is_revoked_says_what_is_gone(seed: int, command: Command) -> None:
    command.granted()
    interrupted_at = random.Random(seed).randint(10, 16)
    terminal = start(command, "revoke", "reports", *BOTH, "--yes")
    code, shown = end_with_interrupt(command, terminal, interrupted_at)
    assert code in (0, 130)
    assert "Traceback" not in shown
    if code == 130 and names(command) != {"CrossAccountRoleS3", "CrossAccountPolicy"}:
        assert "Done: " in shown
