"""``xacct lint``: mistakes in policies, with the file, the element, the rule and AWS's page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.cli.command import Command
from tests.cli.here import Here, here

__all__ = ["here"]

SOURCE = (
    "https://docs.aws.amazon.com/service-authorization/latest/reference/"
    "reference_policies_actions-resources-contextkeys.html"
)


def policy(**statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", **statement}})


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text(policy(Action="sts:AssumRole", Principal={"AWS": "222222222222"}))
    (tmp_path / "fine.json").write_text(policy(Action="sts:AssumeRole", Principal={"AWS": "222222222222"}))
    (tmp_path / "doubtful.json").write_text(
        policy(Action="s3:GetObject", Resource="*", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": "team"}})
    )
    (tmp_path / "text.json").write_text("not JSON")


def test_a_finding_has_the_file_the_element_the_rule_and_the_page(command: Command) -> None:
    ended = command("lint", "fine.json", "wrong.json", "--kind", "trust")
    head, row = ended.out.splitlines()
    assert (ended.code, ended.err) == (3, "")
    assert head.split() == ["file", "severity", "element", "rule", "message", "source"]
    assert re.split(" {2,}", row) == [
        "wrong.json",
        "error",
        "Statement.Action",
        "unknown-action",
        "AWS's reference has no action sts:AssumRole: did you mean sts:AssumeRole?",
        SOURCE,
    ]


def test_findings_are_data(here: Here) -> None:
    ended = here("lint", "wrong.json", "--kind", "trust", "--format", "json")
    (finding,) = json.loads(ended.out)
    assert (ended.code, set(finding)) == (
        3,
        {"file", "element", "rule", "message", "severity", "source", "value", "policy"},
    )
    assert (finding["file"], finding["value"]) == ("wrong.json", "sts:AssumRole")


def test_a_policy_without_a_mistake_is_exit_code_0(here: Here) -> None:
    ended = here("lint", "fine.json", "--kind", "trust")
    assert (ended.code, ended.out, ended.err) == (0, "", "No findings.\n")
    assert here("lint", "fine.json", "--kind", "trust", "--format", "json").out == "[]\n"


def test_a_policy_is_read_from_standard_input(here: Here) -> None:
    text = (here.folder / "wrong.json").read_text()
    ended = here("lint", "-", "--kind", "trust", stdin=text)
    assert (ended.code, ended.out.splitlines()[1].split()[0]) == (3, "-")


def test_warnings_can_be_let_through(here: Here) -> None:
    words = ("lint", "doubtful.json", "--kind", "identity", "--format", "json")
    ended = here(*words)
    assert ended.code == 3
    assert {finding["severity"] for finding in json.loads(ended.out)} == {"warning"}
    assert here(*words, "--fail-on", "error").out == ended.out
    assert here(*words, "--fail-on", "error").code == 0
    assert here("lint", "wrong.json", "--kind", "trust", "--fail-on", "error").code == 3


def test_a_file_that_is_no_policy_is_a_finding_and_one_that_is_missing_an_error(here: Here) -> None:
    ended = here("lint", "text.json", "--kind", "scp", "--format", "json")
    assert (ended.code, [finding["rule"] for finding in json.loads(ended.out)]) == (3, ["json"])
    missing = here("lint", "nowhere.json", "--kind", "scp")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err.startswith("Error: nowhere.json failed\nWhy:   No such file or directory\n")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("fine.json",), 'Command "lint" parameter --kind requires an argument'),
        (("fine.json", "--kind", "role"), 'Invalid value "role" for --kind. Choose from: "identity", "trust", '),
        (("--kind", "trust"), 'Command "lint" parameter FILE requires an argument'),
        (("--kind", "trust", "--strict"), "Unknown option: --strict"),
    ],
)
def test_what_is_missing_is_a_usage_error(here: Here, words: tuple[str, ...], why: str) -> None:
    ended = here("lint", *words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Error: the command line is not valid\nWhy:   {why}")
