"""KMS keys in the sandbox: the permissions that KMS and S3 require on them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import DEV, PROD, REGION, Two, allowing, document, refusal

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
    with pytest.raises(ClientError):
        s3.create_multipart_upload(Bucket="reports", Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId="missing")
    assert [decision.action for decision in two.aws.calls[-1].decisions][:2] == ["s3:PutObject", "kms:GenerateDataKey"]
    assert two.aws.calls[-1].code == "AccessDenied"


@pytest.mark.parametrize("key", ["arn:foo", "arn:aws:kms:eu-central-1:999999999999:key/gone", "alias/missing"])
def test_a_missing_key_is_not_found(two: Two, key: str) -> None:
    said = refusal(two.prod.client("kms").encrypt, KeyId=key, Plaintext=b"42")
    assert said.startswith("400 NotFoundException: ")


def test_a_malformed_key_arn_is_refused_by_s3(two: Two) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    said = refusal(
        s3.put_object, Bucket="reports", Key="k", Body=b"42", ServerSideEncryption="aws:kms", SSEKMSKeyId="arn:foo"
    )
    assert said == "400 KMS.NotFoundException: Invalid arn arn:foo"
