"""Validation of writes to IAM users, roles and groups."""

from __future__ import annotations

import json
from typing import Any

from tests.testing.conftest import DEV, Two, allowing, create_role, create_user, refusal, trusting

USER = f"arn:aws:iam::{DEV}:user/alice"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def test_a_trust_policy_shows_the_unique_id_of_a_deleted_user_even_if_it_is_created_again(two: Two) -> None:
    unique = create_user(two)["UserId"]
    create_role(two, trusting(USER))
    iam = two.prod.client("iam")
    assert iam.get_role(RoleName="Reader")["Role"]["AssumeRolePolicyDocument"] == json.loads(trusting(USER))
    two.dev.client("iam").delete_user(UserName="alice")
    again = create_user(two)["UserId"]
    assert again != unique
    assert iam.get_role(RoleName="Reader")["Role"]["AssumeRolePolicyDocument"] == json.loads(trusting(unique))
    written = refusal(iam.update_assume_role_policy, RoleName="Reader", PolicyDocument=trusting(unique))
    assert written.endswith(f'Invalid principal in policy: "AWS":"{unique}"')


def test_a_renamed_user_stays_trusted(two: Two) -> None:
    create_user(two)
    create_role(two, trusting(USER))
    two.dev.client("iam").update_user(UserName="alice", NewUserName="alicia")
    role = two.prod.client("iam").get_role(RoleName="Reader")["Role"]
    renamed = f"arn:aws:iam::{DEV}:user/alicia"
    assert role["AssumeRolePolicyDocument"] == json.loads(trusting(renamed))


def test_a_user_cannot_get_the_name_of_another_user(two: Two) -> None:
    create_user(two)
    text = refusal(two.dev.client("iam").update_user, UserName="alice", NewUserName="Administrator")
    assert text == "409 EntityAlreadyExists: User with name Administrator already exists."


def test_names_are_unique_without_case(two: Two) -> None:
    create_user(two)
    create_role(two)
    iam, dev = two.prod.client("iam"), two.dev.client("iam")
    dev.create_group(GroupName="developers")
    assert [
        refusal(dev.create_user, UserName="ALICE"),
        refusal(dev.create_group, GroupName="Developers"),
        refusal(iam.create_role, RoleName="reader", AssumeRolePolicyDocument=trusting()),
    ] == [
        "409 EntityAlreadyExists: User with name ALICE already exists.",
        "409 EntityAlreadyExists: Group with name Developers already exists.",
        "409 EntityAlreadyExists: Role with name reader already exists.",
    ]


def test_unique_ids_begin_with_the_prefix_of_their_type(two: Two) -> None:
    group = two.dev.client("iam").create_group(GroupName="developers")["Group"]
    ids = create_user(two)["UserId"], group["GroupId"], create_role(two)["RoleId"]
    assert [(unique[:4], len(unique)) for unique in ids] == [("AIDA", 21), ("AGPA", 21), ("AROA", 21)]


def test_get_role_returns_the_max_session_duration_and_create_role_does_not(two: Two) -> None:
    assert "MaxSessionDuration" not in create_role(two, MaxSessionDuration=7200)
    assert two.prod.client("iam").get_role(RoleName="Reader")["Role"]["MaxSessionDuration"] == 7200


def test_a_user_can_be_deleted_once_it_has_no_credentials_groups_or_policies(two: Two) -> None:
    iam = two.dev.client("iam")
    create_user(two)
    iam.create_login_profile(UserName="alice", Password="Correct-horse-1")
    key = iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
    iam.create_group(GroupName="developers")
    iam.add_user_to_group(GroupName="developers", UserName="alice")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    first = two.aws.mfa_code(serial)
    two.aws.clock.advance(30)
    second = two.aws.mfa_code(serial)
    iam.enable_mfa_device(UserName="alice", SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second)
    ssh = iam.upload_ssh_public_key(UserName="alice", SSHPublicKeyBody="ssh-rsa AAAA")["SSHPublicKey"]["SSHPublicKeyId"]
    iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
    removals: list[tuple[Any, dict[str, str]]] = [
        (iam.delete_login_profile, {}),
        (iam.delete_access_key, {"AccessKeyId": key}),
        (iam.deactivate_mfa_device, {"SerialNumber": serial}),
        (iam.delete_ssh_public_key, {"SSHPublicKeyId": ssh}),
        (iam.remove_user_from_group, {"GroupName": "developers"}),
        (iam.detach_user_policy, {"PolicyArn": READ_ONLY}),
    ]
    said = []
    for remove, options in removals:
        said.append(refusal(iam.delete_user, UserName="alice"))
        remove(UserName="alice", **options)
    iam.delete_user(UserName="alice")
    assert said == [
        f"409 DeleteConflict: Cannot delete entity, must {what} first."
        for what in (
            "delete login profile",
            "delete access keys",
            "delete MFA device",
            "remove referenced objects",
            "remove users from group",
            "detach all policies",
        )
    ]


