"""A report as SARIF 2.1.0, which GitHub code scanning and other tools read.

Sources: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html and
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import json
from datetime import timezone
from urllib.parse import quote

from xacct._version import __version__
from xacct.access_audit.baseline import Acceptance
from xacct.access_audit.contents import ReportContents
from xacct.access_audit.finding import FINDING_KINDS, Finding, FindingKind, Severity
from xacct.access_audit.way import StatementSource, witness_data
from xacct.arn import Arn
from xacct.errors import InvalidValue

__all__ = ["sarif_log"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: dict[Severity, str] = {
    "critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note",
}  # fmt: skip
# GitHub calls more than 9.0 critical, 7.0 to 8.9 high, 4.0 to 6.9 medium and 0.1 to 3.9 low.
_SCORES: dict[Severity, str] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.5", "info": "0.1"}
_KINDS = tuple(FINDING_KINDS)


def sarif_log(report: ReportContents) -> dict[str, object]:
    """Return a report as a SARIF log: a rule for each kind, and a result for each finding.

    Accepted findings are suppressed results. The findings about roles that AWS made are left out.
    """
    acceptances = report.baseline.by_id
    results = [_result(finding, None) for finding in report.findings]
    results += [_result(finding, acceptances.get(finding.id)) for finding in report.accepted]
    if report.accepted:
        # SARIF 3.27.23: if one result of a run says whether it is suppressed, all of them do.
        for result in results:
            result.setdefault("suppressions", [])
    driver = {
        "name": "xacct",
        "fullName": "xacct audit of cross-account access",
        "version": __version__,
        "rules": [_rule(kind) for kind in _KINDS],
    }
    notifications = [{"level": "warning", "message": {"text": text}} for text in report.undecided]
    invocation = {
        "executionSuccessful": True,
        "endTimeUtc": report.now.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "toolExecutionNotifications": notifications,
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "results": results,
        "columnKind": "unicodeCodePoints",
        "properties": {"accounts": sorted(report.accounts), "roles": report.roles},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(kind: FindingKind) -> dict[str, object]:
    about = FINDING_KINDS[kind]
    return {
        "id": kind,
        "name": "".join(word.capitalize() for word in kind.split("-")),
        "shortDescription": {"text": about.title},
        "fullDescription": {"text": about.help},
        "help": {"text": f"{about.help}\n{about.source}", "markdown": f"{about.help}\n\n[Source]({about.source})"},
        "helpUri": about.source,
        "defaultConfiguration": {"level": _LEVELS[about.severity]},
        "properties": {
            "security-severity": _SCORES[about.severity],
            "precision": "very-high",
            "tags": ["security", "aws", "iam", "cross-account"],
        },
    }


def _result(finding: Finding, acceptance: Acceptance | None) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": finding.kind,
        "ruleIndex": _KINDS.index(finding.kind),
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [_location(finding.resource, finding.account)],
        # GitHub compares the results of two runs by primaryLocationLineHash only.
        "partialFingerprints": {"xacctFindingId/v1": finding.id, "primaryLocationLineHash": f"{finding.id}:1"},
        "properties": _properties(finding),
    }
    if finding.statements:
        result["relatedLocations"] = [_statement(index, s) for index, s in enumerate(finding.statements)]
    if acceptance is not None:
        until = f"{acceptance.reason} (until {acceptance.until})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": until}]
    return result


def _message(finding: Finding) -> str:
    depends = f" It depends on {', '.join(finding.conditions)}." if finding.conditions else ""
    return _plain(f"{finding.why}{depends}\n{finding.fix.text}")


def _plain(text: str) -> str:
    # SARIF 3.11.5 and 3.11.6: braces are placeholders, and brackets are links, unless they are escaped.
    doubled = text.replace("{", "{{").replace("}", "}}")
    return doubled.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _properties(finding: Finding) -> dict[str, object]:
    properties: dict[str, object] = {
        "security-severity": _SCORES[finding.severity],
        "account": finding.account,
        "principal": finding.principal,
        "answer": finding.answer,
        "conditions": list(finding.conditions),
    }
    if finding.principal_name:
        properties["principalName"] = finding.principal_name
    if finding.fix.statement is not None:
        properties["fixStatement"] = json.dumps(finding.fix.statement)
    if finding.witness is not None:
        properties["witness"] = witness_data(finding.witness)
    return properties


def _location(resource: str, account: str) -> dict[str, object]:
    kind, name = _kind_and_name(resource)
    logical = {"name": name, "fullyQualifiedName": resource, "kind": kind}
    # GitHub refuses a result without the location of a file. No file has the resource: this path is its ARN.
    path = quote("/".join(("aws", account, kind, *filter(None, name.split("/")))), safe="/-_.~@+=,")
    physical = {"artifactLocation": {"uri": path}, "region": {"startLine": 1}}
    return {"physicalLocation": physical, "logicalLocations": [logical]}


def _kind_and_name(resource: str) -> tuple[str, str]:
    """Return the type of a resource, such as ``role`` or ``s3``, and its name."""
    try:
        arn = Arn.parse(resource)
    except InvalidValue:
        return "resource", resource
    if arn.service == "iam":
        kind, _, name = arn.resource.partition("/")
        return (kind, name) if name else ("iam", kind)
    return arn.service, arn.resource


def _statement(index: int, source: StatementSource) -> dict[str, object]:
    location = _location(source.owner, source.account)
    message = {"text": _plain(str(source))}
    return {"id": index, **location, "message": message, "properties": {"statement": source.text}}
