"""The callers that a policy can tell apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from xacct import AccessRequest, Condition, PolicyDocument, Principal, Statement
from xacct.authz.statement_matcher import StatementMatcher, compile_document
from xacct.proof.callers import account_besides, callers_of, name_patterns, stranger_accounts

DEV, OTHER = "222222222222", "333333333333"
TRUST = "arn:aws:iam::111111111111:role/Reader"

ARNS = st.sampled_from(
    [
        f"arn:aws:iam::{OTHER}:user/a", f"arn:aws:iam::{OTHER}:user/A", f"arn:aws:iam::{OTHER}:role/p/b",
        f"arn:aws:iam::{OTHER}:role/b", f"arn:aws:iam::{OTHER}:root", "arn:aws:iam::*:user/a*",
        "arn:aws:iam::*:role/p/*", "*:user/*", "arn:aws:iam::3*", "arn:aws:iam::*3:user/a", "*",
        f"arn:aws:sts::{OTHER}:federated-user/f", "arn:aws:sts::*:federated-user/f*", "arn:aws:iam::??????????44:*/a",
    ]
)  # fmt: skip
conditions = (
    st.builds(
        Condition,
        st.sampled_from(["StringEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "ArnLike"]),
        st.just("aws:PrincipalArn"),
        st.lists(ARNS, min_size=1, max_size=2),
    )
    | st.builds(
        Condition,
        st.sampled_from(["StringEquals", "StringLike", "StringEqualsIgnoreCase"]),
        st.just("aws:username"),
        st.sampled_from(["a", "A", "a*", "*b", "p/a"]),
    )
    | st.builds(
        Condition,
        st.sampled_from(["StringEquals", "StringLike"]),
        st.just("aws:PrincipalAccount"),
        st.sampled_from([OTHER, "3*", "*4", "*", "4?4444444444"]),
    )
)
principals = st.sampled_from(
    ["*", OTHER, f"arn:aws:iam::{OTHER}:user/a", f"arn:aws:iam::{OTHER}:role/b", f"arn:aws:iam::{OTHER}:role/p/b"]
).map(Principal.parse)
statements = st.lists(
    st.builds(
        lambda principal, found: Statement.allow("s3:*", "*", principals=[principal], conditions=found),
        principals,
        st.lists(conditions, max_size=2, unique_by=lambda c: (c.operator, c.key)),
    ),
    min_size=1,
    max_size=3,
)
callers = st.builds(
    "arn:aws:{}".format,
    st.builds(
        "iam::{}:{}/{}".format,
        st.sampled_from([OTHER, "344444444444", "444444444444", "444444444443", "434444444444", "555555555555"]),
        st.sampled_from(["user", "role"]),
        st.sampled_from(["a", "A", "ab", "b", "p/a", "p/b", "p/q/b", "x", "f", "p/ab"]),
    )
    | st.sampled_from([f"iam::{OTHER}:root", "iam::555555555555:root"])
    | st.sampled_from([f"sts::{OTHER}:federated-user/f", "sts::344444444444:federated-user/fx"]),
)


def seen_by(matchers: list[StatementMatcher], caller: str) -> tuple[bool, ...]:
    """Return for each principal and each condition whether it matches a caller."""
    request = AccessRequest(principal=caller, action="s3:GetObject", resource=TRUST)
    return tuple(
        bool(result)
        for matcher in matchers
        for result in (
            matcher.match_principal(request, has_boundary=False),
            *(condition.evaluate(request.context) for condition in matcher.conditions),
        )
    )


@settings(max_examples=40)
@given(statements, callers)
def test_for_each_caller_there_is_one_that_the_policy_does_not_tell_apart(found: list[Statement], caller: str) -> None:
    patterns = name_patterns(found)
    accounts = [OTHER, *stranger_accounts([OTHER], "aws", found, patterns)]
    assert len(set(accounts)) == len(accounts)
    matchers = compile_document(PolicyDocument(found), "policy", "resource")
    known = {seen_by(matchers, one) for a in accounts for one in callers_of(a, "aws", patterns, federated=True)}
    assert seen_by(matchers, caller) in known


def test_without_patterns_there_is_a_user_a_role_and_the_root_user() -> None:
    assert callers_of(DEV, "aws", []) == [f"arn:aws:iam::{DEV}:{name}" for name in ("user/a", "role/a", "root")]


def test_federated_users_are_callers_of_other_services_than_sts() -> None:
    assert callers_of(DEV, "aws-cn", [], federated=True)[2:] == [
        f"arn:aws-cn:sts::{DEV}:federated-user/a",
        f"arn:aws-cn:iam::{DEV}:root",
    ]


def test_a_stranger_has_an_account_that_is_not_taken() -> None:
    assert account_besides([]) == "666666666666"
    assert account_besides(["666666666666", "666666666667"]) == "666666666668"


@pytest.mark.parametrize(
    ("operator", "key", "value", "number"),
    [
        ("StringEquals", "aws:username", "a1*", 1),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*", 1),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::6666*:role/*", 2),
        ("StringLike", "aws:PrincipalAccount", "1*", 2),
    ],
)
def test_strangers_have_several_accounts_only_if_a_policy_tells_these_apart(
    operator: str, key: str, value: str, number: int
) -> None:
    found = [Statement.allow("s3:*", "*", conditions=[Condition(operator, key, value)])]
    accounts = stranger_accounts([DEV], "aws", found, name_patterns(found))
    assert len(accounts) == number
    assert DEV not in accounts
