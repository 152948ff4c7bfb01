"""KMS keys in the sandbox: the permissions that KMS and S3 require on them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import DEV, PROD, REGION, Two, allowing, document, refusal

MISSING_KEY = "12345678-1234-1234-1234-123456789012"
READER = f"arn:aws:iam::{DEV}:user/reader"


def shared_key(two: Two) -> str:
    """A key of production that allows a user of development to decrypt."""
    iam = two.dev.client("iam")
    iam.create_user(UserName="reader")
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=allowing("kms:*"))
    by_owner = {"Effect": "Allow", "Principal": {"AWS": PROD}, "Action": "kms:*", "Resource": "*"}
    red = {"StringEquals": {"kms:EncryptionContext:team": "red"}}
    by_reader = {**by_owner, "Principal": {"AWS": READER}, "Action": "kms:Decrypt", "Condition": red}
    return str(two.prod.client("kms").create_key(Policy=document(by_owner, by_reader))["KeyMetadata"]["Arn"])


def test_decryption_across_accounts_requires_the_permission_of_both_accounts(two: Two) -> None:
    key = shared_key(two)
    encrypt, reader = two.prod.client("kms").encrypt, two.aws.sign_in(READER).client("kms")
    context = {"team": "red"}
    secret = encrypt(KeyId=key, Plaintext=b"42", EncryptionContext=context)["CiphertextBlob"]
    assert reader.decrypt(CiphertextBlob=secret, EncryptionContext=context)["Plaintext"] == b"42"
    with pytest.raises(ClientError, match="not authorized to perform: kms:Decrypt on resource: " + key):
        reader.decrypt(CiphertextBlob=secret)
    with pytest.raises(ClientError, match="AccessDenied"):
        two.dev.client("kms").decrypt(CiphertextBlob=secret, EncryptionContext=context)


def test_reencryption_requires_permissions_on_both_keys(two: Two) -> None:
    kms = two.prod.client("kms")
    keys = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    secret = kms.encrypt(KeyId=keys[0], Plaintext=b"42")["CiphertextBlob"]
    again = kms.re_encrypt(CiphertextBlob=secret, DestinationKeyId=keys[1])["CiphertextBlob"]
    required = [(decision.action, decision.request.resource) for decision in two.aws.calls[-1].decisions]
    assert required == [("kms:ReEncryptFrom", keys[0]), ("kms:ReEncryptTo", keys[1])]
    assert kms.decrypt(CiphertextBlob=again)["Plaintext"] == b"42"


def test_a_call_on_an_alias_requires_a_permission_on_its_key_too(two: Two) -> None:
    kms = two.prod.client("kms")
    key = kms.create_key(Tags=[{"TagKey": "team", "TagValue": "red"}])["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/reports", TargetKeyId=key)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "unit", "TagValue": "north"}])
    kms.delete_alias(AliasName="alias/reports")
    alias = f"arn:aws:kms:{REGION}:{PROD}:alias/reports"
    required = [decision.request.resource for decision in two.aws.calls[-1].decisions]
    assert required == [alias, key]
    tagged = two.aws.calls[-2].decisions[0].request.context
    assert (tagged["aws:requesttag/unit"], tagged["aws:resourcetag/team"]) == (("north",), ("red",))


@pytest.mark.parametrize(("session", "refused"), [("prod", False), ("dev", True)])
def test_the_aws_managed_key_of_s3_is_for_principals_of_its_account_only(two: Two, session: str, refused: bool) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="reports", Key="k", Body=b"42", ServerSideEncryption="aws:kms")
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": DEV}, "Action": "s3:GetObject"}
    s3.put_bucket_policy(Bucket="reports", Policy=document({**statement, "Resource": "arn:aws:s3:::reports/*"}))
    reader = getattr(two, session).client("s3")
    if refused:
        with pytest.raises(ClientError, match="kms:Decrypt"):
            reader.get_object(Bucket="reports", Key="k")
    else:
        assert reader.get_object(Bucket="reports", Key="k")["Body"].read() == b"42"


def test_a_multipart_upload_requires_permissions_to_encrypt_and_decrypt(two: Two) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    key = two.prod.client("kms").create_key()["KeyMetadata"]["KeyId"]
    s3.create_multipart_upload(Bucket="reports", Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    required = [decision.action for decision in two.aws.calls[-1].decisions]
    assert required == ["s3:PutObject", "kms:GenerateDataKey", "kms:Decrypt"]


@pytest.mark.parametrize("key", ["arn:foo", "arn:aws:kms:eu-central-1:999999999999:key/gone", "alias/missing"])
def test_a_missing_key_is_not_found(two: Two, key: str) -> None:
    said = refusal(two.prod.client("kms").encrypt, KeyId=key, Plaintext=b"42")
    assert said.startswith("400 NotFoundException: ")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("arn:foo", "Invalid arn arn:foo"),
        ("missing", "Invalid keyId 'missing'"),
        ("alias/missing", f"Alias arn:aws:kms:{REGION}:{PROD}:alias/missing is not found."),
        (MISSING_KEY, f"Key 'arn:aws:kms:{REGION}:{PROD}:key/{MISSING_KEY}' does not exist"),
    ],
)
def test_s3_does_not_find_a_missing_key(two: Two, key: str, text: str) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    encrypted: Any = {"Bucket": "reports", "Key": "k", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    assert refusal(s3.put_object, **encrypted) == f"400 KMS.NotFoundException: {text}"
    assert [decision.action for decision in two.aws.calls[-1].decisions] == ["s3:PutObject"]


@pytest.mark.parametrize(
    ("disable", "code", "problem"),
    [
        ("disable_key", "DisabledException", "disabled"),
        ("schedule_key_deletion", "KMSInvalidStateException", "pending deletion"),
    ],
)
def test_a_key_that_is_not_enabled_cannot_be_used(two: Two, disable: str, code: str, problem: str) -> None:
    kms, s3 = two.prod.client("kms"), two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    key = kms.create_key()["KeyMetadata"]["Arn"]
    secret = kms.encrypt(KeyId=key, Plaintext=b"42")["CiphertextBlob"]
    encrypted: Any = {"Bucket": "reports", "Key": "k", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(**encrypted)
    getattr(kms, disable)(KeyId=key)
    error = f"{code}: {key} is {problem}."
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"42") == f"400 {error}"
    assert refusal(kms.decrypt, CiphertextBlob=secret) == f"400 {error}"
    assert refusal(kms.generate_data_key, KeyId=key, KeySpec="AES_256") == f"400 {error}"
    assert refusal(s3.put_object, **encrypted) == f"400 KMS.{error}"
    assert refusal(s3.get_object, Bucket="reports", Key="k") == f"400 KMS.{error}"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"] is False
    if problem == "disabled":
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": "team", "TagValue": "red"}])
        kms.enable_key(KeyId=key)
    else:
        assert refusal(kms.enable_key, KeyId=key) == f"400 {error}"
        kms.cancel_key_deletion(KeyId=key)
        assert refusal(kms.decrypt, CiphertextBlob=secret).startswith("400 DisabledException")
        kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket="reports", Key="k")["Body"].read() == b""


def test_a_deletion_that_is_not_scheduled_cannot_be_cancelled(two: Two) -> None:
    kms = two.prod.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    said = refusal(kms.cancel_key_deletion, KeyId=key)
    assert said == f"400 KMSInvalidStateException: {key} is not pending deletion."
