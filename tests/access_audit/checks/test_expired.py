"""Expired access: decided by a request that was allowed and is denied now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from tests.access_audit.checks.policies import NOW, OTHER, STRANGER, SURROUNDINGS, subject

from xacct.access_audit.checks.expired import expired
from xacct.access_audit.checks.statement_requests import is_allowed
from xacct.access_audit.finding import Finding
from xacct.policy.times import time_to_text

PAST, FUTURE = time_to_text(NOW - timedelta(days=40)), time_to_text(NOW + timedelta(days=40))
LONG_AGO = time_to_text(NOW - timedelta(days=80))


def trust(condition: object, principal: object = OTHER, **more: object) -> dict[str, object]:
    principals = principal if isinstance(principal, dict) or principal == "*" else {"AWS": principal}
    return {"Principal": principals, "Action": "sts:AssumeRole", "Condition": condition, **more}


@pytest.mark.parametrize(
    "condition",
    [
        {"DateLessThan": {"aws:CurrentTime": PAST}},
        {"DateLessThanEquals": {"aws:CurrentTime": PAST}, "DateGreaterThan": {"aws:CurrentTime": LONG_AGO}},
        {"DateLessThanIfExists": {"aws:CurrentTime": PAST}},
        {"DateLessThan": {"aws:CurrentTime": PAST}, "StringEquals": {"sts:ExternalId": "x-1"}},
        {"DateLessThan": {"aws:CurrentTime": PAST}, "Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"NumericLessThan": {"aws:EpochTime": "1790000000"}},
        {"DateLessThan": {"aws:EpochTime": "1790000000"}},
    ],
)
def test_access_that_has_ended_is_found_with_a_request_that_was_allowed(condition: dict[str, object]) -> None:
    policy = subject(trust(condition))
    (finding,) = expired(policy, SURROUNDINGS)
    assert finding.witness is not None
    assert not is_allowed(finding.witness, policy)
    assert finding.principal == OTHER
    assert finding.detail in f"until {finding.why}"
    earlier = time_to_text(NOW - timedelta(days=79))
    times = {"aws:currenttime": (earlier,), "aws:epochtime": ("1785000000",)}
    context = {key: times.get(key, values) for key, values in finding.witness.context.items()}
    assert is_allowed(evolve(finding.witness, context=context), policy)


@pytest.mark.parametrize(
    "condition",
    [
        {"DateLessThan": {"aws:CurrentTime": FUTURE}},
        {"DateGreaterThan": {"aws:CurrentTime": PAST}},
        {"DateGreaterThan": {"aws:CurrentTime": FUTURE}},  # not yet begun
        {"DateNotEquals": {"aws:CurrentTime": PAST}},
        {"DateLessThan": {"aws:TokenIssueTime": PAST}},  # revoked sessions: new ones are not concerned
        {"DateLessThan": {"aws:CurrentTime": "no date"}},
        # Never allowed: the two dates exclude each other.
        {"DateLessThan": {"aws:CurrentTime": LONG_AGO}, "DateGreaterThan": {"aws:CurrentTime": PAST}},
        {"StringEquals": {"sts:ExternalId": PAST}},
    ],
)
def test_access_that_has_not_ended_is_not_found(condition: dict[str, object]) -> None:
    assert not [one for one in expired(subject(trust(condition)), SURROUNDINGS) if isinstance(one, Finding)]


def test_an_extended_grant_is_not_found_although_its_old_statement_is_there() -> None:
    old, new = (trust({"DateLessThan": {"aws:CurrentTime": date}}) for date in (PAST, FUTURE))
    assert not list(expired(subject(old, new), SURROUNDINGS))


def test_a_deny_after_a_date_is_not_an_expired_allow() -> None:
    deny = trust({"DateGreaterThan": {"aws:CurrentTime": PAST}}, "*", Effect="Deny")
    assert not list(expired(subject(deny, {"Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"}), SURROUNDINGS))


def test_access_that_was_always_denied_has_not_expired() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    assert not list(expired(subject(trust({"DateLessThan": {"aws:CurrentTime": PAST}}), deny), SURROUNDINGS))


def test_two_grants_that_ended_at_different_times_are_different_findings() -> None:
    policy = subject(
        trust({"DateLessThan": {"aws:CurrentTime": PAST}}),
        trust({"DateLessThan": {"aws:CurrentTime": LONG_AGO}}),
        trust({"DateLessThan": {"aws:CurrentTime": PAST}}, STRANGER),
    )
    found = list(expired(policy, SURROUNDINGS))
    assert len({finding.id for finding in found}) == len(found) == 3


@pytest.mark.parametrize(
    "principal", [{"Service": "lambda.amazonaws.com"}, {"AWS": f"arn:aws:iam::{OTHER}:role/ci"}, "*"]
)
def test_principals_of_every_kind_are_found(principal: object) -> None:
    (finding,) = expired(subject(trust({"DateLessThan": {"aws:CurrentTime": PAST}}, principal)), SURROUNDINGS)
    assert finding.witness is not None


def test_a_bucket_policy_is_found() -> None:
    statement = {
        "Principal": {"AWS": OTHER},
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::bucket/*",
        "Condition": {"DateLessThan": {"aws:CurrentTime": PAST}},
    }
    (finding,) = expired(subject(statement, arn="arn:aws:s3:::bucket", service="s3"), SURROUNDINGS)
    assert finding.witness is not None
    assert finding.witness.resource == "arn:aws:s3:::bucket/a"
