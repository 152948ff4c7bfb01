"""The permissions that calls of Amazon S3 require.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from attrs import evolve, frozen

from xacct.testing.copy_source import copy_source
from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.kms import key_permission_for_service
from xacct.testing.required_permissions.permission import Context, RequiredPermission

if TYPE_CHECKING:
    from moto.s3.models import FakeBucket, FakeKey

__all__ = ["required_permissions"]

# The actions of operations whose action has another name.
_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "CopyObject": "PutObject",
    "PostObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
}

# Actions that have a variant for object versions, such as GetObjectVersion.
_WITH_VERSION_VARIANT = frozenset(
    {
        "DeleteObject",
        "DeleteObjectTagging",
        "GetObject",
        "GetObjectAcl",
        "GetObjectAttributes",
        "GetObjectTagging",
        "PutObjectAcl",
        "PutObjectTagging",
    }
)

# Context keys that have the value of a request header or of a parameter.
_HEADERS = {
    "s3:x-amz-acl": "x-amz-acl",
    "s3:x-amz-storage-class": "x-amz-storage-class",
    "s3:x-amz-server-side-encryption": "x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-copy-source": "x-amz-copy-source",
    "s3:x-amz-metadata-directive": "x-amz-metadata-directive",
    "s3:x-amz-content-sha256": "x-amz-content-sha256",
}
_PARAMETERS = {
    "s3:prefix": "Prefix",
    "s3:delimiter": "Delimiter",
    "s3:max-keys": "MaxKeys",
    "s3:VersionId": "VersionId",
}

_AUTH_TYPES = {"header": "REST-HEADER", "url": "REST-QUERY-STRING", "form": "POST"}

_READS = frozenset({"GetObject", "GetObjectAttributes", "HeadObject", "SelectObjectContent"})
_WRITES = frozenset({"CopyObject", "CreateMultipartUpload", "PostObject", "PutObject", "UploadPart", "UploadPartCopy"})
_PARTS = frozenset({"UploadPart", "UploadPartCopy"})


@frozen(kw_only=True)
class _ObjectAccess:
    """The access of a principal to an object.

    Attributes:
        caller: the principal.
        state: the accounts.
        arn: the object's ARN.
        bucket: its bucket; None if the bucket does not exist.
        stored: the stored version; None if the object does not exist.
    """

    caller: AuthenticatedPrincipal
    state: MotoState
    arn: str
    bucket: FakeBucket | None
    stored: FakeKey | None

    def existing_tags(self) -> Context:
        """Return the context keys of the stored object's tags."""
        if self.bucket is None or self.stored is None:
            return {}
        tags = self.state.tags_of_object(self.bucket, self.stored)
        return {f"s3:ExistingObjectTag/{key}": value for key, value in tags.items()}


def required_permissions(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState
) -> list[RequiredPermission] | None:
    """Return the permissions that a call of S3 requires; None if the operation is not known."""
    if not call.operation:
        return None
    context, action = _context(call), _action(call)
    name, key = call.text("Bucket"), call.text("Key")
    if not name:
        return [RequiredPermission(action=action, resource="*", account=caller.account, context=context)]
    bucket = state.bucket(name) if call.operation != "CreateBucket" else None
    on_bucket = RequiredPermission(
        action=action,
        resource=f"arn:{state.partition}:s3:::{name}",
        account=bucket.account_id if bucket else caller.account or min(state.accounts),
        policy=_bucket_policy(bucket),
        context=context,
    )
    if call.operation == "DeleteObjects":
        entries = call.params["Delete"]["Objects"]
        return [_delete_permission(on_bucket, number, entry) for number, entry in enumerate(entries)]
    if not key:
        return [on_bucket]
    access = _ObjectAccess(
        caller=caller,
        state=state,
        arn=f"{on_bucket.resource}/{key}",
        bucket=bucket,
        stored=_stored_version(bucket, key, call.text("VersionId")),
    )
    return [
        *_copy_source_permissions(call, caller, state),
        evolve(on_bucket, resource=access.arn, context={**context, **access.existing_tags()}),
        *_list_permissions(call, on_bucket, access),
        *_key_permissions(call, access),
    ]


def _action(call: Call) -> str:
    action = _ACTIONS.get(call.operation, call.operation)
    if call.text("VersionId") and action in _WITH_VERSION_VARIANT:
        action = action.replace("Object", "ObjectVersion", 1)
    return f"s3:{action}"


def _bucket_policy(bucket: FakeBucket | None) -> str | None:
    return bucket.policy.decode() if bucket and bucket.policy else None


def _delete_permission(on_bucket: RequiredPermission, number: int, entry: Mapping[str, str]) -> RequiredPermission:
    action = "s3:DeleteObjectVersion" if entry.get("VersionId") else "s3:DeleteObject"
    return evolve(on_bucket, action=action, resource=f"{on_bucket.resource}/{entry['Key']}", entry=number)


