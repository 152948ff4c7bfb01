"""What a plan shows, changes and leaves alone."""

from __future__ import annotations

import json
import pickle

import pytest

from xacct import ConsoleUser, DevAccessGrant, TrustGrant, s3_read_policy
from xacct.errors import ApplyFailed, InvalidValue, NotOurs, PermissionMissing, WrongAccount
from xacct.reconcile import Plan, plan
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import EC2_FULL, EC2_READ, POLICY, ROLE, S3_READ, USER, plan_tutorial, tutorial

REPORTS, LOGS = s3_read_policy(["reports"]), s3_read_policy(["logs"])


def plan_access(accounts: Accounts, patience: Patience, **changes: object) -> Plan:
    """The trusted account's side alone."""
    wanted = {"role_arns": f"arn:aws:iam::{TRUSTING}:role/{ROLE}"} | changes
    grant = DevAccessGrant(account=TRUSTED, **wanted)  # type: ignore[arg-type]
    return plan(grant, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)


def plan_trust(accounts: Accounts, patience: Patience, *, adopt: bool = False, **changes: object) -> Plan:
    """The trusting account's side alone."""
    return plan(
        tutorial(**changes)[0],
        trusting=accounts.trusting,
        trusted=accounts.trusted,
        patience=patience,
        adopt=adopt,
    )


def test_it_shows_what_would_be_made_and_makes_nothing(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    shown = plan_tutorial(accounts, patience)

    assert [(change.action, change.resource, change.account) for change in shown.changes] == [
        ("create", f"policy {POLICY}", TRUSTED),
        ("create", f"user {USER}", TRUSTED),
        ("create", f"console sign-in of user {USER}", TRUSTED),
        ("attach", f"AmazonEC2FullAccess to user {USER}", TRUSTED),
        ("attach", f"{POLICY} to user {USER}", TRUSTED),
        ("create", f"role {ROLE}", TRUSTING),
        ("attach", f"AmazonS3ReadOnlyAccess to role {ROLE}", TRUSTING),
    ]
    assert not shown.is_empty
    assert accounts.snapshot() == before
    assert json.loads(json.dumps(shown.to_dict()))["is_empty"] is False


def test_the_tutorials_grant_is_made_as_the_tutorial_says(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience).apply()
    iam = accounts.trusting.iam

    role = iam.get_role(RoleName=ROLE)["Role"]
    assert role["Description"] == "A Role to delegate S3 access to another AWS account"
    attached = iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [S3_READ]
    assert accounts.log.requests[f"trusted CreateLoginProfile {USER}"]["PasswordResetRequired"] == "false"
    policy = accounts.trusted.iam.get_policy(PolicyArn=f"arn:aws:iam::{TRUSTED}:policy/{POLICY}")["Policy"]
    assert policy["Description"] == "Policy for Cross Account Access"


def test_a_changed_trust_is_shown_as_the_lines_that_differ(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience).apply()
    changed = plan_tutorial(accounts, patience, external_id="abc")

    (change,) = changed.changes
    assert (change.action, change.resource) == ("update", f"trust policy of role {ROLE}")
    assert ["+", '"sts:ExternalId":', '"abc"'] in [line.split() for line in change.detail.splitlines()]
    assert change.detail in str(changed).replace("\n    ", "\n")
    changed.apply()
    assert plan_tutorial(accounts, patience, external_id="abc").is_empty


@pytest.mark.parametrize(
    "wanted",
    [
        {"description": "Another", "max_session_duration": 7200},
        {"permissions_boundary": S3_READ},
        {"tags": {"team": "data"}},
        {"policies": {"S3Read": LOGS}},
        {"policies": {"Other": REPORTS}, "managed_policy_arns": EC2_READ},
        {"policies": {}},
        {"managed_policy_arns": ()},
        {"principals": [TRUSTED, "ec2.amazonaws.com"]},
    ],
    ids=lambda wanted: ", ".join(wanted),
)
def test_every_part_of_a_role_is_brought_to_what_is_wanted_and_back(
    accounts: Accounts, patience: Patience, wanted: dict[str, object]
) -> None:
    untouched = accounts.snapshot()
    first: dict[str, object] = {"policies": {"S3Read": REPORTS}}
    made = plan_trust(accounts, patience, **first)
    made.apply()
    before = accounts.snapshot()

    assert plan_trust(accounts, patience, **first | wanted).apply()
    assert plan_trust(accounts, patience, **first | wanted).is_empty
    assert plan_trust(accounts, patience, **first).apply() or "tags" in wanted
    assert plan_trust(accounts, patience, **first).is_empty
    if "tags" not in wanted:  # tags that are no longer wanted may be somebody else's by now, and stay
        assert accounts.snapshot() == before
    made.destroy()
    assert accounts.snapshot() == untouched


def test_a_narrower_grant_takes_away_what_it_gave_and_leaves_what_others_gave(
    accounts: Accounts, patience: Patience
) -> None:
    plan_trust(accounts, patience, policies={"S3Read": REPORTS, "More": LOGS}).apply()
    iam = accounts.trusting.iam
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=f"arn:aws:iam::{TRUSTING}:policy/Others")
    iam.put_role_policy(RoleName=ROLE, PolicyName="ByHand", PolicyDocument=LOGS.to_json())
    narrower = plan_trust(accounts, patience, managed_policy_arns=(), policies={"S3Read": REPORTS})

    assert {(change.action, change.resource) for change in narrower.changes} == {
        ("detach", f"AmazonS3ReadOnlyAccess from role {ROLE}"),
        ("detach", f"inline policy More from role {ROLE}"),
        ("update", f"tags of role {ROLE}"),
        ("leave", f"policy arn:aws:iam::{TRUSTING}:policy/Others on role {ROLE}"),
        ("leave", f"inline policy ByHand on role {ROLE}"),
    }
    narrower.apply()
    role = accounts.snapshot()[TRUSTING]["roles"][ROLE]
    assert role.attached == [f"arn:aws:iam::{TRUSTING}:policy/Others"]
    assert set(role.inline) == {"S3Read", "ByHand"}


