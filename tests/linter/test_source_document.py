"""The linter reads documents that AWS or PolicyDocument refuses, in every form."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from xacct import Condition, PolicyDocument, Principal, Statement
from xacct.linter import PolicyKind

from .findings import document, findings, places, rules

WRONG = document(Action=["s3:ListBucket", "s3:GetObjects"], Resource="*", Sid="A")
DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "source",
    [
        WRONG,
        json.dumps(WRONG),
        json.dumps(WRONG).encode(),
        "\ufeff" + json.dumps(WRONG),
        quote(json.dumps(WRONG)),
        quote(json.dumps(WRONG)).replace("%7B", "%7b"),
    ],
)
def test_every_form_of_a_document_has_the_same_findings(source: object) -> None:
    assert places("unknown-action", source) == ["Statement.Action[1]"]


def test_a_policy_document_keeps_the_order_of_its_values() -> None:
    statement = Statement.allow(["s3:ListBucket", "s3:GetObjects"], "*")
    assert places("unknown-action", PolicyDocument([statement])) == ["Statement[0].Action[1]"]


def test_every_element_of_a_policy_document_is_read() -> None:
    trust = Statement(
        effect="Allow",
        actions="sts:AssumeRol",
        principals=[Principal.account("222222222222")],
        conditions=[Condition("StringEqual", "sts:External", "a")],
        sid="a-b",
    )
    assert rules(PolicyDocument([trust]), "trust") == [
        "sid",
        "unknown-action",
        "unknown-operator",
        "unknown-condition-key",
    ]
    deny = Statement(
        effect="Deny", not_actions="s3:Zzz", not_resources="arn:aws:s3", not_principals=[Principal.anyone()]
    )
    assert rules(PolicyDocument([deny])) == ["wrong-element", "unknown-action", "incomplete-arn"]


@pytest.mark.parametrize(
    "source", ["", "{", "[]", "5", DEEP, '{"a": ' + "1" * 5000 + "}", b"\xff", [], 5, None, '{"Statement": NaN}']
)
def test_what_is_no_policy_is_one_finding(source: object) -> None:
    (finding,) = findings(source)
    assert (finding.element, finding.rule, finding.severity) == ("", "json", "error")


@pytest.mark.parametrize(
    ("statement", "place"), [([], "Statement"), (5, "Statement"), ([5], "Statement[0]"), (None, "Statement")]
)
def test_statements_that_are_none(statement: object, place: str) -> None:
    assert places("json", {"Version": "2012-10-17", "Statement": statement}) == [place]


def test_keys_that_a_json_object_has_twice() -> None:
    source = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*",'
    )
    source += ' "Condition": {"Bool": {"aws:SecureTransport": "true", "aws:SecureTransport": "false"}}}]}'
    assert places("duplicate-key", source) == [
        "Statement[0].Effect",
        "Statement[0].Condition.Bool.aws:SecureTransport",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ELEMENTS = [
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition", "Else"
]  # fmt: skip
KEYS = st.sampled_from(["aws:SourceIp", "aws:TagKeys", "s3:prefix", "saml:aud", "a.b:sub", "aws:x/", ":", ""])
OPERATORS = st.sampled_from(["Bool", "Null", "IpAddress", "ArnLike", "DateEquals", "ForAnyValue:StringLike", "x", ""])
CONDITIONS = st.dictionaries(OPERATORS, JSON | st.dictionaries(KEYS, JSON, max_size=3), max_size=3)
ACTIONS = st.sampled_from(["*", "s3:*", "sts:AssumeRole", "s3:x", "iam: a", "s3:[", ":", "s3:Get*"])
ARNS = st.sampled_from(["*", "arn:aws:s3:::b/${aws:username}", "arn:aws:s3", "arn:::::", "${", "arn:aws:s3:::[*?"])
STATEMENTS = st.dictionaries(st.sampled_from(ELEMENTS), JSON, max_size=6) | st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": ACTIONS | st.lists(ACTIONS | JSON, max_size=3)},
    optional={"Resource": ARNS | st.lists(ARNS | JSON, max_size=3), "Condition": CONDITIONS, "Principal": JSON},
)
DOCUMENTS = JSON | st.fixed_dictionaries(
    {"Statement": STATEMENTS | st.lists(STATEMENTS | JSON, max_size=3)}, optional={"Version": JSON, "Id": JSON}
)


@given(DOCUMENTS, st.sampled_from(["identity", "trust", "resource", "scp", "rcp", "session", "boundary"]))
def test_no_document_fails(source: Any, kind: PolicyKind) -> None:
    found = findings(source, kind)
    assert all(finding.message and finding.source.startswith("https://") for finding in found)
    # As text, a document has strings as its keys, and None as its missing values.
    assert isinstance(findings(json.dumps(source), kind), tuple)
