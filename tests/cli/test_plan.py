"""``xacct plan``: what a grants file would change, for people, programs and pull requests."""

from __future__ import annotations

import json

from tests.cli.command import Command
from tests.cli.grants_files import PLAN, SUMMARY, here, run, write_file
from tests.cli.here import Here

from xacct import GrantsFile
from xacct.cli.plan_output import plan_markdown

__all__ = ["here", "run"]


def test_the_plan_is_printed_and_nothing_is_changed(command: Command) -> None:
    write_file(command)
    ended = command("plan", "grants.toml")
    assert (ended.code, ended.out, ended.err) == (3, PLAN, SUMMARY)
    assert command.aws.account("111111111111").session.client("iam").list_roles()["Roles"] == []


def test_without_changes_the_exit_code_is_0(command: Command, run: Here) -> None:
    write_file(command)
    assert run("apply", "grants.toml", "--yes").code == 0
    ended = run("plan", "grants.toml")
    assert (ended.code, ended.err) == (0, "0 to create, 0 to change, 0 to remove\n")
    assert ended.out.endswith("222222222222):\nNothing to change: both accounts match the grants.\n")


def test_the_summary_counts_what_is_created_changed_and_removed(command: Command, run: Here) -> None:
    write_file(command, {"groups": []})
    run("apply", "grants.toml", "--yes")
    session = command.aws.account("111111111111").session
    session.client("s3").create_bucket(
        Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    write_file(command, {"buckets": ["reports"], "require_mfa": True})
    ended = run("plan", "grants.toml")
    signs = [line[0] for line in ended.out.splitlines() if line[:2] in ("+ ", "~ ", "- ")]
    assert (signs.count("+"), signs.count("~"), signs.count("-")) == (1, 3, 1)
    assert ended.err == "1 to create, 3 to change, 1 to remove\n"


def test_the_plan_as_json_can_be_saved_and_compared(command: Command, run: Here) -> None:
    write_file(command)
    ended = run("plan", "grants.toml", "--format", "json", "--out", "plan.json")
    data = json.loads(ended.out)
    assert (ended.code, ended.err) == (3, SUMMARY)
    assert data == json.loads((command.folder / "plan.json").read_text())
    assert [(pair["trusting"], pair["trusted"], len(pair["changes"])) for pair in data["pairs"]] == [
        ("production", "development", 3)
    ]


def test_the_plan_as_markdown_has_counts_and_a_diff(command: Command, run: Here) -> None:
    write_file(command)
    ended = run("plan", "grants.toml", "--format", "markdown")
    lines = ended.out.splitlines()
    assert lines[:5] == [
        "**xacct: 3 to create, 0 to change, 0 to remove**",
        "",
        "#### Trusting account production (111111111111), trusted account development (222222222222)",
        "",
        "```diff",
    ]
    assert lines[5].startswith("+ create policy CrossAccountPolicy")
    assert lines[-1] == "```"


def test_a_long_plan_is_cut_to_the_length_of_a_comment(command: Command, run: Here) -> None:
    names = [f"grant-{number}" for number in range(120)]
    write_file(command, *({"name": name, "role_name": name, "policy_name": name} for name in names))
    ended = run("plan", "grants.toml", "--format", "markdown")
    assert 60_000 < len(ended.out) <= 65_536
    assert ended.out.endswith("\n```\n\nThe plan is too long for a comment. Run `xacct plan` to see all of it.\n")
    assert ended.out.count("```") == 2


def test_backticks_in_a_plan_do_not_end_the_block(command: Command, run: Here) -> None:
    write_file(command)
    run("apply", "grants.toml", "--yes")
    write_file(command, {"description": "a ````\n````\n@everyone"})
    lines = run("plan", "grants.toml", "--format", "markdown").out.splitlines()
    assert [line for line in lines if line.startswith("`````")] == ["`````diff", "`````"]
    assert "! update role CrossAccountRoleS3 in the trusting account 111111111111" in lines


def test_a_mistake_in_the_file_is_a_usage_error_with_its_line(command: Command, run: Here) -> None:
    write_file(command, {"bucket": ["reports"]})
    ended = run("plan", "grants.toml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "Error: grants.toml:10: grants[0].bucket: '(unknown key)' is not valid\n"
        "Why:   did you mean 'buckets'?\n"
        "Do:    Correct it and run again\n"
    )
    assert run("plan", "no-such-file.toml").code == 1


def test_a_plan_without_grants_has_no_section() -> None:
    plan = GrantsFile(accounts={}, grants=[]).plan()
    assert plan_markdown(plan) == "**xacct: 0 to create, 0 to change, 0 to remove**"