def test_a_console_user_loses_what_the_grant_no_longer_gives(accounts: Accounts, patience: Patience) -> None:
    plan_access(accounts, patience, console_user=ConsoleUser(USER, managed_policy_arns=EC2_FULL)).apply()
    accounts.trusted.iam.attach_user_policy(UserName=USER, PolicyArn=f"arn:aws:iam::{TRUSTED}:policy/Others")
    plan_access(accounts, patience, console_user=ConsoleUser(USER)).apply()

    attached = accounts.snapshot()[TRUSTED]["users"][USER].attached
    assert attached == [f"arn:aws:iam::{TRUSTED}:policy/{POLICY}", f"arn:aws:iam::{TRUSTED}:policy/Others"]


def test_users_groups_and_roles_are_given_the_policy_and_keep_all_else(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    wanted = {"users": "others", "groups": "others", "roles": "Others"}
    made = plan_access(accounts, patience, **wanted)
    made.apply()

    assert plan_access(accounts, patience, **wanted).is_empty
    now, arn = accounts.snapshot()[TRUSTED], f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"
    assert arn in now["users"]["others"].attached
    assert arn in now["groups"]["others"].attached
    assert arn in now["roles"]["Others"].attached
    made.destroy()
    assert accounts.snapshot() == before


def test_those_whom_the_grant_no_longer_names_lose_the_policy(accounts: Accounts, patience: Patience) -> None:
    plan_access(accounts, patience, users="others", groups="others", roles="Others").apply()
    narrower = plan_access(accounts, patience, roles="Others")

    assert {change.resource for change in narrower.changes if change.action == "detach"} == {
        f"{POLICY} from user others",
        f"{POLICY} from group others",
    }
    narrower.apply()
    assert plan_access(accounts, patience, roles="Others").is_empty
    assert accounts.snapshot()[TRUSTED]["users"]["others"].attached == []


def test_a_policy_that_somebody_gave_to_another_is_shown_and_left(accounts: Accounts, patience: Patience) -> None:
    plan_access(accounts, patience, roles="Others").apply()
    arn = f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"
    accounts.trusted.iam.attach_user_policy(UserName="others", PolicyArn=arn)
    shown = plan_access(accounts, patience, roles="Others")

    assert shown.is_empty
    assert [str(change) for change in shown.changes] == [
        f"leave policy {POLICY} on user others in the trusted account {TRUSTED}"
    ]
    assert f"= leave policy {POLICY} on user others in the trusted account {TRUSTED} (not created by xacct)" in str(
        shown
    )


def test_a_policy_that_changes_often_never_runs_out_of_versions(accounts: Accounts, patience: Patience) -> None:
    untouched = accounts.snapshot()
    for number in range(8):
        arns = f"arn:aws:iam::{TRUSTING}:role/{ROLE}{number}"
        made = plan_access(accounts, patience, role_arns=arns)
        made.apply()
        assert plan_access(accounts, patience, role_arns=arns).is_empty
    versions, _ = accounts.snapshot()[TRUSTED]["policies"][f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"]

    assert len(versions) == 5
    assert [ROLE + "7" in document for default, document in versions.values() if default] == [True]
    made.destroy()
    assert accounts.snapshot() == untouched


def test_a_role_made_by_another_hand_is_refused_and_not_touched(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    with pytest.raises(NotOurs, match="role Others, which xacct did not make") as refused:
        plan_trust(accounts, patience, role_name="Others")

    assert (refused.value.account, refused.value.names) == (TRUSTING, ("role Others",))
    assert accounts.snapshot() == before


@pytest.mark.parametrize("wanted", [{"policy_name": "Others"}, {"console_user": ConsoleUser("others")}], ids=str)
def test_a_policy_or_user_made_by_another_hand_is_refused_and_not_touched(
    accounts: Accounts, patience: Patience, wanted: dict[str, object]
) -> None:
    before = accounts.snapshot()
    with pytest.raises(NotOurs):
        plan_access(accounts, patience, **wanted)

    assert accounts.snapshot() == before


def test_what_appears_between_plan_and_apply_is_refused_and_not_touched(accounts: Accounts, patience: Patience) -> None:
    shown = plan_trust(accounts, patience)
    trust = tutorial()[0].trust_policy
    accounts.trusting.iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust.to_json())
    before = accounts.snapshot()
    with pytest.raises(Exception, match="which xacct did not make"):
        shown.apply()

    assert accounts.snapshot() == before
    with pytest.raises(NotOurs):
        shown.destroy()
    assert accounts.snapshot() == before


def test_what_is_adopted_becomes_the_grants(accounts: Accounts, patience: Patience) -> None:
    adopted = plan_trust(accounts, patience, role_name="Others", adopt=True)
    adopted.apply()

    assert plan_trust(accounts, patience, role_name="Others").is_empty
    plan_trust(accounts, patience, role_name="Others").destroy()
    assert "Others" not in accounts.snapshot()[TRUSTING]["roles"]


def test_what_could_not_be_adopted_stays_another_hands(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    accounts.fail_always("trusting UpdateAssumeRolePolicy Others", "denied")
    with pytest.raises(ApplyFailed, match="iam:UpdateAssumeRolePolicy"):
        plan_trust(accounts, patience, role_name="Others", adopt=True).apply()

    assert accounts.snapshot() == before
    with pytest.raises(NotOurs):
        plan_trust(accounts, patience, role_name="Others")


@pytest.mark.parametrize("side", ["trusting", "trusted"])
def test_a_session_of_another_account_is_refused(accounts: Accounts, patience: Patience, side: str) -> None:
    before = accounts.snapshot()
    trust, access = tutorial()
    session = accounts.trusted if side == "trusting" else accounts.trusting
    with pytest.raises(WrongAccount, match=f"the {side} session belongs to account {session.account}"):
        plan(trust if side == "trusting" else access, trusting=session, trusted=session, patience=patience)

    assert accounts.snapshot() == before


def test_a_session_of_another_partition_is_refused(accounts: Accounts, patience: Patience) -> None:
    china = TrustGrant(
        account=TRUSTING,
        principals=TRUSTED,
        managed_policy_arns="arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess",
        partition="aws-cn",
    )
    with pytest.raises(WrongAccount, match="aws-cn"):
        plan(china, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)


def test_a_plan_of_nothing_is_refused(accounts: Accounts) -> None:
    with pytest.raises(InvalidValue, match="at least one"):
        plan(trusting=accounts.trusting, trusted=accounts.trusted)


def test_a_missing_permission_is_named_with_the_statement_to_add(accounts: Accounts, patience: Patience) -> None:
    accounts.fail_always(f"trusting GetRole {ROLE}", "denied")
    with pytest.raises(PermissionMissing) as denied:
        plan_tutorial(accounts, patience)

    assert denied.value.account == TRUSTING
    assert denied.value.statement == {
        "Effect": "Allow",
        "Action": "iam:GetRole",
        "Resource": f"arn:aws:iam::{TRUSTING}:role/{ROLE}",
    }


def test_a_plan_is_not_pickled_and_says_why(accounts: Accounts, patience: Patience) -> None:
    with pytest.raises(TypeError, match="cannot be pickled: it holds open sessions"):
        pickle.dumps(plan_tutorial(accounts, patience))


def test_more_carriers_than_can_be_recorded_are_refused() -> None:
    role = tutorial()[0].role_arn
    with pytest.raises(InvalidValue, match="at most 35: use a group for more"):
        DevAccessGrant(account=TRUSTED, role_arns=role, users=[f"user{number}" for number in range(36)])
