"""The states of KMS keys: what KMS, and S3 with SSE-KMS, refuse for a key that is disabled or pending deletion.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from xacct.testing.error_responses import Refused

if TYPE_CHECKING:
    from moto.kms.models import Key

    from xacct.testing.http_messages import Call
    from xacct.testing.moto_state import MotoState
    from xacct.testing.required_permissions import RequiredPermission

__all__ = ["check_key_states"]

# The cryptographic operations, and those that would let others use the key.
_NEED_ENABLED_KEY = frozenset(
    {
        "CreateGrant",
        "Decrypt",
        "DeriveSharedSecret",
        "DisableKeyRotation",
        "EnableKeyRotation",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GetPublicKey",
        "ReEncryptFrom",
        "ReEncryptTo",
        "RotateKeyOnDemand",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)
_REFUSED_WHEN_PENDING_DELETION = _NEED_ENABLED_KEY | {
    "CreateAlias",
    "DisableKey",
    "EnableKey",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateKeyDescription",
}


def check_key_states(call: Call, permissions: Iterable[RequiredPermission], state: MotoState) -> None:
    """Check that the keys of a permitted call are in a state in which the call can use them.

    Args:
        call: the parsed request.
        permissions: the permissions that the call requires.
        state: the accounts.

    Raises:
        Refused: a key is disabled or pending deletion, or `CancelKeyDeletion` names one that is not.
    """
    for permission in permissions:
        service, _, operation = permission.action.partition(":")
        key = state.key(permission.resource, "", "") if service == "kms" and ":key/" in permission.resource else None
        if key is None:
            continue
        code, problem = _problem(key, operation)
        if code:
            raise Refused(code if call.service == "kms" else f"KMS.{code}", f"{key.arn} is {problem}.")


def _problem(key: Key, operation: str) -> tuple[str, str]:
    """Return the code of KMS's error and what is wrong with the key; empty if nothing is."""
    if key.key_state == "PendingDeletion":
        refused = operation in _REFUSED_WHEN_PENDING_DELETION
        return ("KMSInvalidStateException", "pending deletion") if refused else ("", "")
    if key.key_state == "PendingImport":
        return ("KMSInvalidStateException", "pending import") if operation in _NEED_ENABLED_KEY else ("", "")
    if operation == "CancelKeyDeletion":
        return "KMSInvalidStateException", "not pending deletion"
    refused = key.key_state == "Disabled" and operation in _NEED_ENABLED_KEY
    return ("DisabledException", "disabled") if refused else ("", "")
