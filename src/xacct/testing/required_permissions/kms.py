"""The permissions that calls of AWS KMS require, and that calls of other services require on KMS keys.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from xacct.arn import partition
from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import Context, RequiredPermission, requested_tags, resource_tags

if TYPE_CHECKING:
    from moto.kms.models import Key

__all__ = ["key_permission_for_service", "required_permissions"]

_WITHOUT_KEY = frozenset(
    {"CreateKey", "DescribeCustomKeyStores", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"}
)
_ON_ALIAS = frozenset({"CreateAlias", "DeleteAlias", "UpdateAlias"})


def required_permissions(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState
) -> list[RequiredPermission] | None:
    """Return the permissions that a call of KMS requires; None if the operation is not known.

    The list is empty if the call names a ciphertext of no key: moto then answers InvalidCiphertextException.

    Raises:
        Refused: the key does not exist.
    """
    if not call.operation:
        return None
    action, account = f"kms:{call.operation}", caller.account
    context: Context = {"kms:CallerAccount": account} if account else {}
    if call.operation in _WITHOUT_KEY:
        context |= requested_tags(call.params.get("Tags") or (), "TagKey", "TagValue")
        return [RequiredPermission(action=action, resource="*", account=account, context=context)]
    context |= _encryption_context(call.params.get("EncryptionContext") or {})
    if call.operation in _ON_ALIAS:
        return _permissions_on_alias(call, caller, state, context)
    if call.operation == "ReEncrypt":
        source = _key_of_ciphertext(call, state)
        destination = state.key(call.text("DestinationKeyId"), account, call.region)
        return [
            _permission_on_key(f"kms:ReEncrypt{direction}", key, context, state)
            for direction, key in (("From", source), ("To", destination))
            if key
        ]
    reference = call.text("KeyId")
    key = state.key(reference, account, call.region) if reference else _key_of_ciphertext(call, state)
    if key is not None and reference and key.region != call.region:
        raise Refused("NotFoundException", f"Invalid arn {key.region}")
    if key is None and reference:
        arn = f"arn:{state.partition}:kms:{call.region}:{account}:key/{reference}"
        text = _missing_key(reference, reference if reference.startswith("arn:") else arn)
        raise Refused("NotFoundException", text)
    if key is None:
        return []
    if "alias/" in reference:
        context["kms:RequestAlias"] = reference[reference.index("alias/") :]
    if call.operation == "TagResource":
        context |= requested_tags(call.params.get("Tags") or (), "TagKey", "TagValue")
    return [_permission_on_key(action, key, context, state)]


def _permission_on_key(action: str, key: Key, context: Context, state: MotoState) -> RequiredPermission:
    of_key: Context = {"kms:KeySpec": str(key.key_spec), "kms:KeyUsage": str(key.key_usage)}
    return RequiredPermission(
        action=action,
        resource=str(key.arn),
        account=str(key.account_id),
        policy=str(key.policy),
        context={**of_key, **resource_tags(state.tags_of_key(key)), **context},
    )


def _permissions_on_alias(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState, context: Context
) -> list[RequiredPermission]:
    """Return the permissions on an alias, its key and its new key."""
    alias, action = call.text("AliasName"), f"kms:{call.operation}"
    arn = f"arn:{state.partition}:kms:{call.region}:{caller.account}:{alias}"
    on_alias = RequiredPermission(action=action, resource=arn, account=caller.account, context=context)
    target = call.text("TargetKeyId")
    references = (target,) if call.operation == "CreateAlias" else (alias, target)
    keys = (state.key(reference, caller.account, call.region) for reference in references if reference)
    return [on_alias, *(_permission_on_key(action, key, context, state) for key in keys if key)]


def _key_of_ciphertext(call: Call, state: MotoState) -> Key | None:
    """Return the key, in any account, that encrypted the ciphertext. Moto's ciphertext begins with the key's id."""
    key_id = (call.params.get("CiphertextBlob") or b"")[:36].decode("ascii", "replace")
    return next((key for key in state.kms_keys() if key.id == key_id), None)


def _encryption_context(pairs: Mapping[str, str]) -> Context:
    context: Context = {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()}
    return context | ({"kms:EncryptionContextKeys": tuple(pairs)} if pairs else {})


def key_permission_for_service(
    *,
    action: str,
    service: str,
    key_reference: str,
    encryption_context: Mapping[str, str],
    account: str,
    region: str,
    caller: AuthenticatedPrincipal,
    state: MotoState,
) -> RequiredPermission:
    """Return the permission on a KMS key that the caller of a service requires for an encrypted resource.

    Args:
        action: ``kms:Decrypt`` or ``kms:GenerateDataKey``.
        service: the name of the service in ``kms:ViaService``, such as ``s3``.
        key_reference: the key's id, ARN or alias; empty for the AWS managed key of the service, such as ``aws/s3``.
        encryption_context: the encryption context that the service uses.
        account: the account of the resource.
        region: the region of the resource.
        caller: the principal that called the service.
        state: the accounts.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    endpoint = f"{service}.{region}.{partition(state.partition).dns_suffix}"
    context: Context = {
        "kms:ViaService": endpoint,
        "aws:CalledVia": endpoint,
        **_encryption_context(encryption_context),
    }
    if caller.account:
        context["kms:CallerAccount"] = caller.account
    key = state.key(key_reference, account, region) if key_reference else None
    if key is not None and key.region == region:
        return _permission_on_key(action, key, context, state)
    key_arns = f"arn:{state.partition}:kms:{region}:{account}:key/"
    if f"alias/aws/{service}" in key_reference or not key_reference:
        policy = _aws_managed_key_policy(account, endpoint)
        resource = f"{key_arns}aws-{service}"
        return RequiredPermission(action=action, resource=resource, account=account, policy=policy, context=context)
    resource = key_reference if key_reference.startswith("arn:") else key_arns + key_reference
    text = _missing_key(key_reference, resource) if key is None else f"Invalid arn {key.region}"
    missing = Refused("KMS.NotFoundException", text)
    return RequiredPermission(action=action, resource=resource, account=account, context=context, missing=missing)


def _missing_key(reference: str, arn: str) -> str:
    """Return KMS's error message for a key that does not exist."""
    if arn.count(":") < 5:
        return f"Invalid arn {reference}"
    if "alias/" in reference:
        return f"Alias {arn.replace(':key/', ':')} is not found."
    if re.fullmatch(r"mrk-[0-9a-f]{32}|(mrk-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", arn.rpartition("/")[2]):
        return f"Key '{arn}' does not exist"
    return f"Invalid keyId '{reference}'"


def _aws_managed_key_policy(account: str, service: str) -> str:
    """Return the policy of an AWS managed key: all principals of the account may use it through the service.

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