def test_a_role_in_an_instance_profile_cannot_be_deleted(two: Two) -> None:
    iam = two.prod.client("iam")
    create_role(two)
    iam.create_instance_profile(InstanceProfileName="machines")
    iam.add_role_to_instance_profile(InstanceProfileName="machines", RoleName="Reader")
    said = refusal(iam.delete_role, RoleName="Reader")
    assert said == "409 DeleteConflict: Cannot delete entity, must remove roles from instance profile first."


def test_a_group_can_be_deleted_once_it_has_no_users_or_policies(two: Two) -> None:
    iam = two.dev.client("iam")
    iam.create_group(GroupName="developers")
    iam.add_user_to_group(GroupName="developers", UserName="Administrator")
    iam.attach_group_policy(GroupName="developers", PolicyArn=READ_ONLY)
    iam.put_group_policy(GroupName="developers", PolicyName="p", PolicyDocument=allowing("s3:*"))
    said = [refusal(iam.delete_group, GroupName="developers")]
    iam.remove_user_from_group(GroupName="developers", UserName="Administrator")
    said.append(refusal(iam.delete_group, GroupName="developers"))
    iam.detach_group_policy(GroupName="developers", PolicyArn=READ_ONLY)
    said.append(refusal(iam.delete_group, GroupName="developers"))
    iam.delete_group_policy(GroupName="developers", PolicyName="p")
    iam.delete_group(GroupName="developers")
    assert said == [
        f"409 DeleteConflict: Cannot delete entity, must {what} first."
        for what in ("remove users from group", "detach all policies", "delete policies")
    ]


def test_updating_a_role_keeps_the_attributes_that_are_not_named(two: Two) -> None:
    iam = two.prod.client("iam")
    create_role(two, Description="reads", MaxSessionDuration=7200)
    iam.update_role(RoleName="Reader", MaxSessionDuration=3600)
    iam.update_role(RoleName="Reader", Description="still reads")
    role = iam.get_role(RoleName="Reader")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("still reads", 3600)


def test_a_users_permissions_boundary_can_be_read_until_it_is_deleted(two: Two) -> None:
    iam = two.dev.client("iam")
    create_user(two, PermissionsBoundary=READ_ONLY)
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": READ_ONLY}
    assert iam.get_user(UserName="alice")["User"]["PermissionsBoundary"] == boundary
    iam.delete_user_permissions_boundary(UserName="alice")
    assert "PermissionsBoundary" not in iam.get_user(UserName="alice")["User"]


def test_a_service_linked_role_cannot_be_changed_or_deleted(two: Two) -> None:
    iam = two.prod.client("iam")
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")["Role"]["RoleName"]
    for refused in (
        refusal(iam.delete_role, RoleName=role),
        refusal(iam.put_role_policy, RoleName=role, PolicyName="p", PolicyDocument=allowing("s3:*")),
        refusal(iam.attach_role_policy, RoleName=role, PolicyArn=READ_ONLY),
    ):
        assert refused == (
            f"400 UnmodifiableEntity: Cannot perform the operation on the protected role '{role}' - "
            "this role is only modifiable by AWS"
        )


def test_an_aws_managed_policy_cannot_be_changed(two: Two) -> None:
    iam = two.prod.client("iam")
    version = {"PolicyArn": READ_ONLY, "PolicyDocument": allowing("s3:*")}
    for refused in (refusal(iam.create_policy_version, **version), refusal(iam.delete_policy, PolicyArn=READ_ONLY)):
        assert refused == "403 AccessDenied: AWS owns the AWS managed policies: no account can change them"


