"""What holds of every decision, whatever the policies."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from xacct.authz import AccessRequest, PolicySet, evaluate, evaluate_many
from xacct.authz.wildcard import glob
from xacct.errors import InvalidValue, PolicyError
from xacct.policy import PolicyDocument

USER = "arn:aws:iam::111111111111:user/dev"
REQUESTS = [
    AccessRequest(
        principal=principal,
        action="s3:GetObject",
        resource="arn:aws:s3:::b/k",
        resource_account=account,
        context=context,
    )
    for principal in (USER, "arn:aws:sts::111111111111:assumed-role/R/S", "arn:aws:iam::111111111111:root", "*")
    for account in ("111111111111", "222222222222")
    for context in ({}, {"aws:SourceIp": "10.0.0.1"})
]

statements = st.builds(
    lambda effect, action, resource, condition: {
        "Effect": effect,
        "Action": action,
        "Resource": resource,
        **({"Condition": condition} if condition else {}),
    },
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from(["*", "s3:*", "S3:getobject", "ec2:*"]),
    st.sampled_from(["*", "arn:aws:s3:::b/*", "arn:aws:s3:::c/*", "arn:aws:s3:::${aws:username}/*"]),
    st.sampled_from(
        [
            None,
            None,
            {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
            {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
            {"Unheard": {"a": "b"}},
        ]
    ),
)
lists = st.lists(statements, min_size=1, max_size=4)
documents = lists.map(lambda found: {"Version": "2012-10-17", "Statement": found})


def public(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "Statement": [{**s, "Principal": "*"} for s in document["Statement"]]}


policy_sets = st.fixed_dictionaries(
    {"identity": st.lists(documents, max_size=2)},
    optional={
        "resource": documents.map(public),
        "boundary": documents,
        "session": st.lists(documents, min_size=1, max_size=2),
        "scps": st.lists(st.lists(documents, min_size=1, max_size=2), max_size=2),
        "rcps": st.lists(st.lists(documents.map(public), max_size=2), max_size=2),
        "vpc_endpoint": documents.map(public),
    },
)


def allowed(policies: dict[str, Any]) -> list[bool]:
    return [decision.allowed for decision in evaluate_many(REQUESTS, PolicySet(**policies))]


def each_with(policies: dict[str, Any], statement: dict[str, Any]) -> list[dict[str, Any]]:
    """The policies with one more statement in one document, for each document."""

    def grown(node: Any, named: bool) -> list[Any]:
        if isinstance(node, dict):
            more = {**statement, "Principal": "*"} if named else statement
            return [{**node, "Statement": [*node["Statement"], more]}]
        return [[*node[:i], new, *node[i + 1 :]] for i, child in enumerate(node) for new in grown(child, named)]

    return [
        {**policies, layer: new}
        for layer, node in policies.items()
        for new in grown(node, layer in ("resource", "rcps", "vpc_endpoint"))
    ]


@settings(deadline=None, max_examples=50)
@given(policy_sets, statements)
def test_one_more_deny_never_allows_more(policies: dict[str, Any], statement: dict[str, Any]) -> None:
    before = allowed(policies)
    for after in each_with(policies, {**statement, "Effect": "Deny"}):
        assert all(was or not now for was, now in zip(before, allowed(after)))


@settings(deadline=None, max_examples=50)
@given(policy_sets, statements)
def test_one_more_allow_never_allows_less(policies: dict[str, Any], statement: dict[str, Any]) -> None:
    before = allowed(policies)
    for after in each_with(policies, {**statement, "Effect": "Allow"}):
        assert all(now or not was for was, now in zip(before, allowed(after)))


def turned(node: Any) -> Any:
    if isinstance(node, dict):
        return {**node, "Statement": node["Statement"][::-1]}
    return [turned(child) for child in reversed(node)]


@settings(deadline=None, max_examples=50)
@given(policy_sets)
def test_the_order_of_policies_and_statements_does_not_matter(policies: dict[str, Any]) -> None:
    assert allowed({layer: turned(node) for layer, node in policies.items()}) == allowed(policies)


def canonical(node: Any) -> Any:
    return PolicyDocument.parse(node).to_json() if isinstance(node, dict) else [canonical(child) for child in node]


@settings(deadline=None, max_examples=50)
@given(policy_sets)
def test_the_canonical_form_decides_like_the_original(policies: dict[str, Any]) -> None:
    assert allowed({layer: canonical(node) for layer, node in policies.items()}) == allowed(policies)


@settings(deadline=None, max_examples=50)
@given(policy_sets)
def test_the_reasons_agree_with_the_decision(policies: dict[str, Any]) -> None:
    for decision in evaluate_many(REQUESTS, PolicySet(**policies)):
        denying = tuple(dict.fromkeys(layer.name for layer in decision.layers if layer.effect == "ExplicitDeny"))
        assert denying == (decision.decided_by if decision.effect == "ExplicitDeny" else ())
        assert str(decision).startswith(decision.effect)


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=14))
def test_wildcards_agree_with_a_naive_matcher(pattern: str, text: str) -> None:
    assert glob(pattern)(text) is fnmatchcase(text, pattern)


@pytest.mark.parametrize("pattern", ["*a*a*a*a*a*a*a*b", "*a?a*a?a*a?a*b", "a*" * 500 + "b"])
def test_wildcards_do_not_backtrack(pattern: str) -> None:
    start = time.perf_counter()
    assert not glob(pattern)("a" * 1000)
    assert time.perf_counter() - start < 0.5


def test_a_malformed_policy_is_refused_with_the_path_of_the_element() -> None:
    with pytest.raises(PolicyError) as refused:
        PolicySet(identity=[{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resorce": "*"}]}])
    assert refused.value.path == "Statement[0].Resorce"


@pytest.mark.parametrize(
    "wrong",
    [
        {"principal": "dev"},
        {"principal": "arn:aws:iam::111111111111:group/dev"},
        {"action": "s3:*"},
        {"resource": "bucket"},
        {"resource_account": "1"},
        {"resource_account": ""},
    ],
)
def test_a_malformed_request_is_refused(wrong: dict[str, str]) -> None:
    right = {"principal": USER, "action": "s3:GetObject", "resource": "arn:aws:s3:::b", "resource_account": "1" * 12}
    with pytest.raises(InvalidValue):
        AccessRequest(**{**right, **wrong})


def test_what_was_given_is_not_filled_in_again() -> None:
    given_arn = "arn:aws:iam::111111111111:role/team/R"
    request = AccessRequest(
        principal="arn:aws:sts::111111111111:assumed-role/R/S",
        action="sts:GetCallerIdentity",
        resource="*",
        context={"AWS:PrincipalArn": given_arn},
    )
    assert request.context["aws:principalarn"] == (given_arn,)
    assert request.context["aws:principaltype"] == ("AssumedRole",)
    assert not evaluate(request, PolicySet()).allowed


def test_statements_of_a_canonical_user_fail_closed() -> None:
    who = {"Principal": {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}}
    every = {"Action": "*", "Resource": "*", **who}
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **every}]}
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", **every}]}
    assert not evaluate(REQUESTS[0], PolicySet(resource=allow)).allowed
    decision = evaluate(REQUESTS[0], PolicySet(resource=deny))
    assert decision.effect == "ExplicitDeny"
    assert "canonical user id" in str(decision)


def test_an_allow_for_everything_but_an_unresolved_name_does_not_apply() -> None:
    statement = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::${aws:PrincipalTag/team}/*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    decision = evaluate(REQUESTS[0], PolicySet(identity=[document]))
    assert not decision.allowed
    assert decision.depends_on == ("aws:principaltag/team",)


def test_an_allow_for_everybody_but_one_spares_that_one() -> None:
    for name, expected in ((USER, False), ("arn:aws:iam::111111111111:user/ops", True)):
        statement = {"Effect": "Allow", "NotPrincipal": {"AWS": name}, "Action": "*", "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        assert evaluate(REQUESTS[0], PolicySet(resource=document)).allowed is expected


def test_a_boundary_of_another_sort_of_caller_is_not_asked() -> None:
    request = AccessRequest(
        principal="lambda.amazonaws.com", action="sts:AssumeRole", resource="arn:aws:iam::111111111111:role/R"
    )
    assert request.context["aws:principalisawsservice"] == ("true",)
    assert repr(evaluate(request, PolicySet())) == "Decision('ImplicitDeny', decided_by=('resource',))"


@pytest.mark.parametrize(
    ("operator", "wanted", "holds"),
    [("NumericEquals", "${n}", True), ("NumericEquals", "${m}", False), ("StringEquals", "${gone}", False)],
)
def test_a_condition_may_compare_with_a_variable(operator: str, wanted: str, holds: bool) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"k": wanted}}}
    request = AccessRequest(
        principal=USER,
        action="s3:GetObject",
        resource="arn:aws:s3:::b/k",
        resource_account="111111111111",
        context={"k": "7", "n": "7.0", "m": "seven"},
    )
    document = {"Version": "2012-10-17", "Statement": [statement]}
    assert evaluate(request, PolicySet(identity=[document])).allowed is holds
