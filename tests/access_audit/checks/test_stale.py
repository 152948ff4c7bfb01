"""Stale principals: unique IDs in Principal and NotPrincipal."""

from __future__ import annotations

import pytest
from tests.access_audit.checks.policies import OTHER, SURROUNDINGS, subject

from xacct.access_audit.checks.stale import stale_principal

USER, DELETED_ROLE = "AIDACKCEVSQ6C2EXAMPLE", "AROADBQP57FF2AEXAMPLE"


def test_a_deleted_user_and_a_deleted_role_are_found_once_each() -> None:
    policy = subject(
        {"Principal": {"AWS": [USER, DELETED_ROLE]}, "Action": "sts:AssumeRole"},
        {"Principal": {"AWS": USER}, "Action": "sts:TagSession"},
    )
    found = list(stale_principal(policy, SURROUNDINGS))
    assert {finding.principal: len(finding.statements) for finding in found} == {USER: 2, DELETED_ROLE: 1}
    assert "a user that was deleted" in found[0].why
    assert "a role that was deleted" in found[1].why
    assert len({finding.id for finding in found}) == 2


@pytest.mark.parametrize(
    ("statement", "effect"),
    [
        ({"Effect": "Deny", "NotPrincipal": {"AWS": USER}, "Action": "s3:*", "Resource": "*"}, "no longer excludes"),
        ({"Effect": "Deny", "Principal": {"AWS": USER}, "Action": "s3:*", "Resource": "*"}, "Deny no longer applies"),
        ({"Principal": {"AWS": USER}, "Action": "s3:*", "Resource": "*"}, "gives access to nobody"),
    ],
)
def test_the_explanation_says_what_the_id_no_longer_does(statement: dict[str, object], effect: str) -> None:
    (finding,) = stale_principal(subject(statement, arn="arn:aws:s3:::bucket", service="s3"), SURROUNDINGS)
    assert effect in finding.why


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": {"AWS": f"arn:aws:iam::{OTHER}:user/AIDACKCEVSQ6C2EXAMPLE"}, "Action": "sts:AssumeRole"},
        {"Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole", "Condition": {"StringLike": {"aws:userid": USER}}},
        {"Principal": "*", "Action": "sts:AssumeRole"},
        {"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
)
def test_names_that_look_like_ids_are_not_found(statement: dict[str, object]) -> None:
    assert not list(stale_principal(subject(statement), SURROUNDINGS))
