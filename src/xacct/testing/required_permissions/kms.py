"""What calls to AWS KMS ask of IAM, and what S3 asks of KMS.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import Context, RequiredPermission, requested_tags, resource_tags

if TYPE_CHECKING:
    from moto.kms.models import Key

__all__ = ["asks", "through_s3"]

_WITHOUT_KEY = frozenset(
    {"CreateKey", "ListKeys", "ListAliases", "GenerateRandom", "DescribeCustomKeyStores", "ListRetirableGrants"}
)
_ALIASES = frozenset({"CreateAlias", "DeleteAlias", "UpdateAlias"})


def asks(call: Call, caller: AuthenticatedPrincipal, state: MotoState) -> list[RequiredPermission] | None:
    """The permissions that a call to KMS needs."""
    if not call.operation:
        return None
    action, account = f"kms:{call.operation}", caller.account
    context: Context = {"kms:CallerAccount": account} if account else {}
    if call.operation in _WITHOUT_KEY:
        context |= requested_tags(call.params.get("Tags") or (), "TagKey", "TagValue")
        return [RequiredPermission(action=action, resource="*", account=account, context=context)]
    context |= _encryption_context(call.params.get("EncryptionContext") or {})
    if call.operation in _ALIASES:
        return _alias_asks(call, caller, state, context)
    if call.operation == "ReEncrypt":
        source = _key_of_ciphertext(call, state)
        target = state.key(call.text("DestinationKeyId"), account, call.region)
        return [
            _ask(f"kms:ReEncrypt{side}", key, context, state) for side, key in (("From", source), ("To", target)) if key
        ]
    reference = call.text("KeyId")
    key = state.key(reference, account, call.region) if reference else _key_of_ciphertext(call, state)
    if key is None:
        # Moto answers NotFoundException.
        return []
    if "alias/" in reference:
        context["kms:RequestAlias"] = reference[reference.index("alias/") :]
    if call.operation == "TagResource":
        context |= requested_tags(call.params.get("Tags") or (), "TagKey", "TagValue")
    return [_ask(action, key, context, state)]


def _ask(action: str, key: Key, context: Context, state: MotoState) -> RequiredPermission:
    about: Context = {"kms:KeySpec": str(key.key_spec), "kms:KeyUsage": str(key.key_usage)}
    return RequiredPermission(
        action=action,
        resource=str(key.arn),
        account=str(key.account_id),
        policy=str(key.policy),
        context={**about, **resource_tags(state.tags_of_key(key)), **context},
    )


def _alias_asks(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState, context: Context
) -> list[RequiredPermission]:
    name, action = call.text("AliasName"), f"kms:{call.operation}"
    alias = f"arn:{state.partition}:kms:{call.region}:{caller.account}:{name}"
    found = [RequiredPermission(action=action, resource=alias, account=caller.account, context=context)]
    wanted = (name, call.text("TargetKeyId")) if call.operation != "CreateAlias" else (call.text("TargetKeyId"),)
    keys = (state.key(reference, caller.account, call.region) for reference in wanted if reference)
    return found + [_ask(action, key, context, state) for key in keys if key]


def _key_of_ciphertext(call: Call, state: MotoState) -> Key | None:
    """The key that encrypted what is to be decrypted, whosever it is; moto writes its id in front."""
    wanted = (call.params.get("CiphertextBlob") or b"")[:36].decode("ascii", "replace")
    return next((key for key in state.kms_keys() if key.id == wanted), None)


def _encryption_context(pairs: Mapping[str, str]) -> Context:
    context: Context = {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()}
    return context | ({"kms:EncryptionContextKeys": tuple(pairs)} if pairs else {})


def through_s3(
    action: str,
    reference: str,
    arn: str,
    *,
    account: str,
    region: str,
    caller: AuthenticatedPrincipal,
    state: MotoState,
) -> RequiredPermission:
    """What S3 asks of KMS, in the caller's name, for an object that is encrypted with SSE-KMS.

    Args:
        action: ``kms:Decrypt`` or ``kms:GenerateDataKey``.
        reference: the key; empty for S3's own in the account.
        arn: of the object.
        account: of the bucket.
        region: of the bucket.
        caller: who called S3.
        state: the accounts.

    Raises:
        Refused: what should be the key's ARN is none.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    suffix = "amazonaws.com.cn" if state.partition == "aws-cn" else "amazonaws.com"
    service = f"s3.{region}.{suffix}"
    context: Context = {
        "kms:ViaService": service,
        "aws:CalledVia": service,
        **_encryption_context({"aws:s3:arn": arn}),
    }
    if caller.account:
        context["kms:CallerAccount"] = caller.account
    key = state.key(reference, account, region) if reference else None
    if key is not None:
        return _ask(action, key, context, state)
    managed = f"arn:{state.partition}:kms:{region}:{account}:key/aws-s3"
    if "alias/aws/s3" in reference or not reference:
        return RequiredPermission(
            action=action, resource=managed, account=account, policy=_of_s3(account, service), context=context
        )
    resource = (
        reference if reference.startswith("arn:") else f"arn:{state.partition}:kms:{region}:{account}:key/{reference}"
    )
    if resource.count(":") < 5:
        raise Refused("KMS.NotFoundException", f"Invalid arn {reference}")
    return RequiredPermission(action=action, resource=resource, account=account, context=context)


def _of_s3(account: str, service: str) -> str:
    """The policy of S3's own key in an account: for everybody there, through S3 only.

    Source: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk
    """
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:CallerAccount": account, "kms:ViaService": service}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
