"""The linter: documents that are larger than AWS accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from xacct import PolicyDocument
from xacct.linter import LintFinding, PolicyKind

from .findings import document, of_rule, right_documents


def of_length(kind: PolicyKind, length: int, **elements: object) -> dict[str, Any]:
    """Return a document of which the shortest JSON text has this many characters."""
    source = document(kind, **elements)
    statement = source["Statement"]
    element = "Action" if kind == "trust" else "Resource"
    start = statement[element]
    for _ in range(2):  # the first value takes the place of a string
        missing = length - len(json.dumps(source, separators=(",", ":")))
        own = len(json.dumps(start))
        value = "sts:AssumeRole" if kind == "trust" else f"arn:aws:s3:::reports/{'x' * 40}/*"
        count = max(2, (missing + own - 2) // (len(value) + 3))
        statement[element] = [value] * count
    missing = length - len(json.dumps(source, separators=(",", ":")))
    source["Id"] = "x" * (missing - len(',"Id":""'))
    assert len(json.dumps(source, separators=(",", ":"))) == length
    return source


def sizes(source: object, kind: PolicyKind) -> list[LintFinding]:
    return of_rule("size", source, kind)


LIMITS: list[tuple[PolicyKind, int]] = [
    ("identity", 10_240), ("boundary", 6144), ("trust", 8192), ("session", 2048), ("scp", 5120), ("rcp", 5120),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "limit"), LIMITS)
def test_a_document_that_is_too_large(kind: PolicyKind, limit: int) -> None:
    assert [f for f in sizes(of_length(kind, limit), kind) if f.severity == "error"] == []
    (finding,) = sizes(of_length(kind, limit + 1), kind)
    assert (finding.element, finding.severity) == ("", "error")
    assert f"{limit + 1} characters" in finding.message
    assert f"at most {limit}" in finding.message
    assert ("quotas" if kind not in ("scp", "rcp") else "orgs_reference_limits") in finding.source


@pytest.mark.parametrize(
    ("kind", "limit", "advice"),
    [
        ("identity", 6144, "fits only in a role's inline policies"),
        ("trust", 2048, "unless the account has a higher quota"),
    ],
)
def test_a_document_that_is_accepted_only_in_some_cases(kind: PolicyKind, limit: int, advice: str) -> None:
    assert sizes(of_length(kind, limit), kind) == []
    (finding,) = sizes(of_length(kind, limit + 1), kind)
    assert finding.severity == "warning"
    assert advice in finding.message


def test_white_space_does_not_count_in_policies_of_iam() -> None:
    source = of_length("boundary", 6144)
    assert sizes(json.dumps(source, indent=4), "boundary") == []
    assert sizes({**source, "Id": source["Id"][:-1] + " "}, "boundary") == []
    assert sizes(json.dumps(of_length("boundary", 6145), indent=4), "boundary") != []


@pytest.mark.parametrize("kind", ["session", "scp", "rcp"])
def test_white_space_counts_where_aws_stores_the_text_as_it_is(kind: PolicyKind) -> None:
    source = of_length(kind, 2000)
    text = json.dumps(source, separators=(",", ":"))
    limit = dict(LIMITS)[kind]
    assert sizes(text + " " * (limit - len(text)), kind) == []
    (finding,) = sizes(text + " " * (limit - len(text) + 1), kind)
    assert "2000 without white space" in finding.message
    assert sizes(source, kind) == []


@pytest.mark.parametrize(
    ("action", "limit", "page"),
    [
        ("s3:GetObject", 20_480, "AmazonS3"),
        ("kms:Decrypt", 32_768, "kms"),
        ("sqs:SendMessage", 8192, "AWSSimpleQueueService"),
        ("secretsmanager:GetSecretValue", 20_480, "secretsmanager"),
        ("dynamodb:GetItem", 20_480, "amazondynamodb"),
    ],
)
def test_the_policy_of_a_resource_of_a_service_with_a_known_limit(action: str, limit: int, page: str) -> None:
    assert sizes(of_length("resource", limit, Action=action), "resource") == []
    (finding,) = sizes(of_length("resource", limit + 1, Action=action), "resource")
    assert finding.severity == "error"
    assert f"at most {limit} bytes" in finding.message
    assert finding.source.startswith(f"https://docs.aws.amazon.com/{page}/")


def test_bytes_count_in_the_policies_of_resources() -> None:
    source = of_length("resource", 8000, Action="sqs:SendMessage")
    assert sizes({**source, "Id": source["Id"] + "ü" * 150}, "resource") != []
    assert sizes({**source, "Id": source["Id"] + "u" * 150}, "resource") == []


@pytest.mark.parametrize("action", [["s3:GetObject", "kms:Decrypt"], "*", "sns:Publish", "*:GetObject"])
def test_the_policy_of_a_resource_of_which_the_limit_is_not_known(action: object) -> None:
    assert sizes(of_length("resource", 100_000, Action=action), "resource") == []


@pytest.mark.parametrize("kind", list(right_documents()))
def test_small_documents(kind: PolicyKind) -> None:
    source = right_documents()[kind]
    for same in (source, json.dumps(source), json.dumps(source).encode(), PolicyDocument.parse(source)):
        assert sizes(same, kind) == []


def test_text_that_is_no_policy_has_no_size() -> None:
    assert sizes("x" * 100_000, "scp") == []
    assert sizes({"Version": {1: object()}}, "scp") == []
