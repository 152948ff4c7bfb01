"""Enforcement: a table of calls by different principals, with the error code that AWS returns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from attrs import frozen
from botocore.exceptions import ClientError

from xacct.testing import Sandbox

PROD, DEV, OTHER = "111111111111", "222222222222", "333333333333"
REGION = "eu-central-1"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"

Document = dict[str, Any]


def policy(*statements: Document) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(action: str | list[str], resource: str | list[str] | None = "*", **more: Any) -> Document:
    return {"Effect": "Allow", "Action": action, **({"Resource": resource} if resource else {}), **more}


def deny(action: str | list[str], resource: str | None = "*", **more: Any) -> Document:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def trust(principal: Document | str, action: str | list[str] = "sts:AssumeRole", **condition: Any) -> Document:
    return allow(action, None, Principal=principal, **({"Condition": condition} if condition else {}))


def user(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:user/{name}"


def role(name: str, account: str = PROD) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


DEVELOPMENT = {"AWS": DEV}
ROLES: dict[str, list[Document]] = {
    "Open": [trust(DEVELOPMENT)],
    "ExternalId": [trust(DEVELOPMENT, StringEquals={"sts:ExternalId": "acme-42"})],
    "Mfa": [trust(DEVELOPMENT, Bool={"aws:MultiFactorAuthPresent": "true"})],
    "FreshMfa": [trust(DEVELOPMENT, NumericLessThan={"aws:MultiFactorAuthAge": "600"})],
    "OnlyAlice": [trust({"AWS": user(DEV, "alice")})],
    "NotAlice": [trust(DEVELOPMENT), {**trust({"AWS": user(DEV, "alice")}), "Effect": "Deny"}],
    "ArnLikeAlice": [trust(DEVELOPMENT, ArnLike={"aws:PrincipalArn": user(DEV, "al*")})],
    "Tagged": [trust(DEVELOPMENT, ["sts:AssumeRole", "sts:TagSession"], StringEquals={"aws:RequestTag/team": "red"})],
    "Untaggable": [trust(DEVELOPMENT, StringEquals={"aws:PrincipalAccount": DEV})],
    "Behind": [
        trust(DEVELOPMENT, ["sts:AssumeRole", "sts:SetSourceIdentity"], StringEquals={"sts:SourceIdentity": "alice"})
    ],
    "NamedPolicy": [trust(DEVELOPMENT, StringEquals={"sts:RoleSessionName": "${aws:username}"})],
    "FromOffice": [trust(DEVELOPMENT, IpAddress={"aws:SourceIp": "10.0.0.0/8"})],
    "FromHere": [trust(DEVELOPMENT, IpAddress={"aws:SourceIp": "127.0.0.0/8"})],
    "Expired": [trust(DEVELOPMENT, DateLessThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"})],
    "NotYetExpired": [trust(DEVELOPMENT, DateLessThan={"aws:CurrentTime": "2099-01-01T00:00:00Z"})],
    "InOrganization": [trust("*", StringEquals={"aws:PrincipalOrgID": "o-abcdefghij"})],
    "ForLambda": [trust({"Service": "lambda.amazonaws.com"})],
    "AtHome": [trust({"AWS": user(PROD, "bob")})],
    "HomeAccount": [trust({"AWS": PROD})],
    "Recreated": [trust({"AWS": user(DEV, "carol")})],
    "Chained": [trust({"AWS": role("Open")})],
    "ByTag": [trust(DEVELOPMENT, StringEquals={"aws:PrincipalTag/team": "red"})],
}

BUCKET, SHARED, SECRET, FOREIGN_KEY = "prod-reports", "prod-shared", "prod-secret", "prod-locked"


@frozen
class World:
    aws: Sandbox
    sessions: dict[str, boto3.Session]
    key: str


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Sandbox([PROD, DEV, OTHER], region=REGION) as aws:
        yield build(aws)


def build(aws: Sandbox) -> World:
    prod, dev, other = (aws.account(account).session for account in (PROD, DEV, OTHER))
    people(prod, dev, other)
    for name, statements in ROLES.items():
        prod.client("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=policy(*statements),
            MaxSessionDuration=7200 if name == "Open" else 3600,
        )
    prod.client("iam").create_role(RoleName="Deep", Path="/team/", AssumeRolePolicyDocument=policy(trust(DEVELOPMENT)))
    dev.client("iam").delete_user(UserName="carol")
    dev.client("iam").create_user(UserName="carol")
    dev.client("iam").attach_user_policy(UserName="carol", PolicyArn=ADMINISTRATOR)
    key = buckets(prod)
    readers(prod, key)
    names = ("alice", "nobody", "narrow", "bounded", "refused", "red", "carol")
    sessions = {name: aws.sign_in(user(DEV, name)) for name in names}
    sessions |= {
        "alice with MFA": aws.sign_in(user(DEV, "alice"), mfa=True),
        "bob": aws.sign_in(user(PROD, "bob")),
        "prod administrator": prod,
        "dev administrator": dev,
        "mallory": aws.sign_in(user(OTHER, "mallory")),
        "root of dev": aws.sign_in(f"arn:aws:iam::{DEV}:root"),
        "root of prod": aws.sign_in(f"arn:aws:iam::{PROD}:root"),
        "deployer": aws.sign_in(role("Deployer", DEV)),
        "unknown key": boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION),
        "wrong secret": boto3.Session(prod.get_credentials().access_key, "secret", region_name=REGION),
    }
    for name in ("Open", "Reader", "Prefix", "KeyReader", "Writer", "Nothing"):
        sessions[f"in {name}"] = aws.sign_in(role(name))
    return World(aws, sessions, key)


def people(prod: boto3.Session, dev: boto3.Session, other: boto3.Session) -> None:
    iam = dev.client("iam")
    for name in ("alice", "nobody", "narrow", "bounded", "refused", "carol"):
        iam.create_user(UserName=name)
    iam.create_user(UserName="red", Tags=[{"Key": "team", "Value": "red"}])
    assume = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    for name in ("alice", "bounded", "refused", "red"):
        iam.put_user_policy(UserName=name, PolicyName="assume", PolicyDocument=policy(allow(assume)))
    iam.put_user_policy(
        UserName="narrow", PolicyName="assume", PolicyDocument=policy(allow("sts:AssumeRole", role("Open")))
    )
    iam.put_user_policy(UserName="refused", PolicyName="refuse", PolicyDocument=policy(deny("sts:*")))
    boundary = iam.create_policy(PolicyName="OnlyS3", PolicyDocument=policy(allow("s3:*")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary=boundary)
    s3 = allow("s3:*", [f"arn:aws:s3:::{SHARED}", f"arn:aws:s3:::{SHARED}/*", f"arn:aws:s3:::{BUCKET}/*"])
    iam.put_user_policy(UserName="alice", PolicyName="s3", PolicyDocument=policy(s3))
    iam.create_role(RoleName="Deployer", AssumeRolePolicyDocument=policy(trust({"AWS": DEV})))
    iam.put_role_policy(RoleName="Deployer", PolicyName="assume", PolicyDocument=policy(allow(assume)))
    prod.client("iam").create_user(UserName="bob")
    other.client("iam").create_user(UserName="mallory")
    other.client("iam").attach_user_policy(UserName="mallory", PolicyArn=ADMINISTRATOR)


def buckets(prod: boto3.Session) -> str:
    s3, kms = prod.client("s3"), prod.client("kms")
    for name in (BUCKET, SHARED, SECRET, FOREIGN_KEY):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("2026/january.csv", "2025/december.csv"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"north,42")
    s3.put_object(Bucket=SHARED, Key="for-alice", Body=b"hello")
    s3.put_object(Bucket=SHARED, Key="for-all", Body=b"hello")
    statements = [
        {**allow("s3:GetObject", f"arn:aws:s3:::{SHARED}/for-alice"), "Principal": {"AWS": user(DEV, "alice")}},
        {**allow("s3:GetObject", f"arn:aws:s3:::{SHARED}/for-all"), "Principal": "*"},
        {**allow("s3:ListBucket", f"arn:aws:s3:::{SHARED}"), "Principal": {"AWS": user(PROD, "bob")}},
        {**deny("s3:DeleteObject", f"arn:aws:s3:::{SHARED}/*"), "Principal": "*"},
    ]
    s3.delete_public_access_block(Bucket=SHARED)
    s3.put_bucket_policy(Bucket=SHARED, Policy=policy(*statements))
    key: str = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/reports", TargetKeyId=key)
    context = {"StringEquals": {"kms:EncryptionContext:team": "red"}}
    own = {"Principal": {"AWS": role("Open")}, **allow("kms:Encrypt", Condition=context)}
    locked = kms.create_key(Policy=policy({"Principal": {"AWS": user(PROD, "Administrator")}, **allow("kms:*")}, own))[
        "KeyMetadata"
    ]["Arn"]
    kms.create_alias(AliasName="alias/locked", TargetKeyId=locked)
    for bucket, arn in ((SECRET, key), (FOREIGN_KEY, locked)):
        encryption: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [encryption]})
        s3.put_object(Bucket=bucket, Key="plan", Body=b"secret")
    return key


def readers(prod: boto3.Session, key: str) -> None:
    iam = prod.client("iam")
    bucket = f"arn:aws:s3:::{BUCKET}"
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    prefix = {"StringLike": {"s3:prefix": "2026/*"}}
    permissions = {
        "Reader": [allow(["s3:Get*", "s3:List*"])],
        "Prefix": [allow("s3:ListBucket", bucket, Condition=prefix), allow("s3:GetObject", f"{bucket}/2026/*")],
        "KeyReader": [allow(["s3:Get*", "s3:List*"]), allow("kms:Decrypt", "*", Condition=through_s3)],
        "Writer": [allow("s3:PutObject", f"{bucket}/inbox/*")],
    }
    for name in ("Reader", "Prefix", "KeyReader", "Writer", "Nothing"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust(DEVELOPMENT)))
        if name in permissions:
            iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy(*permissions[name]))
    iam.put_role_policy(
        RoleName="Open", PolicyName="may", PolicyDocument=policy(allow("sts:AssumeRole"), allow("s3:*"))
    )


Call = Callable[[boto3.Session], object]


def assume(name: str, account: str = PROD, **options: Any) -> Call:
    def call(session: boto3.Session) -> object:
        wanted = {"RoleArn": role(name, account), "RoleSessionName": "attempt", **options}
        return session.client("sts").assume_role(**wanted)

    return call


def s3(operation: str, **options: Any) -> Call:
    return lambda session: getattr(session.client("s3"), operation)(**options)


def iam(operation: str, **options: Any) -> Call:
    return lambda session: getattr(session.client("iam"), operation)(**options)


def kms(operation: str, **options: Any) -> Call:
    return lambda session: getattr(session.client("kms"), operation)(**options)


def sts(operation: str, **options: Any) -> Call:
    return lambda session: getattr(session.client("sts"), operation)(**options)


def assumed(name: str, then: Call, **options: Any) -> Call:
    """Assume a role and make a call with its credentials."""

    def call(session: boto3.Session) -> object:
        answer: Any = assume(name, **options)(session)
        keys = answer["Credentials"]
        return then(
            boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
        )

    return call


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


DENIED, KMS_DENIED, INVALID = "AccessDenied", "AccessDeniedException", "ValidationError"
KMS = f"arn:aws:kms:{REGION}:{PROD}"
READ = {"Bucket": BUCKET, "Key": "2026/january.csv"}

# The caller, the call, and AWS's error code; None for a permitted call.
ATTEMPTS: list[tuple[str, Call, str | None]] = [
    # Both the trust policy and the caller's policies must allow.
    ("alice", assume("Open"), None),
    ("narrow", assume("Open"), None),
    ("nobody", assume("Open"), DENIED),
    ("narrow", assume("NotYetExpired"), DENIED),
    ("refused", assume("Open"), DENIED),
    ("bounded", assume("Open"), DENIED),
    ("mallory", assume("Open"), DENIED),
    ("bob", assume("Open"), DENIED),
    ("prod administrator", assume("Open"), DENIED),
    ("root of dev", assume("Open"), DENIED),
    ("root of prod", assume("Open"), DENIED),
    ("deployer", assume("Open"), None),
    # Roles that do not exist.
    ("alice", assume("Missing"), DENIED),
    ("alice", assume("open"), DENIED),
    ("alice", assume("Open", OTHER), DENIED),
    ("alice", assume("Open", "444444444444"), DENIED),
    ("alice", assume("Deep"), DENIED),
    ("alice", assume("team/Deep"), None),
    ("alice", assume("other/Deep"), DENIED),
    # Conditions of the trust policy.
    ("alice", assume("ExternalId", ExternalId="acme-42"), None),
    ("alice", assume("ExternalId", ExternalId="acme-43"), DENIED),
    ("alice", assume("ExternalId", ExternalId="ACME-42"), DENIED),
    ("alice", assume("ExternalId"), DENIED),
    ("alice", assume("Open", ExternalId="not-asked-for"), None),
    ("alice", assume("Mfa"), DENIED),
    ("alice with MFA", assume("Mfa"), None),
    ("deployer", assume("Mfa"), DENIED),
    ("alice", assume("FreshMfa"), DENIED),
    ("alice with MFA", assume("FreshMfa"), None),
    ("alice", assume("OnlyAlice"), None),
    ("red", assume("OnlyAlice"), DENIED),
    ("dev administrator", assume("OnlyAlice"), DENIED),
    ("alice", assume("NotAlice"), DENIED),
    ("red", assume("NotAlice"), None),
    ("alice", assume("ArnLikeAlice"), None),
    ("red", assume("ArnLikeAlice"), DENIED),
    ("alice", assume("FromHere"), None),
    ("alice", assume("FromOffice"), DENIED),
    ("alice", assume("Expired"), DENIED),
    ("alice", assume("NotYetExpired"), None),
    ("alice", assume("InOrganization"), DENIED),
    ("alice", assume("ForLambda"), DENIED),
    ("alice", assume("NamedPolicy", RoleSessionName="alice"), None),
    ("alice", assume("NamedPolicy", RoleSessionName="mallory"), DENIED),
    ("red", assume("ByTag"), None),
    ("alice", assume("ByTag"), DENIED),
    # Within one account the trust policy must allow the call. It suffices if it names the caller.
    ("bob", assume("AtHome"), None),
    ("prod administrator", assume("AtHome"), DENIED),
    ("bob", assume("HomeAccount"), DENIED),
    ("prod administrator", assume("HomeAccount"), None),
    ("alice", assume("HomeAccount"), DENIED),
    # A recreated user is another principal.
    ("carol", assume("Recreated"), DENIED),
    ("carol", assume("Open"), None),
    # Session tags and source identities require sts:TagSession and sts:SetSourceIdentity.
    ("alice", assume("Tagged", Tags=tags(team="red")), None),
    ("alice", assume("Tagged", Tags=tags(team="blue")), DENIED),
    ("alice", assume("Tagged"), DENIED),
    ("alice", assume("Untaggable"), None),
    ("alice", assume("Untaggable", Tags=tags(team="red")), DENIED),
    ("narrow", assume("Open", Tags=tags(team="red")), DENIED),
    ("alice", assume("Behind", SourceIdentity="alice"), None),
    ("alice", assume("Behind", SourceIdentity="mallory"), DENIED),
    ("alice", assume("Behind"), DENIED),
    ("alice", assume("Open", SourceIdentity="alice"), DENIED),
    ("alice", assume("Tagged", Tags=[*tags(team="red"), *tags(Team="red")]), "InvalidParameterValue"),
    ("alice", assume("Tagged", Tags=tags(team="red"), TransitiveTagKeys=["unit"]), "InvalidParameterValue"),
    ("alice", assume("Tagged", Tags=tags(team="red"), TransitiveTagKeys=["team"]), None),
    # Durations.
    ("alice", assume("ExternalId", ExternalId="acme-42", DurationSeconds=3600), None),
    ("alice", assume("ExternalId", ExternalId="acme-42", DurationSeconds=3601), INVALID),
    ("alice", assume("Open", DurationSeconds=7200), None),
    ("alice", assume("Open", DurationSeconds=7201), INVALID),
    ("alice", assume("Open", DurationSeconds=43201), INVALID),
    ("deployer", assume("Open", DurationSeconds=3600), None),
    ("deployer", assume("Open", DurationSeconds=3601), INVALID),
    ("in Open", assume("Chained"), None),
    ("in Reader", assume("Chained"), DENIED),
    ("alice", assume("Chained"), DENIED),
    # Parameters.
    ("alice", assume("Open", RoleSessionName="a b"), INVALID),
    ("alice", assume("Open", RoleSessionName="a" * 65), INVALID),
    ("alice", assume("Open", ExternalId="a b"), INVALID),
    ("alice", assume("Open", RoleArn="arn:aws:iam::111111111111:user/alice"), INVALID),
    ("alice", assume("Open", Policy="{"), "MalformedPolicyDocument"),
    ("alice", assume("Open", Policy=policy({"Effect": "Perhaps"})), "MalformedPolicyDocument"),
    ("alice", assume("Open", PolicyArns=[{"arn": S3_READ}] * 11), INVALID),
    ("alice", assume("Open", SerialNumber=f"arn:aws:iam::{DEV}:mfa/none", TokenCode="123456"), DENIED),
    # Credentials.
    ("unknown key", assume("Open"), "InvalidClientTokenId"),
    ("wrong secret", assume("Open"), "SignatureDoesNotMatch"),
    ("unknown key", s3("list_buckets"), "InvalidAccessKeyId"),
    ("wrong secret", s3("list_buckets"), "SignatureDoesNotMatch"),
    ("nobody", sts("get_caller_identity"), None),
    ("in Nothing", sts("get_caller_identity"), None),
    ("alice", sts("get_session_token"), DENIED),
    # S3 within one account: identity policies with resources and condition keys.
    ("in Reader", s3("list_buckets"), None),
    ("in Reader", s3("get_object", **READ), None),
    ("in Reader", s3("head_object", **READ), None),
    ("in Reader", s3("list_objects_v2", Bucket=BUCKET), None),
    ("in Reader", s3("get_bucket_location", Bucket=BUCKET), None),
    ("in Reader", s3("put_object", **READ, Body=b"x"), DENIED),
    ("in Reader", s3("delete_object", **READ), DENIED),
    ("in Reader", s3("delete_bucket", Bucket=BUCKET), DENIED),
    ("in Reader", s3("copy_object", **READ, CopySource=f"{BUCKET}/2025/december.csv"), DENIED),
    ("in Reader", s3("put_object_tagging", **READ, Tagging={"TagSet": tags(a="b")}), DENIED),
    ("in Nothing", s3("get_object", **READ), DENIED),
    ("in Nothing", s3("head_object", **READ), "403"),
    ("in Nothing", s3("head_bucket", Bucket=BUCKET), "403"),
    ("in Nothing", s3("list_buckets"), DENIED),
    ("in Prefix", s3("get_object", **READ), None),
    ("in Prefix", s3("get_object", Bucket=BUCKET, Key="2025/december.csv"), DENIED),
    ("in Prefix", s3("list_objects_v2", Bucket=BUCKET, Prefix="2026/"), None),
    ("in Prefix", s3("list_objects_v2", Bucket=BUCKET, Prefix="2025/"), DENIED),
    ("in Prefix", s3("list_objects_v2", Bucket=BUCKET), DENIED),
    ("in Prefix", s3("list_buckets"), DENIED),
    ("in Writer", s3("put_object", Bucket=BUCKET, Key="inbox/new", Body=b"x"), None),
    ("in Writer", s3("put_object", Bucket=BUCKET, Key="other/new", Body=b"x"), DENIED),
    ("in Writer", s3("get_object", Bucket=BUCKET, Key="inbox/new"), DENIED),
    # Only callers that may list the bucket learn that an object does not exist.
    ("in Reader", s3("get_object", Bucket=BUCKET, Key="missing"), "NoSuchKey"),
    ("in Prefix", s3("get_object", Bucket=BUCKET, Key="2026/missing"), DENIED),
    # S3 across accounts: both the bucket policy and the caller's policies must allow.
    ("alice", s3("get_object", Bucket=SHARED, Key="for-alice"), None),
    ("nobody", s3("get_object", Bucket=SHARED, Key="for-alice"), DENIED),
    ("alice", s3("get_object", Bucket=SHARED, Key="for-all"), None),
    ("nobody", s3("get_object", Bucket=SHARED, Key="for-all"), DENIED),
    ("mallory", s3("get_object", Bucket=SHARED, Key="for-all"), None),
    ("mallory", s3("get_object", **READ), DENIED),
    ("alice", s3("get_object", **READ), DENIED),
    ("bob", s3("list_objects_v2", Bucket=SHARED), None),
    ("bob", s3("get_object", Bucket=SHARED, Key="for-all"), None),
    ("bob", s3("get_object", Bucket=SHARED, Key="for-alice"), DENIED),
    ("prod administrator", s3("delete_object", Bucket=SHARED, Key="for-all"), DENIED),
    ("dev administrator", s3("put_bucket_policy", Bucket=BUCKET, Policy=policy()), DENIED),
    # A session policy limits the permissions of the role.
    ("alice", assumed("Open", s3("get_object", **READ)), None),
    ("alice", assumed("Open", s3("get_object", **READ), Policy=policy(allow("s3:ListBucket"))), DENIED),
    ("alice", assumed("Open", s3("get_object", **READ), PolicyArns=[{"arn": S3_READ}]), None),
    ("alice", assumed("Open", s3("put_object", **READ, Body=b"x"), PolicyArns=[{"arn": S3_READ}]), DENIED),
    # SSE-KMS: the caller also needs permissions on the key.
    ("in KeyReader", s3("get_object", Bucket=SECRET, Key="plan"), None),
    ("in Reader", s3("get_object", Bucket=SECRET, Key="plan"), DENIED),
    ("in Open", s3("put_object", Bucket=SECRET, Key="new", Body=b"x"), DENIED),
    ("prod administrator", s3("get_object", Bucket=SECRET, Key="plan"), None),
    ("in KeyReader", s3("get_object", Bucket=FOREIGN_KEY, Key="plan"), DENIED),
    ("prod administrator", s3("get_object", Bucket=FOREIGN_KEY, Key="plan"), None),
    # KMS: the key policy must allow the call, or delegate to the account's IAM policies.
    ("prod administrator", kms("encrypt", KeyId="alias/reports", Plaintext=b"x"), None),
    ("prod administrator", kms("encrypt", KeyId="alias/locked", Plaintext=b"x"), None),
    ("in Nothing", kms("encrypt", KeyId="alias/reports", Plaintext=b"x"), KMS_DENIED),
    ("in KeyReader", kms("encrypt", KeyId="alias/reports", Plaintext=b"x"), KMS_DENIED),
    ("in Open", kms("encrypt", KeyId="alias/locked", Plaintext=b"x"), KMS_DENIED),
    ("in Open", kms("encrypt", KeyId="alias/locked", Plaintext=b"x", EncryptionContext={"team": "red"}), None),
    ("in Open", kms("encrypt", KeyId="alias/reports", Plaintext=b"x"), KMS_DENIED),
    ("root of prod", kms("encrypt", KeyId="alias/reports", Plaintext=b"x"), None),
    ("root of prod", kms("encrypt", KeyId="alias/locked", Plaintext=b"x"), KMS_DENIED),
    (
        "dev administrator",
        kms("encrypt", KeyId=f"arn:aws:kms:{REGION}:{PROD}:alias/reports", Plaintext=b"x"),
        KMS_DENIED,
    ),
    ("prod administrator", kms("describe_key", KeyId="00000000-0000-0000-0000-000000000000"), "NotFoundException"),
    ("in Nothing", kms("create_key"), KMS_DENIED),
    ("in Nothing", kms("list_keys"), KMS_DENIED),
    ("prod administrator", kms("create_key", Tags=[{"TagKey": "team", "TagValue": "red"}]), None),
    ("unknown key", kms("list_keys"), "UnrecognizedClientException"),
    # IAM.
    ("nobody", iam("list_users"), DENIED),
    ("nobody", iam("get_user"), DENIED),
    ("nobody", iam("create_role", RoleName="Mine", AssumeRolePolicyDocument=policy(trust(DEVELOPMENT))), DENIED),
    ("bounded", iam("list_roles"), DENIED),
    ("dev administrator", iam("get_user", UserName="alice"), None),
    ("dev administrator", iam("get_user", UserName="missing"), "NoSuchEntity"),
    ("dev administrator", iam("get_role", RoleName="Open"), "NoSuchEntity"),
    ("root of dev", iam("list_users"), None),
    ("in Open", iam("list_roles"), DENIED),
]


def name_of(attempt: object) -> str:
    return attempt if isinstance(attempt, str) else "" if callable(attempt) else "allowed"


@pytest.mark.parametrize(("who", "attempt", "code"), ATTEMPTS, ids=name_of)
def test_attempt(world: World, who: str, attempt: Call, code: str | None) -> None:
    try:
        attempt(world.sessions[who])
    except ClientError as error:
        answered = error.response["Error"]["Code"]
    else:
        answered = None
    assert answered == code, str(world.aws.calls[-1])
