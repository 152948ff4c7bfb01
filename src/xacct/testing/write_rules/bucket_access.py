"""Rules for who may access a bucket: its policy, its ACLs, and the defaults of new buckets.

Since April 2023, new buckets block public access and have no ACLs.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.s3.models import PublicAccessBlock

from xacct.limits import is_bucket_name
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer
from xacct.testing.public_access import blocks, is_public
from xacct.testing.write_rules.documents import check_bucket_policy
from xacct.testing.write_rules.write import Postprocess, Rule, Write

if TYPE_CHECKING:
    from moto.s3.models import FakeBucket

__all__ = ["RULES"]

_ENFORCED = "BucketOwnerEnforced"
_PUBLIC_ACLS = frozenset({"public-read", "public-read-write", "authenticated-read"})
_PUBLIC_GROUPS = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")
_GRANTS = (
    "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP",
)  # fmt: skip


def _bucket(write: Write) -> FakeBucket | None:
    return write.state.bucket(write.call.text("Bucket"))


def _has_no_acls(bucket: FakeBucket | None) -> bool:
    # Moto keeps the name of the rule, but declares another type.
    rule: object = None if bucket is None else bucket.ownership_rule
    return rule == _ENFORCED


def _acl(write: Write) -> str:
    """Return the canned ACL that a call names, in a header or in a form."""
    return write.call.text("ACL") or write.call.form.get("acl", "")


def _grants_to_everybody(write: Write) -> bool:
    grants = [write.call.text(name) for name in _GRANTS] + [str(write.call.params.get("AccessControlPolicy", ""))]
    return _acl(write) in _PUBLIC_ACLS or any(group in grant for grant in grants for group in _PUBLIC_GROUPS)


def _create_bucket(write: Write) -> Postprocess:
    if not is_bucket_name(write.call.text("Bucket")):
        raise Refused("InvalidBucketName", "The specified bucket is not valid.")
    ownership = write.call.text("ObjectOwnership", _ENFORCED)
    grants = any(write.call.text(name) for name in _GRANTS)
    if ownership == _ENFORCED and (grants or _acl(write) not in ("", "private")):
        text = f"Bucket cannot have ACLs set with ObjectOwnership's {_ENFORCED} setting"
        raise Refused("InvalidBucketAclWithObjectOwnership", text)
    if _grants_to_everybody(write):
        text = "Bucket cannot have public ACLs set with BlockPublicAccess enabled"
        raise Refused("InvalidBucketAclWithBlockPublicAccessError", text)
    before = _bucket(write)

    def postprocess(answer: Answer) -> Answer:
        bucket = _bucket(write)
        # In us-east-1, creating a bucket again changes nothing.
        if bucket is not None and bucket is not before:
            block: Any = PublicAccessBlock(True, True, True, True)
            bucket.public_access_block = block
            bucket.ownership_rule = ownership  # type: ignore[assignment] # moto declares another type than it keeps
        return answer

    return postprocess


def _put_bucket_policy(write: Write) -> None:
    check_bucket_policy(write)
    if blocks(_bucket(write), "block_public_policy", write.state) and is_public(write.call.text("Policy")):
        raise _blocked(write, "policies", "BlockPublicPolicy")


def _policy_status(write: Write) -> Answer | None:
    bucket = _bucket(write)
    if bucket is None or not bucket.policy:
        return None
    public = str(is_public(bucket.policy.decode())).lower()
    body = f"<PolicyStatus><IsPublic>{public}</IsPublic></PolicyStatus>"
    return Answer(200, {"content-type": "application/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}')


def _put_acl(write: Write) -> None:
    bucket = _bucket(write)
    if bucket is None:
        name = {"BucketName": write.call.text("Bucket")}
        raise Refused("NoSuchBucket", "The specified bucket does not exist", 404, details=name)
    if _has_no_acls(bucket):
        raise _without_acls()
    _check_public_acl(write, bucket)


def _check_upload_acl(write: Write) -> None:
    bucket = _bucket(write)
    grants = any(write.call.text(name) for name in _GRANTS)
    if _has_no_acls(bucket):
        if grants or _acl(write) not in ("", "bucket-owner-full-control"):
            raise _without_acls()
        return
    _check_public_acl(write, bucket)


def _check_public_acl(write: Write, bucket: FakeBucket | None) -> None:
    if _grants_to_everybody(write) and blocks(bucket, "block_public_acls", write.state):
        raise _blocked(write, "ACLs", "BlockPublicAcls")


def _without_acls() -> Refused:
    return Refused("AccessControlListNotSupported", "The bucket does not allow ACLs")


def _blocked(write: Write, kind: str, setting: str) -> Refused:
    bucket, key = write.call.text("Bucket"), write.call.text("Key")
    resource = f"arn:{write.state.partition}:s3:::{bucket}{f'/{key}' if key else ''}"
    action = {"CreateMultipartUpload": "PutObject", "CopyObject": "PutObject", "PostObject": "PutObject"}.get(
        write.call.operation, write.call.operation
    )
    who = f'User: {write.caller} is not authorized to perform: s3:{action} on resource: "{resource}"'
    return Refused(
        "AccessDenied", f"{who} because public {kind} are blocked by the {setting} block public access setting.", 403
    )


RULES: dict[tuple[str, str], Rule] = {
    ("s3", "CreateBucket"): _create_bucket,
    ("s3", "PutBucketPolicy"): _put_bucket_policy,
    ("s3", "GetBucketPolicyStatus"): _policy_status,
    ("s3", "PutBucketAcl"): _put_acl,
    ("s3", "PutObjectAcl"): _put_acl,
    ("s3", "CopyObject"): _check_upload_acl,
    ("s3", "CreateMultipartUpload"): _check_upload_acl,
    ("s3", "PostObject"): _check_upload_acl,
    ("s3", "PutObject"): _check_upload_acl,
}
