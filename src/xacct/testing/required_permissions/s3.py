"""What calls to Amazon S3 ask of IAM.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from attrs import evolve

from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.kms import through_s3
from xacct.testing.required_permissions.permission import Context, RequiredPermission

if TYPE_CHECKING:
    from moto.s3.models import FakeBucket, FakeKey

__all__ = ["asks"]

# Where the action is named otherwise than the operation.
_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket", "ListObjectsV2": "ListBucket", "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions", "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts", "HeadObject": "GetObject", "SelectObjectContent": "GetObject",
    "CopyObject": "PutObject", "CreateMultipartUpload": "PutObject", "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject", "CompleteMultipartUpload": "PutObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration", "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock", "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls", "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketLifecycle": "GetLifecycleConfiguration", "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration", "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketCors": "GetBucketCORS", "PutBucketCors": "PutBucketCORS", "DeleteBucketCors": "PutBucketCORS",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration", "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
}  # fmt: skip

_OF_A_VERSION = frozenset(
    {"GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "GetObjectAcl",
     "PutObjectAcl", "GetObjectAttributes"}
)  # fmt: skip

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

_WRITES = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy"})


def asks(call: Call, caller: AuthenticatedPrincipal, state: MotoState) -> list[RequiredPermission] | None:
    """The permissions that a call to S3 needs."""
    if not call.operation:
        return None
    context = _context(call)
    name = call.text("Bucket")
    if not name:
        return [RequiredPermission(action=_action(call), resource="*", account=caller.account, context=context)]
    bucket = state.bucket(name)
    if call.operation == "CreateBucket":
        bucket = None
    account = bucket.account_id if bucket else caller.account or min(state.accounts)
    policy = bucket.policy.decode() if bucket and bucket.policy else None
    arn = f"arn:{state.partition}:s3:::{name}"
    on_bucket = RequiredPermission(action=_action(call), resource=arn, account=account, policy=policy, context=context)
    if call.operation == "DeleteObjects":
        return [_delete(on_bucket, number, entry) for number, entry in enumerate(call.params["Delete"]["Objects"])]
    key = call.text("Key")
    if not key:
        return [on_bucket]
    found = _object(bucket, key, call.text("VersionId"))
    ask = evolve(on_bucket, resource=f"{arn}/{key}", context={**context, **_tags_of(found, bucket, state)})
    return [
        *_source(call, caller, state),
        ask,
        *_listing_where_missing(call, on_bucket, found, bucket),
        *_encryption(call, caller, state, ask.resource, bucket, found),
    ]


def _action(call: Call) -> str:
    action = _ACTIONS.get(call.operation, call.operation)
    if call.text("VersionId") and action in _OF_A_VERSION:
        action = action.replace("Object", "ObjectVersion", 1)
    return f"s3:{action}"


def _delete(on_bucket: RequiredPermission, number: int, entry: Mapping[str, str]) -> RequiredPermission:
    action = "s3:DeleteObjectVersion" if entry.get("VersionId") else "s3:DeleteObject"
    return evolve(on_bucket, action=action, resource=f"{on_bucket.resource}/{entry['Key']}", entry=number)


def _context(call: Call) -> Context:
    headers, request = call.request.headers, call.request
    context: Context = {
        "s3:authType": "REST-HEADER" if headers.get("Authorization") else "REST-QUERY-STRING",
        "s3:signatureversion": "AWS4-HMAC-SHA256",
    }
    context |= {key: headers[header] for key, header in _HEADERS.items() if header in headers}
    context |= {key: str(call.params[name]) for key, name in _PARAMETERS.items() if name in call.params}
    tags = parse_qsl(request.headers.get("x-amz-tagging", ""), keep_blank_values=True)
    for tag in (call.params.get("Tagging") or {}).get("TagSet") or () if call.operation == "PutObjectTagging" else ():
        tags.append((tag["Key"], tag.get("Value", "")))
    context |= {f"s3:RequestObjectTag/{key}": value for key, value in tags}
    return context | ({"s3:RequestObjectTagKeys": tuple(key for key, _ in tags)} if tags else {})


def _object(bucket: FakeBucket | None, key: str, version: str) -> FakeKey | None:
    if bucket is None:
        return None
    kept = bucket.keys.getlist(key)
    found: FakeKey | None = (
        next((item for item in kept if str(item.version_id) == version), None)
        if version
        else (kept[-1] if kept else None)
    )
    # A delete marker stands where an object was.
    return found if hasattr(found, "encryption") else None


def _tags_of(found: FakeKey | None, bucket: FakeBucket | None, state: MotoState) -> Context:
    return (
        {}
        if found is None or bucket is None
        else {f"s3:ExistingObjectTag/{key}": value for key, value in state.tags_of_object(bucket, found).items()}
    )


def _listing_where_missing(
    call: Call, on_bucket: RequiredPermission, found: FakeKey | None, bucket: FakeBucket | None
) -> list[RequiredPermission]:
    """Whoever may not list a bucket does not learn what is not in it."""
    if found is not None or bucket is None or call.operation not in ("GetObject", "HeadObject"):
        return []
    return [evolve(on_bucket, action="s3:ListBucket")]


def _source(call: Call, caller: AuthenticatedPrincipal, state: MotoState) -> list[RequiredPermission]:
    """What a copy reads."""
    named = call.request.headers.get("x-amz-copy-source", "")
    match = re.fullmatch(r"/?([^/?]+)/([^?]+)(?:\?versionId=(.+))?", unquote(named)) if named else None
    if match is None:
        return []
    name, key, version = match[1], match[2], match[3] or ""
    bucket = state.bucket(name)
    found = _object(bucket, key, version)
    arn = f"arn:{state.partition}:s3:::{name}/{key}"
    read = RequiredPermission(
        action="s3:GetObjectVersion" if version else "s3:GetObject",
        resource=arn,
        account=bucket.account_id if bucket else caller.account,
        policy=bucket.policy.decode() if bucket and bucket.policy else None,
        context=_tags_of(found, bucket, state),
    )
    return [read, *_decryption(caller, state, arn, bucket, found)]


def _encryption(
    call: Call,
    caller: AuthenticatedPrincipal,
    state: MotoState,
    arn: str,
    bucket: FakeBucket | None,
    found: FakeKey | None,
) -> list[RequiredPermission]:
    if call.operation in ("GetObject", "HeadObject", "SelectObjectContent", "GetObjectAttributes"):
        return _decryption(caller, state, arn, bucket, found)
    if bucket is None or call.operation not in _WRITES:
        return []
    default = ((bucket.encryption or {}).get("Rule") or {}).get("ApplyServerSideEncryptionByDefault") or {}
    headers = call.request.headers
    algorithm = headers.get("x-amz-server-side-encryption") or default.get("SSEAlgorithm", "")
    if not algorithm.startswith("aws:kms"):
        return []
    reference = headers.get("x-amz-server-side-encryption-aws-kms-key-id") or default.get("KMSMasterKeyID") or ""
    actions = ["kms:GenerateDataKey", *["kms:Decrypt"] * (call.operation not in ("PutObject", "CopyObject"))]
    return [_of_kms(action, reference, arn, caller, bucket, state) for action in actions]


def _decryption(
    caller: AuthenticatedPrincipal, state: MotoState, arn: str, bucket: FakeBucket | None, found: FakeKey | None
) -> list[RequiredPermission]:
    if bucket is None or found is None or not (found.encryption or "").startswith("aws:kms"):
        return []
    return [_of_kms("kms:Decrypt", found.kms_key_id or "", arn, caller, bucket, state)]


def _of_kms(
    action: str, reference: str, arn: str, caller: AuthenticatedPrincipal, bucket: FakeBucket, state: MotoState
) -> RequiredPermission:
    return through_s3(
        action, reference, arn, account=bucket.account_id, region=bucket.region_name, caller=caller, state=state
    )
