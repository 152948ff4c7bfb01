"""The arguments of grant_cross_account_read: what is refused, and what is noted."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from tests.two_accounts import TRUSTED, TRUSTING, TwoAccounts, two_accounts

from xacct import InvalidValue, PermissionMissing, Plan, Principal, grant_cross_account_read, plan
from xacct.testing import Sandbox

OTHER = "333333333333"


@pytest.fixture
def accounts() -> Iterator[TwoAccounts]:
    with two_accounts() as accounts:
        yield accounts


def planned(accounts: TwoAccounts, **options: Any) -> Plan:
    return grant_cross_account_read(accounts.production, accounts.development, dry_run=True, **options)


@pytest.mark.parametrize(
    "principal",
    [OTHER, Principal.account(OTHER), Principal.user(OTHER, "dev"), f"arn:aws:iam::{OTHER}:role/Builder", TRUSTING],
    ids=str,
)
def test_a_principal_of_another_account_is_refused_and_nothing_changes(accounts: TwoAccounts, principal: Any) -> None:
    with pytest.raises(InvalidValue, match=f"principals: .* a principal of the trusted account, which is {TRUSTED}"):
        accounts.grant(principals=[TRUSTED, principal])
    assert accounts.writes() == []


def test_the_trust_of_a_whole_account_is_noted_once_in_the_plan_and_in_the_log(
    accounts: TwoAccounts, caplog: pytest.LogCaptureFixture
) -> None:
    proposal = planned(accounts)
    (note,) = proposal.notes
    assert note == (
        f"role CrossAccountRoleS3 trusts every user and role of account {TRUSTED} whose own policies allow assuming "
        "it. To trust fewer, set principals to their ARNs"
    )
    assert str(proposal).count("trusts every user and role") == 1
    with caplog.at_level(logging.INFO, "xacct"):
        accounts.grant()
        accounts.grant()
    assert caplog.text.count("trusts every user and role") == 1


def test_named_principals_need_no_note(accounts: TwoAccounts) -> None:
    accounts.development.client("iam").create_user(UserName="dev")
    assert planned(accounts, principals=[Principal.user(TRUSTED, "dev")]).notes == ()


def test_a_third_party_without_an_external_id_is_refused_before_the_first_call(accounts: TwoAccounts) -> None:
    with pytest.raises(InvalidValue, match="external_id: None is not valid: a third party's role needs an external ID"):
        accounts.grant(third_party=True)
    assert accounts.aws.calls == []


def test_a_third_party_with_an_external_id_gets_access_only_with_it(accounts: TwoAccounts) -> None:
    access = accounts.grant(third_party=True, external_id="0f8fad5b-d9cb-469f-a165-70867728950e")
    assert access.verify().ok
    with pytest.raises(accounts.development.client("sts").exceptions.ClientError, match="AccessDenied"):
        accounts.development.client("sts").assume_role(RoleArn=access.role_arn, RoleSessionName="test")


def create_organization(accounts: TwoAccounts) -> str:
    organizations = accounts.production.client("organizations")
    organization = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    accounts.aws.calls.clear()
    return str(organization)


def test_an_account_outside_the_organization_is_refused_without_an_external_id(accounts: TwoAccounts) -> None:
    organization = create_organization(accounts)
    with pytest.raises(
        InvalidValue,
        match=f"external_id: None is not valid: account {TRUSTED} does not belong to your organization, {organization},"
        " and a third party's role needs an external ID.* If the account is yours, pass third_party=False",
    ):
        accounts.grant()
    assert accounts.writes() == []


@pytest.mark.parametrize(
    "options",
    [
        {"external_id": "0f8fad5b-d9cb"},
        {"third_party": False},
        {"organization_id": "o-abcdefghij", "require_mfa": True},
    ],
    ids=str,
)
def test_the_organization_is_not_read_if_it_does_not_matter(accounts: TwoAccounts, options: dict[str, Any]) -> None:
    create_organization(accounts)
    assert accounts.grant(**options).changes
    assert "DescribeOrganization" not in [call.operation for call in accounts.aws.calls]


def test_an_account_of_the_organization_needs_no_external_id(accounts: TwoAccounts) -> None:
    accounts.aws.organization({"/": [TRUSTED]}, management=TRUSTING)
    accounts.aws.calls.clear()
    assert accounts.grant().changes
    assert [call.operation for call in accounts.aws.calls].count("DescribeOrganization") == 2


def test_without_an_organization_no_account_is_a_third_party(accounts: TwoAccounts) -> None:
    assert accounts.grant().changes
    assert [call.operation for call in accounts.aws.calls].count("DescribeOrganization") == 1


def test_the_organization_is_read_only_if_the_trust_changes(accounts: TwoAccounts) -> None:
    accounts.grant()
    create_organization(accounts)
    assert accounts.grant(description="Another").changes
    assert "DescribeOrganization" not in [call.operation for call in accounts.aws.calls]
    with pytest.raises(InvalidValue, match="does not belong to your organization"):
        accounts.grant(require_mfa=True)


def test_a_caller_who_may_not_read_the_organization_is_not_refused(
    accounts: TwoAccounts, caplog: pytest.LogCaptureFixture
) -> None:
    create_organization(accounts)
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "organizations:*", "Resource": "*"}}
    iam = accounts.development.client("iam")
    iam.put_user_policy(UserName="Administrator", PolicyName="Deny", PolicyDocument=json.dumps(deny))
    with caplog.at_level(logging.INFO, "xacct"):
        assert accounts.grant().changes
    assert f"It was not checked whether account {TRUSTED} belongs to your organization" in caplog.text
    assert "organizations:DescribeOrganization" in caplog.text


def test_one_account_on_both_sides_is_no_third_party(accounts: TwoAccounts) -> None:
    create_organization(accounts)
    both = accounts.production
    assert grant_cross_account_read(both, both).changes


@pytest.mark.parametrize(("external_id", "is_noted"), [("abcde", True), ("abcdef", False)])
def test_a_short_external_id_is_noted(accounts: TwoAccounts, external_id: str, is_noted: bool) -> None:
    notes = [note for note in planned(accounts, external_id=external_id).notes if "external ID" in note]
    assert bool(notes) is is_noted
    assert all("has only 5 characters, so it can be guessed" in note for note in notes)


def test_an_external_id_that_another_role_requires_is_noted(
    accounts: TwoAccounts, caplog: pytest.LogCaptureFixture
) -> None:
    accounts.grant(role_name="First", policy_name="First", external_id="customer-17")
    accounts.grant(role_name="Other", policy_name="Other", external_id="customer-18")
    with caplog.at_level(logging.INFO, "xacct"):
        accounts.grant(role_name="Second", policy_name="Second", external_id="customer-17")
    note = f"role First in account {TRUSTING} requires the same external ID: use another one for each third party"
    assert caplog.text.count("requires the same external ID") == caplog.text.count(note) == 1


def test_the_external_id_of_the_grant_itself_is_not_reused(accounts: TwoAccounts) -> None:
    accounts.grant(external_id="customer-17")
    assert [note for note in planned(accounts, external_id="customer-17").notes if "same external ID" in note] == []


def test_roles_that_cannot_be_listed_are_noted_and_do_not_prevent_the_grant(accounts: TwoAccounts) -> None:
    accounts.aws.faults.add("denied", operation="ListRoles")
    notes = planned(accounts, external_id="customer-17").notes
    assert any("it was not checked whether other roles require the same external ID" in note for note in notes)


def test_the_bucket_of_another_account_is_refused_and_nothing_changes(accounts: TwoAccounts) -> None:
    where: Any = {"LocationConstraint": "eu-central-1"}
    accounts.development.client("s3").create_bucket(Bucket="theirs", CreateBucketConfiguration=where)
    accounts.aws.calls.clear()
    rule = f"a bucket of the trusting account: account {TRUSTING} has no bucket of this name"
    with pytest.raises(InvalidValue, match=f"buckets: 'theirs' is not valid: {rule}"):
        accounts.grant(buckets=["theirs"])
    assert accounts.writes() == []


def test_an_own_bucket_that_cannot_be_read_is_a_missing_permission(accounts: TwoAccounts) -> None:
    accounts.bucket("reports")
    accounts.production.client("s3").put_bucket_policy(
        Bucket="reports",
        Policy='{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*",'
        '"Action":"s3:GetEncryptionConfiguration","Resource":"arn:aws:s3:::reports"}}',
    )
    with pytest.raises(PermissionMissing, match="s3:GetEncryptionConfiguration"):
        accounts.grant(buckets=["reports"])


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"path": "team"}, "path"),
        ({"description": "x" * 1001}, "description"),
        ({"policy_description": "x" * 1001}, "policy_description"),
        ({"groups": "developers"}, "groups"),
        ({"source_ips": "192.0.2.0/24"}, "source_ips"),
        ({"color": "mauve"}, "color"),
        ({"display_name": "a\nb"}, "display_name"),
    ],
)
def test_an_invalid_argument_is_refused_before_the_first_call(
    accounts: TwoAccounts, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        accounts.grant(**options)
    assert refused.value.field == field
    assert accounts.aws.calls == []


@pytest.mark.parametrize(
    "options",
    [
        {"source_ips": ["192.0.2.0/33"]},
        {"organization_id": "example"},
        {"permissions_boundary": "Boundary"},
        {"groups": ["a b"]},
    ],
    ids=str,
)
def test_an_invalid_argument_of_the_grants_is_refused_and_nothing_changes(
    accounts: TwoAccounts, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue):
        accounts.grant(**options)
    assert accounts.writes() == []


def test_a_dry_run_returns_the_plan_and_changes_nothing(accounts: TwoAccounts) -> None:
    proposal = planned(accounts, name="reports")
    assert isinstance(proposal, Plan)
    assert [grant.name for grant in proposal.grants] == ["reports", "reports"]
    assert sorted(change.action for change in proposal.changes) == ["attach", "create", "create"]
    assert accounts.writes() == []
    proposal.apply()
    assert accounts.grant(name="reports").changes == ()


def test_a_dry_run_of_a_lease_that_exists_shows_the_later_end(accounts: TwoAccounts) -> None:
    later = accounts.in_hours(5)
    accounts.grant(expires=later)
    proposal = planned(accounts, expires=accounts.in_hours(2))
    assert proposal.is_empty
    assert [grant.expires for grant in proposal.grants] == [later, later]


def test_the_two_grants_of_a_plan_can_be_applied_on_their_own(accounts: TwoAccounts) -> None:
    grants = planned(accounts).grants
    assert len(plan(*grants, trusting=accounts.production, trusted=accounts.development).apply()) == 3


def test_one_account_can_be_both_sides() -> None:
    with Sandbox([TRUSTING]) as aws:
        session = aws.account(TRUSTING).session
        access = grant_cross_account_read(session, session)
        assert access.trust.account == access.dev_access.account == TRUSTING
        assert access.verify().ok
        assert access.drift == ()
        access.revoke()
        assert session.client("iam").list_roles()["Roles"] == []
