"""``xacct audit``: over files, in each format, with a baseline and with what makes the exit code 3."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from jsonschema import Draft4Validator, FormatChecker
from tests.cli.command import PRODUCTION, Command
from tests.cli.here import Here, here

from xacct import AuditReport, Baseline, Snapshot, audit

__all__ = ["here"]

DATADOG, AUDITOR = "464622532012", "333333333333"
EMPTY: dict[str, Any] = {"UserDetailList": [], "GroupDetailList": [], "Policies": []}
SARIF_SCHEMA = Path(__file__).parents[1] / "access_audit" / "data" / "sarif-schema-2.1.0.json"
TABLE = """\
2 findings (1 high, 1 low) in 1 account and 1 role

severity  kind                             account       resource                                   \
principal               conditions
high      third-party-without-external-id  111111111111  arn:aws:iam::111111111111:role/Monitoring  \
464622532012 (Datadog)
low       external-account                 111111111111  arn:aws:iam::111111111111:role/Monitoring  \
464622532012 (Datadog)
"""


def role(name: str, principal: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}
    return {
        "Arn": f"arn:aws:iam::{PRODUCTION}:role/{name}",
        "RoleName": name,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }


MONITORING = {**EMPTY, "RoleDetailList": [role("Monitoring", DATADOG)]}


@pytest.fixture(autouse=True)
def details(tmp_path: Path) -> None:
    (tmp_path / "details.json").write_text(json.dumps(MONITORING))


def test_a_file_is_audited(command: Command) -> None:
    ended = command("audit", "details.json")
    assert (ended.code, ended.out, ended.err) == (3, TABLE, "")


def test_a_file_is_read_from_standard_input(here: Here) -> None:
    ended = here("audit", "-", stdin=json.dumps(MONITORING))
    assert (ended.code, ended.out, ended.err) == (3, TABLE, "")


def test_no_findings_are_exit_code_0(here: Here) -> None:
    (here.folder / "saved.json").write_text(json.dumps(Snapshot(account=PRODUCTION).to_dict()))
    ended = here("audit", "saved.json")
    assert (ended.code, ended.out, ended.err) == (0, "0 findings in 1 account\n", "")


def test_several_files_are_audited_together(here: Here) -> None:
    (here.folder / "auditor.json").write_text(json.dumps(Snapshot(account=DATADOG).to_dict()))
    kinds = json.loads(here("audit", "details.json", "auditor.json", "--format", "json").out)["findings"]
    assert [finding["kind"] for finding in kinds] == ["dead-trust"]


def cloudsplaining(details: dict[str, Any]) -> object:
    return details


def pages_of_the_api(details: dict[str, Any]) -> object:
    pages = json.loads(json.dumps(details))
    for found in pages["RoleDetailList"]:
        found["AssumeRolePolicyDocument"] = quote(json.dumps(found["AssumeRolePolicyDocument"]))
    return [{**pages, "IsTruncated": True}, {**EMPTY, "RoleDetailList": [], "IsTruncated": False}]


def power_shell(details: dict[str, Any]) -> object:
    return {key: value[0] if len(value) == 1 else value for key, value in details.items()}


def saved_snapshot(details: dict[str, Any]) -> object:
    return Snapshot.from_authorization_details(details).to_dict()


@pytest.mark.parametrize("stored_by", [cloudsplaining, pages_of_the_api, power_shell, saved_snapshot])
def test_files_of_other_tools_and_saved_snapshots_are_recognized(
    here: Here, stored_by: Callable[[dict[str, Any]], object]
) -> None:
    (here.folder / "dump.json").write_text(json.dumps(stored_by(MONITORING)))
    ended = here("audit", "dump.json")
    assert (ended.code, ended.out, ended.err) == (3, TABLE, "")


def test_what_a_file_lacks_is_counted_on_standard_error_and_listed_with_v(here: Here) -> None:
    (here.folder / "roles.json").write_text(json.dumps({"RoleDetailList": MONITORING["RoleDetailList"]}))
    brief = here("audit", "roles.json", "--format", "mermaid")
    assert brief.err == "Incomplete: 3 things were not read or not decided; -v lists them.\n"
    whole = here("-v", "audit", "roles.json", "--format", "mermaid")
    assert whole.err.splitlines() == [
        "Incomplete: 3 things were not read or not decided:",
        "  groups (the details have no GroupDetailList)",
        "  managed policies (the details have no Policies)",
        "  users (the details have no UserDetailList)",
    ]
    assert here("audit", "roles.json", "--fail-on", "critical").code == 0
    assert here("audit", "roles.json", "--fail-on", "critical", "--fail-on", "undecided").code == 3


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [
        (("critical",), 0),
        (("high",), 3),
        (("medium",), 3),
        (("info",), 3),
        (("public",), 0),
        (("external-account",), 3),
        (("undecided",), 0),
        (("critical", "public"), 0),
        (("critical", "external-account"), 3),
    ],
)
def test_fail_on_takes_kinds_and_severities_with_the_worse_ones(
    here: Here, fail_on: tuple[str, ...], code: int
) -> None:
    ended = here("audit", "details.json", *(word for name in fail_on for word in ("--fail-on", name)))
    assert (ended.code, ended.out) == (code, TABLE)


def test_what_a_file_says_cannot_change_the_terminal(here: Here) -> None:
    strange = {"Arn": "no ARN \x1b[2J\nError: all is well", "AssumeRolePolicyDocument": {}}
    (here.folder / "strange.json").write_text(json.dumps({"RoleDetailList": [*MONITORING["RoleDetailList"], strange]}))
    ended = here("-v", "audit", "strange.json")
    assert "\x1b" not in ended.out + ended.err
    assert not any(line.startswith("Error") for line in ended.err.splitlines())


def test_a_file_is_audited_without_loading_the_client_of_aws(here: Here) -> None:
    code = "from xacct.__main__ import main; main(['audit', 'details.json']); import sys; print('boto3' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=here.folder, capture_output=True, text=True, check=True)
    assert ran.stdout == f"{TABLE}False\n"


# Formats


def test_a_terminal_shows_a_table_of_rich(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    ended = here("audit", "details.json")
    assert ended.out.startswith("2 findings (1 high, 1 low) in 1 account and 1 role")
    assert "┃" in ended.out


def test_json_is_the_report(here: Here) -> None:
    report = AuditReport.from_dict(json.loads(here("audit", "details.json", "--format", "json").out))
    assert report.findings == audit(Snapshot.from_authorization_details(MONITORING)).findings


def test_sarif_is_valid_by_the_official_schema(here: Here) -> None:
    log = json.loads(here("audit", "details.json", "--format", "sarif").out)
    schema = json.loads(SARIF_SCHEMA.read_text())
    assert list(Draft4Validator(schema, format_checker=FormatChecker()).iter_errors(log)) == []
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == [
        "third-party-without-external-id",
        "external-account",
    ]


@pytest.mark.parametrize(
    ("name", "first"),
    [("markdown", "## access audit"), ("dot", "digraph"), ("mermaid", "flowchart"), ("html", "<!doctype html>")],
)
def test_other_formats_are_printed(here: Here, name: str, first: str) -> None:
    ended = here("audit", "details.json", "--format", name)
    assert ended.code == 3
    assert not ended.out.endswith("\n\n")
    assert ended.out.lower().startswith(first)


def test_a_page_is_written_to_a_file(here: Here) -> None:
    ended = here("audit", "details.json", "--format", "html", "--output", "report.html")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == "report.html: 2 findings (1 high, 1 low) in 1 account and 1 role.\n"
    page = (here.folder / "report.html").read_text()
    assert "Monitoring" in page
    assert page.rstrip().endswith("</html>")


# Baselines


def test_a_baseline_that_was_written_accepts_the_findings(here: Here) -> None:
    accept = ("--write-baseline", "known.json", "--reason", "The contract runs", "--until", "2099-03-31")
    written = here("audit", "details.json", *accept)
    assert (written.code, written.err) == (0, "")
    assert "2 findings accepted by the baseline." in written.out
    baseline = Baseline.from_dict(json.loads((here.folder / "known.json").read_text()))
    assert {(one.reason, f"{one.until}") for one in baseline.accepted} == {("The contract runs", "2099-03-31")}
    assert here("audit", "details.json", "--baseline", "known.json").code == 0


def test_findings_count_again_when_their_acceptance_has_ended(here: Here) -> None:
    accept = ("--write-baseline", "known.json", "--reason", "The contract ran", "--until", "2001-03-31")
    assert here("audit", "details.json", *accept).code == 3
    ended = here("audit", "details.json", "--baseline", "known.json")
    assert ended.code == 3
    assert ended.out.count("ended on 2001-03-31: its finding counts again.") == 2


def test_a_baseline_is_extended_by_the_findings_that_it_does_not_accept(here: Here) -> None:
    here("audit", "details.json", "--write-baseline", "known.json", "--reason", "one", "--until", "2099-01-01")
    more = {**EMPTY, "RoleDetailList": [role("Monitoring", DATADOG), role("Books", AUDITOR)]}
    (here.folder / "more.json").write_text(json.dumps(more))
    assert here("audit", "more.json", "--baseline", "known.json").code == 3
    both = ("--baseline", "known.json", "--write-baseline", "known.json")
    assert here("audit", "more.json", *both, "--reason", "two", "--until", "2099-02-02").code == 0
    baseline = Baseline.from_dict(json.loads((here.folder / "known.json").read_text()))
    assert [one.reason for one in baseline.accepted][:3] == ["one", "one", "two"]
    assert here("audit", "more.json", "--baseline", "known.json").code == 0


# Known accounts


def test_known_accounts_have_their_names_and_own_ones_are_trusted(here: Here) -> None:
    (here.folder / "books.json").write_text(json.dumps({**EMPTY, "RoleDetailList": [role("Books", AUDITOR)]}))
    (here.folder / "known.json").write_text(json.dumps({AUDITOR: "Our auditor"}))
    (here.folder / "own.csv").write_text(f"account,name,kind\n{AUDITOR},The old payer,own\n")
    named = here("audit", "books.json", "--known-accounts", "known.json")
    assert f"{AUDITOR} (Our auditor)" in named.out
    own = json.loads(here("audit", "books.json", "--known-accounts", "own.csv", "--format", "json").out)
    assert "external-account" not in {finding["kind"] for finding in own["findings"]}


# What is not valid


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("details.json", "--role", "Audit"), 2, "--role: 'Audit' is not valid"),
        (("--organization",), 2, "--role: None is not valid"),
        (("--organization", "--role", "Audit", "--profile", "a", "--profile", "b"), 2, "--profile: 'a, b' "),
        (("details.json", "--exclude", PRODUCTION), 2, f"--exclude: ('{PRODUCTION}',) is not valid"),
        (("details.json", "--write-baseline", "known.json", "--reason", "x"), 2, "--write-baseline: 'known.json'"),
        (("details.json", "--output", "no/report"), 2, "--output: 'no/report' is not valid"),
        (("details.json", "--fail-on", "serious"), 2, "the command line is not valid"),
        (("details.json", "--fial-on", "high"), 2, "the command line is not valid"),
        (("details.json", "--baseline", "details.json"), 2, "details.json, baseline.UserDetailList: '(unknown key)'"),
        (("details.json", "--baseline", "text"), 2, "--baseline: 'text' is not valid"),
        (("details.json", "--known-accounts", "text"), 2, "text, entry 1: 'text' is not valid"),
        (("text",), 2, "text, details: "),
        (("nowhere.json",), 1, "nowhere.json failed"),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_explained_in_three_lines(
    here: Here, words: tuple[str, ...], code: int, error: str
) -> None:
    (here.folder / "text").write_text("text\nmore text")
    ended = here("audit", *words)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(f"Error: {error}")
    assert [line.split(":")[0] for line in ended.err.splitlines()] == ["Error", "Why", "Do"]
