"""Rules for calls of KMS: tags, what a key is for, and the lengths of digests and plaintexts.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html, and answers recorded from AWS
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xacct.testing.error_responses import Refused
from xacct.testing.write_rules.write import Check, Write

if TYPE_CHECKING:
    from moto.kms.models import Key

__all__ = ["CHECKS"]

_MOST_TAGS = 50
_MOST_ROTATIONS = 10
_USAGES = {
    "ENCRYPT_DECRYPT": (
        "Encrypt",
        "Decrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
    ),
    "SIGN_VERIFY": ("Sign", "Verify"),
    "GENERATE_VERIFY_MAC": ("GenerateMac", "VerifyMac"),
    "KEY_AGREEMENT": ("DeriveSharedSecret",),
}
_DIGEST_BYTES = {"SHA_224": 28, "SHA_256": 32, "SHA_384": 48, "SHA_512": 64}
# The length of the hash in the padding of RSA, which takes place from the plaintext.
_PADDING_BYTES = {"RSAES_OAEP_SHA_1": 20, "RSAES_OAEP_SHA_256": 32}
_CAN_BE_DRY = (
    "CreateGrant",
    "ReEncrypt",
    "RetireGrant",
    "RevokeGrant",
    *(operation for operations in _USAGES.values() for operation in operations),
)


def _key(write: Write, parameter: str = "KeyId") -> Key | None:
    return write.state.key(write.call.text(parameter), write.account, write.call.region)


def _check_tags(write: Write) -> None:
    keys = [tag["TagKey"] for tag in write.call.params.get("Tags") or ()]
    if len(keys) > _MOST_TAGS:
        raise Refused("TagException", "Too many tags")
    if len(set(keys)) < len(keys):
        raise Refused("TagException", "Duplicate tag keys")
    if any(key.lower().startswith("aws:") for key in keys):
        raise Refused("TagException", "Tags beginning with aws: are reserved")


def _check_new_key(write: Write) -> None:
    spec = write.call.text("KeySpec") or write.call.text("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT")
    usage = write.call.text("KeyUsage")
    if spec != "SYMMETRIC_DEFAULT" and not usage:
        text = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
        raise Refused("ValidationException", text)
    if usage and usage not in _usages_of(spec):
        raise Refused("ValidationException", f"KeyUsage {usage} is not compatible with KeySpec {spec}")


def _usages_of(spec: str) -> tuple[str, ...]:
    """Return what the keys of a type can be for.

    Source: https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
    """
    if spec.startswith("HMAC"):
        return ("GENERATE_VERIFY_MAC",)
    if spec.startswith("RSA"):
        return ("ENCRYPT_DECRYPT", "SIGN_VERIFY")
    if spec == "SM2":
        return ("ENCRYPT_DECRYPT", "SIGN_VERIFY", "KEY_AGREEMENT")
    if spec.startswith("ML_KEM"):
        return ("ENCAPSULATE_DECAPSULATE",)
    if spec.startswith("ECC_NIST_P"):
        return ("SIGN_VERIFY", "KEY_AGREEMENT")
    return ("ENCRYPT_DECRYPT",) if spec == "SYMMETRIC_DEFAULT" else ("SIGN_VERIFY",)


def _check_alias(write: Write) -> None:
    if not write.call.text("AliasName").startswith("alias/"):
        text = 'Alias must start with the prefix "alias/". Please see'
        page = "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
        raise Refused("ValidationException", f"{text} {page}")


def _check_usage(write: Write) -> None:
    key, operation = _key(write), write.call.operation
    if key is None or operation in _USAGES.get(key.key_usage, ()) or operation == "Decrypt":
        return
    text = f"{key.arn} key usage is {key.key_usage} which is not valid for {operation}."
    raise Refused("InvalidKeyUsageException", text)


def _check_ciphertext(write: Write) -> None:
    key = _key(write, "KeyId" if write.call.operation == "Decrypt" else "SourceKeyId")
    # Moto's ciphertext begins with the key's id.
    key_id = (write.call.params.get("CiphertextBlob") or b"")[:36].decode("ascii", "replace")
    known = any(found.id == key_id for found in write.state.kms_keys())
    if key is not None and known and key.id != key_id:
        text = "The key ID in the request does not identify a CMK that can perform this operation."
        raise Refused("IncorrectKeyException", text)


def _check_plaintext(write: Write) -> None:
    key, algorithm = _key(write), write.call.text("EncryptionAlgorithm")
    if key is None or algorithm not in _PADDING_BYTES or not key.key_spec.startswith("RSA_"):
        return
    most = int(key.key_spec[4:]) // 8 - 2 * _PADDING_BYTES[algorithm] - 2
    if len(write.call.params.get("Plaintext") or b"") > most:
        text = f"Algorithm {algorithm} and key spec {key.key_spec} cannot encrypt data larger than {most} bytes."
        raise Refused("ValidationException", text)


def _check_digest(write: Write) -> None:
    algorithm = write.call.text("SigningAlgorithm")
    length = _DIGEST_BYTES.get(algorithm[-7:])
    given = len(write.call.params.get("Message") or b"")
    if write.call.text("MessageType") == "DIGEST" and length is not None and given != length:
        raise Refused("ValidationException", f"Digest is invalid length for algorithm {algorithm}.")


def _check_mac_algorithm(write: Write) -> None:
    key, algorithm = _key(write), write.call.text("MacAlgorithm")
    if key is not None and algorithm.replace("HMAC_SHA", "HMAC") != key.key_spec:
        text = f"Algorithm {algorithm} is incompatible with key spec {key.key_spec}."
        raise Refused("InvalidKeyUsageException", text)


def _check_rotation(write: Write) -> None:
    key = _key(write)
    if key is None:
        return
    if key.key_spec != "SYMMETRIC_DEFAULT":
        raise Refused("UnsupportedOperationException", "")
    if len(key.rotations) >= _MOST_ROTATIONS:
        text = (
            "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be "
            f"performed for this key: {key.arn}"
        )
        raise Refused("LimitExceededException", text)


def _check_replication(write: Write) -> None:
    key = _key(write)
    if key is not None and (
        not key.multi_region or key.multi_region_configuration["PrimaryKey"]["Region"] != write.call.region
    ):
        raise Refused("UnsupportedOperationException", f"{key.arn} is not a multi-region primary key.")


def _check_import(write: Write) -> None:
    key = _key(write)
    if key is not None and key.origin != "EXTERNAL":
        text = f"{key.arn} origin is {key.origin} which is not valid for this operation."
        raise Refused("UnsupportedOperationException", text)


def _check_dry_run(write: Write) -> None:
    if write.call.params.get("DryRun"):
        text = "The request would have succeeded, but the DryRun option is set."
        raise Refused("DryRunOperationException", text)


_OWN: dict[str, tuple[Check, ...]] = {
    "CreateAlias": (_check_alias,),
    "CreateKey": (_check_tags, _check_new_key),
    "Decrypt": (_check_ciphertext,),
    "Encrypt": (_check_usage, _check_plaintext),
    "GenerateMac": (_check_usage, _check_mac_algorithm),
    "GetParametersForImport": (_check_import,),
    "ReEncrypt": (_check_ciphertext,),
    "ReplicateKey": (_check_replication,),
    "RotateKeyOnDemand": (_check_rotation,),
    "Sign": (_check_usage, _check_digest),
    "TagResource": (_check_tags,),
    "Verify": (_check_usage, _check_digest),
    "VerifyMac": (_check_usage, _check_mac_algorithm),
}
_ALL = {**{operation: (_check_usage,) for operation in _CAN_BE_DRY if "Grant" not in operation}, **_OWN}

CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("kms", operation): (*_ALL.get(operation, ()), *((_check_dry_run,) if operation in _CAN_BE_DRY else ()))
    for operation in (*_OWN, *_CAN_BE_DRY)
}
