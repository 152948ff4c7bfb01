"""Every resource belongs to exactly one grant, and no other grant may change or remove it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from typing import Any

import boto3
import pytest
from attrs import evolve, frozen
from botocore.exceptions import ClientError

from xacct import ConsoleUser, DevAccessGrant, TrustGrant, grants_in, s3_read_policy
from xacct.errors import CannotChange, ForeignAttachments, GrantConflict, NotOurs
from xacct.reconcile import Plan, plan
from xacct.resources.ownership_tags import GrantIdentity, Run, ownership_tags, tags_from_list
from xacct.retry import Patience
from xacct.testing import Sandbox

from .accounts import TRUSTED, TRUSTING, Accounts, _snapshot
from .tutorial import EC2_FULL, POLICY, ROLE, S3_READ, USER, plan_tutorial, tutorial

STAGING, PRODUCTION, TEAM_B, TEAM_C = "444444444444", "111111111111", "222222222222", "333333333333"
SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@frozen
class Teams:
    """Two accounts with roles, and the accounts of two teams."""

    aws: Sandbox
    patience: Patience

    def session(self, account: str) -> boto3.Session:
        return self.aws.account(account).session

    def plan(self, *grants: TrustGrant | DevAccessGrant, team: str, trusting: str = PRODUCTION, **options: Any) -> Plan:
        sessions = {"trusting": self.session(trusting), "trusted": self.session(team)}
        return plan(*grants, **sessions, patience=self.patience, **options)

    def assumes(self, team: str, role_arn: str) -> bool:
        try:
            self.session(team).client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")
        except ClientError:
            return False
        return True

    def snapshot(self) -> dict[str, Any]:
        return {account: _snapshot(account) for account in (PRODUCTION, STAGING, TEAM_B, TEAM_C)}


@pytest.fixture
def teams(patience: Patience) -> Iterator[Teams]:
    with Sandbox([PRODUCTION, STAGING, TEAM_B, TEAM_C]) as aws:
        yield Teams(aws, patience)


def grant_of(team: str, *, trusting: str = PRODUCTION, **changes: Any) -> tuple[TrustGrant, DevAccessGrant]:
    arguments = {"principals": team, "managed_policy_arns": S3_READ} | changes
    trust = TrustGrant(account=trusting, **arguments)
    return trust, DevAccessGrant(name=arguments.get("name"), account=team, role_arns=trust.role_arn)


def replan(accounts: Accounts, patience: Patience, *grants: TrustGrant | DevAccessGrant, **options: Any) -> Plan:
    return plan(*grants, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience, **options)


def tags_of(accounts: Accounts) -> dict[str, dict[str, str]]:
    """The tags of the tutorial's role, policy and user, with those that differ from run to run."""
    arn = f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"
    return {
        "role": tags_from_list(accounts.trusting.iam.get_role(RoleName=ROLE)["Role"]["Tags"]),
        "policy": tags_from_list(accounts.trusted.iam.get_policy(PolicyArn=arn)["Policy"]["Tags"]),
        "user": tags_from_list(accounts.trusted.iam.get_user(UserName=USER)["User"]["Tags"]),
    }


