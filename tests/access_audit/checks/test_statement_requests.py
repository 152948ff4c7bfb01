"""Requests of statements: who sends which keys, and whom a principal stands for."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from tests.access_audit.checks.policies import ACCOUNT, NOW, OTHER, subject

from xacct.access_audit.checks.statement_requests import Asked, callers_named, is_allowed, never_sends
from xacct.authz.caller import identify_caller
from xacct.policy import Principal
from xacct.proof.pattern_classes import TooManyStates

GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
TRUST = subject({"Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"})


@pytest.mark.parametrize(
    ("caller", "key", "expected"),
    [
        ("lambda.amazonaws.com", "aws:multifactorauthpresent", True),
        ("lambda.amazonaws.com", "aws:principaltag/team", True),
        ("lambda.amazonaws.com", "aws:principalservicename", False),
        ("lambda.amazonaws.com", "aws:sourceaccount", False),
        ("lambda.amazonaws.com", "saml:aud", True),
        ("lambda.amazonaws.com", "aws:sourceip", False),
        ("firehose.amazonaws.com", "sts:externalid", False),
        (GITHUB, "sts:externalid", True),
        (GITHUB, "token.actions.githubusercontent.com:sub", False),
        (GITHUB, "token.actions.githubusercontent.com:run_id", True),
        (GITHUB, "gitlab.com:sub", True),
        (GITHUB, "aws:federatedprovider", False),
        (GITHUB, "aws:requesttag/team", False),
        (f"arn:aws:iam::{OTHER}:role/x", "aws:sourcearn", True),
        (f"arn:aws:iam::{OTHER}:role/x", "aws:multifactorauthpresent", False),
        (f"arn:aws:iam::{OTHER}:role/x", "saml:sub", False),
    ],
)
def test_keys_that_a_caller_never_sends(caller: str, key: str, expected: bool) -> None:
    assert never_sends(identify_caller(caller, {}), key) is expected


@pytest.mark.parametrize(
    ("principal", "callers"),
    [
        (Principal("Service", "ec2.amazonaws.com"), ["ec2.amazonaws.com"]),
        (Principal("Service", "nonsense"), []),
        (Principal("Federated", GITHUB), [GITHUB]),
        (Principal("Federated", GITHUB.replace(ACCOUNT, OTHER)), []),
        (Principal("Federated", "accounts.google.com"), ["accounts.google.com"]),
        (Principal("AWS", "AIDACKCEVSQ6C2EXAMPLE"), []),
        (Principal("AWS", f"arn:aws:iam::{OTHER}:role/x"), [f"arn:aws:iam::{OTHER}:role/x"]),
        (Principal("CanonicalUser", "a" * 64), []),
    ],
)
def test_callers_of_a_principal(principal: Principal, callers: list[str]) -> None:
    assert callers_named(principal, TRUST) == callers


def test_an_account_stands_for_its_users_roles_and_root() -> None:
    assert {caller.split(":")[4] for caller in callers_named(Principal("AWS", OTHER), TRUST)} == {OTHER}


def requests(condition: dict[str, Any], **more: Any) -> list[Any]:
    policy = subject({"Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole", "Condition": condition})
    (statement,) = policy.allows
    caller = f"arn:aws:iam::{OTHER}:role/x"
    asked = Asked(subject=policy, statement=statement, caller=caller, action="sts:AssumeRole", now=NOW, **more)
    return [(request, is_allowed(request, policy)) for request in islice(asked.requests(), 20)]


def test_every_request_meets_the_conditions_of_the_statement() -> None:
    found = requests({"StringLike": {"sts:ExternalId": ["a*", "*b"]}, "Bool": {"aws:MultiFactorAuthPresent": "true"}})
    assert len(found) == 3
    assert all(allowed for _, allowed in found)


def test_given_values_take_the_place_of_those_that_policies_tell_apart() -> None:
    ((request, _),) = requests({"StringLike": {"sts:ExternalId": "a*"}}, given={"sts:externalid": [("abc",), ("xyz",)]})
    assert request.context["sts:externalid"] == ("abc",)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"sts:ExternalId": "${aws:PrincipalAccount}"}},
        {"StringEquals": {f"aws:RequestTag/{number}": ["a", "b", "c"] for number in range(9)}},
    ],
    ids=["policy variables", "too many combinations"],
)
def test_what_cannot_be_decided_is_an_error(condition: dict[str, Any]) -> None:
    with pytest.raises(TooManyStates):
        requests(condition, is_complete=True)


def test_a_policy_variable_has_the_value_that_follows_from_the_request() -> None:
    condition = {"StringLike": {"sts:ExternalId": ["a*", "${aws:PrincipalAccount}*"]}}
    assert all(allowed for _, allowed in requests(condition))
    assert requests(condition)
