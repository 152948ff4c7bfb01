"""Reports as plain data and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import TypeVar

from attrs import evolve

from xacct.access_audit.baseline import Baseline
from xacct.access_audit.contents import ReportContents
from xacct.access_audit.finding import Finding
from xacct.access_audit.way import witness_data
from xacct.errors import InvalidValue
from xacct.plain_data import from_dict, to_dict

__all__ = ["finding_data", "read_report", "report_data"]

_Report = TypeVar("_Report", bound=ReportContents)

_LISTS = ("findings", "quiet", "accepted")


def finding_data(finding: Finding) -> dict[str, object]:
    """Return a finding as plain data, with its ID."""
    data = {"id": finding.id, **to_dict(evolve(finding, witness=None))}
    return data if finding.witness is None else {**data, "witness": witness_data(finding.witness)}


def report_data(report: ReportContents) -> dict[str, object]:
    """Return a report as plain data that JSON can express."""
    data = to_dict(evolve(report, findings=(), quiet=(), accepted=(), baseline=Baseline()))
    data.pop("baseline", None)
    data |= {name: [finding_data(finding) for finding in getattr(report, name)] for name in _LISTS}
    return {**data, "baseline": report.baseline.to_dict()} if report.baseline.accepted else data


def read_report(kind: type[_Report], data: Mapping[str, object]) -> _Report:
    """Return a report from plain data.

    Args:
        kind: the class of the report.
        data: what :func:`report_data` returned.

    Raises:
        InvalidValue: the data is not that of a report, or the ID of a finding is not that of its kind, resource and
            principal.
    """
    if not isinstance(data, Mapping):
        raise InvalidValue("report", type(data).__name__, "must be an object")
    plain = {name: value for name, value in data.items() if name != "baseline" and name not in _LISTS}
    report = from_dict(kind, {**plain, "findings": []})
    findings, quiet, accepted = (tuple(_read_findings(name, data.get(name, ()))) for name in _LISTS)
    baseline = _read_baseline(data["baseline"]) if "baseline" in data else Baseline()
    return evolve(report, findings=findings, quiet=quiet, accepted=accepted, baseline=baseline)


def _read_findings(name: str, findings: object) -> Iterator[Finding]:
    if not isinstance(findings, (list, tuple)):
        raise InvalidValue(name, type(findings).__name__, "must be a list")
    for index, finding in enumerate(findings):
        yield _read_finding(f"{name}[{index}]", finding)


def _read_finding(path: str, data: object) -> Finding:
    try:
        return _finding(data)
    except InvalidValue as error:
        raise InvalidValue(f"{path}.{error.field}".rstrip("."), error.value, error.rule) from None


def _finding(data: object) -> Finding:
    if not isinstance(data, Mapping):
        raise InvalidValue("", type(data).__name__, "must be an object")
    members = {key: value for key, value in data.items() if key != "id"}
    statement = None
    if isinstance(fix := members.get("fix"), Mapping):
        # The statement is kept as it is.
        members["fix"] = {key: value for key, value in fix.items() if key != "statement"}
        statement = fix.get("statement")
        if not isinstance(statement, (Mapping, NoneType)):
            raise InvalidValue("fix.statement", type(statement).__name__, "must be an object")
    finding = from_dict(Finding, members)
    if data.get("id", finding.id) != finding.id:
        raise InvalidValue("id", data["id"], f"the ID of this finding is {finding.id}")
    return finding if statement is None else evolve(finding, fix=evolve(finding.fix, statement=statement))


def _read_baseline(data: object) -> Baseline:
    try:
        return Baseline.from_dict(data)  # type: ignore[arg-type]  # it checks the type
    except InvalidValue as error:
        path = error.field if error.field.startswith("baseline") else f"baseline.{error.field}"
        raise InvalidValue(path, error.value, error.rule) from None
