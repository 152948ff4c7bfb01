"""STS: whose MFA device a call may use, and the limits of its parameters."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from xacct import console_url

from .conftest import DEV, PROD, REGION, Two, allowing, create_role, create_user, document, refusal, trusting

READER = f"arn:aws:iam::{PROD}:role/Reader"
WRONG_CODE = "403 AccessDenied: MultiFactorAuthentication failed with invalid MFA one time pass code."


def enable_mfa(two: Two, user: str) -> str:
    """Enable a virtual MFA device for a user of development, and return its serial number."""
    iam = two.dev.client("iam")
    serial: str = iam.create_virtual_mfa_device(VirtualMFADeviceName=user)["VirtualMFADevice"]["SerialNumber"]
    first = two.aws.mfa_code(serial)
    two.aws.clock.advance(30)
    second = two.aws.mfa_code(serial)
    iam.enable_mfa_device(UserName=user, SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second)
    return serial


def test_the_mfa_device_of_another_user_is_refused(two: Two) -> None:
    create_user(two)
    own, others = enable_mfa(two, "Administrator"), enable_mfa(two, "alice")
    create_role(two, trusting(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    sts = two.dev.client("sts")
    parameters: Any = {"RoleArn": READER, "RoleSessionName": "test"}

    said = refusal(sts.assume_role, SerialNumber=others, TokenCode=two.aws.mfa_code(others), **parameters)
    assert said == WRONG_CODE
    said = refusal(sts.get_session_token, SerialNumber=others, TokenCode=two.aws.mfa_code(others))
    assert said == WRONG_CODE

    sts.assume_role(SerialNumber=own, TokenCode=two.aws.mfa_code(own), **parameters)


def test_an_mfa_device_that_no_user_has_enabled_is_refused(two: Two) -> None:
    iam = two.dev.client("iam")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    create_role(two)
    said = refusal(
        two.dev.client("sts").assume_role,
        RoleArn=READER,
        RoleSessionName="test",
        SerialNumber=serial,
        TokenCode=two.aws.mfa_code(serial),
    )
    assert said == WRONG_CODE


def test_temporary_credentials_cannot_use_an_mfa_device(two: Two) -> None:
    create_role(two)
    serial = enable_mfa(two, "Administrator")
    keys = two.dev.client("sts").get_session_token()["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    said = refusal(
        session.client("sts").assume_role,
        RoleArn=READER,
        RoleSessionName="test",
        SerialNumber=serial,
        TokenCode=two.aws.mfa_code(serial),
    )
    assert said == WRONG_CODE


PATTERN = "satisfy regular expression pattern: "


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"RoleSessionName": "ü1"}, r"'ü1' at 'roleSessionName' failed to satisfy constraint: Member must " + PATTERN),
        (
            {"RoleSessionName": "n" * 65},
            "at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64",
        ),
        ({"ExternalId": "x" * 1225}, "length less than or equal to 1224"),
        ({"ExternalId": "a b"}, PATTERN + r"[\w+=,.@:\/-]*"),
        ({"SourceIdentity": "s" * 257}, "length less than or equal to 256"),
        ({"SerialNumber": "s" * 257, "TokenCode": "123456"}, "at 'serialNumber' failed"),
        ({"SerialNumber": "s" * 9, "TokenCode": "12345x"}, PATTERN + r"[\d]*"),
        ({"Policy": "\u0100"}, PATTERN + r"[\u0009\u000A\u000D\u0020-\u00FF]+"),
        (
            {"DurationSeconds": 43_201},
            "at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
        ),
        (
            {"PolicyArns": [{"arn": f"arn:aws:iam::aws:policy/P{n}"} for n in range(11)]},
            "length less than or equal to 10",
        ),
    ],
)
def test_parameters_outside_awss_limits_are_refused_with_awss_message(
    two: Two, parameters: dict[str, Any], text: str
) -> None:
    create_role(two)
    said = refusal(two.dev.client("sts").assume_role, **{"RoleArn": READER, "RoleSessionName": "test", **parameters})
    assert said.startswith("400 ValidationError: 1 validation error detected: Value ")
    assert text in said


def test_a_session_token_lasts_at_most_36_hours(two: Two) -> None:
    said = refusal(two.dev.client("sts").get_session_token, DurationSeconds=129_601)
    assert said.endswith(
        "Value '129601' at 'durationSeconds' failed to satisfy constraint: Member must have value less "
        "than or equal to 129600"
    )


def session_with(keys: Any) -> boto3.Session:
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)


def session_token(two: Two, **options: Any) -> boto3.Session:
    return session_with(two.dev.client("sts").get_session_token(**options)["Credentials"])


def test_iam_rejects_credentials_of_get_session_token_without_mfa(two: Two) -> None:
    create_role(two)
    session = session_token(two)
    said = refusal(session.client("iam").list_users)
    assert said.startswith("403 InvalidClientTokenId: The security token included in the request is invalid")
    session.client("s3").list_buckets()
    session.client("sts").get_caller_identity()
    session.client("sts").assume_role(RoleArn=READER, RoleSessionName="test")


def test_iam_accepts_them_with_mfa_and_those_of_a_sign_in(two: Two) -> None:
    serial = enable_mfa(two, "Administrator")
    session = session_token(two, SerialNumber=serial, TokenCode=two.aws.mfa_code(serial))
    signed_in = two.aws.sign_in(f"arn:aws:iam::{DEV}:user/Administrator")
    for allowed in (session, signed_in):
        assert allowed.client("iam").list_users()["Users"]


@pytest.mark.parametrize(
    ("operation", "parameters"), [("get_session_token", {}), ("get_federation_token", {"Name": "guest"})]
)
def test_sts_issues_no_tokens_for_temporary_credentials(two: Two, operation: str, parameters: Any) -> None:
    name = operation.title().replace("_", "")
    create_role(two)
    role = session_with(two.dev.client("sts").assume_role(RoleArn=READER, RoleSessionName="test")["Credentials"])
    for session in (session_token(two), role):
        said = refusal(getattr(session.client("sts"), operation), **parameters)
        assert said == f"403 AccessDenied: Cannot call {name} with session credentials"


def test_sts_has_two_operations_for_credentials_of_get_session_token(two: Two) -> None:
    key = two.aws.account(DEV).key.access_key_id
    said = refusal(session_token(two).client("sts").get_access_key_info, AccessKeyId=key)
    assert said == "403 AccessDenied: Cannot call GetAccessKeyInfo with session credentials"


BOB = f"arn:aws:sts::{DEV}:federated-user/bob"


def federated_user(session: boto3.Session, **options: Any) -> boto3.Session:
    """Return a session of the federated user bob."""
    return session_with(session.client("sts").get_federation_token(Name="bob", **options)["Credentials"])


def user_session(two: Two, *actions: str) -> boto3.Session:
    """Return a session of alice with an access key, and permission for these actions."""
    create_user(two)
    iam = two.dev.client("iam")
    for action in actions:
        iam.put_user_policy(UserName="alice", PolicyName=action.replace(":", "."), PolicyDocument=allowing(action))
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)


def test_a_federated_user_has_what_the_user_and_the_session_policies_allow(two: Two) -> None:
    alice = user_session(two, "sts:GetFederationToken", "s3:ListAllMyBuckets", "s3:ListBucket")
    answer = alice.client("sts").get_federation_token(Name="bob", Policy=allowing("s3:ListAllMyBuckets"))
    assert answer["FederatedUser"] == {"FederatedUserId": f"{DEV}:bob", "Arn": BOB}
    bob = session_with(answer["Credentials"])
    identity = bob.client("sts").get_caller_identity()
    assert (identity["Arn"], identity["UserId"], identity["Account"]) == (BOB, f"{DEV}:bob", DEV)
    bob.client("s3").list_buckets()
    two.dev.client("s3").create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    assert refusal(bob.client("s3").list_objects_v2, Bucket="reports").startswith("403 AccessDenied")
    # A managed session policy allows what the user may not do.
    read_only = {"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    more = federated_user(alice, PolicyArns=[read_only])
    more.client("s3").list_objects_v2(Bucket="reports")
    assert "no identity-based policy allows" in refusal(more.client("kms").list_keys)


def test_without_session_policies_a_federated_user_has_only_what_resource_policies_allow_it(two: Two) -> None:
    s3 = two.dev.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    bob = federated_user(two.dev)
    assert refusal(bob.client("s3").list_objects_v2, Bucket="reports").startswith("403 AccessDenied")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": BOB},
        "Action": "s3:ListBucket",
        "Resource": "arn:aws:s3:::reports",
    }
    s3.put_bucket_policy(Bucket="reports", Policy=document(statement))
    bob.client("s3").list_objects_v2(Bucket="reports")
    carol = session_with(two.dev.client("sts").get_federation_token(Name="carol")["Credentials"])
    assert refusal(carol.client("s3").list_objects_v2, Bucket="reports").startswith("403 AccessDenied")


def test_a_federation_token_and_its_tags_need_permissions(two: Two) -> None:
    alice = user_session(two)
    tags = [{"Key": "team", "Value": "blue"}]
    text = "403 AccessDenied: User: arn:aws:iam::222222222222:user/alice is not authorized to perform: {} on resource: "
    said = refusal(alice.client("sts").get_federation_token, Name="bob")
    assert said == text.format("sts:GetFederationToken") + BOB
    iam = two.dev.client("iam")
    allowed = allowing("sts:GetFederationToken", f"arn:aws:sts::{DEV}:federated-user/*")
    iam.put_user_policy(UserName="alice", PolicyName="federate", PolicyDocument=allowed)
    federated_user(alice)
    said = refusal(alice.client("sts").get_federation_token, Name="bob", Tags=tags)
    assert said == text.format("sts:TagSession") + BOB
    on_tag = {"Effect": "Allow", "Action": "sts:TagSession", "Resource": "*"}
    condition = {"StringEquals": {"aws:RequestTag/team": "blue"}}
    iam.put_user_policy(UserName="alice", PolicyName="tag", PolicyDocument=document({**on_tag, "Condition": condition}))
    federated_user(alice, Tags=tags)
    assert "TagSession" in refusal(federated_user, session=alice, Tags=[{"Key": "team", "Value": "red"}])


def test_the_tags_of_a_federated_user_override_those_of_the_user(two: Two) -> None:
    two.dev.client("iam").tag_user(UserName="Administrator", Tags=[{"Key": "Team", "Value": "red"}])
    condition = {"StringEquals": {"aws:PrincipalTag/team": "blue", "aws:userid": f"{DEV}:bob", "aws:PrincipalArn": BOB}}
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*", "Condition": condition}
    bob = federated_user(two.dev, Policy=document(statement), Tags=[{"Key": "team", "Value": "blue"}])
    bob.client("s3").list_buckets()
    untagged = federated_user(two.dev, Policy=document(statement))
    assert refusal(untagged.client("s3").list_buckets).startswith("403 AccessDenied")


def test_a_federated_user_can_call_neither_iam_nor_most_of_sts(two: Two) -> None:
    create_role(two)
    bob = federated_user(two.dev, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}])
    said = refusal(bob.client("iam").list_users)
    assert said == "403 InvalidClientTokenId: The security token included in the request is invalid."
    sts = bob.client("sts")
    for operation, parameters in {
        "assume_role": {"RoleArn": READER, "RoleSessionName": "test"},
        "get_federation_token": {"Name": "carol"},
        "get_session_token": {},
        "get_access_key_info": {"AccessKeyId": "A" * 20},
    }.items():
        said = refusal(getattr(sts, operation), **parameters)
        assert said.startswith("403 AccessDenied: Cannot call ")
        assert said.endswith(" with session credentials")


def test_a_federated_user_can_call_iam_in_the_console(two: Two) -> None:
    bob = federated_user(two.dev, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}])
    console = two.aws.open_console(console_url(bob))
    assert console.client("sts").get_caller_identity()["Arn"] == BOB
    assert console.client("iam").list_users()["Users"]


def test_a_federation_token_ends_with_its_duration_and_with_its_user(two: Two) -> None:
    short, default = federated_user(two.dev, DurationSeconds=900), federated_user(two.dev)
    two.aws.clock.advance(901)
    assert refusal(short.client("sts").get_caller_identity).startswith("403 ExpiredToken: ")
    two.aws.clock.advance(12 * 3600 - 902)
    default.client("sts").get_caller_identity()
    two.aws.clock.advance(2)
    assert refusal(default.client("sts").get_caller_identity).startswith("403 ExpiredToken: ")

    alice = user_session(two, "sts:GetFederationToken")
    bob = federated_user(alice)
    iam = two.dev.client("iam")
    iam.delete_access_key(
        UserName="alice", AccessKeyId=iam.list_access_keys(UserName="alice")["AccessKeyMetadata"][0]["AccessKeyId"]
    )
    iam.delete_user_policy(UserName="alice", PolicyName="sts.GetFederationToken")
    iam.delete_user(UserName="alice")
    assert refusal(bob.client("sts").get_caller_identity).startswith("403 InvalidClientTokenId: ")


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"DurationSeconds": 129_601}, "Member must have value less than or equal to 129600"),
        ({"Name": "b" * 33}, "'name' failed to satisfy constraint: Member must have length less than or equal to 32"),
        ({"Name": "b c"}, PATTERN + r"[\w+=,.@-]*"),
        ({"Policy": "{"}, "MalformedPolicyDocument: Syntax errors in policy."),
        ({"PolicyArns": [{"arn": f"arn:aws:iam::{DEV}:policy/None"}]}, f"arn:aws:iam::{DEV}:policy/None is invalid"),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}, "Duplicate tag keys found."),
    ],
)
def test_the_limits_of_a_federation_token(two: Two, parameters: dict[str, Any], text: str) -> None:
    said = refusal(two.dev.client("sts").get_federation_token, **{"Name": "bob", **parameters})
    assert said.startswith("400 ")
    assert text in said


def test_get_access_key_info_returns_the_account_of_any_key(two: Two) -> None:
    sts = two.dev.client("sts")
    temporary = sts.get_session_token()["Credentials"]["AccessKeyId"]
    assert sts.get_access_key_info(AccessKeyId=two.aws.account(PROD).key.access_key_id)["Account"] == PROD
    two.aws.clock.advance(100_000)
    assert sts.get_access_key_info(AccessKeyId=temporary)["Account"] == DEV
    missing = "A" * 20
    said = refusal(sts.get_access_key_info, AccessKeyId=missing)
    assert said == f"400 ValidationError: The access key {missing} does not exist"
    assert "length less than or equal to 128" in refusal(sts.get_access_key_info, AccessKeyId="A" * 129)


def test_get_access_key_info_needs_permission(two: Two) -> None:
    said = refusal(user_session(two).client("sts").get_access_key_info, AccessKeyId="A" * 20)
    user = "User: arn:aws:iam::222222222222:user/alice"
    assert said == f"403 AccessDenied: {user} is not authorized to perform: sts:GetAccessKeyInfo on resource: *"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("assume_root", {"TargetPrincipal": PROD, "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/Any"}}),
        ("decode_authorization_message", {"EncodedMessage": "message"}),
        ("get_delegated_access_token", {"TradeInToken": "token"}),
        ("get_scoped_credentials", {}),
        ("get_web_identity_token", {"Audience": ["app"], "SigningAlgorithm": "RS256"}),
    ],
)
def test_other_operations_are_refused_in_words(two: Two, operation: str, parameters: Any) -> None:
    method = getattr(two.dev.client("sts"), operation, None)
    if method is None:
        pytest.skip("this version of botocore does not have the operation")
    said = refusal(method, **parameters)
    name = operation.title().replace("_", "")
    assert said.startswith(f"501 NotImplemented: sts:{name} is not implemented in the sandbox")
    assert ("Sandbox.sign_in" in said) == (operation == "assume_root")


def test_the_administrators_have_ids_of_users(two: Two) -> None:
    ids = {session.client("sts").get_caller_identity()["UserId"] for session in (two.prod, two.dev)}
    assert len(ids) == 2
    assert all(len(user_id) == 21 and user_id.startswith("AIDA") and user_id.isupper() for user_id in ids)
