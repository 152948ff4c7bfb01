"""What was there before a recorded call. Each function makes it, and returns the values that the row names."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from botocore.config import Config
from tests.testing.conftest import DEV, PROD, allowing, document, trusting

# Each takes the replay of a row, which has clients, the values so far, and sessions.
Circumstance = Callable[[Any], dict[str, Any]]
NAMED: dict[str, Circumstance] = {}


def circumstance(name: str) -> Callable[[Circumstance], Circumstance]:
    def named(function: Circumstance) -> Circumstance:
        NAMED[name] = function
        return function

    return named


def _name(replay: Any, kind: str) -> str:
    return f"{replay.values['name']}-{kind}"


@circumstance("role")
def role(replay: Any) -> dict[str, Any]:
    name = _name(replay, "role")
    role = replay.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trusting(PROD, Action=TAGGING))
    return {"role": name, "role_arn": role["Role"]["Arn"]}


TAGGING = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


@circumstance("session with a transitive tag")
def session_with_a_transitive_tag(replay: Any) -> dict[str, Any]:
    name = _name(replay, "chained")
    iam = replay.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting(PROD, Action=TAGGING))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allowing("sts:*"))
    tags = [{"Key": "SessionTag1", "Value": "SessionValue1"}]
    assumed = replay.client("sts").assume_role(
        RoleArn=arn, RoleSessionName="Session1", Tags=tags, TransitiveTagKeys=["SessionTag1"]
    )
    replay.sessions["role"] = replay.session(assumed["Credentials"])
    return {"chained_arn": arn}


@circumstance("session of a role")
def session_of_a_role(replay: Any) -> dict[str, Any]:
    name = _name(replay, "used")
    iam = replay.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting(PROD))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allowing("iam:*"))
    assumed = replay.client("sts").assume_role(RoleArn=arn, RoleSessionName="Session1")
    replay.sessions["role"] = replay.session(assumed["Credentials"])
    return {}


@circumstance("user")
def user(replay: Any) -> dict[str, Any]:
    name = _name(replay, "user")
    return {"user": name, "user_arn": replay.client("iam").create_user(UserName=name)["User"]["Arn"]}


@circumstance("group")
def group(replay: Any) -> dict[str, Any]:
    replay.client("iam").create_group(GroupName=_name(replay, "group"))
    return {"group": _name(replay, "group")}


@circumstance("policy")
def policy(replay: Any) -> dict[str, Any]:
    name = _name(replay, "policy")
    made = replay.client("iam").create_policy(PolicyName=name, PolicyDocument=allowing("lambda:ListFunctions"))
    return {"policy": name, "policy_arn": made["Policy"]["Arn"]}


@circumstance("service specific credential")
def service_specific_credential(replay: Any) -> dict[str, Any]:
    made = replay.client("iam").create_service_specific_credential(
        UserName=replay.values["user"], ServiceName="codecommit.amazonaws.com"
    )
    return {"credential": made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]}


def _key(replay: Any, region: str = "us-east-1", **options: Any) -> dict[str, Any]:
    made = replay.client("kms", region=region).create_key(**options)["KeyMetadata"]
    return {"key": made["KeyId"], "key_arn": made["Arn"]}


@circumstance("key")
def key(replay: Any) -> dict[str, Any]:
    return _key(replay)


@circumstance("key in another region")
def key_in_another_region(replay: Any) -> dict[str, Any]:
    return _key(replay, region="us-west-2")


@circumstance("external key")
def external_key(replay: Any) -> dict[str, Any]:
    return _key(replay, Origin="EXTERNAL")


@circumstance("multi region key")
def multi_region_key(replay: Any) -> dict[str, Any]:
    return _key(replay, MultiRegion=True)


@circumstance("HMAC 224 key")
def hmac_224_key(replay: Any) -> dict[str, Any]:
    return _key(replay, KeySpec="HMAC_224", KeyUsage="GENERATE_VERIFY_MAC")


@circumstance("HMAC 256 key")
def hmac_256_key(replay: Any) -> dict[str, Any]:
    return _key(replay, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")


@circumstance("signing key")
def signing_key(replay: Any) -> dict[str, Any]:
    return _key(replay, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")


@circumstance("RSA 2048 key")
def rsa_2048_key(replay: Any) -> dict[str, Any]:
    return _key(replay, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")


@circumstance("RSA 2048 signing key")
def rsa_2048_signing_key(replay: Any) -> dict[str, Any]:
    return _key(replay, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")


@circumstance("ciphertext")
def ciphertext(replay: Any) -> dict[str, Any]:
    encrypted = replay.client("kms").encrypt(KeyId=replay.values["key"], Plaintext=b"message")
    return {"ciphertext": encrypted["CiphertextBlob"], "longer_ciphertext": encrypted["CiphertextBlob"] + b"bad_data"}


def _bucket(replay: Any, **options: Any) -> dict[str, Any]:
    name = _name(replay, "bucket")
    replay.client("s3").create_bucket(Bucket=name, **options)
    return {"bucket": name}


@circumstance("bucket")
def bucket(replay: Any) -> dict[str, Any]:
    return _bucket(replay)


@circumstance("bucket with ACLs")
def bucket_with_acls(replay: Any) -> dict[str, Any]:
    made = _bucket(replay, ObjectOwnership="ObjectWriter")
    replay.client("s3").delete_public_access_block(Bucket=made["bucket"])
    return made


@circumstance("bucket with Object Lock")
def bucket_with_object_lock(replay: Any) -> dict[str, Any]:
    return _bucket(replay, ObjectLockEnabledForBucket=True)


@circumstance("versioned bucket")
def versioned_bucket(replay: Any) -> dict[str, Any]:
    made = _bucket(replay)
    status = {"Status": "Enabled"}
    replay.client("s3").put_bucket_versioning(Bucket=made["bucket"], VersioningConfiguration=status)
    return made


@circumstance("object")
def stored_object(replay: Any) -> dict[str, Any]:
    made = replay.client("s3").put_object(Bucket=replay.values["bucket"], Key="my-key", Body=b"0123456789")
    return {"etag": made["ETag"], **({"version": made["VersionId"]} if "VersionId" in made else {})}


@circumstance("delete marker")
def delete_marker(replay: Any) -> dict[str, Any]:
    made = replay.client("s3").delete_object(Bucket=replay.values["bucket"], Key="my-key")
    return {"delete_marker": made["VersionId"]}


@circumstance("upload")
def upload(replay: Any) -> dict[str, Any]:
    made = replay.client("s3").create_multipart_upload(Bucket=replay.values["bucket"], Key="my-key")
    return {"upload": made["UploadId"]}


@circumstance("versioned bucket with ACLs")
def versioned_bucket_with_acls(replay: Any) -> dict[str, Any]:
    made = bucket_with_acls(replay)
    status = {"Status": "Enabled"}
    replay.client("s3").put_bucket_versioning(Bucket=made["bucket"], VersioningConfiguration=status)
    return made


@circumstance("owner")
def owner(replay: Any) -> dict[str, Any]:
    owner = replay.client("s3").list_buckets()["Owner"]
    return {"owner": owner, "owner_id": owner["ID"]}


@circumstance("object encrypted with the key")
def object_encrypted_with_the_key(replay: Any) -> dict[str, Any]:
    values = replay.values
    replay.client("s3").put_object(
        Bucket=values["bucket"], Key="my-key", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=values["key"]
    )
    return {}


def _signing(replay: Any, version: str) -> Any:
    signature = {"SigV2": "s3", "SigV4": "s3v4"}[version]
    config = Config(signature_version=signature, s3={"addressing_style": "virtual"})
    return replay.aws.account(PROD).session.client("s3", region_name="us-east-1", config=config)


def _url(replay: Any, version: str, operation: str = "get_object", seconds: int = 60) -> str:
    where = {"Bucket": replay.values["bucket"], "Key": "my-key"}
    return str(_signing(replay, version).generate_presigned_url(operation, Params=where, ExpiresIn=seconds))


def _without(url: str, parameter: str) -> str:
    return re.sub(rf"(?<=[?&]){parameter}=[^&]*&?", "", url)


NAMED["SigV4 URL"] = lambda replay: {"url": _url(replay, "SigV4")}
NAMED["SigV4 URL of an upload"] = lambda replay: {"url": _url(replay, "SigV4", "put_object")}
NAMED["SigV2 URL without Expires"] = lambda replay: {"url": _without(_url(replay, "SigV2"), "Expires")}
NAMED["SigV4 URL without X Amz Date"] = lambda replay: {"url": _without(_url(replay, "SigV4"), "X-Amz-Date")}


def _expired_url(replay: Any, version: str) -> dict[str, Any]:
    url = _url(replay, version, seconds=2)
    replay.aws.clock.advance(3)
    return {"url": url}


NAMED["SigV2 URL that has expired"] = lambda replay: _expired_url(replay, "SigV2")
NAMED["SigV4 URL that has expired"] = lambda replay: _expired_url(replay, "SigV4")


def _post(replay: Any, version: str = "SigV4", without: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
    post = _signing(replay, version).generate_presigned_post(replay.values["bucket"], "my-key", **options)
    return {"url": post["url"], "form": {name: text for name, text in post["fields"].items() if name not in without}}


NAMED["SigV2 POST without its signature"] = lambda replay: _post(replay, "SigV2", ("signature",))
NAMED["SigV4 POST without its signature"] = lambda replay: _post(replay, "SigV4", ("x-amz-signature",))
NAMED["SigV2 POST without AWSAccessKeyId"] = lambda replay: _post(replay, "SigV2", ("AWSAccessKeyId",))
NAMED["SigV4 POST without X Amz Algorithm"] = lambda replay: _post(replay, "SigV4", ("x-amz-algorithm",))
NAMED["POST without signature and policy"] = lambda replay: _post(
    replay,
    without=("x-amz-signature", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "policy"),
)
NAMED["POST of 5 to 10 bytes"] = lambda replay: _post(replay, Conditions=[["content-length-range", 5, 10]])


@circumstance("POST that has expired")
def post_that_has_expired(replay: Any) -> dict[str, Any]:
    post = _post(replay, ExpiresIn=2)
    replay.aws.clock.advance(3)
    return post


_REDIRECT = "http://localhost.test/random"


def _redirected(replay: Any, condition: list[str]) -> dict[str, Any]:
    post = _post(replay, Fields={"success_action_redirect": _REDIRECT}, Conditions=[condition])
    return {**post, "form": {**post["form"], "success_action_redirect": "http://wrong.location/test"}}


NAMED["POST with another redirect"] = lambda replay: _redirected(replay, ["eq", "$success_action_redirect", _REDIRECT])
NAMED["POST with another beginning of the redirect"] = lambda replay: _redirected(
    replay, ["starts-with", "$success_action_redirect", "http://localhost"]
)


@circumstance("alice")
def alice(replay: Any) -> dict[str, Any]:
    """A user without permissions, whose session is ``alice``."""
    iam, name = replay.client("iam"), _name(replay, "alice")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    replay.sessions["alice"] = replay.session(key)
    return {"alice": name, "alice_arn": arn}


@circumstance("session of a role without permissions")
def session_without_permissions(replay: Any) -> dict[str, Any]:
    name = _name(replay, "used")
    arn = replay.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trusting(PROD))["Role"]["Arn"]
    assumed = replay.client("sts").assume_role(RoleArn=arn, RoleSessionName="Session1")
    replay.sessions["role"] = replay.session(assumed["Credentials"])
    return {"session_arn": assumed["AssumedRoleUser"]["Arn"]}


@circumstance("session with a session policy")
def session_with_a_session_policy(replay: Any) -> dict[str, Any]:
    name = _name(replay, "used")
    iam = replay.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting(PROD))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allowing("*"))
    policy = allowing("s3:GetBucketLocation")
    assumed = replay.client("sts").assume_role(RoleArn=arn, RoleSessionName="Session1", Policy=policy)
    replay.sessions["role"] = replay.session(assumed["Credentials"])
    return {"session_arn": assumed["AssumedRoleUser"]["Arn"]}


@circumstance("key without the account in its policy")
def key_of_another(replay: Any) -> dict[str, Any]:
    administrator = f"arn:aws:iam::{PROD}:user/Administrator"
    statement = {"Effect": "Allow", "Principal": {"AWS": administrator}, "Action": "kms:*", "Resource": "*"}
    return _key(replay, Policy=document(statement))


@circumstance("workflow of another repository")
def workflow(replay: Any) -> dict[str, Any]:
    """A token of GitHub Actions, and a role that trusts another repository."""
    issuer = replay.aws.oidc_provider("https://token.actions.githubusercontent.com", account=PROD)
    provider = f"arn:aws:iam::{PROD}:oidc-provider/token.actions.githubusercontent.com"
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}},
    }
    name = _name(replay, "deploy")
    role = replay.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    token = issuer.token(sub="repo:mallory/app:ref:refs/heads/main", aud="sts.amazonaws.com")
    return {"role_arn": role["Role"]["Arn"], "token": token}


@circumstance("token of another issuer")
def other_issuer(replay: Any) -> dict[str, Any]:
    """A token of an issuer for which there is no provider in the account of the role."""
    issuer = replay.aws.oidc_provider("https://gitlab.example.com", account=DEV)
    name = _name(replay, "deploy")
    role = replay.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trusting(PROD))
    return {"role_arn": role["Role"]["Arn"], "token": issuer.token(sub="s", aud="sts.amazonaws.com")}


@circumstance("user of another account")
def user_of_another_account(replay: Any) -> dict[str, Any]:
    """A user whose own policies allow everything, and whose session is ``other``."""
    iam, name = replay.aws.account(DEV).session.client("iam"), _name(replay, "other")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowing("*"))
    replay.sessions["other"] = replay.session(iam.create_access_key(UserName=name)["AccessKey"])
    return {"other_arn": arn}


# The management account and the member of the organization whose policies deny.
IN_ORGANIZATION = "333333333333", "444444444444"


def organize(aws: Any) -> None:
    """Make the organization: its policies allow a member three services, and deny it one action of each."""
    management, member = IN_ORGANIZATION
    organization = aws.organization({"Limited": [member]}, management=management)
    organization.attach_scp(member, allowing(["iam:*", "s3:*", "secretsmanager:*"]))
    organization.detach(member, "p-FullAWSAccess")
    deny = {"Effect": "Deny", "Resource": "*"}
    organization.attach_scp(member, document({**deny, "Action": ["iam:ListRoles", "secretsmanager:CreateSecret"]}))
    organization.attach_rcp(member, document({**deny, "Principal": "*", "Action": "s3:PutObject"}))


@circumstance("user of a member account")
def user_of_a_member_account(replay: Any) -> dict[str, Any]:
    """A user whose own policies allow everything, and whose session is ``member``."""
    session, name = replay.aws.account(IN_ORGANIZATION[1]).session, _name(replay, "member")
    session.client("s3").create_bucket(Bucket=name)
    iam = session.client("iam")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowing("*"))
    replay.sessions["member"] = replay.session(iam.create_access_key(UserName=name)["AccessKey"])
    return {"management": IN_ORGANIZATION[0], "member": IN_ORGANIZATION[1], "member_arn": arn, "bucket": name}


@circumstance("table")
def table(replay: Any) -> dict[str, Any]:
    replay.client("dynamodb").create_table(
        TableName=replay.values["name"],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return {}


@circumstance("function")
def function(replay: Any) -> dict[str, Any]:
    name = replay.values["name"]
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = replay.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    code = {"ZipFile": b"code"}
    replay.client("lambda").create_function(
        FunctionName=name, Runtime="python3.13", Role=role, Handler="app.handler", Code=code
    )
    return {}


@circumstance("time of the object")
def time_of_the_object(replay: Any) -> dict[str, Any]:
    found = replay.client("s3").head_object(Bucket=replay.values["bucket"], Key="my-key")
    return {"modified": found["LastModified"], "bare_etag": found["ETag"].strip('"')}


def _another_signature(replay: Any, version: str) -> dict[str, Any]:
    parameter = {"SigV2": "Signature", "SigV4": "X-Amz-Signature"}[version]
    return {"url": re.sub(rf"(?<=[?&]{parameter}=)[^&]*", "invalid", _url(replay, version))}


def _upload_of_text(replay: Any, version: str) -> dict[str, Any]:
    where = {"Bucket": replay.values["bucket"], "Key": "my-key", "ContentType": "text/plain"}
    return {"url": _signing(replay, version).generate_presigned_url("put_object", Params=where, ExpiresIn=60)}


def _another_policy(replay: Any, version: str) -> dict[str, Any]:
    post = _post(replay, version)
    return {**post, "form": {**post["form"], "policy": "invalid"}}


for _version in ("SigV2", "SigV4"):
    NAMED[f"{_version} URL with another signature"] = partial(_another_signature, version=_version)
    NAMED[f"{_version} URL of an upload of text"] = partial(_upload_of_text, version=_version)
    NAMED[f"{_version} POST with another policy"] = partial(_another_policy, version=_version)


@circumstance("SigV4 URL of an upload with metadata")
def upload_with_metadata(replay: Any) -> dict[str, Any]:
    where = {"Bucket": replay.values["bucket"], "Key": "my-key", "Metadata": {"foo": "bar"}}
    return {"url": _signing(replay, "SigV4").generate_presigned_url("put_object", Params=where, ExpiresIn=60)}


@circumstance("SigV4 URL whose credential is encoded twice")
def encoded_twice(replay: Any) -> dict[str, Any]:
    return {"url": re.sub(r"(?<=X-Amz-Credential=)[^&]*", lambda text: quote(text[0]), _url(replay, "SigV4"))}


def _redirect_in_policy(*condition: Any) -> Circumstance:
    return lambda replay: _post(replay, Fields={"success_action_redirect": _REDIRECT}, Conditions=list(condition))


NAMED["POST whose condition has no $"] = _redirect_in_policy(["eq", "success_action_redirect", _REDIRECT])
NAMED["POST with two properties in a condition"] = lambda replay: _redirect_in_policy(
    {"bucket": replay.values["bucket"], "success_action_redirect": _REDIRECT}
)(replay)
NAMED["POST with the redirect in another case"] = _redirect_in_policy(
    ["eq", "$success_action_redirect", _REDIRECT.replace("http://", "HTTP://")]
)


@circumstance("POST with the beginning of the redirect in another case")
def redirect_in_another_case(replay: Any) -> dict[str, Any]:
    post = _redirect_in_policy(["starts-with", "$success_action_redirect", "http://localhost"])(replay)
    return {**post, "form": {**post["form"], "success_action_redirect": _REDIRECT.replace("http://", "HTTP://")}}


NAMED["POST whose size is no number"] = lambda replay: _post(replay, Conditions=[["content-length-range", "test", 10]])


def _post_with(field: str, value: str) -> Circumstance:
    return lambda replay: _post(replay, Fields={field: value}, Conditions=[{field: value}])


NAMED["POST with an unknown storage class"] = _post_with("x-amz-storage-class", "FakeClass")
NAMED["POST with malformed tags"] = _post_with("tagging", "not-xml")
