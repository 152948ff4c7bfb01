"""Whom a TrustGrant intends to let in, field by field."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from xacct import AccessRequest, Condition, Principal, TrustGrant, s3_read_policy
from xacct.proof.intended_callers import is_intended, is_outside, pinned_accounts, pinned_organizations

PROD, DEV, OTHER = "111111111111", "222222222222", "333333333333"
ALICE, ORGANIZATION = f"arn:aws:iam::{DEV}:user/alice", "o-a1b2c3d4e5"
POLICIES = {"read": s3_read_policy(["reports"])}


def grant(**fields: Any) -> TrustGrant:
    return TrustGrant(account=PROD, policies=POLICIES, **{"principals": DEV, **fields})


# Each field with a request's key, a value that meets it, and values that do not.
FIELDS: list[tuple[dict[str, Any], str, str, list[str]]] = [
    ({"external_id": "acme-42"}, "sts:ExternalId", "acme-42", ["acme-43", "ACME-42", "acme-*"]),
    ({"require_mfa": True}, "aws:MultiFactorAuthPresent", "true", ["false"]),
    ({"mfa_max_age": 600}, "aws:MultiFactorAuthAge", "599", ["600", "601"]),
    ({"organization_id": ORGANIZATION}, "aws:PrincipalOrgID", ORGANIZATION, ["o-z9y8x7w6v5"]),
    ({"source_ips": ["10.0.0.0/8", "2001:db8::/32"]}, "aws:SourceIp", "10.255.0.1", ["11.0.0.0", "2001:db9::1"]),
    ({"session_tags": {"Team": "red-*"}}, "aws:RequestTag/Team", "red-1", ["red", "blue-1", "Red-1"]),
    ({"source_identity": ["al?ce", "bob"]}, "sts:SourceIdentity", "alice", ["alce", "carol"]),
    (
        {"expires": datetime(2027, 1, 1, tzinfo=timezone.utc)},
        "aws:CurrentTime",
        "2026-12-31T23:59:59Z",
        ["2027-01-01T00:00:00Z", "2027-01-01T01:00:00Z"],
    ),
]
EVERYTHING = {key: value for _, key, value, _ in FIELDS}


def asks(context: dict[str, str], principal: str = ALICE) -> AccessRequest:
    return AccessRequest(principal=principal, action="sts:AssumeRole", resource=grant().role_arn, context=context)


@pytest.mark.parametrize(("fields", "key", "value", "others"), FIELDS, ids=[key for _, key, _, _ in FIELDS])
def test_a_field_requires_its_key(fields: dict[str, Any], key: str, value: str, others: list[str]) -> None:
    trust = grant(**fields)
    assert not is_outside(trust, asks(EVERYTHING))
    assert not is_outside(trust, asks({**EVERYTHING, key: value}))
    for other in others:
        assert is_outside(trust, asks({**EVERYTHING, key: other})), other
    assert is_outside(trust, asks({name: text for name, text in EVERYTHING.items() if name != key}))


def test_a_field_that_is_not_set_requires_nothing() -> None:
    assert not is_outside(grant(), asks({}))
    assert not is_outside(grant(), asks({key: others[0] for _, key, _, others in FIELDS}))


def test_all_fields_are_required_at_once() -> None:
    fields = {name: value for each, *_ in FIELDS for name, value in each.items()}
    assert not is_outside(grant(**fields), asks(EVERYTHING))
    for key in EVERYTHING:
        assert is_outside(grant(**fields), asks({name: text for name, text in EVERYTHING.items() if name != key}))


def test_several_networks_and_patterns_are_alternatives() -> None:
    assert not is_outside(grant(source_ips=["10.0.0.0/8", "2001:db8::/32"]), asks({"aws:SourceIp": "2001:db8::1"}))
    assert not is_outside(grant(source_identity=["al?ce", "bob"]), asks({"sts:SourceIdentity": "bob"}))
    assert not is_outside(grant(session_tags={"team": ["red", "blue"]}), asks({"aws:RequestTag/TEAM": "blue"}))


@pytest.mark.parametrize(
    ("principal", "inside", "outside"),
    [
        (
            DEV,
            [ALICE, f"arn:aws:iam::{DEV}:role/r", f"arn:aws:iam::{DEV}:root"],
            [f"arn:aws:iam::{OTHER}:user/alice", "*"],
        ),
        (ALICE, [ALICE], [f"arn:aws:iam::{DEV}:user/bob", f"arn:aws:iam::{OTHER}:user/alice"]),
        (
            f"arn:aws:iam::{DEV}:role/ci",
            [f"arn:aws:iam::{DEV}:role/ci", f"arn:aws:sts::{DEV}:assumed-role/ci/build"],
            [f"arn:aws:iam::{DEV}:role/other", f"arn:aws:iam::{OTHER}:role/ci", ALICE],
        ),
        (
            f"arn:aws:sts::{DEV}:assumed-role/ci/build",
            [f"arn:aws:sts::{DEV}:assumed-role/ci/build"],
            [f"arn:aws:sts::{DEV}:assumed-role/ci/other", f"arn:aws:iam::{DEV}:role/ci"],
        ),
        ("lambda.amazonaws.com", ["lambda.amazonaws.com"], ["ec2.amazonaws.com", ALICE, "*"]),
        (
            Principal.permission_set(DEV, "Reader"),
            [f"arn:aws:iam::{DEV}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Reader_{'a' * 16}"],
            [
                f"arn:aws:iam::{DEV}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Reader_all_{'a' * 16}",
                f"arn:aws:iam::{OTHER}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Reader_{'a' * 16}",
                ALICE,
            ],
        ),
    ],
)
def test_each_kind_of_principal(principal: Any, inside: list[str], outside: list[str]) -> None:
    trust = grant(principals=[principal])
    assert [one for one in inside if is_outside(trust, asks({}, one))] == []
    assert [one for one in outside if not is_outside(trust, asks({}, one))] == []


def test_a_service_meets_no_condition_but_the_expiry() -> None:
    expires = datetime(2027, 1, 1, tzinfo=timezone.utc)
    trust = grant(principals=[DEV, "lambda.amazonaws.com"], external_id="acme-42", expires=expires)
    assert not is_outside(trust, asks({"aws:CurrentTime": "2026-01-01T00:00:00Z"}, "lambda.amazonaws.com"))
    assert is_outside(trust, asks({"aws:CurrentTime": "2027-01-01T00:00:00Z"}, "lambda.amazonaws.com"))
    assert is_outside(trust, asks({}, "lambda.amazonaws.com"))


def test_everybody_means_the_members_of_an_organization_or_an_account_that_is_named() -> None:
    stranger = f"arn:aws:iam::{OTHER}:user/x"
    of_organization = grant(principals=[Principal.organization(ORGANIZATION)])
    assert not is_outside(of_organization, asks({"aws:PrincipalOrgID": ORGANIZATION}, stranger))
    assert is_outside(of_organization, asks({"aws:PrincipalOrgID": "o-z9y8x7w6v5"}, stranger))
    assert is_outside(of_organization, asks({}, stranger))

    named = [Condition("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{OTHER}:user/*")]
    of_account = grant(principals=[Principal("AWS", "*", named)])
    assert not is_outside(of_account, asks({}, stranger))
    assert is_outside(of_account, asks({}, f"arn:aws:iam::{OTHER}:role/x"))
    assert is_outside(of_account, asks({}, ALICE))


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringLike", "aws:PrincipalOrgID", "o-*"),
        ("StringNotEquals", "aws:PrincipalOrgID", "o-z9y8x7w6v5"),
        ("StringEqualsIfExists", "aws:PrincipalOrgID", ORGANIZATION),
        ("Bool", "aws:SecureTransport", "true"),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/Admin"),
        ("StringLike", "aws:userid", "*"),
    ],
)
def test_everybody_under_a_condition_that_names_nobody_means_nobody(operator: str, key: str, value: str) -> None:
    trust = grant(principals=[Principal("AWS", "*", [Condition(operator, key, value)])])
    context = {"aws:PrincipalOrgID": ORGANIZATION, "aws:SecureTransport": "true", "aws:userid": "AROAEXAMPLE:x"}
    assert is_outside(trust, asks(context, f"arn:aws:iam::{OTHER}:role/Admin"))


def test_a_principal_is_told_apart_from_others_of_the_grant() -> None:
    trust = grant(principals=[ALICE, f"arn:aws:iam::{OTHER}:role/ci"])
    first, second = trust.principals
    assert {first.value, second.value} == {ALICE, f"arn:aws:iam::{OTHER}:role/ci"}
    by_value = {principal.value: principal for principal in trust.principals}
    assert is_intended(trust, by_value[ALICE], asks({}))
    assert not is_intended(trust, by_value[f"arn:aws:iam::{OTHER}:role/ci"], asks({}))


def test_the_organizations_and_accounts_that_only_conditions_name() -> None:
    principals = [
        Principal.organization(ORGANIZATION),
        Principal("AWS", "*", [Condition("StringEquals", "aws:PrincipalAccount", [OTHER])]),
        Principal("AWS", "*", [Condition("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{DEV}:role/*")]),
        Principal("AWS", "*", [Condition("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*")]),
        Principal("AWS", "*", [Condition("StringLike", "aws:PrincipalOrgID", "o-*")]),
    ]
    trust = grant(principals=principals)
    assert pinned_organizations(trust) == {ORGANIZATION}
    assert pinned_accounts(trust) == {DEV, OTHER}
    assert pinned_organizations(grant(organization_id="o-z9y8x7w6v5")) == {"o-z9y8x7w6v5"}
