"""Grants made of roles: each field is found again in the trust policy, or it is said what a grant cannot express."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from tests.grant_strategies import trust_grants

from xacct import CannotExpress, Condition, PolicyDocument, Principal, RoleRecord, Statement, TrustGrant
from xacct.resources.ownership_tags import GrantIdentity, Run, ownership_tags

S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ARN = "arn:aws:iam::111111111111:role/Reader"


def role_of(grant: TrustGrant) -> RoleRecord:
    """Return the role as AWS has it after the grant was applied."""
    attached = [*grant.managed_policy_arns, *grant.policies, *filter(None, [grant.permissions_boundary])]
    return RoleRecord(
        arn=grant.role_arn,
        trust=PolicyDocument.parse(grant.trust_policy.to_json()),
        description=grant.description,
        max_session_duration=grant.max_session_duration,
        boundary=grant.permissions_boundary,
        tags=ownership_tags(GrantIdentity.of(grant), Run(), tags=grant.tags, attached=attached),
        attached=grant.managed_policy_arns,
        inline={name: PolicyDocument.parse(policy.to_json()) for name, policy in grant.policies.items()},
    )


def normalized(grant: TrustGrant) -> TrustGrant:
    """Return the grant in the form that its trust policy cannot tell from others."""
    people = [principal for principal in grant.principals if principal.kind != "Service"]
    if grant.organization_id is None or not any(principal.is_anyone for principal in people):
        return grant
    # Everybody of an organization is one principal, whichever field says so.
    member = Condition("StringEquals", "aws:PrincipalOrgID", grant.organization_id)
    principals = [
        p if p.kind == "Service" else Principal(p.kind, p.value, dict.fromkeys((*p.conditions, member)))
        for p in grant.principals
    ]
    return evolve(grant, principals=principals, organization_id=None)


@settings(deadline=None)
@given(trust_grants())
def test_the_grant_of_the_role_of_a_grant_is_equal(grant: TrustGrant) -> None:
    assert TrustGrant.from_role(role_of(grant)) == normalized(grant)


def role(*statements: Statement, **fields: Any) -> RoleRecord:
    return RoleRecord(arn=ARN, trust=PolicyDocument(statements), **{"attached": (S3_READ,)} | fields)


ACCOUNT = Principal.parse("222222222222")
ASSUME = Statement.allow("sts:AssumeRole", principals=[ACCOUNT])


@pytest.mark.parametrize(
    ("statement", "item"),
    [
        (Statement(effect="Deny", actions="sts:AssumeRole", principals=[ACCOUNT]), "statement 2 has the effect Deny"),
        (
            Statement(effect="Allow", actions="sts:AssumeRole", not_principals=[ACCOUNT]),
            "statement 2 has NotPrincipal or NotAction",
        ),
        (
            Statement(effect="Allow", not_actions="sts:TagSession", principals=[ACCOUNT]),
            "statement 2 has NotPrincipal or NotAction",
        ),
        (
            Statement.allow("sts:AssumeRole", principals=[Principal.federated("cognito-identity.amazonaws.com")]),
            "statement 2 trusts the identity provider cognito-identity.amazonaws.com",
        ),
        (
            Statement.allow(["sts:AssumeRole", "sts:TagSession"], principals=[ACCOUNT]),
            "statement 2 allows sts:AssumeRole, sts:TagSession together",
        ),
        (
            Statement.allow("sts:AssumeRoleWithSAML", principals=[ACCOUNT]),
            "statement 2 allows sts:AssumeRoleWithSAML together",
        ),
    ],
)
def test_what_a_grant_cannot_express_is_named_by_its_statement(statement: Statement, item: str) -> None:
    with pytest.raises(CannotExpress) as refused:
        TrustGrant.from_role(role(ASSUME, statement))
    assert (refused.value.arn, refused.value.items) == (ARN, (item,))


def test_everything_that_a_grant_cannot_express_is_named_at_once() -> None:
    deny = Statement(effect="Deny", actions="sts:AssumeRole", principals=[ACCOUNT])
    federated = Statement.allow("sts:AssumeRole", principals=[Principal.federated("www.amazon.com")])
    with pytest.raises(CannotExpress, match="statement 2 has the effect Deny; statement 3 trusts the identity"):
        TrustGrant.from_role(role(ASSUME, deny, federated))


def test_a_session_tag_that_nothing_requires_cannot_be_expressed() -> None:
    tags = Statement.allow("sts:TagSession", principals=[ACCOUNT])
    with pytest.raises(CannotExpress) as refused:
        TrustGrant.from_role(role(ASSUME, tags))
    assert refused.value.items == ("statement 2",)


def test_a_role_without_permissions_cannot_be_expressed() -> None:
    with pytest.raises(CannotExpress, match="the role needs permissions"):
        TrustGrant.from_role(role(ASSUME, attached=()))


def test_a_statement_id_does_not_prevent_the_grant() -> None:
    assert TrustGrant.from_role(role(Statement.parse({**ASSUME.to_dict(), "Sid": "Trust"}))).principals == (ACCOUNT,)


def test_an_unknown_condition_is_one_of_the_principal() -> None:
    unknown = Condition("StringEquals", "aws:RequestedRegion", "eu-central-1")
    known = Condition("StringEquals", "sts:ExternalId", "acme-42")
    found = TrustGrant.from_role(
        role(Statement.allow("sts:AssumeRole", principals=[ACCOUNT], conditions=[unknown, known]))
    )
    assert found.external_id == "acme-42"
    assert found.principals == (Principal("AWS", "222222222222", [unknown]),)


@pytest.mark.parametrize(
    "condition",
    [
        Condition("StringEquals", "sts:ExternalId", ["acme-42", "acme-43"]),
        Condition("StringLike", "sts:ExternalId", "acme-*"),
        Condition("Bool", "aws:MultiFactorAuthPresent", "false"),
        Condition("BoolIfExists", "aws:MultiFactorAuthPresent", "true"),
        Condition("NumericLessThan", "aws:MultiFactorAuthAge", "1.5"),
        Condition("DateLessThan", "aws:CurrentTime", "2027-01-31"),
        Condition("DateGreaterThan", "aws:CurrentTime", "2027-01-31T00:00:00Z"),
        Condition("NotIpAddress", "aws:SourceIp", "192.0.2.0/24"),
    ],
    ids=str,
)
def test_a_condition_that_no_field_means_exactly_stays_as_it_is(condition: Condition) -> None:
    statement = Statement.allow("sts:AssumeRole", principals=[ACCOUNT], conditions=[condition])
    found = TrustGrant.from_role(role(statement))
    assert found.principals[0].conditions == (condition,)
    assert found.trust_policy == PolicyDocument([statement])


def test_only_conditions_that_all_statements_have_are_fields() -> None:
    first, second = Condition("StringEquals", "sts:ExternalId", "a1"), Condition("StringEquals", "sts:ExternalId", "b2")
    mfa = Condition("Bool", "aws:MultiFactorAuthPresent", "true")
    other = Principal.parse("333333333333")
    found = TrustGrant.from_role(
        role(
            Statement.allow("sts:AssumeRole", principals=[ACCOUNT], conditions=[first, mfa]),
            Statement.allow("sts:AssumeRole", principals=[other], conditions=[second, mfa]),
        )
    )
    assert (found.require_mfa, found.external_id) == (True, None)
    assert [principal.conditions for principal in found.principals] == [(first,), (second,)]


def test_everybody_of_an_organization_next_to_an_account_and_a_service() -> None:
    grant = TrustGrant(
        account="111111111111",
        principals=[ACCOUNT, Principal.anyone(), Principal.service("ec2.amazonaws.com")],
        managed_policy_arns=[S3_READ],
        organization_id="o-a1b2c3d4e5",
        session_tags={"team": ["data", "web"]},
    )
    member = Condition("StringEquals", "aws:PrincipalOrgID", "o-a1b2c3d4e5")
    people = [statement for statement in grant.trust_policy.statements if ACCOUNT in statement.principals]
    assert [statement.actions for statement in people] == [("sts:AssumeRole",), ("sts:TagSession",)]
    assert all(member in statement.conditions for statement in people)
    assert TrustGrant.from_role(role_of(grant)) == normalized(grant)


def test_session_tags_are_compared_in_any_order() -> None:
    grant = TrustGrant.from_role(role(ASSUME))
    both = [evolve(grant, session_tags={"team": patterns}) for patterns in (["a", "b"], ["b", "a"])]
    assert both[0] == both[1] != grant
