"""What a plan shows, what it changes, and what it does not touch."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from xacct import ConsoleUser, DevAccessGrant, TrustGrant, s3_read_policy
from xacct.errors import ApplyFailed, InvalidValue, NotOurs, PermissionMissing, WrongAccount, XacctError
from xacct.reconcile import Plan, plan
from xacct.resources.step import Action, Change
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts
from .tutorial import EC2_FULL, EC2_READ, POLICY, ROLE, S3_READ, USER, plan_tutorial, tutorial

REPORTS, LOGS = s3_read_policy(["reports"]), s3_read_policy(["logs"])


def plan_access(accounts: Accounts, patience: Patience, **changes: object) -> Plan:
    """A plan for the trusted account only."""
    arguments = {"role_arns": f"arn:aws:iam::{TRUSTING}:role/{ROLE}"} | changes
    grant = DevAccessGrant(account=TRUSTED, **arguments)  # type: ignore[arg-type]
    return plan(grant, trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)


def plan_trust(accounts: Accounts, patience: Patience, *, adopt: bool = False, **changes: object) -> Plan:
    """A plan for the trusting account only."""
    return plan(
        tutorial(**changes)[0],
        trusting=accounts.trusting,
        trusted=accounts.trusted,
        patience=patience,
        adopt=adopt,
    )


def test_a_plan_shows_the_changes_and_makes_none(accounts: Accounts, patience: Patience) -> None:
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
    shown_as_json = json.loads(json.dumps(shown.to_dict()))
    assert shown_as_json["is_empty"] is False
    assert [(change["side"], change["account"]) for change in shown_as_json["changes"]] == [
        *[("trusted", TRUSTED)] * 5,
        *[("trusting", TRUSTING)] * 2,
    ]


def test_the_tutorials_grant_is_applied_as_in_the_tutorial(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience).apply()
    iam = accounts.trusting.iam

    role = iam.get_role(RoleName=ROLE)["Role"]
    assert role["Description"] == "A Role to delegate S3 access to another AWS account"
    attached = iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [S3_READ]
    assert accounts.log.requests[f"trusted CreateLoginProfile {USER}"]["PasswordResetRequired"] == "false"
    policy = accounts.trusted.iam.get_policy(PolicyArn=f"arn:aws:iam::{TRUSTED}:policy/{POLICY}")["Policy"]
    assert policy["Description"] == "Policy for Cross Account Access"


def test_a_changed_trust_policy_is_shown_as_a_diff(accounts: Accounts, patience: Patience) -> None:
    plan_tutorial(accounts, patience).apply()
    changed = plan_tutorial(accounts, patience, external_id="abc")

    (change,) = changed.changes
    assert (change.action, change.resource) == ("update", f"trust policy of role {ROLE}")
    assert ["+", '"sts:ExternalId":', '"abc"'] in [line.split() for line in change.detail.splitlines()]
    assert change.detail in str(changed).replace("\n    ", "\n")
    changed.apply()
    assert plan_tutorial(accounts, patience, external_id="abc").is_empty


@pytest.mark.parametrize(
    "changes",
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
    ids=lambda changes: ", ".join(changes),
)
def test_every_part_of_a_role_can_be_updated_and_reverted(
    accounts: Accounts, patience: Patience, changes: dict[str, object]
) -> None:
    untouched = accounts.snapshot()
    first: dict[str, object] = {"policies": {"S3Read": REPORTS}}
    applied = plan_trust(accounts, patience, **first)
    applied.apply()
    before = accounts.snapshot()

    assert plan_trust(accounts, patience, **first | changes).apply()
    assert plan_trust(accounts, patience, **first | changes).is_empty
    assert plan_trust(accounts, patience, **first).apply()
    assert plan_trust(accounts, patience, **first).is_empty
    assert accounts.snapshot() == before
    applied.destroy()
    assert accounts.snapshot() == untouched


def test_a_narrower_grant_detaches_only_what_xacct_attached(accounts: Accounts, patience: Patience) -> None:
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


def test_a_policy_that_left_the_grant_is_detached_from_the_console_user(accounts: Accounts, patience: Patience) -> None:
    plan_access(accounts, patience, console_user=ConsoleUser(USER, managed_policy_arns=EC2_FULL)).apply()
    accounts.trusted.iam.attach_user_policy(UserName=USER, PolicyArn=f"arn:aws:iam::{TRUSTED}:policy/Others")
    plan_access(accounts, patience, console_user=ConsoleUser(USER)).apply()

    attached = accounts.snapshot()[TRUSTED]["users"][USER].attached
    assert attached == [f"arn:aws:iam::{TRUSTED}:policy/{POLICY}", f"arn:aws:iam::{TRUSTED}:policy/Others"]


def test_the_policy_is_attached_to_users_groups_and_roles(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    changes = {"users": "others", "groups": "others", "roles": "Others"}
    applied = plan_access(accounts, patience, **changes)
    applied.apply()

    assert plan_access(accounts, patience, **changes).is_empty
    now, arn = accounts.snapshot()[TRUSTED], f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"
    assert arn in now["users"]["others"].attached
    assert arn in now["groups"]["others"].attached
    assert arn in now["roles"]["Others"].attached
    applied.destroy()
    assert accounts.snapshot() == before


def test_the_policy_is_detached_from_principals_that_left_the_grant(accounts: Accounts, patience: Patience) -> None:
    plan_access(accounts, patience, users="others", groups="others", roles="Others").apply()
    narrower = plan_access(accounts, patience, roles="Others")

    assert {change.resource for change in narrower.changes if change.action == "detach"} == {
        f"{POLICY} from user others",
        f"{POLICY} from group others",
    }
    narrower.apply()
    assert plan_access(accounts, patience, roles="Others").is_empty
    assert accounts.snapshot()[TRUSTED]["users"]["others"].attached == []


def test_a_foreign_attachment_is_shown_and_not_changed(accounts: Accounts, patience: Patience) -> None:
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


def test_a_policy_that_changes_often_does_not_exceed_its_versions(accounts: Accounts, patience: Patience) -> None:
    untouched = accounts.snapshot()
    for number in range(8):
        arns = f"arn:aws:iam::{TRUSTING}:role/{ROLE}{number}"
        applied = plan_access(accounts, patience, role_arns=arns)
        applied.apply()
        assert plan_access(accounts, patience, role_arns=arns).is_empty
    versions, _ = accounts.snapshot()[TRUSTED]["policies"][f"arn:aws:iam::{TRUSTED}:policy/{POLICY}"]

    assert len(versions) == 5
    assert [ROLE + "7" in document for default, document in versions.values() if default] == [True]
    applied.destroy()
    assert accounts.snapshot() == untouched


def test_a_role_that_xacct_did_not_create_is_refused_and_not_changed(accounts: Accounts, patience: Patience) -> None:
    before = accounts.snapshot()
    with pytest.raises(NotOurs, match="role Others") as refused:
        plan_trust(accounts, patience, role_name="Others")

    assert (refused.value.account, refused.value.names) == (TRUSTING, ("role Others",))
    assert accounts.snapshot() == before


@pytest.mark.parametrize("changes", [{"policy_name": "Others"}, {"console_user": ConsoleUser("others")}], ids=str)
def test_a_policy_or_user_that_xacct_did_not_create_is_refused_and_not_changed(
    accounts: Accounts, patience: Patience, changes: dict[str, object]
) -> None:
    before = accounts.snapshot()
    with pytest.raises(NotOurs):
        plan_access(accounts, patience, **changes)

    assert accounts.snapshot() == before


def test_a_role_that_others_created_after_the_plan_is_refused(accounts: Accounts, patience: Patience) -> None:
    shown = plan_trust(accounts, patience)
    trust = tutorial()[0].trust_policy
    accounts.trusting.iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust.to_json())
    before = accounts.snapshot()
    with pytest.raises(Exception, match=f"role {ROLE}"):
        shown.apply()

    assert accounts.snapshot() == before
    with pytest.raises(NotOurs):
        shown.destroy()
    assert accounts.snapshot() == before


def test_a_resource_that_another_tool_tagged_with_our_key_is_refused(accounts: Accounts, patience: Patience) -> None:
    tags = [{"Key": "xacct:managed-by", "Value": "terraform"}]
    accounts.trusting.iam.tag_role(RoleName="Others", Tags=tags)
    with pytest.raises(NotOurs):
        plan_trust(accounts, patience, role_name="Others")


def test_an_adopted_role_belongs_to_xacct(accounts: Accounts, patience: Patience) -> None:
    adopted = plan_trust(accounts, patience, role_name="Others", adopt=True)
    adopted.apply()

    assert plan_trust(accounts, patience, role_name="Others").is_empty
    plan_trust(accounts, patience, role_name="Others").destroy()
    assert "Others" not in accounts.snapshot()[TRUSTING]["roles"]


def test_a_role_whose_adoption_failed_does_not_belong_to_xacct(accounts: Accounts, patience: Patience) -> None:
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
    with pytest.raises(WrongAccount, match=f"The {side} session belongs to account {session.account}"):
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


def test_a_plan_without_grants_is_refused(accounts: Accounts) -> None:
    with pytest.raises(InvalidValue, match=r"^grants: \(\) is not valid: at least one TrustGrant or DevAccessGrant$"):
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


def test_pickling_a_plan_is_an_error_that_says_why(accounts: Accounts, patience: Patience) -> None:
    with pytest.raises(TypeError, match="cannot be pickled: it holds open sessions"):
        pickle.dumps(plan_tutorial(accounts, patience))


def test_more_principals_than_a_tag_can_record_are_refused() -> None:
    role = tutorial()[0].role_arn
    with pytest.raises(InvalidValue, match="at most 35: use a group for more"):
        DevAccessGrant(account=TRUSTED, role_arns=role, users=[f"user{number}" for number in range(36)])


def made_by_hand(*changes: Change, failures: Sequence[tuple[str, XacctError]] = (), **texts: tuple[str, ...]) -> Plan:
    nothing: Any = None
    return Plan(
        grants=(),
        changes=changes,
        parts=(),
        failures=failures,
        trusting=nothing,
        trusted=nothing,
        passwords=nothing,
        adopt=False,
        on_error="raise",
        **{"notes": (), **texts},
    )


def test_a_plan_has_a_sign_for_each_action_and_shows_details_notes_and_what_is_not_applied_or_planned() -> None:
    actions: list[Action] = ["create", "attach", "update", "detach", "delete", "leave"]
    changes = [Change(action=action, side="trusted", account=TRUSTED, resource=f"user {action}") for action in actions]
    changes[2] = evolve(changes[2], detail="- old\n+ new")
    failures = [("reader", XacctError("no"))]
    made = made_by_hand(*changes, failures=failures, notes=("one", "two"), not_applied=("three", "four"))

    assert str(made).splitlines() == [
        f"+ create user create in the trusted account {TRUSTED}",
        f"+ attach user attach in the trusted account {TRUSTED}",
        f"~ update user update in the trusted account {TRUSTED}",
        "    - old",
        "    + new",
        f"- detach user detach in the trusted account {TRUSTED}",
        f"- delete user delete in the trusted account {TRUSTED}",
        f"= leave user leave in the trusted account {TRUSTED} (not created by xacct)",
        "Note: one",
        "Note: two",
        "Not applied: three",
        "Not applied: four",
        "! reader cannot be planned: no",
    ]


def test_an_empty_plan_shows_no_notes() -> None:
    made = made_by_hand(notes=("one",), not_applied=("two",))

    assert str(made) == "Nothing to change: both accounts match the grants.\nNot applied: two"