def _context(call: Call) -> Context:
    headers = call.request.headers
    context: Context = {}
    if call.signature is not None:
        place, version = call.signature
        context["s3:authType"] = _AUTH_TYPES[place]
        context["s3:signatureversion"] = {2: "AWS", 4: "AWS4-HMAC-SHA256"}[version]
    context |= {key: headers[header] for key, header in _HEADERS.items() if header in headers}
    context |= {key: str(call.params[name]) for key, name in _PARAMETERS.items() if name in call.params}
    tags = parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True)
    for tag in (call.params.get("Tagging") or {}).get("TagSet") or () if call.operation == "PutObjectTagging" else ():
        tags.append((tag["Key"], tag.get("Value", "")))
    context |= {f"s3:RequestObjectTag/{key}": value for key, value in tags}
    return context | ({"s3:RequestObjectTagKeys": tuple(key for key, _ in tags)} if tags else {})


def _stored_version(bucket: FakeBucket | None, key: str, version: str) -> FakeKey | None:
    """Return a version of an object, the latest if ``version`` is empty; None if it does not exist."""
    versions = bucket.keys.getlist(key, []) if bucket is not None else []
    if version:
        versions = [item for item in versions if str(item.version_id) == version][:1]
    # A delete marker has no encryption.
    return versions[-1] if versions and hasattr(versions[-1], "encryption") else None


def _list_permissions(call: Call, on_bucket: RequiredPermission, access: _ObjectAccess) -> list[RequiredPermission]:
    """Return s3:ListBucket for a read of a missing object. Without it, S3 answers AccessDenied and not NoSuchKey."""
    if access.stored is not None or access.bucket is None or call.operation not in ("GetObject", "HeadObject"):
        return []
    return [evolve(on_bucket, action="s3:ListBucket")]


def _copy_source_permissions(call: Call, caller: AuthenticatedPrincipal, state: MotoState) -> list[RequiredPermission]:
    """Return the permissions on the object that a copy reads."""
    source = copy_source(call)
    if source is None:
        return []
    bucket = state.bucket(source.bucket)
    access = _ObjectAccess(
        caller=caller,
        state=state,
        arn=f"arn:{state.partition}:s3:::{source.bucket}/{source.key}",
        bucket=bucket,
        stored=_stored_version(bucket, source.key, source.version),
    )
    read = RequiredPermission(
        action="s3:GetObjectVersion" if source.version else "s3:GetObject",
        resource=access.arn,
        account=bucket.account_id if bucket else caller.account,
        policy=_bucket_policy(bucket),
        context=access.existing_tags(),
    )
    return [read, *_decrypt_permissions(access)]


def _key_permissions(call: Call, access: _ObjectAccess) -> list[RequiredPermission]:
    """Return the permissions on the KMS key that decrypts or encrypts an object."""
    if call.operation in _READS:
        return _decrypt_permissions(access)
    if access.bucket is None or call.operation not in _WRITES:
        return []
    requested = _requested_encryption(call, access.bucket)
    if requested is None:
        return []
    algorithm, key = requested
    default = ((access.bucket.encryption or {}).get("Rule") or {}).get("ApplyServerSideEncryptionByDefault") or {}
    if not (algorithm or default.get("SSEAlgorithm", "")).startswith("aws:kms"):
        return []
    key = key or default.get("KMSMasterKeyID") or ""
    permissions = [_key_permission("kms:GenerateDataKey", key, access, access.bucket)]
    if call.operation not in ("PutObject", "PostObject", "CopyObject"):
        permissions.append(_key_permission("kms:Decrypt", key, access, access.bucket))
    return permissions


def _requested_encryption(call: Call, bucket: FakeBucket) -> tuple[str, str] | None:
    """Return the algorithm and the KMS key that a write requests, each empty for the bucket's default.

    None for a part of an upload that does not exist: the upload's encryption applies to its parts.
    """
    if call.operation in _PARTS:
        upload = bucket.multiparts.get(call.text("UploadId"))
        return None if upload is None else (upload.sse_encryption or "", upload.kms_key_id or "")
    headers = call.request.headers
    return (
        headers.get("x-amz-server-side-encryption", ""),
        headers.get("x-amz-server-side-encryption-aws-kms-key-id", ""),
    )


def _decrypt_permissions(access: _ObjectAccess) -> list[RequiredPermission]:
    bucket, stored = access.bucket, access.stored
    if bucket is None or stored is None or not (stored.encryption or "").startswith("aws:kms"):
        return []
    return [_key_permission("kms:Decrypt", stored.kms_key_id or "", access, bucket)]


def _key_permission(action: str, key: str, access: _ObjectAccess, bucket: FakeBucket) -> RequiredPermission:
    return key_permission_for_service(
        action=action,
        service="s3",
        key_reference=key,
        encryption_context={"aws:s3:arn": access.arn},
        account=bucket.account_id,
        region=bucket.region_name,
        caller=access.caller,
        state=access.state,
    )
