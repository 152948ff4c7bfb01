"""The text of an explanation: its size, its order, and that each kind of cause has words."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from tests.access_denied.accounts import ALICE, DEV, PROD, ROLE, allow, document

from xacct import AccessRequest, PolicySet, evaluate
from xacct.access_denied import Cause, CauseKind, Unread
from xacct.access_denied.wording import render

LINES, CHARACTERS = 24, 100
KINDS = get_args(CauseKind)
DECISION = evaluate(
    AccessRequest(principal=ALICE, action="sts:AssumeRole", resource=ROLE), PolicySet(identity=[document(allow("*"))])
)


def longest(kind: CauseKind) -> Cause:
    """Return a cause of a kind with more of everything than a screen has room for."""
    arns = tuple(f"arn:aws:iam::{PROD}:role/{'engineers' * 4}-{number}" for number in range(40))
    return Cause(
        kind=kind,
        layer="identity",
        policy=f"permissions boundary arn:aws:iam::{DEV}:policy/DeveloperBoundary",
        account=PROD,
        statements=tuple(f"policy ReadReports of user alice, statement {number} (Reports)" for number in range(40)),
        wanted=arns,
        given=arns,
        unknown_keys=tuple(f"aws:RequestTag/{'t' * 20}{number}" for number in range(40)),
        facts=tuple(f"Condition StringEquals aws:SourceVpc 'vpc-{number}' is met" for number in range(40)),
        missing_statement=json.dumps({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}),
    )


@pytest.mark.parametrize("first", KINDS)
def test_every_text_fits_on_a_screen(first: CauseKind) -> None:
    unread = [Unread("identity", f"policy {n} of user {'a' * 20}", f"Reason{n % 5}") for n in range(60)]
    for second in KINDS:
        causes = [longest(first), *(longest(second) for _ in range(10))]
        lines = render([DECISION], causes, ["neither account lists bucket b"], unread).splitlines()
        assert len(lines) <= LINES, "\n".join(lines)
        assert max(map(len, lines)) <= CHARACTERS


def test_a_long_name_is_not_broken() -> None:
    arn = f"arn:aws:iam::{PROD}:role/{'division/' * 12}{'r' * 60}"
    cause = Cause(kind="other role ARN", account=PROD, wanted=(arn,), given=(arn,))
    assert arn in render([DECISION], [cause], [], [])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_cause_has_words(kind: CauseKind) -> None:
    cause = Cause(kind=kind, account=PROD, wanted=(ROLE,), given=(ROLE,), facts=("a", "b"), policy="policy of bucket b")
    text = render([DECISION], [cause], [], [])
    assert text.splitlines()[2].startswith("Cause: ")
    assert text.splitlines()[-1].strip()


def test_the_unknown_comes_first_and_then_the_causes() -> None:
    causes = [Cause(kind="MFA", account=PROD), Cause(kind="external ID", account=PROD, certain=False, wanted=("a1",))]
    unread = [Unread("scp", "service control policies", "AccessDenied")]
    lines = render([DECISION], causes, ["a note"], unread).splitlines()
    order = ["sts:AssumeRole on", "denied to", "Not read (AccessDenied)", "Cause: MFA", "Or: ", "Note: a note."]
    positions = [next(n for n, line in enumerate(lines) if line.startswith(start)) for start in order]
    assert positions == sorted(positions)
    likely = render([DECISION], causes[1:], [], [])
    assert "Likely cause: " in likely


def test_more_reasons_than_there_is_room_for_are_counted() -> None:
    unread = [Unread("identity", f"policy {n} of user alice", f"Reason{n}") for n in range(5)]
    lines = render([DECISION], [Cause(kind="MFA", account=PROD)], [], unread).splitlines()
    assert lines[2:5] == [
        "Not read (Reason0): policy 0 of user alice",
        "Not read (Reason1): policy 1 of user alice",
        "Not read for other reasons: 3 more",
    ]


def test_the_last_end_and_the_first_start_count() -> None:
    times = ("2026-01-31T18:00:00Z", "2026-03-31T18:00:00Z", "2026-02-28T18:00:00Z")
    ended, not_begun = (Cause(kind=kind, account=PROD, wanted=times) for kind in ("expired", "not yet valid"))
    assert "expired on 2026-03-31 18:00:00 UTC" in render([DECISION], [ended], [], [])
    assert "not valid before 2026-01-31 18:00:00 UTC" in render([DECISION], [not_begun], [], [])


def test_a_suggested_statement_remains_json() -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE + "x" * 40}
    cause = Cause(kind="missing allow", layer="identity", account=DEV, missing_statement=json.dumps(statement))
    text = render([DECISION], [cause], [], [])
    assert json.loads(text[text.index("{") :]) == statement