def lasting(tags: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The tags that do not differ from run to run."""
    changing = ("xacct:run", "xacct:created")
    return {kind: {key: own[key] for key in own if key not in changing} for kind, own in tags.items()}


# Another grant's resources


@pytest.mark.parametrize("names", [("reports", "logs"), (None, None)], ids=["other names", "default names"])
def test_a_role_of_another_teams_grant_is_refused_before_the_first_change(
    teams: Teams, names: tuple[str | None, str | None]
) -> None:
    first, second = grant_of(TEAM_B, name=names[0]), grant_of(TEAM_C, name=names[1])
    teams.plan(*first, team=TEAM_B).apply()
    before = teams.snapshot()
    with pytest.raises(GrantConflict) as refused:
        teams.plan(*second, team=TEAM_C)

    assert refused.value.account == PRODUCTION
    assert refused.value.names == (f"role {ROLE}",)
    assert refused.value.owner == f"grant '{names[0] or ROLE}' with {TEAM_B}"
    assert refused.value.wanted == f"grant '{names[1] or ROLE}' with {TEAM_C}"
    for way_out in ("another role_name", "widen the existing grant", "adopt=True"):
        assert way_out in str(refused.value)
    assert teams.snapshot() == before
    assert teams.assumes(TEAM_B, first[0].role_arn)
    assert not teams.assumes(TEAM_C, first[0].role_arn)


def test_a_policy_of_another_trusting_account_is_refused_before_the_first_change(teams: Teams) -> None:
    teams.plan(*grant_of(TEAM_B), team=TEAM_B).apply()
    before = teams.snapshot()
    with pytest.raises(GrantConflict) as refused:
        teams.plan(*grant_of(TEAM_B, trusting=STAGING), team=TEAM_B, trusting=STAGING)

    assert refused.value.account == TEAM_B
    assert refused.value.names == (f"policy {POLICY}",)
    assert refused.value.owner == f"grant '{POLICY}' with {PRODUCTION}"
    assert refused.value.wanted == f"grant '{POLICY}' with {STAGING}"
    assert teams.snapshot() == before


def test_grants_with_names_of_their_own_live_side_by_side(teams: Teams) -> None:
    untouched = teams.snapshot()
    plans = [
        teams.plan(*grant_of(team, role_name=f"Reader{team}"), team=team, trusting=PRODUCTION)
        for team in (TEAM_B, TEAM_C)
    ]
    for applied in plans:
        applied.apply()
    assert all(teams.assumes(team, f"arn:aws:iam::{PRODUCTION}:role/Reader{team}") for team in (TEAM_B, TEAM_C))

    plans[0].destroy()
    assert teams.plan(*grant_of(TEAM_C, role_name=f"Reader{TEAM_C}"), team=TEAM_C).is_empty
    assert teams.assumes(TEAM_C, f"arn:aws:iam::{PRODUCTION}:role/Reader{TEAM_C}")
    plans[1].destroy()
    assert teams.snapshot() == untouched


def test_a_grant_can_be_widened_to_another_account(teams: Teams) -> None:
    trust, access = grant_of(TEAM_B)
    teams.plan(trust, access, team=TEAM_B).apply()
    wider = evolve(trust, principals=[TEAM_B, TEAM_C])
    teams.plan(wider, access, team=TEAM_B).apply()
    teams.plan(grant_of(TEAM_C)[1], team=TEAM_C).apply()

    assert teams.assumes(TEAM_B, trust.role_arn)
    assert teams.assumes(TEAM_C, trust.role_arn)
    assert teams.plan(wider, access, team=TEAM_B).is_empty
    # The widened grant belongs to both accounts.
    narrower = teams.plan(evolve(trust, principals=TEAM_C), team=TEAM_C)
    assert {change.action for change in narrower.changes} == {"update"}


def test_an_adopting_grant_takes_over_and_the_former_owner_cannot_remove_it(teams: Teams) -> None:
    former = teams.plan(*grant_of(TEAM_B, name="reports"), team=TEAM_B)
    former.apply()
    role_arn = grant_of(TEAM_B)[0].role_arn
    owner = teams.plan(*grant_of(TEAM_C, name="logs"), team=TEAM_C, adopt=True)
    assert owner.apply()
    assert teams.plan(*grant_of(TEAM_C, name="logs"), team=TEAM_C).is_empty
    assert (teams.assumes(TEAM_B, role_arn), teams.assumes(TEAM_C, role_arn)) == (False, True)

    before = teams.snapshot()
    with pytest.raises(GrantConflict, match=f"grant 'logs' with {TEAM_C}"):
        former.destroy()
    assert teams.snapshot() == before
    owner.destroy()
    former.destroy()
    assert teams.snapshot()[PRODUCTION]["roles"] == {}
    assert teams.snapshot()[TEAM_B]["policies"] == {}


def test_a_plan_that_may_adopt_still_removes_nothing_of_another_grant(teams: Teams) -> None:
    teams.plan(*grant_of(TEAM_B, name="reports"), team=TEAM_B).apply()
    adopting = teams.plan(*grant_of(TEAM_C, name="logs"), team=TEAM_C, adopt=True)
    before = teams.snapshot()
    with pytest.raises(GrantConflict):
        adopting.destroy()

    assert teams.snapshot() == before


def test_a_conflict_is_reported_before_a_resource_that_xacct_did_not_create(teams: Teams) -> None:
    teams.plan(*grant_of(TEAM_B, name="reports"), team=TEAM_B).apply()
    iam = teams.session(TEAM_C).client("iam")
    document = grant_of(TEAM_C)[1].assume_role_policy.to_json()
    iam.create_policy(PolicyName=POLICY, PolicyDocument=document)
    with pytest.raises(GrantConflict):
        teams.plan(*grant_of(TEAM_C, name="logs"), team=TEAM_C)
    with pytest.raises(NotOurs, match=f"policy {POLICY}"):
        teams.plan(grant_of(TEAM_C)[1], team=TEAM_C)


# What is recorded


def test_the_tags_of_every_resource_record_the_grant_the_version_and_the_time(
    accounts: Accounts, patience: Patience
) -> None:
    trust, access = tutorial(name="reports")
    began = datetime.now(timezone.utc).replace(microsecond=0)
    replan(accounts, patience, trust, evolve(access, name="access")).apply()
    tags = tags_of(accounts)

    assert (tags["role"]["xacct:grant"], tags["role"]["xacct:accounts"]) == ("reports", TRUSTED)
    assert (tags["policy"]["xacct:grant"], tags["policy"]["xacct:accounts"]) == ("access", TRUSTING)
    for recorded in tags.values():
        assert recorded["xacct:managed-by"] == "xacct"
        assert recorded["xacct:version"] == version("xacct")
        assert SECOND.fullmatch(recorded["xacct:created"])
        created = datetime.strptime(recorded["xacct:created"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        assert began <= created <= began + timedelta(minutes=5)
    # All resources of a run have the same mark.
    assert len({recorded["xacct:run"] for recorded in tags.values()}) == 1


def test_by_default_a_grant_is_named_after_its_role_or_policy(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience).apply()

    assert [tags_of(accounts)[kind]["xacct:grant"] for kind in ("role", "policy")] == [ROLE, POLICY]


def test_the_creation_stays_recorded_when_a_later_version_changes_the_grant(
    accounts: Accounts, patience: Patience
) -> None:
    plan_tutorial(accounts, patience).apply()
    old = [
        {"Key": "xacct:created", "Value": "2024-02-29T23:59:59Z"},
        {"Key": "xacct:version", "Value": "0.0.1"},
    ]
    accounts.trusting.iam.tag_role(RoleName=ROLE, Tags=old)
    accounts.trusted.iam.tag_policy(PolicyArn=f"arn:aws:iam::{TRUSTED}:policy/{POLICY}", Tags=old)
    accounts.trusted.iam.tag_user(UserName=USER, Tags=old)
    runs = {kind: tags["xacct:run"] for kind, tags in tags_of(accounts).items()}
    assert plan_tutorial(accounts, patience).is_empty
    trust, access = tutorial(external_id="acme-42", tags={"team": "data"})
    replan(accounts, patience, trust, evolve(access, tags={"team": "data"})).apply()

    for kind, tags in tags_of(accounts).items():
        assert (tags["team"], tags["xacct:created"], tags["xacct:version"]) == ("data", "2024-02-29T23:59:59Z", "0.0.1")
        assert tags["xacct:run"] != runs[kind]


# Resources of the version before


def to_version_before(accounts: Accounts) -> None:
    """Leave only the tags that the first version set."""
    tags, arn = tags_of(accounts), f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"
    digests = ownership_tags(GrantIdentity(""), Run(), tags={}, attached=[arn, EC2_FULL])["xacct:attached"]
    accounts.trusted.iam.tag_user(UserName=USER, Tags=[{"Key": "xacct:attached", "Value": digests}])
    kept = ("xacct:managed-by", "xacct:attached")
    dropped = {kind: [key for key in tags[kind] if key not in kept] for kind in tags}
    accounts.trusting.iam.untag_role(RoleName=ROLE, TagKeys=dropped["role"])
    accounts.trusted.iam.untag_policy(PolicyArn=arn, TagKeys=dropped["policy"])
    accounts.trusted.iam.untag_user(UserName=USER, TagKeys=dropped["user"])


def test_resources_of_the_version_before_are_recognized_and_migrated(accounts: Accounts, patience: Patience) -> None:
    untouched = accounts.snapshot()
    plan_tutorial(accounts, patience).apply()
    tags = tags_of(accounts)
    to_version_before(accounts)
    migrating = plan_tutorial(accounts, patience)

    assert {(change.action, change.resource) for change in migrating.changes} == {
        ("update", f"tags of policy {POLICY}"),
        ("update", f"tags of user {USER}"),
        ("update", f"tags of role {ROLE}"),
    }
    migrating.apply()
    assert lasting(tags_of(accounts)) == lasting(tags)
    for kind, recorded in tags_of(accounts).items():
        # The creation is AWS's, to the second.
        assert SECOND.fullmatch(recorded["xacct:created"])
        assert recorded["xacct:created"] <= tags[kind]["xacct:created"][:17] + "59Z"
    assert plan_tutorial(accounts, patience).is_empty
    migrating.destroy()
    assert accounts.snapshot() == untouched


def test_resources_of_the_version_before_can_be_removed(accounts: Accounts, patience: Patience) -> None:
    untouched = accounts.snapshot()
    plan_tutorial(accounts, patience).apply()
    to_version_before(accounts)
    plan_tutorial(accounts, patience).destroy()

    assert accounts.snapshot() == untouched


def test_a_policy_that_left_the_grant_with_the_new_version_is_detached(accounts: Accounts, patience: Patience) -> None:
    trust, access = tutorial()
    replan(accounts, patience, trust, access).apply()
    to_version_before(accounts)
    narrower = trust, evolve(access, console_user=ConsoleUser(USER))
    replan(accounts, patience, *narrower).apply()

    assert accounts.snapshot()[TRUSTED]["users"][USER].attached == [access.policy_arn]
    assert replan(accounts, patience, *narrower).is_empty
    assert not replan(accounts, patience, *narrower).drift


def test_another_grant_does_not_detach_what_the_version_before_attached_to_a_shared_user(
    accounts: Accounts, patience: Patience
) -> None:
    trust, access = tutorial()
    replan(accounts, patience, trust, access).apply()
    to_version_before(accounts)
    other = evolve(access, name="logs", policy_name="Logs", console_user=ConsoleUser(USER))
    replan(accounts, patience, other).apply()

    attached = accounts.snapshot()[TRUSTED]["users"][USER].attached
    assert set(attached) == {access.policy_arn, other.policy_arn, EC2_FULL}
    with pytest.raises(ForeignAttachments):
        replan(accounts, patience, other).destroy()
    replan(accounts, patience, trust, access).apply()
    replan(accounts, patience, other).destroy()
    assert replan(accounts, patience, trust, access).is_empty


def test_names_with_commas_are_recorded_although_tags_cannot_have_any(accounts: Accounts, patience: Patience) -> None:
    untouched = accounts.snapshot()
    trust, access = tutorial(name="reports,logs")
    access = evolve(access, name="reports,logs", policy_name="Use,Reader")
    replan(accounts, patience, trust, access).apply()

    tags = tags_from_list(accounts.trusting.iam.get_role(RoleName=ROLE)["Role"]["Tags"])
    assert tags["xacct:grant"] == "reports:logs"
    assert replan(accounts, patience, trust, access).is_empty
    assert [record.name for record in grants_in(accounts.trusted)] == ["reports,logs"]
    replan(accounts, patience, trust, access).destroy()
    assert accounts.snapshot() == untouched


def test_a_plan_that_would_adopt_removes_nothing_that_it_did_not_adopt(accounts: Accounts, patience: Patience) -> None:
    by_hand = evolve(tutorial()[0], role_name="Others")
    sessions: Any = {"trusting": accounts.trusting, "trusted": accounts.trusted}
    before = accounts.snapshot()
    with pytest.raises(NotOurs, match="role Others"):
        plan(by_hand, **sessions, adopt=True, patience=patience).destroy()

    assert accounts.snapshot() == before


# Renaming and dropping


def changes_of(plan: Plan) -> set[tuple[str, str]]:
    return {(change.action, change.resource) for change in plan.changes}


def test_a_renamed_role_replaces_the_old_one(accounts: Accounts, patience: Patience) -> None:
    untouched = accounts.snapshot()
    trust, access = tutorial(name="reports", policies={"S3Read": s3_read_policy(["reports"])})
    replan(accounts, patience, trust, access).apply()
    renamed = evolve(trust, role_name="Reader"), evolve(access, role_arns=evolve(trust, role_name="Reader").role_arn)
    accounts.log.clear()
    shown = replan(accounts, patience, *renamed)
    assert ("delete", f"role {ROLE}") in {(change.action, change.resource) for change in shown.changes}
    shown.apply()

    roles = accounts.snapshot()[TRUSTING]["roles"]
    assert "Reader" in roles
    assert ROLE not in roles
    writes = accounts.log.writes
    # The old role goes last: until then, its users have access.
    assert writes[-1] == f"trusting DeleteRole {ROLE}"
    assert replan(accounts, patience, *renamed).is_empty
    replan(accounts, patience, *renamed).destroy()
    assert accounts.snapshot() == untouched


def test_a_role_that_is_renamed_by_its_grant_alone_replaces_the_old_one(accounts: Accounts, patience: Patience) -> None:
    trust, _ = tutorial(name="reports")
    replan(accounts, patience, trust).apply()
    renamed = evolve(trust, role_name="Reader")
    assert changes_of(replan(accounts, patience, renamed)) >= {("create", "role Reader"), ("delete", f"role {ROLE}")}
    replan(accounts, patience, renamed).apply()

    assert set(accounts.snapshot()[TRUSTING]["roles"]) == {"Others", "Reader"}
    assert replan(accounts, patience, renamed).is_empty


def test_a_renamed_policy_replaces_the_old_one_on_all_who_have_it(accounts: Accounts, patience: Patience) -> None:
    untouched = accounts.snapshot()
    trust, access = tutorial()
    access = evolve(access, name=trust.name, groups=["others"])
    replan(accounts, patience, trust, access).apply()
    before = accounts.snapshot()[TRUSTED]["users"][USER]
    renamed = evolve(access, policy_name="UseReader")
    shown = replan(accounts, patience, trust, renamed)
    assert changes_of(shown) >= {
        ("create", "policy UseReader"),
        ("attach", f"UseReader to user {USER}"),
        ("detach", f"{POLICY} from user {USER}"),
        ("detach", f"{POLICY} from group others"),
        ("delete", f"policy {POLICY}"),
    }
    assert ("delete", f"user {USER}") not in changes_of(shown)
    shown.apply()

    after = accounts.snapshot()[TRUSTED]
    assert set(after["policies"]) == {renamed.policy_arn, *untouched[TRUSTED]["policies"]}
    assert set(after["users"][USER].attached) == {*before.attached, renamed.policy_arn} - {access.policy_arn}
    assert after["users"][USER].password == before.password
    assert replan(accounts, patience, trust, renamed).is_empty
    assert replan(accounts, patience, trust, renamed).drift == ()
    replan(accounts, patience, trust, renamed).destroy()
    assert accounts.snapshot() == untouched


def test_a_password_that_was_deleted_is_not_set_again_by_a_renaming(accounts: Accounts, patience: Patience) -> None:
    trust, access = tutorial(name="reports")
    access = evolve(access, name="reports")
    replan(accounts, patience, trust, access).apply()
    accounts.trusted.iam.delete_login_profile(UserName=USER)
    replan(accounts, patience, trust, evolve(access, policy_name="UseReader")).apply()

    assert accounts.snapshot()[TRUSTED]["users"][USER].password is None


def test_a_role_and_a_policy_that_are_renamed_together_replace_the_old_ones(
    accounts: Accounts, patience: Patience
) -> None:
    trust, access = tutorial(name="reports")
    access = evolve(access, name="reports")
    replan(accounts, patience, trust, access).apply()
    reader = evolve(trust, role_name="Reader")
    both = reader, evolve(access, policy_name="UseReader", role_arns=reader.role_arn)
    replan(accounts, patience, *both).apply()

    after = accounts.snapshot()
    assert set(after[TRUSTING]["roles"]) == {"Others", "Reader"}
    assert access.policy_arn not in after[TRUSTED]["policies"]
    assert replan(accounts, patience, *both).is_empty


def test_a_policy_that_is_renamed_while_its_user_is_dropped_leaves_nothing(
    accounts: Accounts, patience: Patience
) -> None:
    untouched = accounts.snapshot()
    trust, access = tutorial(name="reports")
    access = evolve(access, name="reports")
    replan(accounts, patience, trust, access).apply()
    renamed = evolve(access, policy_name="UseReader", console_user=None)
    replan(accounts, patience, trust, renamed).apply()

    assert USER not in accounts.snapshot()[TRUSTED]["users"]
    assert replan(accounts, patience, trust, renamed).is_empty
    replan(accounts, patience, trust, renamed).destroy()
    assert accounts.snapshot() == untouched


def test_a_renamed_policy_leaves_the_other_grants_of_a_shared_user_as_they_are(
    accounts: Accounts, patience: Patience
) -> None:
    trust, access = tutorial(name="reports")
    access = evolve(access, name="reports")
    other = DevAccessGrant(name="logs", account=TRUSTED, role_arns=f"{trust.role_arn}Logs", policy_name="Logs")
    other = evolve(other, console_user=access.console_user)
    replan(accounts, patience, trust, access).apply()
    replan(accounts, patience, other).apply()
    renamed = evolve(access, policy_name="UseReader")
    replan(accounts, patience, trust, renamed).apply()

    user = accounts.snapshot()[TRUSTED]["users"][USER]
    assert set(user.attached) == {EC2_FULL, other.policy_arn, renamed.policy_arn}
    assert replan(accounts, patience, other).is_empty
    assert replan(accounts, patience, trust, renamed).is_empty


def test_a_policy_of_the_same_role_that_belongs_to_another_grant_is_not_removed_by_a_renaming(
    accounts: Accounts, patience: Patience
) -> None:
    trust, access = tutorial(name="reports")
    access = evolve(access, name="reports", console_user=None)
    other = evolve(access, name="logs", policy_name="Logs")
    replan(accounts, patience, trust, access, other).apply()
    replan(accounts, patience, trust, evolve(access, policy_name="UseReader")).apply()

    policies = {arn.split("/")[-1] for arn in accounts.snapshot()[TRUSTED]["policies"]}
    assert policies & {POLICY, "Logs", "UseReader"} == {"Logs", "UseReader"}


def test_a_caller_who_may_not_list_is_told_that_old_names_were_not_looked_for(
    accounts: Accounts, patience: Patience, caplog: pytest.LogCaptureFixture
) -> None:
    trust, access = tutorial(name="reports")
    for account in ("trusting", "trusted"):
        accounts.fail_always(f"{account} GetAccountAuthorizationDetails", "denied")
    with caplog.at_level(logging.INFO, "xacct"):
        replan(accounts, patience, trust, evolve(access, name="reports")).apply()

    assert f"not checked in account {TRUSTING} whether a grant had a role of another name" in caplog.text
    assert f"not checked in account {TRUSTED} whether a grant had a policy of another name" in caplog.text


@pytest.mark.parametrize(
    ("name", "listings"), [(None, 0), (ROLE, 0), (f"{ROLE}-{TRUSTED}", 0), ("reports", 2)], ids=str
)
def test_old_names_are_looked_for_only_if_the_grants_name_does_not_come_from_its_role(
    accounts: Accounts, patience: Patience, name: str | None, listings: int
) -> None:
    trust, access = tutorial(name=name)
    replan(accounts, patience, trust, evolve(access, name=trust.name)).apply()

    assert sum("GetAccountAuthorizationDetails" in call for call in accounts.log.calls) == listings


def test_a_role_that_belongs_to_another_grant_is_not_removed_by_a_renaming(
    accounts: Accounts, patience: Patience
) -> None:
    trust, access = tutorial(name="reports")
    other = evolve(trust, name="logs", role_name="Logs")
    both = evolve(access, role_arns=(trust.role_arn, other.role_arn))
    replan(accounts, patience, trust, other, both).apply()
    renamed = evolve(trust, role_name="Reader")
    replan(accounts, patience, renamed, evolve(access, role_arns=renamed.role_arn)).apply()

    roles = set(accounts.snapshot()[TRUSTING]["roles"])
    assert roles == {"Others", "Reader", "Logs"}


def test_a_failed_renaming_keeps_the_old_role(accounts: Accounts, patience: Patience) -> None:
    trust, access = tutorial(name="reports")
    replan(accounts, patience, trust, access).apply()
    before = accounts.snapshot()
    renamed = evolve(trust, role_name="Reader")
    accounts.fail_always("trusting AttachRolePolicy Reader AmazonS3ReadOnlyAccess", "denied")
    with pytest.raises(Exception, match="AmazonS3ReadOnlyAccess to role Reader"):
        replan(accounts, patience, renamed, evolve(access, role_arns=renamed.role_arn)).apply()

    assert accounts.snapshot() == before


@pytest.mark.parametrize("user", [None, ConsoleUser("ada")], ids=["dropped", "renamed"])
def test_a_console_user_that_left_the_grant_is_removed(
    accounts: Accounts, patience: Patience, user: ConsoleUser | None
) -> None:
    untouched = accounts.snapshot()
    trust, access = tutorial()
    replan(accounts, patience, trust, access).apply()
    changed = trust, evolve(access, console_user=user)
    replan(accounts, patience, *changed).apply()

    users = set(accounts.snapshot()[TRUSTED]["users"])
    assert USER not in users
    assert ("ada" in users) == (user is not None)
    assert replan(accounts, patience, *changed).is_empty
    replan(accounts, patience, *changed).destroy()
    assert accounts.snapshot() == untouched


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("attach_user_policy", {"PolicyArn": f"arn:aws:iam::{TRUSTED}:policy/Others"}),
        ("put_user_policy", {"PolicyName": "ByHand", "PolicyDocument": s3_read_policy(["reports"]).to_json()}),
        ("create_access_key", {}),
        ("add_user_to_group", {"GroupName": "others"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_dropped_console_user_with_things_of_others_is_refused_and_nothing_changes(
    accounts: Accounts, patience: Patience, operation: str, request_: dict[str, str]
) -> None:
    trust, access = tutorial()
    replan(accounts, patience, trust, access).apply()
    getattr(accounts.trusted.iam, operation)(UserName=USER, **request_)
    before = accounts.snapshot()
    accounts.log.clear()
    with pytest.raises(ForeignAttachments, match=f"user {USER}"):
        replan(accounts, patience, trust, evolve(access, console_user=None))

    assert accounts.log.writes == []
    assert accounts.snapshot() == before


def test_a_user_that_is_named_now_and_was_the_console_user_keeps_the_policy(
    accounts: Accounts, patience: Patience
) -> None:
    """The user becomes an existing user of the grant, which xacct created for another grant too."""
    trust, access = tutorial()
    replan(accounts, patience, trust, access).apply()
    named = evolve(access, console_user=None, users=USER)
    replan(accounts, patience, trust, named).apply()

    assert access.policy_arn in accounts.snapshot()[TRUSTED]["users"][USER].attached
    assert replan(accounts, patience, trust, named).is_empty


# What AWS cannot change


@pytest.mark.parametrize(
    ("side", "change"), [("role", {"path": "/teams/"}), ("policy", {"description": "Another"})], ids=["path", "text"]
)
def test_what_aws_cannot_change_is_refused_in_the_plan(
    accounts: Accounts, patience: Patience, side: str, change: dict[str, str]
) -> None:
    trust, access = tutorial()
    replan(accounts, patience, trust, access).apply()
    before = accounts.snapshot()
    accounts.log.clear()
    changed = (evolve(trust, **change), access) if side == "role" else (trust, evolve(access, **change))
    with pytest.raises(CannotChange) as refused:
        replan(accounts, patience, *changed)

    ((name, value),) = change.items()
    assert (refused.value.attribute, refused.value.wanted) == (name, value)
    assert refused.value.resource.startswith(side)
    assert accounts.log.writes == []
    assert accounts.snapshot() == before


def test_a_policy_with_another_path_is_refused_without_a_wait(accounts: Accounts) -> None:
    waits: list[float] = []
    patience = Patience(deadline=120, sleep=waits.append)
    trust, access = tutorial()
    replan(accounts, patience, trust, access).apply()
    before = accounts.snapshot()
    waits.clear()
    # IAM finds a policy by its path, and reserves the name for all paths.
    with pytest.raises(Exception, match="path") as refused:
        replan(accounts, patience, trust, evolve(access, path="/teams/")).apply()

    cause = refused.value if isinstance(refused.value, CannotChange) else refused.value.__cause__
    assert isinstance(cause, CannotChange)
    assert (cause.current, cause.wanted) == ("/", "/teams/")
    assert waits == []
    assert accounts.snapshot() == before
