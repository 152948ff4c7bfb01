"""Properties of every decision, and cases at the edges of evaluation."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from xacct.authz import AccessRequest, Decision, PolicySet, evaluate, evaluate_many
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
            {"UnknownOperator": {"a": "b"}},
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
    """For each document, the policies with one more statement in that document."""

    def extended(node: Any, named: bool) -> list[Any]:
        if isinstance(node, dict):
            more = {**statement, "Principal": "*"} if named else statement
            return [{**node, "Statement": [*node["Statement"], more]}]
        return [[*node[:i], new, *node[i + 1 :]] for i, child in enumerate(node) for new in extended(child, named)]

    return [
        {**policies, layer: new}
        for layer, node in policies.items()
        for new in extended(node, layer in ("resource", "rcps", "vpc_endpoint"))
    ]


@settings(deadline=None, max_examples=50)
@given(policy_sets, statements)
def test_adding_a_deny_never_allows_more(policies: dict[str, Any], statement: dict[str, Any]) -> None:
    before = allowed(policies)
    for after in each_with(policies, {**statement, "Effect": "Deny"}):
        assert all(was or not now for was, now in zip(before, allowed(after)))


@settings(deadline=None, max_examples=50)
@given(policy_sets, statements)
def test_adding_an_allow_never_allows_less(policies: dict[str, Any], statement: dict[str, Any]) -> None:
    before = allowed(policies)
    for after in each_with(policies, {**statement, "Effect": "Allow"}):
        assert all(now or not was for was, now in zip(before, allowed(after)))


def reversed_order(node: Any) -> Any:
    if isinstance(node, dict):
        return {**node, "Statement": node["Statement"][::-1]}
    return [reversed_order(child) for child in reversed(node)]


@settings(deadline=None, max_examples=50)
@given(policy_sets)
def test_the_order_of_policies_and_statements_does_not_matter(policies: dict[str, Any]) -> None:
    assert allowed({layer: reversed_order(node) for layer, node in policies.items()}) == allowed(policies)


def canonical(node: Any) -> Any:
    return PolicyDocument.parse(node).to_json() if isinstance(node, dict) else [canonical(child) for child in node]


@settings(deadline=None, max_examples=50)
@given(policy_sets)
def test_the_canonical_form_gives_the_same_decision(policies: dict[str, Any]) -> None:
    assert allowed({layer: canonical(node) for layer, node in policies.items()}) == allowed(policies)


@settings(deadline=None, max_examples=50)
@given(policy_sets)
def test_the_explanation_agrees_with_the_decision(policies: dict[str, Any]) -> None:
    for decision in evaluate_many(REQUESTS, PolicySet(**policies)):
        denying = tuple(dict.fromkeys(layer.name for layer in decision.layers if layer.effect == "ExplicitDeny"))
        assert denying == (decision.decided_by if decision.effect == "ExplicitDeny" else ())
        assert str(decision).startswith(decision.effect)


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=14))
def test_wildcards_agree_with_fnmatch(pattern: str, text: str) -> None:
    assert glob(pattern)(text) is fnmatchcase(text, pattern)


@pytest.mark.parametrize("pattern", ["*a*a*a*a*a*a*a*b", "*a?a*a?a*a?a*b", "a*" * 500 + "b"])
def test_wildcards_do_not_backtrack(pattern: str) -> None:
    start = time.perf_counter()
    assert not glob(pattern)("a" * 1000)
    assert time.perf_counter() - start < 0.5


def test_a_malformed_policy_raises_the_path_of_the_element() -> None:
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
def test_a_malformed_request_raises(wrong: dict[str, str]) -> None:
    right: dict[str, Any] = {"principal": USER, "action": "s3:GetObject", "resource": "arn:aws:s3:::b"}
    with pytest.raises(InvalidValue):
        AccessRequest(**{**right, "resource_account": "1" * 12, **wrong})


def test_given_context_keys_are_not_overwritten() -> None:
    given_arn = "arn:aws:iam::111111111111:role/team/R"
    request = AccessRequest(
        principal="arn:aws:sts::111111111111:assumed-role/R/S",
        action="s3:ListAllMyBuckets",
        resource="*",
        context={"AWS:PrincipalArn": given_arn},
    )
    assert request.context["aws:principalarn"] == (given_arn,)
    assert request.context["aws:principaltype"] == ("AssumedRole",)
    assert not evaluate(request, PolicySet()).allowed


def test_statements_with_a_canonical_user_fail_closed() -> None:
    who = {"Principal": {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}}
    every = {"Action": "*", "Resource": "*", **who}
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **every}]}
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", **every}]}
    assert not evaluate(REQUESTS[0], PolicySet(resource=allow)).allowed
    decision = evaluate(REQUESTS[0], PolicySet(resource=deny))
    assert decision.effect == "ExplicitDeny"
    assert "canonical user ID" in str(decision)


def test_an_allow_with_not_resource_does_not_apply_if_a_variable_has_no_value() -> None:
    statement = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::${aws:PrincipalTag/team}/*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    decision = evaluate(REQUESTS[0], PolicySet(identity=[document]))
    assert not decision.allowed
    assert decision.depends_on == ("aws:principaltag/team",)


def test_an_allow_with_not_principal_excludes_the_principal() -> None:
    for name, expected in ((USER, False), ("arn:aws:iam::111111111111:user/ops", True)):
        statement = {"Effect": "Allow", "NotPrincipal": {"AWS": name}, "Action": "*", "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        assert evaluate(REQUESTS[0], PolicySet(resource=document)).allowed is expected


def test_a_service_is_not_evaluated_against_identity_policies() -> None:
    request = AccessRequest(
        principal="lambda.amazonaws.com", action="sts:AssumeRole", resource="arn:aws:iam::111111111111:role/R"
    )
    assert request.context["aws:principalisawsservice"] == ("true",)
    assert repr(evaluate(request, PolicySet())) == (
        "Decision('ImplicitDeny', action='sts:AssumeRole', decided_by=('resource',))"
    )


def decision_on(statement: dict[str, Any], **request: Any) -> Decision:
    """The decision on a request of a user who may do everything, with one more statement in the identity policy."""
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    statements = [statement] if statement["Effect"] == "Allow" else [allow, statement]
    asked: dict[str, Any] = {
        "principal": USER,
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::b/k",
        "resource_account": "111111111111",
        **request,
    }
    document = {"Version": "2012-10-17", "Statement": statements}
    return evaluate(AccessRequest(**asked), PolicySet(identity=[document]))


@pytest.mark.parametrize(
    ("operator", "wanted", "allow_applies", "deny_applies"),
    [
        ("NumericEquals", "${n}", True, True),
        ("NumericEquals", "8", False, False),
        # The variable's value is not a number.
        ("NumericEquals", "${m}", False, True),
        ("NumericNotEquals", "${m}", False, True),
        ("NumericLessThan", "${infinite}", False, True),
        ("DateLessThan", "${m}", False, True),
        ("IpAddress", "${m}", False, True),
        ("Bool", "${m}", False, True),
        # The variable has several values.
        ("StringEquals", "${several}", False, True),
        ("StringNotEquals", "${several}", False, True),
        ("StringLike", "${several, 'd'}", False, True),
        # The variable has no value: it is equal to nothing.
        ("StringEquals", "${missing}", False, False),
        ("StringNotEquals", "${missing}", True, True),
        ("StringEquals", "${missing, '7'}", True, True),
        # The condition itself is not valid.
        ("NumericEquals", "seven", False, True),
        ("UnknownOperator", "7", False, True),
        ("ForSomeValue:StringEquals", "7", False, True),
        ("Null", "maybe", False, True),
    ],
)
def test_a_condition_that_cannot_be_evaluated_fails_closed(
    operator: str, wanted: str, allow_applies: bool, deny_applies: bool
) -> None:
    context = {"k": "7", "n": "7.0", "m": "seven", "infinite": "Infinity", "several": ["7", "8"]}
    statement = {"Action": "*", "Resource": "*", "Condition": {operator: {"k": wanted}}}
    allow = decision_on({"Effect": "Allow", **statement}, context=context)
    deny = decision_on({"Effect": "Deny", **statement}, context=context)
    assert (allow.allowed, deny.effect == "ExplicitDeny") == (allow_applies, deny_applies)
    unevaluable = deny_applies and not allow_applies
    assert ("cannot be evaluated" in str(allow)) is unevaluable
    assert ("so the Deny is treated as matching" in str(deny)) is unevaluable
    assert ("so the Allow is treated as not matching" in str(allow)) is unevaluable


@pytest.mark.parametrize(
    ("element", "pattern", "allow_applies", "deny_applies"),
    [
        ("Resource", "arn:aws:s3:::${several}/*", False, True),
        ("Resource", ["arn:aws:s3:::${several}/*", "arn:aws:s3:::b/*"], True, True),
        ("NotResource", "arn:aws:s3:::${several}/*", False, True),
        ("NotResource", ["arn:aws:s3:::${several}/*", "arn:aws:s3:::b/*"], False, False),
        # AWS: a variable without a value is equal to nothing and like nothing.
        ("Resource", "arn:aws:s3:::${missing}/*", False, False),
        ("Resource", ["arn:aws:s3:::${missing}/*", "arn:aws:s3:::b/*"], True, True),
        ("NotResource", "arn:aws:s3:::${missing}/*", False, True),
        ("NotResource", ["arn:aws:s3:::${missing}/*", "arn:aws:s3:::b/*"], False, False),
        ("NotResource", ["arn:aws:s3:::${missing}/*", "arn:aws:s3:::c/*"], False, True),
        ("Resource", "arn:aws:s3:::${missing, 'b'}/*", True, True),
        ("Resource", "arn:aws:s3:::${one}/*", True, True),
    ],
)
def test_a_resource_with_an_unresolved_variable_never_widens_access(
    element: str, pattern: str | list[str], allow_applies: bool, deny_applies: bool
) -> None:
    context = {"one": "b", "several": ["b", "c"]}
    allow = decision_on({"Effect": "Allow", "Action": "*", element: pattern}, context=context)
    deny = decision_on({"Effect": "Deny", "Action": "*", element: pattern}, context=context)
    assert (allow.allowed, deny.effect == "ExplicitDeny") == (allow_applies, deny_applies)
    assert ("not evaluated: " in str(deny)) is ("several" in str(pattern))


keys = st.sampled_from(["k", "several", "missing", "text"])
operators = st.sampled_from(
    ["StringEquals", "StringNotLike", "NumericLessThan", "DateNotEquals", "NotIpAddress", "Bool", "ArnLike", "Unknown"]
)


@settings(deadline=None, max_examples=200)
@given(operators, st.sampled_from(["", "ForAllValues:", "ForAnyValue:"]), keys, keys)
def test_what_cannot_be_evaluated_denies_and_does_not_allow(operator: str, prefix: str, key: str, other: str) -> None:
    statement = {"Action": "*", "Resource": "*", "Condition": {prefix + operator: {key: f"${{{other}}}"}}}
    context = {"k": "7", "several": ["7", "8"], "text": "a"}
    allow = decision_on({"Effect": "Allow", **statement}, context=context)
    deny = decision_on({"Effect": "Deny", **statement}, context=context)
    unevaluable = any(layer.unknown for layer in deny.layers)
    assert unevaluable is any(layer.unknown for layer in allow.layers)
    assert deny.effect == ("ExplicitDeny" if unevaluable or allow.allowed else "Allow")
    assert not (unevaluable and allow.allowed)


@pytest.mark.parametrize(
    ("actions", "effect", "action"),
    [
        (["sts:TagSession"], "ImplicitDeny", "sts:AssumeRole"),
        (["sts:AssumeRole"], "ImplicitDeny", "sts:TagSession"),
        (["sts:SetSourceIdentity"], "ImplicitDeny", "sts:AssumeRole"),
        (["sts:AssumeRole", "sts:TagSession"], "ImplicitDeny", "sts:SetSourceIdentity"),
        (["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], "Allow", "sts:AssumeRole"),
    ],
)
def test_every_required_action_must_be_allowed_and_the_first_denied_one_decides(
    actions: list[str], effect: str, action: str
) -> None:
    role = "arn:aws:iam::111111111111:role/R"
    context = {"aws:RequestTag/team": "red", "sts:SourceIdentity": "ada"}
    request = AccessRequest(principal=USER, action="sts:AssumeRole", resource=role, context=context)
    statement = {"Effect": "Allow", "Action": actions}
    trust = {"Version": "2012-10-17", "Statement": [{**statement, "Principal": {"AWS": USER}}]}
    decision = evaluate(request, PolicySet(resource=trust))
    assert (decision.effect, decision.action) == (effect, action)
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}]}
    denied = evaluate(request, PolicySet(resource=trust, identity=[deny]))
    assert (denied.effect, denied.action) == ("ExplicitDeny", "sts:AssumeRole")
    one_denied = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "sts:TagSession", "Resource": "*"}],
    }
    denied = evaluate(request, PolicySet(resource=trust, identity=[one_denied]))
    assert (denied.effect, denied.action) == ("ExplicitDeny", "sts:TagSession")


anything = st.text(max_size=12) | st.sampled_from([
    "1e999999", "-Infinity", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "::ffff:10.0.0.1",
    "fe80::1%eth0", "0.0.0.0/33", "${aws:username}", "${", "${aws:x, '", "arn:aws:iam", "*" * 40, "QQ=", "\ud800", "é",
    "1" * 5000,
])  # fmt: skip
operator_names = st.sampled_from([
    "StringEquals", "StringEqualsIgnoreCase", "StringLike", "NumericLessThan", "DateGreaterThan", "Bool",
    "BinaryEquals", "IpAddress", "NotIpAddress", "ArnLike", "ArnNotLike", "Null", "ForAnyValue:StringLikeIfExists",
    "ForAllValues:", ":",
])  # fmt: skip
odd_conditions = st.dictionaries(
    operator_names | anything, st.dictionaries(anything, st.lists(anything, max_size=2), max_size=2), max_size=2
)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["Allow", "Deny"]),
    st.fixed_dictionaries(
        {"Action": st.sampled_from(["*", "s3:*", "s3.s:*", "iam: x"])},
        optional={
            "Resource": anything | st.lists(anything, min_size=1, max_size=2),
            "Principal": st.sampled_from(["*", {"AWS": USER}, {"Service": "*"}, {"CanonicalUser": "x"}]),
            "Condition": odd_conditions,
        },
    ),
    st.dictionaries(anything, anything | st.none() | st.booleans() | st.integers() | st.lists(anything, max_size=2)),
)
def test_every_document_that_parses_is_evaluated_and_explained_without_an_error(
    effect: str, statement: dict[str, Any], context: dict[str, Any]
) -> None:
    context.pop("aws:PrincipalArn", None)
    try:
        document = PolicyDocument.parse({"Version": "2012-10-17", "Statement": {"Effect": effect, **statement}})
    except PolicyError:
        return
    request = AccessRequest(
        principal=USER, action="s3:GetObject", resource="arn:aws:s3:::b/k", resource_account="1" * 12, context=context
    )
    decision = evaluate(
        request, PolicySet(identity=[document], resource=document, scps=[[document]], rcps=[[document]])
    )
    assert str(decision).startswith(decision.effect)
    assert decision.to_dict()["effect"] == decision.effect
    assert not (effect == "Deny" and decision.allowed)
