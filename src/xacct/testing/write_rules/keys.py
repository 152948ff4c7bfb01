"""Rules for KMS keys: their policies, and their states. Moto does not change the state of a key named by its ARN.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer
from xacct.testing.write_rules.documents import check_key_policy
from xacct.testing.write_rules.write import Rule, Write

if TYPE_CHECKING:
    from moto.kms.models import Key

__all__ = ["RULES"]

_LEAST_DAYS, _MOST_DAYS = 7, 30


def _key(write: Write) -> Key | None:
    # These operations take the id or the ARN of a key, and no alias.
    reference = write.call.text("KeyId")
    return None if "alias/" in reference else write.state.key(reference, write.account, write.call.region)


def _change_state(write: Write) -> Answer | None:
    key = _key(write)
    if key is None:
        return None
    result: dict[str, Any] = {}
    if write.call.operation == "ScheduleKeyDeletion":
        days = write.call.params.get("PendingWindowInDays") or _MOST_DAYS
        if not _LEAST_DAYS <= days <= _MOST_DAYS:
            rule = f"PendingWindowInDays must be from {_LEAST_DAYS} to {_MOST_DAYS}"
            raise Refused("ValidationException", rule)
        key.deletion_date = write.now.replace(tzinfo=None) + timedelta(days=days)
        result = {"DeletionDate": (write.now + timedelta(days=days)).timestamp(), "PendingWindowInDays": days}
        result |= {"KeyId": key.arn, "KeyState": "PendingDeletion"}
    elif write.call.operation == "CancelKeyDeletion":
        key.deletion_date = None
        result = {"KeyId": key.arn}
    key.key_state = _STATES[write.call.operation]
    key.enabled = key.key_state == "Enabled"
    return Answer(200, {"content-type": "application/x-amz-json-1.1"}, json.dumps(result))


def _generate_random(write: Write) -> None:
    if "NumberOfBytes" not in write.call.params:
        raise Refused("ValidationException", "NumberOfBytes is required.")


def _retire_grant(write: Write) -> None:
    if not write.call.text("GrantToken") and not (write.call.text("KeyId") and write.call.text("GrantId")):
        raise Refused("ValidationException", "A grant token, or a key ID and a grant ID, is required.")


_STATES = {
    "CancelKeyDeletion": "Disabled",
    "DisableKey": "Disabled",
    "EnableKey": "Enabled",
    "ScheduleKeyDeletion": "PendingDeletion",
}

RULES: dict[tuple[str, str], Rule] = {
    ("kms", "PutKeyPolicy"): check_key_policy,
    ("kms", "GenerateRandom"): _generate_random,
    ("kms", "RetireGrant"): _retire_grant,
    **{("kms", operation): _change_state for operation in _STATES},
}
