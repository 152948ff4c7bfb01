"""``xacct audit``: who from outside gets in, and which trusts and permissions lead nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from xacct import AuditReport, Baseline, audit, known_accounts_in_file
from xacct.access_audit.finding import FindingKind, Severity
from xacct.cli.exit_codes import CHANGES, FAILED, FINE
from xacct.cli.snapshot_sources import Accounts, Dump, Sources, read_accounts, say_gaps
from xacct.cli.terminal import print_shown, print_text, say
from xacct.errors import InvalidValue

__all__ = ["command"]

AuditFormat = Literal["table", "json", "markdown", "sarif", "html", "dot", "mermaid"]
FailOn = Literal[Severity, FindingKind, "undecided"]

_RENDERED: Mapping[AuditFormat, Callable[[AuditReport], str]] = {
    "table": str,
    "json": lambda report: _json(report.to_dict()),
    "markdown": AuditReport.to_markdown,
    "sarif": lambda report: _json(report.to_sarif()),
    "html": AuditReport.to_html,
    "dot": AuditReport.to_dot,
    "mermaid": AuditReport.to_mermaid,
}


def command(
    *dump: Dump,
    sources: Sources | None = None,
    known_accounts: Path | None = None,
    baseline: Path | None = None,
    write_baseline: Path | None = None,
    reason: str | None = None,
    until: date | None = None,
    fail_on: Annotated[tuple[FailOn, ...], Parameter(negative="", show_default=False)] = (),
    format: AuditFormat = "table",
    output: Path | None = None,
) -> int:
    """Find who from outside gets into the accounts, and which trusts and permissions lead nowhere.

    The exit code is 3 if there are findings, and 1 if an account could not be
    read, whatever was found in the others. What was not read or not decided is
    counted on standard error, and does not change the exit code, unless you add
    --fail-on undecided.

    Example: xacct audit details.json --fail-on high --format sarif --output audit.sarif

    Example: xacct audit --organization --profile management --role SecurityAudit --services s3,kms

    Args:
        known_accounts: A file with accounts whose owner you know: CSV with the columns account, name, kind and source,
            or JSON with names by account ID.
        baseline: A JSON file with the findings that are accepted.
        write_baseline: The file to write the baseline to, with all present findings accepted too.
        reason: Why they are accepted; for --write-baseline.
        until: The last day on which they are accepted, such as 2027-03-31; for --write-baseline.
        fail_on: What makes the exit code 3: a kind of finding, a severity with the worse ones, or undecided; default:
            every finding. Repeat for several.
        format: How to print the report.
        output: The file to write the report to; default: standard output.
    """
    if write_baseline is not None and (reason is None or until is None):
        raise InvalidValue("--write-baseline", str(write_baseline), "it needs --reason and --until")
    for option, path in (("--output", output), ("--write-baseline", write_baseline)):
        _check_folder(option, path)
    known = None if known_accounts is None else known_accounts_in_file(known_accounts)
    accepted = Baseline() if baseline is None else _read_baseline(baseline)
    accounts = read_accounts(dump, sources or Sources())
    report = audit(*accounts.snapshots, organization=accounts.organization, known_accounts=known)
    report = report.with_baseline(accepted)
    if write_baseline is not None and reason is not None and until is not None:
        accepted = accepted.extended(report, reason, until)
        write_baseline.write_text(f"{_json(accepted.to_dict())}\n", encoding="utf-8")
        report = report.with_baseline(accepted)
    if output is not None:
        output.write_text(f"{_text(report, format)}\n", encoding="utf-8")
        headline, _, _ = str(report).partition("\n")
        say(f"{output}: {headline}.")
    elif format == "table":
        print_shown(report, str(report))
    else:
        print_text(_text(report, format))
    say_gaps(report.undecided)
    return _exit_code(report, accounts, fail_on)


def _exit_code(report: AuditReport, accounts: Accounts, fail_on: tuple[FailOn, ...]) -> int:
    if not accounts.complete:
        return FAILED
    if report.undecided and "undecided" in fail_on:
        return CHANGES
    wanted = [name for name in fail_on if name != "undecided"] if fail_on else ["info"]
    return CHANGES if report.findings_of(*wanted) else FINE


def _text(report: AuditReport, format: AuditFormat) -> str:
    return _RENDERED[format](report).rstrip("\n")


def _json(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False)


def _read_baseline(path: Path) -> Baseline:
    try:
        return Baseline.from_dict(json.loads(path.read_bytes()))
    except InvalidValue as error:
        raise InvalidValue(f"{path}, {error.field}", error.value, error.rule) from None
    except ValueError as error:
        raise InvalidValue("--baseline", str(path), f"the file must be JSON: {error}") from None


def _check_folder(option: str, path: Path | None) -> None:
    """Check that a file can be written, before the accounts are read, which can take long."""
    if path is not None and not path.parent.is_dir():
        raise InvalidValue(option, str(path), f"there is no folder {path.parent}")