def test_a_role_can_be_deleted_once_it_has_no_policies(two: Two) -> None:
    iam = two.prod.client("iam")
    create_role(two)
    iam.attach_role_policy(RoleName="Reader", PolicyArn=READ_ONLY)
    iam.put_role_policy(RoleName="Reader", PolicyName="p", PolicyDocument=allowing("s3:*"))
    said = [refusal(iam.delete_role, RoleName="Reader")]
    iam.detach_role_policy(RoleName="Reader", PolicyArn=READ_ONLY)
    said.append(refusal(iam.delete_role, RoleName="Reader"))
    iam.delete_role_policy(RoleName="Reader", PolicyName="p")
    iam.delete_role(RoleName="Reader")
    assert said == [
        "409 DeleteConflict: Cannot delete entity, must detach all policies first.",
        "409 DeleteConflict: Cannot delete entity, must delete policies first.",
    ]


def test_a_trust_policy_may_have_wildcards_in_actions(two: Two) -> None:
    create_role(two)
    iam, trust = two.prod.client("iam"), trusting({"AWS": f"arn:aws:iam::{DEV}:root"}, Action="STS:*")
    iam.update_assume_role_policy(RoleName="Reader", PolicyDocument=trust)
    assert iam.get_role(RoleName="Reader")["Role"]["AssumeRolePolicyDocument"] == json.loads(trust)


def test_a_users_permissions_boundary_can_be_set_later(two: Two) -> None:
    iam = two.dev.client("iam")
    create_user(two)
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=READ_ONLY)
    boundary = iam.get_user(UserName="alice")["User"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == READ_ONLY


def test_a_user_can_be_renamed_to_its_own_name(two: Two) -> None:
    create_user(two)
    two.dev.client("iam").update_user(UserName="alice", NewUserName="alice", NewPath="/team/")
    assert two.dev.client("iam").get_user(UserName="alice")["User"]["Path"] == "/team/"


def test_create_role_answers_the_trust_policy_as_it_was_sent(two: Two) -> None:
    created = create_role(two)
    assert created["AssumeRolePolicyDocument"] == json.loads(trusting(DEV))
    assert created.keys() == {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"}
    stored = two.prod.client("iam").get_role(RoleName="Reader")["Role"]["AssumeRolePolicyDocument"]
    assert stored == json.loads(trusting(f"arn:aws:iam::{DEV}:root"))


def test_create_role_answers_what_was_sent_with_the_role(two: Two) -> None:
    sent = {"Description": "reads", "PermissionsBoundary": READ_ONLY, "Tags": [{"Key": "team", "Value": "red"}]}
    created = create_role(two, **sent)
    boundary = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": READ_ONLY}
    assert {key: created[key] for key in sent} == {**sent, "PermissionsBoundary": boundary}


def test_documents_with_percent_signs_are_answered_as_they_are(two: Two) -> None:
    percent = "arn%3Aaws+a & <b>"
    trust = trusting(f"arn:aws:iam::{DEV}:root", Condition={"StringEquals": {"sts:ExternalId": percent}})
    iam, expected = two.prod.client("iam"), json.loads(trust)
    assert create_role(two, trust)["AssumeRolePolicyDocument"] == expected
    assert iam.get_role(RoleName="Reader")["Role"]["AssumeRolePolicyDocument"] == expected
    assert iam.list_roles()["Roles"][0]["AssumeRolePolicyDocument"] == expected
    iam.create_instance_profile(InstanceProfileName="machine")
    iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="Reader")
    profile = iam.get_instance_profile(InstanceProfileName="machine")["InstanceProfile"]
    assert profile["Roles"][0]["AssumeRolePolicyDocument"] == expected
    policy = allowing("s3:*", "arn:aws:s3:::a%3Ab")
    iam.put_role_policy(RoleName="Reader", PolicyName="p", PolicyDocument=policy)
    assert iam.get_role_policy(RoleName="Reader", PolicyName="p")["PolicyDocument"] == json.loads(policy)
    arn = iam.create_policy(PolicyName="p", PolicyDocument=policy)["Policy"]["Arn"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == json.loads(policy)


def test_lists_of_users_have_neither_boundaries_nor_tags(two: Two) -> None:
    create_user(two, PermissionsBoundary=READ_ONLY, Tags=[{"Key": "team", "Value": "red"}])
    iam = two.dev.client("iam")
    iam.create_group(GroupName="Readers")
    iam.add_user_to_group(GroupName="Readers", UserName="alice")
    listed = [user for user in iam.list_users()["Users"] if user["UserName"] == "alice"]
    for user in (*listed, *iam.get_group(GroupName="Readers")["Users"]):
        assert user.keys() == {"Path", "UserName", "UserId", "Arn", "CreateDate"}
    assert iam.get_user(UserName="alice")["User"].keys() > {"PermissionsBoundary", "Tags"}
