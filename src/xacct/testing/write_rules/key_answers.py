"""The responses of KMS, in which moto leaves out members, or sends others without a value.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html, and answers recorded from AWS
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import evolve

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer
from xacct.testing.write_rules.documents import check_key_policy
from xacct.testing.write_rules.write import Postprocess, Rule, Write

if TYPE_CHECKING:
    from moto.kms.models import Key

__all__ = ["RULES"]


def _changed(change: Callable[[dict[str, Any]], None]) -> Postprocess:
    """Return a function that changes the members of moto's answer."""

    def postprocess(answer: Answer) -> Answer:
        members = json.loads(answer.text)
        change(members)
        return evolve(answer, body=json.dumps(members))

    return postprocess


def _material_id(key: Key) -> str:
    """Return an id of the key's material, which a rotation replaces."""
    return hashlib.sha256(f"{key.id}/{len(key.rotations)}".encode()).hexdigest()


def _create_key(write: Write) -> Postprocess:
    check_key_policy(write)

    def change(members: dict[str, Any]) -> None:
        key = write.state.key(members["KeyMetadata"]["KeyId"], write.account, write.call.region)
        if key is None:
            raise LookupError("moto did not create the key")
        # Moto does not know these defaults.
        key.key_usage = key.key_usage or "ENCRYPT_DECRYPT"
        key.multi_region = bool(key.multi_region)
        key.origin = key.origin or "AWS_KMS"
        if key.origin == "EXTERNAL":
            key.key_state, key.enabled = "PendingImport", False
        members["KeyMetadata"] = _metadata(key)

    return _changed(change)


def _metadata(key: Key) -> dict[str, Any]:
    """Return the metadata of a key, without members that have no value."""
    members = dict(key.to_dict()["KeyMetadata"])
    if key.key_usage != "ENCRYPT_DECRYPT":
        members["EncryptionAlgorithms"] = None
    if key.key_usage != "SIGN_VERIFY":
        members["SigningAlgorithms"] = None
    if key.key_usage == "GENERATE_VERIFY_MAC":
        members["MacAlgorithms"] = [key.key_spec.replace("HMAC", "HMAC_SHA")]
    if key.key_spec == "SYMMETRIC_DEFAULT" and key.key_state != "PendingImport":
        members["CurrentKeyMaterialId"] = _material_id(key)
    return {name: value for name, value in members.items() if value is not None}


def _described(member: str) -> Rule:
    def rule(write: Write) -> Postprocess:
        def change(members: dict[str, Any]) -> None:
            key = write.state.key(members[member]["Arn"], write.account, write.call.region)
            if key is not None:
                members[member] = _metadata(key)
            if write.call.operation == "ReplicateKey":
                # The replica has no material yet.
                members[member].pop("CurrentKeyMaterialId", None)

        return _changed(change)

    return rule


def _of_symmetric_keys(*algorithms: str) -> Rule:
    def rule(write: Write) -> Postprocess:
        def change(members: dict[str, Any]) -> None:
            members.update({name: write.call.text(name, "SYMMETRIC_DEFAULT") for name in algorithms})
            key = write.state.key(members["KeyId"], write.account, write.call.region)
            if key is not None and write.call.operation == "Decrypt" and key.key_spec == "SYMMETRIC_DEFAULT":
                members["KeyMaterialId"] = _material_id(key)

        return _changed(change)

    return rule


def _rotation_status(write: Write) -> Postprocess:
    key = write.state.key(write.call.text("KeyId"), write.account, write.call.region)
    return _changed(lambda members: members.update({"KeyId": key.arn if key else ""}))


def _verify(_: Write) -> Postprocess:
    def change(members: dict[str, Any]) -> None:
        if not members["SignatureValid"]:
            raise Refused("KMSInvalidSignatureException", "")

    return _changed(change)


RULES: dict[tuple[str, str], Rule] = {
    ("kms", "CreateKey"): _create_key,
    ("kms", "Decrypt"): _of_symmetric_keys("EncryptionAlgorithm"),
    ("kms", "DescribeKey"): _described("KeyMetadata"),
    ("kms", "Encrypt"): _of_symmetric_keys("EncryptionAlgorithm"),
    ("kms", "GetKeyRotationStatus"): _rotation_status,
    ("kms", "ReEncrypt"): _of_symmetric_keys("SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"),
    ("kms", "ReplicateKey"): _described("ReplicaKeyMetadata"),
    ("kms", "Verify"): _verify,
}
