"""What KMS permits; what it refuses is in the recorded answers."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from tests.testing.conftest import Two


@pytest.fixture
def kms(two: Two) -> Any:
    return two.prod.client("kms")


def create(kms: Any, **options: Any) -> str:
    key: str = kms.create_key(**options)["KeyMetadata"]["KeyId"]
    return key


@pytest.mark.parametrize(("kind", "message"), [("RAW", b"42"), ("DIGEST", hashlib.sha256(b"42").digest())])
def test_a_signature_is_verified(kms: Any, kind: str, message: bytes) -> None:
    key = create(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    options = {"KeyId": key, "Message": message, "MessageType": kind, "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**options)["Signature"]
    assert kms.verify(**options, Signature=signature)["SignatureValid"] is True


def test_a_key_encrypts_again_with_another(kms: Any) -> None:
    first, second = create(kms), create(kms, Tags=[{"TagKey": "project", "TagValue": "x"}])
    blob = kms.encrypt(KeyId=first, Plaintext=b"42", EncryptionContext={"a": "b"})["CiphertextBlob"]
    again = kms.re_encrypt(
        CiphertextBlob=blob, SourceKeyId=first, SourceEncryptionContext={"a": "b"}, DestinationKeyId=second
    )
    assert kms.decrypt(CiphertextBlob=again["CiphertextBlob"], KeyId=second)["Plaintext"] == b"42"


def test_a_new_key_is_for_encryption_in_one_region(kms: Any) -> None:
    found = kms.describe_key(KeyId=create(kms))["KeyMetadata"]
    assert (found["KeyUsage"], found["MultiRegion"], found["Origin"]) == ("ENCRYPT_DECRYPT", False, "AWS_KMS")


def test_a_rotation_replaces_the_material(kms: Any) -> None:
    key = create(kms)
    before = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    kms.rotate_key_on_demand(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] != before


@pytest.mark.parametrize(
    ("spec", "usage"),
    [("HMAC_256", "GENERATE_VERIFY_MAC"), ("RSA_2048", "ENCRYPT_DECRYPT"), ("ECC_NIST_P256", "KEY_AGREEMENT")],
)
def test_a_key_has_the_algorithms_of_its_usage(kms: Any, spec: str, usage: str) -> None:
    found = kms.describe_key(KeyId=create(kms, KeySpec=spec, KeyUsage=usage))["KeyMetadata"]
    names = {name for name in found if name.endswith("Algorithms")}
    assert (
        names
        == {
            "GENERATE_VERIFY_MAC": {"MacAlgorithms"},
            "ENCRYPT_DECRYPT": {"EncryptionAlgorithms"},
            "KEY_AGREEMENT": set(),
        }[usage]
    )
