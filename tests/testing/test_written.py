"""What AWS refuses to write, and how what was written reads back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import DEV, PROD, REGION, Two, allowing, document, refusal, trusting

ROLE = f"arn:aws:iam::{PROD}:role/Reader"
USER = f"arn:aws:iam::{DEV}:user/alice"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def create_role(two: Two, trust: str | None = None, **options: Any) -> Any:
    wanted = {"RoleName": "Reader", "AssumeRolePolicyDocument": trust or trusting(), **options}
    return two.prod.client("iam").create_role(**wanted)["Role"]


def create_user(two: Two, name: str = "alice", **options: Any) -> Any:
    return two.dev.client("iam").create_user(UserName=name, **options)["User"]


@pytest.mark.parametrize(
    ("principal", "written"),
    [
        (USER, f'"AWS":"{USER}"'),
        (f"arn:aws:iam::{DEV}:role/Missing", f'"AWS":"arn:aws:iam::{DEV}:role/Missing"'),
        ("333333333333", '"AWS":"333333333333"'),
        ("arn:aws:iam::333333333333:root", '"AWS":"arn:aws:iam::333333333333:root"'),
        (f"arn:aws:iam::{DEV}:group/developers", f'"AWS":"arn:aws:iam::{DEV}:group/developers"'),
        (
            f"arn:aws:sts::{DEV}:assumed-role/Missing/session",
            f'"AWS":"arn:aws:sts::{DEV}:assumed-role/Missing/session"',
        ),
        (f"arn:aws-cn:iam::{DEV}:root", f'"AWS":"arn:aws-cn:iam::{DEV}:root"'),
        (ROLE, f'"AWS":"{ROLE}"'),
        ({"Service": "lambda"}, '"SERVICE":"lambda"'),
        (
            {"Federated": f"arn:aws:iam::{PROD}:saml-provider/missing"},
            f'"FEDERATED":"arn:aws:iam::{PROD}:saml-provider/missing"',
        ),
    ],
)
def test_a_trust_policy_names_principals_that_are_there(two: Two, principal: Any, written: str) -> None:
    text = refusal(two.prod.client("iam").create_role, RoleName="Reader", AssumeRolePolicyDocument=trusting(principal))
    assert text == f"400 MalformedPolicyDocument: Invalid principal in policy: {written}"


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        DEV,
        f"arn:aws:iam::{DEV}:root",
        f"arn:aws:iam::{DEV}:user/Administrator",
        {"Service": "lambda.amazonaws.com"},
        {"Federated": "cognito-identity.amazonaws.com"},
        {"AWS": [DEV, PROD]},
    ],
)
def test_a_trust_policy_takes_principals_that_are_there(two: Two, principal: Any) -> None:
    assert create_role(two, trusting(principal))["RoleName"] == "Reader"


def test_a_provider_that_is_there_may_be_trusted(two: Two) -> None:
    provider = two.prod.client("iam").create_open_id_connect_provider(
        Url="https://token.example.com", ThumbprintList=["a" * 40]
    )["OpenIDConnectProviderArn"]
    assert create_role(two, trusting({"Federated": provider}))


@pytest.mark.parametrize(
    ("trust", "text"),
    [
        ("{", "This policy contains invalid Json"),
        (document({"Effect": "Perhaps", "Principal": "*", "Action": "sts:AssumeRole"}), "Syntax errors in policy."),
        (document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
        (trusting(Resource="*"), "Has prohibited field Resource"),
        (trusting().replace("Principal", "NotPrincipal"), "Has prohibited field NotPrincipal"),
        (trusting(Action="s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
    ],
)
def test_a_trust_policy_that_is_none_is_refused(two: Two, trust: str, text: str) -> None:
    iam = two.prod.client("iam")
    assert refusal(iam.create_role, RoleName="Reader", AssumeRolePolicyDocument=trust).endswith(f"Document: {text}")
    create_role(two)
    written = refusal(iam.update_assume_role_policy, RoleName="Reader", PolicyDocument=trust)
    assert written == f"400 MalformedPolicyDocument: {text}"


def test_a_deleted_and_recreated_user_reads_back_by_the_id_of_the_deleted_one(two: Two) -> None:
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


def test_a_deleted_role_is_known_by_its_id_in_bucket_and_key_policies(two: Two) -> None:
    unique = create_role(two)["RoleId"]
    s3, kms = two.prod.client("s3"), two.prod.client("kms")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    read = {"Effect": "Allow", "Principal": {"AWS": [ROLE, DEV]}, "Action": "s3:GetObject"}
    s3.put_bucket_policy(Bucket="reports", Policy=document({**read, "Resource": "arn:aws:s3:::reports/*"}))
    use = {"Effect": "Allow", "Principal": {"AWS": [ROLE, PROD]}, "Action": "kms:*", "Resource": "*"}
    key = kms.create_key(Policy=document(use))["KeyMetadata"]["KeyId"]
    two.prod.client("iam").delete_role(RoleName="Reader")
    assert unique.startswith("AROA")
    assert json.loads(s3.get_bucket_policy(Bucket="reports")["Policy"])["Statement"][0]["Principal"] == {
        "AWS": [unique, DEV]
    }
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    assert json.loads(policy)["Statement"][0]["Principal"] == {"AWS": [unique, PROD]}


def test_a_renamed_user_stays_trusted(two: Two) -> None:
    create_user(two)
    create_role(two, trusting(USER))
    two.dev.client("iam").update_user(UserName="alice", NewUserName="alicia")
    role = two.prod.client("iam").get_role(RoleName="Reader")["Role"]
    renamed = f"arn:aws:iam::{DEV}:user/alicia"
    assert role["AssumeRolePolicyDocument"] == json.loads(trusting(renamed))


def test_a_user_is_not_renamed_to_somebody_else(two: Two) -> None:
    create_user(two)
    text = refusal(two.dev.client("iam").update_user, UserName="alice", NewUserName="Administrator")
    assert text == "409 EntityAlreadyExists: User with name Administrator already exists."


def test_names_are_taken_whatever_their_case(two: Two) -> None:
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


def test_ids_tell_what_they_are_of(two: Two) -> None:
    group = two.dev.client("iam").create_group(GroupName="developers")["Group"]
    ids = create_user(two)["UserId"], group["GroupId"], create_role(two)["RoleId"]
    assert [(unique[:4], len(unique)) for unique in ids] == [("AIDA", 21), ("AGPA", 21), ("AROA", 21)]


@pytest.mark.parametrize(
    ("operation", "options", "text"),
    [
        ("get_role", {"RoleName": "Missing"}, "The role with name Missing cannot be found."),
        ("list_user_policies", {"UserName": "missing"}, "The user with name missing cannot be found."),
        ("list_group_policies", {"GroupName": "missing"}, "The group with name missing cannot be found."),
        (
            "get_policy",
            {"PolicyArn": f"arn:aws:iam::{PROD}:policy/Missing"},
            f"Policy arn:aws:iam::{PROD}:policy/Missing was not found.",
        ),
        (
            "attach_user_policy",
            {"UserName": "Administrator", "PolicyArn": "arn:aws:iam::aws:policy/Missing"},
            "Policy arn:aws:iam::aws:policy/Missing does not exist or is not attachable.",
        ),
        (
            "detach_user_policy",
            {"UserName": "Administrator", "PolicyArn": READ_ONLY},
            f"Policy {READ_ONLY} was not found.",
        ),
        (
            "create_user",
            {"UserName": "x", "PermissionsBoundary": f"arn:aws:iam::{PROD}:policy/Missing"},
            f"Scope ARN: arn:aws:iam::{PROD}:policy/Missing does not exist or is not attachable.",
        ),
        (
            "get_user_policy",
            {"UserName": "Administrator", "PolicyName": "missing"},
            "The user policy with name missing cannot be found.",
        ),
        (
            "delete_user_policy",
            {"UserName": "Administrator", "PolicyName": "missing"},
            "The user policy with name missing cannot be found.",
        ),
        *(
            (
                operation,
                {"PolicyArn": READ_ONLY, "VersionId": "v999"},
                f"Policy {READ_ONLY} version v999 does not exist or is not attachable.",
            )
            for operation in ("get_policy_version", "set_default_policy_version", "delete_policy_version")
        ),
        (
            "enable_mfa_device",
            {
                "UserName": "Administrator",
                "SerialNumber": f"arn:aws:iam::{PROD}:mfa/missing",
                "AuthenticationCode1": "123456",
                "AuthenticationCode2": "234567",
            },
            f"VirtualMFADevice with serial number arn:aws:iam::{PROD}:mfa/missing doesn't exist.",
        ),
        (
            "get_login_profile",
            {"UserName": "Administrator"},
            "Login Profile for User Administrator cannot be found.",
        ),
    ],
)
def test_what_is_not_there_is_said_in_awss_words(two: Two, operation: str, options: Any, text: str) -> None:
    assert refusal(getattr(two.prod.client("iam"), operation), **options) == f"404 NoSuchEntity: {text}"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"RoleName": "a" * 65}, "Value 'aaaa"),
        ({"RoleName": "a b"}, "The specified value for roleName is invalid."),
        ({"Path": "team"}, "The specified value for path is invalid."),
        ({"MaxSessionDuration": 3600 + 43200}, "Member must have value less than or equal to 43200"),
        (
            {"Description": "読"},
            "at 'description' failed to satisfy constraint: Member must satisfy regular",
        ),
        ({"PermissionsBoundary": "AmazonS3ReadOnlyAccess"}, "Invalid ARN:  Could not be parsed!"),
        (
            {"PermissionsBoundary": "arn:aws:iam::aws:user/x/aaaaaaa"},
            "ARN arn:aws:iam::aws:user/x/aaaaaaa is not valid.",
        ),
    ],
)
def test_parameters_keep_to_awss_rules(two: Two, options: Any, text: str) -> None:
    wanted = {"RoleName": "Reader", "AssumeRolePolicyDocument": trusting(), **options}
    said = refusal(two.prod.client("iam").create_role, **wanted)
    assert said.startswith("400 ValidationError")
    assert text in said


def test_quotas_hold(two: Two) -> None:
    iam = two.prod.client("iam")
    create_role(two)
    long = allowing("s3:GetObject", "arn:aws:s3:::" + "a" * 5200)
    for number in range(10):
        arn = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=allowing("s3:Get*"))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="Reader", PolicyArn=arn)
    iam.put_role_policy(RoleName="Reader", PolicyName="one", PolicyDocument=long)
    many = trusting(Condition={"StringEquals": {"sts:ExternalId": ["a" * 100] * 20}})
    assert [
        refusal(iam.attach_role_policy, RoleName="Reader", PolicyArn=READ_ONLY),
        refusal(iam.put_role_policy, RoleName="Reader", PolicyName="two", PolicyDocument=long),
        refusal(iam.create_policy, PolicyName="long", PolicyDocument=allowing("s3:*", "arn:aws:s3:::" + "a" * 6144)),
        refusal(iam.update_assume_role_policy, RoleName="Reader", PolicyDocument=many),
    ] == [
        "409 LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10",
        "409 LimitExceeded: Maximum policy size of 10240 bytes exceeded for role Reader",
        "409 LimitExceeded: Cannot exceed quota for PolicySize: 6144",
        "409 LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048",
    ]


def test_each_user_has_two_keys_and_each_policy_five_versions(two: Two) -> None:
    iam = two.dev.client("iam")
    iam.create_access_key(UserName="Administrator")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    for _ in range(4):
        last = iam.create_policy_version(PolicyArn=arn, PolicyDocument=allowing("s3:Get*"))["PolicyVersion"]
    said = [
        refusal(iam.create_access_key, UserName="Administrator"),
        refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=allowing("s3:Get*")),
        refusal(iam.delete_policy_version, PolicyArn=arn, VersionId="v1"),
    ]
    iam.delete_policy_version(PolicyArn=arn, VersionId=last["VersionId"])
    another = iam.create_policy_version(PolicyArn=arn, PolicyDocument=allowing("s3:Get*"))["PolicyVersion"]
    assert said == [
        "409 LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2",
        (
            "409 LimitExceeded: A managed policy can have up to 5 versions. Before you create a new version, you must "
            "delete an existing version."
        ),
        "409 DeleteConflict: Cannot delete the default version of a policy.",
    ]
    assert (last["VersionId"], another["VersionId"]) == ("v5", "v6")


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("{}", "Syntax errors in policy."),
        (trusting(Action="s3:*", Resource="*"), "Policy document should not specify a principal."),
        (allowing("everything"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (allowing("s3:*", "reports"), 'Resource reports must be in ARN format or "*".'),
        (allowing("s3:*").replace("Version", "version"), "Syntax errors in policy."),
    ],
)
def test_a_policy_document_is_parsed_when_it_is_written(two: Two, policy: str, text: str) -> None:
    iam = two.dev.client("iam")
    inline = refusal(iam.put_user_policy, UserName="Administrator", PolicyName="p", PolicyDocument=policy)
    managed = refusal(iam.create_policy, PolicyName="p", PolicyDocument=policy)
    assert inline == managed == f"400 MalformedPolicyDocument: {text}"


def test_a_trusted_account_reads_back_as_its_root(two: Two) -> None:
    create_role(two, trusting([PROD, DEV]))
    role = two.prod.client("iam").get_role(RoleName="Reader")["Role"]
    principal = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert principal == {"AWS": [f"arn:aws:iam::{PROD}:root", f"arn:aws:iam::{DEV}:root"]}


def test_a_new_roles_longest_session_is_told_by_get_role_alone(two: Two) -> None:
    assert "MaxSessionDuration" not in create_role(two, MaxSessionDuration=7200)
    assert two.prod.client("iam").get_role(RoleName="Reader")["Role"]["MaxSessionDuration"] == 7200


def test_whoever_may_only_see_a_path_does_not_learn_that_a_role_is_missing(two: Two) -> None:
    create_user(two)
    policy = allowing("iam:GetRole", f"arn:aws:iam::{DEV}:role/team/*")
    two.dev.client("iam").put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy)
    alice = two.aws.sign_in(USER).client("iam")
    two.dev.client("iam").create_role(RoleName="Reader", Path="/team/", AssumeRolePolicyDocument=trusting())
    assert alice.get_role(RoleName="Reader")["Role"]["Path"] == "/team/"
    assert refusal(alice.get_role, RoleName="Missing").startswith("403 AccessDenied: ")


def test_a_malformed_arn_is_told_before_permissions_are_looked_at(two: Two) -> None:
    create_user(two)
    nobody = two.aws.sign_in(USER).client("iam")
    said = refusal(nobody.get_policy, PolicyArn="AmazonS3ReadOnlyAccess")
    assert said == "400 ValidationError: Invalid ARN:  Could not be parsed!"


def test_a_user_is_deleted_when_nothing_hangs_on_it(two: Two) -> None:
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
    mends: list[tuple[Any, dict[str, str]]] = [
        (iam.delete_login_profile, {}),
        (iam.delete_access_key, {"AccessKeyId": key}),
        (iam.deactivate_mfa_device, {"SerialNumber": serial}),
        (iam.delete_ssh_public_key, {"SSHPublicKeyId": ssh}),
        (iam.remove_user_from_group, {"GroupName": "developers"}),
        (iam.detach_user_policy, {"PolicyArn": READ_ONLY}),
    ]
    said = []
    for mend, options in mends:
        said.append(refusal(iam.delete_user, UserName="alice"))
        mend(UserName="alice", **options)
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


def test_a_device_is_enabled_by_two_codes_that_follow_each_other(two: Two) -> None:
    iam = two.dev.client("iam")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    first = two.aws.mfa_code(serial)
    two.aws.clock.advance(30)
    second = two.aws.mfa_code(serial)
    wanted = {"UserName": "Administrator", "SerialNumber": serial}
    for codes in (("000000", "111111"), (second, first), (second, second)):
        said = refusal(iam.enable_mfa_device, AuthenticationCode1=codes[0], AuthenticationCode2=codes[1], **wanted)
        assert said == "403 InvalidAuthenticationCode: Authentication code for device is not valid."
    iam.enable_mfa_device(AuthenticationCode1=first, AuthenticationCode2=second, **wanted)
    said = refusal(iam.delete_virtual_mfa_device, SerialNumber=serial)
    assert said == "409 DeleteConflict: MFA VirtualDevice in use. Must deactivate first."
    iam.deactivate_mfa_device(**wanted)
    iam.delete_virtual_mfa_device(SerialNumber=serial)


def test_a_role_in_an_instance_profile_stays(two: Two) -> None:
    iam = two.prod.client("iam")
    create_role(two)
    iam.create_instance_profile(InstanceProfileName="machines")
    iam.add_role_to_instance_profile(InstanceProfileName="machines", RoleName="Reader")
    said = refusal(iam.delete_role, RoleName="Reader")
    assert said == "409 DeleteConflict: Cannot delete entity, must remove roles from instance profile first."


def test_an_object_under_lock_stays(two: Two) -> None:
    s3 = two.prod.client("s3")
    options: Any = {"CreateBucketConfiguration": {"LocationConstraint": REGION}, "ObjectLockEnabledForBucket": True}
    s3.create_bucket(Bucket="reports", **options)
    version = s3.put_object(Bucket="reports", Key="k", Body=b"42", ObjectLockLegalHoldStatus="ON")["VersionId"]
    said = refusal(s3.delete_object, Bucket="reports", Key="k", VersionId=version)
    assert said == "403 AccessDenied: Access Denied because object protected by object lock."
    s3.put_object_legal_hold(Bucket="reports", Key="k", VersionId=version, LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket="reports", Key="k", VersionId=version)


@pytest.mark.parametrize("name", ["Reports", "a..b", "192.168.0.1", "re_ports"])
def test_a_bucket_has_a_name_that_a_host_may_have(two: Two, name: str) -> None:
    said = refusal(two.prod.client("s3").create_bucket, Bucket=name)
    assert said == "400 InvalidBucketName: The specified bucket is not valid."


def test_a_group_is_deleted_when_nothing_hangs_on_it(two: Two) -> None:
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


def test_a_policy_is_deleted_when_nobody_has_it_and_its_versions_are_gone(two: Two) -> None:
    iam = two.prod.client("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    create_role(two, PermissionsBoundary=arn)
    said = [refusal(iam.delete_policy, PolicyArn=arn)]
    iam.delete_role_permissions_boundary(RoleName="Reader")
    iam.attach_role_policy(RoleName="Reader", PolicyArn=arn)
    said.append(refusal(iam.delete_policy, PolicyArn=arn))
    iam.detach_role_policy(RoleName="Reader", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allowing("s3:Get*"), SetAsDefault=True)
    said.append(refusal(iam.delete_policy, PolicyArn=arn))
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    assert said[0] == said[1] == "409 DeleteConflict: Cannot delete a policy attached to entities."
    assert said[2].startswith("409 DeleteConflict: This policy has more than one version. Before you delete")


def test_updating_a_role_leaves_what_is_not_named(two: Two) -> None:
    iam = two.prod.client("iam")
    create_role(two, Description="reads", MaxSessionDuration=7200)
    iam.update_role(RoleName="Reader", MaxSessionDuration=3600)
    iam.update_role(RoleName="Reader", Description="still reads")
    role = iam.get_role(RoleName="Reader")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("still reads", 3600)


def test_a_users_boundary_reads_back_until_it_is_taken_off(two: Two) -> None:
    iam = two.dev.client("iam")
    create_user(two, PermissionsBoundary=READ_ONLY)
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": READ_ONLY}
    assert iam.get_user(UserName="alice")["User"]["PermissionsBoundary"] == boundary
    iam.delete_user_permissions_boundary(UserName="alice")
    assert "PermissionsBoundary" not in iam.get_user(UserName="alice")["User"]


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("Short-1", "have a minimum length of 8"),
        ("a" * 129, "have a maximum length of 128"),
        ("lowercase1", "use a mix of three of: uppercase, lowercase, numbers and symbols"),
    ],
)
def test_a_weak_password_is_refused(two: Two, password: str, rule: str) -> None:
    create_user(two)
    said = refusal(two.dev.client("iam").create_login_profile, UserName="alice", Password=password)
    assert said.startswith("400 ")
    if len(password) <= 128:
        assert said == f"400 PasswordPolicyViolation: Password should {rule}"


def test_the_accounts_password_policy_rules(two: Two) -> None:
    iam = two.dev.client("iam")
    create_user(two)
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True)
    assert [
        refusal(iam.create_login_profile, UserName="alice", Password=password)
        for password in ("Short-1-2-3", "Long1Enough2ButPlain")
    ] == [
        "400 PasswordPolicyViolation: Password should have a minimum length of 12",
        "400 PasswordPolicyViolation: Password should have at least one symbol",
    ]
    iam.create_login_profile(UserName="alice", Password="correct-horse-battery")
    said = refusal(iam.create_login_profile, UserName="alice", Password="correct-horse-battery")
    assert said == "409 EntityAlreadyExists: Login Profile for user alice already exists."


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("{", "Policies must be valid JSON and the first byte must be '{'"),
        (trusting(Action="s3:*", Resource="arn:aws:s3:::other/*"), "Policy has invalid resource"),
        (trusting("444444444444", Action="s3:*", Resource="arn:aws:s3:::reports/*"), "Invalid principal in policy"),
        (document({"Effect": "Perhaps"}), ""),
    ],
)
def test_a_bucket_policy_is_about_its_bucket_and_principals_that_are_there(two: Two, policy: str, text: str) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    said = refusal(s3.put_bucket_policy, Bucket="reports", Policy=policy)
    assert said.startswith("400 MalformedPolicy: ")
    assert text in said


def test_a_key_policy_names_principals_that_are_there(two: Two) -> None:
    kms = two.prod.client("kms")
    use = trusting("444444444444", Action="kms:*", Resource="*")
    assert refusal(kms.create_key, Policy=use) == (
        "400 MalformedPolicyDocumentException: Policy contains a statement with one or more invalid principals."
    )
    assert refusal(kms.create_key, Policy="{}").startswith("400 MalformedPolicyDocumentException: ")


def test_awss_own_policies_are_listed_and_have_their_text(two: Two) -> None:
    iam = two.prod.client("iam")
    listed = [
        policy["PolicyName"] for page in iam.get_paginator("list_policies").paginate() for policy in page["Policies"]
    ]
    assert "AmazonS3ReadOnlyAccess" in listed
    assert len(listed) > 1000
    version = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["DefaultVersionId"]
    read = iam.get_policy_version(PolicyArn=READ_ONLY, VersionId=version)["PolicyVersion"]["Document"]
    assert "s3:Get*" in read["Statement"][0]["Action"]


def test_nobody_has_credentials_for_a_single_service(two: Two) -> None:
    answer = two.dev.client("iam").list_service_specific_credentials(UserName="Administrator")
    assert answer["ServiceSpecificCredentials"] == []


def test_a_bucket_goes_when_its_versions_are_gone(two: Two) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="reports", Key="k", Body=b"42")
    s3.delete_object(Bucket="reports", Key="k")
    text = (
        "409 BucketNotEmpty: The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    )
    assert refusal(s3.delete_bucket, Bucket="reports") == text
    listed = s3.list_object_versions(Bucket="reports")
    for entry in (*listed["Versions"], *listed["DeleteMarkers"]):
        s3.delete_object(Bucket="reports", Key="k", VersionId=entry["VersionId"])
    s3.delete_bucket(Bucket="reports")


def test_a_service_linked_role_is_awss_to_delete(two: Two) -> None:
    iam = two.prod.client("iam")
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")["Role"]["RoleName"]
    assert refusal(iam.delete_role, RoleName=role).startswith("400 UnmodifiableEntity: ")
