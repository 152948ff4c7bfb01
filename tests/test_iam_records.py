"""Grants made of policies: each field is found again, or it is said what a grant cannot express."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from tests.grant_strategies import dev_access_grants

from xacct import CannotExpress, Condition, DevAccessGrant, PolicyDocument, PolicyRecord, Statement
from xacct.resources.ownership_tags import GrantIdentity, Run, ownership_tags

ARN = "arn:aws:iam::222222222222:policy/CrossAccountPolicy"
ROLE = "arn:aws:iam::111111111111:role/Reader"


def policy_of(grant: DevAccessGrant) -> PolicyRecord:
    """Return the policy as AWS has it after the grant was applied."""
    users = [*grant.users, *([grant.console_user.name] if grant.console_user else [])]
    kinds: list[tuple[Literal["user", "group", "role"], list[str]]] = [
        ("user", users),
        ("group", [*grant.groups]),
        ("role", [*grant.roles]),
    ]
    principals = [(kind, name) for kind, names in kinds for name in names]
    attached = [f"{kind} {name}" for kind, name in principals]
    return PolicyRecord(
        arn=grant.policy_arn,
        document=PolicyDocument.parse(grant.assume_role_policy.to_json()),
        description=grant.description,
        tags=ownership_tags(GrantIdentity.of(grant), Run(), tags=grant.tags, attached=attached),
        principals=frozenset(principals),
    )


@settings(deadline=None)
@given(dev_access_grants())
def test_the_grant_of_the_policy_of_a_grant_is_equal(grant: DevAccessGrant) -> None:
    assert DevAccessGrant.from_policy(policy_of(grant), console_user=grant.console_user) == grant


ASSUME = Statement.allow("sts:AssumeRole", [ROLE])


@pytest.mark.parametrize(
    ("statements", "item"),
    [
        ([ASSUME, Statement(effect="Deny", actions="s3:*", resources="*")], "an ARN has the form"),
        ([ASSUME, Statement(effect="Deny", actions="s3:*", resources=ROLE)], "statement 2"),
        ([Statement.allow("sts:AssumeRole", "*")], "role_arns"),
        ([Statement.allow("sts:AssumeRole", "arn:aws:iam::111111111111:role/*")], "exactly one IAM role"),
        ([Statement.allow(["sts:AssumeRole", "s3:GetObject"], ROLE)], "statement 1"),
        (
            [Statement.allow("sts:AssumeRole", ROLE, conditions=[Condition("Bool", "aws:SecureTransport", "true")])],
            "statement 1",
        ),
        ([Statement(effect="Allow", not_actions="iam:*", resources=ROLE)], "statement 1"),
        ([Statement(effect="Allow", actions="sts:AssumeRole", not_resources=ROLE)], "at least one role"),
    ],
)
def test_a_policy_that_does_anything_else_cannot_be_expressed(statements: list[Statement], item: str) -> None:
    with pytest.raises(CannotExpress, match=item) as refused:
        DevAccessGrant.from_policy(PolicyRecord(arn=ARN, document=PolicyDocument(statements)))
    assert refused.value.arn == ARN


def test_the_tags_of_aws_and_of_xacct_are_no_tags_of_the_grant() -> None:
    tags = {"aws:cloudformation:stack-name": "x", "xacct:grant": "reports", "team": "data"}
    found = DevAccessGrant.from_policy(PolicyRecord(arn=ARN, document=PolicyDocument([ASSUME]), tags=tags))
    assert (found.name, found.tags) == ("reports", {"team": "data"})
