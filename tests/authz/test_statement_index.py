"""The index of a large layer: the same decisions with and without it, and how few statements are compared."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings, strategies as st

from xacct.authz import AccessRequest, PolicySet, evaluate
from xacct.authz.statement_index import StatementIndex
from xacct.authz.statement_matcher import compile_document
from xacct.policy import Condition, PolicyDocument, Principal, Statement

ACCOUNT = "111111111111"
IAM = f"arn:aws:iam::{ACCOUNT}:"
CALLERS = (f"{IAM}user/a", f"{IAM}role/b", f"arn:aws:sts::{ACCOUNT}:assumed-role/b/s", "lambda.amazonaws.com", "*")
REQUESTS = [
    AccessRequest(principal=caller, action=action, resource=resource, resource_account=ACCOUNT)
    for caller in CALLERS
    for action in ("s3:GetObject", "sts:AssumeRole")
    for resource in ("arn:aws:s3:::b/k", f"{IAM}role/b", "*")
] + [
    AccessRequest(
        principal=CALLERS[0], action="s3:GetObject", resource="arn:aws:s3:::b/k", resource_account=ACCOUNT, context=keys
    )
    for keys in ({"aws:SourceVpc": "v1"}, {"aws:SourceVpc": ["v2", "v3"], "aws:SourceVpce": "V1"})
]

names = st.sampled_from(
    [
        {"AWS": CALLERS[0]},
        {"AWS": [CALLERS[1], CALLERS[2]]},
        {"Service": "*"},
        {"AWS": ACCOUNT},
        "*",
        {"CanonicalUser": "x"},
    ]
)
actions = st.lists(st.sampled_from(["*", "s3:*", "s3:Get*", "S3:GETOBJECT", "sts:?ssumeRole", "iam:*"]), min_size=1)
resources = st.lists(
    st.sampled_from(
        ["*", "arn:aws:s3:::*", "arn:aws:s3:::b/?", "arn:aws:s3", "arn:aws:s3:::${aws:username, 'b'}/*", f"{IAM}*"]
    ),
    min_size=1,
)
conditions = st.dictionaries(
    st.sampled_from(
        [
            "StringEquals", "StringEquals", "stringequals", "StringEqualsIfExists", "StringNotEquals", "StringLike",
            "StringEqualsIgnoreCase", "ForAllValues:StringEquals", "ForAnyValue:StringEquals", "Null",
        ]
    ),
    st.dictionaries(
        st.sampled_from(["aws:SourceVpc", "AWS:sourcevpc", "aws:SourceVpce"]),
        st.lists(st.sampled_from(["v1", "v2", "${aws:username}", "${*}", "true"]), max_size=2),
        max_size=2,
    ),
    max_size=2,
)  # fmt: skip
statements = st.builds(
    lambda effect, action, resource, principal, condition: {
        "Effect": effect,
        **action,
        **resource,
        **principal,
        **({"Condition": condition} if condition else {}),
    },
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.builds(lambda element, values: {element: values}, st.sampled_from(["Action", "Action", "NotAction"]), actions),
    st.none().map(lambda _: {})
    | st.builds(lambda element, values: {element: values}, st.sampled_from(["Resource", "NotResource"]), resources),
    st.none().map(lambda _: {})
    | st.builds(
        lambda element, value: {element: value}, st.sampled_from(["Principal", "Principal", "NotPrincipal"]), names
    ),
    conditions,
)
documents = st.lists(statements, min_size=1, max_size=5).map(
    lambda found: PolicyDocument.parse({"Version": "2012-10-17", "Statement": found})
)


@settings(deadline=None, max_examples=150)
@given(documents, documents)
def test_decisions_are_the_same_with_and_without_an_index(one: PolicyDocument, other: PolicyDocument) -> None:
    found = []
    for large in (-1, 1_000):
        with mock.patch("xacct.authz.policy_set._LARGE", large):
            policies = PolicySet(identity=[one], resource=other, scps=[[one]])
        decisions = [evaluate(request, policies) for request in REQUESTS]
        found.append([(decision.effect, decision.decided_by, decision.note) for decision in decisions])
    assert found[0] == found[1]


def compared(request: AccessRequest, *statements: Statement) -> int:
    """How many statements are compared with a request."""
    index = StatementIndex(compile_document(PolicyDocument(statements), "policy", "resource"))
    return len(index.candidates(request, request.action.lower()))


def numbered(number: int, **elements: Any) -> Statement:
    return Statement.allow(
        elements.get("actions", "s3:*"),
        elements.get("resources", "*"),
        principals=[elements.get("principal", Principal.anyone())],
        conditions=elements.get("conditions", ()),
        sid=str(number),
    )


REQUEST = AccessRequest(
    principal=f"{IAM}user/u7",
    action="s3:GetObject",
    resource="arn:aws:s3:::b7/k",
    resource_account=ACCOUNT,
    context={"aws:SourceVpc": "v7"},
)


@pytest.mark.parametrize(
    "elements",
    [
        lambda i: {"resources": f"arn:aws:s3:::b{i}/*"},
        lambda i: {"resources": [f"arn:aws:s3:::b{i}/k", f"arn:aws:s3:::b{i}/*"]},
        lambda i: {"principal": Principal.user(ACCOUNT, f"u{i}")},
        lambda i: {"actions": "s3:*" if i == 7 else f"x{i}:*"},
        lambda i: {"actions": "s3:GetObject" if i == 7 else f"s3:Put{i}*"},
        lambda i: {"conditions": [Condition("StringEquals", "AWS:sourceVpc", f"v{i}")]},
        lambda i: {"conditions": [Condition("StringEquals", "aws:SourceVpc", (f"v{i}", f"w{i}"))]},
    ],
    ids=["resources", "several resources", "principals", "services", "actions", "conditions", "several values"],
)
def test_only_the_statements_that_could_match_are_compared(elements: Any) -> None:
    wanted = numbered(7, **elements(7))
    others = [numbered(i, **elements(i)) for i in range(500) if i != 7]
    assert compared(REQUEST, *others[:250], wanted, *others[250:]) == 1


def test_deny_statements_are_compared_first() -> None:
    allow, deny = Statement.allow("s3:*", "*"), Statement.deny("s3:*", "*")
    index = StatementIndex(compile_document(PolicyDocument([allow, deny, allow]), "policy", "identity"))
    assert [s.denies for s in index.candidates(REQUEST, "s3:getobject")] == [True, False, False]
