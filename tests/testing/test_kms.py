"""Keys in the sandbox: what is encrypted with one is decrypted by those whom it lets."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import DEV, PROD, REGION, Two, allowing, document, refusal

READER = f"arn:aws:iam::{DEV}:user/reader"


def shared_key(two: Two) -> str:
    """A key of production that lets a user of development decrypt."""
    iam = two.dev.client("iam")
    iam.create_user(UserName="reader")
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=allowing("kms:*"))
    own = {"Effect": "Allow", "Principal": {"AWS": PROD}, "Action": "kms:*", "Resource": "*"}
    red = {"StringEquals": {"kms:EncryptionContext:team": "red"}}
    lent = {**own, "Principal": {"AWS": READER}, "Action": "kms:Decrypt", "Condition": red}
    return str(two.prod.client("kms").create_key(Policy=document(own, lent))["KeyMetadata"]["Arn"])


def test_a_key_decrypts_across_accounts_for_whom_both_sides_allow(two: Two) -> None:
    key = shared_key(two)
    encrypt, reader = two.prod.client("kms").encrypt, two.aws.sign_in(READER).client("kms")
    context = {"team": "red"}
    secret = encrypt(KeyId=key, Plaintext=b"42", EncryptionContext=context)["CiphertextBlob"]
    assert reader.decrypt(CiphertextBlob=secret, EncryptionContext=context)["Plaintext"] == b"42"
    with pytest.raises(ClientError, match="not authorized to perform: kms:Decrypt on resource: " + key):
        reader.decrypt(CiphertextBlob=secret)
    with pytest.raises(ClientError, match="AccessDenied"):
        two.dev.client("kms").decrypt(CiphertextBlob=secret, EncryptionContext=context)


def test_reencryption_needs_both_keys(two: Two) -> None:
    kms = two.prod.client("kms")
    keys = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    secret = kms.encrypt(KeyId=keys[0], Plaintext=b"42")["CiphertextBlob"]
    again = kms.re_encrypt(CiphertextBlob=secret, DestinationKeyId=keys[1])["CiphertextBlob"]
    asked = [(decision.action, decision.request.resource) for decision in two.aws.calls[-1].decisions]
    assert asked == [("kms:ReEncryptFrom", keys[0]), ("kms:ReEncryptTo", keys[1])]
    assert kms.decrypt(CiphertextBlob=again)["Plaintext"] == b"42"


def test_an_alias_needs_its_key_too(two: Two) -> None:
    kms = two.prod.client("kms")
    key = kms.create_key(Tags=[{"TagKey": "team", "TagValue": "red"}])["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/reports", TargetKeyId=key)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "unit", "TagValue": "north"}])
    kms.delete_alias(AliasName="alias/reports")
    alias = f"arn:aws:kms:{REGION}:{PROD}:alias/reports"
    asked = [decision.request.resource for decision in two.aws.calls[-1].decisions]
    assert asked == [alias, key]
    tagged = two.aws.calls[-2].decisions[0].request.context
    assert (tagged["aws:requesttag/unit"], tagged["aws:resourcetag/team"]) == (("north",), ("red",))


@pytest.mark.parametrize(("session", "refused"), [("prod", False), ("dev", True)])
def test_s3s_own_key_is_for_its_account_only(two: Two, session: str, refused: bool) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="reports", Key="k", Body=b"42", ServerSideEncryption="aws:kms")
    everybody: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": DEV}, "Action": "s3:GetObject"}
    s3.put_bucket_policy(Bucket="reports", Policy=document({**everybody, "Resource": "arn:aws:s3:::reports/*"}))
    reader = getattr(two, session).client("s3")
    if refused:
        with pytest.raises(ClientError, match="kms:Decrypt"):
            reader.get_object(Bucket="reports", Key="k")
    else:
        assert reader.get_object(Bucket="reports", Key="k")["Body"].read() == b"42"


def test_a_multipart_upload_with_a_key_asks_to_decrypt_too(two: Two) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    with pytest.raises(ClientError):
        s3.create_multipart_upload(Bucket="reports", Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId="missing")
    assert [decision.action for decision in two.aws.calls[-1].decisions][:2] == ["s3:PutObject", "kms:GenerateDataKey"]
    assert two.aws.calls[-1].code == "AccessDenied"


@pytest.mark.parametrize("key", ["arn:foo", "arn:aws:kms:eu-central-1:999999999999:key/gone", "alias/missing"])
def test_a_key_that_is_none_is_not_found(two: Two, key: str) -> None:
    said = refusal(two.prod.client("kms").encrypt, KeyId=key, Plaintext=b"42")
    assert said.startswith("400 NotFoundException: ")


def test_an_object_is_not_encrypted_with_what_is_no_key(two: Two) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    said = refusal(
        s3.put_object, Bucket="reports", Key="k", Body=b"42", ServerSideEncryption="aws:kms", SSEKMSKeyId="arn:foo"
    )
    assert said == "400 KMS.NotFoundException: Invalid arn arn:foo"
