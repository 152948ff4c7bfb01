"""The matrix: the same decisions as one by one, and only the combinations that a statement could match."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings, strategies as st

from xacct.authz import AccessRequest, PolicySet, evaluate, evaluate_matrix, matrix
from xacct.errors import InvalidValue
from xacct.policy import PolicyDocument, Principal, Statement

ACCOUNT, OTHER = "111111111111", "222222222222"
IAM = f"arn:aws:iam::{ACCOUNT}:"
PRINCIPALS = (
    f"{IAM}user/a",
    f"{IAM}role/b",
    f"arn:aws:iam::{OTHER}:user/c",
    f"{IAM}root",
    "lambda.amazonaws.com",
    "*",
)
ACTIONS = ("s3:GetObject", "s3:PutObject", "sts:AssumeRole", "sts:GetCallerIdentity")
RESOURCES = ("arn:aws:s3:::b/a", "arn:aws:s3:::b/c", f"{IAM}role/b", "*")
ACCOUNTS = {resource: ACCOUNT for resource in RESOURCES if ":s3:" in resource}
CONTEXT = {"aws:SourceIp": "10.0.0.1", "aws:userid": "AIDAIOSFODNN7EXAMPLE1"}

names = st.sampled_from([*({"AWS": name} for name in PRINCIPALS[:4]), {"Service": "*"}, {"AWS": OTHER}, "*", None])
statements = st.builds(
    lambda effect, action, resource, condition: {
        "Effect": effect,
        **action,
        **resource,
        **({"Condition": condition} if condition else {}),
    },
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from(
        [{"Action": "*"}, {"Action": ["s3:Get*", "sts:*"]}, {"NotAction": "s3:PutObject"}, {"Action": "S3:*"}]
    ),
    st.sampled_from(
        [
            {"Resource": "*"},
            {"Resource": ["arn:aws:s3:::b/*", f"{IAM}role/*"]},
            {"Resource": "arn:aws:s3:::b/${aws:username, 'a'}"},
            {"NotResource": "arn:aws:s3:::b/a"},
            {"Resource": "arn:aws:s3"},
            {},
        ]
    ),
    st.sampled_from(
        [None, None, {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"Bool": {"aws:SecureTransport": "true"}}]
    ),
)


def documents(*, named: bool) -> st.SearchStrategy[PolicyDocument]:
    with_principals = st.builds(lambda s, name: {**s, "Principal": name} if name else s, statements, names)
    lists = st.lists(with_principals if named else statements, min_size=1, max_size=3)
    return lists.map(lambda found: PolicyDocument.parse({"Version": "2012-10-17", "Statement": found}))


def one_by_one(principals: dict[str, PolicySet], resources: dict[str, PolicySet]) -> list[tuple[str, str, str, str]]:
    found = []
    for principal, side in principals.items():
        for resource, other in resources.items():
            for action in ACTIONS:
                request = AccessRequest(
                    principal=principal,
                    action=action,
                    resource=resource,
                    resource_account=ACCOUNTS.get(resource, ""),
                    context=CONTEXT,
                )
                decision = evaluate(request, side.with_resource_side(other))
                if decision.allowed:
                    found.append((principal, resource, action, str(decision)))
    return found


@settings(deadline=None, max_examples=150)
@given(
    st.fixed_dictionaries({name: st.lists(documents(named=False), max_size=2) for name in PRINCIPALS}),
    st.fixed_dictionaries({name: st.none() | documents(named=True) for name in RESOURCES}),
    st.none() | documents(named=False),
)
def test_the_matrix_has_the_decisions_of_every_combination(
    identity: dict[str, list[PolicyDocument]], policies: dict[str, PolicyDocument | None], scp: PolicyDocument | None
) -> None:
    principals = {p: PolicySet(identity=found, scps=[[scp]] if scp else []) for p, found in identity.items()}
    resources = {resource: PolicySet(resource=policy) for resource, policy in policies.items()}
    decisions = evaluate_matrix(principals, ACTIONS, resources, resource_accounts=ACCOUNTS, context=CONTEXT)
    assert [
        (decision.request.principal, decision.request.resource, decision.action, str(decision))
        for decision in decisions
    ] == one_by_one(principals, resources)


def reader(bucket: str) -> PolicyDocument:
    return PolicyDocument([Statement.allow("s3:Get*", f"arn:aws:s3:::{bucket}/*")])


def evaluated(*arguments: Any, **keywords: Any) -> tuple[int, int]:
    """How many combinations were evaluated, and how many are allowed."""
    with mock.patch.object(matrix, "evaluate", wraps=evaluate) as spy:
        allowed = len(list(evaluate_matrix(*arguments, **keywords)))
    return spy.call_count, allowed


def test_only_combinations_that_an_allow_could_match_are_evaluated() -> None:
    roles = {f"{IAM}role/r{i}": PolicySet(identity=[reader(f"b{i}")]) for i in range(30)}
    objects = [f"arn:aws:s3:::b{i}/k" for i in range(30)]
    accounts = dict.fromkeys(objects, ACCOUNT)
    actions = ["s3:GetObject", "s3:GetObjectTagging", *(f"s3:Put{i}" for i in range(30))]
    assert evaluated(roles, actions, objects, resource_accounts=accounts) == (60, 60)
    closed = PolicyDocument([Statement.deny("*", "*", principals=[Principal.anyone()])])
    sides = {name: PolicySet(resource=closed) for name in objects}
    assert evaluated(roles, actions, sides, resource_accounts=accounts) == (60, 0)
    assert evaluated(roles, ["ec2:RunInstances"], ["*"]) == (0, 0)


def test_a_trust_policy_is_evaluated_for_the_principals_that_it_names() -> None:
    users = {f"{IAM}user/u{i}": PolicySet() for i in range(50)}
    trust = PolicyDocument([Statement.allow("sts:AssumeRole", principals=[Principal.user(ACCOUNT, "u7")])])
    roles = {f"{IAM}role/r{i}": PolicySet(resource=trust) for i in range(3)}
    assert evaluated(users, ["sts:AssumeRole", "sts:TagSession"], roles) == (3, 3)


def test_a_resource_policy_among_the_policies_of_a_principal_applies_to_every_resource() -> None:
    allow = Statement.allow("s3:*", "*", principals=[Principal.user(ACCOUNT, "a")])
    users = {f"{IAM}user/{name}": PolicySet(resource=PolicyDocument([allow])) for name in "ab"}
    accounts = {f"arn:aws:s3:::{name}/k": ACCOUNT for name in "bc"}
    decisions = list(evaluate_matrix(users, ["s3:GetObject"], list(accounts), resource_accounts=accounts))
    assert [(d.request.principal, d.request.resource) for d in decisions] == [
        (f"{IAM}user/a", name) for name in accounts
    ]


def test_no_action_gives_no_decision_and_duplicates_one() -> None:
    roles = {f"{IAM}role/r": PolicySet(identity=[reader("b")])}
    accounts = {"arn:aws:s3:::b/k": ACCOUNT}
    assert list(evaluate_matrix(roles, [], ["*"])) == list(evaluate_matrix(roles, ["s3:GetObject"], [])) == []
    assert evaluated(roles, ["s3:GetObject"] * 2, ["arn:aws:s3:::b/k"] * 2, resource_accounts=accounts) == (1, 1)


@pytest.mark.parametrize(
    ("principal", "action", "resource"),
    [("dev", "s3:GetObject", "*"), (f"{IAM}role/r", "s3:*", "*"), (f"{IAM}role/r", "s3:GetObject", "arn:aws:s3:::b/k")],
)
def test_a_matrix_refuses_what_a_request_refuses(principal: str, action: str, resource: str) -> None:
    for policies in ([], [reader("b")]):
        with pytest.raises(InvalidValue):
            list(evaluate_matrix({principal: PolicySet(identity=policies)}, ["s3:PutObject", action], ["*", resource]))


def test_a_request_with_another_action_is_that_of_a_new_request() -> None:
    context = {"aws:RequestTag/team": "data", "sts:ExternalId": "x"}
    one = AccessRequest(principal=PRINCIPALS[0], action="s3:GetObject", resource=f"{IAM}role/b", context=context)
    new = AccessRequest(principal=PRINCIPALS[0], action="STS:AssumeRole", resource=f"{IAM}role/b", context=context)
    other = one.with_action("STS:AssumeRole")
    assert other == new
    for name in ("actions", "service", "action_name", "caller"):
        assert getattr(other, name) == getattr(new, name)
    assert (one.action, one.actions) == ("s3:GetObject", ("s3:GetObject",))
    with pytest.raises(InvalidValue, match="service:Action"):
        one.with_action("s3:*")
